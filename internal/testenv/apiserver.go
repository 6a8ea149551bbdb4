// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
)

// shutdownPatience is how long the API server may take to finish the requests at hand.
const shutdownPatience = 15 * time.Second

// startAPI starts etcd and the API server, on other ports if theirs were taken meanwhile.
func (c *Cluster) startAPI(ctx context.Context, options Options) error {
	var err error
	for range attempts {
		if err = c.tryAPI(ctx, options); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

func (c *Cluster) tryAPI(ctx context.Context, options Options) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	clients, peers := "http://"+net.JoinHostPort(loopback, ports[0]), "http://"+net.JoinHostPort(loopback, ports[1])

	store, err := c.run(etcd, etcdArgs(c.folder, clients, peers)...)
	if err != nil {
		return err
	}
	c.Config = &rest.Config{
		Host:        "https://" + net.JoinHostPort(loopback, ports[2]),
		BearerToken: c.users[admin].token,
		QPS:         -1,
	}
	c.apiServerArgs = apiServerArgs(c.folder, options, clients, ports[2])
	server, err := c.run(apiServer, c.apiServerArgs...)
	if err != nil {
		return err
	}
	// The API server waits for etcd, so that the two can start together.
	if err := c.waitForAPI(ctx); err != nil {
		err = errors.Join(err, server.kill(), store.kill())
		c.forget(server)
		c.forget(store)
		return err
	}
	return nil
}

func etcdArgs(folder layout, clients, peers string) []string {
	return []string{
		"--name=default",
		"--data-dir=" + folder.etcdData(),
		"--listen-client-urls=" + clients,
		"--advertise-client-urls=" + clients,
		"--listen-peer-urls=" + peers,
		"--initial-advertise-peer-urls=" + peers,
		"--initial-cluster=default=" + peers,
		"--unsafe-no-fsync", // The data dies with the cluster, a disk flush only costs time.
		"--log-level=warn",
	}
}

func apiServerArgs(folder layout, options Options, etcdURL, port string) []string {
	args := []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=" + loopback,
		"--advertise-address=" + loopback,
		"--secure-port=" + port,
		"--cert-dir=" + folder.certificates(),
		"--authorization-mode=RBAC",
		"--token-auth-file=" + folder.tokens(),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + folder.serviceAccountKey(),
		"--service-account-signing-key-file=" + folder.serviceAccountKey(),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--allow-privileged",
		// Watches end at once when it is stopped: a client that hangs on to one delays no restart.
		"--shutdown-watch-termination-grace-period=1s",
		// The reconciler refuses to publish a loopback address as an endpoint.
		"--endpoint-reconciler-type=none",
	}
	if !options.Controllers {
		args = append(args, "--disable-admission-plugins=ServiceAccount")
	}
	return append(args, options.APIServerArgs...)
}

// RestartAPIServer stops the API server as an upgrade would (SIGTERM, then a new process at
// the same address over the same etcd) and returns when it is ready again.
func (c *Cluster) RestartAPIServer(ctx context.Context) error {
	if err := c.StopAPIServer(); err != nil {
		return err
	}
	return c.StartAPIServer(ctx)
}

// StopAPIServer stops the API server alone: everything else runs on and must bear it.
func (c *Cluster) StopAPIServer() error {
	server := c.find(apiServer)
	if server == nil {
		return errors.New("the API server does not run")
	}
	if err := server.stop(shutdownPatience); err != nil {
		return err
	}
	c.forget(server)
	return nil
}

// StartAPIServer starts the API server that StopAPIServer stopped, at the same address, and
// returns when it is ready.
func (c *Cluster) StartAPIServer(ctx context.Context) error {
	if _, err := c.run(apiServer, c.apiServerArgs...); err != nil {
		return err
	}
	return c.waitForAPI(ctx)
}

// waitForAPI waits until the API server is ready. It fails at once when any of the cluster's
// programs has ended.
func (c *Cluster) waitForAPI(ctx context.Context) error {
	var last error
	err := c.waitFor(ctx, "the API server", func(ctx context.Context) (bool, error) {
		last = c.readyz(ctx)
		return last == nil, nil
	})
	if wait.Interrupted(err) {
		return errors.Join(err, last)
	}
	return err
}

// readyz returns nil if the API server says that it is ready.
func (c *Cluster) readyz(ctx context.Context) error {
	authority, err := os.ReadFile(c.folder.authority())
	if err != nil {
		return err // The API server makes it when it starts.
	}
	config := rest.CopyConfig(c.Config)
	config.CAData = authority
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("/readyz answers %s", response.Status)
	}
	return nil
}
