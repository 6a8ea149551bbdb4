// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func newGuardrails(genericiooptions.IOStreams) *cobra.Command { return &cobra.Command{Use: "guardrails"} }
