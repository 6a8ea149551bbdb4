// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// OperatorAccount is the operator's service account, as config/rbac declares it.
var OperatorAccount = types.NamespacedName{Namespace: "rampart-system", Name: "rampart-controller-manager"}

// operatorPatience is how long the operator may take to shut down: its Deployment's grace
// period.
const operatorPatience = 15 * time.Second

// OperatorOptions says how to run the operator.
type OperatorOptions struct {
	// Binary is the path of the operator's program.
	Binary string

	// Args are appended to its arguments.
	Args []string

	// Output, if set, gets what the operator logs. The log file rampart.log gets it anyway.
	Output io.Writer
}

// Operator is the operator, running as a process outside of the cluster.
type Operator struct {
	// HealthURL is where it serves /healthz and /readyz.
	HealthURL string

	// MetricsURL is where it serves /metrics.
	MetricsURL string

	cluster *Cluster
	process *process
}

// StartOperator runs the operator under its real identity: it applies config/rbac and gives
// the program a token of the operator's service account and nothing else, so that a missing
// right shows. It returns when the operator says that it is ready. The CRDs must be there.
// The operator ends with the cluster.
func (c *Cluster) StartOperator(ctx context.Context, options OperatorOptions) (*Operator, error) {
	if _, err := c.RunKubectl(ctx, "apply", "--server-side", "-k", "config/rbac"); err != nil {
		return nil, err
	}
	kubeconfig, err := c.KubeconfigFor(ctx, OperatorAccount)
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	health, metrics := net.JoinHostPort(loopback, ports[0]), net.JoinHostPort(loopback, ports[1])
	args := append([]string{
		"--kubeconfig=" + kubeconfig,
		"--health-probe-bind-address=" + health,
		"--metrics-bind-address=" + metrics,
	}, options.Args...)
	path, err := filepath.Abs(options.Binary) // It will run in the cluster's folder.
	if err != nil {
		return nil, err
	}
	p, err := c.runBinary(path, args, options.Output)
	if err != nil {
		return nil, err
	}
	o := &Operator{HealthURL: "http://" + health, MetricsURL: "https://" + metrics, cluster: c, process: p}
	if err := c.waitFor(ctx, "the operator", o.ready); err != nil {
		return nil, fmt.Errorf("%w; the end of its log:\n%s", err, lastLines(p.log, 15))
	}
	return o, nil
}

// Stop ends the operator in order, so that it gives up its lease.
func (o *Operator) Stop() error {
	defer o.cluster.forget(o.process)
	return o.process.stop(operatorPatience)
}

// Kill ends the operator at once, as a crash or a lost node would.
func (o *Operator) Kill() error {
	defer o.cluster.forget(o.process)
	return o.process.kill()
}

// ready says whether the operator says that it is ready.
func (o *Operator) ready(ctx context.Context) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.HealthURL+"/readyz", http.NoBody)
	if err != nil {
		return false, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, nil //nolint:nilerr // It does not listen yet: look again.
	}
	return response.StatusCode == http.StatusOK, response.Body.Close()
}
