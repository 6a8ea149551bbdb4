// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// reading makes a rule read what is around the object.
func reading(surroundings ...v1alpha1.Surrounding) func(*v1alpha1.GuardrailSpec) {
	return func(spec *v1alpha1.GuardrailSpec) { spec.Surroundings = surroundings }
}

// findingsOf waits for what is reported of an object.
func findingsOf(key controllers.ObjectKey) func(Gomega) int32 {
	return func(g Gomega) int32 {
		var report v1alpha1.ReadinessReport
		g.Expect(admin.Get(ctx, objectReportKey(key), &report)).To(Succeed())
		g.Expect(report.Status.State).To(Equal(v1alpha1.ReportJudged))
		return report.Status.Findings
	}
}

// findings waits for what is reported of a Deployment, once all its guardrails could judge it.
func (w *world) findings(name string) func(Gomega) int32 {
	return func(g Gomega) int32 {
		var report v1alpha1.ReadinessReport
		g.Expect(admin.Get(ctx, w.reportKey(name), &report)).To(Succeed())
		g.Expect(report.Status.Guardrails).NotTo(BeEmpty())
		g.Expect(report.Status.Guardrails).To(HaveEach(HaveField("Error", BeEmpty())))
		return report.Status.Findings
	}
}

// readiness of a Guardrail.
func readiness(rule *v1alpha1.Guardrail) func(Gomega) metav1.Condition {
	return func(g Gomega) metav1.Condition {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(rule), rule)).To(Succeed())
		ready := meta.FindStatusCondition(rule.Status.Conditions, v1alpha1.ConditionReady)
		g.Expect(ready).NotTo(BeNil())
		return *ready
	}
}

// removed deletes an object after the test.
func removed(object client.Object) {
	DeferCleanup(func() { Expect(client.IgnoreNotFound(admin.Delete(ctx, object))).To(Succeed()) })
}

// overObjects are the specs of the running operator about objects that are not workloads,
// and about what guardrails read besides.
func overObjects() {
	It("follows objects and the guardrails over them", func() {
		w := newWorld(v1alpha1.Staging)
		key := controllers.ObjectKey{Kind: "Service", Namespace: w.namespace, Name: "web"}
		service := testenv.Service("web", w.namespace)
		service.Spec.Type = corev1.ServiceTypeNodePort
		Expect(admin.Create(ctx, service)).To(Succeed())
		rule := newGuardrail(w.policy.Name, nodePortFindings, over(services))
		Eventually(findingsOf(key)).Should(BeEquivalentTo(1))

		By("a change of the object")
		service.Spec.Type = corev1.ServiceTypeClusterIP
		service.Spec.Ports[0].NodePort = 0
		Expect(admin.Update(ctx, service)).To(Succeed())
		Eventually(findingsOf(key)).Should(BeZero())

		By("a report that somebody deletes")
		uid := w.objectReport(key).UID
		Expect(admin.Delete(ctx, w.objectReport(key))).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(hasObjectReport(key)).To(BeTrue())
			g.Expect(w.objectReport(key).UID).NotTo(Equal(uid))
		}).Should(Succeed())

		By("a rule that goes")
		Expect(admin.Delete(ctx, rule)).To(Succeed())
		Eventually(func() bool { return hasObjectReport(key) }).Should(BeFalse())
	})

	It("judges again when a parameter is set otherwise", func() {
		w := newWorld(v1alpha1.Staging)
		w.deploy("shop")
		newGuardrail(w.policy.Name, `object.?spec.?replicas.orValue(1) < variables.params.least ? [{'key': 'replicas', 'text': 'has few replicas'}] : []`,
			func(spec *v1alpha1.GuardrailSpec) {
				spec.Parameters = []v1alpha1.Parameter{{Name: "least", Type: v1alpha1.ParameterInteger, Default: ptr.To("2")}}
			})
		Eventually(w.findings("shop")).Should(BeZero())
		Eventually(func() error {
			Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.policy), w.policy)).To(Succeed())
			w.policy.Spec.Guardrails[0].Parameters = []v1alpha1.ParameterSetting{{Name: "least", Value: ptr.To("3")}}
			return admin.Update(ctx, w.policy)
		}).Should(Succeed())
		Eventually(w.findings("shop")).Should(BeEquivalentTo(1))
	})

	It("sees references resolve when what they name appears", func() {
		w := newWorld(v1alpha1.Staging)
		rule := newGuardrail(w.policy.Name, `variables.missing.map(m, {'key': m.kind + '/' + m.name + '/' + m.key, 'text': m.from + ' needs ' + m.name})`,
			reading(v1alpha1.SurroundingReferences))
		configMap := corev1.LocalObjectReference{Name: "settings"}
		w.deploy("shop", func(d *appsv1.Deployment) {
			spec := &d.Spec.Template.Spec
			spec.ServiceAccountName = "runner"
			spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
			spec.Containers[0].Env = []corev1.EnvVar{{Name: "LEVEL", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: configMap, Key: "level"}}}}
		})
		Eventually(w.findings("shop")).Should(BeEquivalentTo(3))
		Eventually(readiness(rule)).Should(HaveField("Status", metav1.ConditionTrue))

		settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "settings"}, Data: map[string]string{"other": "x"}}
		Expect(admin.Create(ctx, settings)).To(Succeed())
		Expect(admin.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "runner"}})).To(Succeed())
		Eventually(w.findings("shop")).Should(BeEquivalentTo(2), "the ConfigMap lacks the key, and the claim is missing")

		settings.Data["level"] = "debug"
		Expect(admin.Update(ctx, settings)).To(Succeed())
		Expect(admin.Create(ctx, &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "data"},
			Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
			},
		})).To(Succeed())
		Eventually(w.findings("shop")).Should(BeZero())

		Expect(admin.Delete(ctx, settings)).To(Succeed())
		Eventually(w.findings("shop")).Should(BeEquivalentTo(1))
	})

	It("sees the disruption budgets and the Services of a workload", func() {
		w := newWorld(v1alpha1.Staging)
		newGuardrail(w.policy.Name, `(size(variables.disruptionBudgets) == 0 ? [{'key': 'budget', 'text': 'has no disruption budget'}] : []) +
			(size(variables.services) == 0 ? [{'key': 'service', 'text': 'has no Service'}] : [])`,
			reading(v1alpha1.SurroundingDisruptionBudgets, v1alpha1.SurroundingServices))
		w.deploy("shop")
		Eventually(w.findings("shop")).Should(BeEquivalentTo(2))
		Expect(admin.Create(ctx, testenv.Service("shop", w.namespace))).To(Succeed())
		Eventually(w.findings("shop")).Should(BeEquivalentTo(1))
		budget := &policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "shop"},
			Spec: policyv1.PodDisruptionBudgetSpec{
				MaxUnavailable: ptr.To(intstr.FromInt32(1)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}},
			},
		}
		Expect(admin.Create(ctx, budget)).To(Succeed())
		Eventually(w.findings("shop")).Should(BeZero())
		Expect(admin.Delete(ctx, budget)).To(Succeed())
		Eventually(w.findings("shop")).Should(BeEquivalentTo(1))
	})

	It("sees who else claims the host of an Ingress", func() {
		w, other := newWorld(v1alpha1.Staging), newWorld(v1alpha1.Staging)
		newGuardrail(w.policy.Name, `variables.claimedHosts.map(c, {'key': string(c.host), 'text': string(c.host) + ' is claimed by ' + c.namespace + '/' + c.name})`,
			over(v1alpha1.ResourceRule{Group: networkingv1.GroupName, Version: "v1", Resource: "ingresses", Kind: "Ingress"}),
			reading(v1alpha1.SurroundingIngressHosts))
		host := w.namespace + ".example"
		ingress := func(namespace string) *networkingv1.Ingress {
			return &networkingv1.Ingress{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"},
				Spec: networkingv1.IngressSpec{
					DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}}},
					Rules:          []networkingv1.IngressRule{{Host: host}},
				},
			}
		}
		key := controllers.ObjectKey{Group: networkingv1.GroupName, Kind: "Ingress", Namespace: w.namespace, Name: "web"}
		Expect(admin.Create(ctx, ingress(w.namespace))).To(Succeed())
		Eventually(findingsOf(key)).Should(BeZero())
		Expect(admin.Create(ctx, ingress(other.namespace))).To(Succeed())
		Eventually(findingsOf(key)).Should(BeEquivalentTo(1))
		Expect(admin.Delete(ctx, ingress(other.namespace))).To(Succeed())
		Eventually(findingsOf(key)).Should(BeZero())
	})

	It("judges a kind that is installed later, once it may read it", func() {
		w := newWorld(v1alpha1.Staging)
		group := "case-" + rand.String(8) + ".example.com"
		widgets := v1alpha1.ResourceRule{Group: group, Version: "v1", Resource: "widgets", Kind: "Widget"}
		rule := newGuardrail(w.policy.Name, `object.?spec.?size.orValue(0) > 1 ? [{'key': 'size', 'text': 'is too large'}] : []`, over(widgets))
		Eventually(readiness(rule)).Should(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonResourceMissing)))

		By("the definition that comes")
		definition := widgetDefinition(group)
		Expect(admin.Create(ctx, definition)).To(Succeed())
		removed(definition)
		Eventually(readiness(rule)).Should(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonPermissionDenied),
			HaveField("Message", ContainSubstring("rampart.dev/aggregate-to-reader"))))

		By("the right that comes, as the aggregation of ClusterRoles would bring it")
		role := &rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: group},
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{group}, Resources: []string{"widgets"}, Verbs: []string{"get", "list", "watch"}}},
		}
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: group}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: group},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: operatorUser}},
		}
		Expect(admin.Create(ctx, role)).To(Succeed())
		Expect(admin.Create(ctx, binding)).To(Succeed())
		removed(role)
		removed(binding)
		widget := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": group + "/v1", "kind": "Widget",
			"metadata": map[string]any{"namespace": w.namespace, "name": "large"}, "spec": map[string]any{"size": int64(2)},
		}}
		Expect(admin.Create(ctx, widget)).To(Succeed())
		key := controllers.ObjectKey{Group: group, Kind: "Widget", Namespace: w.namespace, Name: "large"}
		Eventually(findingsOf(key)).Should(BeEquivalentTo(1))
		Eventually(readiness(rule)).Should(HaveField("Status", metav1.ConditionTrue))

		By("the object that goes")
		Expect(admin.Delete(ctx, widget)).To(Succeed())
		Eventually(func() v1alpha1.ReportState { return w.objectReport(key).Status.State }).Should(Equal(v1alpha1.ReportGone))
	})
}

// widgetDefinition is what makes Widgets a kind.
func widgetDefinition(group string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "widgets." + group},
		"spec": map[string]any{
			"group": group, "scope": "Namespaced",
			"names": map[string]any{"plural": "widgets", "singular": "widget", "kind": "Widget"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{
					"type": "object", "properties": map[string]any{"spec": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
				}},
			}},
		},
	}}
}
