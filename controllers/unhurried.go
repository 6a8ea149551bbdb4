// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
)

// unhurriedPace is how far apart the requests of one change are: five hundred a second.
const unhurriedPace = 2 * time.Millisecond

// unhurried leads from one change to many requests, such as from a rule to everything that
// it judges. They come one after the other, and behind every change of an object itself.
// What is there when the operator starts leads nowhere: all objects come by themselves then.
func unhurried[R comparable](requests func(context.Context, client.Object) []R) handler.TypedEventHandler[client.Object, R] {
	type queue = workqueue.TypedRateLimitingInterface[R]
	enqueue := func(ctx context.Context, object client.Object, q queue) {
		for i, request := range requests(ctx, object) {
			after := time.Duration(i) * unhurriedPace
			if byPriority, ok := q.(priorityqueue.PriorityQueue[R]); ok {
				low := handler.LowPriority
				byPriority.AddWithOpts(priorityqueue.AddOpts{After: after, Priority: &low}, request)
			} else {
				q.AddAfter(request, after)
			}
		}
	}
	return handler.TypedFuncs[client.Object, R]{
		CreateFunc: func(ctx context.Context, e event.TypedCreateEvent[client.Object], q queue) {
			if !e.IsInInitialList {
				enqueue(ctx, e.Object, q)
			}
		},
		UpdateFunc: func(ctx context.Context, e event.TypedUpdateEvent[client.Object], q queue) {
			enqueue(ctx, e.ObjectNew, q)
		},
		DeleteFunc: func(ctx context.Context, e event.TypedDeleteEvent[client.Object], q queue) { enqueue(ctx, e.Object, q) },
		GenericFunc: func(ctx context.Context, e event.TypedGenericEvent[client.Object], q queue) {
			enqueue(ctx, e.Object, q)
		},
	}
}
