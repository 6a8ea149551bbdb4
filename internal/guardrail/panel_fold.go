// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// weightOfRound is the most that a macro costs for one element, besides what stands in it.
const weightOfRound = 20

// loop is a comprehension whose macro was recognized, or one that is interpreted as it stands.
type loop struct {
	over step
	// element, and index or value for a macro of two variables, are places among the
	// locals; second is -1 for a macro of one.
	first, second int
	// weight of one round.
	weight uint64
}

// each calls a function with every element bound, until it returns false. It returns false
// itself where the plan must give up.
func (l *loop) each(s *scene, visit func() bool) bool {
	switch over := l.over(s).(type) {
	case traits.Lister:
		size, ok := over.Size().(types.Int)
		if !ok {
			return false
		}
		for i := types.Int(0); i < size; i++ {
			value := over.Get(i)
			if value == nil || types.IsUnknownOrError(value) || !s.spend(l.weight) {
				return false
			}
			if l.second < 0 {
				s.locals[l.first] = value
			} else {
				s.locals[l.first], s.locals[l.second] = i, value
			}
			if !visit() {
				return true
			}
		}
		return true
	case traits.Mapper:
		for it := over.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			if key == nil || types.IsUnknownOrError(key) || !s.spend(l.weight) {
				return false
			}
			s.locals[l.first] = key
			if l.second >= 0 {
				value, there, ok := find(over, key)
				if !ok || !there {
					return false
				}
				s.locals[l.second] = value
			}
			if !visit() {
				return true
			}
		}
		return true
	default:
		return false
	}
}

// comprehension plans a macro over a list or a map.
func (d *draft) comprehension(e ast.Expr) (step, uint64, error) {
	c := e.AsComprehension()
	over, weight, err := d.step(c.IterRange())
	if err != nil {
		return nil, 0, err
	}
	l := loop{over: over, first: len(d.bound), second: -1}
	names := []string{c.IterVar()}
	if c.HasIterVar2() {
		l.second = l.first + 1
		names = append(names, c.IterVar2())
	}
	plan := d.general
	if m, ok := macroOf(c); ok {
		plan = func(_ ast.ComprehensionExpr, names []string, l *loop) (step, uint64, error) {
			return d.macro(m, names, l)
		}
	}
	eval, more, err := plan(c, names, &l)
	return eval, weight + more + weightOfNode, err
}

// macro is what a comprehension stands for.
type macro struct {
	kind macroKind
	// condition on an element, nil for a map without one.
	condition ast.Expr
	// result for an element.
	result ast.Expr
}

type macroKind int

const (
	macroAll macroKind = iota
	macroExists
	macroMap
)

// macroOf recognizes the macros that rules are made of: all, exists, filter and map.
func macroOf(c ast.ComprehensionExpr) (macro, bool) {
	stepExpr := c.LoopStep()
	if c.Result().Kind() != ast.IdentKind || c.Result().AsIdent() != c.AccuVar() || stepExpr.Kind() != ast.CallKind {
		return macro{}, false
	}
	isAccu := func(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == c.AccuVar() }
	args := stepExpr.AsCall().Args()
	switch {
	case isLiteral(c.AccuInit(), types.True) && isOperator(stepExpr, operators.LogicalAnd) && isAccu(args[0]) && notStrictlyFalse(c.LoopCondition(), isAccu):
		return macro{kind: macroAll, condition: args[1]}, true
	case isLiteral(c.AccuInit(), types.False) && isOperator(stepExpr, operators.LogicalOr) && isAccu(args[0]) && notStrictlyFalse(c.LoopCondition(), func(e ast.Expr) bool {
		return isOperator(e, operators.LogicalNot) && isAccu(e.AsCall().Args()[0])
	}):
		return macro{kind: macroExists, condition: args[1]}, true
	case !isEmptyList(c.AccuInit()) || !isLiteral(c.LoopCondition(), types.True):
		return macro{}, false
	}
	m := macro{kind: macroMap}
	added := stepExpr
	if isOperator(stepExpr, operators.Conditional) {
		if !isAccu(args[2]) {
			return macro{}, false
		}
		m.condition, added = args[0], args[1]
	}
	if !isOperator(added, operators.Add) || !isAccu(added.AsCall().Args()[0]) {
		return macro{}, false
	}
	one := added.AsCall().Args()[1]
	if one.Kind() != ast.ListKind || len(one.AsList().Elements()) != 1 || len(one.AsList().OptionalIndices()) != 0 {
		return macro{}, false
	}
	m.result = one.AsList().Elements()[0]
	return m, true
}

func isLiteral(e ast.Expr, value ref.Val) bool {
	return e.Kind() == ast.LiteralKind && e.AsLiteral() == value
}

func notStrictlyFalse(e ast.Expr, of func(ast.Expr) bool) bool {
	return isOperator(e, operators.NotStrictlyFalse) && of(e.AsCall().Args()[0])
}

// macro plans a macro that was recognized.
func (d *draft) macro(m macro, names []string, l *loop) (step, uint64, error) {
	var condition, result step
	err := d.binding(names, func() error {
		var inCondition, inResult uint64
		var err error
		if m.condition != nil {
			if condition, inCondition, err = d.step(m.condition); err != nil {
				return err
			}
		}
		if m.result != nil {
			if result, inResult, err = d.step(m.result); err != nil {
				return err
			}
		}
		l.weight = inCondition + inResult + weightOfRound
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	switch m.kind {
	case macroAll:
		return l.decide(condition, types.False), 0, nil
	case macroExists:
		return l.decide(condition, types.True), 0, nil
	default:
		return l.collect(condition, result, d.env.CELTypeAdapter()), weightOfList, nil
	}
}

// decide looks for an element of which a condition has an outcome.
func (l *loop) decide(condition step, outcome types.Bool) step {
	return func(s *scene) ref.Val {
		met, gaveUp := false, false
		finished := l.each(s, func() bool {
			value, ok := condition(s).(types.Bool)
			gaveUp, met = !ok, ok && value == outcome
			return !gaveUp && !met
		})
		if !finished || gaveUp {
			return nil
		}
		if met {
			return outcome
		}
		return !outcome
	}
}

// collect makes a list of a result for every element that meets a condition.
func (l *loop) collect(condition, result step, adapter types.Adapter) step {
	empty := types.NewRefValList(adapter, nil)
	return func(s *scene) ref.Val {
		var values []ref.Val
		gaveUp := false
		finished := l.each(s, func() bool {
			if condition != nil {
				value, ok := condition(s).(types.Bool)
				if gaveUp = !ok; !ok {
					return false
				}
				if value != types.True {
					return true
				}
			}
			value := result(s)
			values = append(values, value)
			gaveUp = value == nil
			return !gaveUp
		})
		switch {
		case !finished || gaveUp:
			return nil
		case len(values) == 0:
			return empty
		default:
			return types.NewRefValList(adapter, values)
		}
	}
}

// general plans a comprehension as it stands: a value that is accumulated.
func (d *draft) general(c ast.ComprehensionExpr, names []string, l *loop) (step, uint64, error) {
	initial, weight, err := d.step(c.AccuInit())
	if err != nil {
		return nil, 0, err
	}
	accumulated := len(d.bound) + len(names)
	var condition, next, result step
	var inResult uint64
	err = d.binding(append(names, c.AccuVar()), func() error {
		var inCondition, inNext uint64
		var err error
		if condition, inCondition, err = d.step(c.LoopCondition()); err != nil {
			return err
		}
		if next, inNext, err = d.step(c.LoopStep()); err != nil {
			return err
		}
		l.weight = inCondition + inNext + weightOfRound
		result, inResult, err = d.step(c.Result())
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("in a macro: %w", err)
	}
	return func(s *scene) ref.Val {
		value := initial(s)
		if value == nil {
			return nil
		}
		s.locals[accumulated] = value
		gaveUp := false
		finished := l.each(s, func() bool {
			goOn, ok := condition(s).(types.Bool)
			if gaveUp = !ok; !ok || goOn != types.True {
				return false
			}
			value := next(s)
			if gaveUp = value == nil; gaveUp {
				return false
			}
			s.locals[accumulated] = value
			return true
		})
		if !finished || gaveUp {
			return nil
		}
		return result(s)
	}, weight + inResult, nil
}
