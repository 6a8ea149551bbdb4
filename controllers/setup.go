// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Options of the operator.
type Options struct {
	// OperatorNamespace is never part of an environment.
	OperatorNamespace string
	// Clock tells the time; nil is the real one.
	Clock clock.PassiveClock
}

// Scheme knows every kind that the operator reads or writes.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
}

// CacheOptions keep the cache small: field managers are the bulk of many objects. Those
// of Namespaces are read; of the kinds that the operator patches, only its own are.
func CacheOptions() cache.Options {
	strip := cache.ByObject{Transform: cache.TransformStripManagedFields()}
	stripOthers := cache.ByObject{Transform: keepOwnManagedFields}
	return cache.Options{ByObject: map[client.Object]cache.ByObject{
		&appsv1.Deployment{}: stripOthers, &appsv1.StatefulSet{}: stripOthers, &appsv1.DaemonSet{}: stripOthers,
		&corev1.Pod{}: strip, &corev1.Node{}: strip, &corev1.Service{}: strip, &corev1.ReplicationController{}: strip,
		&appsv1.ReplicaSet{}: strip, &appsv1.ControllerRevision{}: strip,
		&batchv1.Job{}: strip, &batchv1.CronJob{}: strip,
		&v1alpha1.ReadinessReport{}: strip,
	}}
}

// keepOwnManagedFields forgets the field managers of an object but the operator itself.
func keepOwnManagedFields(in any) (any, error) {
	if object, ok := in.(client.Object); ok {
		object.SetManagedFields(slices.DeleteFunc(object.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool {
			return entry.Manager != v1alpha1.ManagedBy
		}))
	}
	return in, nil
}

// Setup registers every loop with the manager.
func Setup(ctx context.Context, mgr ctrl.Manager, options Options) error {
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	server, err := inspect(ctx, mgr.GetConfig())
	if err != nil {
		return err
	}
	compiler, err := guardrail.NewCompiler(server.version)
	if err != nil {
		return fmt.Errorf("build the guardrail compiler: %w", err)
	}
	if err := AddIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}

	c, recorder := mgr.GetClient(), mgr.GetEventRecorder("rampart")
	permissions := NewPermissions(c)
	programs, applier := NewPrograms(compiler), NewApplier(c)
	measures := telemetry.NewMetrics(metrics.Registry)
	loops := []interface{ SetupWithManager(ctrl.Manager) error }{
		&GuardrailReconciler{Client: c, Compiler: compiler, Events: recorder},
		&NamespaceReconciler{Client: c, Clock: options.Clock, OperatorNamespace: options.OperatorNamespace},
		&EnvironmentReconciler{
			Client: c, Clock: options.Clock, Programs: programs, Applier: applier, Events: recorder, Metrics: measures,
			Permissions: permissions, OperatorNamespace: options.OperatorNamespace, OperatorUser: server.user, Mutating: server.mutating,
		},
		&AdmissionReconciler{Client: c, Applier: applier, OperatorNamespace: options.OperatorNamespace, OperatorUser: server.user},
		&GateReconciler{Client: c, Clock: options.Clock, Events: recorder, OperatorNamespace: options.OperatorNamespace},
		&ReportReconciler{
			Client: c, Live: mgr.GetAPIReader(), Clock: options.Clock, Programs: programs, Departures: NewDepartures(options.Clock),
			Events: recorder, Metrics: measures, Slots: &Slots{}, OperatorNamespace: options.OperatorNamespace,
			OperatorUser: server.user, Stamping: server.mutating,
		},
	}
	for _, loop := range loops {
		if err := loop.SetupWithManager(mgr); err != nil {
			return fmt.Errorf("set up %T: %w", loop, err)
		}
	}
	return mgr.Add(permissions)
}
