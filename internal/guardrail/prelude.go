// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"

	"github.com/rampart-dev/rampart/internal/admission"
)

// The variables that every rule may use, for every workload kind.
const (
	variablePodTemplate = "podTemplate"
	variablePodSpec     = "podSpec"
	variableContainers  = "containers"
)

// variableParams are the parameters, by name. No policy has it: the values stand in the rule.
const variableParams = "params"

// The variables that a rendered policy adds, to look at the object before a change.
const (
	variableBeforeTemplate = "beforeTemplate"
	variableBeforeSpec     = "beforeSpec"
	variableBefore         = "before"
)

// variable is a named expression of a policy; it may use the variables before it.
type variable struct {
	name       string
	expression string
}

// prelude is what every rule may read of the object.
func prelude() []variable {
	return []variable{
		{variablePodTemplate, templateOf("object")},
		{variablePodSpec, specOf("variables." + variablePodTemplate)},
		{variableContainers, containersOf("variables." + variablePodSpec)},
	}
}

// preludeBefore is the same of the object as it was, in one map: a rule that reads
// variables.podSpec reads variables.before.podSpec when it judges the old object. API
// servers evaluate variables when they are first read, so a create pays nothing for it.
func preludeBefore() []variable {
	return []variable{
		{variableBeforeTemplate, templateOf("oldObject")},
		{variableBeforeSpec, specOf("variables." + variableBeforeTemplate)},
		{variableBefore, fmt.Sprintf("{'%s': dyn(variables.%s), '%s': dyn(variables.%s), '%s': dyn(%s)}",
			variablePodTemplate, variableBeforeTemplate,
			variablePodSpec, variableBeforeSpec,
			variableContainers, containersOf("variables."+variableBeforeSpec))},
	}
}

// templateOf is the pod template in any workload; a Pod is its own template. A
// ControllerRevision is no workload, but a template that a workload's controller uses.
func templateOf(root string) string {
	return fmt.Sprintf("%[1]s.kind == 'Pod' ? %[1]s : "+
		"%[1]s.kind == 'CronJob' ? %[1]s.?spec.?jobTemplate.?spec.?template.orValue({}) : "+
		"%[1]s.kind == 'ControllerRevision' ? %[2]s : "+
		"%[1]s.?spec.?template.orValue({})", root, admission.RevisionTemplate(root))
}

func specOf(template string) string {
	return template + ".?spec.orValue({})"
}

// containersOf concatenates all containers. Their names are unique across the three lists.
func containersOf(spec string) string {
	// A list without omitempty is null, not absent, when it is not set.
	list := func(field string) string {
		return fmt.Sprintf("optional.ofNonZeroValue(%s.?%s.orValue([])).orValue([])", spec, field)
	}
	all := list("containers") + " + " + list("initContainers") + " + " + list("ephemeralContainers")
	// Most pods have the first list only, and what is not joined costs nothing to join.
	return fmt.Sprintf("has(%[1]s.initContainers) || has(%[1]s.ephemeralContainers) ? %[2]s : %[3]s", spec, all, list("containers"))
}
