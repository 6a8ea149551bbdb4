// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/rampart-dev/rampart/internal/testenv"
)

// way is one request by which containers would come into being, or change, that violate
// what is enforced.
type way struct {
	// resource that the request names, as in "deployments.apps" or "pods/resize".
	resource string
	// name says what is done.
	name string
	// try makes the request, in earnest: what is refused leaves nothing behind.
	try func(context.Context, client.Client) error
	// refusedBy are the guardrails that a refusal must name. None means that the API
	// itself does not allow the request, whoever makes it and whatever stands.
	refusedBy []string
}

// inert are the resources that hold what containers run, and by which no container comes
// into being.
var inert = map[string]string{
	"podtemplates":                  "nothing makes pods of a PodTemplate",
	"pods/status":                   keepsTheSpec,
	"replicationcontrollers/status": keepsTheSpec,
	"deployments.apps/status":       keepsTheSpec,
	"replicasets.apps/status":       keepsTheSpec,
	"statefulsets.apps/status":      keepsTheSpec,
	"daemonsets.apps/status":        keepsTheSpec,
	"jobs.batch/status":             keepsTheSpec,
	"cronjobs.batch/status":         keepsTheSpec,
}

const keepsTheSpec = "a write to status leaves the spec as it was"

// The names of the objects of every kind in a namespace where the ways are tried: arriving
// are those that nobody may bring, standing those that comply, and old those that violated
// what is enforced before it was.
const (
	arriving = "arriving"
	standing = "standing"
	old      = "old"
)

var sevenCPUs = corev1.ResourceList{corev1.ResourceCPU: quantity.MustParse("7")}

const (
	pinned   = "registry.example/shop:1.0.0"
	unpinned = "registry.example/shop:latest"
)

// waysIn are all of them, in a namespace where every kind stands, and an old violator of
// every kind.
func waysIn(namespace string) []way {
	var all []way
	for _, flaw := range flaws {
		for _, object := range everyKind(arriving, namespace, template(arriving, flaw.mar)) {
			all = append(all, creations(object, flaw)...)
		}
		all = append(all, creations(revision(arriving, namespace, template(arriving, flaw.mar)), flaw)...)
	}
	for _, object := range everyKind(standing, namespace, template(standing)) {
		all = append(all, changes(object)...)
	}
	all = append(all, subresourceChanges(namespace)...)
	all = append(all, forgeries(namespace)...)
	return append(all, growths(namespace)...)
}

// flaw is something that a template must not have where the guardrails are enforced.
type flaw struct {
	name      string
	mar       func(*corev1.PodSpec)
	refusedBy []string
}

var flaws = []flaw{
	{"a privileged container of an unpinned image", func(spec *corev1.PodSpec) {
		unpinnedImage(spec)
		spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: ptr.To(true)}
	}, []string{"image-pinned", "no-privileged"}},
	{"an init container of an unpinned image", func(spec *corev1.PodSpec) {
		spec.InitContainers = []corev1.Container{{Name: "init", Image: unpinned}}
	}, []string{"image-pinned"}},
}

func unpinnedImage(spec *corev1.PodSpec) { spec.Containers[0].Image = unpinned }

// template complies, but for what is done to its spec.
func template(name string, mar ...func(*corev1.PodSpec)) corev1.PodTemplateSpec {
	template := testenv.Deployment(name, "", testenv.Image(pinned), testenv.GracePeriod(1)).Spec.Template
	template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: quantity.MustParse("50m")}
	for _, mar := range mar {
		mar(&template.Spec)
	}
	return template
}

// everyKind is one object of each kind that makes pods, and a Pod, of the template.
func everyKind(name, namespace string, template corev1.PodTemplateSpec) []client.Object {
	meta := in(namespace, name)
	meta.Labels = template.Labels
	selector := &metav1.LabelSelector{MatchLabels: template.Labels}
	once := *template.DeepCopy()
	once.Spec.RestartPolicy = corev1.RestartPolicyNever
	return []client.Object{
		&appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](2), Selector: selector, Template: template}},
		&appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Replicas: ptr.To[int32](2), Selector: selector, Template: template}},
		&appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template}},
		&appsv1.ReplicaSet{ObjectMeta: meta, Spec: appsv1.ReplicaSetSpec{Selector: selector, Template: template}},
		&corev1.ReplicationController{ObjectMeta: meta, Spec: corev1.ReplicationControllerSpec{Selector: template.Labels, Template: &template}},
		&batchv1.Job{ObjectMeta: meta, Spec: batchv1.JobSpec{Template: once}},
		cronJob(meta.Name, namespace, once),
		&corev1.Pod{ObjectMeta: meta, Spec: template.Spec},
	}
}

// revision is a ControllerRevision of the template, as the controllers of StatefulSets and
// DaemonSets write and read them.
func revision(name, namespace string, template corev1.PodTemplateSpec) *appsv1.ControllerRevision {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": template}})
	if err != nil {
		panic(err)
	}
	meta := in(namespace, name)
	meta.Labels = template.Labels
	return &appsv1.ControllerRevision{ObjectMeta: meta, Revision: 7, Data: runtime.RawExtension{Raw: patch}}
}

// idle takes from an object its pods, and from a Pod its node, so that it can stand for as
// long as somebody tries to change it.
func idle(object client.Object) client.Object {
	switch o := object.(type) {
	case *appsv1.Deployment:
		o.Spec.Replicas = ptr.To[int32](0)
	case *appsv1.StatefulSet:
		o.Spec.Replicas = ptr.To[int32](0)
	case *appsv1.ReplicaSet:
		o.Spec.Replicas = ptr.To[int32](0)
	case *corev1.ReplicationController:
		o.Spec.Replicas = ptr.To[int32](0)
	case *appsv1.DaemonSet:
		o.Spec.Template.Spec.NodeSelector = map[string]string{"absent": "true"}
	case *batchv1.Job:
		o.Spec.Suspend = ptr.To(true)
	case *batchv1.CronJob:
		o.Spec.Suspend = ptr.To(true)
	case *corev1.Pod:
		o.Labels = nil                                            // A ReplicaSet of none would adopt it, and delete it.
		o.Spec.NodeSelector = map[string]string{"absent": "true"} // The nodes of the tests cannot resize.
	}
	return object
}

// podSpec of any kind that makes pods, or of a Pod.
func podSpec(object client.Object) *corev1.PodSpec {
	if pod, ok := object.(*corev1.Pod); ok {
		return &pod.Spec
	}
	return &podTemplate(object).Spec
}

// podTemplate of any kind that makes pods.
func podTemplate(object client.Object) *corev1.PodTemplateSpec {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template
	case *appsv1.StatefulSet:
		return &o.Spec.Template
	case *appsv1.DaemonSet:
		return &o.Spec.Template
	case *appsv1.ReplicaSet:
		return &o.Spec.Template
	case *corev1.ReplicationController:
		return o.Spec.Template
	case *batchv1.Job:
		return &o.Spec.Template
	case *batchv1.CronJob:
		return &o.Spec.JobTemplate.Spec.Template
	default:
		panic(fmt.Sprintf("%T makes no pods", object))
	}
}

// creations are the ways to make the object anew.
func creations(object client.Object, flaw flaw) []way {
	with := " a " + kindOf(object).Kind + " with " + flaw.name
	one := func(verb string, try func(context.Context, client.Client, client.Object) error) way {
		return way{
			resource: resourceOf(object), name: verb + with, refusedBy: flaw.refusedBy,
			try: func(ctx context.Context, c client.Client) error { return try(ctx, c, copied(object)) },
		}
	}
	return []way{
		one("creates", func(ctx context.Context, c client.Client, o client.Object) error { return c.Create(ctx, o) }),
		one("creates under a generated name", func(ctx context.Context, c client.Client, o client.Object) error {
			o.SetGenerateName(o.GetName() + "-")
			o.SetName("")
			return c.Create(ctx, o)
		}),
		one("applies what does not exist yet,", func(ctx context.Context, c client.Client, o client.Object) error {
			return c.Patch(ctx, o, applyPatch{}, client.FieldOwner(forgedManager), client.ForceOwnership)
		}),
	}
}

// changes are the ways to change the image of what stands.
func changes(object client.Object) []way {
	refusedBy := []string{"image-pinned"}
	if _, job := object.(*batchv1.Job); job {
		refusedBy = nil // Its template cannot change.
	}
	return inEveryForm(object, "", "changes the image of a "+kindOf(object).Kind, refusedBy, func(o client.Object) { unpinnedImage(podSpec(o)) })
}

// subresourceChanges are the ways to change what runs in a Pod that stands. They are
// subresources of it, which nothing that matches pods alone matches.
func subresourceChanges(namespace string) []way {
	pod := testenv.Pod(standing, namespace)
	debug := inEveryForm(pod, "ephemeralcontainers", "adds an ephemeral container", []string{"image-pinned", "no-privileged"}, func(o client.Object) {
		podSpec(o).EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name: "debugger", Image: unpinned, SecurityContext: &corev1.SecurityContext{Privileged: ptr.To(true)},
		}}}
	})
	resize := inEveryForm(pod, "resize", "resizes a container", []string{oddCPU.Name}, func(o client.Object) {
		podSpec(o).Containers[0].Resources.Requests = sevenCPUs
	})
	return append(debug, resize...)
}

// forgeries are the ways to make the violating object that a built-in controller makes, with
// the old violator that it would make it for as its owner.
func forgeries(namespace string) []way {
	owners := map[string][]string{
		"Pod":        {"ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "Job"},
		"ReplicaSet": {"Deployment"},
		"Job":        {"CronJob"},
	}
	var all []way
	for _, object := range everyKind(arriving, namespace, template(arriving, unpinnedImage)) {
		for _, owner := range everyKind(old, namespace, template(old)) {
			if !slices.Contains(owners[kindOf(object).Kind], kindOf(owner).Kind) {
				continue
			}
			all = append(all, way{
				resource: resourceOf(object), refusedBy: []string{"image-pinned"},
				name: "creates a " + kindOf(object).Kind + " as if an old " + kindOf(owner).Kind + " had made it",
				try: func(ctx context.Context, c client.Client) error {
					owner, forged := copied(owner), copied(object)
					if err := c.Get(ctx, client.ObjectKeyFromObject(owner), owner); err != nil {
						return err
					}
					if err := controllerutil.SetControllerReference(owner, forged, c.Scheme()); err != nil {
						return err
					}
					return c.Create(ctx, forged)
				},
			})
		}
	}
	return all
}

// growths are the ways by which an old violator would violate more than it did.
func growths(namespace string) []way {
	deployment := testenv.Deployment(old, namespace)
	var all []way
	for name, mar := range map[string]func(*corev1.PodSpec){
		"gives an old violator one more container of its image": func(spec *corev1.PodSpec) {
			spec.Containers = append(spec.Containers, corev1.Container{Name: "more", Image: unpinned})
		},
		"gives an old violator's container another name": func(spec *corev1.PodSpec) { spec.Containers[0].Name = "renamed" },
		"gives an old violator another unpinned image":   func(spec *corev1.PodSpec) { spec.Containers[0].Image = "registry.example/other:latest" },
	} {
		all = append(all, inEveryForm(deployment, "", name, []string{"image-pinned"}, func(o client.Object) { mar(podSpec(o)) })...)
	}
	return all
}

// inertWrite is a request that would bring what violates, if it did what it says.
type inertWrite struct {
	way
	// object that must stay as it is.
	object client.Object
}

// inertWrites are the requests that state a template where the API server must not take one.
func inertWrites(namespace string) []inertWrite {
	var all []inertWrite
	for _, object := range everyKind(standing, namespace, template(standing)) {
		status := inEveryForm(object, "status", "states another image in the status of a "+kindOf(object).Kind, nil, func(o client.Object) { unpinnedImage(podSpec(o)) })
		scale := inEveryForm(object, "scale", "states another image in the scale of a "+kindOf(object).Kind, nil, func(o client.Object) { unpinnedImage(podSpec(o)) })
		for _, way := range append(status, scale...) {
			all = append(all, inertWrite{way, object})
		}
	}
	return all
}

// inEveryForm are the ways to change the object, or a subresource of it.
func inEveryForm(object client.Object, subresource, does string, refusedBy []string, mar func(client.Object)) []way {
	name := resourceOf(object)
	if subresource != "" {
		name += "/" + subresource
	}
	var all []way
	for _, form := range forms {
		all = append(all, way{resource: name, name: does + " by " + form.name, refusedBy: refusedBy, try: func(ctx context.Context, c client.Client) error {
			before := copied(object)
			if err := c.Get(ctx, client.ObjectKeyFromObject(object), before); err != nil {
				return err
			}
			after := copied(before)
			mar(after)
			return form.send(ctx, c, subresource, before, after)
		}})
	}
	return all
}
