// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package isolation

import (
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// namePrefix begins the name of every NetworkPolicy that isolates.
const namePrefix = "rampart-isolation-"

// maxName is the longest name of a NetworkPolicy.
const maxName = 253

// revisionLabel is the label by which the pods of a kind carry the name of their revision.
var revisionLabel = map[v1alpha1.WorkloadKind]string{
	v1alpha1.KindDeployment:  appsv1.DefaultDeploymentUniqueLabelKey,
	v1alpha1.KindStatefulSet: appsv1.ControllerRevisionHashLabelKey,
	v1alpha1.KindDaemonSet:   appsv1.ControllerRevisionHashLabelKey,
}

// Name is that of the NetworkPolicy that isolates a workload: there is one at most. A name
// that would be too long is cut, with a digest of the whole.
func Name(kind v1alpha1.WorkloadKind, name string) string {
	full := namePrefix + workload.ReportName(kind, name)
	if len(full) <= maxName {
		return full
	}
	digest := workload.Digest(full)
	return strings.TrimRight(full[:maxName-len(digest)-1], "-.") + "-" + digest
}

// Cell is which pods are cut off.
type Cell struct {
	// Workload whose pods they are.
	Workload workload.Workload
	// Selector of the workload.
	Selector *metav1.LabelSelector
	// PodTemplateHash is the name of the revision's pods.
	PodTemplateHash string
}

// Policy is the NetworkPolicy that cuts the pods of exactly one revision off: it selects
// them by the workload's selector and the name of their revision, and allows nothing, in
// or out. Names are not resolved either: a pod that asks for what it cannot reach, again
// and again, burdens the cluster's DNS. The kubelet's probes reach it, because a node
// always reaches its own pods.
//
// The workload owns it, so that it goes with the workload, operator or not.
func Policy(c Cell) *networkingv1.NetworkPolicy {
	w := c.Workload
	selector := *c.Selector.DeepCopy()
	selector.MatchLabels = maps.Clone(selector.MatchLabels)
	if selector.MatchLabels == nil {
		selector.MatchLabels = map[string]string{}
	}
	selector.MatchLabels[revisionLabel[w.Kind]] = c.PodTemplateHash
	kind := workload.GroupVersionKind(w.Kind)
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.Namespace, Name: Name(w.Kind, w.Name),
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelIsolates: string(w.Kind)},
			Annotations: map[string]string{v1alpha1.AnnotationDescription: fmt.Sprintf(
				"The pods of a failing revision of %s %s are cut off the network. The next revision is free. To let these go, delete this object: it is not made again for them.", w.Kind, w.Name)},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: kind.GroupVersion().String(), Kind: kind.Kind, Name: w.Name, UID: types.UID(w.UID),
			}},
		},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: selector,
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
		},
	}
}

// IsOwn says whether a NetworkPolicy was made by this package: by its name and its labels. A
// team may copy it under another name, or take the labels off, and it is the team's then.
func IsOwn(policy metav1.Object) bool {
	labels := policy.GetLabels()
	return strings.HasPrefix(policy.GetName(), namePrefix) &&
		labels[v1alpha1.LabelManagedBy] == v1alpha1.ManagedBy && labels[v1alpha1.LabelIsolates] != ""
}

// PodsOf is the name of the pods that an isolation cuts off, and the label that carries it.
func PodsOf(policy *networkingv1.NetworkPolicy) (label, podTemplateHash string) {
	label = revisionLabel[v1alpha1.WorkloadKind(policy.Labels[v1alpha1.LabelIsolates])]
	return label, policy.Spec.PodSelector.MatchLabels[label]
}
