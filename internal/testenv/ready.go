// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// waitUntilReady waits until the cluster does what its options promise: the namespaces that
// every cluster has exist, the controllers work, and the nodes are ready.
func (c *Cluster) waitUntilReady(ctx context.Context, options Options) error {
	clients, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return err
	}
	for _, check := range []struct {
		name   string
		wanted bool
		done   func(context.Context, kubernetes.Interface) (bool, error)
	}{
		{"the default namespace", true, hasDefaultNamespace},
		{"the default service account", options.Controllers, hasDefaultServiceAccount},
		{"the nodes", options.Nodes > 0, hasReadyNodes(options.Nodes)},
	} {
		if !check.wanted {
			continue
		}
		if err := c.waitFor(ctx, check.name, func(ctx context.Context) (bool, error) { return check.done(ctx, clients) }); err != nil {
			return err
		}
	}
	return nil
}

// waitFor waits until done, and fails at once when any of the cluster's programs has ended.
func (c *Cluster) waitFor(ctx context.Context, what string, done wait.ConditionWithContextFunc) error {
	err := wait.PollUntilContextTimeout(ctx, pollInterval, startTimeout, true, func(ctx context.Context) (bool, error) {
		if err := c.ended(); err != nil {
			return false, err
		}
		return done(ctx)
	})
	if err != nil {
		return fmt.Errorf("wait for %s: %w", what, err)
	}
	return nil
}

// ended returns an error for each of the cluster's programs that has ended by itself.
func (c *Cluster) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, p := range c.processes {
		errs = append(errs, p.ended())
	}
	return errors.Join(errs...)
}

func hasDefaultNamespace(ctx context.Context, clients kubernetes.Interface) (bool, error) {
	_, err := clients.CoreV1().Namespaces().Get(ctx, metav1.NamespaceDefault, metav1.GetOptions{})
	return err == nil, ignoreNotFound(err)
}

// hasDefaultServiceAccount says whether the controllers work: one of them makes it.
func hasDefaultServiceAccount(ctx context.Context, clients kubernetes.Interface) (bool, error) {
	_, err := clients.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
	return err == nil, ignoreNotFound(err)
}

func hasReadyNodes(count int) func(context.Context, kubernetes.Interface) (bool, error) {
	return func(ctx context.Context, clients kubernetes.Interface) (bool, error) {
		nodes, err := clients.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		ready := 0
		for i := range nodes.Items {
			if schedulable(&nodes.Items[i]) {
				ready++
			}
		}
		return ready >= count, nil
	}
}

// schedulable says whether the node is ready and has lost the taint that every new node
// carries until a controller has seen it ready.
func schedulable(node *corev1.Node) bool {
	if len(node.Spec.Taints) > 0 {
		return false
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
