// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/parser"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
)

// Almost every request complies with almost every rule, and it is the price of those that
// the API server pays all day. A rule makes a list of findings; whether there are any can
// be told for less: the list filter(c, bad(c)).map(c, {...}) has an element exactly if
// filter(c, bad(c)) has, and the loops of many rules over one list can be one loop. So a
// rule's findings are taken apart into claims.

// claim is what may hold of an object. A rule finds something in an object exactly if one
// of its claims holds.
type claim struct {
	// given is what must be true of the object besides.
	given given
	// over is the list of which an element has to meet the condition; empty for a
	// condition on the object itself.
	over string
	// element is the name of the element in the condition.
	element   string
	condition string
}

// given is CEL around a condition that lets it count only if others are met, or are not.
type given struct{ opening, closing string }

func (g given) and(condition string) given {
	return given{g.opening + "(" + condition + ") && (", ")" + g.closing}
}

// andNot asks with a choice: the operator ! is a call, and calls cost more than all else.
func (g given) andNot(condition string) given {
	return given{g.opening + "((" + condition + ") ? false : (", "))" + g.closing}
}

// claimsFor are the claims of a program; nil where they cannot be told, or not to a match
// condition, which sees no namespaceObject. They are tried on the specimens: they must
// hold of those, and only of those, in which the rule finds something.
func (c *Compiler) claimsFor(p *Program, parsed *cel.Ast, specimens []specimen) []claim {
	if p.partial != "" || p.plan == nil || len(freeIdentifiers(parsed)[plugincel.NamespaceVarName]) != 0 {
		return nil
	}
	claims, err := claimsOf(ast.Copy(parsed.NativeRep()))
	if err != nil {
		return nil
	}
	asked, err := c.planner.plan(anyOf(claims))
	if err != nil {
		return nil
	}
	for _, specimen := range specimens {
		scene := newScene(asked.variables, specimen.subject, nil, specimenNamespace, nil)
		found, ok := scene.findings(p.plan)
		if !ok {
			continue // Too large for a plan, and so for a question about it.
		}
		if holds := scene.run(asked); holds != nil && holds != ref.Val(types.Bool(len(found) != 0)) {
			return nil
		}
	}
	return claims
}

// claimsOf takes a findings expression apart, and changes it. It must keep track of its
// macros, so that a part can be written down again. An error says that a part cannot.
func claimsOf(parsed *ast.AST) ([]claim, error) {
	s := &splitter{info: parsed.SourceInfo(), claims: []claim{}}
	withoutNot(parsed)
	s.split(parsed.Expr(), given{})
	return s.claims, s.err
}

// splitter collects the claims of an expression.
type splitter struct {
	info   *ast.SourceInfo
	claims []claim
	err    error
}

// split adds what makes a list have an element, given some conditions.
func (s *splitter) split(e ast.Expr, given given) {
	switch e.Kind() {
	case ast.ListKind:
		switch {
		case isEmptyList(e):
		case len(e.AsList().OptionalIndices()) != 0:
			s.add(claim{condition: s.written(e) + ".size() > 0"}, given)
		default:
			s.add(claim{condition: "true"}, given)
		}
		return
	case ast.CallKind:
		switch args := e.AsCall().Args(); e.AsCall().FunctionName() {
		case operators.Add:
			s.split(args[0], given)
			s.split(args[1], given)
			return
		case operators.Conditional:
			condition := s.written(args[0])
			s.split(args[1], given.and(condition))
			s.split(args[2], given.andNot(condition))
			return
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		m, ok := macroOf(c)
		if !ok || m.kind != macroMap || c.HasIterVar2() {
			break
		}
		if m.condition == nil {
			s.split(c.IterRange(), given)
			return
		}
		s.add(claim{over: s.written(c.IterRange()), element: c.IterVar(), condition: s.written(m.condition)}, given)
		return
	}
	s.add(claim{condition: "(" + s.written(e) + ").size() > 0"}, given)
}

func (s *splitter) add(c claim, given given) {
	c.given = given
	s.claims = append(s.claims, c)
}

// written is a part of the expression as CEL, on one line.
func (s *splitter) written(e ast.Expr) string {
	text, err := parser.Unparse(e, s.info, parser.WrapOnColumn(maxSource))
	if err != nil {
		s.err = fmt.Errorf("write a part of the rule down again: %w", err)
	}
	return text
}

// withoutNot replaces !x by x ? false : true, which is the same without a call.
func withoutNot(parsed *ast.AST) {
	factory := ast.NewExprFactory()
	visitor := ast.NewExprVisitor(func(e ast.Expr) {
		if isOperator(e, operators.LogicalNot) {
			operand := factory.CopyExpr(e.AsCall().Args()[0])
			e.SetKindCase(factory.NewCall(e.ID(), operators.Conditional, operand, factory.NewLiteral(0, types.False), factory.NewLiteral(0, types.True)))
		}
	})
	ast.PostOrderVisit(parsed.Expr(), visitor)
	for _, macro := range parsed.SourceInfo().MacroCalls() {
		ast.PostOrderVisit(macro, visitor)
	}
}

// anyOf is CEL that is true exactly if one of the claims holds. Those over the same list
// are asked in one loop over it. The loop is a filter, because exists() asks in every
// round whether it is done: that is two calls, and a call costs more than most conditions.
func anyOf(claims []claim) string {
	type loop struct {
		given         given
		over, element string
	}
	var order []loop
	conditions := map[loop][]string{}
	for _, c := range claims {
		key := loop{c.given, c.over, c.element}
		if conditions[key] == nil {
			order = append(order, key)
		}
		conditions[key] = append(conditions[key], c.condition)
	}
	if len(order) == 0 {
		return "false"
	}
	all := make([]string, 0, len(order))
	for _, key := range order {
		holds := "(" + strings.Join(conditions[key], ") || (") + ")"
		if key.over != "" {
			holds = fmt.Sprintf("(%s).filter(%s, %s) != []", key.over, key.element, holds)
		}
		all = append(all, key.given.opening+holds+key.given.closing)
	}
	return strings.Join(all, " ||\n")
}
