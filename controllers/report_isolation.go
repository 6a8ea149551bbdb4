// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/acts"
	"github.com/rampart-dev/rampart/internal/baseline"
	"github.com/rampart-dev/rampart/internal/isolation"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/remediation"
)

// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete

// gatherIsolation reads what has the name of the NetworkPolicy that would isolate the workload.
func (r *ReportReconciler) gatherIsolation(ctx context.Context, l *look) (err error) {
	if isolation.Isolates(l.key.Kind) {
		l.isolation, err = readIsolation(ctx, r.Client, l.key)
	}
	return err
}

// readIsolation reads it; nil when there is none, or it is about to go.
func readIsolation(ctx context.Context, c client.Reader, key Key) (*networkingv1.NetworkPolicy, error) {
	var policy networkingv1.NetworkPolicy
	err := c.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: isolation.Name(key.Kind, key.Name)}, &policy)
	switch {
	case apierrors.IsNotFound(err), err == nil && policy.DeletionTimestamp != nil:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get the network policy that isolates %s: %w", key, err)
	}
	return &policy, nil
}

// isolated says whether the NetworkPolicy that isolates the workload is there.
func (l *look) isolated() bool { return l.isolation != nil && isolation.IsOwn(l.isolation) }

// judgeIsolation holds, ends or begins the isolation of the workload's newest revision.
func (r *ReportReconciler) judgeIsolation(ctx context.Context, l *look, p *plan, now time.Time) error {
	status := &l.report.Status
	if !isolation.Isolates(l.key.Kind) || p.action != nil {
		return nil
	}
	if l.created {
		status.Isolation = nil // of a workload that is gone
	}
	switch known := status.Isolation; {
	case known != nil && known.State == v1alpha1.Isolated && l.isolated():
		r.holdIsolation(ctx, l, p, now)
		return nil
	case known != nil && known.State == v1alpha1.Isolated:
		return r.lift(ctx, l, now)
	case l.isolated():
		return r.releaseAgain(ctx, l, p, now)
	case known != nil && l.templateHash != "" && known.PodTemplateHash != l.templateHash:
		status.Isolation = nil
	}
	return r.beginIsolation(ctx, l, p, now)
}

// holdIsolation keeps the isolation as it should be, says what is known of its effect, or
// plans to end it. While remediation is suspended it stands as it is.
func (r *ReportReconciler) holdIsolation(ctx context.Context, l *look, p *plan, now time.Time) {
	status := &l.report.Status
	known := status.Isolation
	why := isolation.Release(isolation.Held{
		PodTemplateHash: known.PodTemplateHash, Newest: l.templateHash, Failing: status.FailingSince != nil,
		Wish: isolation.WishOf(l.workload.Annotations), Refusal: isolation.Refusal(l.workload.Annotations), Mode: l.environment.Spec.Isolation.Mode,
	})
	switch {
	case why != "" && l.suspended():
		l.say(fmt.Sprintf("it is isolated, and is not let go although %s, because remediation is suspended: delete NetworkPolicy %s", why, known.NetworkPolicy))
		return
	case why != "":
		planRelease(l, p, l.isolation, why, now)
		return
	}
	effect, err := r.effect(ctx, l, known.PodTemplateHash, nobodys)
	if err != nil {
		// The isolation stands whatever is known of its effect.
		log.FromContext(ctx).Error(err, "cannot tell whether the isolation is effective")
		known.Effective, known.Message = v1alpha1.IsolationUnverified, message.Cut(err.Error(), maxText)
	} else {
		known.Effective, known.Message = effect.Effective(), message.Cut(effect.Message(), maxText)
	}
	l.say("it is isolated; " + known.Message)
	if held := isolation.Policy(l.cell(known.PodTemplateHash)); !l.suspended() && !equality.Semantic.DeepEqual(held.Spec, l.isolation.Spec) {
		held.UID = l.isolation.UID
		p.restore = held
	}
}

// lift records that somebody else took the NetworkPolicy away, or over: that is a decision
// of whoever is on call, and it is not undone. The API server is asked itself, because the
// cache may not have seen yet what the operator has just made.
func (r *ReportReconciler) lift(ctx context.Context, l *look, now time.Time) error {
	live, err := readIsolation(ctx, r.Live, l.key)
	if err != nil || (live != nil && isolation.IsOwn(live)) {
		return err
	}
	known := l.report.Status.Isolation
	letGo(known, v1alpha1.IsolationLifted, now, fmt.Sprintf(
		"somebody deleted NetworkPolicy %s, or took it over: these pods are not isolated again, only those of another revision may be", known.NetworkPolicy))
	l.say("its isolation was lifted by somebody")
	return nil
}

// letGoByOthers says whether somebody lifted the isolation.
func letGoByOthers(status *v1alpha1.ReadinessReportStatus) bool {
	return status.Isolation != nil && status.Isolation.State == v1alpha1.IsolationLifted
}

func letGo(known *v1alpha1.Isolation, state v1alpha1.IsolationState, now time.Time, why string) {
	known.State, known.Since, known.Reason = state, metav1.NewTime(now.Truncate(time.Second)), message.Cut(why, maxText)
	known.Effective, known.Message = "", ""
}

// releaseAgain plans to delete a NetworkPolicy of the operator's that isolates although the
// report does not say so: its release did not come to its end, or another workload of the
// name was isolated.
func (r *ReportReconciler) releaseAgain(ctx context.Context, l *look, p *plan, now time.Time) error {
	live, err := readIsolation(ctx, r.Live, l.key)
	if err != nil || live == nil || !isolation.IsOwn(live) || l.suspended() {
		return err
	}
	why := "the report does not say that the workload is isolated"
	if known := l.report.Status.Isolation; known != nil {
		why = known.Reason
	}
	planRelease(l, p, live, why, now)
	return nil
}

// planRelease plans to delete the NetworkPolicy. It needs no budget: it takes back what the
// operator did.
func planRelease(l *look, p *plan, policy *networkingv1.NetworkPolicy, why string, now time.Time) {
	status := &l.report.Status
	if status.Isolation != nil {
		letGo(status.Isolation, v1alpha1.IsolationReleased, now, why)
	}
	_, pods := isolation.PodsOf(policy)
	intended := actionAt(isolation.ReleaseID(l.workload.UID, pods), v1alpha1.ActionRelease, v1alpha1.ActionIntended, now,
		"no longer isolated: "+why)
	p.action, p.free = &intended, policy
	note(status, intended)
}

// beginIsolation judges whether a failing revision is to be isolated, and plans it. One that
// was let go is left alone.
func (r *ReportReconciler) beginIsolation(ctx context.Context, l *look, p *plan, now time.Time) error {
	status := &l.report.Status
	policy, wish := *l.environment.Spec.Isolation, isolation.WishOf(l.workload.Annotations)
	if policy.Mode == v1alpha1.IsolationOff || wish == isolation.WishNever || status.FailingSince == nil || l.templateHash == "" || status.Isolation != nil {
		return nil
	}
	subject, err := r.isolationSubject(ctx, l, now)
	if err != nil {
		return err
	}
	judged := isolation.Judge(subject, now)
	if _, done := remediation.Taken(status.Actions, judged.Action); done {
		return nil
	}
	switch judged.Verdict {
	case isolation.VerdictNone:
		return nil
	case isolation.VerdictWait:
		p.lookAgain(judged.At)
		l.say(judged.Reason)
		return nil
	case isolation.VerdictReport:
		l.reportIsolation(judged, judged.Reason, now)
		return nil
	}
	may, err := r.mayAct(ctx, l, p, v1alpha1.ActionIsolate, now)
	if err != nil || may.busy {
		return err
	}
	if may.refused != "" {
		l.reportIsolation(judged, "not isolated: "+may.refused, now)
		return nil
	}
	planIsolation(l, p, subject.Effect, judged, now)
	return nil
}

func (l *look) reportIsolation(judged isolation.Judgement, why string, now time.Time) {
	l.say(why)
	note(&l.report.Status, actionAt(judged.Action, v1alpha1.ActionIsolate, v1alpha1.ActionReported, now, why))
}

// planIsolation plans the isolation, with what is known of its effect.
func planIsolation(l *look, p *plan, effect isolation.Effect, judged isolation.Judgement, now time.Time) {
	status := &l.report.Status
	policy := isolation.Policy(l.cell(l.templateHash))
	intended := actionAt(judged.Action, v1alpha1.ActionIsolate, v1alpha1.ActionIntended, now,
		fmt.Sprintf("%s; to let it go, delete NetworkPolicy %s; %s", judged.Reason, policy.Name, effect.Message()))
	status.Isolation = &v1alpha1.Isolation{
		State: v1alpha1.Isolated, Revision: status.Revision.Number, PodTemplateHash: l.templateHash, NetworkPolicy: policy.Name,
		Since: intended.Time, Reason: message.Cut(judged.Reason, maxText),
		Effective: effect.Effective(), Message: message.Cut(effect.Message(), maxText),
	}
	l.say(judged.Reason)
	p.action, p.isolate = &intended, policy
	note(status, intended)
}

// forgetIsolation takes back what the report says of an isolation that did not happen.
func forgetIsolation(status *v1alpha1.ReadinessReportStatus, action v1alpha1.Action) {
	if action.Kind == v1alpha1.ActionIsolate {
		status.Isolation = nil
	}
}

// isolationSubject is the workload as isolation judges it.
func (r *ReportReconciler) isolationSubject(ctx context.Context, l *look, now time.Time) (isolation.Subject, error) {
	status, policy := &l.report.Status, *l.environment.Spec.Isolation
	s := isolation.Subject{
		Kind: l.key.Kind, Name: l.key.Name, UID: l.workload.UID,
		PodTemplateHash: l.templateHash, FailingSince: status.FailingSince.Time,
		RanWell: ranWell(status), GoodBefore: goodBefore(status),
		Wish: isolation.WishOf(l.workload.Annotations), Taken: l.isolation != nil && !l.isolated(),
		Policy: policy, Level: l.standing(acts.Act{Kind: v1alpha1.ActionIsolate, StartLevel: policy.StartLevel}).Level, Suspended: l.suspended(),
	}
	var err error
	if s.Rollout, err = r.rollout(ctx, l, now); err != nil {
		return s, err
	}
	s.Decision = remediation.Judge(s.Rollout)
	// The operator's own baseline makes way for an isolation, and so is no reason against one.
	s.Effect, err = r.effect(ctx, l, l.templateHash, func(p networkingv1.NetworkPolicy) bool { return baseline.IsOwn(&p) })
	return s, err
}

// ranWell says whether the rollout of the current revision once ended well.
func ranWell(status *v1alpha1.ReadinessReportStatus) bool {
	return slices.ContainsFunc(status.Outcomes, func(o v1alpha1.RevisionOutcome) bool {
		return o.Hash == status.Revision.Hash && (o.Result == v1alpha1.RolloutStable || isProven(status, o))
	})
}

// goodBefore says whether another revision is remembered to have run well, whether or not
// its template is still there: people may bring it back.
func goodBefore(status *v1alpha1.ReadinessReportStatus) bool {
	return slices.ContainsFunc(status.Outcomes, func(o v1alpha1.RevisionOutcome) bool {
		return o.Hash != status.Revision.Hash && (o.Result == v1alpha1.RolloutStable || isProven(status, o)) && !isQuarantined(status, o)
	})
}

func isProven(status *v1alpha1.ReadinessReportStatus, o v1alpha1.RevisionOutcome) bool {
	return o.Arrival == v1alpha1.ArrivalProven || slices.ContainsFunc(status.Proven, func(p v1alpha1.ProvenRevision) bool { return p.Hash == o.Hash })
}

func isQuarantined(status *v1alpha1.ReadinessReportStatus, o v1alpha1.RevisionOutcome) bool {
	return slices.ContainsFunc(status.Quarantined, func(q v1alpha1.QuarantinedRevision) bool { return q.Hash == o.Hash })
}

// nobodys network policy is passed over.
func nobodys(networkingv1.NetworkPolicy) bool { return false }

// effect is what the NetworkPolicies of the namespace, but for some, leave of the isolation of
// these pods.
func (r *ReportReconciler) effect(ctx context.Context, l *look, podTemplateHash string, but func(networkingv1.NetworkPolicy) bool) (isolation.Effect, error) {
	var policies networkingv1.NetworkPolicyList
	if err := r.Client.List(ctx, &policies, client.InNamespace(l.key.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return isolation.Effect{}, fmt.Errorf("list network policies of namespace %s: %w", l.key.Namespace, err)
	}
	template := l.workload.Template
	label, _ := isolation.PodsOf(isolation.Policy(l.cell(podTemplateHash)))
	named := maps.Clone(template.Labels)
	if named == nil {
		named = map[string]string{}
	}
	named[label] = podTemplateHash
	pods := isolation.Pods{Labels: []map[string]string{named}, HostNetwork: template.Spec.HostNetwork}
	for _, pod := range l.livePods {
		if pod.Labels[label] == podTemplateHash {
			pods.Labels = append(pods.Labels, pod.Labels)
		}
	}
	return isolation.EffectOn(pods, slices.DeleteFunc(policies.Items, but)), nil
}

// cell is the pods of a revision of the workload.
func (l *look) cell(podTemplateHash string) isolation.Cell {
	selector := selectorOf(l.object)
	if daemons, is := l.object.(*appsv1.DaemonSet); is {
		selector = daemons.Spec.Selector
	}
	return isolation.Cell{Workload: l.workload, Selector: selector, PodTemplateHash: podTemplateHash}
}

// say adds to the sentence of the report.
func (l *look) say(text string) {
	status := &l.report.Status
	status.Message = message.Cut(status.Message+"; "+text, maxText)
}

// keysIsolated are the workloads that a NetworkPolicy may matter to: those that are, or
// were, isolated and those that fail.
func (r *ReportReconciler) keysIsolated(ctx context.Context, object client.Object) []Key {
	var keys []Key
	for _, owner := range object.GetOwnerReferences() {
		if isolation.IsOwn(object) && isolation.Isolates(v1alpha1.WorkloadKind(owner.Kind)) {
			keys = append(keys, Key{Kind: v1alpha1.WorkloadKind(owner.Kind), Namespace: object.GetNamespace(), Name: owner.Name})
		}
	}
	var reports v1alpha1.ReadinessReportList
	if err := r.Client.List(ctx, &reports, client.InNamespace(object.GetNamespace())); err != nil {
		log.FromContext(ctx).Error(err, "cannot list reports to look at isolated workloads again")
		return keys
	}
	for i := range reports.Items {
		if report := &reports.Items[i]; report.Status.Isolation != nil || report.Status.FailingSince != nil {
			keys = append(keys, keyOfReport(ctx, report)...)
		}
	}
	return keys
}
