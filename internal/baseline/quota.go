// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	resourcehelper "k8s.io/component-helpers/resource"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

// resourceQuota limits what a namespace can take. A quota refuses every pod that does not
// say how much it wants of what is limited, and every pod that does not fit: so it is
// applied where all pods say it, or a LimitRange says it for them, and where those that run and the largest one once more,
// as a replacement beside them, fit.
func (p *Plan) resourceQuota(n Namespace) {
	const item = v1alpha1.ResourceQuota
	policy := n.Policy.ResourceQuota
	if policy == nil || policy.Mode == v1alpha1.BaselineOff {
		return
	}
	if len(others(n.ResourceQuotas)) > 0 {
		p.stands(item, Provided, "")
		return
	}
	if policy.Mode != v1alpha1.BaselineApply {
		p.stands(item, Missing, notYet)
		return
	}
	standing := own(n.ResourceQuotas, Name)
	if standing != nil && equality.Semantic.DeepEqual(standing.Spec.Hard, policy.Hard) {
		p.quota(n, policy.Hard)
		p.stands(item, Applied, "")
		return
	}
	why := n.refusedBy(policy.Hard)
	if n.Suspended {
		why = suspended
	}
	if why == "" {
		p.quota(n, policy.Hard)
		p.stands(item, Applied, "")
		return
	}
	if standing != nil {
		p.quota(n, standing.Spec.Hard)
		why = "the quota stays as it was: " + why
	}
	p.stands(item, Withheld, message.Cut(why, maxWhy))
}

func (p *Plan) quota(n Namespace, hard corev1.ResourceList) {
	p.Objects = append(p.Objects, &corev1.ResourceQuota{
		ObjectMeta: n.meta(Name, "What this namespace may take. A ResourceQuota of another name replaces this one."),
		Spec:       corev1.ResourceQuotaSpec{Hard: hard.DeepCopy()},
	})
}

// refusedBy says what a quota would refuse that runs, or would replace what runs; empty
// when nothing.
func (n Namespace) refusedBy(hard corev1.ResourceList) string {
	const refused = "%s %s does not say its %s, no LimitRange fills it in, and a quota for it refuses such pods"
	used, largest, filling := corev1.ResourceList{}, corev1.ResourceList{}, n.filling()
	for i := range n.Pods {
		pod := &n.Pods[i]
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed || pod.DeletionTimestamp != nil {
			continue // A quota does not count what has ended, and soon not what is about to.
		}
		spec := filling.into(pod.Spec)
		if what := unsaid(spec, hard); what != "" {
			return fmt.Sprintf(refused, "pod", pod.Name, what)
		}
		takes := taken(spec)
		add(used, takes)
		most(largest, takes)
	}
	for _, w := range n.Workloads {
		spec := filling.into(w.Template.Spec)
		if what := unsaid(spec, hard); what != "" {
			return fmt.Sprintf(refused, w.Kind, w.Name, what)
		}
		most(largest, taken(spec))
	}
	add(used, largest)
	for _, name := range slices.Sorted(maps.Keys(hard)) {
		limit, needs := hard[name], used[name]
		if needs.Cmp(limit) > 0 {
			return fmt.Sprintf("what runs here and the replacement of one pod need %s %s, and the quota is %s", needs.String(), name, limit.String())
		}
	}
	return ""
}

// taken is what a pod takes of each thing that a quota can limit.
func taken(spec corev1.PodSpec) corev1.ResourceList {
	pod := &corev1.Pod{Spec: spec}
	takes := corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(1, resource.DecimalSI)}
	for name, quantity := range resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{}) {
		takes[corev1.ResourceName("requests."+string(name))] = quantity
	}
	for name, quantity := range resourcehelper.PodLimits(pod, resourcehelper.PodResourcesOptions{}) {
		takes[corev1.ResourceName("limits."+string(name))] = quantity
	}
	return takes
}

// unsaid is the first thing that a quota limits and a pod says nothing of.
func unsaid(spec corev1.PodSpec, hard corev1.ResourceList) string {
	for _, name := range slices.Sorted(maps.Keys(hard)) {
		list, what, of := strings.Cut(string(name), ".")
		if !of || podSays(spec.Resources, list, what) {
			continue
		}
		for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
			if !says(c.Resources, list, what) {
				return string(name)
			}
		}
	}
	return ""
}

func podSays(resources *corev1.ResourceRequirements, list, what string) bool {
	return resources != nil && says(*resources, list, what)
}

// says whether a request, or a limit, is stated. A limit is a request too, where there is none.
func says(resources corev1.ResourceRequirements, list, what string) bool {
	_, limited := resources.Limits[corev1.ResourceName(what)]
	_, requested := resources.Requests[corev1.ResourceName(what)]
	return limited || list == "requests" && requested
}

func add(to, from corev1.ResourceList) {
	for name, quantity := range from {
		sum := to[name]
		sum.Add(quantity)
		to[name] = sum
	}
}

func most(of, from corev1.ResourceList) {
	for name, quantity := range from {
		if was, known := of[name]; !known || cmp.Compare(was.Cmp(quantity), 0) < 0 {
			of[name] = quantity
		}
	}
}
