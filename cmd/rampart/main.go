// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Command rampart is the operator.
package main

import (
	"context"
	"flag"
	"os"

	"go.uber.org/zap/zapcore"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/rampart-dev/rampart/controllers"
)

// options are the flags.
type options struct {
	metricsAddress string
	probeAddress   string
	leaderElection bool
	namespace      string
	logging        zap.Options
}

func main() {
	o := parse()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&o.logging)))
	if err := run(o); err != nil {
		ctrl.Log.Error(err, "the operator stopped")
		os.Exit(1)
	}
}

func parse() options {
	var o options
	flag.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443",
		"The address that serves metrics over TLS to clients that may get /metrics; 0 serves none.")
	flag.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "The address that serves /healthz and /readyz.")
	flag.BoolVar(&o.leaderElection, "leader-elect", true, "Run only while holding the lease, so that a second replica may stand by.")
	flag.StringVar(&o.namespace, "operator-namespace", envOr("POD_NAMESPACE", "rampart-system"),
		"The namespace that the operator runs in; it is never part of an environment.")
	// What a user got wrong is an error of one line, not of a stack.
	o.logging.StacktraceLevel = zapcore.PanicLevel
	o.logging.BindFlags(flag.CommandLine)
	flag.Parse()
	return o
}

func run(o options) error {
	mgr, err := ctrl.NewManager(ctrl.GetConfigOrDie(), ctrl.Options{
		Scheme: controllers.Scheme(),
		Cache:  controllers.CacheOptions(o.namespace),
		Metrics: metricsserver.Options{
			BindAddress:    o.metricsAddress,
			SecureServing:  true,
			FilterProvider: filters.WithAuthenticationAndAuthorization,
		},
		HealthProbeBindAddress:        o.probeAddress,
		LeaderElection:                o.leaderElection,
		LeaderElectionID:              "rampart.dev",
		LeaderElectionNamespace:       o.namespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return err
	}
	ctx := ctrl.SetupSignalHandler()
	if err := preflight(ctx, mgr); err != nil {
		return err
	}
	if err := controllers.Setup(ctx, mgr, controllers.Options{OperatorNamespace: o.namespace}); err != nil {
		return err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// preflight asks, before any cache is filled, whether the operator may do its work.
func preflight(ctx context.Context, mgr ctrl.Manager) error {
	direct, err := client.New(mgr.GetConfig(), client.Options{Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(), HTTPClient: mgr.GetHTTPClient()})
	if err != nil {
		return err
	}
	return controllers.Preflight(ctx, direct)
}

func envOr(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
