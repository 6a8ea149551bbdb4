// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Stage is how grave the consequences of an environment may become.
//
// +kubebuilder:validation:Enum=Development;Staging;Production
type Stage string

// The stages, in the order in which a change passes through them.
const (
	Development Stage = "Development"
	Staging     Stage = "Staging"
	Production  Stage = "Production"
)

// Level is what a violation of a guardrail leads to. Observe reports it in the
// background and is never in the path of a request, Warn answers the request with
// a warning, Enforce refuses it.
//
// +kubebuilder:validation:Enum=Observe;Warn;Enforce
type Level string

// The levels, weakest first.
const (
	Observe Level = "Observe"
	Warn    Level = "Warn"
	Enforce Level = "Enforce"
)

// Quality is a side of behaviour that earns the right to enter the next environment.
//
// +kubebuilder:validation:Enum=Predictability;Recoverability;SafeFailure
type Quality string

// The qualities.
const (
	Predictability Quality = "Predictability"
	Recoverability Quality = "Recoverability"
	SafeFailure    Quality = "SafeFailure"
)

// WorkloadKind is a kind of object that makes pods, or a bare Pod.
//
// +kubebuilder:validation:Enum=Deployment;StatefulSet;DaemonSet;CronJob;Job;ReplicaSet;ReplicationController;Pod
type WorkloadKind string

// The workload kinds.
const (
	KindDeployment            WorkloadKind = "Deployment"
	KindStatefulSet           WorkloadKind = "StatefulSet"
	KindDaemonSet             WorkloadKind = "DaemonSet"
	KindCronJob               WorkloadKind = "CronJob"
	KindJob                   WorkloadKind = "Job"
	KindReplicaSet            WorkloadKind = "ReplicaSet"
	KindReplicationController WorkloadKind = "ReplicationController"
	KindPod                   WorkloadKind = "Pod"
)

// Condition types. Ready says that the object was understood and is in force; a
// decision has a condition of its own, so that a closed gate is still Ready.
const (
	// ConditionReady is True when the object was reconciled as its spec says.
	ConditionReady = "Ready"
	// ConditionReconciling is True, and present, only while a change is being worked on.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True, and present, only when nothing will improve without a change by a person.
	ConditionStalled = "Stalled"
	// ConditionPromotable is True on a PromotionGate when every workload behind it is Open.
	ConditionPromotable = "Promotable"
	// ConditionDefaultsAvailable is True on an EnvironmentPolicy when the cluster can apply safe defaults.
	ConditionDefaultsAvailable = "DefaultsAvailable"
	// ConditionAdmissionLive is True on an EnvironmentPolicy when each of its native admission policies has answered a probe, those that stand still aside; Unknown until then.
	ConditionAdmissionLive = "AdmissionLive"
	// ConditionRemediating is True on an EnvironmentPolicy while the operator may change workloads in at
	// least one namespace.
	ConditionRemediating = "Remediating"
	// ConditionDrifted is True on a ReadinessReport when the workload differs from its baseline.
	ConditionDrifted = "Drifted"
	// ConditionConfigurationDrifted is True, and present, on a ReadinessReport while pods run by
	// values of a ConfigMap that have changed since they started, or by a Secret that was written since.
	ConditionConfigurationDrifted = "ConfigurationDrifted"
	// ConditionTagMoved is True, and present, on a ReadinessReport whose workload runs other code than
	// it did under the same tag.
	ConditionTagMoved = "TagMoved"
	// ConditionAnnotationWrong is True, and present, on a ReadinessReport while an annotation by which
	// its workload wishes something says nothing that can be meant.
	ConditionAnnotationWrong = "AnnotationWrong"
	// ConditionWorkloadGone is True, and present, on a ReadinessReport whose workload was deleted; since then the report is kept.
	ConditionWorkloadGone = "WorkloadGone"
)

// Reasons of conditions.
const (
	ReasonReconciled         = "Reconciled"
	ReasonAccepted           = "Accepted"
	ReasonInvalidExpression  = "InvalidExpression"
	ReasonTooExpensive       = "TooExpensive"
	ReasonPermissionDenied   = "PermissionDenied"
	ReasonFailed             = "Failed"
	ReasonSuspended          = "Suspended"
	ReasonOverlap            = "EnvironmentsOverlap"
	ReasonEnvironmentMissing = "EnvironmentMissing"
	ReasonFollowsItself      = "FollowsItself"
	ReasonGuardrailMissing   = "GuardrailMissing"
	ReasonInvalidParameters  = "InvalidParameters"
	ReasonInvalidFieldPath   = "InvalidFieldPath"
	ReasonNotCompiled        = "NotCompiled"
	ReasonTooManyGuardrails  = "TooManyGuardrails"
	ReasonResourceMissing    = "ResourceMissing"
	ReasonPolicyMissing      = "NoEnvironmentPolicy"
	ReasonSourceUnknown      = "SourceUnknown"
	ReasonNoWorkloads        = "NoWorkloads"
	ReasonInvalidMapping     = "InvalidMapping"
	ReasonAllOpen            = "AllOpen"
	ReasonEvidenceMissing    = "EvidenceMissing"
	ReasonBlocked            = "Blocked"
	ReasonUnsupported        = "Unsupported"
	ReasonDrifted            = "Drifted"
	ReasonNoDrift            = "NoDrift"
	ReasonTooLarge           = "TooLarge"
	ReasonDeleted            = "Deleted"
	ReasonConfigMapChanged   = "ConfigMapChanged"
	ReasonSecretWritten      = "SecretWritten"
	ReasonMisread            = "Misread"
	ReasonImagesDiffer       = "ImagesDiffer"
	ReasonImagesChanged      = "ImagesChanged"
	ReasonSeenLive           = "SeenLive"
	ReasonNotSeenLive        = "NotSeenLive"
	ReasonNoNamespaces       = "NoNamespaces"
	ReasonConnectionMissing  = "ConnectionMissing"
	ReasonConnectionInvalid  = "ConnectionInvalid"
	ReasonConnectionDenied   = "ConnectionDenied"
	ReasonConnectionSilent   = "ConnectionSilent"
	ReasonClocksDiffer       = "ClocksDiffer"
	ReasonActing             = "Acting"
	ReasonOnlyReporting      = "OnlyReporting"
	ReasonNothingAsked       = "NothingAsked"
	ReasonBreakerOpen        = "BreakerOpen"
)

// Annotations and labels that Rampart reads or writes.
const (
	// AnnotationSpecAuthor holds the last spec changes of a workload as "generation:user" pairs. Admission writes it.
	AnnotationSpecAuthor = Group + "/spec-author"
	// AnnotationJoined on a Namespace says which EnvironmentPolicy it joined and when:
	// "<policy name> <RFC 3339 time> <empty|busy>". Busy means that workloads ran here already.
	AnnotationJoined = Group + "/joined"
	// AnnotationActs on a Namespace says, a line for each act, whether it is carried out there or only
	// reported, since when, and what is missing.
	AnnotationActs = Group + "/acts"
	// AnnotationOnFailure set to Report on a workload stops automatic rollbacks of it. Set to
	// Rollback it says that an older revision can work with what a newer one wrote: a StatefulSet,
	// a DaemonSet, or pods that write to persistent volumes, may then be rolled back where the
	// policy does so. Anything else is read as Report.
	AnnotationOnFailure = Group + "/on-failure"
	// AnnotationIsolation set to Off on a workload keeps it from being isolated, set to Now
	// asks for it while it fails.
	AnnotationIsolation = Group + "/isolation"
	// LabelIsolates on a NetworkPolicy says that it isolates a workload of this kind.
	LabelIsolates = Group + "/isolates"
	// AnnotationDrills set to Off on a workload stops drills of it.
	AnnotationDrills = Group + "/drills"
	// LabelTests on a Job names the workload that it tests: "shop", or "StatefulSet.shop"
	// where workloads of several kinds have the name.
	LabelTests = Group + "/tests"
	// LabelQuality on a Job that tests a workload names the quality that its end speaks of.
	LabelQuality = Group + "/quality"
	// AnnotationRenamedFrom on a workload names the one whose place it takes: "shop", or
	// "StatefulSet/shop" for one of another kind.
	AnnotationRenamedFrom = Group + "/renamed-from"
	// AnnotationBypass on a write gives the reason for passing a closed gate; it needs the verb bypass on the gate.
	AnnotationBypass = Group + "/bypass"
	// LabelPromotesFrom on a Namespace names the namespace that changes come from: Rampart makes a PromotionGate for it.
	LabelPromotesFrom = Group + "/promotes-from"
	// AnnotationDescription says what an object is, to people who find it.
	AnnotationDescription = "kubernetes.io/description"
	// LabelBaseline on an object says which EnvironmentPolicy's baseline it is part of.
	LabelBaseline = Group + "/baseline"
	// SecretTypeConnection is the type of a Secret in the operator's namespace that declares the connection
	// of its name to another cluster, by a kubeconfig under the key KeyKubeconfig.
	SecretTypeConnection = Group + "/cluster-connection"
	// KeyKubeconfig is the key of such a Secret.
	KeyKubeconfig = "kubeconfig"
	// LabelManagedBy marks the objects that Rampart made.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of LabelManagedBy, and the field manager of every apply.
	ManagedBy = "rampart"
	// BaselineManager is the field manager of what the baseline states in objects that are
	// not the operator's: labels of Namespaces, and the default service account.
	BaselineManager = "rampart-baseline"
)
