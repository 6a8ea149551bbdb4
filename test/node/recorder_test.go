// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// line of a transcript: what the API server said, and when.
type line struct {
	At     time.Time       `json:"at"`
	Event  watch.EventType `json:"event"`
	Kind   string          `json:"kind"`
	Object client.Object   `json:"object"`
}

// record writes a transcript of the namespace, and of the nodes, until the test ends: a line
// of JSON for each watch event. `go test -artifacts` keeps it.
func record(t *testing.T, namespace string) {
	t.Helper()
	g := NewWithT(t)
	file, err := os.Create(filepath.Join(t.ArtifactDir(), "transcript.jsonl"))
	g.Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	transcript := &transcript{encoder: json.NewEncoder(file)}
	var watches sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		watches.Wait()
		g := NewWithT(t)
		g.Expect(transcript.failed).NotTo(HaveOccurred())
		g.Expect(file.Close()).To(Succeed())
	})
	for _, list := range []client.ObjectList{
		&corev1.PodList{}, &discoveryv1.EndpointSliceList{}, &appsv1.DeploymentList{}, &appsv1.ReplicaSetList{},
		&corev1.EventList{}, &v1alpha1.ReadinessReportList{}, &corev1.NodeList{},
	} {
		in := client.InNamespace(namespace)
		if _, ok := list.(*corev1.NodeList); ok {
			in = ""
		}
		stream, err := admin.Watch(ctx, list, in)
		g.Expect(err).NotTo(HaveOccurred())
		watches.Go(func() {
			for event := range stream.ResultChan() {
				transcript.add(event)
			}
		})
	}
}

// transcript is written by several watches.
type transcript struct {
	mu      sync.Mutex
	encoder *json.Encoder
	failed  error
}

func (r *transcript) add(event watch.Event) {
	object, ok := event.Object.(client.Object)
	if !ok {
		return // a watch that ends with an error says so by a Status
	}
	object.SetManagedFields(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.encoder.Encode(line{At: time.Now(), Event: event.Type, Kind: fmt.Sprintf("%T", object), Object: object})
	if err != nil {
		r.failed = err
	}
}
