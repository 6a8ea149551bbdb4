// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"k8s.io/apimachinery/pkg/api/resource"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// fieldDefault is the field of a spec that has the default for new pods.
const fieldDefault = "default"

// maySet says what a default may set.
const maySet = "a default may set only spec.containers and spec.initContainers, and in them name and resources.requests: " +
	"the requests of cpu and memory that are unset; anything else could make a valid Pod invalid or keep it from starting"

// mutation checks the default for new pods, and returns it with the arguments in it.
func (k *check) mutation(source string) string {
	k.words = k.words.forDefault()
	written, output := k.expression(fieldDefault, source, func(source string) plugincel.ExpressionAccessor {
		return &patch.ApplyConfigurationCondition{Expression: source}
	})
	if output == nil {
		return ""
	}
	parsed, issues := k.compiler.parse.Parse(written.source)
	if issues.Err() != nil {
		k.add(errorsIn(fieldDefault, written, issues.Errors()))
		return ""
	}
	k.add(checkDefault(written, parsed))
	return written.source
}

// checkDefault says where a default does something else than fill in the requests of the
// containers. A default is applied at every level, Observe too: it must not be able to
// keep any pod from running. It is not enough to look for the fields that it names, since
// maps and what is read from the pod may stand for objects, so all of it must have a form
// that is known to be safe.
func checkDefault(written replaced, parsed *cel.Ast) error {
	d := &defaultCheck{written: written, positions: parsed.NativeRep().SourceInfo()}
	d.object(parsed.NativeRep().Expr())
	return errors.Join(d.errs...)
}

type defaultCheck struct {
	written   replaced
	positions *ast.SourceInfo
	errs      []error
}

func (d *defaultCheck) refuse(id int64, message string) {
	location := d.positions.GetStartLocation(id)
	line, column := d.written.position(location.Line(), location.Column()+1)
	d.errs = append(d.errs, &CompileError{
		Reason: v1alpha1.ReasonInvalidExpression, Field: fieldDefault,
		Line: line, Column: column, Message: message + "; " + maySet,
	})
}

func (d *defaultCheck) object(e ast.Expr) {
	for _, a := range alternativesOf(e, false) {
		d.construction(a.value, "Object", map[string]func(ast.Expr){
			"spec": func(e ast.Expr) { d.podSpec(e, a.sparing) },
		})
	}
}

func (d *defaultCheck) podSpec(e ast.Expr, sparing bool) {
	for _, a := range alternativesOf(e, sparing) {
		d.construction(a.value, "Object.spec", map[string]func(ast.Expr){
			"containers":     func(e ast.Expr) { d.containers(e, "containers", a.sparing) },
			"initContainers": func(e ast.Expr) { d.containers(e, "initContainers", a.sparing) },
		})
	}
}

// containers must be those of the pod: one that it lacks would be added, without an image.
func (d *defaultCheck) containers(e ast.Expr, list string, sparing bool) {
	typeName := "Object.spec." + list
	for _, a := range alternativesOf(e, sparing) {
		if !a.sparing {
			d.refuse(a.value.ID(), "the requests of containers may exceed those of the Pod as a whole: write has(object.spec.resources) ? Object{} : Object{...}")
		}
		variable, container := mapped(a.value, "object.spec."+list)
		if container == nil {
			d.refuse(a.value.ID(), fmt.Sprintf("write object.spec.%s.map(c, %s{...})", list, typeName))
			continue
		}
		for _, a := range alternativesOf(container, a.sparing) {
			d.construction(a.value, typeName, map[string]func(ast.Expr){
				"name": func(e ast.Expr) {
					if pathOf(e) != variable+".name" {
						d.refuse(e.ID(), fmt.Sprintf("write %s.name", variable))
					}
				},
				"resources": func(e ast.Expr) { d.resources(e, typeName+".resources", variable) },
			})
		}
	}
}

func (d *defaultCheck) resources(e ast.Expr, typeName, container string) {
	for _, a := range alternativesOf(e, true) {
		d.construction(a.value, typeName, map[string]func(ast.Expr){
			"requests": func(e ast.Expr) { d.requests(e, container) },
		})
	}
}

// requests of other resources than cpu and memory need a limit, or nodes that have them.
func (d *defaultCheck) requests(e ast.Expr, container string) {
	for _, a := range alternativesOf(e, true) {
		if a.value.Kind() != ast.MapKind {
			d.refuse(a.value.ID(), "write {'cpu': ..., 'memory': ...}")
			continue
		}
		for _, entry := range a.value.AsMap().Entries() {
			entry := entry.AsMapEntry()
			name, literal := stringOf(entry.Key())
			switch {
			case !literal || entry.IsOptional():
				d.refuse(entry.Key().ID(), "write {'cpu': ..., 'memory': ...}")
			case name != "cpu" && name != "memory":
				d.refuse(entry.Key().ID(), "sets a request of "+name)
			default:
				d.request(entry.Value(), container, name)
			}
		}
	}
}

// request must be what the container has, since a higher one may exceed its limit. The
// server sets a request that is absent to the limit, if there is one, before it is here.
func (d *defaultCheck) request(e ast.Expr, container, name string) {
	value := e
	if value.Kind() == ast.CallKind && value.AsCall().FunctionName() == "string" && len(value.AsCall().Args()) == 1 {
		value = value.AsCall().Args()[0]
	}
	own, otherwise := orValue(value)
	var amount string
	literal := false
	if otherwise != nil {
		amount, literal = stringOf(otherwise)
	}
	if !literal || plainPath(own) != container+".resources.requests."+name {
		d.refuse(e.ID(), fmt.Sprintf("write %s.?resources.?requests[?'%s'].orValue('...')", container, name))
		return
	}
	if q, err := resource.ParseQuantity(amount); err != nil || q.Sign() < 0 {
		d.refuse(otherwise.ID(), fmt.Sprintf("%q is no quantity that can be requested", amount))
	}
}

// construction must be of an object of that type, with none but those fields.
func (d *defaultCheck) construction(e ast.Expr, typeName string, fields map[string]func(ast.Expr)) {
	if e.Kind() != ast.StructKind || strings.TrimPrefix(e.AsStruct().TypeName(), ".") != typeName {
		d.refuse(e.ID(), fmt.Sprintf("write %s{...}", typeName))
		return
	}
	for _, entry := range e.AsStruct().Fields() {
		field := entry.AsStructField()
		name := typeName + "." + field.Name()
		check, ok := fields[field.Name()]
		switch {
		case !ok:
			d.refuse(entry.ID(), "sets "+name)
		case field.IsOptional():
			d.refuse(entry.ID(), "sets "+name+" by an optional")
		default:
			check(field.Value())
		}
	}
}

// alternative is one value that an expression may have.
type alternative struct {
	value ast.Expr
	// sparing says that it is not the value for pods with resources of their own.
	sparing bool
}

// alternativesOf an expression are the branches of its conditions.
func alternativesOf(e ast.Expr, sparing bool) []alternative {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.Conditional {
		return []alternative{{e, sparing}}
	}
	args := e.AsCall().Args()
	then, otherwise := sparing, sparing
	switch condition := args[0]; {
	case asksForPodResources(condition):
		otherwise = true
	case condition.Kind() == ast.CallKind && condition.AsCall().FunctionName() == operators.LogicalNot &&
		asksForPodResources(condition.AsCall().Args()[0]):
		then = true
	}
	return append(alternativesOf(args[1], then), alternativesOf(args[2], otherwise)...)
}

func asksForPodResources(e ast.Expr) bool {
	return e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() && pathOf(e) == "object.spec.resources"
}

// mapped takes list.map(variable, element) apart, and list.map(variable, condition, element).
// The element is nil for anything else, and for other lists.
func mapped(e ast.Expr, list string) (variable string, element ast.Expr) {
	if e.Kind() != ast.ComprehensionKind {
		return "", nil
	}
	c := e.AsComprehension()
	of := c.IterRange()
	if own, otherwise := orValue(of); otherwise != nil && otherwise.Kind() == ast.ListKind && otherwise.AsList().Size() == 0 {
		of = own
	}
	if c.HasIterVar2() || plainPath(of) != list || c.Result().Kind() != ast.IdentKind {
		return "", nil
	}
	step := c.LoopStep()
	if step.Kind() == ast.CallKind && step.AsCall().FunctionName() == operators.Conditional {
		step = step.AsCall().Args()[1]
	}
	if step.Kind() != ast.CallKind || step.AsCall().FunctionName() != operators.Add {
		return "", nil
	}
	if added := step.AsCall().Args()[1]; added.Kind() == ast.ListKind && added.AsList().Size() == 1 {
		return c.IterVar(), added.AsList().Elements()[0]
	}
	return "", nil
}

// orValue takes own.orValue(otherwise) apart; both are nil for anything else.
func orValue(e ast.Expr) (own, otherwise ast.Expr) {
	if e.Kind() != ast.CallKind || !e.AsCall().IsMemberFunction() || e.AsCall().FunctionName() != "orValue" {
		return nil, nil
	}
	return e.AsCall().Target(), e.AsCall().Args()[0]
}

// plainPath is the path of what is read, whether or not as an optional.
func plainPath(e ast.Expr) string {
	return strings.ReplaceAll(pathOf(e), "?", "")
}

func stringOf(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().Value().(string)
	return s, ok
}
