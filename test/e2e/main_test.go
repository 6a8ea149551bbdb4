// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e holds the end-to-end tests: the operator's program, with the rights of its
// service account, on a cluster whose only simulated part is the nodes. They demand the
// story of `make demo`, and then the promises that no misuse and no failure may break.
package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// folder holds what the suite makes: the operator's program and the audit log.
var folder string

// program is the operator's.
func program() string { return filepath.Join(folder, "rampart") }

// together is how many tests run at the same time where they may: they mostly wait.
const together = "8"

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	SetDefaultEventuallyTimeout(60 * time.Second)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	SetDefaultConsistentlyPollingInterval(100 * time.Millisecond)
	EnforceDefaultTimeoutsWhenUsingContexts()
	// Whoever asks for another number gets it: the flags are read after this.
	if err := flag.Set("test.parallel", together); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	log.SetLogger(logr.Discard()) // The clients of the tests have nothing to say.
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := tearDown(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}()
	return m.Run()
}

// prepare builds the operator, and makes the repository's root the working directory: the
// manifests are named as a reader of the documentation would name them.
func prepare() error {
	if err := os.Chdir(filepath.Join("..", "..")); err != nil {
		return err
	}
	var err error
	if folder, err = os.MkdirTemp("", "rampart-e2e-"); err != nil {
		return err
	}
	if output, err := exec.Command("go", "build", "-o", program(), "./cmd/rampart").CombinedOutput(); err != nil {
		return fmt.Errorf("build the operator: %w\n%s", err, output)
	}
	return nil
}
