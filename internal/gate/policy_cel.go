// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"strconv"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/admission"
)

// Every expression here is total: a field that is missing is empty, never an error,
// because an error under Fail refuses the request.

// ownedKinds have entries of their own. The others are usually made by one of these, so
// who makes one by hand may use what is admissible for any workload of the namespace.
var ownedKinds = []v1alpha1.WorkloadKind{
	v1alpha1.KindDeployment, v1alpha1.KindStatefulSet, v1alpha1.KindDaemonSet, v1alpha1.KindCronJob,
}

// matchConditions leave out whom the gate never judges: the operator, when it brings a
// proven revision back, and built-in controllers that carry out what was judged.
func matchConditions(operatorUser string) []admissionv1.MatchCondition {
	return []admissionv1.MatchCondition{
		{Name: "not-the-operator", Expression: admission.Username + " != " + quote(operatorUser)},
		admission.NotBuiltInStep(),
		admission.HoldsPodTemplate(),
	}
}

func variables() []admissionv1.Variable {
	var kinds []string
	for _, k := range ownedKinds {
		kinds = append(kinds, quote(string(k)))
	}
	return []admissionv1.Variable{
		{Name: "name", Expression: "object.metadata.?name.orValue('')"},
		{Name: "owned", Expression: "request.kind.kind in [" + strings.Join(kinds, ", ") + "]"},
		{Name: "notes", Expression: "namespaceObject.metadata.?annotations.orValue({})"},
		{Name: "key", Expression: "request.kind.kind.lowerAscii() + " + quote(ledgerDomain+"/") + " + variables.name"},
		{Name: "entries", Expression: "variables.notes.filter(k, variables.owned ? k == variables.key : k.contains(" + quote(ledgerDomain+"/") + ")).map(k, variables.notes[k])"},
		// The first line of an entry is its message, not a signature.
		{Name: "admissible", Expression: `variables.entries.filter(e, e.contains('\n')).map(e, e.substring(e.indexOf('\n') + 1)).join('\n').split('\n').filter(l, l != '')`},
		{Name: "containers", Expression: containersOf("object")},
		{Name: "before", Expression: "oldObject == null ? [] : (" + containersOf("oldObject") + ").map(c, " + signatureOf("c") + ")"},
		{Name: "unproven", Expression: fmt.Sprintf(
			"variables.containers.filter(c, [%s].exists(s, !(s in variables.before) && !(s in variables.admissible)))", signatureOf("c"))},
	}
}

// admitted is true for a request that brings nothing unproven, and for one that says why
// it passes nevertheless, by somebody who may. The authorizer is asked last, and only then.
var admitted = fmt.Sprintf(
	"size(variables.unproven) == 0 || (object.metadata.?annotations[?%s].orValue('') != '' && "+
		"authorizer.group(%s).resource('promotiongates').namespace(request.namespace).check('bypass').allowed())",
	quote(v1alpha1.AnnotationBypass), quote(v1alpha1.Group))

// refusal names the first unproven image and what is missing. It is evaluated on every
// request, so it is total too.
var refusal = "size(variables.unproven) == 0 ? '' : " +
	"'image ' + variables.unproven[0].?image.orValue('') + " +
	"(size(variables.unproven) > 1 ? ' (+' + string(size(variables.unproven) - 1) + ' more)' : '') + " +
	"' is not proven for ' + request.namespace + ': ' + " +
	"(!variables.owned ? 'what is made by hand may run only what a workload here has proven' : " +
	`size(variables.entries) > 0 ? variables.entries[0].split('\n')[0] : ` +
	"'no gate here has seen ' + request.kind.kind + ' ' + variables.name + ' in its source: deploy it there first (kubectl get promotiongates -n ' + request.namespace + ')')"

// containersOf is the list of all containers that an object asks for, wherever its kind
// keeps its pod spec.
func containersOf(object string) string {
	spec := strings.ReplaceAll("(request.kind.kind == 'Pod' ? X.?spec : "+
		"request.kind.kind == 'CronJob' ? X.?spec.?jobTemplate.?spec.?template.?spec : "+
		"request.kind.kind == 'ControllerRevision' ? "+admission.RevisionTemplate("X")+".?spec : X.?spec.?template.?spec)",
		"X", object)
	return fmt.Sprintf("[%s.orValue({})].map(s, s.?initContainers.orValue([]) + s.?containers.orValue([]) + s.?ephemeralContainers.orValue([]))[0]", spec)
}

// signatureOf is Signature in CEL. A list of one stands in for the local variable that
// CEL lacks.
func signatureOf(container string) string {
	image := fmt.Sprintf("[%s.?image.orValue('')].map(i, i.contains('@') ? i.substring(0, i.indexOf('@')).find(%s) + i.substring(i.indexOf('@')) : i)",
		container, quote(repository))
	escaped := `f.replace('\\', '\\\\').replace('\n', '\\n').replace(' ', '\\s')`
	return fmt.Sprintf("(%s + %s.?command.orValue([])).map(f, %s).join(' ')", image, container, escaped)
}

// quote makes a CEL string literal of a text; CEL's escapes for it are those of Go.
func quote(text string) string { return strconv.Quote(text) }
