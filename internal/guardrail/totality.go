// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"k8s.io/apimachinery/pkg/api/resource"
)

// A rule is total when it gives an answer for every object. CEL has no catch, so one rule
// that fails would take the whole policy that it shares with others along: only a total
// rule may share one. The lint here is the conservative half of the proof: it accepts a
// read only where the field is certain or a presence test guards it. The other half,
// which is about types, is that no generated object makes the rule fail (specimen.go).

// partial says why an expression may fail to evaluate; empty if it cannot.
func partial(parsed *cel.Ast, certain certainty) string {
	native := parsed.NativeRep()
	l := lint{info: native.SourceInfo(), certain: certain}
	l.check(native.Expr(), scope{})
	return l.doubt
}

// lint walks an expression and keeps the first doubt.
type lint struct {
	info    *ast.SourceInfo
	certain certainty
	doubt   string
}

// scope is what is known where an expression stands.
type scope struct {
	// present are the paths known to be there.
	present map[string]bool
	// elements are the variables that the rule binds. It says of which list each is an
	// element, by the list's field name; empty if that cannot be told.
	elements map[string]string
}

func (s scope) with(facts []string) scope {
	if len(facts) == 0 {
		return s
	}
	present := maps.Clone(s.present)
	if present == nil {
		present = map[string]bool{}
	}
	for _, fact := range facts {
		present[fact] = true
	}
	return scope{present: present, elements: s.elements}
}

// binding is the scope in which variables stand for the elements of a list.
func (s scope) binding(list string, names ...string) scope {
	// What was known of an outer variable of that name is forgotten with everything
	// else that mentions a variable: rules are short, and forgetting is safe.
	present := map[string]bool{}
	for path := range s.present {
		if root := rootOf(path); !slices.Contains(names, root) {
			present[path] = true
		}
	}
	elements := maps.Clone(s.elements)
	if elements == nil {
		elements = map[string]string{}
	}
	for _, name := range names {
		elements[name] = list
	}
	return scope{present: present, elements: elements}
}

// totalFunctions give an answer for every argument of the types that they accept.
var totalFunctions = map[string]bool{
	operators.Equals: true, operators.NotEquals: true, operators.LogicalNot: true,
	operators.Less: true, operators.LessEquals: true, operators.Greater: true, operators.GreaterEquals: true,
	operators.Add: true, operators.Subtract: true, operators.In: true, operators.NotStrictlyFalse: true,
	operators.OptIndex: true, operators.OptSelect: true,
	"size": true, "string": true, "type": true, "dyn": true, "isQuantity": true, "isURL": true, "isIP": true, "isCIDR": true,
	"startsWith": true, "endsWith": true, "contains": true, "lowerAscii": true, "upperAscii": true, "trim": true,
	"split": true, "join": true, "replace": true, "indexOf": true, "lastIndexOf": true,
	"orValue": true, "or": true, "hasValue": true, "of": true, "ofNonZeroValue": true, "none": true,
	"optional.of": true, "optional.none": true, // As macros spell them.
	"containsAll": true, "intersects": true, "equivalent": true, "distinct": true, "flatten": true,
	// Of quantities.
	"asApproximateFloat": true, "isGreaterThan": true, "isLessThan": true, "compareTo": true,
}

func (l *lint) check(e ast.Expr, s scope) {
	if l.doubt != "" {
		return
	}
	switch e.Kind() {
	case ast.SelectKind:
		selected := e.AsSelect()
		l.check(selected.Operand(), s)
		if !selected.IsTestOnly() && !l.isPresent(e, s) {
			l.fail(e, fmt.Sprintf("%s may be absent: guard it with has(), or read it with .?%s", selected.FieldName(), selected.FieldName()))
		}
	case ast.CallKind:
		l.checkCall(e, s)
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		l.check(c.IterRange(), s)
		l.check(c.AccuInit(), s)
		names := []string{c.IterVar()}
		if c.HasIterVar2() {
			names = append(names, c.IterVar2())
		}
		inner := s.binding(l.listOf(c.IterRange()), names...)
		l.check(c.LoopCondition(), inner)
		l.check(c.LoopStep(), inner)
		l.check(c.Result(), s.binding("", c.AccuVar()))
	case ast.MapKind:
		l.checkFinding(e)
		l.checkAll(children(e), s)
	default:
		l.checkAll(children(e), s)
	}
}

func (l *lint) checkAll(all []ast.Expr, s scope) {
	for _, e := range all {
		l.check(e, s)
	}
}

func (l *lint) checkCall(e ast.Expr, s scope) {
	call := e.AsCall()
	args := call.Args()
	switch name := call.FunctionName(); {
	case name == operators.LogicalAnd:
		l.check(args[0], s)
		l.check(args[1], s.with(factsWhen(args[0], true)))
	case name == operators.LogicalOr:
		l.check(args[0], s)
		l.check(args[1], s.with(factsWhen(args[0], false)))
	case name == operators.Conditional:
		l.check(args[0], s)
		l.check(args[1], s.with(factsWhen(args[0], true)))
		l.check(args[2], s.with(factsWhen(args[0], false)))
	case name == operators.Index:
		l.checkAll(args, s)
		if !l.isPresent(e, s) {
			l.fail(e, "an index may be out of range: guard it with 'in', or read it with [?...]")
		}
	case name == "value":
		l.checkAll(children(e), s)
		if !s.present[valueFact(call.Target())] {
			l.fail(e, "value() fails when there is none: use orValue()")
		}
	case name == "matches":
		l.checkAll(children(e), s)
		if len(args) == 0 || args[len(args)-1].Kind() != ast.LiteralKind {
			l.fail(e, "a pattern that is computed may be invalid")
		}
	case name == "quantity":
		l.checkAll(args, s)
		if !isQuantityLiteral(args) && !s.present[quantityFact(args)] {
			l.fail(e, "quantity() fails on what is none: guard it with isQuantity() of the same")
		}
	case name == "double":
		l.checkAll(args, s)
		if !isParameter(args) {
			l.fail(e, "double() can fail on what is no parameter")
		}
	case name == operators.Multiply:
		l.checkAll(args, s)
		if !isDouble(args[0]) && !isDouble(args[1]) {
			l.fail(e, "a product of integers may overflow: multiply doubles")
		}
	case totalFunctions[name]:
		l.checkAll(children(e), s)
	default:
		l.fail(e, fmt.Sprintf("%s() can fail", name))
	}
}

// checkFinding accepts a map only if it is a finding, whose key the ratchet reads.
func (l *lint) checkFinding(e ast.Expr) {
	entries := e.AsMap().Entries()
	fields := map[string]bool{}
	for _, entry := range entries {
		if key := entry.AsMapEntry().Key(); key.Kind() == ast.LiteralKind {
			if name, ok := key.AsLiteral().Value().(string); ok {
				fields[name] = true
			}
		}
	}
	if len(entries) != 0 && (!fields["key"] || !fields["text"]) {
		l.fail(e, "a finding needs a key and a text")
	}
}

func (l *lint) isPresent(e ast.Expr, s scope) bool {
	path := pathOf(e)
	if path == "" {
		return false
	}
	if s.present[path] {
		return true
	}
	// A rule may bind a variable of its own and call it object.
	if _, bound := s.elements[rootOf(path)]; l.certain.fields[path] && !bound {
		return true
	}
	if e.Kind() != ast.SelectKind || e.AsSelect().Operand().Kind() != ast.IdentKind {
		return false
	}
	list := s.elements[e.AsSelect().Operand().AsIdent()]
	return slices.Contains(l.certain.elements[list], e.AsSelect().FieldName())
}

func (l *lint) fail(e ast.Expr, why string) {
	if l.doubt == "" {
		at := l.info.GetStartLocation(e.ID())
		l.doubt = fmt.Sprintf("line %d, column %d: %s", at.Line(), at.Column()+1, why)
	}
}

// factsWhen are the paths that must be there when a condition has the given outcome.
func factsWhen(e ast.Expr, outcome bool) []string {
	switch e.Kind() {
	case ast.SelectKind:
		if outcome && e.AsSelect().IsTestOnly() {
			return known(pathOf(e))
		}
	case ast.CallKind:
		call := e.AsCall()
		args := call.Args()
		switch call.FunctionName() {
		case operators.LogicalNot:
			return factsWhen(args[0], !outcome)
		case operators.LogicalAnd:
			if outcome {
				return append(factsWhen(args[0], true), factsWhen(args[1], true)...)
			}
		case operators.LogicalOr:
			if !outcome {
				return append(factsWhen(args[0], false), factsWhen(args[1], false)...)
			}
		case operators.In:
			if outcome && args[0].Kind() == ast.LiteralKind {
				return known(join(pathOf(args[1]), args[0]))
			}
		case "hasValue":
			if outcome {
				return known(valueFact(call.Target()))
			}
		case "isQuantity":
			if outcome {
				return known(quantityFact(args))
			}
		}
	}
	return nil
}

func known(path string) []string {
	if path == "" {
		return nil
	}
	return []string{path}
}

func valueFact(e ast.Expr) string {
	path := pathOf(e)
	if path == "" {
		return ""
	}
	return path + ".value()"
}

// quantityFact is that the argument of quantity() or isQuantity() is one. It may be what is
// read, or what stands for it when it is absent.
func quantityFact(args []ast.Expr) string {
	if len(args) != 1 {
		return ""
	}
	read, instead := args[0], ""
	if read.Kind() == ast.CallKind && read.AsCall().FunctionName() == "orValue" {
		call := read.AsCall()
		if call.Args()[0].Kind() != ast.LiteralKind {
			return ""
		}
		read, instead = call.Target(), fmt.Sprintf(".orValue(%v)", call.Args()[0].AsLiteral().Value())
	}
	path := pathOf(read)
	if path == "" {
		return ""
	}
	return path + instead + ".isQuantity()"
}

func isQuantityLiteral(args []ast.Expr) bool {
	if len(args) != 1 || args[0].Kind() != ast.LiteralKind {
		return false
	}
	text, ok := args[0].AsLiteral().Value().(string)
	if !ok {
		return false
	}
	_, err := resource.ParseQuantity(text)
	return err == nil
}

// isParameter says whether the argument of a function is a parameter. What fails on one
// fails on every object, and is found when the rule is tried with its value.
func isParameter(args []ast.Expr) bool {
	return len(args) == 1 && strings.HasPrefix(pathOf(args[0]), variablesName+"."+variableParams+".")
}

// isDouble says whether an expression is surely a double, whose arithmetic never fails.
func isDouble(e ast.Expr) bool {
	if e.Kind() != ast.CallKind {
		return false
	}
	name := e.AsCall().FunctionName()
	return name == "asApproximateFloat" || name == "double"
}

// pathOf names what an expression reads, so that a guard and a read can be compared;
// empty for what has no name. labels.app and labels['app'] have the same.
func pathOf(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		if operand := pathOf(e.AsSelect().Operand()); operand != "" {
			return operand + "." + e.AsSelect().FieldName()
		}
	case ast.CallKind:
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.Index:
			return join(pathOf(call.Args()[0]), call.Args()[1])
		case operators.OptSelect, operators.OptIndex:
			if path := join(pathOf(call.Args()[0]), call.Args()[1]); path != "" {
				return path + "?"
			}
		}
	}
	return ""
}

// join adds a literal key to a path.
func join(path string, key ast.Expr) string {
	if path == "" || key.Kind() != ast.LiteralKind {
		return ""
	}
	switch k := key.AsLiteral().Value().(type) {
	case string:
		return path + "." + k
	case int64:
		return path + "[" + strconv.FormatInt(k, 10) + "]"
	default:
		return ""
	}
}

func rootOf(path string) string {
	for i, c := range path {
		if c == '.' || c == '[' || c == '?' {
			return path[:i]
		}
	}
	return path
}

// listOf is the field name of the list that an expression gives, as far as it is all the
// same list: filtered, concatenated or chosen. Empty if it cannot be told.
func (l *lint) listOf(e ast.Expr) string {
	switch e.Kind() {
	case ast.SelectKind:
		return e.AsSelect().FieldName()
	case ast.ComprehensionKind:
		return l.filtered(e.AsComprehension())
	case ast.CallKind:
		call := e.AsCall()
		args := call.Args()
		switch call.FunctionName() {
		case operators.OptSelect:
			if name, ok := args[1].AsLiteral().Value().(string); ok {
				return name
			}
		case "orValue":
			return l.either(call.Target(), args[0])
		case operators.Conditional:
			return l.either(args[1], args[2])
		case operators.Add:
			return l.either(args[0], args[1])
		}
	}
	return ""
}

// either is the list that both expressions give, where an empty literal is any list and
// all lists of containers are alike.
func (l *lint) either(a, b ast.Expr) string {
	if isEmptyList(a) {
		return l.listOf(b)
	}
	first, second := l.listOf(a), l.listOf(b)
	if isEmptyList(b) || slices.Equal(l.certain.elements[first], l.certain.elements[second]) {
		return first
	}
	return ""
}

func isEmptyList(e ast.Expr) bool {
	return e.Kind() == ast.ListKind && len(e.AsList().Elements()) == 0
}

// filtered is the list that a filter macro runs over: its step is
// predicate ? result + [element] : result.
func (l *lint) filtered(c ast.ComprehensionExpr) string {
	step := c.LoopStep()
	if step.Kind() != ast.CallKind || step.AsCall().FunctionName() != operators.Conditional {
		return ""
	}
	added := step.AsCall().Args()[1]
	if added.Kind() != ast.CallKind || added.AsCall().FunctionName() != operators.Add {
		return ""
	}
	element := added.AsCall().Args()[1]
	if element.Kind() != ast.ListKind || len(element.AsList().Elements()) != 1 {
		return ""
	}
	if one := element.AsList().Elements()[0]; one.Kind() != ast.IdentKind || one.AsIdent() != c.IterVar() {
		return ""
	}
	return l.listOf(c.IterRange())
}
