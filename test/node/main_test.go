// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package node plays the episodes on a real node: a kubelet and a container runtime that a
// script joins to the embedded control plane. It is `make e2e-node NODE=path/to/script`.
package node

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/testenv"
)

const (
	// scriptVariable names the script that joins a node.
	scriptVariable = "RAMPART_NODE"
	// ctrVariable is how to talk to the containerd of the node: the client and its flags.
	ctrVariable = "RAMPART_CTR"
)

// admin may do everything; nil where there is no script.
var admin client.WithWatch

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	path := os.Getenv(scriptVariable)
	if path == "" {
		return m.Run()
	}
	// All episodes at the same time: they mostly wait.
	if err := flag.Set("test.parallel", "16"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	SetDefaultEventuallyTimeout(3 * time.Minute)
	SetDefaultEventuallyPollingInterval(200 * time.Millisecond)
	EnforceDefaultTimeoutsWhenUsingContexts()
	log.SetLogger(logr.Discard()) // The clients of the tests have nothing to say.

	stop, err := prepare(script(path))
	if err == nil {
		code = m.Run()
	}
	if err := errors.Join(err, stop()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// prepare starts a cluster with the real node alone, and the operator. What stop ends is
// whatever was started, also on an error.
func prepare(node script) (stop func() error, err error) {
	var undo []func() error
	stop = func() error {
		var errs []error
		for _, f := range slices.Backward(undo) {
			errs = append(errs, f())
		}
		return errors.Join(errs...)
	}
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "rampart-node-")
	if err != nil {
		return stop, err
	}
	undo = append(undo, func() error { return os.RemoveAll(folder) })
	program := filepath.Join(folder, "rampart")
	if output, err := exec.Command("go", "build", "-o", program, "../../cmd/rampart").CombinedOutput(); err != nil {
		return stop, fmt.Errorf("build the operator: %w\n%s", err, output)
	}
	cluster, err := testenv.StartControlPlane(ctx, testenv.Options{Controllers: true, Scheduler: true, CRDs: true})
	if err != nil {
		return stop, err
	}
	undo = append(undo, cluster.Stop, func() error { return node.run("down") })
	if err := node.run("up", cluster.Kubeconfig); err != nil {
		return stop, err
	}
	if err := node.run("load", image); err != nil {
		return stop, err
	}
	if _, err := cluster.StartOperator(ctx, testenv.OperatorOptions{Binary: program}); err != nil {
		return stop, err
	}
	admin, err = client.NewWithWatch(cluster.Config, client.Options{Scheme: controllers.Scheme()})
	return stop, err
}

// script joins a node to a cluster (`up KUBECONFIG`), loads the little server under a name
// (`load IMAGE`), and takes the node away (`down`).
type script string

func (s script) run(args ...string) error {
	command := exec.Command(string(s), args...)
	// No pipe: it would stay open as long as what the script leaves running.
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s %v: %w", s, args, err)
	}
	return nil
}
