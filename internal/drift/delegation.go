// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Autoscaler is an object that was given fields of a workload to set. Whoever writes them
// then, the baseline follows: what the manifest says of them is where they began.
type Autoscaler struct {
	// Kind of the object: HorizontalPodAutoscaler.
	Kind string
	// Name of the object.
	Name string
	// Target is the workload, in the object's namespace.
	Target Target

	// vertical are the resources that it sets; nil when it sets replicas.
	vertical *vertical
}

// Target is the workload of an Autoscaler.
type Target struct {
	// Kind of the workload; empty when it is none that has a baseline.
	Kind v1alpha1.WorkloadKind
	// Name of the workload.
	Name string
}

// Horizontal reads a HorizontalPodAutoscaler.
func Horizontal(object *autoscalingv2.HorizontalPodAutoscaler) Autoscaler {
	ref := object.Spec.ScaleTargetRef
	return Autoscaler{Kind: "HorizontalPodAutoscaler", Name: object.Name, Target: targetOf(ref.APIVersion, ref.Kind, ref.Name)}
}

// Scaled reads a ScaledObject of keda.sh, which scales between none and one itself and
// leaves the rest to a HorizontalPodAutoscaler of its own.
func Scaled(object *unstructured.Unstructured) Autoscaler {
	ref := reference(object.Object, "scaleTargetRef")
	if ref["kind"] == "" {
		ref["kind"] = string(v1alpha1.KindDeployment) // its default
	}
	return Autoscaler{Kind: "ScaledObject", Name: object.GetName(), Target: targetOf(ref["apiVersion"], ref["kind"], ref["name"])}
}

// Vertical reads a VerticalPodAutoscaler of autoscaling.k8s.io. One that only recommends has
// no target.
func Vertical(object *unstructured.Unstructured) Autoscaler {
	out := Autoscaler{Kind: "VerticalPodAutoscaler", Name: object.GetName(), vertical: verticalOf(object.Object)}
	if mode, _, _ := unstructured.NestedString(object.Object, "spec", "updatePolicy", "updateMode"); mode != "Off" {
		ref := reference(object.Object, "targetRef")
		out.Target = targetOf(ref["apiVersion"], ref["kind"], ref["name"])
	}
	return out
}

// Sets says whether the field is one of those that the autoscaler was given.
func (a Autoscaler) Sets(path Path) bool {
	if a.vertical == nil {
		return replicas.Matches(path)
	}
	return a.vertical.sets(path)
}

// Equal says whether both set the same of the same.
func (a Autoscaler) Equal(other Autoscaler) bool { return reflect.DeepEqual(a, other) }

// String says what the autoscaler sets, to people.
func (a Autoscaler) String() string {
	if a.vertical == nil {
		return fmt.Sprintf("%s %s sets %s", a.Kind, a.Name, replicas.path)
	}
	return fmt.Sprintf("%s %s sets the resources of its containers", a.Kind, a.Name)
}

var (
	replicas  = Pattern{Path{{Field: "spec"}, {Field: "replicas"}}}
	resources = Pattern{Path{
		{Field: "spec"}, {Field: "template"}, {Field: "spec"}, {Field: "containers"}, {Item: []Key{{Name: "name", Value: anyValue}}}, {Field: "resources"},
	}}
)

// delegable says whether some autoscaler might have been given the field.
func delegable(path Path) bool { return replicas.Matches(path) || resources.Matches(path) }

// vertical is what a VerticalPodAutoscaler says about containers by name, "*" for those that
// it does not name.
type vertical struct{ containers map[string]container }

// container is what may be set of one container; the zero value is all of it.
type container struct {
	// off is true when its resources are left alone.
	off bool
	// resources that are set; all when there are none.
	resources []string
	// requestsOnly is true when limits are left alone.
	requestsOnly bool
}

func verticalOf(object map[string]any) *vertical {
	out := &vertical{containers: map[string]container{}}
	policies, _, _ := unstructured.NestedSlice(object, "spec", "resourcePolicy", "containerPolicies")
	for _, item := range policies {
		policy, is := item.(map[string]any)
		if !is {
			continue
		}
		mode, _, _ := unstructured.NestedString(policy, "mode")
		values, _, _ := unstructured.NestedString(policy, "controlledValues")
		named, _, _ := unstructured.NestedStringSlice(policy, "controlledResources")
		name, _, _ := unstructured.NestedString(policy, "containerName")
		out.containers[name] = container{off: mode == "Off", resources: named, requestsOnly: values == "RequestsOnly"}
	}
	return out
}

func (v *vertical) sets(path Path) bool {
	below := len(resources.path)
	if !resources.Matches(path) || len(path) != below+2 {
		return false
	}
	policy, named := v.containers[path[below-2].Item[0].Value]
	if !named {
		policy = v.containers[anyValue]
	}
	list, resource := path[below].Field, path[below+1].Field
	switch {
	case policy.off || (list == "limits" && policy.requestsOnly):
		return false
	case len(policy.resources) > 0:
		return slices.Contains(policy.resources, resource)
	default:
		return resource == "cpu" || resource == "memory"
	}
}

// targetOf a reference. One without an API group is of whatever group has the kind.
func targetOf(apiVersion, kind, name string) Target {
	version, err := schema.ParseGroupVersion(apiVersion)
	known := []v1alpha1.WorkloadKind{v1alpha1.KindDeployment, v1alpha1.KindStatefulSet, v1alpha1.KindDaemonSet}
	ours := apiVersion == "" || version.Group == appsv1.GroupName
	if err != nil || !ours || !slices.Contains(known, v1alpha1.WorkloadKind(kind)) {
		return Target{}
	}
	return Target{Kind: v1alpha1.WorkloadKind(kind), Name: name}
}

// reference reads a reference in the spec of an object; what is not there is empty.
func reference(object map[string]any, field string) map[string]string {
	out := map[string]string{}
	for _, part := range []string{"apiVersion", "kind", "name"} {
		out[part], _, _ = unstructured.NestedString(object, "spec", field, part)
	}
	return out
}

// delegated says in words what autoscalers set; empty when there are none.
func delegated(autoscalers []Autoscaler) string {
	var all []string
	for _, a := range autoscalers {
		all = append(all, a.String())
	}
	return strings.Join(all, ", ")
}
