// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/workload"
)

// maxProbeCause bounds what the API server said to a probe, in a condition.
const maxProbeCause = 512

// native are the native policies that refuse or warn in an environment, as they are stored.
type native struct {
	// versions by name, of a policy and its binding together. What a hand has changed and
	// the operator has put back is another version.
	versions map[string]string
	// reports by the name of the policy are what each of them answers to.
	reports map[string]string
}

// readNative reads what is stored now.
func (r *EnvironmentReconciler) readNative(ctx context.Context, policy *v1alpha1.EnvironmentPolicy) (native, error) {
	own := client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, guardrail.LabelEnvironment: policy.Name}
	var policies admissionv1.ValidatingAdmissionPolicyList
	if err := r.Client.List(ctx, &policies, own); err != nil {
		return native{}, fmt.Errorf("list native policies: %w", err)
	}
	var bindings admissionv1.ValidatingAdmissionPolicyBindingList
	if err := r.Client.List(ctx, &bindings, own); err != nil {
		return native{}, fmt.Errorf("list the bindings of native policies: %w", err)
	}
	stored := native{versions: map[string]string{}, reports: map[string]string{}}
	for i := range policies.Items {
		stored.add(policy, &policies.Items[i])
		stored.reports[policies.Items[i].Name] = guardrail.ProbedBy(&policies.Items[i])
	}
	for i := range bindings.Items {
		stored.add(policy, &bindings.Items[i])
	}
	return stored, nil
}

// add takes in what is the environment's own: anybody may label an object like that.
func (n native) add(owner *v1alpha1.EnvironmentPolicy, object metav1.Object) {
	if metav1.IsControlledBy(object, owner) {
		n.versions[object.GetName()] += fmt.Sprintf("%s/%d ", object.GetUID(), object.GetGeneration())
	}
}

// digest identifies all of them together; empty for none.
func (n native) digest() string {
	if len(n.versions) == 0 {
		return ""
	}
	return workload.Digest(n.versions)
}

// are says whether those that are stored are those that should be, and those that stand as
// they were: the cache may be behind what was written a moment ago.
func (n native) are(desired []guardrail.Probe, stand map[string]bool) bool {
	due := maps.Clone(stand)
	for _, probe := range desired {
		if n.reports[probe.Policy] != probe.Report {
			return false
		}
		due[probe.Policy] = true
	}
	for name := range n.versions {
		if !due[name] {
			return false
		}
	}
	return true
}

// unseen says why nobody knows that admission does what it should; empty when it was seen
// to. No level may rise on what is not in force.
func (n native) unseen(status v1alpha1.EnvironmentPolicyStatus) string {
	live := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionAdmissionLive)
	switch {
	case live != nil && live.Status != metav1.ConditionTrue:
		return live.Message
	case n.digest() != status.AdmissionSeen:
		return "the native policies have changed since they were seen live"
	default:
		return ""
	}
}

// liveLook is what probing has shown.
type liveLook struct {
	status          metav1.ConditionStatus
	reason, message string
	// again is when to probe next, from now; 0 for not at all.
	again time.Duration
	// standstill is what could not be brought up to date; empty when all could.
	standstill string
}

// see probes the native policies until each has been seen live, and records that. Those that
// stand as they were are not probed: what they answered to is past.
func (r *EnvironmentReconciler) see(ctx context.Context, policy *v1alpha1.EnvironmentPolicy, probes []guardrail.Probe, stand map[string]bool, now time.Time) (liveLook, error) {
	stored, err := r.readNative(ctx, policy)
	if err != nil {
		return liveLook{}, err
	}
	reachable := slices.DeleteFunc(slices.Clone(probes), func(p guardrail.Probe) bool { return len(p.Namespaces) == 0 })
	switch {
	case len(probes) > 0 && len(reachable) == 0:
		return notSeenLive(v1alpha1.ReasonNoNamespaces, "there is no namespace in which the native policies could be probed", 0), nil
	case !stored.are(probes, stand):
		return notSeenLive(v1alpha1.ReasonNotSeenLive, "the native policies were changed a moment ago", answerPause), nil
	}
	live := liveLook{
		status: metav1.ConditionTrue, reason: v1alpha1.ReasonSeenLive,
		message: fmt.Sprintf("seen live: all %d native policies answered", len(reachable)),
	}
	if len(reachable) == 0 {
		live.message = "no guardrail stands above Observe: there is no native policy to see"
	}
	if len(stand) > 0 {
		live.message += "; some stand as they were, see the condition Ready"
	}
	if stored.digest() != policy.Status.AdmissionSeen {
		if unseen := r.Liveness.look(ctx, policy.Name, reachable, stored.versions, now); len(unseen) > 0 {
			return notSeenLive(v1alpha1.ReasonNotSeenLive, explain(unseen), nextProbe(unseen).Sub(now)), nil
		}
		policy.Status.AdmissionSeen = stored.digest()
		live.again = settling // What waited for this is judged again.
	}
	return live, nil
}

func notSeenLive(reason, message string, again time.Duration) liveLook {
	return liveLook{status: metav1.ConditionUnknown, reason: reason, message: message, again: again}
}

// nextProbe is when the first of the policies is to be probed again.
func nextProbe(unseen []sighting) time.Time {
	next := unseen[0].due()
	for _, s := range unseen {
		if s.due().Before(next) {
			next = s.due()
		}
	}
	return next
}

// explain says which policies were not seen, and what to do if that lasts. It counts
// nothing that changes from probe to probe, so that the status does not either.
func explain(unseen []sighting) string {
	first := unseen[0]
	text := first.probe.Policy + " has"
	if more := len(unseen) - 1; more > 0 {
		text = fmt.Sprintf("%s and %d more native policies have", first.probe.Policy, more)
	}
	text += " not been seen live yet, and no guardrail is raised until then. It takes seconds after a change; if it lasts, "
	if first.cause != nil {
		return text + "the API server answers the probe with: " + message.Cut(first.cause.Error(), maxProbeCause)
	}
	return text + fmt.Sprintf("the API server does not act on the policy: see kubectl get validatingadmissionpolicy %s -o yaml, "+
		"and what the API servers' logs say of that name", first.probe.Policy)
}
