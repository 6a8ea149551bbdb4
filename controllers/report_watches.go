// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"maps"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/go-logr/logr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// reportWorkers is how many workloads are looked at at one time.
const reportWorkers = 4

// SetupWithManager registers the loop: everything that a look at a workload reads
// leads back to the workload.
func (r *ReportReconciler) SetupWithManager(mgr ctrl.Manager) error {
	build := builder.TypedControllerManagedBy[Key](mgr).
		Named("readinessreport").
		WithOptions(controller.TypedOptions[Key]{MaxConcurrentReconciles: reportWorkers}).
		WithLogConstructor(func(key *Key) logr.Logger {
			logger := mgr.GetLogger().WithValues("controller", "readinessreport")
			if key != nil {
				logger = logger.WithValues("kind", key.Kind, "namespace", key.Namespace, "name", key.Name)
			}
			return logger
		})
	for _, kind := range workload.Kinds() {
		switch kind {
		case v1alpha1.KindPod:
			build = build.Watches(&corev1.Pod{}, r.onPod())
		case v1alpha1.KindJob:
			build = build.Watches(&batchv1.Job{}, mapTo(r.keysOfJob))
		default:
			build = build.Watches(workload.New(kind), mapTo(r.keyOf))
		}
	}
	c, err := build.
		Watches(&v1alpha1.ReadinessReport{}, mapTo(keyOfReport), builder.WithPredicates(predicate.Funcs{
			CreateFunc: func(event.CreateEvent) bool { return true },
			UpdateFunc: func(event.UpdateEvent) bool { return false },
			DeleteFunc: func(event.DeleteEvent) bool { return true },
		})).
		Watches(&v1alpha1.ReadinessReport{}, mapTo(r.keysRenamedFrom), builder.WithPredicates(becameGone)).
		Watches(&networkingv1.NetworkPolicy{}, mapTo(r.keysIsolated), builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}))).
		Watches(&corev1.Service{}, mapTo(r.keysOfNamespace)).
		Watches(&discoveryv1.EndpointSlice{}, mapTo(r.keysOfEndpoints), builder.WithPredicates(readinessChanged)).
		Watches(&corev1.ConfigMap{}, mapTo(r.keysConfiguredBy), builder.WithPredicates(contentChanged)).
		Watches(&corev1.Namespace{}, mapTo(r.keysOfNamespaceObject), builder.WithPredicates(labelsOrAnnotationsChanged)).
		Watches(&v1alpha1.PromotionGate{}, mapTo(r.keysOfGate), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.EnvironmentPolicy{}, unhurried(r.keysOfAll), builder.WithPredicates(policyInForceChanged)).
		Watches(&v1alpha1.Guardrail{}, unhurried(r.keysOfAll), builder.WithPredicates(ruleInForceChanged, aboutWorkloads)).
		WatchesRawSource(kindChanges(r.Kinds, unhurried(r.keysOfAll))).
		Build(r)
	if err != nil {
		return fmt.Errorf("build the loop of reports: %w", err)
	}
	r.followSurroundings(r.KindWatches, c)
	r.followAutoscalers(r.KindWatches, c)
	r.followSecrets(r.KindWatches, c)
	return nil
}

// mapTo turns a function from objects to keys into an event handler.
func mapTo(keys func(context.Context, client.Object) []Key) handler.TypedEventHandler[client.Object, Key] {
	return handler.TypedEnqueueRequestsFromMapFunc(keys)
}

// onPod leads to the pod's workload, and remembers how the pod ended.
func (r *ReportReconciler) onPod() handler.TypedEventHandler[client.Object, Key] {
	type queue = workqueue.TypedRateLimitingInterface[Key]
	enqueue := func(ctx context.Context, object client.Object, q queue) {
		for _, key := range r.keyOf(ctx, object) {
			q.Add(key)
		}
	}
	return handler.TypedFuncs[client.Object, Key]{
		CreateFunc: func(ctx context.Context, e event.TypedCreateEvent[client.Object], q queue) { enqueue(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.TypedUpdateEvent[client.Object], q queue) {
			enqueue(ctx, e.ObjectNew, q)
		},
		DeleteFunc: func(ctx context.Context, e event.TypedDeleteEvent[client.Object], q queue) {
			if pod, ok := e.Object.(*corev1.Pod); ok {
				r.Departures.Add(pod, e.DeleteStateUnknown)
			}
			enqueue(ctx, e.Object, q)
		},
	}
}

// keyOf climbs from an object that makes pods, or a pod, to the highest workload above it.
// An owner that is already gone leads nowhere: its own deletion leads to what is above it.
func (r *ReportReconciler) keyOf(ctx context.Context, object client.Object) []Key {
	for owner := workload.OwnerOf(object); owner != nil; owner = workload.OwnerOf(object) {
		above := workload.New(v1alpha1.WorkloadKind(owner.Kind))
		if r.Client.Get(ctx, client.ObjectKey{Namespace: object.GetNamespace(), Name: owner.Name}, above) != nil {
			return nil
		}
		object = above
	}
	return []Key{{Kind: kindOf(object), Namespace: object.GetNamespace(), Name: object.GetName()}}
}

func kindOf(object client.Object) v1alpha1.WorkloadKind {
	if o, ok := object.(workload.Object); ok {
		if w, known := workload.From(o); known {
			return w.Kind
		}
	}
	return ""
}

func keyOfReport(_ context.Context, object client.Object) []Key {
	of := object.(*v1alpha1.ReadinessReport).Status.Workload
	if of.Name == "" {
		return nil
	}
	return []Key{{Kind: of.Kind, Namespace: object.GetNamespace(), Name: of.Name}}
}

func (r *ReportReconciler) keysOfNamespace(ctx context.Context, object client.Object) []Key {
	return r.keysIn(ctx, object.GetNamespace())
}

func (r *ReportReconciler) keysOfNamespaceObject(ctx context.Context, object client.Object) []Key {
	return r.keysIn(ctx, object.GetName())
}

func (r *ReportReconciler) keysOfGate(ctx context.Context, object client.Object) []Key {
	source := object.(*v1alpha1.PromotionGate).Spec.Source
	if source.Cluster != "" {
		return nil // the operator there looks at its workloads
	}
	return r.keysIn(ctx, source.Namespace)
}

// keysOfAll are the workloads of every namespace that is in an environment, or was.
func (r *ReportReconciler) keysOfAll(ctx context.Context, _ client.Object) []Key {
	namespaces, err := namespacesConcerned(ctx, r.Client, r.OperatorNamespace)
	if err != nil {
		log.FromContext(ctx).Error(err, "cannot look at the workloads again")
		return nil
	}
	var keys []Key
	for _, namespace := range namespaces {
		keys = append(keys, r.keysIn(ctx, namespace)...)
	}
	return keys
}

// keysIn are the workloads of a namespace, and those that only a report remembers.
func (r *ReportReconciler) keysIn(ctx context.Context, namespace string) []Key {
	workloads, err := topWorkloads(ctx, r.Client, namespace)
	if err != nil {
		log.FromContext(ctx).Error(err, "cannot list workloads to look at them again")
		return nil
	}
	keys := make([]Key, 0, len(workloads))
	for _, object := range workloads {
		keys = append(keys, Key{Kind: kindOf(object), Namespace: namespace, Name: object.GetName()})
	}
	var reports v1alpha1.ReadinessReportList
	if err := r.Client.List(ctx, &reports, client.InNamespace(namespace)); err != nil {
		log.FromContext(ctx).Error(err, "cannot list reports to look at their workloads again")
		return keys
	}
	for i := range reports.Items {
		keys = append(keys, keyOfReport(ctx, &reports.Items[i])...)
	}
	return keys
}

var labelsOrAnnotationsChanged = predicate.Or(predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{}, becameDeleted)

// becameDeleted passes the update that asks for an object's deletion.
var becameDeleted = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetDeletionTimestamp() == nil && e.ObjectNew.GetDeletionTimestamp() != nil
	},
}

// policyInForceChanged passes changes of a policy's spec, of its guardrails' levels, and of
// what they are set to.
var policyInForceChanged = predicate.Or(predicate.GenerationChangedPredicate{}, predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.EnvironmentPolicy), e.ObjectNew.(*v1alpha1.EnvironmentPolicy)
		return !maps.Equal(inForce(before), inForce(after))
	},
})

// guardrailInForce is what a change of leads to other verdicts, or to other consequences.
type guardrailInForce struct {
	level v1alpha1.Level
	rule  string
}

func inForce(policy *v1alpha1.EnvironmentPolicy) map[string]guardrailInForce {
	all := make(map[string]guardrailInForce, len(policy.Status.Guardrails))
	for _, g := range policy.Status.Guardrails {
		all[g.Name] = guardrailInForce{g.Level, g.Rule}
	}
	return all
}

// aboutWorkloads passes the rules that judge workloads, or have done so.
var aboutWorkloads = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return judgesWorkloads(e.ObjectOld) || judgesWorkloads(e.ObjectNew)
	},
	CreateFunc: func(e event.CreateEvent) bool { return judgesWorkloads(e.Object) },
	DeleteFunc: func(e event.DeleteEvent) bool { return judgesWorkloads(e.Object) },
}

func judgesWorkloads(rule client.Object) bool {
	accepted := rule.(*v1alpha1.Guardrail).Status.Accepted
	return accepted != nil && len(accepted.Spec.Resources) == 0
}

// ruleInForceChanged passes changes of the accepted rule.
var ruleInForceChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Guardrail), e.ObjectNew.(*v1alpha1.Guardrail)
		return !apiequality.Semantic.DeepEqual(before.Status.Accepted, after.Status.Accepted)
	},
}
