// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/internal/workload"
)

// endpoint of a pod; ready is nil where the slice does not say.
func endpoint(uid string, ready *bool) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{
		TargetRef:  &corev1.ObjectReference{Kind: "Pod", Name: uid, UID: types.UID(uid)},
		Conditions: discoveryv1.EndpointConditions{Ready: ready},
	}
}

// sliceOf a Service, as the API server's own controller writes it unless another is named.
func sliceOf(service, writer string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{discoveryv1.LabelServiceName: service, discoveryv1.LabelManagedBy: writer}},
		Endpoints:  endpoints,
	}
}

func TestEndpointsOf(t *testing.T) {
	const own = "endpointslice-controller.k8s.io"
	yes, no := ptr.To(true), ptr.To(false)
	app := map[string]string{"app": "shop"}
	service := func(name string, selector map[string]string) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{Selector: selector}}
	}
	peers := service("peers", app)
	peers.Spec.PublishNotReadyAddresses = true
	w := workload.Workload{Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: app}}}

	for name, c := range map[string]struct {
		services []*corev1.Service
		slices   []*discoveryv1.EndpointSlice
		want     []workload.Endpoints
	}{
		"ready pods get traffic": {
			[]*corev1.Service{service("shop", app)}, []*discoveryv1.EndpointSlice{sliceOf("shop", own, endpoint("b", yes), endpoint("a", nil), endpoint("c", no))},
			[]workload.Endpoints{{Service: "shop", Ready: []string{"a", "b"}}},
		},
		"a pod has an endpoint in each family of addresses": {
			[]*corev1.Service{service("shop", app)}, []*discoveryv1.EndpointSlice{sliceOf("shop", own, endpoint("a", yes)), sliceOf("shop", own, endpoint("a", yes))},
			[]workload.Endpoints{{Service: "shop", Ready: []string{"a"}}},
		},
		"an empty slice is nobody": {
			[]*corev1.Service{service("shop", app)}, []*discoveryv1.EndpointSlice{sliceOf("shop", own)}, []workload.Endpoints{{Service: "shop"}},
		},
		"no slice is not known":             {[]*corev1.Service{service("shop", app)}, nil, nil},
		"another Service's slice":           {[]*corev1.Service{service("shop", app)}, []*discoveryv1.EndpointSlice{sliceOf("web", own, endpoint("a", yes))}, nil},
		"a Service of other pods":           {[]*corev1.Service{service("web", map[string]string{"app": "web"})}, []*discoveryv1.EndpointSlice{sliceOf("web", own, endpoint("a", yes))}, nil},
		"a slice that somebody else writes": {[]*corev1.Service{service("shop", app)}, []*discoveryv1.EndpointSlice{sliceOf("shop", "dana", endpoint("a", yes))}, nil},
		"addresses that need not be ready":  {[]*corev1.Service{peers}, []*discoveryv1.EndpointSlice{sliceOf("peers", own, endpoint("a", yes))}, nil},
		"an endpoint that is no pod": {
			[]*corev1.Service{service("shop", app)}, []*discoveryv1.EndpointSlice{sliceOf("shop", own, discoveryv1.Endpoint{})}, []workload.Endpoints{{Service: "shop"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(w.EndpointsOf(c.services, c.slices)).To(Equal(c.want))
		})
	}
}
