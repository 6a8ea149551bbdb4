// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	psa "k8s.io/pod-security-admission/api"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Name is that of every object that there is once in a namespace.
const Name = "rampart-baseline"

// Namespace is all that the baseline of a namespace depends on.
type Namespace struct {
	// Name of the namespace.
	Name string
	// Labels of the Namespace, and those of them that this package's labels are.
	Labels, OwnLabels map[string]string
	// Stage of its environment.
	Stage v1alpha1.Stage
	// Policy with every default filled in.
	Policy v1alpha1.BaselinePolicy
	// Owner is the EnvironmentPolicy: what is applied goes with it, operator or not.
	Owner metav1.OwnerReference
	// Level is Act where no workload ran before the policy came, or where it says so.
	Level v1alpha1.ActLevel
	// Suspended keeps everything as it stands.
	Suspended bool

	// Workloads that nothing else controls.
	Workloads []Workload
	// Pods that run now, whole: webhooks may have added to what their templates say.
	Pods []corev1.Pod

	// What there is of each kind, the operator's own included.
	NetworkPolicies   []networkingv1.NetworkPolicy
	DisruptionBudgets []policyv1.PodDisruptionBudget
	ResourceQuotas    []corev1.ResourceQuota
	LimitRanges       []corev1.LimitRange
	// DefaultAccount is the service account that pods get when they name none; nil while
	// there is none.
	DefaultAccount *corev1.ServiceAccount
	// OwnsDefaultToken is true when the operator is who said that its token is not mounted.
	OwnsDefaultToken bool
}

// Workload is one that makes pods, and how it finds them.
type Workload struct {
	workload.Workload
	// Selector of its pods; nil for kinds that have none of their own.
	Selector *metav1.LabelSelector
}

// State is how an item stands in one namespace.
type State string

// The states of an item.
const (
	// Applied: the operator's is there.
	Applied State = "Applied"
	// Provided: the team has its own, or nothing needs one.
	Provided State = "Provided"
	// Missing: it would be applied, if the mode or the start level said so.
	Missing State = "Missing"
	// Withheld: the mode says so, and something that runs would be refused.
	Withheld State = "Withheld"
)

// Standing is how one item stands in one namespace.
type Standing struct {
	Item  v1alpha1.BaselineItem
	State State
	// Why it is missing or withheld; empty otherwise.
	Why string
}

// Plan is what a namespace should have.
type Plan struct {
	// Objects of the operator that shall stand. What else of its baseline is there goes.
	Objects []workload.Object
	// NamespaceLabels that the operator shall hold on the Namespace.
	NamespaceLabels map[string]string
	// WithoutDefaultToken says that the default service account shall mount no token.
	WithoutDefaultToken bool
	// Standings of the items that are not Off, in the order of the API.
	Standings []Standing
}

// NeedsPods says whether the pods that run decide about an item that does not stand yet.
// What stands is not taken away by a pod, so at rest nobody has to read them.
func (n Namespace) NeedsPods() bool {
	p := n.Policy
	if p.PodSecurity != nil && p.PodSecurity.Mode == v1alpha1.BaselineApply && n.enforcesPodSecurity() && !n.labelledByOthers() &&
		n.OwnLabels[psa.EnforceLevelLabel] != p.PodSecurity.Level {
		return true
	}
	if p.ResourceQuota != nil && p.ResourceQuota.Mode == v1alpha1.BaselineApply && len(others(n.ResourceQuotas)) == 0 {
		if quota := own(n.ResourceQuotas, Name); quota == nil || !equality.Semantic.DeepEqual(quota.Spec.Hard, p.ResourceQuota.Hard) {
			return true
		}
	}
	if p.DefaultRequests != nil && p.DefaultRequests.Mode == v1alpha1.BaselineApply && len(n.LimitRanges) == 0 {
		return true
	}
	return p.DefaultToken == v1alpha1.BaselineApply && !n.OwnsDefaultToken && !n.tokenDecided()
}

// RollingOut says whether pods of an earlier revision still run: what they stand against may
// stand soon.
func (n Namespace) RollingOut() bool {
	return slices.ContainsFunc(n.Workloads, func(w Workload) bool { return w.Rollout.Total > w.Rollout.Updated })
}

// Judge says what the namespace should have. The same input gives the same plan.
func Judge(n Namespace) Plan {
	var p Plan
	p.networkIsolation(n)
	p.disruptionBudgets(n)
	p.defaultToken(n)
	p.podSecurity(n)
	p.resourceQuota(n)
	p.defaultRequests(n)
	return p
}

func (p *Plan) stands(item v1alpha1.BaselineItem, state State, why string) {
	p.Standings = append(p.Standings, Standing{Item: item, State: state, Why: why})
}

// meta is that of an object of the baseline. Its annotation tells a developer who finds it
// what it is and how to be rid of it.
func (n Namespace) meta(name, about string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: n.Name, Name: name,
		Labels:          map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelBaseline: n.Owner.Name},
		Annotations:     map[string]string{v1alpha1.AnnotationDescription: about},
		OwnerReferences: []metav1.OwnerReference{n.Owner},
	}
}

// IsOwn says whether an object was made by this package: by its labels, its owner and its
// name. A team may copy an object of the operator's under another name, and that is its own.
func IsOwn(object metav1.Object) bool {
	named := object.GetName() == Name || strings.HasPrefix(object.GetName(), budgetPrefix)
	labelled := object.GetLabels()[v1alpha1.LabelManagedBy] == v1alpha1.ManagedBy && object.GetLabels()[v1alpha1.LabelBaseline] != ""
	owned := slices.ContainsFunc(object.GetOwnerReferences(), func(o metav1.OwnerReference) bool {
		return o.Kind == ownerKind && strings.HasPrefix(o.APIVersion, v1alpha1.Group+"/")
	})
	return named && labelled && owned
}

// ownerKind is the kind of what owns every object of a baseline.
const ownerKind = "EnvironmentPolicy"

// others are the objects that somebody else made.
func others[T any, P interface {
	*T
	metav1.Object
}](all []T) []P {
	var theirs []P
	for i := range all {
		if object := P(&all[i]); !IsOwn(object) {
			theirs = append(theirs, object)
		}
	}
	return theirs
}

// own is the object that the operator made under the name, or nil.
func own[T any, P interface {
	*T
	metav1.Object
}](all []T, name string) P {
	for i := range all {
		if object := P(&all[i]); IsOwn(object) && object.GetName() == name {
			return object
		}
	}
	return nil
}

// occupied says whether somebody else's object has the name that the operator's would have.
func occupied[T any, P interface {
	*T
	metav1.Object
}](all []T, name string) bool {
	return slices.ContainsFunc(others[T, P](all), func(object P) bool { return object.GetName() == name })
}

// notYet is why an item is missing that would be applied.
const notYet = "it would be applied, if its mode were Apply"

// inTheWay is why an item is withheld where its name is taken.
const inTheWay = "an object with the name %s was made by somebody else, and is not written over: rename it"

// suspended is why nothing new is applied.
const suspended = "the EnvironmentPolicy suspends remediation"

// maxWhy is the longest reason of a standing, in bytes: the name of its namespace stands
// before it in the API.
const maxWhy = 300
