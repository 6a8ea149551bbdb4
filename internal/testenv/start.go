// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
)

const (
	// startTimeout is how long one program may take until it works: tens of times what it
	// takes, for a machine that is busy with something else.
	startTimeout = 2 * time.Minute

	// pollInterval is how often a wait looks again.
	pollInterval = 50 * time.Millisecond

	// attempts to start etcd and the API server, each on other ports: somebody may take a
	// free port between the moment it was found and the moment it is used.
	attempts = 3
)

// errPortTaken is why a program is started again on another port.
var errPortTaken = errors.New("the port was taken by another program meanwhile")

// StartControlPlane starts a control plane and returns when it serves requests, and, with
// Nodes, when every node is ready. On error nothing is left running, and the error names the
// program that failed with the end of its log.
//
// ctx bounds the start only. Cancelling it afterwards does not stop the cluster: call Stop.
func StartControlPlane(ctx context.Context, options Options) (*Cluster, error) {
	c, err := newCluster(options)
	if err != nil {
		return nil, err
	}
	if err := c.start(ctx, options); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// newCluster prepares the files of a cluster that does not run yet.
func newCluster(options Options) (*Cluster, error) {
	assets, err := Assets()
	if err != nil {
		return nil, err
	}
	folder, err := newLayout(options.Dir)
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		Logs:   folder.logs(),
		name:   cmp.Or(options.Name, defaultName),
		assets: assets,
		folder: folder,
		users:  clusterUsers(),
	}
	if path := filepath.Join(assets, kubectl); exists(path) {
		c.Kubectl = path
	}
	err = errors.Join(
		writeTokens(folder.tokens(), c.users),
		writeServiceAccountKey(folder.serviceAccountKey()),
	)
	if err != nil {
		return nil, errors.Join(err, folder.remove())
	}
	return c, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (c *Cluster) start(ctx context.Context, options Options) error {
	options.progress("etcd and kube-apiserver")
	if err := c.startAPI(ctx, options); err != nil {
		return err
	}
	if err := c.writeUserFiles(); err != nil {
		return err
	}
	if options.Controllers {
		options.progress("kube-controller-manager")
		if err := c.startControllers(); err != nil {
			return err
		}
	}
	if options.Scheduler || options.Nodes > 0 {
		options.progress("kube-scheduler")
		if err := c.startScheduler(); err != nil {
			return err
		}
	}
	if options.Nodes > 0 {
		options.progress("kwok")
		if err := c.startNodes(ctx, options.Nodes); err != nil {
			return err
		}
	}
	if options.CRDs {
		options.progress("the CustomResourceDefinitions")
		if err := c.InstallCRDs(); err != nil {
			return err
		}
	}
	return c.waitUntilReady(ctx, options)
}

// writeUserFiles fills Config, and writes a kubeconfig for every user of the cluster.
func (c *Cluster) writeUserFiles() error {
	authority, err := os.ReadFile(c.folder.authority())
	if err != nil {
		return err
	}
	c.Config.TLSClientConfig = rest.TLSClientConfig{CAData: authority}
	for short, u := range c.users {
		if err := writeKubeconfig(c.folder.kubeconfig(short), c.name, c.configWith(u.token)); err != nil {
			return err
		}
	}
	c.Kubeconfig = c.folder.kubeconfig(admin)
	return nil
}
