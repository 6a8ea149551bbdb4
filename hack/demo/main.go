// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Command demo walks through development, staging and production on an embedded
// cluster, and fails if anything that it tells does not happen. It is `make demo`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rampart-dev/rampart/hack/demo/story"
	"github.com/rampart-dev/rampart/internal/testenv"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "\nThe demo failed: %v\n", err)
		os.Exit(1)
	}
}

func run() (err error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	began := time.Now()
	cluster, err := testenv.StartControlPlane(ctx, testenv.Options{
		Controllers: true, Nodes: 3, CRDs: true,
		Progress: func(step string) { fmt.Println("Starting", step) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()

	fmt.Println("Starting the operator, with the rights of its service account")
	if _, err := cluster.StartOperator(ctx, testenv.OperatorOptions{Binary: filepath.Join("bin", "rampart")}); err != nil {
		return err
	}
	problem := story.Play(ctx, cluster, os.Stdout)
	if problem != nil {
		problem = fmt.Errorf("%w\nThe operator's log: %s", problem, keepLog(cluster))
	} else {
		fmt.Printf("\nThat was all of it, in %.0f seconds.\n", time.Since(began).Seconds())
	}
	if keep := os.Getenv("KEEP"); keep != "" && keep != "0" {
		if problem != nil {
			fmt.Printf("\nThe demo failed: %v\n", problem)
		}
		fmt.Printf("\nThe cluster stays up. In another terminal:\n\n  export KUBECONFIG=%s\n  alias kubectl=%s\n  kubectl get promotiongates -A\n\nCtrl-C ends it.\n",
			cluster.Kubeconfig, cluster.Kubectl)
		<-ctx.Done()
	}
	return problem
}

// keepLog saves the operator's log from the cluster's folder, which goes with the cluster.
func keepLog(cluster *testenv.Cluster) string {
	data, err := os.ReadFile(filepath.Join(cluster.Logs, "rampart.log"))
	if err != nil {
		return err.Error()
	}
	kept := filepath.Join(os.TempDir(), "rampart-demo.log")
	if err := os.WriteFile(kept, data, 0o600); err != nil {
		return err.Error()
	}
	return kept
}
