// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"slices"

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
// of its claims holds: if all the rest is given, and an element of the list over, where
// there is one, meets all.
type claim struct {
	// given are what must be asked before the list may be read.
	given conjunction
	// over is the list; empty for a claim about the object itself.
	over string
	// element is the name of the element in all.
	element string
	all     conjunction
}

// claimsFor are the claims of a program; nil where they cannot be told, or not to a match
// condition, which sees no namespaceObject. They are tried on the specimens: they must
// hold of those, and only of those, in which the rule finds something.
func (c *Compiler) claimsFor(p *Program, parsed *cel.Ast, specimens []specimen) []claim {
	if p.partial != "" || p.plan == nil || len(freeIdentifiers(parsed)[plugincel.NamespaceVarName]) != 0 {
		return nil
	}
	for _, trusting := range []bool{true, false} {
		claims, err := claimsOf(ast.Copy(parsed.NativeRep()), trusting)
		if err == nil && c.areProven(claims, p, specimens) {
			return claims
		}
	}
	return nil
}

// areProven says whether claims hold of those, and only of those, specimens in which the
// rule finds something.
func (c *Compiler) areProven(claims []claim, p *Program, specimens []specimen) bool {
	asked, err := c.planner.plan(questionOf(claims, len(p.spec.Resources) == 0))
	if err != nil {
		return false
	}
	for _, specimen := range specimens {
		scene := newScene(asked.variables, specimen.subject, nil, specimenNamespace, nil)
		found, ok := scene.findings(p.plan)
		if !ok {
			continue // Too large for a plan, and so for a question about it.
		}
		if holds := scene.run(asked); holds != nil && holds != ref.Val(types.Bool(len(found) != 0)) {
			return false
		}
	}
	return true
}

// claimsOf takes a findings expression apart, and changes it. It must keep track of its
// macros, so that a part can be written down again. Trusting, it takes a rule at its word
// that says first when it finds nothing: in list.all(c, ok(c)) ? [] : rest the claim is
// that an element is not ok, whatever rest is. That is never less than what the rule
// finds, and may be more. An error says that the rule cannot be taken apart.
func claimsOf(parsed *ast.AST, trusting bool) ([]claim, error) {
	s := &splitter{info: parsed.SourceInfo(), trusting: trusting, claims: []claim{}}
	s.err = cheaply(parsed)
	s.split(parsed.Expr(), nil)
	return s.claims, s.err
}

// splitter collects the claims of an expression.
type splitter struct {
	info     *ast.SourceInfo
	trusting bool
	claims   []claim
	err      error
}

// given are conditions, and whether all of them can be asked again for each element of a
// list: that takes that none of them is a loop itself.
type given struct {
	conditions conjunction
	hasLoop    bool
}

// split adds what makes a list have an element, given some conditions.
func (s *splitter) split(e ast.Expr, given *given) {
	switch e.Kind() {
	case ast.ListKind:
		switch {
		case isEmptyList(e):
		case len(e.AsList().OptionalIndices()) != 0:
			s.add(given, literal{condition: s.written(e) + ".size() > 0"})
		default:
			s.add(given)
		}
		return
	case ast.CallKind:
		switch args := e.AsCall().Args(); e.AsCall().FunctionName() {
		case operators.Add:
			s.split(args[0], given)
			s.split(args[1], given)
			return
		case operators.Conditional:
			if s.trusting && isEmptyList(args[1]) && s.splitAll(args[0], given) {
				return
			}
			condition := s.literal(args[0])
			hasLoop := containsLoop(args[0])
			s.split(args[1], given.and(condition, hasLoop))
			s.split(args[2], given.and(condition.not(), hasLoop))
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
		s.addLoop(given, c, s.literal(m.condition))
		return
	}
	s.add(given, literal{condition: "(" + s.written(e) + ").size() > 0"})
}

// splitAll adds the claim that not all elements of a list meet a condition, if that is
// what the expression asks for.
func (s *splitter) splitAll(e ast.Expr, given *given) bool {
	if e.Kind() != ast.ComprehensionKind || e.AsComprehension().HasIterVar2() {
		return false
	}
	m, ok := macroOf(e.AsComprehension())
	if !ok || m.kind != macroAll {
		return false
	}
	s.addLoop(given, e.AsComprehension(), s.literal(m.condition).not())
	return true
}

func (s *splitter) add(given *given, all ...literal) {
	s.claims = append(s.claims, claim{all: append(given.all(), all...)})
}

// addLoop asks for what is given last, and in the loop, where that is allowed: almost no
// element gets there, and loops that are given different things can be one. The condition
// may then be asked where it has no answer, because what is given is not so. && and || do
// not mind, if what is negated comes last.
func (s *splitter) addLoop(given *given, c ast.ComprehensionExpr, condition literal) {
	added := claim{over: s.written(c.IterRange()), element: c.IterVar(), all: conjunction{condition}}
	if given != nil && (given.hasLoop || !readsSafely(c.IterRange())) {
		added.given = given.all()
	} else {
		added.all = append(added.all, given.all()...)
		added.all = added.all.negatedLast()
	}
	s.claims = append(s.claims, added)
}

// literal takes a negation off a condition.
func (s *splitter) literal(e ast.Expr) literal {
	if isNegation(e) {
		return literal{condition: s.written(e.AsCall().Args()[0]), negated: true}
	}
	return literal{condition: s.written(e)}
}

// written is a part of the expression as CEL, on one line.
func (s *splitter) written(e ast.Expr) string {
	text, err := parser.Unparse(e, s.info, parser.WrapOnColumn(maxSource))
	if err != nil {
		s.err = fmt.Errorf("write a part of the rule down again: %w", err)
	}
	return text
}

func (g *given) and(condition literal, hasLoop bool) *given {
	return &given{conditions: append(g.all(), condition), hasLoop: hasLoop || g != nil && g.hasLoop}
}

// all are the conditions, in a list of its own.
func (g *given) all() conjunction {
	if g == nil {
		return nil
	}
	return slices.Clone(g.conditions)
}

// containsLoop says whether an expression takes the longer the larger the object is.
func containsLoop(e ast.Expr) bool {
	if e.Kind() == ast.ComprehensionKind {
		return true
	}
	return slices.ContainsFunc(children(e), containsLoop)
}

// readsSafely says whether a list can be read from every object, whatever is given.
func readsSafely(e ast.Expr) bool {
	switch e.Kind() {
	case ast.IdentKind, ast.LiteralKind:
		return true
	case ast.ListKind, ast.MapKind:
		return len(children(e)) == 0
	case ast.SelectKind:
		return e.AsSelect().IsTestOnly() && readsSafely(e.AsSelect().Operand())
	case ast.CallKind:
		switch e.AsCall().FunctionName() {
		case operators.OptSelect, operators.Add, operators.Conditional, "orValue":
			return !slices.ContainsFunc(children(e), func(child ast.Expr) bool { return !readsSafely(child) })
		}
	}
	return false
}

// anyOf is CEL that is true exactly if one of the claims holds. Those over the same list
// are asked in one loop over it. The loop is a filter, because exists() asks in every
// round whether it is done: that is two calls, and a call costs more than most conditions.
func anyOf(claims []claim) string {
	type loop struct{ given, over, element string }
	var all []conjunction
	at := map[loop]int{}
	elements := map[loop][]conjunction{}
	for _, c := range claims {
		if c.over == "" {
			all = append(all, c.all)
			continue
		}
		key := loop{c.given.written(), c.over, c.element}
		if elements[key] = append(elements[key], c.all); len(elements[key]) == 1 {
			at[key] = len(all)
			all = append(all, c.given)
		}
	}
	for key, conditions := range elements {
		question := fmt.Sprintf("(%s).filter(%s, %s) != []", key.over, key.element, disjunctionOf(conditions))
		all[at[key]] = append(slices.Clone(all[at[key]]), literal{condition: question})
	}
	return disjunctionOf(all)
}
