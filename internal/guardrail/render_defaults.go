// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"cmp"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/internal/admission"
)

// onPodCreate is where defaults are applied: to pods and not to what makes them, so that
// GitOps tools see no difference.
var onPodCreate = []admissionv1.NamedRuleWithOperations{
	admission.Rule([]admissionv1.OperationType{admissionv1.Create}, "", "pods"),
}

// notMirror leaves out the pods by which a kubelet shows what it already runs.
const notMirror = "!('kubernetes.io/config.mirror' in object.metadata.?annotations.orValue({}))"

// addDefaults adds one policy with the safe default of every rule that has one, at
// whatever level: a default mends, it does not judge. What a rule leaves out, its default
// leaves alone. It uses apply configurations only,
// because an error in a JSON patch fails the request even where errors are ignored.
func (o *Objects) addDefaults(env Environment, rules []Placed) {
	var programs []*Program
	for _, r := range rules {
		if r.Program.mutation != "" {
			programs = append(programs, r.Program)
		}
	}
	if len(programs) == 0 {
		return
	}
	slices.SortFunc(programs, func(a, b *Program) int { return cmp.Compare(a.name, b.name) })

	var mutations []admissionv1.Mutation
	for _, p := range programs {
		mutations = append(mutations, admissionv1.Mutation{
			PatchType:          admissionv1.PatchTypeApplyConfiguration,
			ApplyConfiguration: &admissionv1.ApplyConfiguration{Expression: exceptFor(p.exclusions, noDefault, p.mutation)},
		})
	}
	name := policyName(env, "defaults")
	o.MutatingPolicies = append(o.MutatingPolicies, &admissionv1.MutatingAdmissionPolicy{
		TypeMeta:   admission.TypeMeta("MutatingAdmissionPolicy"),
		ObjectMeta: metadata(env, name),
		Spec: admissionv1.MutatingAdmissionPolicySpec{
			MatchConstraints: outsideSystem(env, where{}, onPodCreate),
			MatchConditions:  []admissionv1.MatchCondition{{Name: "not-a-mirror-pod", Expression: notMirror}},
			FailurePolicy:    ptr.To(admissionv1.Ignore),
			Variables:        policyVariables(prelude()),
			Mutations:        mutations,
			// A webhook may add a container that needs its defaults too.
			ReinvocationPolicy: admissionv1.IfNeededReinvocationPolicy,
		},
	})
	o.MutatingBindings = append(o.MutatingBindings, &admissionv1.MutatingAdmissionPolicyBinding{
		TypeMeta:   admission.TypeMeta("MutatingAdmissionPolicyBinding"),
		ObjectMeta: metadata(env, name),
		Spec: admissionv1.MutatingAdmissionPolicyBindingSpec{
			PolicyName:     name,
			MatchResources: inEnvironment(env),
		},
	})
}
