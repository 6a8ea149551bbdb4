// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/telemetry"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// climber is a guardrail in an environment of several namespaces, each with one Deployment
// that an earlier operator has reported on.
type climber struct {
	*world
	rule *v1alpha1.Guardrail
	loop *controllers.EnvironmentReconciler
}

func newClimber(edit ...func(*v1alpha1.EnvironmentPolicySpec)) *climber {
	GinkgoHelper()
	c := &climber{world: newWorld(v1alpha1.Production, append(edit, startAtWarn)...)}
	c.joined("empty")
	c.rule = acceptedGuardrail(c.policy.Name, ownerFindings)
	c.loop = c.environments()
	return c
}

// another namespace of the environment, which belongs to the owner.
func (c *climber) another(name, owner, state string) string {
	GinkgoHelper()
	name = c.namespace + "-" + name
	joined := environment.Joined{Environment: c.policy.Name, Since: c.clock.Now(), Busy: state == "busy"}
	namespace := testenv.Namespace(name, map[string]string{"environment": c.policy.Name, "owner": owner})
	namespace.Annotations = map[string]string{v1alpha1.AnnotationJoined: joined.String()}
	Expect(admin.Create(ctx, namespace)).To(Succeed())
	return name
}

// revised brings a revision of the namespace's Deployment, which violates the rule or not.
func (c *climber) revised(namespace string, violates bool) {
	GinkgoHelper()
	c.later(11 * time.Minute)
	report := &v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: workload.ReportName(v1alpha1.KindDeployment, "shop")}}
	Expect(client.IgnoreAlreadyExists(historian.Create(ctx, report))).To(Succeed())
	Expect(historian.Get(ctx, client.ObjectKeyFromObject(report), report)).To(Succeed())
	status := &report.Status
	status.Environment, status.Workload = c.policy.Name, v1alpha1.ReportedWorkload{Kind: v1alpha1.KindDeployment, Name: "shop"}
	number := status.Revision.Number + 1
	outcome := v1alpha1.RevisionOutcome{Number: number, Hash: fmt.Sprint(number), Time: metav1.NewTime(c.clock.Now()), Writer: deployer}
	verdict := v1alpha1.GuardrailVerdict{
		Name: c.rule.Name, FirstRevision: 1,
		Rule: guardrail.Digest(c.rule.Status.Accepted.Spec, nil),
	}
	if violates {
		outcome.NewFindings = []string{c.rule.Name}
		verdict.Total, verdict.Findings = 1, []v1alpha1.Finding{{Key: "owner", Text: "has no label owner", SinceRevision: number}}
	}
	status.Revision = v1alpha1.Revision{Number: number, Hash: outcome.Hash, Since: outcome.Time}
	status.Outcomes = append([]v1alpha1.RevisionOutcome{outcome}, status.Outcomes...)
	status.Outcomes = status.Outcomes[:min(len(status.Outcomes), 10)]
	status.Guardrails = []v1alpha1.GuardrailVerdict{verdict}
	Expect(historian.Status().Update(ctx, report)).To(Succeed())
}

// state of the guardrail.
func (c *climber) state() v1alpha1.GuardrailState {
	GinkgoHelper()
	Expect(c.policy.Status.Guardrails).To(HaveLen(1))
	return c.policy.Status.Guardrails[0]
}

// settle passes until nothing asks for another pass soon, while time goes by.
func (c *climber) settle() {
	GinkgoHelper()
	for pass := 0; ; pass++ {
		Expect(pass).To(BeNumerically("<", 30), func() string { return "the loop does not come to rest: " + c.state().Next })
		if again := c.lookAtEnvironment(c.loop); again == 0 || again > time.Minute {
			return
		}
		c.later(2 * time.Second)
	}
}

// refuses says whether the API server refuses a Deployment without an owner in a namespace.
func (c *climber) refuses(namespace string) bool {
	violator := testenv.Deployment("violator", namespace)
	return admin.Create(ctx, violator, client.DryRunAll) != nil
}

var _ = Describe("Progression", func() {
	It("announces Enforce, spreads it ring by ring, and lets a laggard delay nobody but itself", func() {
		c := newClimber()
		c.settle()
		Expect(c.state().Level).To(Equal(v1alpha1.Warn))
		quiet, laggard := c.another("quiet", "team-quiet", "empty"), c.another("slow", "team-slow", "empty")
		for range 4 {
			c.revised(c.namespace, false)
			c.revised(quiet, false)
			c.revised(laggard, true)
		}
		c.revised(c.namespace, false)

		By("publishing what would be refused, one look before")
		c.lookAtEnvironment(c.loop)
		Expect(c.state().Level).To(Equal(v1alpha1.Warn))
		Expect(c.state().Next).To(HavePrefix(fmt.Sprintf("Enforce next: in a first namespace (%s); 1 object here would be refused", c.namespace)))
		Expect(c.state().WouldBeRefused).To(Equal([]string{laggard + "/Deployment shop: has no label owner"}))
		Expect(c.refuses(c.namespace)).To(BeFalse())

		By("enforcing it in the most compliant namespace alone")
		c.settle()
		Expect(c.state()).To(And(
			HaveField("Level", v1alpha1.Enforce), HaveField("Ring", v1alpha1.RingFirst), HaveField("RingNamespaces", []string{c.namespace}),
			HaveField("HeldBack", ConsistOf(And(
				HaveField("Namespace", laggard), HaveField("Owner", "team-slow"), HaveField("Why", "Deployment shop violated it anew: enforced after 3 more clean revisions"),
			))),
		))
		Eventually(c.refuses).WithArguments(c.namespace).Should(BeTrue())
		Expect(c.refuses(quiet)).To(BeFalse())
		Expect(c.policy.Status.History[0]).To(And(HaveField("Ring", v1alpha1.RingFirst), HaveField("To", v1alpha1.Enforce)))
		Expect(c.events.all()).To(ContainElement(HavePrefix(telemetry.ReasonGuardrailRaised + ": " + c.rule.Name + ": Warn → Enforce in ring First: ")))

		By("going on after a clean revision there, as an operator that was restarted sees it")
		c.revised(c.namespace, false)
		c.loop = c.environments()
		c.settle()
		Expect(c.state()).To(And(HaveField("Ring", v1alpha1.RingAll), HaveField("RingNamespaces", BeEmpty())))
		Eventually(c.refuses).WithArguments(quiet).Should(BeTrue())
		Expect(c.refuses(laggard)).To(BeFalse())

		By("writing nothing at rest")
		version := c.policy.ResourceVersion
		c.later(time.Hour)
		c.settle()
		Expect(c.policy.ResourceVersion).To(Equal(version))

		By("releasing the laggard after three clean revisions")
		for range 3 {
			c.revised(laggard, false)
		}
		c.settle()
		Expect(c.state().HeldBack).To(BeEmpty())
		Eventually(c.refuses).WithArguments(laggard).Should(BeTrue())
		Expect(c.policy.Status.History[0]).To(And(
			HaveField("From", v1alpha1.Enforce), HaveField("To", v1alpha1.Enforce), HaveField("Why", "no longer held back: "+laggard)))
		Expect(c.told(telemetry.ReasonGuardrailReleased)).To(BeTrue())

		By("holding back a namespace that comes with running workloads")
		late := c.another("late", "team-late", "busy")
		c.settle()
		Expect(c.state().HeldBack).To(ConsistOf(HaveField("Namespace", late)))
		Expect(c.refuses(late)).To(BeFalse())
		Expect(c.events.all()).To(ContainElement(And(
			HavePrefix(telemetry.ReasonGuardrailHeldBack), ContainSubstring(late+" of team-late (it came with running workloads: enforced after 1 clean revision)"))))
		c.revised(late, false)
		c.settle()
		Eventually(c.refuses).WithArguments(late).Should(BeTrue())
	})

	It("counts objects that are no workloads among the findings, and not among the workloads", func() {
		c := newClimber()
		c.revised(c.namespace, false)
		report := &v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "service-web"}}
		Expect(historian.Create(ctx, report)).To(Succeed())
		report.Status = v1alpha1.ReadinessReportStatus{
			Environment: c.policy.Name, State: v1alpha1.ReportJudged, Findings: 2,
			Object: &v1alpha1.ReportedObject{Version: "v1", Kind: "Service", Name: "web"},
		}
		Expect(historian.Status().Update(ctx, report)).To(Succeed())
		c.settle()

		Expect(c.policy.Status.Workloads).To(BeEquivalentTo(1))
		Expect(c.policy.Status.Findings).To(BeEquivalentTo(2))
	})

	It("leaves a rule that reads the surroundings at Observe, and says why", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		acceptedGuardrail(w.policy.Name, "variables.services.size() > 0 ? [] : [{'key': 'service', 'text': 'no Service selects it'}]",
			func(spec *v1alpha1.GuardrailSpec) {
				spec.Surroundings = []v1alpha1.Surrounding{v1alpha1.SurroundingServices}
			})
		w.reconcileEnvironment(w.environments())

		Expect(w.policy.Status.Guardrails).To(ConsistOf(And(
			HaveField("Level", v1alpha1.Observe), HaveField("MaxLevel", v1alpha1.Observe), HaveField("Next", ContainSubstring("admission cannot read")))))
		Expect(w.validating()).To(BeZero())
	})

	It("reads the environment before by what is set there", func() {
		staging := newWorld(v1alpha1.Staging, func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.Guardrails[0].Exclusions = []v1alpha1.Exclusion{{Namespace: "elsewhere", Reason: "it is not ours"}}
		})
		c := newClimber(func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.Follows = &v1alpha1.EnvironmentReference{Name: staging.policy.Name}
		})
		// The same guardrail, less what is excluded there.
		staging.policy.Spec.Guardrails[0].Selector.MatchLabels["case"] = c.policy.Name
		Expect(admin.Update(ctx, staging.policy)).To(Succeed())
		before := &climber{world: staging, rule: c.rule, loop: staging.environments()}
		c.settle()
		for range 8 {
			c.revised(c.namespace, false)
		}
		c.settle()
		Expect(c.state().Next).To(Equal("Enforce once " + staging.policy.Name + " has it at its ceiling: there it is at Observe of Warn"))

		before.clock.SetTime(c.clock.Now())
		before.settle()
		for range 8 {
			before.revised(staging.namespace, false)
		}
		before.settle()
		Expect(before.state().Level).To(Equal(v1alpha1.Warn))
		c.settle()
		Expect(c.state().Level).To(Equal(v1alpha1.Enforce), c.state().Next)
	})
})
