// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

// startControllers starts kube-controller-manager.
func (c *Cluster) startControllers() error {
	kubeconfig := c.folder.kubeconfig(controllerManager)
	_, err := c.run(controllerManager,
		"--kubeconfig="+kubeconfig,
		"--authentication-kubeconfig="+kubeconfig,
		"--authorization-kubeconfig="+kubeconfig,
		// Each controller acts under a name of its own, as in a real cluster. Guardrails
		// recognise what built-in controllers create by these names.
		"--use-service-account-credentials",
		"--service-account-private-key-file="+c.folder.serviceAccountKey(),
		"--root-ca-file="+c.folder.authority(),
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	)
	return err
}

// startScheduler starts kube-scheduler.
func (c *Cluster) startScheduler() error {
	kubeconfig := c.folder.kubeconfig(scheduler)
	_, err := c.run(scheduler,
		"--kubeconfig="+kubeconfig,
		"--authentication-kubeconfig="+kubeconfig,
		"--authorization-kubeconfig="+kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
	)
	return err
}
