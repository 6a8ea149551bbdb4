// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Guardrail is a rule over workloads, written in the CEL of Kubernetes admission.
// What a violation leads to is not said here: each EnvironmentPolicy sets it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=gr,categories=rampart
// +kubebuilder:printcolumn:name="Title",type=string,JSONPath=`.spec.title`
// +kubebuilder:printcolumn:name="Category",type=string,JSONPath=`.spec.category`
// +kubebuilder:printcolumn:name="Severity",type=string,JSONPath=`.spec.severity`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 48",message="a guardrail's name has at most 48 characters, because native policies repeat it"
type Guardrail struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the rule.
	// +required
	Spec GuardrailSpec `json:"spec"`

	// status says whether the rule is in force.
	// +optional
	Status GuardrailStatus `json:"status,omitempty"`
}

// GuardrailSpec is the rule of a Guardrail.
//
// +kubebuilder:validation:XValidation:rule="has(self.findings) != has(self.validations)",message="set exactly one of findings and validations"
type GuardrailSpec struct {
	// title names the rule in a few words, for tables and messages.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=80
	Title string `json:"title"`

	// description says what the rule asks for and why it matters.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Description string `json:"description,omitempty"`

	// howToFix tells the owner of a violating workload what to change.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	HowToFix string `json:"howToFix,omitempty"`

	// category groups rules in listings.
	// +required
	Category GuardrailCategory `json:"category"`

	// severity is shown to people and orders findings. It changes no level; but where an
	// environment enforces a Critical guardrail, its findings in the source close the
	// environment's gates, because admission would refuse them anyway.
	// +optional
	// +kubebuilder:default=Medium
	Severity Severity `json:"severity,omitempty"`

	// kinds are the workload kinds that the rule judges. Left out, it judges all of them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	Kinds []WorkloadKind `json:"kinds,omitempty"`

	// findings is a CEL expression that returns a list of objects with a key and a
	// text, one for each violation; an empty list means that the workload complies.
	// The key is the stable location and item of the violation, without values that
	// change; the text is for people, at most 150 characters of it are shown. Both must be
	// known to be strings: wrap in string() what is read from the object.
	// Besides object, oldObject, request and namespaceObject it may use
	// variables.podTemplate, variables.podSpec, and variables.containers (regular,
	// init and ephemeral), which exist for every workload kind.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=8192
	Findings string `json:"findings,omitempty"`

	// validations is the form of a ValidatingAdmissionPolicy: each expression must
	// be true, else its message is the finding.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Validations []Validation `json:"validations,omitempty"`

	// default is an expression that returns an ApplyConfiguration for a new Pod,
	// applied where an EnvironmentPolicy says defaults: Apply. It must set only what
	// the Pod leaves unset, and only what cannot make a valid Pod invalid.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=8192
	Default string `json:"default,omitempty"`
}

// Validation is one rule in the form of a ValidatingAdmissionPolicy.
//
// +kubebuilder:validation:XValidation:rule="has(self.message) || has(self.messageExpression)",message="set message or messageExpression"
type Validation struct {
	// expression is CEL that is true when the workload complies.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=8192
	Expression string `json:"expression"`

	// message says what is wrong when the expression is false. It is the key of the finding too.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Message string `json:"message,omitempty"`

	// messageExpression is CEL that returns the message. One that could fail on some
	// object, because it reads a field that may be absent, is replaced by message, or by
	// the title where there is none.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	MessageExpression string `json:"messageExpression,omitempty"`
}

// GuardrailCategory groups guardrails.
//
// +kubebuilder:validation:Enum=PodSecurity;Resources;Identity;Isolation;ReleaseConfiguration;Availability;Telemetry;Ownership
type GuardrailCategory string

// Severity orders findings for people.
//
// +kubebuilder:validation:Enum=Low;Medium;High;Critical
type Severity string

// The severities, least first.
const (
	Low      Severity = "Low"
	Medium   Severity = "Medium"
	High     Severity = "High"
	Critical Severity = "Critical"
)

// GuardrailStatus says whether the rule is in force.
type GuardrailStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// accepted is the rule in force: the last spec that compiled within its cost
	// limits. An edit that does not compile changes nothing here.
	// +optional
	Accepted *AcceptedRule `json:"accepted,omitempty"`

	// conditions: Ready is True when the spec as it stands is in force. Its message
	// gives the position of an error.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// AcceptedRule is the part of a GuardrailSpec that is evaluated.
type AcceptedRule struct {
	// generation of the spec that was accepted.
	// +required
	Generation int64 `json:"generation"`

	// spec as it was accepted.
	// +required
	Spec GuardrailSpec `json:"spec"`
}

// GuardrailList is a list of Guardrails.
//
// +kubebuilder:object:root=true
type GuardrailList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Guardrail `json:"items"`
}
