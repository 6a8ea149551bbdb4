// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/gate"
	"github.com/rampart-dev/rampart/internal/readiness"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/workload"
)

// +kubebuilder:rbac:groups="",resources=namespaces;pods;services;nodes;replicationcontrollers,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,resources=deployments;statefulsets;daemonsets;replicasets;controllerrevisions,verbs=get;list;watch
// +kubebuilder:rbac:groups=batch,resources=cronjobs;jobs,verbs=get;list;watch

// look is everything that one look at a workload showed. Nothing in it is written to,
// but for the report.
type look struct {
	key Key

	// environment that the namespace belongs to; enrolled is false when there is none.
	environment environment.Environment
	enrolled    bool
	// held is true when the policy of the namespace cannot be read: nothing is judged, and
	// nothing is thrown away.
	held      bool
	namespace *corev1.Namespace

	// object is nil when the workload is gone, or another workload controls it.
	object   workload.Object
	workload workload.Workload

	// owners are the UIDs of what controls the workload's pods: the workload itself, its
	// ReplicaSets or its Jobs.
	owners      []types.UID
	replicaSets []*appsv1.ReplicaSet
	// revisions are what the controller of a StatefulSet or DaemonSet keeps of its templates.
	revisions []*appsv1.ControllerRevision
	livePods  []*corev1.Pod
	pods      []workload.Pod
	departed  []workload.Pod
	// templateHash is the name of the newest revision's pods; empty while its controller
	// has not named it.
	templateHash string
	// runs are the Job itself, or the Jobs of a CronJob.
	runs []workload.Run
	// tests are the Jobs by which the team tests the workload.
	tests []workload.TestJob
	// services of the namespace; serving is true when one of them sends traffic to it.
	services []*corev1.Service
	serving  bool
	// endpoints are the pods to which those services send traffic.
	endpoints []workload.Endpoints
	// troubledNodes are the nodes of its pods that are not ready or under pressure, and why.
	troubledNodes map[string]string

	// isolation is the NetworkPolicy under the name of the one that would isolate the
	// workload, whoever made it; nil when there is none.
	isolation *networkingv1.NetworkPolicy

	// configuration is a digest of what the template uses of ConfigMaps.
	configuration string
	// content of those ConfigMaps by name.
	content map[string]workload.Content

	// gates wait for this workload, and ask for targets.
	gates   []v1alpha1.PromotionGate
	targets v1alpha1.ReadinessTargets

	// guardrails of the environment that judge workloads of its kind, and what they read
	// besides the workload.
	guardrails   []standing
	surroundings *surroundings
	// impression is what this look leaves in memory.
	impression impression

	// report is nil when there is none yet. It begins as what is known of the workload, which
	// may be more than what is recorded.
	report, recorded *v1alpha1.ReadinessReport
	// forerunner is the report of a workload that is gone, whose place this one takes; nil when
	// there is none, or nothing to take over.
	forerunner *v1alpha1.ReadinessReport
	// created is true when the workload is another object than the one that the report
	// spoke of before this look: it is new, or was made again.
	created bool
	// revised is true when this look is the first to show a revision that came by a write of
	// the workload.
	revised bool
	// judgedRevision is the number of the revision that the report spoke of before this
	// look; 0 when it spoke of none.
	judgedRevision int64
	// failedBefore is true when the workload failed at the look before this one.
	failedBefore bool
	// heldBefore is the change that was held back at the look before this one; nil for none.
	heldBefore *v1alpha1.HeldBackAction
	// rollout is what was observed of the newest revision; nil until somebody asks.
	rollout *remediation.Rollout
	// readiness is how the current revision was judged in this look.
	readiness readiness.Readiness
	// progressBy is when its rollout will have stood still for too long; zero for no such time.
	progressBy time.Time
	// failingUntil is when it is no longer failing if nothing else happens; zero for no such time.
	failingUntil time.Time
}

// gather reads all that is judged. With an error it returns what it has read until then.
func (r *ReportReconciler) gather(ctx context.Context, key Key) (*look, error) {
	l := &look{key: key, troubledNodes: map[string]string{}}
	environments, err := readEnvironments(ctx, r.Client, r.OperatorNamespace)
	if err != nil {
		return l, err
	}
	if err := r.gatherReport(ctx, l); err != nil {
		return l, err
	}
	if err := r.gatherNamespace(ctx, l, environments); err != nil || !l.enrolled {
		return l, err
	}
	if err := r.gatherObject(ctx, l); err != nil || l.object == nil {
		return l, err
	}
	for _, gatherPart := range []func(context.Context, *look) error{
		r.gatherOwners, r.gatherTests, r.gatherPods, r.gatherServices, r.gatherEndpoints, r.gatherNodes, r.gatherConfiguration, r.gatherForerunner, r.gatherGuardrails, r.gatherSurroundings, r.gatherIsolation,
	} {
		if err := gatherPart(ctx, l); err != nil {
			return l, err
		}
	}
	return l, r.gatherTargets(ctx, l, environments)
}

func (r *ReportReconciler) gatherReport(ctx context.Context, l *look) error {
	report := &v1alpha1.ReadinessReport{}
	err := r.Client.Get(ctx, l.key.reportName(), report)
	if err == nil {
		if r.Drafts.behind(l.key, report) {
			return errBehind
		}
		l.report, l.recorded = r.Drafts.of(l.key, report), report
		l.judgedRevision = report.Status.Revision.Number
		l.failedBefore = report.Status.FailingSince != nil
		return nil
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("get report of %s: %w", l.key, err)
}

func (r *ReportReconciler) gatherNamespace(ctx context.Context, l *look, environments environment.Map) error {
	l.namespace = &corev1.Namespace{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: l.key.Namespace}, l.namespace); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("get namespace %s: %w", l.key.Namespace, err)
	}
	if l.namespace.DeletionTimestamp == nil {
		l.environment, l.enrolled = environments.Of(l.namespace)
		l.held = !l.enrolled && environments.Held(l.namespace)
	}
	return nil
}

func (r *ReportReconciler) gatherObject(ctx context.Context, l *look) error {
	object := workload.New(l.key.Kind)
	if object == nil {
		return nil
	}
	name := client.ObjectKey{Namespace: l.key.Namespace, Name: l.key.Name}
	err := r.Client.Get(ctx, name, object)
	if pod, isPod := object.(*corev1.Pod); isPod && err == nil && workload.OwnerOf(pod) == nil && metav1.GetControllerOf(pod) != nil {
		// The cache keeps little of pods that something controls. This one is judged whole.
		*pod = corev1.Pod{}
		err = r.Live.Get(ctx, name, pod)
		pod.ManagedFields = nil
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get %s: %w", l.key, err)
	}
	if workload.OwnerOf(object) != nil {
		return nil
	}
	// The cache strips the kind, which native admission and guardrails see.
	object.GetObjectKind().SetGroupVersionKind(workload.GroupVersionKind(l.key.Kind))
	view, _ := workload.From(object)
	l.object, l.workload = object, view
	return nil
}

// gatherOwners finds what controls the workload's pods, and how its newest revision is named.
func (r *ReportReconciler) gatherOwners(ctx context.Context, l *look) error {
	if !ownsThroughOthers(l.key.Kind) {
		l.owners = []types.UID{l.object.GetUID()}
	}
	controlled := client.MatchingFields{indexController: string(l.object.GetUID())}
	switch object := l.object.(type) {
	case *appsv1.Deployment:
		var list appsv1.ReplicaSetList
		if err := r.Client.List(ctx, &list, client.InNamespace(l.key.Namespace), controlled); err != nil {
			return fmt.Errorf("list replica sets of %s: %w", l.key, err)
		}
		for i := range list.Items {
			l.replicaSets = append(l.replicaSets, &list.Items[i])
			l.owners = append(l.owners, list.Items[i].UID)
		}
		l.templateHash = workload.TemplateHashOf(object, l.replicaSets)
	case *appsv1.StatefulSet, *appsv1.DaemonSet:
		var list appsv1.ControllerRevisionList
		if err := r.Client.List(ctx, &list, client.InNamespace(l.key.Namespace), controlled); err != nil {
			return fmt.Errorf("list controller revisions of %s: %w", l.key, err)
		}
		for i := range list.Items {
			l.revisions = append(l.revisions, &list.Items[i])
		}
		set, isSet := object.(*appsv1.StatefulSet)
		switch {
		case !l.workload.Rollout.Observed:
		case isSet:
			l.templateHash = set.Status.UpdateRevision
		default:
			l.templateHash = workload.CurrentHash(l.revisions)
		}
	case *batchv1.CronJob:
		var list batchv1.JobList
		if err := r.Client.List(ctx, &list, client.InNamespace(l.key.Namespace), controlled); err != nil {
			return fmt.Errorf("list jobs of %s: %w", l.key, err)
		}
		for i := range list.Items {
			if !l.workload.Runs(&list.Items[i]) {
				continue // of an older template, or made by somebody
			}
			l.owners = append(l.owners, list.Items[i].UID)
			l.runs = append(l.runs, workload.RunFrom(&list.Items[i]))
		}
	case *batchv1.Job:
		l.runs = append(l.runs, workload.RunFrom(object))
	}
	return nil
}

// ownsThroughOthers says whether the kind makes no pods itself. A pod that names it as its
// owner was made by hand.
func ownsThroughOthers(kind v1alpha1.WorkloadKind) bool {
	return kind == v1alpha1.KindDeployment || kind == v1alpha1.KindCronJob
}

// genuine leaves out pods that claim to be of the newest revision and run something else.
func (l *look) genuine(pods []workload.Pod) []workload.Pod {
	return slices.DeleteFunc(pods, func(p workload.Pod) bool {
		return l.templateHash != "" && p.TemplateHash == l.templateHash && !l.workload.Made(p)
	})
}

func (r *ReportReconciler) gatherPods(ctx context.Context, l *look) error {
	if pod, bare := l.object.(*corev1.Pod); bare {
		l.livePods = []*corev1.Pod{pod}
	}
	for _, owner := range l.owners {
		var list corev1.PodList
		if err := r.Client.List(ctx, &list, client.InNamespace(l.key.Namespace),
			client.MatchingFields{indexController: string(owner)}); err != nil {
			return fmt.Errorf("list pods of %s: %w", l.key, err)
		}
		for i := range list.Items {
			l.livePods = append(l.livePods, &list.Items[i])
		}
	}
	slices.SortFunc(l.livePods, func(a, b *corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	for _, p := range l.livePods {
		l.pods = append(l.pods, workload.PodFrom(p))
	}
	l.pods = l.genuine(l.pods)
	// Read after the live ones: a pod that leaves in between is seen twice, not never.
	l.departed = l.genuine(r.Departures.Of(l.owners))
	return nil
}

func (r *ReportReconciler) gatherServices(ctx context.Context, l *look) error {
	var list corev1.ServiceList
	if err := r.Client.List(ctx, &list, client.InNamespace(l.key.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list services of namespace %s: %w", l.key.Namespace, err)
	}
	l.services = make([]*corev1.Service, 0, len(list.Items))
	for i := range list.Items {
		l.services = append(l.services, &list.Items[i])
	}
	l.serving = l.workload.ServedBy(l.services)
	return nil
}

func (r *ReportReconciler) gatherNodes(ctx context.Context, l *look) error {
	looked, platforms := map[string]bool{"": true}, map[string]string{}
	for _, pod := range slices.Concat(l.pods, l.departed) {
		if looked[pod.Node] {
			continue
		}
		looked[pod.Node] = true
		var node corev1.Node
		err := r.Client.Get(ctx, client.ObjectKey{Name: pod.Node}, &node)
		if apierrors.IsNotFound(err) {
			l.troubledNodes[pod.Node] = "node is gone"
			continue
		}
		if err != nil {
			return fmt.Errorf("get node %s: %w", pod.Node, err)
		}
		platforms[pod.Node] = workload.Platform(&node)
		if trouble := workload.NodeTrouble(&node); trouble != "" {
			l.troubledNodes[pod.Node] = trouble
		}
	}
	for i := range l.pods {
		l.pods[i].Platform = platforms[l.pods[i].Node]
	}
	return nil
}

func (r *ReportReconciler) gatherGuardrails(ctx context.Context, l *look) error {
	stand, err := r.Programs.standingIn(ctx, r.Client, l.environment)
	l.guardrails = slices.DeleteFunc(slices.Clone(stand), func(g standing) bool { return !g.Judges(l.key.Kind) })
	return err
}

// gatherTargets finds the gates that wait for the workload, and what the strictest of
// them asks for. Where none waits, the next environment's default is the measure.
func (r *ReportReconciler) gatherTargets(ctx context.Context, l *look, environments environment.Map) error {
	var gates v1alpha1.PromotionGateList
	if err := r.Client.List(ctx, &gates, client.MatchingFields{indexSource: l.key.Namespace}); err != nil {
		return fmt.Errorf("list gates that watch namespace %s: %w", l.key.Namespace, err)
	}
	var asked []v1alpha1.ReadinessTargets
	for _, g := range gates.Items {
		selector, err := metav1.LabelSelectorAsSelector(g.Spec.WorkloadSelector)
		if g.Spec.WorkloadSelector == nil {
			selector, err = labels.Everything(), nil
		}
		if err != nil || !selector.Matches(labels.Set(l.workload.Labels)) {
			continue // the gate's own condition says what is wrong with its selector
		}
		var behind corev1.Namespace
		if err := r.Client.Get(ctx, client.ObjectKey{Name: g.Namespace}, &behind); err != nil {
			return fmt.Errorf("get namespace %s: %w", g.Namespace, err)
		}
		if target, enrolled := environments.Of(&behind); enrolled {
			l.gates = append(l.gates, g)
			asked = append(asked, gate.Targets(target.Spec, g.Spec))
		}
	}
	if len(asked) == 0 {
		asked = append(asked, environments.NextTargets(l.environment))
	}
	l.targets = gate.Strictest(asked...)
	return nil
}
