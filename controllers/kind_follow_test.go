// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// runningController starts what it watches at once.
type runningController struct {
	controller.TypedController[Key]
	queue workqueue.TypedRateLimitingInterface[Key]
}

func (c runningController) Watch(of source.TypedSource[Key]) error {
	return of.Start(context.Background(), c.queue)
}

// endedInformer is one whose watch has ended.
type endedInformer struct{ *controllertest.FakeInformer }

func (endedInformer) IsStopped() bool { return true }

func (endedInformer) AddEventHandlerWithOptions(toolscache.ResourceEventHandler, toolscache.HandlerOptions) (toolscache.ResourceEventHandlerRegistration, error) {
	return nil, errors.New("it has stopped")
}

func TestNothingIsMissedOnceAKindIsFollowed(t *testing.T) {
	g := NewWithT(t)
	c := runningController{queue: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[Key]())}
	defer c.queue.ShutDown()
	shop := Key{Kind: v1alpha1.KindDeployment, Namespace: "shop", Name: "shop"}
	toShop := mapTo(func(context.Context, client.Object) []Key { return []Key{shop} })

	g.Expect(tell(c, endedInformer{controllertest.NewFakeInformer()}, toShop)).To(Succeed(), "or the controller could not begin")

	informer := controllertest.NewFakeInformer()
	g.Expect(tell(c, informer, toShop)).To(Succeed())
	informer.Update(&corev1.Secret{}, &corev1.Secret{})
	g.Expect(c.queue.Len()).To(Equal(1))
}
