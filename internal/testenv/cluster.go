// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"errors"
	"io"
	"slices"
	"sync"

	"k8s.io/client-go/rest"
)

// Cluster is a running control plane. It lives until Stop, or until its parent process ends.
type Cluster struct {
	// Config authenticates as a member of system:masters, without client-side throttling.
	Config *rest.Config

	// Kubeconfig is the path of a file with the same rights as Config.
	Kubeconfig string

	// Kubectl is the path of a kubectl of the cluster's version, empty if the binaries hold
	// none.
	Kubectl string

	// Logs is the folder that holds one log file for each process, named <process>.log.
	Logs string

	name   string
	assets string
	folder layout
	users  map[string]user

	// apiServerArgs start the API server again as it was.
	apiServerArgs []string

	mu sync.Mutex
	// processes run, in the order of their start.
	processes []*process
	stopped   bool
}

// Stop ends all processes, the newest first, and removes the cluster's folder unless
// Options.Dir named it. The cluster's data is worth nothing then, so nothing is asked to
// shut down in order. It is safe to call more than once.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil
	}
	c.stopped = true

	var errs []error
	for _, p := range slices.Backward(c.processes) {
		errs = append(errs, p.kill())
	}
	return errors.Join(append(errs, c.folder.remove())...)
}

// run starts one of the cluster's programs, to be ended by Stop.
func (c *Cluster) run(name string, args ...string) (*process, error) {
	path, err := binary(c.assets, name)
	if err != nil {
		return nil, err
	}
	return c.runBinary(path, args, nil)
}

// runBinary starts any program, to be ended by Stop.
func (c *Cluster) runBinary(path string, args []string, watcher io.Writer) (*process, error) {
	p, err := startProcess(path, args, c.folder, watcher)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processes = append(c.processes, p)
	return p, nil
}

// forget takes a program that has ended off the list.
func (c *Cluster) forget(p *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processes = slices.DeleteFunc(c.processes, func(other *process) bool { return other == p })
}

// configWith returns a config for the API server that authenticates by the token.
func (c *Cluster) configWith(token string) *rest.Config {
	config := rest.AnonymousClientConfig(c.Config)
	config.BearerToken = token
	config.QPS = -1 // No throttling in the client: a test waits for the server alone.
	return config
}

// find returns the running program of that name, or nil.
func (c *Cluster) find(name string) *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.processes {
		if p.name == name {
			return p
		}
	}
	return nil
}
