// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// recordingQueue remembers how requests were added.
type recordingQueue struct {
	priorityqueue.PriorityQueue[string]
	added []priorityqueue.AddOpts
}

func (q *recordingQueue) AddWithOpts(o priorityqueue.AddOpts, _ ...string) {
	q.added = append(q.added, o)
}

func TestManyRequestsOfOneChangeComeApartAndBehindRealChanges(t *testing.T) {
	g := NewWithT(t)
	handle := unhurried(func(context.Context, client.Object) []string { return []string{"a", "b", "c"} })
	rule := &v1alpha1.Guardrail{}
	for name, send := range map[string]func(*recordingQueue){
		"create": func(q *recordingQueue) {
			handle.Create(t.Context(), event.TypedCreateEvent[client.Object]{Object: rule}, q)
		},
		"update": func(q *recordingQueue) {
			handle.Update(t.Context(), event.TypedUpdateEvent[client.Object]{ObjectOld: rule, ObjectNew: rule}, q)
		},
		"delete": func(q *recordingQueue) {
			handle.Delete(t.Context(), event.TypedDeleteEvent[client.Object]{Object: rule}, q)
		},
		"generic": func(q *recordingQueue) {
			handle.Generic(t.Context(), event.TypedGenericEvent[client.Object]{Object: rule}, q)
		},
	} {
		q := &recordingQueue{}
		send(q)
		g.Expect(q.added).To(HaveLen(3), name)
		for i, o := range q.added {
			g.Expect(*o.Priority).To(BeNumerically("<", 0), name)
			g.Expect(o.After).To(Equal(time.Duration(i)*unhurriedPace), name)
		}
	}

	q := &recordingQueue{}
	handle.Create(t.Context(), event.TypedCreateEvent[client.Object]{Object: rule, IsInInitialList: true}, q)
	g.Expect(q.added).To(BeEmpty(), "every object comes by itself when the operator starts")
}
