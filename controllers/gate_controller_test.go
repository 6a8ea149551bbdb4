// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/gate"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// newGatedWorld is production behind a gate, and the staging that it looks at.
func newGatedWorld() (production, staging *world) {
	GinkgoHelper()
	staging, production = newWorld(v1alpha1.Staging), newWorld(v1alpha1.Production)
	staging.joined("empty")
	production.joined("empty")
	made := &v1alpha1.PromotionGate{
		ObjectMeta: metav1.ObjectMeta{Namespace: production.namespace, Name: "gate"},
		Spec:       v1alpha1.PromotionGateSpec{Source: v1alpha1.GateSource{Namespace: staging.namespace}},
	}
	Expect(admin.Create(ctx, made)).To(Succeed())
	DeferCleanup(func() {
		Expect(client.IgnoreNotFound(admin.Delete(ctx, made))).To(Succeed())
		// A drill that goes on counts in the whole cluster.
		Expect(admin.DeleteAllOf(ctx, &v1alpha1.ReadinessReport{}, client.InNamespace(staging.namespace))).To(Succeed())
	})
	return production, staging
}

// gate of the world.
func (w *world) gate() *v1alpha1.PromotionGate {
	GinkgoHelper()
	return w.gateNamed("gate")
}

func (w *world) gateNamed(name string) *v1alpha1.PromotionGate {
	GinkgoHelper()
	var g v1alpha1.PromotionGate
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, &g)).To(Succeed())
	return &g
}

// reconcileGate is one pass of the loop; it returns what stands afterwards.
func (w *world) reconcileGate() *v1alpha1.PromotionGate {
	GinkgoHelper()
	return w.reconcileGateNamed("gate")
}

func (w *world) reconcileGateNamed(name string) *v1alpha1.PromotionGate {
	GinkgoHelper()
	loop := &controllers.GateReconciler{Client: w.client, Clock: w.clock, Events: w.events, OperatorNamespace: "rampart-system"}
	_, err := loop.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: w.namespace, Name: name}})
	Expect(err).NotTo(HaveOccurred())
	return w.gateNamed(name)
}

// remember writes the report of a Deployment as an earlier operator left it.
func (w *world) remember(name string, edit func(*v1alpha1.ReadinessReportStatus)) {
	GinkgoHelper()
	report := &v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: w.reportKey(name).Name}}
	Expect(client.IgnoreAlreadyExists(historian.Create(ctx, report))).To(Succeed())
	Expect(historian.Get(ctx, client.ObjectKeyFromObject(report), report)).To(Succeed())
	report.Status.Workload = v1alpha1.ReportedWorkload{Kind: v1alpha1.KindDeployment, Name: name}
	report.Status.Environment = w.policy.Name
	edit(&report.Status)
	Expect(historian.Status().Update(ctx, report)).To(Succeed())
}

// proven remembers that an image was proven by all that production asks for.
func (w *world) proven(name, image string) {
	GinkgoHelper()
	w.remember(name, func(status *v1alpha1.ReadinessReportStatus) {
		var none *v1alpha1.ReadinessTargets
		targets := none.Effective(v1alpha1.Production)
		containers := []v1alpha1.RevisionContainer{{Name: "main", Image: image}}
		hash := fmt.Sprintf("%.12x", image)
		status.State, status.Targets = v1alpha1.ReportProven, targets
		status.Revision = v1alpha1.Revision{Hash: hash, Number: status.Revision.Number + 1, Since: metav1.NewTime(w.clock.Now()), Containers: containers}
		status.Proven = append([]v1alpha1.ProvenRevision{{
			Hash: hash, Time: metav1.NewTime(w.clock.Now()), Score: 91, Targets: targets, Containers: containers,
		}}, status.Proven...)
		status.Proven = status.Proven[:min(len(status.Proven), 10)]
		status.Qualities = nil
		for _, quality := range targets.Qualities {
			status.Qualities = append(status.Qualities, v1alpha1.QualityScore{Quality: quality, Applicable: true, Clean: 20, Text: "91%"})
		}
	})
}

func promotable(g *v1alpha1.PromotionGate) metav1.ConditionStatus {
	GinkgoHelper()
	condition := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionPromotable)
	Expect(condition).NotTo(BeNil())
	return condition.Status
}

var _ = Describe("PromotionGate", func() {
	It("opens for what its source has proven, and tells it", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		g := w.reconcileGate()

		Expect(g.Status.State).To(Equal(v1alpha1.GateOpen))
		Expect(g.Status.Open).To(Equal("1/1"))
		Expect(g.Status.From).To(Equal(source.namespace))
		Expect(promotable(g)).To(Equal(metav1.ConditionTrue))
		Expect(w.told(telemetry.ReasonGateOpened)).To(BeTrue())

		By("writing nothing at rest")
		w.later(time.Hour)
		Expect(w.reconcileGate().ResourceVersion).To(Equal(g.ResourceVersion))
	})

	It("is pending while evidence is missing", func() {
		w, source := newGatedWorld()
		source.remember("shop", func(status *v1alpha1.ReadinessReportStatus) {
			status.State, status.Revision.Hash, status.Message = v1alpha1.ReportCollecting, "1", "13 more clean trials needed"
		})
		g := w.reconcileGate()

		Expect(g.Status.State).To(Equal(v1alpha1.GatePending))
		Expect(promotable(g)).To(Equal(metav1.ConditionFalse))
		Expect(meta.IsStatusConditionTrue(g.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue(), "a closed gate works")
	})

	It("closes when what it was open for fails, and tells it", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		w.reconcileGate()
		source.remember("shop", func(status *v1alpha1.ReadinessReportStatus) {
			status.State, status.Message = v1alpha1.ReportFailing, "failing now: pod shop-1 is in CrashLoopBackOff"
		})
		g := w.reconcileGate()

		Expect(g.Status.State).To(Equal(v1alpha1.GateBlocked))
		Expect(g.Status.WaitingFor).To(ContainSubstring("CrashLoopBackOff"))
		Expect(w.told(telemetry.ReasonGateClosed)).To(BeTrue())
	})

	DescribeTable("is never open for what it cannot judge:", func(break_ func(w, source *world), says string) {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		break_(w, source)
		g := w.reconcileGate()

		Expect(g.Status.State).NotTo(Equal(v1alpha1.GateOpen))
		Expect(promotable(g)).To(Equal(metav1.ConditionUnknown))
		ready := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionReady)
		Expect(ready.Status).To(Equal(metav1.ConditionFalse))
		Expect(ready.Message).To(ContainSubstring(says))
	},
		Entry("the source is in no environment", func(_, source *world) { source.label("none") }, "source namespace"),
		Entry("its own namespace is in no environment", func(w, _ *world) { w.label("none") }, "belongs to no environment"),
		Entry("the source does not exist", func(w, _ *world) {
			g := w.gate()
			g.Spec.Source.Namespace = "no-such-namespace"
			Expect(admin.Update(ctx, g)).To(Succeed())
		}, "no-such-namespace does not exist"),
	)

	It("has no opinion without workloads", func() {
		w, _ := newGatedWorld()
		g := w.reconcileGate()

		Expect(g.Status.State).To(Equal(v1alpha1.GatePending))
		Expect(promotable(g)).NotTo(Equal(metav1.ConditionTrue))
	})

	It("climbs from Warn to Enforce by proven arrivals, never by time", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		Expect(w.reconcileGate().Status.Level).To(Equal(v1alpha1.Warn))
		w.later(365 * 24 * time.Hour)
		Expect(w.reconcileGate().Status.Level).To(Equal(v1alpha1.Warn))

		w.remember("shop", func(status *v1alpha1.ReadinessReportStatus) {
			for number := range int64(10) {
				status.Outcomes = append(status.Outcomes, v1alpha1.RevisionOutcome{
					Number: 10 - number, Hash: fmt.Sprint(10 - number), Time: metav1.NewTime(w.clock.Now().Add(time.Duration(10-number) * time.Hour)),
					Result: v1alpha1.RolloutStable, Arrival: v1alpha1.ArrivalProven,
				})
			}
		})
		w.later(24 * time.Hour)
		g := w.reconcileGate()

		Expect(g.Status.Level).To(Equal(v1alpha1.Enforce))
		Expect(w.told(telemetry.ReasonGateRaised)).To(BeTrue())

		w.policy.Spec.Promotion = &v1alpha1.PromotionPolicy{MaxLevel: v1alpha1.Warn}
		Expect(admin.Update(ctx, w.policy)).To(Succeed())
		g = w.reconcileGate()
		Expect(g.Status.Level).To(Equal(v1alpha1.Warn), "the environment's policy caps all its gates")
		Expect(g.Status.Next).To(ContainSubstring("promotion.maxLevel of the EnvironmentPolicy"))
	})

	It("does not climb by revisions that nobody had proven", func() {
		w, _ := newGatedWorld()
		w.reconcileGate()
		w.remember("shop", func(status *v1alpha1.ReadinessReportStatus) {
			for number := range int64(10) {
				status.Outcomes = append(status.Outcomes, v1alpha1.RevisionOutcome{
					Number: 10 - number, Hash: fmt.Sprint(10 - number), Time: metav1.NewTime(w.clock.Now().Add(time.Duration(10-number) * time.Hour)),
					Result: v1alpha1.RolloutStable, Arrival: v1alpha1.ArrivalUnproven,
				})
			}
		})
		w.later(24 * time.Hour)

		Expect(w.reconcileGate().Status.Level).To(Equal(v1alpha1.Warn))
	})

	It("decides nothing while everything is suspended", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		w.reconcileGate()
		w.policy.Spec.Suspend = v1alpha1.SuspendAll
		Expect(admin.Update(ctx, w.policy)).To(Succeed())
		source.remember("shop", func(status *v1alpha1.ReadinessReportStatus) { status.State = v1alpha1.ReportFailing })
		g := w.reconcileGate()

		Expect(g.Status.State).To(Equal(v1alpha1.GateOpen))
		Expect(meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionReady).Reason).To(Equal(v1alpha1.ReasonSuspended))
	})

	It("admits a fix by the hotfix lane while what runs here is failing, and tells it", func() {
		w, source := newGatedWorld()
		w.remember("shop", func(status *v1alpha1.ReadinessReportStatus) {
			status.State, status.FailingSince = v1alpha1.ReportFailing, &metav1.Time{Time: w.clock.Now()}
			status.Revision = v1alpha1.Revision{Hash: "1", Containers: []v1alpha1.RevisionContainer{{Name: "main", Image: "registry.example/shop:1.0.0"}}}
		})
		source.remember("shop", func(status *v1alpha1.ReadinessReportStatus) {
			status.State, status.Revision = v1alpha1.ReportCollecting, v1alpha1.Revision{Hash: "2", Containers: []v1alpha1.RevisionContainer{{Name: "main", Image: "registry.example/shop:1.0.1"}}}
			status.Evidence.Trials = []v1alpha1.Trial{{ID: "1", Kind: v1alpha1.TrialRollout, Outcome: v1alpha1.TrialSuccess}}
		})
		loop := &controllers.GateReconciler{Client: w.client, Clock: w.clock, Events: w.events, OperatorNamespace: "rampart-system"}
		result, err := loop.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: w.namespace, Name: "gate"}})
		Expect(err).NotTo(HaveOccurred())
		Expect(w.gate().Status.Workloads[0].Reason).To(Equal(v1alpha1.GateEvidenceMissing), "the failure may be one of a moment")
		Expect(result.RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", time.Minute)))
		w.later(result.RequeueAfter)
		g := w.reconcileGate()

		Expect(g.Status.State).To(Equal(v1alpha1.GateOpen))
		Expect(g.Status.Workloads[0].Reason).To(Equal(v1alpha1.GateHotfixLane))
		Expect(w.told(telemetry.ReasonGateHotfix)).To(BeTrue())
		entry := gate.ParseEntry(w.reconcileNamespace(w.namespace).Annotations["deployment.ledger.rampart.dev/shop"])
		Expect(entry.Hotfix).To(ConsistOf("registry.example/shop:1.0.1"))
		Expect(entry.Proven).To(BeEmpty())

		By("counting its arrival as not proven, and keeping it as a way back")
		w.deploy("shop", setImage("registry.example/shop:1.0.1"))
		w.rollOut("shop")
		w.look("shop")
		Expect(w.report("shop").Status.Outcomes[0].Arrival).To(Equal(v1alpha1.ArrivalHotfix))
		w.reconcileNamespace(w.namespace)
		entry = gate.ParseEntry(getNamespace(w.namespace).Annotations["deployment.ledger.rampart.dev/shop"])
		Expect(entry.Hotfix).To(BeEmpty())
		Expect(entry.Admitted).To(HaveLen(1))
		Expect(entry.Admitted[0].Signatures).To(ConsistOf("registry.example/shop:1.0.1"))
	})

	It("remembers who passed it, and why, and tells it once", func() {
		w, _ := newGatedWorld()
		w.running("shop")
		w.reconcileGate()
		w.reconcileNamespace(w.namespace)

		w.change("shop", deployer, func(d *appsv1.Deployment) {
			setImage("registry.example/shop:6.6.6")(d)
			metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationBypass, "INC-4711 rollback of the cache")
		})
		w.rollOut("shop")
		w.look("shop")
		Expect(w.report("shop").Status.Outcomes[0]).To(And(
			HaveField("Arrival", v1alpha1.ArrivalUnproven), HaveField("Bypass", "INC-4711 rollback of the cache")))
		w.later(time.Minute)
		w.look("shop")
		Expect(w.events.all()).To(ContainElement(And(HavePrefix(telemetry.ReasonGateBypassed), ContainSubstring(`"INC-4711 rollback of the cache"`))))
		Expect(slices.DeleteFunc(w.events.all(), func(note string) bool { return !strings.HasPrefix(note, telemetry.ReasonGateBypassed) })).To(HaveLen(1))
	})

	It("closes, and tells it, when pods here run other code under a proven tag", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		source.remember("shop", func(status *v1alpha1.ReadinessReportStatus) { status.Proven[0].Containers[0].Digest = "sha256:proven" })
		Expect(w.reconcileGate().Status.State).To(Equal(v1alpha1.GateOpen))
		w.running("shop", setImage("registry.example/shop:1.0.0"))
		g := w.reconcileGate()

		Expect(g.Status.State).To(Equal(v1alpha1.GateBlocked))
		Expect(g.Status.Workloads[0].Reason).To(Equal(v1alpha1.GateImageDiffers))
		Expect(w.told(telemetry.ReasonGateImageDiffers)).To(BeTrue())
	})

	It("says how the workload here differs from the one of the source", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		source.deploy("shop", setImage("registry.example/shop:1.0.0"))
		w.deploy("shop", setImage("registry.example/shop:1.0.0"), setReplicas(9), setEnv("info"))
		workload := w.reconcileGate().Status.Workloads[0]

		Expect(workload.Differing).To(BeEquivalentTo(1))
		Expect(workload.Differences).To(Equal([]v1alpha1.GateDifference{
			{Path: "containers[main].env[LOG_LEVEL]", Class: v1alpha1.DifferenceSuspicious, Here: "set"},
		}))

		By("writing nothing when an autoscaler has scaled it")
		before := w.gate().ResourceVersion
		w.change("shop", deployer, setReplicas(12))
		Expect(w.reconcileGate().ResourceVersion).To(Equal(before))
	})

	It("is not promotable, and says so, while its mapping fits nothing", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		g := w.gate()
		g.Spec.Mapping = &v1alpha1.GateMapping{Names: &v1alpha1.NameMapping{StripSuffix: "-staging"}}
		Expect(admin.Update(ctx, g)).To(Succeed())
		g = w.reconcileGate()

		Expect(g.Status.State).NotTo(Equal(v1alpha1.GateOpen))
		Expect(promotable(g)).To(Equal(metav1.ConditionUnknown))
		Expect(meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionReady).Reason).To(Equal(v1alpha1.ReasonInvalidMapping))
	})
})
