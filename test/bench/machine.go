// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// machine is where the figures come from.
type machine struct {
	cpu        string
	cores      int
	goVersion  string
	kubernetes string
	// load is how many programs wanted a core before the benchmark began.
	load float64
}

// thisMachine describes the machine and the API server. What the system does not tell is
// said to be unknown.
func thisMachine(config *rest.Config) (machine, error) {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return machine{}, err
	}
	server, err := client.ServerVersion()
	if err != nil {
		return machine{}, err
	}
	return machine{
		cpu: cpuModel(), cores: runtime.NumCPU(), goVersion: strings.TrimPrefix(runtime.Version(), "go"),
		kubernetes: strings.TrimPrefix(server.GitVersion, "v"),
	}, nil
}

func cpuModel() string {
	content, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(content)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return "unknown"
}

// loadNow is how many programs want a core, over the last minute; 0 where the system does
// not tell.
func loadNow() float64 {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	load, _, _ := strings.Cut(string(content), " ")
	value, err := strconv.ParseFloat(load, 64)
	if err != nil {
		return 0
	}
	return value
}
