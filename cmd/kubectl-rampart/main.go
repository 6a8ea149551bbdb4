// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Command kubectl-rampart is the kubectl plugin: kubectl rampart.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	ctrl "sigs.k8s.io/controller-runtime"
)

// The exit codes: a pipeline tells findings from a question that could not be answered.
const (
	exitFindings = 1
	exitError    = 2
)

// errFindings ends a check that found something. It was said already.
var errFindings = errors.New("findings")

func main() {
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	err := newRoot(streams).ExecuteContext(ctrl.SetupSignalHandler())
	switch {
	case err == nil:
	case errors.Is(err, errFindings):
		os.Exit(exitFindings)
	default:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(exitError)
	}
}

func newRoot(streams genericiooptions.IOStreams) *cobra.Command {
	root := &cobra.Command{
		Use:           "kubectl-rampart",
		Short:         "Progressive enforcement: check manifests, and see where guardrails stand",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl rampart"},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newCheck(streams), newGuardrails(streams))
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	return root
}
