// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"
)

// endpointSliceController writes the EndpointSlices of Services that select pods. Slices
// of others may say anything.
const endpointSliceController = "endpointslice-controller.k8s.io"

// Endpoints are the pods that a Service sends new connections to.
type Endpoints struct {
	// Service is its name.
	Service string
	// Ready are the UIDs of those pods, of this workload and of others.
	Ready []string
}

// EndpointsOf reads the slices of those services that send traffic to the workload's ready
// pods. A Service that publishes addresses which are not ready is left out: it is there for
// pods to find each other. So is one that has no slice yet: nothing is known about it.
func (w Workload) EndpointsOf(services []*corev1.Service, endpointSlices []*discoveryv1.EndpointSlice) []Endpoints {
	var all []Endpoints
	for _, s := range services {
		if s.Spec.PublishNotReadyAddresses || !w.ServedBy([]*corev1.Service{s}) {
			continue
		}
		of := Endpoints{Service: s.Name}
		known := false
		for _, slice := range endpointSlices {
			if slice.Labels[discoveryv1.LabelServiceName] != s.Name || slice.Labels[discoveryv1.LabelManagedBy] != endpointSliceController {
				continue
			}
			known = true
			for uid := range ReadyIn(slice) {
				of.Ready = append(of.Ready, uid)
			}
		}
		if known {
			slices.Sort(of.Ready)
			of.Ready = slices.Compact(of.Ready) // a pod has one endpoint for each family of addresses
			all = append(all, of)
		}
	}
	return all
}

// ReadyIn are the pods that a slice lists as ready, by UID. Those that terminate are not
// among them, unless their Service wants it so.
func ReadyIn(slice *discoveryv1.EndpointSlice) map[string]bool {
	ready := map[string]bool{}
	for _, e := range slice.Endpoints {
		if e.TargetRef != nil && e.TargetRef.Kind == "Pod" && ptr.Deref(e.Conditions.Ready, true) {
			ready[string(e.TargetRef.UID)] = true
		}
	}
	return ready
}
