// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// serve puts a Deployment behind a Service of its name.
func (w *world) serve(name string) {
	GinkgoHelper()
	Expect(admin.Create(ctx, testenv.Service(name, w.namespace))).To(Succeed())
	w.route(name)
}

// route plays the controller of EndpointSlices.
func (w *world) route(name string) {
	GinkgoHelper()
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: map[string]string{
			discoveryv1.LabelServiceName: name, discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io",
		}},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	Expect(client.IgnoreAlreadyExists(admin.Create(ctx, slice))).To(Succeed())
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(slice), slice)).To(Succeed())
	slice.Endpoints = nil
	for _, pod := range w.podsOf(name) {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{"10.0.0.1"},
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
			Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(workload.PodFrom(&pod).Ready)},
		})
	}
	Expect(admin.Update(ctx, slice)).To(Succeed())
}

// falter plays the kubelet of a pod whose readiness probe fails.
func (w *world) falter(pod *corev1.Pod) {
	GinkgoHelper()
	pod.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(w.clock.Now()),
	}}
	Expect(admin.Status().Update(ctx, pod)).To(Succeed())
}

// outcomes of the trials of a kind, the oldest first.
func (w *world) outcomes(name string, kind v1alpha1.TrialKind) []v1alpha1.TrialOutcome {
	GinkgoHelper()
	var all []v1alpha1.TrialOutcome
	for _, trial := range w.report(name).Status.Evidence.Trials {
		if trial.Kind == kind {
			all = append(all, trial.Outcome)
		}
	}
	return all
}

var _ = Describe("A pod that is not ready any more", func() {
	It("is contained when it leaves its EndpointSlices and another one stays", func() {
		w := newWorld(v1alpha1.Staging)
		w.running("shop")
		w.serve("shop")
		w.later(time.Minute)
		w.look("shop")

		w.falter(&w.podsOf("shop")[0])
		w.setStatus("shop", 2, 1)
		Expect(w.look("shop").RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", time.Minute)), "until then it has to leave them")
		Expect(w.outcomes("shop", v1alpha1.TrialContainment)).To(BeEmpty())
		w.route("shop")
		w.look("shop")
		Expect(w.outcomes("shop", v1alpha1.TrialContainment)).To(HaveExactElements(v1alpha1.TrialSuccess))
	})

	It("is an outage when it was the last one", func() {
		w := newWorld(v1alpha1.Staging)
		w.running("shop")
		w.serve("shop")
		w.later(time.Minute)
		w.look("shop")

		for _, pod := range w.podsOf("shop") {
			w.falter(&pod)
		}
		w.route("shop")
		w.look("shop")
		Expect(w.outcomes("shop", v1alpha1.TrialContainment)).To(HaveExactElements(v1alpha1.TrialFailure, v1alpha1.TrialFailure))
	})
})

var _ = Describe("A bad rollout", func() {
	// minimum is what the Deployment's controller says about how many are available.
	minimum := func(w *world, status corev1.ConditionStatus) {
		GinkgoHelper()
		deployment := w.deployment("shop")
		deployment.Status.Conditions = []appsv1.DeploymentCondition{{
			Type: appsv1.DeploymentAvailable, Status: status, LastTransitionTime: metav1.NewTime(w.clock.Now()), LastUpdateTime: metav1.NewTime(w.clock.Now()),
		}}
		Expect(admin.Status().Update(ctx, deployment)).To(Succeed())
	}
	left := func(w *world, quality v1alpha1.Quality) v1alpha1.CarriedEvidence {
		GinkgoHelper()
		for _, shown := range w.report("shop").Status.Outcomes[1].Evidence {
			if shown.Quality == quality {
				return shown
			}
		}
		return v1alpha1.CarriedEvidence{}
	}
	begin := func() *world {
		GinkgoHelper()
		w := newWorld(v1alpha1.Staging)
		w.running("shop", setReplicas(3))
		minimum(w, corev1.ConditionTrue)
		w.later(time.Minute)
		w.change("shop", deployer, setImage("registry.example/shop:bad"))
		w.look("shop")
		return w
	}
	// crash plays its first pod, while the status keeps what the controller said.
	crash := func(w *world, serving int32) {
		GinkgoHelper()
		conditions := w.deployment("shop").Status.Conditions
		w.rollOutCrashing("shop", 1)
		w.setStatus("shop", 1, serving)
		deployment := w.deployment("shop")
		deployment.Status.Conditions = conditions
		Expect(admin.Status().Update(ctx, deployment)).To(Succeed())
	}

	It("is contained when the old pods serve on until somebody goes back, which is a rollback", func() {
		w := begin()
		crash(w, 3)
		w.later(10 * time.Second)
		w.look("shop")
		good := w.report("shop").Status.Outcomes[1]

		w.change("shop", dana, setImage(goodImage))
		w.look("shop")
		Expect(left(w, v1alpha1.SafeFailure).SuccessesMilli).To(BeEquivalentTo(1000))
		Expect(w.report("shop").Status.Revision.Hash).To(Equal(good.Hash))
		w.rollOut("shop")
		w.look("shop")
		Expect(w.outcomes("shop", v1alpha1.TrialRollback)).To(HaveExactElements(v1alpha1.TrialSuccess))
	})

	It("is an outage when too few are left", func() {
		w := begin()
		w.later(10 * time.Second)
		minimum(w, corev1.ConditionFalse)
		crash(w, 1)
		w.look("shop")
		Expect(w.outcomes("shop", v1alpha1.TrialContainedRollout)).To(HaveExactElements(v1alpha1.TrialFailure))
	})
})

var _ = Describe("A crash loop", func() {
	It("goes on failing while it runs between two crashes, and is over after five minutes", func() {
		w := newWorld(v1alpha1.Staging)
		w.running("shop")
		w.later(time.Minute)
		for _, pod := range w.podsOf("shop") {
			w.setCrashed(&pod)
		}
		w.look("shop")
		since := w.report("shop").Status.FailingSince
		Expect(since).NotTo(BeNil())

		for _, pod := range w.podsOf("shop") {
			crashed := pod.Status.ContainerStatuses[0]
			w.setReady(&pod)
			pod.Status.ContainerStatuses[0].RestartCount = crashed.RestartCount
			pod.Status.ContainerStatuses[0].LastTerminationState = crashed.LastTerminationState
			Expect(admin.Status().Update(ctx, &pod)).To(Succeed())
		}
		w.later(time.Second)
		w.restartOperator()
		w.look("shop")
		Expect(w.report("shop").Status.FailingSince).To(Equal(since))
		Expect(w.report("shop").Status.State).To(Equal(v1alpha1.ReportFailing))

		w.later(5 * time.Minute)
		w.look("shop")
		Expect(w.report("shop").Status.FailingSince).To(BeNil())
	})
})
