// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// follower begins to lead from a kind's objects to requests, from when it returns on: of what
// happens before that, everybody is told when the kind becomes readable.
type follower func(watchedKind, cache.Informer) error

// follow declares what is done with the objects of kinds that are needed for a purpose, each
// time that a watch of one begins.
func (r *KindReconciler) follow(what purpose, begin follower) {
	if r.followers == nil {
		r.followers = map[purpose]follower{}
	}
	r.followers[what] = begin
}

// tell a controller of the objects of an informer, from when it returns on if the controller
// runs. A source.Kind would begin some time after the cache is filled, and nobody would hear of
// what happens in between.
func tell[R comparable](c controller.TypedController[R], of cache.Informer, handle handler.TypedEventHandler[client.Object, R], filters ...predicate.Predicate) error {
	return c.Watch(source.TypedFunc[R](func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[R]) error {
		objects := &source.TypedInformer[client.Object, R]{Informer: of, Handler: handle, Predicates: filters}
		if err := objects.Start(ctx, queue); err != nil && !of.IsStopped() {
			return err
		}
		return nil // the watch may have ended before the controller began
	}))
}
