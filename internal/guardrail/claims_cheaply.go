// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// preludeNames are the variables that a match condition binds by their names.
var preludeNames = []string{variablePodTemplate, variablePodSpec, variableContainers}

// cheaply replaces parts of an expression by equal ones that cost the API server less. An
// error says that the expression uses a name that it may not use for that.
func cheaply(parsed *ast.AST) error {
	var err error
	c := cheapener{ast.NewExprFactory()}
	visitor := ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.SelectKind:
			c.variable(e)
		case ast.CallKind:
			c.comparison(e)
			c.negation(e)
			c.addition(e)
		case ast.ComprehensionKind:
			if loop := e.AsComprehension(); slices.Contains(preludeNames, loop.IterVar()) || slices.Contains(preludeNames, loop.IterVar2()) {
				err = fmt.Errorf("%s is the name of a variable", loop.IterVar())
			}
		}
	})
	ast.PostOrderVisit(parsed.Expr(), visitor)
	for _, macro := range parsed.SourceInfo().MacroCalls() {
		ast.PostOrderVisit(macro, visitor)
	}
	found := free{}
	collect(parsed.Expr(), parsed.SourceInfo(), nil, found)
	if len(found[variablesName]) != 0 {
		return fmt.Errorf("%s is read other than by the name of a variable", variablesName)
	}
	return err
}

// cheapener changes expressions in place, from the inside to the outside.
type cheapener struct{ factory ast.ExprFactory }

// variable reads a variable by its own name, and not as a field.
func (c cheapener) variable(e ast.Expr) {
	s := e.AsSelect()
	if s.Operand().Kind() == ast.IdentKind && s.Operand().AsIdent() == variablesName && !s.IsTestOnly() && slices.Contains(preludeNames, s.FieldName()) {
		e.SetKindCase(c.factory.NewIdent(e.ID(), s.FieldName()))
	}
}

// comparison replaces x == 'a' by x in ['a'], which is a look into a set and no call.
func (c cheapener) comparison(e ast.Expr) {
	equal := isOperator(e, operators.Equals)
	if !equal && !isOperator(e, operators.NotEquals) {
		return
	}
	args := e.AsCall().Args()
	if args[1].Kind() != ast.LiteralKind || args[1].AsLiteral().Type() != types.StringType {
		return
	}
	id := e.ID()
	if !equal {
		id = 0
	}
	set := c.factory.NewList(0, []ast.Expr{c.factory.CopyExpr(args[1])}, nil)
	in := c.factory.NewCall(id, operators.In, c.factory.CopyExpr(args[0]), set)
	if !equal {
		in = c.not(e.ID(), in)
	}
	e.SetKindCase(in)
}

// negation replaces !x by x ? false : true, which is the same without a call, and makes
// one of several such choices.
func (c cheapener) negation(e ast.Expr) {
	switch args := e.AsCall().Args(); e.AsCall().FunctionName() {
	case operators.LogicalNot:
		if isNegation(args[0]) {
			e.SetKindCase(c.factory.CopyExpr(negated(args[0])))
		} else {
			e.SetKindCase(c.not(e.ID(), c.factory.CopyExpr(args[0])))
		}
	case operators.LogicalAnd:
		c.gather(e, operators.LogicalOr, func(id int64, first, other ast.Expr) ast.Expr {
			return c.factory.NewCall(id, operators.Conditional, first, c.factory.NewLiteral(0, types.False), other)
		})
	case operators.LogicalOr:
		c.gather(e, operators.LogicalAnd, func(id int64, first, other ast.Expr) ast.Expr {
			return c.factory.NewCall(id, operators.Conditional, first, other, c.factory.NewLiteral(0, types.True))
		})
	}
}

// gather turns !a && !b into !(a || b), and !a && b into a ? false : b; or the same of ||.
func (c cheapener) gather(e ast.Expr, opposite string, choice func(id int64, first, other ast.Expr) ast.Expr) {
	args := e.AsCall().Args()
	if !isNegation(args[0]) {
		return
	}
	first := c.factory.CopyExpr(negated(args[0]))
	if isNegation(args[1]) {
		e.SetKindCase(c.not(e.ID(), c.factory.NewCall(0, opposite, first, c.factory.CopyExpr(negated(args[1])))))
	} else {
		e.SetKindCase(choice(e.ID(), first, c.factory.CopyExpr(args[1])))
	}
}

// addition replaces a + x.?b.orValue([]) by has(x.b) ? a + x.?b.orValue([]) : a, because most
// objects have no b, and a list that was put together is slower to read.
func (c cheapener) addition(e ast.Expr) {
	if !isOperator(e, operators.Add) {
		return
	}
	args := e.AsCall().Args()
	if !isOperator(args[1], "orValue") || !isEmptyList(args[1].AsCall().Args()[0]) {
		return
	}
	optional := args[1].AsCall().Target()
	if !isOperator(optional, operators.OptSelect) || optional.AsCall().Args()[0].Kind() != ast.IdentKind {
		return
	}
	x, field := optional.AsCall().Args()[0], string(optional.AsCall().Args()[1].AsLiteral().(types.String))
	there := c.factory.NewPresenceTest(0, c.factory.CopyExpr(x), field)
	sum := c.factory.NewCall(0, operators.Add, c.factory.CopyExpr(args[0]), c.factory.CopyExpr(args[1]))
	e.SetKindCase(c.factory.NewCall(e.ID(), operators.Conditional, there, sum, c.factory.CopyExpr(args[0])))
}

func (c cheapener) not(id int64, e ast.Expr) ast.Expr {
	return c.factory.NewCall(id, operators.Conditional, e, c.factory.NewLiteral(0, types.False), c.factory.NewLiteral(0, types.True))
}

// isNegation recognizes x ? false : true.
func isNegation(e ast.Expr) bool {
	if !isOperator(e, operators.Conditional) {
		return false
	}
	args := e.AsCall().Args()
	return isLiteral(args[1], types.False) && isLiteral(args[2], types.True)
}

// negated is x of x ? false : true.
func negated(e ast.Expr) ast.Expr { return e.AsCall().Args()[0] }
