// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/remote"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Options of the operator.
type Options struct {
	// OperatorNamespace is never part of an environment.
	OperatorNamespace string
	// Clock tells the time; nil is the real one.
	Clock clock.PassiveClock
	// Metrics is where the operator's metrics are registered; nil is the registry that the
	// manager serves.
	Metrics prometheus.Registerer
	// Connections says how connections to other clusters are kept; the zero value is
	// remote.DefaultTiming.
	Connections remote.Timing
}

// Scheme knows every kind that the operator reads or writes.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
}

// Setup registers every loop with the manager.
func Setup(ctx context.Context, mgr ctrl.Manager, options Options) error {
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	if options.Metrics == nil {
		options.Metrics = metrics.Registry
	}
	if options.Connections == (remote.Timing{}) {
		options.Connections = remote.DefaultTiming()
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

	c, recorder := mgr.GetClient(), telemetry.Recorder(mgr.GetEventRecorder("rampart"), mgr.GetScheme())
	permissions := NewPermissions(c)
	programs, applier := NewPrograms(compiler), NewApplier(c)
	prober, err := NewProber(mgr.GetConfig())
	if err != nil {
		return err
	}
	measures := telemetry.NewMetrics(options.Metrics)
	connections := &Connections{Namespace: options.OperatorNamespace, Clock: options.Clock, Timing: options.Connections, Events: recorder}
	kinds := NewKinds()
	resources, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("connect to the API server to ask what it serves: %w", err)
	}
	secretWrites, err := newSecretCache(mgr)
	if err != nil {
		return err
	}
	kindWatches := &KindReconciler{
		Client: c, Cache: mgr.GetCache(), SecretWrites: secretWrites, Resources: resources, Clock: options.Clock, Kinds: kinds, OperatorNamespace: options.OperatorNamespace,
	}
	baselines, drafts := NewBaselines(), NewDrafts(c, options.Clock)
	loops := []interface{ SetupWithManager(ctrl.Manager) error }{
		&BaselineReconciler{
			Client: c, Live: mgr.GetAPIReader(), Applier: applier, Baselines: baselines, Events: recorder, OperatorNamespace: options.OperatorNamespace,
		},
		&GuardrailReconciler{Client: c, Compiler: compiler, Kinds: kinds, Events: recorder},
		&NamespaceReconciler{Client: c, Clock: options.Clock, Connections: connections, Events: recorder, OperatorNamespace: options.OperatorNamespace},
		&EnvironmentReconciler{
			Client: c, Clock: options.Clock, Programs: programs, Applier: applier, Liveness: NewLiveness(prober), Events: recorder, Metrics: measures,
			Permissions: permissions, Kinds: kinds, Baselines: baselines, Connections: connections, OperatorNamespace: options.OperatorNamespace, OperatorUser: server.user, Mutating: server.mutating,
		},
		&AdmissionReconciler{Client: c, Applier: applier, OperatorNamespace: options.OperatorNamespace, OperatorUser: server.user},
		&OnboardingReconciler{Client: c, Events: recorder, OperatorNamespace: options.OperatorNamespace},
		&GateReconciler{Client: c, Clock: options.Clock, Events: recorder, Connections: connections, OperatorNamespace: options.OperatorNamespace},
		&ReportReconciler{
			Client: c, Objects: mgr.GetCache(), Live: mgr.GetAPIReader(), SecretWrites: secretWrites, Clock: options.Clock, Programs: programs, Impressions: NewImpressions[Key](),
			Kinds: kinds, KindWatches: kindWatches, Departures: NewDepartures(options.Clock), Drafts: drafts,
			Events: recorder, Metrics: measures, Slots: &Slots{}, OperatorNamespace: options.OperatorNamespace,
			OperatorUser: server.user, Stamping: server.mutating,
		},
		&ObjectReconciler{
			Client: c, Objects: mgr.GetCache(), Clock: options.Clock, Programs: programs, Impressions: NewImpressions[ObjectKey](),
			Kinds: kinds, KindWatches: kindWatches, Events: recorder, OperatorNamespace: options.OperatorNamespace,
		},
		kindWatches,
	}
	declarable, err := mayReadConnections(ctx, mgr.GetConfig(), options.OperatorNamespace)
	if err != nil {
		return err
	}
	if declarable {
		connections.Secrets = c
		loops = append(loops, &ConnectionReconciler{Client: c, Connections: connections})
	}
	for _, loop := range loops {
		if err := loop.SetupWithManager(mgr); err != nil {
			return fmt.Errorf("set up %T: %w", loop, err)
		}
	}
	if err := mgr.Add(connections); err != nil {
		return fmt.Errorf("keep the connections to other clusters: %w", err)
	}
	if err := mgr.Add(drafts); err != nil {
		return fmt.Errorf("record what is known when the operator stops: %w", err)
	}
	return mgr.Add(permissions)
}
