// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package telemetry_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"

	"github.com/rampart-dev/rampart/internal/telemetry"
)

// The broadcaster is client-go's own: what it takes for the same is what this is about.
func TestDifferentTextsAreDifferentEvents(t *testing.T) {
	g := NewWithT(t)
	server := fake.NewClientset()
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: server.EventsV1()})
	g.Expect(broadcaster.StartRecordingToSinkWithContext(t.Context())).To(Succeed())
	defer broadcaster.Shutdown()
	recorder := telemetry.Recorder(broadcaster.NewRecorder(scheme.Scheme, "rampart"), scheme.Scheme)
	stored := func() (notes map[string]int32) {
		list, err := server.EventsV1().Events("rampart-system").List(t.Context(), metav1.ListOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		notes = map[string]int32{}
		for _, event := range list.Items {
			notes[event.Note] = seriesOf(event)
		}
		return notes
	}

	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "rampart-system", Name: "staging", UID: "1", ResourceVersion: "7"}}
	tell := func(cause string) {
		recorder.Eventf(secret, nil, telemetry.Warning, telemetry.ReasonClusterLost, telemetry.ActionConnect, "%s", cause)
	}
	tell("Unauthorized")
	g.Eventually(stored).Should(Equal(map[string]int32{"Unauthorized": 1}))
	tell("connection refused")
	g.Eventually(stored).Should(Equal(map[string]int32{"Unauthorized": 1, "connection refused": 1}))
	tell("Unauthorized")
	g.Eventually(stored).Should(Equal(map[string]int32{"Unauthorized": 2, "connection refused": 1}), "the same again is counted")
}

func seriesOf(event eventsv1.Event) int32 {
	if event.Series == nil {
		return 1
	}
	return event.Series.Count
}
