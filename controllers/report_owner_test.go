// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// foreign is the controller that another project's kind is. Its name is that of one of
// Kubernetes' own kinds, as in OpenKruise.
var foreign = metav1.OwnerReference{
	APIVersion: "apps.kruise.io/v1beta1", Kind: "StatefulSet", Name: "above", UID: "above", Controller: ptr.To(true),
}

// underForeign puts a Deployment under it.
func underForeign(d *appsv1.Deployment) { d.OwnerReferences = []metav1.OwnerReference{foreign} }

// foreignPod makes a pod under it.
func (w *world) foreignPod(name string) {
	GinkgoHelper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name, OwnerReferences: []metav1.OwnerReference{foreign}},
		Spec:       testenv.Deployment(name, w.namespace).Spec.Template.Spec,
	}
	Expect(admin.Create(ctx, pod)).To(Succeed())
}

var _ = Describe("A workload that another project's kind controls", func() {
	It("is the top of its owners: it has a report, and its pods are its evidence", func() {
		w := newWorld(v1alpha1.Staging)
		rule := acceptedGuardrail(w.policy.Name, ownerFindings)
		w.joined("empty")
		w.reconcileEnvironment(w.environments())
		w.running("shop", underForeign)

		status := w.report("shop").Status
		Expect(status.Guardrails).To(ConsistOf(And(HaveField("Name", rule.Name), HaveField("Total", BeEquivalentTo(1)))))
		Expect(status.Evidence.Counted).To(BeNumerically(">", 0))
	})

	It("has a report if it is a Pod, judged by the whole of it", func() {
		w := newWorld(v1alpha1.Staging)
		acceptedGuardrail(w.policy.Name, `object.spec.containers.map(c, {'key': string(c.name), 'text': 'is a container'})`)
		w.joined("empty")
		w.reconcileEnvironment(w.environments())
		w.foreignPod("task")
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
				err := c.Get(ctx, key, object, options...)
				if pod, isPod := object.(*corev1.Pod); isPod {
					pod.Spec = corev1.PodSpec{} // the cache forgets most of what something controls
				}
				return err
			},
		})
		w.restartOperator()
		w.reports.Live = operator
		_, err := w.reports.Reconcile(ctx, controllers.Key{Kind: v1alpha1.KindPod, Namespace: w.namespace, Name: "task"})
		Expect(err).NotTo(HaveOccurred())

		var report v1alpha1.ReadinessReport
		Expect(admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: workload.ReportName(v1alpha1.KindPod, "task")}, &report)).To(Succeed())
		Expect(report.Status.Findings).To(BeEquivalentTo(1))
	})

	It("makes a namespace busy", func() {
		w := newWorld(v1alpha1.Production)
		w.label("none")
		w.deploy("shop", underForeign)
		w.label(w.policy.Name)

		Expect(w.reconcileNamespace(w.namespace).Annotations[v1alpha1.AnnotationJoined]).To(HaveSuffix("busy"))
	})

	It("stays in sight when it says that another Deployment controls it", func() {
		w := newWorld(v1alpha1.Production)
		w.joined("empty")
		w.running("shop")
		w.deploy("decoy")
		shop := w.deployment("shop")
		shop.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(w.deployment("decoy"), appsv1.SchemeGroupVersion.WithKind("Deployment"))}
		Expect(writers[dana].Update(ctx, shop)).To(Succeed())
		w.look("shop")

		Expect(w.report("shop").Status.State).NotTo(Equal(v1alpha1.ReportGone))
	})

	It("keeps its drift: what controls it decides", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("empty")
		w.running("shop", underForeign)
		w.look("shop")
		w.change("shop", dana, setReplicas(5))
		w.rollOut("shop")
		w.look("shop")
		w.later(correctAfter)
		w.look("shop")

		Expect(*w.deployment("shop").Spec.Replicas).To(BeEquivalentTo(5))
		Expect(w.report("shop").Status.Drift.Decision).To(ContainSubstring("StatefulSet above controls this workload"))
		Expect(w.actions("shop", v1alpha1.ActionCorrectDrift)).NotTo(ContainElement(v1alpha1.ActionDone))
	})
})
