// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"unicode"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
)

// variablesName is how an expression reads a variable: variables.<name>.
const variablesName = "variables"

// read is one place where an author's expression reads a variable.
type read struct {
	// start and end are offsets in the source, in characters, of the whole of it.
	start, end int
	// name of the variable, and what is read of it: variables.params.registries has the
	// name params and the field registries. Empty where the source does not say it plainly.
	name, field string
	// fieldEnd is where the field ends, when there is one.
	fieldEnd int
}

// path of what is read, as pathOf names it.
func (r read) path() string { return variablesName + "." + r.name + "." + r.field }

// readsOf finds the variables that an expression reads, in their order.
func readsOf(source string, identifiers free) []read {
	text := []rune(source)
	reads := make([]read, 0, len(identifiers[variablesName]))
	for _, offset := range identifiers[variablesName] {
		r := read{start: int(offset)}
		if r.start > 0 && text[r.start-1] == '.' { // The outermost scope, by a leading dot.
			r.start--
		}
		r.name, r.end = selected(text, int(offset)+len(variablesName))
		if r.name != "" {
			r.field, r.fieldEnd = selected(text, r.end)
		}
		reads = append(reads, r)
	}
	return reads
}

// selected is the field that is selected right after an offset, and where it ends; empty
// for anything else that may follow.
func selected(text []rune, from int) (string, int) {
	at := blank(text, from)
	if at == len(text) || text[at] != '.' {
		return "", from
	}
	start := blank(text, at+1)
	end := start
	for end < len(text) && (text[end] == '_' || unicode.IsLetter(text[end]) || unicode.IsDigit(text[end])) {
		end++
	}
	if next := blank(text, end); next < len(text) && text[next] == '(' {
		return "", from // A function is called, no field is read.
	}
	return string(text[start:end]), end
}

// blank skips white space and comments.
func blank(text []rune, at int) int {
	for at < len(text) {
		switch {
		case unicode.IsSpace(text[at]):
			at++
		case text[at] == '/' && at+1 < len(text) && text[at+1] == '/':
			for at < len(text) && text[at] != '\n' {
				at++
			}
		default:
			return at
		}
	}
	return at
}

// testedFields are the paths that an expression asks has() of.
func testedFields(parsed *cel.Ast) map[string]bool {
	tested := map[string]bool{}
	ast.PostOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() {
			tested[pathOf(e)] = true
		}
	}))
	return tested
}
