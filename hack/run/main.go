// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Command run starts an embedded cluster and the operator beside it, under its real identity,
// until Ctrl-C. It is `make run`. Several run side by side, each with a -name of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/rampart-dev/rampart/internal/testenv"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() (err error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	name := flag.String("name", "", "what the kubeconfig calls the cluster, its user and the context (rampart, if empty)")
	flag.Parse()
	cluster, err := testenv.StartControlPlane(ctx, testenv.Options{
		Name:        *name,
		Controllers: true,
		Nodes:       3,
		CRDs:        true,
		Progress:    func(step string) { fmt.Println("Starting", step) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()

	if _, err := cluster.RunKubectl(ctx, "apply", "--server-side", "-k", "config/guardrails"); err != nil {
		return err
	}
	operator, err := cluster.StartOperator(ctx, testenv.OperatorOptions{
		Binary: filepath.Join("bin", "rampart"),
	})
	if err != nil {
		return err
	}
	fmt.Printf("\nThe operator runs. In another terminal:\n\n  export KUBECONFIG=%s\n  alias kubectl=%s\n  tail -f %s\n\nCtrl-C ends both.\n",
		cluster.Kubeconfig, cluster.Kubectl, filepath.Join(cluster.Logs, "rampart.log"))
	<-ctx.Done()
	return operator.Stop()
}
