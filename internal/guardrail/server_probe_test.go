// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/seal"
	"github.com/rampart-dev/rampart/internal/testenv"
)

func TestAPolicyAnswersToItsOwnProbeOnly(t *testing.T) {
	t.Parallel()
	s := newServer(t, "probed")
	partial := compiled(t, guardrailNamed("partial", findingsSpec("object.spec.absent == 1 ? [{'key': 'a', 'text': 'b'}] : []")))
	objects := s.render(append(placed(v1alpha1.Enforce, catalogued(t, "owner-label"), partial, over(t, "services", services)),
		placed(v1alpha1.Warn, catalogued(t, "image-pinned"))...)...)
	w := NewWithT(t)
	w.Expect(objects.Probes).To(HaveLen(7), "one pack at Warn, three that refuse, and three that warn elsewhere")

	t.Run("another version does not", func(t *testing.T) {
		next := Render(s.env, placed(v1alpha1.Warn, catalogued(t, "image-pinned"), catalogued(t, "replicas")))
		NewWithT(t).Expect(next.Probes[0].Policy).To(Equal(objects.Probes[0].Policy))
		NewWithT(t).Expect(s.answered(next.Probes[0], s.namespace)).To(BeFalse())
	})
	t.Run("outside of the environment it does not", func(t *testing.T) {
		s.create(testenv.Namespace("not-probed", nil))
		for _, probe := range objects.Probes {
			NewWithT(t).Expect(s.answered(probe, "not-probed")).To(BeFalse(), probe.Policy)
		}
	})
	t.Run("other reports are not touched", func(t *testing.T) {
		c, heard := s.listening(operator)
		report := &v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "deployment-shop"}}
		NewWithT(t).Expect(c.Create(t.Context(), report.DeepCopy(), client.DryRunAll)).To(Succeed())
		NewWithT(t).Expect(c.Create(t.Context(), report)).To(Succeed())
		NewWithT(t).Expect(heard.take()).To(BeEmpty())
	})
	t.Run("an object of that name that is no report is not touched", func(t *testing.T) {
		c, heard := s.listening(person)
		pod := withTemplate(t, v1alpha1.KindPod, objects.Probes[0].Report, "nginx:1.29")
		pod.SetNamespace(s.namespace)
		pod.SetLabels(map[string]string{"owner": "team"})
		NewWithT(t).Expect(c.Create(t.Context(), pod, client.DryRunAll)).To(Succeed())
		NewWithT(t).Expect(heard.take()).To(BeEmpty())
	})
}

func TestTheSealLetsTheOperatorProbe(t *testing.T) {
	t.Parallel()
	s := newServer(t, "sealed")
	policy, binding := seal.Reports(operator)
	// Others make reports in these tests: the seal stands in this namespace only.
	binding.Spec.MatchResources = inEnvironment(s.env)
	s.install(Objects{
		ValidatingPolicies: []*admissionv1.ValidatingAdmissionPolicy{policy}, ValidatingBindings: []*admissionv1.ValidatingAdmissionPolicyBinding{binding},
	})
	forged := &v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "deployment-shop"}}
	NewWithT(t).Eventually(func() error { return s.as(person).Create(t.Context(), forged.DeepCopy(), client.DryRunAll) }, patience, 20*time.Millisecond).
		Should(beRefused())

	s.render(append(placed(v1alpha1.Enforce, catalogued(t, "image-pinned")), placed(v1alpha1.Warn, catalogued(t, "replicas"))...)...)
}

// Invariant 1, and its other side: what is broken below Enforce lets everything pass, and
// is not taken for what is in force.
func TestWhatIsBrokenBelowEnforceDoesNotAnswerAndBlocksNothing(t *testing.T) {
	for name, c := range map[string]struct {
		breakIt func(*admissionv1.ValidatingAdmissionPolicy, *admissionv1.ValidatingAdmissionPolicyBinding)
		answers bool
	}{
		"condition that fails": {func(p *admissionv1.ValidatingAdmissionPolicy, _ *admissionv1.ValidatingAdmissionPolicyBinding) {
			p.Spec.MatchConditions[0].Expression = "object.spec.absent.deep == 1"
		}, false},
		"answer that fails": {func(p *admissionv1.ValidatingAdmissionPolicy, _ *admissionv1.ValidatingAdmissionPolicyBinding) {
			p.Spec.Validations[0].Expression = "object.spec.absent.deep == 1"
		}, false},
		"answer that is gone": {func(p *admissionv1.ValidatingAdmissionPolicy, _ *admissionv1.ValidatingAdmissionPolicyBinding) {
			p.Spec.Validations = p.Spec.Validations[1:]
		}, false},
		"parameter kind that does not exist": {func(p *admissionv1.ValidatingAdmissionPolicy, b *admissionv1.ValidatingAdmissionPolicyBinding) {
			p.Spec.ParamKind = &admissionv1.ParamKind{APIVersion: "absurd.example.com/v1", Kind: "Absurd"}
			b.Spec.ParamRef = &admissionv1.ParamRef{Name: "absurd", Namespace: "no-such-namespace", ParameterNotFoundAction: new(admissionv1.DenyAction)}
		}, false},
		"parameter that does not exist": {func(p *admissionv1.ValidatingAdmissionPolicy, b *admissionv1.ValidatingAdmissionPolicyBinding) {
			p.Spec.ParamKind = &admissionv1.ParamKind{APIVersion: "v1", Kind: "ConfigMap"}
			b.Spec.ParamRef = &admissionv1.ParamRef{Name: "absurd", ParameterNotFoundAction: new(admissionv1.DenyAction)}
		}, false},
		"binding of another policy": {func(_ *admissionv1.ValidatingAdmissionPolicy, b *admissionv1.ValidatingAdmissionPolicyBinding) {
			b.Spec.PolicyName = "no-such-policy"
		}, false},
		"selector of a namespace that does not exist": {func(_ *admissionv1.ValidatingAdmissionPolicy, b *admissionv1.ValidatingAdmissionPolicyBinding) {
			b.Spec.MatchResources.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "no-such-namespace"}}
		}, false},
		"rule that fails": {func(p *admissionv1.ValidatingAdmissionPolicy, _ *admissionv1.ValidatingAdmissionPolicyBinding) {
			p.Spec.Validations[1].Expression = "object.spec.absent.deep == 1"
		}, true},
	} {
		t.Run("a "+name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "unseen-"+shortDigest(name))
			objects := Render(s.env, placed(v1alpha1.Warn, catalogued(t, "image-pinned")))
			c.breakIt(objects.ValidatingPolicies[0], objects.ValidatingBindings[0])
			s.install(objects)
			// A healthy policy that came later shows that the broken one is loaded.
			s.env.Name += "-healthy"
			s.render(placed(v1alpha1.Warn, catalogued(t, "memory-limits"))...)

			w := NewWithT(t)
			w.Expect(s.answered(objects.Probes[0], s.namespace)).To(Equal(c.answers))
			w.Expect(s.try(podOf("web", "nginx"))).To(Succeed())
		})
	}
}
