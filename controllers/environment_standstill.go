// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/message"
)

// standstill is what stays as it is in native admission, because it cannot be brought up to
// date: the API server does not take a policy, or a rule cannot be written into one. What
// such a guardrail enforces, it goes on enforcing, where it stood before; all other
// policies follow the levels.
type standstill struct {
	// stored are the guardrails in the policies that are there, by name.
	stored map[string][]string
	// enforced are the guardrails that are at Enforce.
	enforced map[string]bool
	// stuck are those of them that their new place does not take.
	stuck map[string]bool
	// refusals by the name of a policy are what the API server says of it.
	refusals map[string]error
	// unrendered are those of them that cannot be written into any policy.
	unrendered []string
	// unwritten are the policies that could not be brought up to date, by name, with the
	// guardrails that they should have.
	unwritten map[string][]string
}

func newStandstill(stored map[string][]string, desired nativeAdmission, states []v1alpha1.GuardrailState) *standstill {
	s := &standstill{
		stored: stored, enforced: map[string]bool{}, stuck: map[string]bool{}, refusals: map[string]error{},
		unrendered: desired.unrendered, unwritten: map[string][]string{},
	}
	for _, state := range states {
		s.enforced[state.Name] = state.Level == v1alpha1.Enforce
	}
	s.hold(desired.unrendered)
	return s
}

// hold keeps guardrails where they are, as far as they are enforced: one that only warned
// may go without anybody being at a loss.
func (s *standstill) hold(guardrails []string) {
	for _, name := range guardrails {
		if s.enforced[name] {
			s.stuck[name] = true
		}
	}
}

// refused notes that the API server does not take a policy.
func (s *standstill) refused(object client.Object, err error) {
	s.refusals[object.GetName()] = err
	s.leave(object)
	s.hold(guardrailsIn(object))
}

// leave notes that what is stored under the name of an object stays as it is.
func (s *standstill) leave(object client.Object) {
	s.unwritten[object.GetName()] = append(s.unwritten[object.GetName()], guardrailsIn(object)...)
}

// keeps says whether what is stored under the name of an object must stay as it is: nothing
// that is bound to a policy that was refused is written, and no policy lets go of a
// guardrail that has no other place.
func (s *standstill) keeps(object client.Object) bool {
	if s.refusals[object.GetName()] != nil {
		return true
	}
	if _, validating := object.(*admissionv1.ValidatingAdmissionPolicy); !validating {
		return false
	}
	keeps := guardrailsIn(object)
	return slices.ContainsFunc(s.stored[object.GetName()], func(name string) bool { return s.stuck[name] && !slices.Contains(keeps, name) })
}

// kept are the stored policies that hold a guardrail which has no other place, and their
// bindings.
func (s *standstill) kept() []client.Object {
	var all []client.Object
	for _, name := range slices.Sorted(maps.Keys(s.stored)) {
		if slices.ContainsFunc(s.stored[name], func(guardrail string) bool { return s.stuck[guardrail] }) {
			meta := metav1.ObjectMeta{Name: name}
			all = append(all, &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: meta}, &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: meta})
		}
	}
	return all
}

// stand are the policies that may be stored as they were, by name: those that were not
// written, and those that are kept although they are not desired.
func (s *standstill) stand(desired []guardrail.Probe) map[string]bool {
	all := map[string]bool{}
	for _, object := range s.kept() {
		all[object.GetName()] = true
	}
	for _, probe := range desired {
		delete(all, probe.Policy) // written, unless it is among those below
	}
	for name := range s.unwritten {
		all[name] = true
	}
	return all
}

// note writes into the states which guardrails stand still: those that are in a policy which
// stands, or should be.
func (s *standstill) note(states []v1alpha1.GuardrailState, stand map[string]bool) {
	still := map[string]bool{}
	for name := range stand {
		for _, held := range slices.Concat(s.stored[name], s.unwritten[name]) {
			still[held] = true
		}
	}
	for i := range states {
		states[i].Standstill = ""
		if still[states[i].Name] {
			states[i].Standstill = message.Cut(s.why(), maxText)
		}
	}
}

// why says what could not be brought up to date; empty when all could.
func (s *standstill) why() string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(s.refusals)) {
		texts = append(texts, fmt.Sprintf("the API server refuses native policy %s, so that what it enforced before stays in force: %v", name, s.refusals[name]))
	}
	if len(s.unrendered) > 0 {
		texts = append(texts, fmt.Sprintf("guardrails that do not compile any more cannot be rendered, so that what they enforced before stays in force: %s",
			strings.Join(s.unrendered, ", ")))
	}
	return strings.Join(texts, "; ")
}
