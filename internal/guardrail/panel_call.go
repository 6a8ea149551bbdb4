// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/functions"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"k8s.io/apiserver/pkg/cel/library"
)

// call plans an operator or a function.
func (d *draft) call(e ast.Expr) (step, uint64, error) {
	call := e.AsCall()
	switch call.FunctionName() {
	case operators.OptSelect:
		return d.path(e, nil)
	case operators.Index, operators.OptIndex:
		if _, _, _, written := d.qualified(e); written {
			return d.path(e, nil)
		}
		return d.index(e, call.FunctionName() == operators.OptIndex)
	case "orValue":
		if call.IsMemberFunction() && len(call.Args()) == 1 {
			return d.path(call.Target(), call.Args()[0])
		}
	}
	args, weight, err := d.steps(operands(call))
	if err != nil {
		return nil, 0, err
	}
	if s := d.operator(call, args); s != nil {
		return s, weight + weightOfNode, nil
	}
	s, err := d.invocation(e, args)
	return s, weight + weightOfNode, err
}

// operator plans what rules use most; nil for anything else.
func (d *draft) operator(call ast.CallExpr, args []step) step {
	all := operands(call)
	switch name := call.FunctionName(); {
	case name == operators.LogicalAnd:
		return logical(args, types.False)
	case name == operators.LogicalOr:
		return logical(args, types.True)
	case name == operators.LogicalNot && len(args) == 1:
		return func(s *scene) ref.Val {
			if b, ok := args[0](s).(types.Bool); ok {
				return !b
			}
			return nil
		}
	case name == operators.NotStrictlyFalse && len(args) == 1:
		return func(s *scene) ref.Val {
			s.cost++
			if b, ok := args[0](s).(types.Bool); ok {
				return b
			}
			return nil
		}
	case name == operators.Conditional && len(args) == 3:
		return func(s *scene) ref.Val {
			b, ok := args[0](s).(types.Bool)
			if !ok {
				return nil
			}
			if b == types.True {
				return args[1](s)
			}
			return args[2](s)
		}
	case name == overloads.Size && len(args) == 1:
		return func(s *scene) ref.Val {
			s.cost++
			if sizer, ok := args[0](s).(traits.Sizer); ok {
				return sizer.Size()
			}
			return nil
		}
	case comparisons[name] != nil && len(args) == 2:
		return comparison(args[0], args[1], comparisons[name])
	case name == operators.Add && len(args) == 2:
		return sum(args[0], args[1])
	case name == operators.Equals && len(args) == 2:
		return equality(args[0], args[1], types.True)
	case name == operators.NotEquals && len(args) == 2:
		return equality(args[0], args[1], types.False)
	case name == operators.In && len(args) == 2:
		if list, ok := d.isConstant(all[1]); ok {
			if s := memberOf(args[0], list); s != nil {
				return s
			}
		}
		return membership(args[0], args[1])
	case name == "or" && call.IsMemberFunction() && len(args) == 2:
		return func(s *scene) ref.Val {
			first, ok := args[0](s).(*types.Optional)
			if !ok {
				return nil
			}
			if first.HasValue() {
				return first
			}
			return args[1](s)
		}
	case name == "contains" && len(args) == 2:
		return ofStrings(args, strings.Contains, func(a, b string) uint64 { return traversal(a) * traversal(b) })
	case name == "startsWith" && len(args) == 2:
		return ofStrings(args, strings.HasPrefix, func(_, b string) uint64 { return traversal(b) })
	case name == "endsWith" && len(args) == 2:
		return ofStrings(args, strings.HasSuffix, func(_, b string) uint64 { return traversal(b) })
	case name == "matches" && len(args) == 2:
		return d.pattern(all[1], args[0])
	}
	return nil
}

// traversal is what the API server takes for reading a string, or a little more.
func traversal(s string) uint64 { return 1 + uint64(len(s))>>3 }

// logical plans && and ||, which are decided by the first part with an outcome.
func logical(parts []step, outcome types.Bool) step {
	return func(s *scene) ref.Val {
		for _, part := range parts {
			value, ok := part(s).(types.Bool)
			if !ok {
				return nil
			}
			if value == outcome {
				return outcome
			}
		}
		return !outcome
	}
}

func equality(a, b step, when types.Bool) step {
	return func(s *scene) ref.Val {
		left := a(s)
		if left == nil {
			return nil
		}
		right := b(s)
		if right == nil {
			return nil
		}
		if l, ok := left.(types.String); ok {
			if r, ok := right.(types.String); ok {
				s.cost += traversal(string(l))
				return types.Bool(types.Bool(l == r) == when)
			}
		}
		s.cost += 1 + size(left)
		equal, ok := types.Equal(left, right).(types.Bool)
		if !ok {
			return nil
		}
		return types.Bool(equal == when)
	}
}

// sum plans + of strings and of lists; of numbers and the like there is little in rules.
func sum(a, b step) step {
	return func(s *scene) ref.Val {
		left := a(s)
		if left == nil {
			return nil
		}
		right := b(s)
		if right == nil {
			return nil
		}
		switch l := left.(type) {
		case types.String:
			if r, ok := right.(types.String); ok {
				s.cost += traversal(string(l)) + traversal(string(r))
				return l + r
			}
		case traits.Lister:
			s.cost++
			if joined, ok := l.Add(right).(traits.Lister); ok {
				return joined.(ref.Val)
			}
		case types.Int:
			s.cost++
			if result, ok := l.Add(right).(types.Int); ok {
				return result
			}
		}
		return nil
	}
}

// comparisons are the operators on values in order: whether each holds, by the sign.
var comparisons = map[string]func(sign types.Int) bool{
	operators.Less:          func(sign types.Int) bool { return sign < 0 },
	operators.LessEquals:    func(sign types.Int) bool { return sign <= 0 },
	operators.Greater:       func(sign types.Int) bool { return sign > 0 },
	operators.GreaterEquals: func(sign types.Int) bool { return sign >= 0 },
}

func comparison(a, b step, holds func(types.Int) bool) step {
	return func(s *scene) ref.Val {
		left := a(s)
		if left == nil {
			return nil
		}
		right := b(s)
		if right == nil {
			return nil
		}
		comparer, ok := left.(traits.Comparer)
		if !ok {
			return nil
		}
		s.cost += 1 + size(left)
		sign, ok := comparer.Compare(right).(types.Int)
		if !ok {
			return nil
		}
		return types.Bool(holds(sign))
	}
}

// size of a value as the API server counts it.
func size(value ref.Val) uint64 {
	switch v := value.(type) {
	case *types.Optional:
		if v.HasValue() {
			return size(v.GetValue())
		}
	case traits.Sizer:
		if n, ok := v.Size().(types.Int); ok {
			return uint64(n)
		}
	}
	return 1
}

// memberOf plans the membership in a list of strings that is written down.
func memberOf(member step, list ref.Val) step {
	strings := map[types.String]bool{}
	for it := list.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		s, ok := it.Next().(types.String)
		if !ok {
			return nil
		}
		strings[s] = true
	}
	cost := size(list)
	return func(s *scene) ref.Val {
		s.cost += cost
		if value, ok := member(s).(types.String); ok {
			return types.Bool(strings[value])
		}
		return nil
	}
}

func membership(member, in step) step {
	return func(s *scene) ref.Val {
		value, container := member(s), in(s)
		if value == nil || container == nil {
			return nil
		}
		switch c := container.(type) {
		case traits.Mapper:
			if _, ok := value.(types.String); !ok {
				return nil
			}
			s.cost++
			_, there, ok := find(c, value)
			if !ok {
				return nil
			}
			return types.Bool(there)
		case traits.Lister:
			s.cost += 1 + size(c)
			if found, ok := c.Contains(value).(types.Bool); ok {
				return found
			}
		}
		return nil
	}
}

func ofStrings(args []step, holds func(a, b string) bool, cost func(a, b string) uint64) step {
	return func(s *scene) ref.Val {
		a, ok := args[0](s).(types.String)
		if !ok {
			return nil
		}
		b, ok := args[1](s).(types.String)
		if !ok {
			return nil
		}
		s.cost += cost(string(a), string(b))
		return types.Bool(holds(string(a), string(b)))
	}
}

// pattern plans matches() with a pattern that is written down; nil otherwise.
func (d *draft) pattern(e ast.Expr, text step) step {
	value, ok := d.isConstant(e)
	if !ok {
		return nil
	}
	source, ok := value.(types.String)
	if !ok {
		return nil
	}
	compiled, err := regexp.Compile(string(source))
	if err != nil {
		return nil
	}
	states := 1 + uint64(len(source))>>2
	return func(s *scene) ref.Val {
		if t, ok := text(s).(types.String); ok {
			s.cost += (1 + traversal(string(t))) * states
			return types.Bool(compiled.MatchString(string(t)))
		}
		return nil
	}
}

// costs knows what calls of the API server's libraries cost.
var costs = &library.CostEstimator{}

// invocation plans the call of a function that is bound to Go code.
func (d *draft) invocation(e ast.Expr, args []step) (step, error) {
	name := e.AsCall().FunctionName()
	f := d.function(e)
	if f == nil || f.NonStrict {
		return nil, fmt.Errorf("it calls %s()", name)
	}
	invoke := invoker(f, len(args))
	if invoke == nil {
		return nil, fmt.Errorf("it calls %s() with %d arguments", name, len(args))
	}
	overload := f.Operator
	if reference, ok := d.references[e.ID()]; ok && len(reference.OverloadIDs) == 1 {
		overload = reference.OverloadIDs[0]
	}
	return func(s *scene) ref.Val {
		values := make([]ref.Val, len(args))
		for i, arg := range args {
			if values[i] = arg(s); values[i] == nil {
				return nil
			}
		}
		if f.OperandTrait != 0 && !values[0].Type().HasTrait(f.OperandTrait) {
			return nil
		}
		result := invoke(values)
		if result == nil || types.IsUnknownOrError(result) {
			return nil
		}
		if cost := costs.CallCost(name, overload, values, result); cost != nil {
			s.cost += *cost
		} else {
			s.cost += sizes(values)
		}
		return result
	}, nil
}

// sizes is more than the default cost of any function with these arguments.
func sizes(values []ref.Val) uint64 {
	product := uint64(1)
	for _, value := range values {
		product *= 1 + size(value)
	}
	return product
}

func invoker(f *functions.Overload, arguments int) func([]ref.Val) ref.Val {
	switch {
	case f.Function != nil && (arguments == 0 || arguments > 2 || (arguments == 1 && f.Unary == nil) || (arguments == 2 && f.Binary == nil)):
		return func(values []ref.Val) ref.Val { return f.Function(values...) }
	case f.Unary != nil && arguments == 1:
		return func(values []ref.Val) ref.Val { return f.Unary(values[0]) }
	case f.Binary != nil && arguments == 2:
		return func(values []ref.Val) ref.Val { return f.Binary(values[0], values[1]) }
	default:
		return nil
	}
}
