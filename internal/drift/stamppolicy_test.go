// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/testenv"
)

func authorOf(object client.Object) string {
	return object.GetAnnotations()[v1alpha1.AnnotationSpecAuthor]
}

func mergePatch(text string) client.Patch {
	return client.RawPatch("application/merge-patch+json", []byte(text))
}

const editImage = `{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"main"}],"containers":[{"name":"main","image":"registry.example/shop:2"}]}}}}`

func strategicPatch(text string) client.Patch {
	return client.RawPatch("application/strategic-merge-patch+json", []byte(text))
}

const forged = `{"metadata":{"annotations":{"rampart.dev/spec-author":"1:argocd,2:argocd,3:argocd"}}}`

func TestEverySpecChangeIsStampedWithItsAuthor(t *testing.T) {
	g, admin := NewWithT(t), as(t, "admin")
	namespace := stampedNamespace(t, admin)
	argo, alice := as(t, "system:serviceaccount:argocd:application-controller"), as(t, "alice, the 100% admin")

	shop := testenv.Deployment("shop", namespace)
	metav1.SetMetaDataAnnotation(&shop.ObjectMeta, v1alpha1.AnnotationSpecAuthor, "1:somebody-else")
	g.Expect(argo.Create(t.Context(), shop)).To(Succeed())
	g.Expect(authorOf(shop)).To(Equal("1:system:serviceaccount:argocd:application-controller"), "what the client sends on create is ignored")

	g.Expect(alice.Patch(t.Context(), shop, strategicPatch(editImage))).To(Succeed())
	stamps, err := drift.ParseStamps(authorOf(shop))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(stamps).To(Equal(drift.Stamps{
		{Generation: 1, User: "system:serviceaccount:argocd:application-controller"},
		{Generation: 2, User: "alice, the 100% admin"},
	}))
	g.Expect(shop.Generation).To(Equal(int64(2)), "admission predicts the generation that is persisted")
	g.Expect(stamps.String()).To(Equal(authorOf(shop)), "Go and CEL write stamps alike")
}

func TestTheStampCannotBeForged(t *testing.T) {
	g, admin := NewWithT(t), as(t, "admin")
	namespace := stampedNamespace(t, admin)
	argo, alice := as(t, "argocd"), as(t, "alice")
	shop := testenv.Deployment("shop", namespace)
	g.Expect(argo.Create(t.Context(), shop)).To(Succeed())

	for _, c := range []struct {
		name  string
		write func(*appsv1.Deployment) error
		want  string
	}{
		{"a write of the annotation alone", func(d *appsv1.Deployment) error {
			return alice.Patch(t.Context(), d, mergePatch(forged))
		}, "1:argocd"},
		{"removing the annotation", func(d *appsv1.Deployment) error {
			return alice.Patch(t.Context(), d, mergePatch(`{"metadata":{"annotations":{"rampart.dev/spec-author":null}}}`))
		}, "1:argocd"},
		{"a write of the status", func(d *appsv1.Deployment) error {
			return alice.Status().Patch(t.Context(), d, mergePatch(forged))
		}, "1:argocd"},
		{"a write of the status that pretends to change the spec", func(d *appsv1.Deployment) error {
			d.Spec.Replicas = nil
			d.Spec.Template.Spec.Containers[0].Image = "registry.example/shop:evil"
			d.Annotations[v1alpha1.AnnotationSpecAuthor] = "1:argocd,2:argocd"
			return alice.Status().Update(t.Context(), d)
		}, "1:argocd"},
		{"an update that drops all annotations", func(d *appsv1.Deployment) error {
			d.Annotations = nil
			return alice.Update(t.Context(), d)
		}, "1:argocd"},
		{"server-side apply of the annotation", func(d *appsv1.Deployment) error {
			return alice.Apply(t.Context(), appsapply.Deployment(d.Name, d.Namespace).
				WithAnnotations(map[string]string{v1alpha1.AnnotationSpecAuthor: "9:argocd"}),
				client.FieldOwner("alice"), client.ForceOwnership)
		}, "1:argocd"},
		{"a spec change that brings a forged annotation", func(d *appsv1.Deployment) error {
			d.Spec.Template.Spec.Containers[0].Image = "registry.example/shop:2"
			d.Annotations[v1alpha1.AnnotationSpecAuthor] = "1:argocd,2:argocd,3:argocd,4:argocd"
			return alice.Update(t.Context(), d)
		}, "alice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			current := &appsv1.Deployment{}
			g.Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(shop), current)).To(Succeed())
			g.Expect(c.write(current)).To(Succeed())
			g.Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(shop), current)).To(Succeed())
			if c.want == "alice" {
				g.Expect(authorOf(current)).To(HaveSuffix(":alice"))
				g.Expect(strings.Count(authorOf(current), ":argocd")).To(Equal(1))
				return
			}
			g.Expect(authorOf(current)).To(Equal(c.want))
		})
	}
}

func TestAWorkloadOlderThanThePolicyGetsNoStampFromItsClient(t *testing.T) {
	g, admin := NewWithT(t), as(t, "admin")
	outside := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "outside-"}}
	g.Expect(admin.Create(t.Context(), outside)).To(Succeed())
	stampedNamespace(t, admin)
	shop := testenv.Deployment("shop", outside.Name)
	g.Expect(as(t, "alice").Create(t.Context(), shop)).To(Succeed())
	g.Expect(authorOf(shop)).To(BeEmpty(), "a namespace outside of the environment is not stamped")

	g.Expect(admin.Patch(t.Context(), outside, mergePatch(`{"metadata":{"labels":{"`+environmentLabel+`":"prod"}}}`))).To(Succeed())
	g.Eventually(func(g Gomega) {
		probe := shop.DeepCopy()
		g.Expect(admin.Patch(t.Context(), probe, mergePatch(forged), client.DryRunAll)).To(Succeed())
		g.Expect(authorOf(probe)).To(BeEmpty())
	}).Should(Succeed())
}

func TestScalingIsNotStampedAndShowsAsAGap(t *testing.T) {
	g, admin := NewWithT(t), as(t, "admin")
	namespace := stampedNamespace(t, admin)
	shop := testenv.Deployment("shop", namespace)
	g.Expect(as(t, "argocd").Create(t.Context(), shop)).To(Succeed())

	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 5}}
	g.Expect(as(t, "autoscaler").SubResource("scale").Update(t.Context(), shop.DeepCopy(), client.WithSubResourceBody(scale))).To(Succeed())

	g.Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(shop), shop)).To(Succeed())
	g.Expect(*shop.Spec.Replicas).To(Equal(int32(5)))
	g.Expect(shop.Generation).To(Equal(int64(2)))
	g.Expect(authorOf(shop)).To(Equal("1:argocd"))
}

func TestServerSideApplyIsStampedAndDoesNotConflictWithTheStamp(t *testing.T) {
	g, admin := NewWithT(t), as(t, "admin")
	namespace := stampedNamespace(t, admin)
	argo, alice := as(t, "argocd"), as(t, "alice")
	manifest := func(image string) runtime.ApplyConfiguration {
		labels := map[string]string{"app": "shop"}
		return appsapply.Deployment("shop", namespace).WithSpec(appsapply.DeploymentSpec().
			WithSelector(metaapply.LabelSelector().WithMatchLabels(labels)).
			WithTemplate(coreapply.PodTemplateSpec().WithLabels(labels).WithSpec(coreapply.PodSpec().
				WithContainers(coreapply.Container().WithName("main").WithImage(image)))))
	}
	apply := func(c client.Client, image, owner string) {
		t.Helper()
		g.Expect(c.Apply(t.Context(), manifest(image), client.FieldOwner(owner))).To(Succeed())
	}
	apply(argo, "shop:1", "argocd")
	apply(argo, "shop:1", "argocd") // changes nothing and stamps nothing
	shop := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: namespace}}
	g.Expect(alice.Patch(t.Context(), shop, mergePatch(`{"spec":{"minReadySeconds":3}}`))).To(Succeed())
	apply(argo, "shop:2", "argocd")

	g.Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(shop), shop)).To(Succeed())
	g.Expect(authorOf(shop)).To(Equal("1:argocd,2:alice,3:argocd"))
}

func TestStampsAreBounded(t *testing.T) {
	g, admin := NewWithT(t), as(t, "admin")
	namespace := stampedNamespace(t, admin)
	longName := strings.Repeat("x", drift.MaxUser) + "-and-more"
	shop := testenv.Deployment("shop", namespace)
	g.Expect(admin.Create(t.Context(), shop)).To(Succeed())
	for i := range drift.MaxStamps {
		d := shop.DeepCopy()
		d.Spec.MinReadySeconds = int32(i + 1)
		d.ResourceVersion = ""
		g.Expect(as(t, longName).Update(t.Context(), d)).To(Succeed())
		shop = d
	}
	stamps, err := drift.ParseStamps(authorOf(shop))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(stamps).To(HaveLen(drift.MaxStamps))
	g.Expect(stamps[0]).To(Equal(drift.Stamp{Generation: 2, User: longName[:drift.MaxUser], Cut: true}))
	g.Expect(stamps.String()).To(Equal(authorOf(shop)))
	g.Expect(stamps.Forgotten(0)).To(BeTrue(), "the stamp of generation 1 made room")
}

func TestEveryKindWithOneAuthorIsStamped(t *testing.T) {
	g, admin := NewWithT(t), as(t, "admin")
	namespace := stampedNamespace(t, admin)
	template := testenv.Deployment("x", namespace).Spec.Template
	selector := testenv.Deployment("x", namespace).Spec.Selector
	meta := metav1.ObjectMeta{Name: "x", Namespace: namespace}
	job := template.DeepCopy()
	job.Spec.RestartPolicy = corev1.RestartPolicyNever
	for _, object := range []client.Object{
		&appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Selector: selector, Template: template}},
		&appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template}},
		&batchv1.CronJob{ObjectMeta: meta, Spec: batchv1.CronJobSpec{
			Schedule: "0 0 * * *", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: *job}},
		}},
	} {
		g.Expect(as(t, "argocd").Create(t.Context(), object)).To(Succeed())
		g.Expect(authorOf(object)).To(Equal("1:argocd"))
		g.Expect(as(t, "alice").Patch(t.Context(), object, mergePatch(`{"metadata":{"annotations":{"a":"b"}}}`))).To(Succeed())
		g.Expect(authorOf(object)).To(Equal("1:argocd"), "%T", object)
	}
}
