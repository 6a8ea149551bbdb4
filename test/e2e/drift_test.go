// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// guarded is a namespace in which only the tool may change what runs, and somebody else, who
// holds the built-in role edit, does.
type guarded struct {
	*world
	namespace  string
	tool, hand *person
}

// takingBack is the drift policy of such a namespace.
func takingBack() *v1alpha1.DriftPolicy {
	return &v1alpha1.DriftPolicy{
		Mode: v1alpha1.DriftCorrect, TrustedWriters: []string{"dev-admin"}, CorrectAfter: &metav1.Duration{Duration: time.Second},
	}
}

func (w *world) guarded(t *testing.T, drift *v1alpha1.DriftPolicy) guarded {
	t.Helper()
	in := guarded{world: w, namespace: w.namespace(t)}
	w.enrol(t, in.namespace, v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Production, Guardrails: only("image-pinned", ""), Drift: drift,
		BlastRadius: &v1alpha1.BlastRadius{ActionsPerHour: 5},
	})
	in.tool, in.hand = w.developer(t, "admin", in.namespace), w.developer(t, "edit", in.namespace)
	w.stamps(t, in.namespace)
	return in
}

// stamps waits until the API server writes down who changes workloads of the namespace: what
// was written before has no author.
func (w *world) stamps(t *testing.T, namespace string) {
	t.Helper()
	NewWithT(t).Eventually(func(g Gomega) {
		probe := testenv.Deployment("probe", namespace)
		g.Expect(w.admin.Create(t.Context(), probe, client.DryRunAll)).To(Succeed())
		g.Expect(probe.Annotations).To(HaveKey(v1alpha1.AnnotationSpecAuthor))
	}).Should(Succeed())
}

// runs a Deployment of the tool's, seen to run well.
func (in guarded) runs(t *testing.T, name string, options ...testenv.DeploymentOption) *appsv1.Deployment {
	t.Helper()
	d := service(name, in.namespace, options...)
	g := NewWithT(t)
	g.Expect(in.apply(t, d)).To(Succeed())
	in.stable(t, d, 1)
	return d
}

// stable returns when the operator has seen that many revisions of the Deployment run well.
func (in guarded) stable(t *testing.T, d *appsv1.Deployment, revisions int) {
	t.Helper()
	NewWithT(t).Eventually(func(g Gomega) {
		outcomes := in.report(t, d).Outcomes
		g.Expect(outcomes).To(HaveLen(revisions))
		g.Expect(outcomes[0].Result).To(Equal(v1alpha1.RolloutStable))
		g.Expect(in.rolledOut(t, d)(g)).To(BeTrue())
	}).Should(Succeed())
}

// apply on the server, as the tool, which takes no field from anybody.
func (in guarded) apply(t *testing.T, d *appsv1.Deployment) error {
	t.Helper()
	manifest, err := runtime.DefaultUnstructuredConverter.ToUnstructured(d)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	delete(manifest, "status")
	object := &unstructured.Unstructured{Object: manifest}
	object.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	return in.tool.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("gitops"))
}

// edit the Deployment by hand.
func (in guarded) edit(t *testing.T, d *appsv1.Deployment, edit func(*appsv1.Deployment)) {
	t.Helper()
	g := NewWithT(t)
	before := in.live(t, d)
	after := before.DeepCopy()
	edit(after)
	g.Expect(in.hand.Patch(t.Context(), after, client.MergeFrom(before))).To(Succeed())
}

func (in guarded) live(t *testing.T, d *appsv1.Deployment) *appsv1.Deployment {
	t.Helper()
	var now appsv1.Deployment
	NewWithT(t).Expect(in.admin.Get(t.Context(), client.ObjectKeyFromObject(d), &now)).To(Succeed())
	return &now
}

func TestAChangeByHandIsTakenBackAndNothingElse(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	in := w.guarded(t, takingBack())
	api := in.runs(t, "api")

	began := time.Now()
	in.edit(t, api, func(d *appsv1.Deployment) {
		metav1.SetMetaDataAnnotation(&d.ObjectMeta, "example.com/note", "mine")
		container := &d.Spec.Template.Spec.Containers[0]
		container.Image = "registry.example/api:1.0.1"
		container.Env = []corev1.EnvVar{{Name: "LEVEL", Value: "debug"}}
	})
	g.Eventually(func(g Gomega) {
		container := in.live(t, api).Spec.Template.Spec.Containers[0]
		g.Expect(container.Image).To(Equal(api.Spec.Template.Spec.Containers[0].Image))
		g.Expect(container.Env).To(BeEmpty())
	}).WithTimeout(30*time.Second).Should(Succeed(), func() string { return w.reports(t) })
	t.Logf("taken back after %s, of which %s is the policy's", time.Since(began), takingBack().CorrectAfter.Duration)

	patches := w.specPatches(t, api)
	g.Expect(patches).To(HaveLen(1))
	var operations []struct{ Op, Path string }
	g.Expect(json.Unmarshal(patches[0].RequestObject.Raw, &operations)).To(Succeed())
	for _, operation := range operations {
		if operation.Op != "test" {
			g.Expect(operation.Path).To(Or(Equal("/spec/template/spec/containers/0/image"), HavePrefix("/spec/template/spec/containers/0/env")))
		}
	}
	g.Expect(in.live(t, api).Annotations).To(HaveKeyWithValue("example.com/note", "mine"))

	g.Eventually(func(g Gomega) {
		g.Expect(in.live(t, api).ManagedFields).NotTo(ContainElement(HaveField("Manager", v1alpha1.ManagedBy)))
	}).Should(Succeed())
	next := service("api", in.namespace, testenv.Image("registry.example/api:1.1.0"))
	g.Expect(in.apply(t, next)).To(Succeed(), "the tool's next apply meets no conflict, without force")
	g.Eventually(in.rolledOut(t, next)).Should(BeTrue())
	g.Expect(in.live(t, api).Spec.Template.Spec.Containers[0].Image).To(Equal("registry.example/api:1.1.0"))
	g.Expect(w.specPatches(t, api)).To(HaveLen(1), "it is the tool's")
}

// Each of these happens in a cluster all day, and none of them is for the operator to undo.
func TestWhatIsNoDriftIsNeverTakenBack(t *testing.T) {
	w := theWorld(t)
	drift := takingBack()
	drift.IgnoredFields = []string{"spec.template.spec.containers[name=*].resources"}
	in := w.guarded(t, drift)
	in.inject(t)
	for i, c := range []struct {
		name string
		do   func(*testing.T, *appsv1.Deployment)
		// decision is what the report says; empty when it says nothing.
		decision string
	}{
		{"an autoscaler", func(t *testing.T, d *appsv1.Deployment) {
			in.autoscale(t, d)
			in.scale(t, in.as(t, "system:serviceaccount:kube-system:horizontal-pod-autoscaler", "system:serviceaccounts"), d, 3)
		}, ""},
		{"replicas of an autoscaler by hand", func(t *testing.T, d *appsv1.Deployment) {
			in.autoscale(t, d)
			in.edit(t, d, func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](3) })
		}, ""},
		{"kubectl scale", func(t *testing.T, d *appsv1.Deployment) { in.scale(t, in.hand, d, 3) }, ""},
		{"a tool that sizes containers", func(t *testing.T, d *appsv1.Deployment) {
			in.edit(t, d, func(d *appsv1.Deployment) {
				d.Spec.Template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: apiresource.MustParse("7m")}
			})
		}, ""},
		{"a sidecar that admission injects into what the tool writes", func(t *testing.T, d *appsv1.Deployment) {
			next := d.DeepCopy()
			next.Labels = map[string]string{"inject": "sidecar"}
			next.Spec.Template.Spec.Containers[0].Image = "registry.example/" + d.Name + ":1.1.0"
			NewWithT(t).Expect(in.apply(t, next)).To(Succeed())
			NewWithT(t).Expect(in.live(t, d).Spec.Template.Spec.Containers).To(HaveLen(2), "it was injected")
		}, ""},
		{"kubectl rollout restart", func(t *testing.T, d *appsv1.Deployment) { in.restart(t, in.hand, d.DeepCopy()) }, ""},
		{"kubectl rollout undo", func(t *testing.T, d *appsv1.Deployment) {
			next := d.DeepCopy()
			next.Spec.Template.Spec.Containers[0].Image = "registry.example/" + d.Name + ":1.1.0"
			NewWithT(t).Expect(in.apply(t, next)).To(Succeed())
			in.stable(t, d, 2)
			in.edit(t, d, func(live *appsv1.Deployment) {
				live.Spec.Template.Spec.Containers[0].Image = d.Spec.Template.Spec.Containers[0].Image
			})
		}, "went back to an earlier good revision"},
		{"server-side apply, again and again", func(t *testing.T, d *appsv1.Deployment) {
			for _, version := range []string{"1.1.0", "1.1.0", "1.2.0"} {
				next := d.DeepCopy()
				next.Spec.Template.Spec.Containers[0].Image = "registry.example/" + d.Name + ":" + version
				NewWithT(t).Expect(in.apply(t, next)).To(Succeed())
			}
		}, ""},
		{"client-side apply, again and again", func(t *testing.T, d *appsv1.Deployment) {
			for _, version := range []string{"1.1.0", "1.1.0", "1.2.0"} {
				next := d.DeepCopy()
				next.Spec.Template.Spec.Containers[0].Image = "registry.example/" + d.Name + ":" + version
				NewWithT(t).Expect(clientSide(t.Context(), in.tool, next)).To(Succeed())
			}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			d := in.runs(t, fmt.Sprint("app-", i))
			c.do(t, d)
			g.Eventually(in.rolledOut(t, d)).Should(BeTrue())
			wanted := in.live(t, d).Spec
			if c.decision != "" {
				g.Eventually(func() *v1alpha1.Drift { return in.report(t, d).Drift }).
					Should(HaveField("Decision", ContainSubstring(c.decision)), func() string { return w.reports(t) })
			}
			g.Consistently(func(g Gomega) {
				g.Expect(in.live(t, d).Spec).To(Equal(wanted))
				if c.decision == "" {
					g.Expect(in.report(t, d).Drift).To(BeNil())
				}
			}).WithTimeout(6 * time.Second).Should(Succeed())
			g.Expect(w.specPatches(t, d)).To(BeEmpty())
		})
	}
}

// as is somebody who is in these groups, with what rights they give him.
func (in guarded) as(t *testing.T, user string, groups ...string) *person {
	t.Helper()
	config := rest.CopyConfig(in.cluster.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append(groups, "system:authenticated")}
	return in.person(t, config)
}

// scale through the subresource, as autoscalers and kubectl scale do.
func (in guarded) scale(t *testing.T, as client.Client, d *appsv1.Deployment, replicas int32) {
	t.Helper()
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
	NewWithT(t).Expect(as.SubResource("scale").Update(t.Context(), d.DeepCopy(), client.WithSubResourceBody(scale))).To(Succeed())
}

// autoscale gives the Deployment's replicas to an autoscaler.
func (in guarded) autoscale(t *testing.T, d *appsv1.Deployment) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(in.admin.Create(t.Context(), &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: in.namespace, Name: d.Name},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: d.Name}, MaxReplicas: 9,
		},
	})).To(Succeed())
	g.Eventually(func() []metav1.Condition { return in.report(t, d).Conditions }).Should(ContainElement(And(
		HaveField("Type", v1alpha1.ConditionDrifted), HaveField("Message", ContainSubstring("HorizontalPodAutoscaler "+d.Name+" sets spec.replicas")))))
}

// inject lets admission add a sidecar to the Deployments of the namespace that ask for it.
func (in guarded) inject(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	name := "inject-" + in.namespace
	policy := &admissionv1.MutatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.MutatingAdmissionPolicySpec{
			ReinvocationPolicy: admissionv1.IfNeededReinvocationPolicy,
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
				Rule:       admissionv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"deployments"}},
			}}}},
			Mutations: []admissionv1.Mutation{{
				PatchType: admissionv1.PatchTypeApplyConfiguration,
				ApplyConfiguration: &admissionv1.ApplyConfiguration{Expression: `Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
					containers: [Object.spec.template.spec.containers{name: "proxy", image: "registry.example/proxy:1.0.0"}]}}}}`},
			}},
		},
	}
	binding := &admissionv1.MutatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.MutatingAdmissionPolicyBindingSpec{PolicyName: name, MatchResources: &admissionv1.MatchResources{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: in.namespace}},
			ObjectSelector:    &metav1.LabelSelector{MatchLabels: map[string]string{"inject": "sidecar"}},
		}},
	}
	for _, object := range []client.Object{policy, binding} {
		g.Expect(in.admin.Create(t.Context(), object)).To(Succeed())
		in.removeLater(t, object)
	}
	g.Eventually(func(g Gomega) {
		probe := testenv.Deployment("probe", in.namespace)
		probe.Labels = map[string]string{"inject": "sidecar"}
		g.Expect(in.tool.Create(t.Context(), probe, client.DryRunAll)).To(Succeed())
		g.Expect(probe.Spec.Template.Spec.Containers).To(HaveLen(2))
	}).Should(Succeed())
}

func TestTwoWritersInConflictEndContested(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	drift := takingBack()
	drift.CorrectAfter.Duration = 0
	in := w.guarded(t, drift)
	api := in.runs(t, "api")

	// Somebody, or his script, puts it back each time that all has settled.
	g.Eventually(func(g Gomega) {
		live := in.live(t, api)
		if in.rolledOut(t, api)(g) && len(live.Spec.Template.Spec.Containers[0].Env) == 0 {
			in.edit(t, api, func(d *appsv1.Deployment) {
				d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "LEVEL", Value: "debug"}}
			})
		}
		g.Expect(in.report(t, api).Drift).To(HaveField("Decision", ContainSubstring("dev-edit and Rampart contradict each other")))
	}).WithTimeout(2*time.Minute).Should(Succeed(), func() string { return w.reports(t) })

	g.Consistently(func(g Gomega) {
		g.Expect(w.specPatches(t, api)).To(HaveLen(3))
		g.Expect(in.live(t, api).Spec.Template.Spec.Containers[0].Env).To(HaveLen(1), "it stays as it was written last")
	}).WithTimeout(5 * time.Second).Should(Succeed())
}

// clientSide sends what `kubectl apply` does when only the image has changed.
func clientSide(ctx context.Context, as client.Client, deployment *appsv1.Deployment) error {
	container := deployment.Spec.Template.Spec.Containers[0]
	body := `{"spec":{"template":{"spec":{"containers":[{"name":"` + container.Name + `","image":"` + container.Image + `"}]}}}}`
	return as.Patch(ctx, deployment.DeepCopy(), client.RawPatch(types.StrategicMergePatchType, []byte(body)))
}
