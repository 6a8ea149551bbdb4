// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"maps"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
)

// gadgets are of a kind that some clusters have.
var gadgets = v1alpha1.ResourceRule{Group: "example.com", Version: "v1", Resource: "gadgets", Kind: "Gadget"}

// kindWorld is a cluster whose kinds come and go, and the loop that watches them.
type kindWorld struct {
	*world
	*informers
	// secrets are filled with the metadata of Secrets.
	secrets *informers
	served  []metav1.APIResource
	allowed bool
	asked   int
	// undecided is what the authorizer answers instead, if it is not empty.
	undecided string
	// unavailable is what discovery answers, if it is not nil.
	unavailable error
	kinds       *controllers.Kinds
	loop        *controllers.KindReconciler
}

// informers of a cache that is filled at once.
type informers struct {
	watched map[schema.GroupVersionKind]bool
}

func newInformers() *informers { return &informers{map[schema.GroupVersionKind]bool{}} }

func newKindWorld() *kindWorld {
	GinkgoHelper()
	w := &kindWorld{world: newWorld(v1alpha1.Production), informers: newInformers(), secrets: newInformers(), kinds: controllers.NewKinds()}
	asking := interceptor.NewClient(operator, interceptor.Funcs{
		Create: func(_ context.Context, _ client.WithWatch, object client.Object, _ ...client.CreateOption) error {
			w.asked++
			object.(*authorizationv1.SelfSubjectAccessReview).Status = authorizationv1.SubjectAccessReviewStatus{
				Allowed: w.allowed && w.undecided == "", EvaluationError: w.undecided,
			}
			return nil
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			err := c.List(ctx, list, options...)
			if policies, is := list.(*v1alpha1.EnvironmentPolicyList); is { // other tests' guardrails are not this one's
				policies.Items = slices.DeleteFunc(policies.Items, func(p v1alpha1.EnvironmentPolicy) bool { return p.Name != w.policy.Name })
			}
			return err
		},
	})
	w.loop = &controllers.KindReconciler{
		Client: asking, Cache: w, SecretWrites: w.secrets, Resources: w, Clock: w.clock, Kinds: w.kinds, OperatorNamespace: "rampart-system",
	}
	return w
}

// ServerResourcesForGroupVersion plays the API server's discovery.
func (w *kindWorld) ServerResourcesForGroupVersion(groupVersion string) (*metav1.APIResourceList, error) {
	if w.unavailable != nil {
		return nil, w.unavailable
	}
	if len(w.served) == 0 {
		return nil, apierrors.NewNotFound(schema.GroupResource{}, groupVersion)
	}
	return &metav1.APIResourceList{GroupVersion: groupVersion, APIResources: w.served}, nil
}

// ServerGroupsAndResources is not asked for.
func (w *kindWorld) ServerGroupsAndResources() ([]*metav1.APIGroup, []*metav1.APIResourceList, error) {
	panic("it would read all that the API server serves")
}

// ServerPreferredResources is not asked for.
func (w *kindWorld) ServerPreferredResources() ([]*metav1.APIResourceList, error) {
	panic("it would read all that the API server serves")
}

// ServerPreferredNamespacedResources is not asked for.
func (w *kindWorld) ServerPreferredNamespacedResources() ([]*metav1.APIResourceList, error) {
	panic("it would read all that the API server serves")
}

func kindOf(object client.Object) schema.GroupVersionKind {
	GinkgoHelper()
	kind, err := apiutil.GVKForObject(object, controllers.Scheme())
	Expect(err).NotTo(HaveOccurred())
	return kind
}

// GetInformer begins a watch.
func (i *informers) GetInformer(_ context.Context, object client.Object, _ ...cache.InformerGetOption) (cache.Informer, error) {
	i.watched[kindOf(object)] = true
	return controllertest.NewFakeInformer(controllertest.Synced), nil
}

// RemoveInformer ends a watch.
func (i *informers) RemoveInformer(_ context.Context, object client.Object) error {
	delete(i.watched, kindOf(object))
	return nil
}

// IndexField is accepted.
func (i *informers) IndexField(context.Context, client.Object, string, client.IndexerFunc) error {
	return nil
}

// pass is one pass of the loop, and of the Guardrail's.
func (w *kindWorld) pass(rule *v1alpha1.Guardrail) (ctrl.Result, metav1.Condition) {
	GinkgoHelper()
	result, err := w.loop.Reconcile(ctx, ctrl.Request{})
	Expect(err).NotTo(HaveOccurred())
	loop := &controllers.GuardrailReconciler{Client: operator, Compiler: compiler, Kinds: w.kinds, Events: w.events}
	_, err = loop.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(rule)})
	Expect(err).NotTo(HaveOccurred())
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(rule), rule)).To(Succeed())
	ready := meta.FindStatusCondition(rule.Status.Conditions, v1alpha1.ConditionReady)
	Expect(ready).NotTo(BeNil())
	return result, *ready
}

func (w *kindWorld) stands(edit ...func(*v1alpha1.GuardrailSpec)) *v1alpha1.Guardrail {
	GinkgoHelper()
	rule := acceptedGuardrail(w.policy.Name, `[]`, edit...)
	w.reconcileEnvironment(w.environments())
	return rule
}

var _ = Describe("Kinds that guardrails judge", func() {
	gadget := metav1.APIResource{Name: "gadgets", Kind: "Gadget", Namespaced: true, Verbs: []string{"get", "list", "watch"}}
	kind := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Gadget"}

	It("keep the informer that other loops are told by, when no guardrail needs them any more", func() {
		w := newKindWorld()
		quotas := v1alpha1.ResourceRule{Version: "v1", Resource: "resourcequotas", Kind: "ResourceQuota"}
		rule := w.stands(over(quotas))
		w.pass(rule)
		Expect(w.watched).To(HaveKey(corev1.SchemeGroupVersion.WithKind("ResourceQuota")))
		Expect(admin.Delete(ctx, w.policy)).To(Succeed())
		w.pass(rule)
		Expect(w.watched).To(HaveKey(corev1.SchemeGroupVersion.WithKind("ResourceQuota")))
	})

	It("are watched while a guardrail needs them, may be, and are there", func() {
		w := newKindWorld()
		rule := w.stands(over(gadgets))

		By("not being there")
		result, ready := w.pass(rule)
		Expect(w.watched).To(BeEmpty())
		Expect(ready).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonResourceMissing),
			HaveField("Message", ContainSubstring("the cluster does not serve the resource gadgets of example.com/v1"))))
		Expect(result.RequeueAfter).To(Equal(time.Second))

		By("trying less and less often")
		var pauses []time.Duration
		for range 8 {
			w.later(result.RequeueAfter)
			result, _ = w.pass(rule)
			pauses = append(pauses, result.RequeueAfter/time.Second)
		}
		Expect(pauses).To(HaveExactElements(BeEquivalentTo(2), BeEquivalentTo(4), BeEquivalentTo(8), BeEquivalentTo(16), BeEquivalentTo(32),
			BeEquivalentTo(60), BeEquivalentTo(60), BeEquivalentTo(60)))

		By("a change that comes in between, which asks nobody before it is time")
		w.served = []metav1.APIResource{gadget}
		_, ready = w.pass(rule)
		Expect(ready.Reason).To(Equal(v1alpha1.ReasonResourceMissing))

		By("not being allowed")
		w.later(time.Minute)
		result, ready = w.pass(rule)
		Expect(w.watched).To(BeEmpty())
		Expect(ready).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonPermissionDenied), HaveField("Message", And(
			ContainSubstring("may not list gadgets.example.com"), ContainSubstring(`rampart.dev/aggregate-to-reader: "true"`), ContainSubstring("get, list and watch")))))

		By("being there and allowed")
		w.allowed = true
		w.later(result.RequeueAfter)
		result, ready = w.pass(rule)
		Expect(w.watched).To(HaveKey(kind))
		Expect(ready.Status).To(Equal(metav1.ConditionTrue))

		By("asking once a minute whether that is still so")
		Expect(result.RequeueAfter).To(Equal(time.Minute))
		asked := w.asked
		result, _ = w.pass(rule)
		Expect(w.asked).To(Equal(asked))

		By("being taken away")
		w.served = nil
		w.later(result.RequeueAfter)
		_, ready = w.pass(rule)
		Expect(w.watched).To(BeEmpty())
		Expect(ready.Reason).To(Equal(v1alpha1.ReasonResourceMissing))

		By("coming back")
		w.served = []metav1.APIResource{gadget}
		w.later(time.Second)
		_, ready = w.pass(rule)
		Expect(w.watched).To(HaveKey(kind))
		Expect(ready.Status).To(Equal(metav1.ConditionTrue))

		By("being needed no more")
		Expect(admin.Delete(ctx, rule)).To(Succeed())
		w.reconcileEnvironment(w.environments())
		_, err := w.loop.Reconcile(ctx, ctrl.Request{})
		Expect(err).NotTo(HaveOccurred())
		Expect(w.watched).To(BeEmpty())
	})

	DescribeTable("are not watched when the rule has them wrong", func(served metav1.APIResource, says string) {
		w := newKindWorld()
		w.served, w.allowed = []metav1.APIResource{served}, true
		_, ready := w.pass(w.stands(over(gadgets)))
		Expect(w.watched).To(BeEmpty())
		Expect(ready).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Message", ContainSubstring(says))))
	},
		Entry("another kind", metav1.APIResource{Name: "gadgets", Kind: "Gizmo", Namespaced: true}, "of the kind Gizmo, not Gadget"),
		Entry("not namespaced", metav1.APIResource{Name: "gadgets", Kind: "Gadget"}, "is not namespaced"),
		Entry("not to be watched", metav1.APIResource{Name: "gadgets", Kind: "Gadget", Namespaced: true, Verbs: []string{"get"}}, "cannot be listed and watched"),
		Entry("another resource", metav1.APIResource{Name: "gizmos", Kind: "Gizmo", Namespaced: true}, "does not serve the resource gadgets"),
	)

	It("cost nothing where no guardrail needs them", func() {
		w := newKindWorld()
		w.stands()
		result, err := w.loop.Reconcile(ctx, ctrl.Request{})
		Expect(err).NotTo(HaveOccurred())
		Expect(result).To(BeZero())
		Expect(w.watched).To(BeEmpty())
		Expect(w.asked).To(BeZero())
	})

	It("are those of the surroundings too, and no more than a guardrail reads", func() {
		w := newKindWorld()
		w.allowed = true
		for _, resource := range []string{"configmaps ConfigMap", "serviceaccounts ServiceAccount", "persistentvolumeclaims PersistentVolumeClaim"} {
			name, kind := resource[:slices.Index([]byte(resource), ' ')], resource[slices.Index([]byte(resource), ' ')+1:]
			w.served = append(w.served, metav1.APIResource{Name: name, Kind: kind, Namespaced: true, Verbs: []string{"list", "watch"}})
		}
		rule := w.stands(func(spec *v1alpha1.GuardrailSpec) {
			spec.Surroundings = []v1alpha1.Surrounding{v1alpha1.SurroundingReferences}
		})
		result, _ := w.pass(rule)
		var kinds []string
		for kind := range maps.Keys(w.watched) {
			kinds = append(kinds, kind.Kind)
		}
		Expect(kinds).To(ConsistOf("ConfigMap", "ServiceAccount", "PersistentVolumeClaim"))
		Expect(result).To(BeZero(), "kinds of Kubernetes itself do not go away")
	})
})
