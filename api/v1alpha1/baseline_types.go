// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import corev1 "k8s.io/api/core/v1"

// BaselinePolicy is what every namespace of an environment gets beside what its team
// brings. Nothing that a team made is ever changed, and what the operator made makes way
// for it. What was applied is restored when somebody removes it, and goes with the policy.
type BaselinePolicy struct {
	// networkIsolation: Apply makes a NetworkPolicy by which pods are reached from their
	// own namespace only, but those that a NetworkPolicy of the team's for incoming traffic
	// is about. Report says where it is missing. Default: Report.
	// +optional
	NetworkIsolation BaselineMode `json:"networkIsolation,omitempty"`

	// disruptionBudgets: Apply makes a PodDisruptionBudget for each Deployment and
	// StatefulSet of two replicas or more that no budget covers: a quarter of its pods may
	// be evicted at one time, and pods that are not ready always. Default: Report.
	// +optional
	DisruptionBudgets BaselineMode `json:"disruptionBudgets,omitempty"`

	// defaultToken: Apply says automountServiceAccountToken: false in the service account
	// that pods get when they name none, where none of them uses its token. Default: Report.
	// +optional
	DefaultToken BaselineMode `json:"defaultToken,omitempty"`

	// podSecurity puts labels of the built-in Pod Security admission on namespaces that
	// have none: they warn, and in a Production environment they enforce too once nothing
	// there violates the level; see startLevel. Default: Report.
	// +optional
	PodSecurity *PodSecurityBaseline `json:"podSecurity,omitempty"`

	// resourceQuota gives each namespace without a ResourceQuota one, where all that runs
	// fits into it, the replacement of a pod included. Left out, there is none.
	// +optional
	ResourceQuota *ResourceQuotaBaseline `json:"resourceQuota,omitempty"`

	// defaultRequests gives each namespace without a LimitRange one, which sets the
	// requests of containers that say nothing. Left out, there is none.
	// +optional
	DefaultRequests *DefaultRequestsBaseline `json:"defaultRequests,omitempty"`

	// startLevel: Report leaves networkIsolation at a report, and podSecurity at a warning,
	// in namespaces where workloads ran before the policy came, because nobody can show who
	// reaches them from elsewhere, or what is started there now and then; Act goes on there
	// too. The other items are applied there once it is shown that nothing that runs is
	// refused by them. Default: Report.
	// +optional
	StartLevel ActLevel `json:"startLevel,omitempty"`
}

// BaselineMode says what is done about one item of the baseline.
//
// +kubebuilder:validation:Enum=Off;Report;Apply
type BaselineMode string

// The modes of an item.
const (
	// BaselineOff does not look.
	BaselineOff BaselineMode = "Off"
	// BaselineReport says what is missing and what would be applied.
	BaselineReport BaselineMode = "Report"
	// BaselineApply applies it where it can refuse nothing that runs.
	BaselineApply BaselineMode = "Apply"
)

// PodSecurityBaseline are the labels of the built-in Pod Security admission.
type PodSecurityBaseline struct {
	// mode of the item. Default: Report.
	// +optional
	Mode BaselineMode `json:"mode,omitempty"`

	// level of the Pod Security Standards. Default: baseline.
	// +optional
	// +kubebuilder:validation:Enum=baseline;restricted
	Level string `json:"level,omitempty"`
}

// ResourceQuotaBaseline is the quota of a namespace.
type ResourceQuotaBaseline struct {
	// mode of the item. Default: Report.
	// +optional
	Mode BaselineMode `json:"mode,omitempty"`

	// hard are its limits, by the names that a ResourceQuota uses. They are those for
	// which can be shown that what runs fits.
	// +required
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=8
	// +kubebuilder:validation:XValidation:rule="self.all(name, name in ['pods', 'requests.cpu', 'requests.memory', 'requests.ephemeral-storage', 'limits.cpu', 'limits.memory', 'limits.ephemeral-storage'])",message="a baseline quota limits pods, requests.cpu, requests.memory, requests.ephemeral-storage, limits.cpu, limits.memory or limits.ephemeral-storage"
	Hard corev1.ResourceList `json:"hard"`
}

// DefaultRequestsBaseline are the requests of containers that say nothing.
type DefaultRequestsBaseline struct {
	// mode of the item. Default: Report.
	// +optional
	Mode BaselineMode `json:"mode,omitempty"`

	// requests by resource.
	// +required
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=3
	// +kubebuilder:validation:XValidation:rule="self.all(name, name in ['cpu', 'memory', 'ephemeral-storage'])",message="requests are set for cpu, memory or ephemeral-storage"
	Requests corev1.ResourceList `json:"requests"`
}

// BaselineItem is one part of the baseline.
//
// +kubebuilder:validation:Enum=NetworkIsolation;DisruptionBudgets;DefaultToken;PodSecurity;ResourceQuota;DefaultRequests
type BaselineItem string

// The items, in the order in which they are shown.
const (
	NetworkIsolation  BaselineItem = "NetworkIsolation"
	DisruptionBudgets BaselineItem = "DisruptionBudgets"
	DefaultToken      BaselineItem = "DefaultToken"
	PodSecurity       BaselineItem = "PodSecurity"
	ResourceQuota     BaselineItem = "ResourceQuota"
	DefaultRequests   BaselineItem = "DefaultRequests"
)

// BaselineState is how an item stands over the namespaces of an environment.
type BaselineState struct {
	// item that is spoken of.
	// +required
	Item BaselineItem `json:"item"`

	// mode of the item here.
	// +required
	Mode BaselineMode `json:"mode"`

	// applied is in how many namespaces the operator has applied it.
	// +optional
	// +kubebuilder:default=0
	Applied int32 `json:"applied"`

	// provided is in how many namespaces the team has something of its own instead, or
	// nothing needs it.
	// +optional
	// +kubebuilder:default=0
	Provided int32 `json:"provided"`

	// missing is in how many namespaces it would be applied if the mode, or the start
	// level, said so.
	// +optional
	// +kubebuilder:default=0
	Missing int32 `json:"missing"`

	// withheld is in how many namespaces it is not applied although the mode says so,
	// because something that runs there would be refused.
	// +optional
	// +kubebuilder:default=0
	Withheld int32 `json:"withheld"`

	// reasons are the first namespaces where it is withheld or missing, and why.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:MaxLength=384
	Reasons []string `json:"reasons,omitempty"`
}
