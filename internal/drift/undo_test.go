// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/testenv"
)

func full(t *testing.T, d *appsv1.Deployment) map[string]any {
	t.Helper()
	out, err := runtime.DefaultUnstructuredConverter.ToUnstructured(d)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return out
}

func specOf(t *testing.T, d *appsv1.Deployment) map[string]any {
	t.Helper()
	return map[string]any{"spec": full(t, d)["spec"]}
}

func furnished(namespace string) *appsv1.Deployment {
	d := testenv.Deployment("shop", namespace)
	spec := &d.Spec.Template.Spec
	d.Spec.Template.Annotations = map[string]string{"example.com/a": "1"}
	spec.InitContainers = []corev1.Container{{Name: "first", Image: "i:1"}, {Name: "second", Image: "i:2"}}
	spec.Containers = append(spec.Containers, corev1.Container{Name: "proxy", Image: "proxy:1", Env: []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}}})
	spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}
	spec.Volumes = []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	return d
}

func TestUndoTakesBackExactlyTheLeavesThatDrifted(t *testing.T) {
	template := func(d *appsv1.Deployment) *corev1.PodTemplateSpec { return &d.Spec.Template }
	containers := func(d *appsv1.Deployment) []corev1.Container { return d.Spec.Template.Spec.Containers }
	for _, c := range []struct {
		name string
		edit func(*appsv1.Deployment)
	}{
		{"a changed image", func(d *appsv1.Deployment) { containers(d)[0].Image = "evil" }},
		{"an added container", func(d *appsv1.Deployment) {
			template(d).Spec.Containers = append([]corev1.Container{{Name: "debug", Image: "busybox"}}, containers(d)...)
		}},
		{"a removed container", func(d *appsv1.Deployment) { template(d).Spec.Containers = containers(d)[:1] }},
		{"removed init containers, whose order matters", func(d *appsv1.Deployment) {
			template(d).Spec.InitContainers = template(d).Spec.InitContainers[1:]
		}},
		{"a container removed and fields of the next changed", func(d *appsv1.Deployment) {
			template(d).Spec.Containers = containers(d)[1:]
			containers(d)[0].Env = []corev1.EnvVar{{Name: "C", Value: "3"}}
		}},
		{"all annotations removed", func(d *appsv1.Deployment) { template(d).Annotations = nil }},
		{"annotations added", func(d *appsv1.Deployment) { template(d).Annotations["example.com/b"] = "x" }},
		{"all variables removed", func(d *appsv1.Deployment) { containers(d)[1].Env = nil }},
		{"several variables added to none", func(d *appsv1.Deployment) {
			containers(d)[0].Env = []corev1.EnvVar{{Name: "X", Value: "1"}, {Name: "Y", Value: "2"}}
		}},
		{"limits changed, added and removed", func(d *appsv1.Deployment) {
			containers(d)[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}
		}},
		{"a security context added", func(d *appsv1.Deployment) {
			containers(d)[0].SecurityContext = &corev1.SecurityContext{Privileged: ptr.To(true)}
		}},
		{"the strategy changed its kind", func(d *appsv1.Deployment) {
			d.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
		}},
		{"a volume changed its kind", func(d *appsv1.Deployment) {
			template(d).Spec.Volumes[0].VolumeSource = corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}
		}},
		{"replicas and pause", func(d *appsv1.Deployment) { d.Spec.Replicas, d.Spec.Paused = ptr.To[int32](0), true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, k := NewWithT(t), as(t, "admin")
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "undo-"}}
			g.Expect(k.Create(t.Context(), namespace)).To(Succeed())
			base := furnished(namespace.Name)
			g.Expect(k.Create(t.Context(), base)).To(Succeed())
			live := base.DeepCopy()
			c.edit(live)
			metav1.SetMetaDataAnnotation(&live.ObjectMeta, "somebody", "was here")
			g.Expect(k.Update(t.Context(), live)).To(Succeed())

			leaves := drift.Diff(specOf(t, base), specOf(t, live))
			g.Expect(leaves).NotTo(BeEmpty())
			patch, err := drift.Undo(full(t, live), leaves)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(k.Patch(t.Context(), live, client.RawPatch(types.JSONPatchType, patch))).To(Succeed(), string(patch))

			g.Expect(drift.Diff(specOf(t, base), specOf(t, live))).To(BeEmpty())
			g.Expect(live.Spec.Template.Spec.InitContainers).To(Equal(base.Spec.Template.Spec.InitContainers))
			g.Expect(live.Annotations).To(HaveKey("somebody"), "nothing else was touched")
			g.Expect(k.Patch(t.Context(), live, client.RawPatch(types.JSONPatchType, patch))).NotTo(Succeed(),
				"the patch is for one version of the object alone")
		})
	}
}

func TestUndoLeavesOtherDifferencesAlone(t *testing.T) {
	g := NewWithT(t)
	base, live := furnished("x"), furnished("x")
	live.ResourceVersion = "7"
	live.Spec.Template.Spec.Containers[0].Image = "evil"
	live.Spec.Replicas = ptr.To[int32](9)
	leaves := drift.Diff(specOf(t, base), specOf(t, live))
	g.Expect(leaves).To(HaveLen(2))
	patch, err := drift.Undo(full(t, live), leaves[1:])
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(patch).To(MatchJSON(`[
		{"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
		{"op": "test", "path": "/spec/template/spec/containers/0/image", "value": "evil"},
		{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "registry.example/shop:1.0.0"}]`))
}

func TestUndoRefusesWhatItCannotDoAlone(t *testing.T) {
	g := NewWithT(t)
	live := furnished("x")
	_, err := drift.Undo(full(t, live), nil)
	g.Expect(err).To(MatchError(ContainSubstring("resourceVersion")))

	live.ResourceVersion = "7"
	gone := drift.Path{}.Field("spec").Field("template").Field("spec").Field("containers").
		ListItem([]drift.Key{{Name: "name", Value: "gone"}}).Field("image")
	_, err = drift.Undo(full(t, live), []drift.Leaf{{Path: gone, Was: "a", Is: "b"}})
	g.Expect(err).To(MatchError(ContainSubstring("spec.template.spec.containers[name=gone].image")))
}

func TestReleasedOwnershipLetsTheOwnerApplyAgain(t *testing.T) {
	g, k := NewWithT(t), as(t, "admin")
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "release-"}}
	g.Expect(k.Create(t.Context(), namespace)).To(Succeed())
	shop := furnished(namespace.Name)
	g.Expect(k.Create(t.Context(), shop, client.FieldOwner("argocd"))).To(Succeed())
	g.Expect(k.Patch(t.Context(), shop, client.RawPatch(types.JSONPatchType,
		[]byte(`[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"corrected"}]`)),
		client.FieldOwner(v1alpha1.ManagedBy))).To(Succeed())

	patch, err := drift.ReleaseOwnership(shop, v1alpha1.ManagedBy)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(k.Patch(t.Context(), shop, client.RawPatch(types.JSONPatchType, patch))).To(Succeed())

	for _, entry := range shop.ManagedFields {
		g.Expect(entry.Manager).NotTo(Equal(v1alpha1.ManagedBy))
	}
	g.Expect(shop.Spec.Template.Spec.Containers[0].Image).To(Equal("corrected"), "the value stays")
	again, err := drift.ReleaseOwnership(shop, v1alpha1.ManagedBy)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again).To(BeNil(), "there is nothing to write any more")
}
