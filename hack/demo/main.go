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
		fmt.Printf(tryIt, cluster.Kubeconfig, cluster.Kubectl)
		<-ctx.Done()
	}
	return problem
}

// tryIt is printed while the cluster stays up.
const tryIt = `
The cluster stays up. In another terminal:

  export KUBECONFIG=%s
  alias kubectl=%s

Some things to try; --as=dana is the developer, and
--as=system:serviceaccount:gitops:deployer the GitOps tool:

  kubectl get promotiongates,readinessreports -A
  kubectl -n shop-production get readinessreports -o wide
  kubectl --as=dana -n shop-production set env deployment/shop LOG_LEVEL=debug
  kubectl --as=dana -n shop-production set image deployment/shop shop=registry.example/shop:2.0.0
  kubectl --as=dana -n shop-production scale deployment/shop --replicas=4

Ctrl-C ends it.
`

// keepLog saves the operator's log from the cluster's folder, which goes with the cluster.
func keepLog(cluster *testenv.Cluster) string {
	data, err := os.ReadFile(filepath.Join(cluster.Logs, "rampart.log"))
	if err != nil {
		return err.Error()
	}
	kept, err := os.CreateTemp("", "rampart-demo-*.log")
	if err != nil {
		return err.Error()
	}
	_, err = kept.Write(data)
	if err := errors.Join(err, kept.Close()); err != nil {
		return err.Error()
	}
	return kept.Name()
}
