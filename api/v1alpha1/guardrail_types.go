// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Guardrail is a rule over workloads or other objects, written in the CEL of Kubernetes admission.
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
// +kubebuilder:validation:XValidation:rule="!has(self.kinds) || !has(self.resources)",message="set kinds for a rule over workloads, or resources for a rule over other objects, not both"
// +kubebuilder:validation:XValidation:rule="!has(self.resources) || !has(self.default)",message="a default is for new Pods: a rule over other resources cannot have one"
// +kubebuilder:validation:XValidation:rule="!has(self.resources) || !has(self.predicts)",message="predicts is for rules over workloads: other objects have no behaviour"
type GuardrailSpec struct {
	// title names the rule in a few words, for tables and messages.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=80
	Title string `json:"title"`

	// description says what the rule asks for.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Description string `json:"description,omitempty"`

	// rationale says why it matters: what goes wrong without it.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Rationale string `json:"rationale,omitempty"`

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

	// resources are the objects that the rule judges instead of workloads, by their API.
	// Only namespaced resources can be judged, and Namespaces themselves. The operator
	// must be allowed to get, list and watch them; the condition Ready says when it is not.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Resources []ResourceRule `json:"resources,omitempty"`

	// surroundings are what the rule reads besides the object: variables.missing for
	// References, variables.disruptionBudgets for DisruptionBudgets, variables.services
	// for Services, and variables.claimedHosts for IngressHosts. Admission cannot read
	// them: such a rule is evaluated in the background only, and stays at Observe.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	Surroundings []Surrounding `json:"surroundings,omitempty"`

	// parameters are what an EnvironmentPolicy may set: variables.params.<name> in the
	// rule. Their values are written into native policies as literals.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Parameters []Parameter `json:"parameters,omitempty"`

	// predicts is the quality that a workload is expected to lack when it violates the
	// rule. A rule that predicts is checked against behaviour: a violating revision that
	// proves ready nevertheless is shown as a suspected false positive.
	// +optional
	Predicts Quality `json:"predicts,omitempty"`

	// findings is a CEL expression that returns a list of objects with a key and a
	// text, one for each violation; an empty list means that the workload complies.
	// The key is the stable location and item of the violation, without values that
	// change; the text is for people, at most 150 characters of it are shown. Both must be
	// known to be strings: wrap in string() what is read from the object.
	// Besides object, oldObject, request and namespaceObject it may use variables.params
	// and, over workloads, variables.podTemplate, variables.podSpec, and
	// variables.containers (regular, init and ephemeral), which exist for every workload kind.
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
	// applied where an EnvironmentPolicy says defaults: Apply. It may set requests of cpu
	// and memory, where the container and the Pod leave them unset, and nothing else:
	// whatever else a default sets could keep a valid Pod from starting.
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

// ResourceRule names a resource of the API that a rule judges.
//
// +kubebuilder:validation:XValidation:rule="self.group != 'rampart.dev'",message="guardrails judge what teams write: the operator's own objects are not judged"
// +kubebuilder:validation:XValidation:rule="size(self.group) != 0 || self.resource != 'secrets'",message="Secrets are never read"
// +kubebuilder:validation:XValidation:rule="!((size(self.group) == 0 && self.resource in ['pods', 'replicationcontrollers']) || (self.group == 'apps' && self.resource in ['deployments', 'statefulsets', 'daemonsets', 'replicasets']) || (self.group == 'batch' && self.resource in ['jobs', 'cronjobs']))",message="workloads are judged by kinds: leave resources out, and set kinds to limit the rule"
type ResourceRule struct {
	// group of the API; empty for the core group.
	// +optional
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group"`

	// version of the API in which the rule reads the objects. Requests in another
	// version are converted to it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z][a-z0-9]*$`
	Version string `json:"version"`

	// resource is the plural name in the API, without a subresource: services.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z]([-a-z0-9]*[a-z0-9])?$`
	Resource string `json:"resource"`

	// kind of the objects: Service.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Z][a-zA-Z0-9]*$`
	Kind string `json:"kind"`
}

// Surrounding is something besides the object that a rule reads.
//
// +kubebuilder:validation:Enum=References;DisruptionBudgets;Services;IngressHosts
type Surrounding string

// The surroundings.
const (
	// SurroundingReferences is variables.missing: a list of {kind, name, key, from} for
	// each ConfigMap, ServiceAccount and PersistentVolumeClaim, or key of a ConfigMap,
	// that the pod template names and that does not exist. Optional references are not in
	// it; Secrets neither, because the operator does not read them.
	SurroundingReferences Surrounding = "References"
	// SurroundingDisruptionBudgets is variables.disruptionBudgets: a list of
	// {name, maxUnavailable, minAvailable, expectedPods, disruptionsAllowed, matchesAll}
	// for each PodDisruptionBudget whose selector matches the pod template's labels.
	SurroundingDisruptionBudgets Surrounding = "DisruptionBudgets"
	// SurroundingServices is variables.services: a list of {name, ports} for each
	// Service whose selector matches the pod template's labels.
	SurroundingServices Surrounding = "Services"
	// SurroundingIngressHosts is variables.claimedHosts: a list of {host, namespace,
	// name} for each host of the judged Ingress that another Ingress of the cluster claims.
	SurroundingIngressHosts Surrounding = "IngressHosts"
)

// Parameter is a value that an EnvironmentPolicy may set for a rule.
//
// +kubebuilder:validation:XValidation:rule="self.type == 'StringList' ? !has(self.default) : !has(self.defaults)",message="a StringList has defaults, every other type has default"
// +kubebuilder:validation:XValidation:rule="self.type == 'Integer' || (!has(self.minimum) && !has(self.maximum))",message="minimum and maximum are for the type Integer"
// +kubebuilder:validation:XValidation:rule="self.type in ['String', 'StringList'] || (!has(self.pattern) && !has(self.allowed))",message="pattern and allowed are for the types String and StringList"
// +kubebuilder:validation:XValidation:rule="!has(self.minimum) || !has(self.maximum) || self.minimum <= self.maximum",message="minimum is above maximum"
type Parameter struct {
	// name by which the rule reads it: variables.params.<name>.
	// +required
	// +kubebuilder:validation:MaxLength=48
	// +kubebuilder:validation:Pattern=`^[a-z][a-zA-Z0-9]*$`
	Name string `json:"name"`

	// description says what it changes.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Description string `json:"description,omitempty"`

	// type of the value.
	// +required
	Type ParameterType `json:"type"`

	// default is the value where no policy sets one, as text: 3, true, or registry.example.com.
	// Left out for a type other than StringList, the policy must set a value; until it
	// does, the rule does not stand there.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Default *string `json:"default,omitempty"`

	// defaults is the value of a StringList where no policy sets one. Default: empty.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=253
	Defaults []string `json:"defaults,omitempty"`

	// minimum is the smallest Integer.
	// +optional
	Minimum *int64 `json:"minimum,omitempty"`

	// maximum is the largest Integer.
	// +optional
	Maximum *int64 `json:"maximum,omitempty"`

	// pattern is a regular expression (RE2) that a String, or each item of a StringList, must
	// match, anywhere in it: begin it with ^ and end it with $ to match all of it.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Pattern string `json:"pattern,omitempty"`

	// allowed are the only values of a String, or of each item of a StringList.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=253
	Allowed []string `json:"allowed,omitempty"`
}

// ParameterType is the type of a parameter in CEL: string, int, bool or list(string).
//
// +kubebuilder:validation:Enum=String;Integer;Boolean;StringList
type ParameterType string

// The types of parameters.
const (
	ParameterString     ParameterType = "String"
	ParameterInteger    ParameterType = "Integer"
	ParameterBoolean    ParameterType = "Boolean"
	ParameterStringList ParameterType = "StringList"
)

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
