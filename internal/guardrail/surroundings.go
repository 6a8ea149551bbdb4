// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// surroundingVariables says which variable is which surrounding.
var surroundingVariables = map[string]v1alpha1.Surrounding{
	"missing":           v1alpha1.SurroundingReferences,
	"disruptionBudgets": v1alpha1.SurroundingDisruptionBudgets,
	"services":          v1alpha1.SurroundingServices,
	"claimedHosts":      v1alpha1.SurroundingIngressHosts,
}

// paramsName is what the API server's libraries call an object that comes with a request
// from outside. Policies here have none; the surroundings take its place in evaluation.
const paramsName = plugincel.ParamsVarName

// Surroundings are what a rule may read besides the object; see v1alpha1.Surrounding. A
// list that is nil was not looked for: a rule that reads it cannot be evaluated, and says
// so. A list that was looked for and is empty is an empty list, never nil.
type Surroundings struct {
	Missing           []MissingReference `json:"missing"`
	DisruptionBudgets []DisruptionBudget `json:"disruptionBudgets"`
	Services          []Service          `json:"services"`
	ClaimedHosts      []ClaimedHost      `json:"claimedHosts"`
}

// MissingReference is something that a pod template names and that does not exist.
type MissingReference struct {
	// Kind of what is missing: ConfigMap, ServiceAccount or PersistentVolumeClaim.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Key of a ConfigMap that exists but lacks it; empty when all of it is missing.
	Key string `json:"key"`
	// From is where the pod template names it, as in "container app, env TOKEN".
	From string `json:"from"`
}

// DisruptionBudget is a PodDisruptionBudget whose selector matches a pod template's labels.
type DisruptionBudget struct {
	Name string `json:"name"`
	// MaxUnavailable and MinAvailable are absent when the budget does not set them. A rule
	// reads a number as an int, and a percentage as a string.
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	MinAvailable   *intstr.IntOrString `json:"minAvailable,omitempty"`
	// ExpectedPods and DisruptionsAllowed are from the budget's status.
	ExpectedPods       int32 `json:"expectedPods"`
	DisruptionsAllowed int32 `json:"disruptionsAllowed"`
	// MatchesAll is true for an empty selector, which is over every pod of the namespace.
	MatchesAll bool `json:"matchesAll"`
}

// Service is a Service whose selector matches a pod template's labels.
type Service struct {
	Name string `json:"name"`
	// Ports are absent where it has none.
	Ports []ServicePort `json:"ports,omitempty"`
}

// ServicePort is a port of a Service.
type ServicePort struct {
	// Name is empty where the Service gives its port none.
	Name string `json:"name"`
	Port int32  `json:"port"`
	// TargetPort is the number or the name of a container's port.
	TargetPort intstr.IntOrString `json:"targetPort"`
	Protocol   string             `json:"protocol"`
}

// ClaimedHost is a host that another Ingress of the cluster claims.
type ClaimedHost struct {
	Host string `json:"host"`
	// Namespace and Name of that Ingress.
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// bound makes the surroundings that a rule needs readable to it. A rule that needs none
// sees none.
func bound(needed []v1alpha1.Surrounding, s *Surroundings) (plugincel.OptionalVariableBindings, error) {
	if len(needed) == 0 {
		return plugincel.OptionalVariableBindings{}, nil
	}
	if s == nil {
		s = &Surroundings{}
	}
	known := map[v1alpha1.Surrounding]bool{
		v1alpha1.SurroundingReferences:        s.Missing != nil,
		v1alpha1.SurroundingDisruptionBudgets: s.DisruptionBudgets != nil,
		v1alpha1.SurroundingServices:          s.Services != nil,
		v1alpha1.SurroundingIngressHosts:      s.ClaimedHosts != nil,
	}
	for _, surrounding := range needed {
		if !known[surrounding] {
			return plugincel.OptionalVariableBindings{}, fmt.Errorf("its surroundings are not known: %s", surrounding)
		}
	}
	return plugincel.OptionalVariableBindings{VersionedParams: &surroundingObject{*s}}, nil
}

// surroundingObject is an object as the API server's libraries take it.
type surroundingObject struct {
	Surroundings `json:",inline"`
}

// GetObjectKind has nothing to say: the object has no kind.
func (o *surroundingObject) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject shares the lists, which nobody writes to.
func (o *surroundingObject) DeepCopyObject() runtime.Object {
	c := *o
	return &c
}
