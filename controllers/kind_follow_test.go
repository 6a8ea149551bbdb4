// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
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

// filledInformers are filled at once, and never removed.
type filledInformers struct{ Informers }

func (filledInformers) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return controllertest.NewFakeInformer(controllertest.Synced), nil
}

func TestAKindThatIsAlwaysWatchedIsFollowedOnce(t *testing.T) {
	g := NewWithT(t)
	services := v1alpha1.ResourceRule{Version: "v1", Resource: "services", Kind: "Service"}
	policy := &v1alpha1.EnvironmentPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "production"},
		Spec: v1alpha1.EnvironmentPolicySpec{
			NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{"environment": "production"}},
			Drift:             &v1alpha1.DriftPolicy{Mode: v1alpha1.DriftIgnore},
		},
		Status: v1alpha1.EnvironmentPolicyStatus{Guardrails: []v1alpha1.GuardrailState{{Name: "rule"}}},
	}
	rule := &v1alpha1.Guardrail{
		ObjectMeta: metav1.ObjectMeta{Name: "rule"},
		Status:     v1alpha1.GuardrailStatus{Accepted: &v1alpha1.AcceptedRule{Spec: v1alpha1.GuardrailSpec{Resources: []v1alpha1.ResourceRule{services}}}},
	}
	c := fake.NewClientBuilder().WithScheme(Scheme()).WithObjects(policy.DeepCopy(), rule.DeepCopy()).Build()
	kinds := &KindReconciler{Client: c, Cache: filledInformers{}, Clock: clock.RealClock{}, Kinds: NewKinds()}
	followed := 0
	kinds.follow(toJudge, func(watchedKind, cache.Informer) error { followed++; return nil })
	pass := func() {
		_, err := kinds.Reconcile(t.Context(), ctrl.Request{})
		g.Expect(err).NotTo(HaveOccurred())
	}
	pass()
	g.Expect(followed).To(Equal(1))

	// the guardrail comes and goes, as when a GitOps tool replaces it: its informer stays
	g.Expect(c.Delete(t.Context(), rule)).To(Succeed())
	pass()
	g.Expect(c.Create(t.Context(), rule.DeepCopy())).To(Succeed())
	pass()
	g.Expect(followed).To(Equal(1))
	g.Expect(kinds.Kinds.of(judgedKind(services)).readable).To(BeTrue())
}
