// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/workload"
)

// repeats finds whatever it can in a workload, and repeats it.
const repeats = `variables.containers.map(c, {
	'key': string(c.name) + string(c.image), 'text': string(c.image) + string(c.?workingDir.orValue(''))
}) + variables.podSpec.?volumes.orValue([]).map(v, {
	'key': string(v.name) + string(v.?hostPath.?path.orValue('')), 'text': string(v.?hostPath.?path.orValue(''))
})`

// fails at most images, with a message of their text.
const fails = `variables.containers.filter(c, string(c.image).matches(string(c.image))).map(c, {'key': string(c.name), 'text': string(c.image)})`

// A status that the API server refuses would leave a workload without correction, rollback and
// isolation: whoever may write the workload could switch them off.
var _ = Describe("The report of an extreme workload", func() {
	for seed := range uint64(5) {
		It(fmt.Sprintf("fits, when it drifts, seed %d", seed), func() {
			w, x := newWorld(v1alpha1.Production, correcting), newExtremes(seed)
			w.joined("empty")
			acceptedGuardrail(w.policy.Name, repeats)
			acceptedGuardrail(w.policy.Name, fails)
			w.reconcileEnvironment(w.environments())
			w.running("shop", x.edit)
			w.look("shop")
			Expect(w.report("shop").Status.Guardrails).To(And(
				ContainElement(HaveField("Total", BeNumerically(">", 0))), ContainElement(HaveField("Error", Not(BeEmpty())))))

			w.change("shop", dana, x.edit)
			w.rollOut("shop")
			w.look("shop")
			Expect(w.report("shop").Status.Drift.Leaves).To(BeNumerically(">", 1))
			w.later(correctAfter)
			w.look("shop")
			Expect(w.actions("shop", v1alpha1.ActionCorrectDrift)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionDone}))
			status, err := json.Marshal(w.report("shop").Status)
			Expect(err).NotTo(HaveOccurred())
			Expect(len(status)).To(BeNumerically("<", 128<<10))
		})

		It(fmt.Sprintf("fits, when it fails, seed %d", seed), func() {
			w, x := newWorld(v1alpha1.Production, rollingBack), newExtremes(seed)
			w.joined("empty")
			w.running("shop", x.edit, withoutConfiguration)
			w.look("shop")
			w.failingRelease(2, func(d *appsv1.Deployment) { x.edit(d); withoutConfiguration(d) })
			w.look("shop")
			Expect(w.actions("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionDone}))
			Expect(w.report("shop").Status.Quarantined).To(HaveLen(1))
		})
	}

	It("says that a spec is too large for a baseline, of which nothing but corrections depends", func() {
		w := newWorld(v1alpha1.Production, correcting, rollingBack)
		w.joined("empty")
		w.running("shop", setEnv("info"))
		w.look("shop")
		w.change("shop", dana, setEnv(strings.Repeat("x", 1<<20)))
		w.rollOut("shop")
		w.look("shop")
		since, told := w.report("shop").Status.Drift.Since, len(w.events.all())
		w.later(correctAfter)
		w.look("shop")
		status := w.report("shop").Status
		Expect(status.Drift.Since).To(Equal(since))
		Expect(w.events.all()).To(HaveLen(told), "it is told once")
		Expect(meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionDrifted)).To(And(
			HaveField("Status", metav1.ConditionTrue), HaveField("Message", ContainSubstring("not taken back, since its spec is too large"))))
		Expect(w.actions("shop", v1alpha1.ActionCorrectDrift)).To(BeEmpty())

		w.failingRelease(2, setImage(badImage))
		w.look("shop")
		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionDone}))

		w.running("large", setEnv(strings.Repeat("x", 1<<20)))
		Expect(meta.FindStatusCondition(w.report("large").Status.Conditions, v1alpha1.ConditionDrifted)).To(And(
			HaveField("Status", metav1.ConditionUnknown), HaveField("Reason", v1alpha1.ReasonTooLarge)))
	})

	It("needs no baseline for a rollback, and one for a correction", func() {
		w := drifted("empty", rollingBack)
		w.look("shop")
		w.reports.Client = interceptor.NewClient(operator, interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
				if _, baseline := object.(*appsv1.ControllerRevision); baseline {
					return apierrors.NewForbidden(appsv1.Resource("controllerrevisions"), object.GetName(), errors.New("exceeded quota"))
				}
				return c.Create(ctx, object, options...)
			},
		})
		w.later(correctAfter)
		w.change("shop", deployer, func(d *appsv1.Deployment) { d.Spec.MinReadySeconds = 1 })
		w.rollOut("shop")
		Expect(w.look("shop").RequeueAfter).To(BeNumerically("<=", 30*time.Second), "it is asked again, and not ever later")
		Expect(w.env("shop")).To(Equal("debug"), "it is due, and nobody would know what was taken back")
		Expect(w.actions("shop", v1alpha1.ActionCorrectDrift)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionIntended}))

		w.failingRelease(2, setImage(badImage))
		w.look("shop")
		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionDone}))
		Expect(w.image("shop")).To(Equal(goodImage))
	})

	It("names its writer, however long that name", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("empty")
		w.running("shop", setEnv("info"))
		w.look("shop")
		deployment := w.deployment("shop")
		setEnv("debug")(deployment)
		deployment.Annotations[v1alpha1.AnnotationSpecAuthor] += ",2:" + strings.Repeat("u", 1000)
		Expect(admin.Update(ctx, deployment)).To(Succeed())
		w.look("shop")
		Expect(w.report("shop").Status.Drift.By).To(HavePrefix("uuu"))
		Expect(w.report("shop").Status.Outcomes[0].Writer).To(HavePrefix("uuu"))
	})

	It("names a StatefulSet's revision, whose name is longer than that of the set", func() {
		w := newWorld(v1alpha1.Production)
		name := strings.Repeat("a", 63)
		w.newSet(v1alpha1.KindStatefulSet, name, "")
		var set appsv1.StatefulSet
		Expect(admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, &set)).To(Succeed())
		set.Status.ObservedGeneration, set.Status.UpdateRevision = set.Generation, name+"-5c8fd7b9d7"
		Expect(admin.Status().Update(ctx, &set)).To(Succeed())
		key := controllers.Key{Kind: v1alpha1.KindStatefulSet, Namespace: w.namespace, Name: name}
		Expect(w.reports.Reconcile(ctx, key)).Error().NotTo(HaveOccurred())
		var report v1alpha1.ReadinessReport
		Expect(admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: workload.ReportName(key.Kind, name)}, &report)).To(Succeed())
		Expect(report.Status.Revision.PodTemplateHash).To(Equal(set.Status.UpdateRevision))
	})

	It("has a name, however long that of the workload", func() {
		w := newWorld(v1alpha1.Production)
		name := strings.Repeat("a", 253)
		w.deploy("long", func(d *appsv1.Deployment) { d.Name = name })
		w.look(name)
		Expect(w.report(name).Status.Workload.Name).To(Equal(name))
	})
})
