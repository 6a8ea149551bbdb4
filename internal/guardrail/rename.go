// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
)

// free are the identifiers of an expression that it does not bind itself, each with the
// offsets, in characters, at which it stands in the source.
type free map[string][]int32

// freeIdentifiers finds what an expression reads from its surroundings.
func freeIdentifiers(parsed *cel.Ast) free {
	found := free{}
	native := parsed.NativeRep()
	collect(native.Expr(), native.SourceInfo(), nil, found)
	for name, offsets := range found {
		slices.Sort(offsets)
		found[name] = slices.Compact(offsets) // A macro may repeat its argument.
	}
	return found
}

func collect(e ast.Expr, info *ast.SourceInfo, bound []string, found free) {
	switch e.Kind() {
	case ast.IdentKind:
		// A leading dot means the outermost scope, whatever is bound.
		name := strings.TrimPrefix(e.AsIdent(), ".")
		if name != e.AsIdent() || !slices.Contains(bound, name) {
			position, _ := info.GetOffsetRange(e.ID())
			found[name] = append(found[name], position.Start)
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		collect(c.IterRange(), info, bound, found)
		collect(c.AccuInit(), info, bound, found)
		result := append(slices.Clone(bound), c.AccuVar())
		step := append(slices.Clone(result), c.IterVar())
		if c.HasIterVar2() {
			step = append(step, c.IterVar2())
		}
		collect(c.LoopCondition(), info, step, found)
		collect(c.LoopStep(), info, step, found)
		collect(c.Result(), info, result, found)
	default:
		for _, child := range children(e) {
			collect(child, info, bound, found)
		}
	}
}

// children are the direct subexpressions of anything but a comprehension.
func children(e ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.SelectKind:
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return append([]ast.Expr{call.Target()}, call.Args()...)
		}
		return call.Args()
	case ast.ListKind:
		return e.AsList().Elements()
	case ast.MapKind:
		var all []ast.Expr
		for _, entry := range e.AsMap().Entries() {
			all = append(all, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
		return all
	case ast.StructKind:
		var all []ast.Expr
		for _, field := range e.AsStruct().Fields() {
			all = append(all, field.AsStructField().Value())
		}
		return all
	default:
		return nil
	}
}

// beforeNames are what a rule reads instead when it judges the object before a change.
var beforeNames = map[string]string{"object": "oldObject", variablesName: variablesName + "." + variableBefore}

// judgingBefore is the source of a rule, rewritten to judge the old object. It changes
// names in place, so that people find the rule in a policy as its author wrote it.
func judgingBefore(source string, identifiers free) (string, error) {
	text := []rune(source)
	var edits []edit
	for from, to := range beforeNames {
		for _, offset := range identifiers[from] {
			start, end := int(offset), int(offset)+len(from)
			if end > len(text) || string(text[start:end]) != from {
				return "", fmt.Errorf("cannot find in the source where the rule reads %s", from)
			}
			edits = append(edits, edit{start, end, to})
		}
	}
	return replace(source, edits).source, nil
}
