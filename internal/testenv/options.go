// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

// Options says which parts of a cluster to start. The zero value is etcd and an API server
// with RBAC and the default admission plugins: enough for a controller's suite, quick, and
// all that the standard envtest binaries offer.
type Options struct {
	// Name is what kubeconfigs call the cluster, its user and the context, so that those of
	// several clusters can be joined. Empty means "rampart".
	Name string

	// Controllers starts kube-controller-manager with its default controllers, each under
	// its own service account as in a real cluster, so that Deployments get ReplicaSets and
	// ReplicaSets get Pods. Without it nobody makes the default service accounts either, so
	// the ServiceAccount admission plugin is off and Pods can be created in any namespace.
	Controllers bool

	// Nodes is how many nodes kwok plays. More than 0 starts kwok and kube-scheduler, so
	// that Pods are scheduled and run as their Behaviour says.
	Nodes int

	// Scheduler starts kube-scheduler although kwok plays no node, for real ones that join.
	Scheduler bool

	// CRDs installs the project's CustomResourceDefinitions from config/crd and waits until
	// they are served.
	CRDs bool

	// APIServerArgs are appended to the API server's arguments, for example
	// "--audit-policy-file=...". The last of two equal flags wins.
	APIServerArgs []string

	// Dir holds the cluster's data, credentials and logs. It is created where it is
	// missing, must not hold another cluster, and Stop leaves it. Empty means a temporary
	// folder that Stop removes.
	Dir string

	// Progress, if set, is told in a few words what is being started.
	Progress func(step string)
}

func (o Options) progress(step string) {
	if o.Progress != nil {
		o.Progress(step)
	}
}
