// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// decided are the outcomes of the decisions about a Deployment, the newest first.
func (w *world) decided(name string, kind v1alpha1.ActionKind) []v1alpha1.ActTrialOutcome {
	GinkgoHelper()
	var outcomes []v1alpha1.ActTrialOutcome
	for _, trial := range w.report(name).Status.ActTrials {
		if trial.Kind == kind {
			outcomes = append(outcomes, trial.Outcome)
		}
	}
	return outcomes
}

// edited is a change of a Deployment that all pods run well with.
func (w *world) edited(name, user, value string) {
	GinkgoHelper()
	w.change(name, user, setEnv(value))
	w.rollOut(name)
	w.look(name)
}

// earning lets dana edit the workload, and the deployer take it back later, until so many
// corrections were right.
func (w *world) earning(name string, corrections int) {
	GinkgoHelper()
	for range corrections {
		w.later(time.Hour)
		w.edited(name, dana, "debug")
		w.settle(name)
		w.edited(name, deployer, "info")
	}
}

// decidedAlready puts settled decisions into the report of a workload that nobody looks at, an
// hour apart.
func (w *world) decidedAlready(name string, kind v1alpha1.ActionKind, level v1alpha1.ActLevel, outcomes ...v1alpha1.ActTrialOutcome) {
	GinkgoHelper()
	w.remember(name, func(status *v1alpha1.ReadinessReportStatus) {
		for i, outcome := range outcomes {
			status.ActTrials = append(status.ActTrials, v1alpha1.ActTrial{
				ID: fmt.Sprint(name, i), Kind: kind, Level: level, Outcome: outcome, Message: "as the story goes",
				Decided: metav1.NewTime(w.clock.Now().Add(time.Duration(i+1) * time.Hour)),
			})
		}
	})
	w.later(time.Duration(len(outcomes)+1) * time.Hour)
}

const (
	open      = v1alpha1.ActOpen
	agreed    = v1alpha1.ActAgreed
	disagreed = v1alpha1.ActDisagreed
	censored  = v1alpha1.ActCensored
)

var _ = Describe("A correction that is only reported", func() {
	const kind = v1alpha1.ActionCorrectDrift

	It("is a decision once it would be due, told once, and right when a trusted writer takes the drift back", func() {
		w := drifted("busy")
		result := w.look("shop")
		Expect(w.decided("shop", kind)).To(BeEmpty(), "a trusted writer may be first")
		Expect(result.RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", correctAfter)))
		w.later(correctAfter)
		w.look("shop")
		w.look("shop")
		w.later(time.Hour)
		w.look("shop")
		Expect(w.decided("shop", kind)).To(Equal([]v1alpha1.ActTrialOutcome{open}))
		Expect(w.env("shop")).To(Equal("debug"))
		Expect(w.actions("shop", kind)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionReported}))
		Expect(w.events.all()).To(ContainElement(And(HavePrefix(telemetry.ReasonActionReported), ContainSubstring("it would be taken back, but"))))
		Expect(w.report("shop").Status.HeldBack).To(HaveValue(And(HaveField("Kind", kind), HaveField("By", v1alpha1.HeldByLevel))))

		w.edited("shop", deployer, "info")
		Expect(w.decided("shop", kind)).To(Equal([]v1alpha1.ActTrialOutcome{agreed}))
		Expect(w.report("shop").Status.HeldBack).To(BeNil())
	})

	It("is no decision when a trusted writer was first", func() {
		w := drifted("busy")
		w.look("shop")
		w.edited("shop", deployer, "info")
		w.settle("shop")
		Expect(w.decided("shop", kind)).To(BeEmpty())
	})

	It("was wrong when a trusted writer lets the change stand, and stays one decision", func() {
		w := drifted("busy")
		w.settle("shop")
		w.change("shop", deployer, labelled("a", "b"))
		w.change("shop", deployer, setImage(badImage))
		w.rollOut("shop")
		w.settle("shop")
		w.later(time.Hour)
		w.look("shop")
		Expect(w.env("shop")).To(Equal("debug"))
		Expect(w.decided("shop", kind)).To(Equal([]v1alpha1.ActTrialOutcome{disagreed}))
	})

	It("says nothing when whoever edited takes it back", func() {
		w := drifted("busy")
		w.settle("shop")
		w.edited("shop", dana, "info")
		Expect(w.decided("shop", kind)).To(Equal([]v1alpha1.ActTrialOutcome{censored}))
	})

	It("says nothing when the workload is deleted, or made again", func() {
		w := drifted("busy")
		w.settle("shop")
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		w.look("shop")
		Expect(w.decided("shop", kind)).To(Equal([]v1alpha1.ActTrialOutcome{censored}))

		again := drifted("busy")
		again.settle("shop")
		Expect(admin.Delete(ctx, again.deployment("shop"))).To(Succeed())
		again.deploy("shop", setEnv("info"))
		again.rollOut("shop")
		again.look("shop")
		Expect(again.decided("shop", kind)).To(Equal([]v1alpha1.ActTrialOutcome{censored}))
	})

	It("is none while the breaker is open: it would not have been done", func() {
		w := drifted("busy")
		for _, other := range []string{"a", "b"} {
			w.remember(other, func(status *v1alpha1.ReadinessReportStatus) {
				status.State, status.FailingSince = v1alpha1.ReportFailing, &metav1.Time{Time: w.clock.Now().Add(-time.Hour)}
			})
		}
		w.settle("shop")
		Expect(w.decided("shop", kind)).To(BeEmpty())
	})
})

var _ = Describe("A rollback that is only reported", func() {
	const kind = v1alpha1.ActionRollback

	It("is one decision of one rollout, and right when another revision takes its place", func() {
		w := failed(2, "busy")
		for range 3 {
			w.look("shop")
			w.later(time.Minute)
		}
		Expect(w.decided("shop", kind)).To(Equal([]v1alpha1.ActTrialOutcome{open}))
		w.change("shop", dana, setImage(goodImage))
		w.look("shop")
		Expect(w.decided("shop", kind)).To(Equal([]v1alpha1.ActTrialOutcome{agreed}))
	})

	It("was wrong when the same revision recovers", func() {
		w := failed(2, "busy")
		w.look("shop")
		w.rollOut("shop")
		for range 12 {
			w.later(time.Minute)
			w.look("shop")
		}
		Expect(w.report("shop").Status.FailingSince).To(BeNil())
		Expect(w.decided("shop", kind)).To(Equal([]v1alpha1.ActTrialOutcome{disagreed}))
	})

	It("says nothing when nobody watched how it ended", func() {
		w := failed(2, "busy")
		w.look("shop")
		w.change("shop", deployer, setImage(goodImage))
		w.restartOperator()
		w.look("shop")
		Expect(w.decided("shop", kind)).To(Equal([]v1alpha1.ActTrialOutcome{censored}))
	})

	It("says nothing when the workload is made again", func() {
		w := failed(2, "busy")
		w.look("shop")
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		w.running("shop")
		w.look("shop")
		Expect(w.decided("shop", kind)).To(Equal([]v1alpha1.ActTrialOutcome{censored}))
	})

	It("is none where the reason is another than the level", func() {
		w := failed(2, "busy")
		w.optOut("shop")
		w.look("shop")
		Expect(w.actions("shop", kind)).To(ContainElement(v1alpha1.ActionReported))
		Expect(w.decided("shop", kind)).To(BeEmpty())
	})
})

var _ = Describe("A rollback", func() {
	It("is held against what it led to", func() {
		w := failed(2, "empty")
		w.look("shop")
		Expect(w.image("shop")).To(Equal(goodImage))
		Expect(w.decided("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActTrialOutcome{open}))
		w.rollOut("shop")
		w.later(time.Minute)
		w.look("shop")
		w.look("shop")
		Expect(w.decided("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActTrialOutcome{agreed}))
	})
})

var _ = Describe("A correction", func() {
	It("was wrong when a trusted writer writes what it took back", func() {
		w := drifted("empty")
		w.settle("shop")
		Expect(w.env("shop")).To(Equal("info"))
		w.rollOut("shop")
		w.look("shop")
		Expect(w.decided("shop", v1alpha1.ActionCorrectDrift)).To(Equal([]v1alpha1.ActTrialOutcome{open}))
		w.edited("shop", deployer, "debug")
		Expect(w.decided("shop", v1alpha1.ActionCorrectDrift)).To(Equal([]v1alpha1.ActTrialOutcome{disagreed}))
	})
})

var _ = Describe("A namespace that had workloads when its policy came", func() {
	It("earns corrections by those that proved right, and what stood before is left to people", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("busy")
		w.running("cart", setEnv("info"))
		w.running("shop", setEnv("info"))
		w.look("cart")
		w.look("shop")
		w.earning("shop", 5)
		namespace := w.reconcileNamespace(w.namespace)
		Expect(namespace.Annotations[v1alpha1.AnnotationActs]).To(ContainSubstring("busy: 5 of 5 reported corrections were right; 1 more raises it"))
		w.edited("cart", dana, "debug")
		w.settle("cart")
		Expect(w.report("cart").Status.Drift.Next).To(Equal("5 of 5 reported corrections were right; 1 more raises it"))
		Expect(w.report("cart").Status.Actions[0].Message).To(HaveSuffix("; 5 of 5 reported corrections were right; 1 more raises it"))
		Expect(w.told(telemetry.ReasonActRaised)).To(BeFalse())

		w.earning("shop", 1)
		Expect(w.env("shop")).To(Equal("info"))
		namespace = w.reconcileNamespace(w.namespace)
		Expect(namespace.Annotations[v1alpha1.AnnotationActs]).To(HavePrefix("CorrectDrift Act "))
		Expect(w.events.all()).To(ContainElement(And(HavePrefix(telemetry.ReasonActRaised), ContainSubstring("Report → Act: 6 of 6 reported corrections were right"))))

		version := namespace.ResourceVersion
		Expect(w.reconcileNamespace(w.namespace).ResourceVersion).To(Equal(version), "at rest nothing is written")

		w.later(time.Hour)
		w.edited("shop", dana, "debug")
		w.settle("shop")
		Expect(w.env("shop")).To(Equal("info"))
		w.settle("cart")
		Expect(w.env("cart")).To(Equal("debug"))
		Expect(w.report("cart").Status.Drift.Decision).To(ContainSubstring("left to people"))
	})

	It("takes each step once, although the cache is behind", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("busy")
		w.decidedAlready("cart", v1alpha1.ActionCorrectDrift, v1alpha1.ActReport, agreed, agreed, agreed, agreed, agreed, agreed)
		before := getNamespace(w.namespace)
		since := w.reconcileNamespace(w.namespace).Annotations[v1alpha1.AnnotationActs]
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
				if namespace, ok := object.(*corev1.Namespace); ok {
					before.DeepCopyInto(namespace)
					return nil
				}
				return c.Get(ctx, key, object, options...)
			},
		})
		w.later(time.Second)
		Expect(w.reconcileNamespace(w.namespace).Annotations[v1alpha1.AnnotationActs]).To(Equal(since))
		Expect(w.events.all()).To(HaveLen(1))
	})

	It("is kept at Report by one that proved wrong", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("busy")
		w.decidedAlready("cart", v1alpha1.ActionCorrectDrift, v1alpha1.ActReport, agreed, agreed, agreed, disagreed, agreed, agreed, agreed, censored)
		Expect(w.reconcileNamespace(w.namespace).Annotations[v1alpha1.AnnotationActs]).To(ContainSubstring("6 of 7 reported corrections were right; 8 more raise it"))
		Expect(w.told(telemetry.ReasonActRaised)).To(BeFalse())
	})

	It("earns rollbacks apart from corrections, and loses them when two proved wrong", func() {
		w := newWorld(v1alpha1.Production, correcting, rollingBack)
		w.joined("busy")
		w.decidedAlready("cart", v1alpha1.ActionRollback, v1alpha1.ActReport, agreed, agreed, agreed, agreed, agreed, agreed)
		Expect(w.reconcileNamespace(w.namespace).Annotations[v1alpha1.AnnotationActs]).To(And(
			HavePrefix("CorrectDrift Report "), ContainSubstring("\nRollback Act ")))

		w.later(time.Hour)
		w.decidedAlready("web", v1alpha1.ActionRollback, v1alpha1.ActAct, disagreed, agreed, disagreed)
		Expect(w.reconcileNamespace(w.namespace).Annotations[v1alpha1.AnnotationActs]).To(MatchRegexp(`\nRollback Report \S+ busy lowered: `))
		Expect(w.events.all()).To(ContainElement(And(HavePrefix(telemetry.ReasonActLowered),
			ContainSubstring("rollbacks in "+w.namespace+": Act → Report: 1 of 3 rollbacks were right; the last: as the story goes"))))
	})

	It("keeps nothing of it in another environment, or where the policy asks for no acts", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("busy")
		w.decidedAlready("cart", v1alpha1.ActionCorrectDrift, v1alpha1.ActReport, agreed, agreed, agreed, agreed, agreed, agreed)
		Expect(w.reconcileNamespace(w.namespace).Annotations[v1alpha1.AnnotationActs]).To(HavePrefix("CorrectDrift Act "))
		w.label("none")
		Expect(w.reconcileNamespace(w.namespace).Annotations).NotTo(HaveKey(v1alpha1.AnnotationActs))

		silent := newWorld(v1alpha1.Production)
		Expect(silent.reconcileNamespace(silent.namespace).Annotations).NotTo(HaveKey(v1alpha1.AnnotationActs))
	})

	It("rolls back once that was earned, and not what had failed before", func() {
		w := failed(2, "busy")
		w.look("shop")
		w.decidedAlready("cart", v1alpha1.ActionRollback, v1alpha1.ActReport, agreed, agreed, agreed, agreed, agreed, agreed)
		w.reconcileNamespace(w.namespace)
		w.look("shop")
		Expect(w.image("shop")).To(Equal(badImage))
		Expect(w.report("shop").Status.Message).To(ContainSubstring("it failed before rollbacks were earned here"))

		w.change("shop", deployer, setImage(goodImage))
		w.rollOut("shop")
		for range 12 {
			w.later(time.Minute)
			w.look("shop")
		}
		Expect(w.report("shop").Status.FailingSince).To(BeNil())
		w.change("shop", deployer, setImage("registry.example/shop:3.0.0"))
		w.look("shop")
		w.rollOutCrashing("shop", 2)
		w.look("shop")
		Expect(w.image("shop")).To(Equal(goodImage))
	})
})
