// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Command lint is golangci-lint with kube-api-linter built in, which it knows by the name
// "kubeapilinter".
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/golangci/golangci-lint/v2/pkg/commands"
	"github.com/golangci/golangci-lint/v2/pkg/exitcodes"

	_ "sigs.k8s.io/kube-api-linter"
)

func main() {
	build := commands.BuildInfo{GoVersion: "unknown", Version: "unknown", Commit: "?", Date: "?"}
	if info, ok := debug.ReadBuildInfo(); ok {
		build.GoVersion = info.GoVersion
		for _, module := range info.Deps {
			if module.Path == "github.com/golangci/golangci-lint/v2" {
				build.Version = module.Version
			}
		}
	}
	if err := commands.Execute(build); err != nil {
		fmt.Fprintln(os.Stderr, "golangci-lint:", err)
		os.Exit(exitcodes.Failure)
	}
}
