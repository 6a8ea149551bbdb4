// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// startNodes starts kwok, and creates the nodes that it plays.
func (c *Cluster) startNodes(ctx context.Context, count int) error {
	configuration, err := stages()
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.folder.stages(), configuration, 0o600); err != nil {
		return err
	}
	_, err = c.run(kwok,
		"--kubeconfig="+c.folder.kubeconfig(kwok),
		"--config="+c.folder.stages(),
		"--manage-all-nodes",
		"--cidr=10.244.0.0/16",
		"--node-ip=10.0.0.1",
		// kwok renews the nodes' leases, as kubelets do: without them the controller manager
		// would take the nodes for dead.
		"--node-lease-duration-seconds=40",
	)
	if err != nil {
		return err
	}
	clients, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return err
	}
	for i := range count {
		if _, err := clients.CoreV1().Nodes().Create(ctx, fakeNode(i), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// fakeNode is a node of an ordinary size, in one of three zones.
func fakeNode(i int) *corev1.Node {
	name := fmt.Sprintf("node-%d", i+1)
	room := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("32"),
		corev1.ResourceMemory: resource.MustParse("128Gi"),
		corev1.ResourcePods:   resource.MustParse("250"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				corev1.LabelHostname:     name,
				corev1.LabelOSStable:     "linux",
				corev1.LabelArchStable:   "amd64",
				corev1.LabelTopologyZone: fmt.Sprintf("zone-%d", i%3+1),
			},
		},
		Status: corev1.NodeStatus{Capacity: room, Allocatable: room},
	}
}
