// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	gomegatypes "github.com/onsi/gomega/types"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// fault is what may become of a native policy, by a bug of the operator's, a version of the
// API server that reads it otherwise, or somebody who edits it.
type fault struct {
	name string
	harm func(*native)
	// warns is what the violator is warned of once the API server has loaded the fault.
	warns gomegatypes.GomegaMatcher
	// unvalidated is true for what the API server does not let anybody write.
	unvalidated bool
}

var faults = []fault{
	{name: "a rule that fails on every object", warns: BeEmpty(), harm: eachValidation(func(v *admissionv1.Validation) { v.Expression = failing })},
	{name: "a rule that does not compile", warns: BeEmpty(), harm: eachValidation(func(v *admissionv1.Validation) { v.Expression = "object.(" }), unvalidated: true},
	{name: "a rule that reads what does not exist", warns: BeEmpty(), harm: eachValidation(func(v *admissionv1.Validation) { v.Expression = "absent == 1" }), unvalidated: true},
	{name: "a rule that is absurdly expensive", warns: BeEmpty(), harm: eachValidation(func(v *admissionv1.Validation) { v.Expression = expensive + " == 1" })},
	{name: "a rule that answers neither yes nor no", warns: BeEmpty(), harm: eachValidation(func(v *admissionv1.Validation) { v.Expression = "dyn(1)" }), unvalidated: true},
	{name: "a variable that fails", warns: BeEmpty(), harm: func(n *native) {
		for i := range n.policy.Spec.Variables {
			n.policy.Spec.Variables[i].Expression = failingValue
		}
	}},
	{name: "a message that fails", warns: plainly, harm: eachValidation(func(v *admissionv1.Validation) { v.MessageExpression = "string(" + failingValue + ")" })},
	{name: "a message that is absurdly expensive", warns: plainly, harm: eachValidation(func(v *admissionv1.Validation) { v.MessageExpression = "string(" + expensive + ")" })},
	{name: "a message that does not compile", warns: plainly, harm: eachValidation(func(v *admissionv1.Validation) { v.MessageExpression = "object.(" }), unvalidated: true},
	{name: "a match condition that fails", warns: BeEmpty(), harm: func(n *native) {
		n.policy.Spec.MatchConditions = append(n.policy.Spec.MatchConditions, admissionv1.MatchCondition{Name: "broken", Expression: failing})
	}},
	{name: "parameters that do not exist, in a namespace that does not", warns: BeEmpty(), harm: parameters("v1", "ConfigMap", "absent")},
	{name: "parameters of a kind that does not exist", warns: BeEmpty(), harm: parameters("absent.example/v1", "Absent", "")},
	{name: "a binding that names no policy", warns: BeEmpty(), harm: func(n *native) { n.binding.Spec.PolicyName = "absent" }},
}

// CEL that compiles, and fails on every object.
const (
	failing      = failingValue + " == 1"
	failingValue = "object.spec.absent.absent"
)

// expensive is CEL of a number, of 10 to the power of 9 steps.
var expensive = func() string {
	expression := "1"
	for range 9 {
		expression = "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1].map(i, " + expression + ").size()"
	}
	return expression
}()

var (
	violation = ContainElement(ContainSubstring("image-pinned"))
	// plainly is how a violation is named where its finding cannot be told.
	plainly = And(violation, Not(ContainElement(ContainSubstring(unpinned))))
)

// native is a policy of the operator's with its binding.
type native struct {
	policy  *admissionv1.ValidatingAdmissionPolicy
	binding *admissionv1.ValidatingAdmissionPolicyBinding
}

func eachValidation(harm func(*admissionv1.Validation)) func(*native) {
	return func(n *native) {
		for i := range n.policy.Spec.Validations {
			harm(&n.policy.Spec.Validations[i])
		}
	}
}

func parameters(apiVersion, kind, namespace string) func(*native) {
	return func(n *native) {
		n.policy.Spec.ParamKind = &admissionv1.ParamKind{APIVersion: apiVersion, Kind: kind}
		n.binding.Spec.ParamRef = &admissionv1.ParamRef{Name: "absent", Namespace: namespace, ParameterNotFoundAction: ptr.To(admissionv1.DenyAction)}
	}
}

// Whatever becomes of a native policy below Enforce while nobody is there to mend it,
// requests pass.
func TestNoFaultBelowEnforceBlocksARequest(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	namespace := w.namespace(t)
	policy := w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Staging, Guardrails: only("image-pinned", v1alpha1.Warn), Progression: settled,
	})
	sound := w.native(t, policy.Name)
	w.withoutOperator(t) // It would mend the policy at once.

	// Each fault has a namespace to itself, and a copy of what the operator made for another.
	copies := map[string]*native{}
	var namespaces []string
	for _, fault := range faults {
		namespace := w.namespace(t)
		copies[fault.name] = w.copyTo(t, namespace, sound)
		namespaces = append(namespaces, namespace)
	}
	dev := w.developer(t, "edit", namespaces...)
	for _, namespace := range namespaces {
		g.Eventually(func(g Gomega) { g.Expect(w.warnings(t, g, dev, namespace)).To(violation) }).Should(Succeed(), "the sound policy warns")
	}
	for _, fault := range faults {
		w.inject(t, copies[fault.name], fault)
	}
	for i, fault := range faults {
		t.Run("by "+fault.name, func(t *testing.T) {
			g := NewWithT(t)
			g.Eventually(func(g Gomega) { g.Expect(w.warnings(t, g, dev, namespaces[i])).To(fault.warns) }).Should(Succeed())
			g.Expect(attempt(t.Context(), dev, testenv.Deployment(arriving, namespaces[i]))).To(Succeed(), "what complies")
			g.Expect(attempt(t.Context(), dev, testenv.Pod(arriving, namespaces[i], testenv.Image(unpinned)))).To(Succeed(), "what violates")
		})
	}
}

// native is the policy of the environment that warns.
func (w *world) native(t *testing.T, environment string) *native {
	t.Helper()
	g := NewWithT(t)
	own := client.MatchingLabels{guardrail.LabelEnvironment: environment}
	var bindings admissionv1.ValidatingAdmissionPolicyBindingList
	g.Expect(w.admin.List(t.Context(), &bindings, own)).To(Succeed())
	for i, binding := range bindings.Items {
		if slices.Equal(binding.Spec.ValidationActions, []admissionv1.ValidationAction{admissionv1.Warn}) {
			n := &native{policy: &admissionv1.ValidatingAdmissionPolicy{}, binding: &bindings.Items[i]}
			g.Expect(w.admin.Get(t.Context(), client.ObjectKey{Name: binding.Spec.PolicyName}, n.policy)).To(Succeed())
			return n
		}
	}
	t.Fatalf("nothing warns in %s", environment)
	return nil
}

// copyTo puts a copy in force in another namespace.
func (w *world) copyTo(t *testing.T, namespace string, of *native) *native {
	t.Helper()
	g := NewWithT(t)
	name := metav1.ObjectMeta{Name: namespace}
	n := &native{
		policy:  &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: name, Spec: *of.policy.Spec.DeepCopy()},
		binding: &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: name, Spec: *of.binding.Spec.DeepCopy()},
	}
	n.binding.Spec.PolicyName = namespace
	n.binding.Spec.MatchResources.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}
	for _, object := range []client.Object{n.policy, n.binding} {
		g.Expect(w.admin.Create(t.Context(), object)).To(Succeed())
		w.removeLater(t, object)
	}
	return n
}

// inject the fault into the policy that is in force.
func (w *world) inject(t *testing.T, into *native, fault fault) {
	t.Helper()
	g := NewWithT(t)
	policy, binding := client.MergeFrom(copied(into.policy)), client.MergeFrom(copied(into.binding))
	fault.harm(into)
	if fault.unvalidated {
		g.Expect(w.admin.Patch(t.Context(), into.policy, policy)).NotTo(Succeed(), fault.name)
		into.policy.SetGroupVersionKind(kindOf(into.policy))
		g.Expect(w.cluster.Store(t.Context(), "validatingadmissionpolicies", into.policy)).To(Succeed())
		return
	}
	g.Expect(w.admin.Patch(t.Context(), into.policy, policy)).To(Succeed(), fault.name)
	g.Expect(w.admin.Patch(t.Context(), into.binding, binding)).To(Succeed(), fault.name)
}

// warnings that a violator brings, which is admitted.
func (w *world) warnings(t *testing.T, g Gomega, dev *person, namespace string) []string {
	t.Helper()
	dev.warned()
	g.Expect(attempt(t.Context(), dev, testenv.Deployment(arriving, namespace, testenv.Image(unpinned)))).To(Succeed())
	return dev.warned()
}
