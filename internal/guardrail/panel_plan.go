// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/functions"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
)

// The API server's libraries interpret an expression with a cost meter at every node. That
// is right for one request, and most of the work of judging a cluster. A plan is the same
// expression as a tree of Go closures: it gives the API server's answer or none at all. It
// gives none as soon as anything is out of the ordinary: an error, a missing field, a type
// it has no path for, a cost that could come near the API server's limit. Then the rule is
// evaluated by the API server's libraries, so a plan never has to know what an error means.

// step evaluates a part of an expression. It returns nil where the plan must give up.
type step func(s *scene) ref.Val

// plan is an expression ready to be evaluated, by any number of goroutines.
type plan struct {
	eval step
	// locals is how many variables the expression binds itself, at most at a time.
	locals int
	// weight is the most that everything outside of loops may cost, calls excepted.
	weight uint64
	// variables evaluate the prelude.
	variables []step
}

// planner makes plans. It is safe for concurrent use.
type planner struct {
	env *cel.Env
	// functions are what the expressions call, by overload and by name.
	functions map[string]*functions.Overload
	// prelude are the variables by their order in prelude().
	prelude map[string]int
	// variables evaluate them.
	variables []step
}

// newPlanner plans expressions of an environment that knows the variables of the prelude.
func newPlanner(base *cel.Env) (*planner, error) {
	env, err := base.Extend(
		cel.Variable(plugincel.ObjectVarName, cel.DynType), cel.Variable(plugincel.OldObjectVarName, cel.DynType),
		cel.Variable(plugincel.NamespaceVarName, cel.DynType), cel.Variable(plugincel.ParamsVarName, cel.DynType),
	)
	if err != nil {
		return nil, err
	}
	p := &planner{env: env, functions: map[string]*functions.Overload{}, prelude: map[string]int{}}
	for _, function := range env.Functions() {
		bindings, err := function.Bindings()
		if err != nil {
			return nil, err
		}
		for _, b := range bindings {
			p.functions[b.Operator] = b
		}
	}
	for i, v := range prelude() {
		drawn, err := p.plan(v.expression)
		if err != nil {
			return nil, fmt.Errorf("plan variable %s: %w", v.name, err)
		}
		if drawn.locals != 0 {
			return nil, fmt.Errorf("plan variable %s: it binds variables, whose places a rule may hold already", v.name)
		}
		p.prelude[v.name] = i
		p.variables = append(p.variables, func(s *scene) ref.Val {
			s.cost += drawn.weight
			return drawn.eval(s)
		})
	}
	return p, nil
}

// plan makes an expression ready. Its error says what a plan cannot do: the expression is
// then evaluated by the API server's libraries alone.
func (p *planner) plan(source string) (*plan, error) {
	checked, issues := p.env.Compile(source)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	native := checked.NativeRep()
	d := &draft{planner: p, references: native.ReferenceMap(), types: native.TypeMap()}
	eval, weight, err := d.step(native.Expr())
	if err != nil {
		return nil, err
	}
	return &plan{eval: eval, locals: d.locals, weight: weight, variables: p.variables}, nil
}

// draft is a plan in the making.
type draft struct {
	*planner
	references map[int64]*ast.ReferenceInfo
	types      map[int64]*types.Type
	// bound are the variables that are bound where the expression stands; the place of
	// each among the locals is its index.
	bound  []string
	locals int
}

// The most that nodes cost in the API server's units, calls excepted: reading a name and a
// field is 1 each, making a list 10, making a map 30.
const (
	weightOfNode = 2
	weightOfList = 12
	weightOfMap  = 32
)

// step plans a part of an expression, and says what it may cost outside of loops.
func (d *draft) step(e ast.Expr) (step, uint64, error) {
	switch e.Kind() {
	case ast.LiteralKind:
		return constant(e.AsLiteral()), 0, nil
	case ast.IdentKind:
		s, err := d.ident(e)
		return s, weightOfNode, err
	case ast.SelectKind:
		return d.selection(e)
	case ast.CallKind:
		return d.call(e)
	case ast.ListKind:
		return d.list(e)
	case ast.MapKind:
		return d.object(e)
	case ast.ComprehensionKind:
		return d.comprehension(e)
	default:
		return nil, 0, fmt.Errorf("it makes typed objects")
	}
}

// steps plans several parts, and sums up what they may cost.
func (d *draft) steps(all []ast.Expr) ([]step, uint64, error) {
	planned := make([]step, 0, len(all))
	var sum uint64
	for _, e := range all {
		s, weight, err := d.step(e)
		if err != nil {
			return nil, 0, err
		}
		planned = append(planned, s)
		sum += weight
	}
	return planned, sum, nil
}

func constant(value ref.Val) step {
	return func(*scene) ref.Val { return value }
}

// isConstant says which value an expression always has, if it is written down as one.
func (d *draft) isConstant(e ast.Expr) (ref.Val, bool) {
	switch e.Kind() {
	case ast.LiteralKind:
		return e.AsLiteral(), true
	case ast.ListKind:
		if len(e.AsList().OptionalIndices()) != 0 {
			return nil, false
		}
		values := make([]ref.Val, 0, len(e.AsList().Elements()))
		for _, element := range e.AsList().Elements() {
			value, ok := d.isConstant(element)
			if !ok {
				return nil, false
			}
			values = append(values, value)
		}
		return types.NewRefValList(d.env.CELTypeAdapter(), values), true
	default:
		return nil, false
	}
}

func (d *draft) ident(e ast.Expr) (step, error) {
	name := e.AsIdent()
	if place := d.place(name); place >= 0 {
		return func(s *scene) ref.Val { return s.locals[place] }, nil
	}
	if reference, ok := d.references[e.ID()]; ok && reference.Value != nil {
		return constant(reference.Value), nil
	}
	if t := d.types[e.ID()]; t != nil && t.Kind() == types.TypeKind {
		if value, ok := d.env.CELTypeProvider().FindIdent(name); ok {
			return constant(value), nil
		}
	}
	switch name {
	case plugincel.ObjectVarName:
		return func(s *scene) ref.Val { return s.object }, nil
	case plugincel.OldObjectVarName:
		return func(s *scene) ref.Val { return s.oldObject }, nil
	case plugincel.NamespaceVarName:
		return func(s *scene) ref.Val { return s.namespace }, nil
	case plugincel.ParamsVarName:
		return func(s *scene) ref.Val { return s.surroundings }, nil
	}
	return nil, fmt.Errorf("it reads %s", name)
}

// place of a variable that the expression binds itself; -1 if it does not.
func (d *draft) place(name string) int {
	for i := len(d.bound) - 1; i >= 0; i-- {
		if d.bound[i] == name {
			return i
		}
	}
	return -1
}

// binding plans parts of an expression in which more variables are bound.
func (d *draft) binding(names []string, plan func() error) error {
	d.bound = append(d.bound, names...)
	d.locals = max(d.locals, len(d.bound))
	err := plan()
	d.bound = d.bound[:len(d.bound)-len(names)]
	return err
}

func (d *draft) list(e ast.Expr) (step, uint64, error) {
	if value, ok := d.isConstant(e); ok {
		return constant(value), weightOfList, nil
	}
	if len(e.AsList().OptionalIndices()) != 0 {
		return nil, 0, fmt.Errorf("it makes lists with optional elements")
	}
	elements, weight, err := d.steps(e.AsList().Elements())
	if err != nil {
		return nil, 0, err
	}
	adapter := d.env.CELTypeAdapter()
	return func(s *scene) ref.Val {
		values := make([]ref.Val, 0, len(elements))
		for _, element := range elements {
			value := element(s)
			if value == nil {
				return nil
			}
			values = append(values, value)
		}
		return types.NewRefValList(adapter, values)
	}, weight + weightOfList, nil
}

func (d *draft) object(e ast.Expr) (step, uint64, error) {
	var keys, values []ast.Expr
	for _, entry := range e.AsMap().Entries() {
		if entry.AsMapEntry().IsOptional() {
			return nil, 0, fmt.Errorf("it makes maps with optional entries")
		}
		keys = append(keys, entry.AsMapEntry().Key())
		values = append(values, entry.AsMapEntry().Value())
	}
	keySteps, keyWeight, err := d.steps(keys)
	if err != nil {
		return nil, 0, err
	}
	valueSteps, valueWeight, err := d.steps(values)
	if err != nil {
		return nil, 0, err
	}
	adapter := d.env.CELTypeAdapter()
	return func(s *scene) ref.Val {
		entries := make(map[ref.Val]ref.Val, len(keySteps))
		for i, keyStep := range keySteps {
			key, value := keyStep(s), valueSteps[i](s)
			if key == nil || value == nil {
				return nil
			}
			entries[key] = value
		}
		return types.NewRefValMap(adapter, entries)
	}, keyWeight + valueWeight + weightOfMap, nil
}

// selection plans the reading of a field, and the question whether it is there.
func (d *draft) selection(e ast.Expr) (step, uint64, error) {
	sel := e.AsSelect()
	if reference, ok := d.references[e.ID()]; ok {
		if reference.Value != nil {
			return constant(reference.Value), weightOfNode, nil
		}
		return nil, 0, fmt.Errorf("it reads %s", reference.Name)
	}
	if operand := sel.Operand(); operand.Kind() == ast.IdentKind && operand.AsIdent() == variablesName && d.place(variablesName) < 0 {
		i, ok := d.prelude[sel.FieldName()]
		if !ok || sel.IsTestOnly() {
			return nil, 0, fmt.Errorf("it reads variables.%s", sel.FieldName())
		}
		return func(s *scene) ref.Val { return s.variable(i) }, 2 * weightOfNode, nil
	}
	if !sel.IsTestOnly() {
		return d.path(e, nil)
	}
	return d.presence(sel.Operand(), sel.FieldName())
}

// function is what a call invokes, as the checker has resolved it.
func (d *draft) function(e ast.Expr) *functions.Overload {
	if reference, ok := d.references[e.ID()]; ok && len(reference.OverloadIDs) == 1 {
		if f, ok := d.functions[reference.OverloadIDs[0]]; ok {
			return f
		}
	}
	return d.functions[strings.TrimPrefix(e.AsCall().FunctionName(), ".")]
}

// operands of a call: the receiver, if it has one, is the first.
func operands(call ast.CallExpr) []ast.Expr {
	if call.IsMemberFunction() {
		return append([]ast.Expr{call.Target()}, call.Args()...)
	}
	return call.Args()
}

// isOperator says whether an expression is a call of an operator or function by name.
func isOperator(e ast.Expr, name string) bool {
	return e.Kind() == ast.CallKind && e.AsCall().FunctionName() == name
}
