// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// goodTemplate is a template with something in every place that a change may touch.
func goodTemplate() corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{
			Labels:      map[string]string{"app": "shop"},
			Annotations: map[string]string{"checksum/config": "aaa"},
		},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{
				Name: "main", Image: "registry.example/shop:1",
				Command: []string{"/shop", "--mode=\"safe\""},
				Env:     []corev1.EnvVar{{Name: "MODE", Value: "safe"}, {Name: "PATH_PREFIX", Value: "/"}},
				Ports:   []corev1.ContainerPort{{ContainerPort: 8080}},
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")},
				},
			}, {Name: "proxy", Image: "registry.example/proxy:1"}},
			Volumes: []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		},
	}
}

func edited(edits ...func(*corev1.PodTemplateSpec)) corev1.PodTemplateSpec {
	template := goodTemplate()
	for _, edit := range edits {
		edit(&template)
	}
	return template
}

func image(tag string) func(*corev1.PodTemplateSpec) {
	return func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = "registry.example/shop:" + tag }
}

func env(name, value string) func(*corev1.PodTemplateSpec) {
	return func(t *corev1.PodTemplateSpec) {
		for i := range t.Spec.Containers[0].Env {
			if t.Spec.Containers[0].Env[i].Name == name {
				t.Spec.Containers[0].Env[i].Value = value
				return
			}
		}
		t.Spec.Containers[0].Env = append(t.Spec.Containers[0].Env, corev1.EnvVar{Name: name, Value: value})
	}
}

func restarted(t *corev1.PodTemplateSpec) {
	metav1.SetMetaDataAnnotation(&t.ObjectMeta, "kubectl.kubernetes.io/restartedAt", "2026-01-01T00:00:00Z")
}

func deployment(namespace, name string, template corev1.PodTemplateSpec) *appsv1.Deployment {
	d := testenv.Deployment(name, namespace)
	d.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}
	d.Spec.Template = template
	return d
}

// quarantine installs the policy for a revision of the Deployment shop that changed the
// good template to the bad one, and waits until the API server enforces it.
func quarantine(t *testing.T, c client.Client, namespace string, bad corev1.PodTemplateSpec) {
	t.Helper()
	g := NewWithT(t)
	// What was persisted is compared, defaults included.
	good := deployment(namespace, "default-good", goodTemplate())
	failed := deployment(namespace, "default-bad", bad)
	for _, d := range []*appsv1.Deployment{good, failed} {
		g.Expect(c.Create(t.Context(), d, client.DryRunAll)).To(Succeed())
	}
	changes, err := remediation.Changes(failed.Spec.Template, good.Spec.Template)
	g.Expect(err).NotTo(HaveOccurred())
	revision := func(reason string, changes []v1alpha1.TemplateChange) v1alpha1.QuarantinedRevision {
		return v1alpha1.QuarantinedRevision{
			Hash: "5f7a9c", Time: metav1.NewTime(time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)), Reason: reason, Changes: changes,
		}
	}
	policy, binding, err := remediation.QuarantinePolicy(namespace, []remediation.Quarantined{
		{Kind: v1alpha1.KindDeployment, Name: "shop", Revision: revision("2 pods\ncrashed", changes)},
		{Kind: v1alpha1.KindDeployment, Name: "probe", Revision: revision("probe", []v1alpha1.TemplateChange{
			{Path: "spec.hostname", Value: `"probe"`},
		})},
	})
	g.Expect(err).NotTo(HaveOccurred())
	// Fail would show an expression that cannot be evaluated; the rest is as rendered.
	g.Expect(*policy.Spec.FailurePolicy).To(Equal(admissionv1.Ignore))
	policy.Spec.FailurePolicy = ptr.To(admissionv1.Fail)
	policy.Name, binding.Name, binding.Spec.PolicyName = namespace, namespace, namespace
	g.Expect(c.Create(t.Context(), policy)).To(Succeed())
	g.Expect(c.Create(t.Context(), binding)).To(Succeed())
	t.Cleanup(func() {
		for _, object := range []client.Object{binding, policy} {
			g.Expect(c.Delete(context.WithoutCancel(t.Context()), object)).To(Succeed())
		}
	})
	g.Eventually(func() error {
		return c.Create(t.Context(), deployment(namespace, "probe", edited(func(t *corev1.PodTemplateSpec) {
			t.Spec.Hostname = "probe"
		})), client.DryRunAll)
	}).Should(MatchError(ContainSubstring("was rolled back")), "the policy is live")
}

func TestAQuarantinedRevisionIsRefusedAndAFixPasses(t *testing.T) {
	const refused = "was rolled back"
	longer := func(t *corev1.PodTemplateSpec) { t.Spec.TerminationGracePeriodSeconds = ptr.To[int64](60) }
	for _, c := range []struct {
		name string
		// bad is the revision that was rolled back to the good template.
		bad corev1.PodTemplateSpec
		// next is applied on the good template.
		next    corev1.PodTemplateSpec
		refused bool
	}{
		{"the failed image comes again", edited(image("2")), edited(image("2")), true},
		{"the failed image comes again with a restart", edited(image("2")), edited(image("2"), restarted), true},
		{"another image", edited(image("2")), edited(image("3")), false},
		{"the failed image with an environment variable that it lacked", edited(image("2")), edited(image("2"), env("DB", "postgres")), false},
		{"the failed image with a changed environment variable", edited(image("2")), edited(image("2"), env("MODE", "fast")), false},
		{"the failed image with more memory", edited(image("2")), edited(image("2"), func(t *corev1.PodTemplateSpec) {
			t.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}
		}), false},
		{"the failed image with another configuration checksum", edited(image("2")), edited(image("2"), func(t *corev1.PodTemplateSpec) {
			t.Annotations["checksum/config"] = "bbb"
		}), false},
		{"the failed image with a new init container", edited(image("2")), edited(image("2"), func(t *corev1.PodTemplateSpec) {
			t.Spec.InitContainers = []corev1.Container{{Name: "migrate", Image: "registry.example/migrate:1"}}
		}), false},
		{"the failed image with a change of the other container", edited(image("2")), edited(image("2"), func(t *corev1.PodTemplateSpec) {
			t.Spec.Containers[1].Image = "registry.example/proxy:2"
		}), false},
		{"the failed image without the other container", edited(image("2")), edited(image("2"), func(t *corev1.PodTemplateSpec) {
			t.Spec.Containers = t.Spec.Containers[:1]
		}), false},
		{"image and configuration failed together and come together", edited(image("2"), env("MODE", "fast")), edited(image("2"), env("MODE", "fast")), true},
		{"image and configuration failed together, the configuration is fixed", edited(image("2"), env("MODE", "fast")), edited(image("2"), env("MODE", "slow")), false},
		{"image and configuration failed together, the image comes alone", edited(image("2"), env("MODE", "fast")), edited(image("2")), false},
		{"an added variable failed and comes again", edited(env("X", "1, \"quoted\"\n\\")), edited(env("X", "1, \"quoted\"\n\\")), true},
		{"an added variable failed and comes with another value", edited(env("X", "1")), edited(env("X", "2")), false},
		{"a removed variable was missed and is removed again", edited(func(t *corev1.PodTemplateSpec) {
			t.Spec.Containers[0].Env = t.Spec.Containers[0].Env[:1]
		}), edited(func(t *corev1.PodTemplateSpec) {
			t.Spec.Containers[0].Env = t.Spec.Containers[0].Env[:1]
		}), true},
		{"a command failed and comes again", edited(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Command = []string{"/shop", "--bad"} }),
			edited(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Command = []string{"/shop", "--bad"} }), true},
		{"a probe failed and comes again, numbers and all", edited(probe(3)), edited(probe(3)), true},
		{"a probe failed and comes more patient", edited(probe(3)), edited(probe(30)), false},
		{"a grace period failed and comes again", edited(longer), edited(longer), true},
		{"a port failed and comes again", edited(port), edited(port), true},
		{"a quantity failed and comes again in other words", edited(cpu("1000m")), edited(cpu("1")), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g, k := NewWithT(t), newClient(t)
			namespace := newNamespace(t, k)
			live := deployment(namespace, "shop", goodTemplate())
			other := deployment(namespace, "other", goodTemplate())
			g.Expect(k.Create(t.Context(), live)).To(Succeed())
			g.Expect(k.Create(t.Context(), other)).To(Succeed())
			quarantine(t, k, namespace, c.bad)

			next := live.DeepCopy()
			next.Spec.Template = c.next
			err := k.Update(t.Context(), next)
			if c.refused {
				g.Expect(err).To(MatchError(ContainSubstring(refused)))
			} else {
				g.Expect(err).NotTo(HaveOccurred())
			}
			other.Spec.Template = c.next
			g.Expect(k.Update(t.Context(), other)).To(Succeed(), "another workload is not affected")
		})
	}
}

func probe(failures int32) func(*corev1.PodTemplateSpec) {
	return func(t *corev1.PodTemplateSpec) {
		t.Spec.Containers[0].LivenessProbe = &corev1.Probe{
			ProbeHandler:     corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}},
			FailureThreshold: failures,
		}
	}
}

func port(t *corev1.PodTemplateSpec) {
	t.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 8080}, {ContainerPort: 9090, Name: "metrics"}}
}

func cpu(quantity string) func(*corev1.PodTemplateSpec) {
	return func(t *corev1.PodTemplateSpec) {
		t.Spec.Containers[0].Resources.Requests[corev1.ResourceCPU] = resource.MustParse(quantity)
	}
}

func TestWhatDoesNotBringTheFailedRevisionPassesItsQuarantine(t *testing.T) {
	g, k := NewWithT(t), newClient(t)
	namespace := newNamespace(t, k)
	failing := deployment(namespace, "shop", edited(image("2")))
	g.Expect(k.Create(t.Context(), failing)).To(Succeed())
	quarantine(t, k, namespace, edited(image("2")))

	g.Expect(k.Patch(t.Context(), failing, client.RawPatch("application/merge-patch+json",
		[]byte(`{"metadata":{"labels":{"a":"b"}},"spec":{"replicas":3}}`)))).To(Succeed(), "it has the failed template already")
	g.Expect(k.SubResource("scale").Update(t.Context(), failing.DeepCopy(),
		client.WithSubResourceBody(&autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 4}}))).To(Succeed())
	g.Expect(k.Get(t.Context(), client.ObjectKeyFromObject(failing), failing)).To(Succeed())
	failing.Status.Replicas = 1
	g.Expect(k.Status().Update(t.Context(), failing)).To(Succeed())

	g.Expect(k.Get(t.Context(), client.ObjectKeyFromObject(failing), failing)).To(Succeed())
	patch, err := remediation.RollbackPatch(failing, goodTemplate())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(k.Patch(t.Context(), failing, client.RawPatch("application/json-patch+json", patch))).To(Succeed(), "the rollback itself")
	g.Expect(failing.Spec.Template.Spec.Containers[0].Image).To(Equal("registry.example/shop:1"))
	g.Expect(*failing.Spec.Replicas).To(Equal(int32(4)), "only the template is rolled back")
	g.Expect(k.Patch(t.Context(), failing, client.RawPatch("application/json-patch+json", patch))).NotTo(Succeed(), "the same patch twice")
}

func TestAFailedRevisionIsRefusedOnCreateUnlessItIsAnImageAlone(t *testing.T) {
	for _, c := range []struct {
		name    string
		bad     corev1.PodTemplateSpec
		refused bool
	}{
		{"an image alone", edited(image("2")), false},
		{"an image and its configuration", edited(image("2"), env("MODE", "fast")), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g, k := NewWithT(t), newClient(t)
			namespace := newNamespace(t, k)
			quarantine(t, k, namespace, c.bad)
			err := k.Create(t.Context(), deployment(namespace, "shop", c.bad), client.DryRunAll)
			g.Expect(err != nil).To(Equal(c.refused), fmt.Sprint(err))
		})
	}
}

func TestTheRefusalSaysWhatWhenWhyAndWhatToDo(t *testing.T) {
	g := NewWithT(t)
	policy, binding, err := remediation.QuarantinePolicy("prod", []remediation.Quarantined{{
		Kind: v1alpha1.KindDeployment, Name: "shop",
		Revision: v1alpha1.QuarantinedRevision{
			Hash: "5f7a9c", Time: metav1.NewTime(time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)), Reason: "2 pods\ncrashed",
			Changes: []v1alpha1.TemplateChange{{Path: "spec.containers[name=main].image", Value: `"shop:2"`}},
		},
	}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(policy.Spec.Validations).To(HaveLen(1))
	g.Expect(policy.Spec.Validations[0].Message).To(Equal("revision 5f7a9c of deployment shop was rolled back at 2026-05-04 03:02:01 UTC (2 pods crashed), " +
		"and this change brings it again: change spec.containers[name=main].image, or what else it needs, and apply it then"))
	g.Expect(binding.Spec.MatchResources.NamespaceSelector.MatchExpressions[0].Values).To(Equal([]string{"prod"}))
}

func TestWithoutQuarantinedRevisionsThereIsNoPolicy(t *testing.T) {
	g := NewWithT(t)
	policy, binding, err := remediation.QuarantinePolicy("prod", nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(policy).To(BeNil())
	g.Expect(binding).To(BeNil())
}

func TestAnEntryThatCannotBeReadDoesNotHideTheOthers(t *testing.T) {
	g := NewWithT(t)
	entry := func(name, path, value string) remediation.Quarantined {
		return remediation.Quarantined{Kind: v1alpha1.KindDeployment, Name: name, Revision: v1alpha1.QuarantinedRevision{
			Changes: []v1alpha1.TemplateChange{{Path: path, Value: value}},
		}}
	}
	policy, _, err := remediation.QuarantinePolicy("prod", []remediation.Quarantined{
		entry("a", "spec.hostname", `"x"`), entry("b", "spec..", `"x"`), entry("c", "spec.hostname", `{`), {Kind: v1alpha1.KindCronJob, Name: "d"},
	})
	g.Expect(err).To(MatchError(And(ContainSubstring("prod/b"), ContainSubstring("prod/c"), ContainSubstring("CronJob"))))
	g.Expect(policy.Spec.Validations).To(HaveLen(1))
}
