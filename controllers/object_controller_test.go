// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/telemetry"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

const (
	// nodePortFindings finds Services that every node answers for.
	nodePortFindings = `object.?spec.?type.orValue('') == 'NodePort' ? [{'key': 'type', 'text': 'is of type NodePort'}] : []`
	// clusterAdminFindings finds bindings to the strongest role.
	clusterAdminFindings = `object.?roleRef.?name.orValue('') == 'cluster-admin' ? [{'key': 'roleRef', 'text': 'binds cluster-admin'}] : []`
)

var (
	services     = v1alpha1.ResourceRule{Version: "v1", Resource: "services", Kind: "Service"}
	roleBindings = v1alpha1.ResourceRule{Group: rbacv1.GroupName, Version: "v1", Resource: "rolebindings", Kind: "RoleBinding"}
	namespaces   = v1alpha1.ResourceRule{Version: "v1", Resource: "namespaces", Kind: "Namespace"}
)

// over makes a rule judge objects instead of workloads.
func over(resources ...v1alpha1.ResourceRule) func(*v1alpha1.GuardrailSpec) {
	return func(spec *v1alpha1.GuardrailSpec) { spec.Resources = resources }
}

// objectWorld is a world in which the loop of objects runs.
type objectWorld struct {
	*world
	objects *controllers.ObjectReconciler
}

// newObjectWorld is an environment that has stood for an hour, so that what comes now came
// to it.
func newObjectWorld(edit ...func(*v1alpha1.EnvironmentPolicySpec)) *objectWorld {
	GinkgoHelper()
	w := &objectWorld{world: newWorld(v1alpha1.Production, edit...)}
	w.later(-time.Hour)
	w.joined("empty")
	w.restartObjects()
	return w
}

// restartObjects forgets all that the loop has in memory.
func (w *objectWorld) restartObjects() {
	w.objects = &controllers.ObjectReconciler{
		Client: w.client, Objects: w.client, Clock: w.clock, Programs: controllers.NewPrograms(compiler),
		Impressions: controllers.NewImpressions[controllers.ObjectKey](), Events: w.events, OperatorNamespace: "rampart-system",
	}
}

// stands brings a guardrail into force in the environment.
func (w *objectWorld) stands(findings string, edit ...func(*v1alpha1.GuardrailSpec)) *v1alpha1.Guardrail {
	GinkgoHelper()
	rule := acceptedGuardrail(w.policy.Name, findings, edit...)
	w.reconcileEnvironment(w.environments())
	w.clock.SetTime(time.Now().Truncate(time.Second))
	return rule
}

// service is made or changed to a type.
func (w *objectWorld) service(name string, as corev1.ServiceType) {
	GinkgoHelper()
	service := testenv.Service(name, w.namespace)
	err := admin.Get(ctx, client.ObjectKeyFromObject(service), service)
	Expect(client.IgnoreNotFound(err)).To(Succeed())
	service.Spec.Type = as
	if err != nil {
		Expect(admin.Create(ctx, service)).To(Succeed())
		return
	}
	Expect(admin.Update(ctx, service)).To(Succeed())
}

func (w *objectWorld) serviceKey(name string) controllers.ObjectKey {
	return controllers.ObjectKey{Kind: "Service", Namespace: w.namespace, Name: name}
}

// see is one pass of the loop over an object, which must succeed.
func (w *objectWorld) see(key controllers.ObjectKey) ctrl.Result {
	GinkgoHelper()
	result, err := w.objects.Reconcile(ctx, key)
	Expect(err).NotTo(HaveOccurred())
	return result
}

// seen is the report of an object after another pass of the loop.
func (w *objectWorld) seen(key controllers.ObjectKey) v1alpha1.ReadinessReportStatus {
	GinkgoHelper()
	w.see(key)
	return w.objectReport(key).Status
}

func (w *world) objectReport(key controllers.ObjectKey) *v1alpha1.ReadinessReport {
	GinkgoHelper()
	var report v1alpha1.ReadinessReport
	Expect(admin.Get(ctx, objectReportKey(key), &report)).To(Succeed())
	return &report
}

func objectReportKey(key controllers.ObjectKey) client.ObjectKey {
	return client.ObjectKey{Namespace: key.Namespace, Name: workload.ObjectReportName(key.Group, key.Kind, key.Name)}
}

func hasObjectReport(key controllers.ObjectKey) bool {
	GinkgoHelper()
	err := admin.Get(ctx, objectReportKey(key), &v1alpha1.ReadinessReport{})
	Expect(client.IgnoreNotFound(err)).To(Succeed())
	return err == nil
}

var _ = Describe("ReadinessReport of an object", func() {
	It("says what guardrails find in a Service, and each revision is a trial of theirs", func() {
		w := newObjectWorld()
		rule := w.stands(nodePortFindings, over(services))
		w.service("web", corev1.ServiceTypeClusterIP)
		status := w.seen(w.serviceKey("web"))
		Expect(status.State).To(Equal(v1alpha1.ReportJudged))
		Expect(status.Object).To(HaveValue(And(HaveField("Version", "v1"), HaveField("Kind", "Service"), HaveField("Name", "web"), HaveField("UID", Not(BeEmpty())))))
		Expect(status.Workload).To(BeZero())
		Expect(status.Environment).To(Equal(w.policy.Name))
		Expect(status.Message).To(Equal("complies with all that judges it: 1 guardrail"))
		Expect(status.Guardrails).To(ConsistOf(And(HaveField("Name", rule.Name), HaveField("Total", BeZero()), HaveField("FirstRevision", BeEquivalentTo(1)))))
		Expect(status.Outcomes).To(HaveExactElements(And(HaveField("Number", BeEquivalentTo(1)), HaveField("NewFindings", BeEmpty()))))

		w.service("web", corev1.ServiceTypeNodePort)
		status = w.seen(w.serviceKey("web"))
		Expect(status.Findings).To(BeEquivalentTo(1))
		Expect(status.Message).To(ContainSubstring("is of type NodePort"))
		Expect(status.Revision.Number).To(BeEquivalentTo(2), "a change that brings a finding is a revision at once")
		Expect(status.Outcomes[0].NewFindings).To(ConsistOf(rule.Name))
		Expect(status.Guardrails[0].Findings).To(HaveExactElements(HaveField("SinceRevision", BeEquivalentTo(2))))
		Expect(status.Outcomes[0].Writer).To(BeEmpty(), "field managers are what clients say of themselves")

		w.reconcileEnvironment(w.environments())
		Expect(w.policy.Status.Guardrails).To(ConsistOf(And(
			HaveField("Revisions", BeEquivalentTo(2)), HaveField("WouldRefuse", BeEquivalentTo(1)), HaveField("Violating", BeEquivalentTo(1)))))
		Expect(w.policy.Status.Findings).To(BeEquivalentTo(1))
		Expect(w.policy.Status.Workloads).To(BeZero(), "a Service is no workload")
	})

	It("holds against no object what was there before the guardrail", func() {
		w := newObjectWorld()
		w.service("old", corev1.ServiceTypeNodePort)
		w.later(2 * time.Hour)
		acceptedGuardrail(w.policy.Name, nodePortFindings, over(services))
		w.reconcileEnvironment(w.environments())
		status := w.seen(w.serviceKey("old"))
		Expect(status.Findings).To(BeEquivalentTo(1))
		Expect(status.Guardrails[0].FirstRevision).To(BeEquivalentTo(2))
		Expect(status.Outcomes[0].NewFindings).To(BeEmpty())
	})

	It("fits, however long a name of the RBAC API is", func() {
		w := newObjectWorld()
		w.stands(`object.roleRef.name == 'admin' ? [{'key': 'role', 'text': 'gives admin'}] : []`, over(roleBindings))
		name := "team:" + strings.Repeat("a", 300)
		Expect(admin.Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "admin"},
		})).To(Succeed())
		status := w.seen(controllers.ObjectKey{Group: rbacv1.GroupName, Kind: "RoleBinding", Namespace: w.namespace, Name: name})
		Expect(status.Findings).To(BeEquivalentTo(1))
		Expect(status.Object.Name).To(HavePrefix("team:aaa"))
	})

	It("judges what a rule names, such as RoleBindings, and Namespaces in themselves", func() {
		w := newObjectWorld()
		w.stands(clusterAdminFindings, over(roleBindings))
		w.stands(`'team' in object.metadata.?labels.orValue({}) ? [] : [{'key': 'team', 'text': 'has no team'}]`, over(namespaces))
		binding := &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "team:admins"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		}
		Expect(admin.Create(ctx, binding)).To(Succeed())
		status := w.seen(controllers.ObjectKey{Group: rbacv1.GroupName, Kind: "RoleBinding", Namespace: w.namespace, Name: "team:admins"})
		Expect(status.Findings).To(BeEquivalentTo(1))
		Expect(status.Object.Name).To(Equal("team:admins"))
		status = w.seen(controllers.ObjectKey{Kind: "Namespace", Namespace: w.namespace, Name: w.namespace})
		Expect(status.Findings).To(BeEquivalentTo(1))
	})

	It("writes nothing at rest", func() {
		w := newObjectWorld()
		w.stands(nodePortFindings, over(services))
		w.service("web", corev1.ServiceTypeNodePort)
		w.see(w.serviceKey("web"))
		before := w.objectReport(w.serviceKey("web"))
		for range 2 {
			w.later(time.Hour)
			Expect(w.see(w.serviceKey("web"))).To(BeZero())
			Expect(w.objectReport(w.serviceKey("web")).ResourceVersion).To(Equal(before.ResourceVersion))
			By("not even after a restart of the operator")
			w.restartObjects()
		}
	})

	It("takes for one change what somebody writes again and again", func() {
		w := newObjectWorld()
		w.stands(nodePortFindings, over(services))
		w.service("busy", corev1.ServiceTypeClusterIP)
		w.see(w.serviceKey("busy"))
		before := w.objectReport(w.serviceKey("busy"))
		for i := range 5 {
			w.annotateService("busy", time.Duration(i).String())
			w.later(time.Minute)
			Expect(w.see(w.serviceKey("busy")).RequeueAfter).To(Equal(time.Duration(9-i) * time.Minute))
			Expect(w.objectReport(w.serviceKey("busy")).ResourceVersion).To(Equal(before.ResourceVersion))
		}
		w.later(5 * time.Minute)
		Expect(w.seen(w.serviceKey("busy")).Revision.Number).To(BeEquivalentTo(2))
	})

	It("shows why an object is excluded", func() {
		w := newObjectWorld()
		entry := &w.policy.Spec.Guardrails[0]
		entry.Exclusions = []v1alpha1.Exclusion{{Namespace: w.namespace, Kind: "Service", Name: "edge", Reason: "the load balancer in front needs it"}}
		Expect(admin.Update(ctx, w.policy)).To(Succeed())
		w.stands(nodePortFindings, over(services))
		w.service("edge", corev1.ServiceTypeNodePort)
		w.service("web", corev1.ServiceTypeNodePort)
		Expect(w.seen(w.serviceKey("edge"))).To(And(HaveField("Findings", BeZero()),
			HaveField("Guardrails", ConsistOf(HaveField("Excluded", "the load balancer in front needs it")))))
		Expect(w.seen(w.serviceKey("web")).Findings).To(BeEquivalentTo(1))
	})

	It("judges again when a parameter is set otherwise", func() {
		w := newObjectWorld()
		w.stands(`object.?spec.?type.orValue('') in variables.params.types ? [{'key': 'type', 'text': 'is of a type that is not allowed'}] : []`,
			over(services), func(spec *v1alpha1.GuardrailSpec) {
				spec.Parameters = []v1alpha1.Parameter{{Name: "types", Type: v1alpha1.ParameterStringList, Defaults: []string{"NodePort"}}}
			})
		w.service("web", corev1.ServiceTypeClusterIP)
		before := w.seen(w.serviceKey("web"))
		Expect(before.Findings).To(BeZero())

		w.policy.Spec.Guardrails[0].Parameters = []v1alpha1.ParameterSetting{{Name: "types", Values: []string{"ClusterIP"}}}
		Expect(admin.Update(ctx, w.policy)).To(Succeed())
		w.reconcileEnvironment(w.environments())
		after := w.seen(w.serviceKey("web"))
		Expect(after.Findings).To(BeEquivalentTo(1))
		Expect(after.Guardrails[0].Rule).NotTo(Equal(before.Guardrails[0].Rule))
		Expect(after.Outcomes[0].NewFindings).To(BeEmpty(), "the Service has not changed")
	})

	It("keeps what a deleted object brought for seven days, and forgives nothing when it comes back", func() {
		w := newObjectWorld()
		rule := w.stands(nodePortFindings, over(services))
		w.service("web", corev1.ServiceTypeNodePort)
		w.see(w.serviceKey("web"))
		w.later(time.Minute)
		Expect(admin.Delete(ctx, testenv.Service("web", w.namespace))).To(Succeed())
		Expect(w.see(w.serviceKey("web")).RequeueAfter).To(Equal(7 * 24 * time.Hour))
		status := w.objectReport(w.serviceKey("web")).Status
		Expect(status.State).To(Equal(v1alpha1.ReportGone))
		Expect(status.Findings).To(BeZero())
		w.reconcileEnvironment(w.environments())
		Expect(w.policy.Status.Guardrails).To(ConsistOf(And(HaveField("Revisions", BeEquivalentTo(1)), HaveField("Violating", BeZero()))))

		w.service("web", corev1.ServiceTypeNodePort)
		status = w.seen(w.serviceKey("web"))
		Expect(status.State).To(Equal(v1alpha1.ReportJudged))
		Expect(status.Outcomes).To(HaveExactElements(
			And(HaveField("Number", BeEquivalentTo(2)), HaveField("NewFindings", ConsistOf(rule.Name))),
			And(HaveField("Number", BeEquivalentTo(1)), HaveField("NewFindings", ConsistOf(rule.Name)))))

		Expect(admin.Delete(ctx, testenv.Service("web", w.namespace))).To(Succeed())
		w.see(w.serviceKey("web"))
		w.later(7*24*time.Hour - time.Minute)
		Expect(w.see(w.serviceKey("web")).RequeueAfter).To(Equal(time.Minute))
		w.later(time.Minute)
		w.see(w.serviceKey("web"))
		Expect(hasObjectReport(w.serviceKey("web"))).To(BeFalse())
	})

	It("keeps what short-lived objects violate, in as much room as there is", func() {
		w := newObjectWorld()
		rule := w.stands(nodePortFindings, over(services))
		comeAndGo := func(name string, as corev1.ServiceType) {
			w.service(name, as)
			w.see(w.serviceKey(name))
			w.later(time.Minute)
			Expect(admin.Delete(ctx, testenv.Service(name, w.namespace))).To(Succeed())
			w.see(w.serviceKey(name))
		}
		comeAndGo("violator", corev1.ServiceTypeNodePort)
		for i := range 25 {
			comeAndGo(fmt.Sprintf("clean-%d", i), corev1.ServiceTypeClusterIP)
		}
		var reports v1alpha1.ReadinessReportList
		Expect(admin.List(ctx, &reports, client.InNamespace(w.namespace))).To(Succeed())
		Expect(reports.Items).To(HaveLen(20))
		Expect(hasObjectReport(w.serviceKey("violator"))).To(BeTrue(), "it was the first to go")
		Expect(hasObjectReport(w.serviceKey("clean-5"))).To(BeFalse())
		Expect(hasObjectReport(w.serviceKey("clean-6"))).To(BeTrue())

		w.later(24 * time.Hour)
		w.see(w.serviceKey("violator"))
		w.reconcileEnvironment(w.environments())
		Expect(w.policy.Status.Guardrails).To(ConsistOf(And(
			HaveField("Name", rule.Name), HaveField("Revisions", BeEquivalentTo(20)), HaveField("WouldRefuse", BeEquivalentTo(1)))))
	})

	It("takes what Kubernetes itself keeps in a namespace for no trial", func() {
		w := newObjectWorld()
		w.stands(`[{'key': 'any', 'text': 'is there'}]`, over(v1alpha1.ResourceRule{Version: "v1", Resource: "serviceaccounts", Kind: "ServiceAccount"}))
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "default"}}
		Expect(admin.Create(ctx, account)).To(Succeed())
		key := controllers.ObjectKey{Kind: "ServiceAccount", Namespace: w.namespace, Name: "default"}
		for range 2 {
			status := w.seen(key)
			Expect(status.Findings).To(BeEquivalentTo(1))
			Expect(status.Outcomes).To(HaveExactElements(HaveField("NewFindings", BeEmpty())))
			account.Labels = map[string]string{"a": "b"}
			Expect(admin.Update(ctx, account)).To(Succeed())
			w.later(time.Hour)
		}
		w.reconcileEnvironment(w.environments())
		Expect(w.policy.Status.Guardrails).To(ConsistOf(And(HaveField("Revisions", BeZero()), HaveField("Violating", BeEquivalentTo(1)))))
	})

	It("goes with the last guardrail that judges it, and with its environment", func() {
		w := newObjectWorld()
		rule := w.stands(nodePortFindings, over(services))
		w.service("web", corev1.ServiceTypeClusterIP)
		w.see(w.serviceKey("web"))
		Expect(hasObjectReport(w.serviceKey("web"))).To(BeTrue())
		Expect(admin.Delete(ctx, rule)).To(Succeed())
		w.reconcileEnvironment(w.environments())
		w.see(w.serviceKey("web"))
		Expect(hasObjectReport(w.serviceKey("web"))).To(BeFalse())

		w.stands(nodePortFindings, over(services))
		w.see(w.serviceKey("web"))
		Expect(hasObjectReport(w.serviceKey("web"))).To(BeTrue())
		w.label("none")
		w.see(w.serviceKey("web"))
		Expect(hasObjectReport(w.serviceKey("web"))).To(BeFalse())
	})

	It("is made for no object that no guardrail judges, and for none without an environment", func() {
		w := newObjectWorld()
		w.stands(nodePortFindings, over(services))
		w.stands(ownerFindings)
		w.see(controllers.ObjectKey{Kind: "ServiceAccount", Namespace: w.namespace, Name: "default"})
		Expect(hasObjectReport(controllers.ObjectKey{Kind: "ServiceAccount", Namespace: w.namespace, Name: "default"})).To(BeFalse())
		kubernetes := controllers.ObjectKey{Kind: "Service", Namespace: "default", Name: "kubernetes"}
		w.see(kubernetes)
		Expect(hasObjectReport(kubernetes)).To(BeFalse())
	})

	It("tells of findings once, and that Enforce is next", func() {
		w := newObjectWorld(func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.Guardrails[0].StartLevel = v1alpha1.Warn
		})
		rule := w.stands(nodePortFindings, over(services))
		w.service("web", corev1.ServiceTypeNodePort)
		w.see(w.serviceKey("web"))
		told := telemetry.ReasonGuardrailFindings + ": [" + rule.Name + "] is of type NodePort (Warn; Enforce is next)"
		Expect(w.events.all()).To(ConsistOf(told))
		w.restartObjects()
		w.see(w.serviceKey("web"))
		Expect(w.events.all()).To(ConsistOf(told))
	})

	It("says nothing that it does not know: a rule that fails makes the verdict unknown", func() {
		w := newObjectWorld()
		rule := w.stands(`object.metadata.labels['team'] == 'x' ? [] : [{'key': 'team', 'text': 'has no team'}]`, over(services))
		w.service("web", corev1.ServiceTypeClusterIP)
		status := w.seen(w.serviceKey("web"))
		Expect(status.Guardrails).To(ConsistOf(HaveField("Error", Not(BeEmpty()))))
		Expect(status.Message).To(ContainSubstring("not known to comply"))
		Expect(status.Outcomes[0].Unjudged).To(ConsistOf(rule.Name))
		w.reconcileEnvironment(w.environments())
		Expect(w.policy.Status.Guardrails).To(ConsistOf(And(HaveField("Failing", BeEquivalentTo(1)), HaveField("Revisions", BeZero()))))
	})
})

// annotateService writes an annotation as a controller does that has something to say all
// the time.
func (w *objectWorld) annotateService(name, value string) {
	GinkgoHelper()
	service := testenv.Service(name, w.namespace)
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(service), service)).To(Succeed())
	service.Annotations = with(service.Annotations, "example.com/seen", value)
	Expect(admin.Update(ctx, service)).To(Succeed())
}

var _ = Describe("What goes by workloads", func() {
	It("passes the reports of objects over", func() {
		w, source := newGatedWorld()
		objects := &objectWorld{world: source}
		objects.restartObjects()
		objects.stands(nodePortFindings, over(services))
		objects.service("web", corev1.ServiceTypeNodePort)
		objects.see(objects.serviceKey("web"))
		Expect(hasObjectReport(objects.serviceKey("web"))).To(BeTrue())

		gate := w.reconcileGate()
		Expect(gate.Status.Total).To(BeZero(), "a Service does not pass a gate")

		By("the breaker: one of one workloads fails, whatever else is reported")
		source.remember("shop", func(status *v1alpha1.ReadinessReportStatus) {
			status.State, status.FailingSince = v1alpha1.ReportFailing, ptr.To(metav1.NewTime(source.clock.Now()))
		})
		source.remember("bar", func(status *v1alpha1.ReadinessReportStatus) {
			status.State, status.FailingSince = v1alpha1.ReportFailing, ptr.To(metav1.NewTime(source.clock.Now()))
		})
		for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
			objects.service(name, corev1.ServiceTypeClusterIP)
			objects.see(objects.serviceKey(name))
		}
		source.reconcileEnvironment(source.environments())
		Expect(source.policy.Status.Workloads).To(BeEquivalentTo(2))
		Expect(source.policy.Status.Breaker).NotTo(BeNil(), "two of two fail: objects must not dilute that")
	})
})
