// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"reflect"
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

const (
	source = "shop-staging"
	target = "shop-production"
)

// A team that may do everything that the built-in roles allow, in the source and in the
// target namespace, opens no gate with it.
func TestATeamOpensNoGateAndForgesNoEvidence(t *testing.T) {
	w := theWorld(t)
	for _, role := range []string{"edit", "admin"} {
		dev := w.developer(t, role, source, target)
		for _, test := range trespasses {
			t.Run(role+" "+test.name, func(t *testing.T) {
				NewWithT(t).Expect(test.try(t.Context(), dev)).To(Satisfy(apierrors.IsForbidden))
			})
		}
		for _, object := range everyKind("walkaround", target, w.unproven(t)) {
			t.Run(role+" cannot bring an unproven image by a "+reflect.TypeOf(object).Elem().Name(), func(t *testing.T) {
				NewWithT(t).Expect(attempt(t.Context(), dev, object)).To(MatchError(ContainSubstring("is not proven for " + target)))
			})
			t.Run(role+" cannot pass with the annotation for emergencies alone, by a "+reflect.TypeOf(object).Elem().Name(), func(t *testing.T) {
				excused := copied(object)
				excused.SetAnnotations(map[string]string{v1alpha1.AnnotationBypass: "an emergency"})
				NewWithT(t).Expect(attempt(t.Context(), dev, excused)).To(MatchError(ContainSubstring("is not proven for " + target)))
			})
		}
	}
}

type trespass struct {
	name string
	try  func(context.Context, client.Client) error
}

// trespasses are refused because the roles do not hold the right.
var trespasses = []trespass{
	{"may not change a gate", change(&v1alpha1.PromotionGate{ObjectMeta: in(target, "shop")}, `{"spec":{"maxLevel":"Warn"}}`)},
	{"may not decide for a gate", statusChange(&v1alpha1.PromotionGate{ObjectMeta: in(target, "shop")}, `{"status":{"level":"Observe"}}`)},
	{"may not delete a gate", deletion(&v1alpha1.PromotionGate{ObjectMeta: in(target, "shop")})},
	{"may not make a gate", creation(&v1alpha1.PromotionGate{ObjectMeta: in(target, "another"), Spec: v1alpha1.PromotionGateSpec{Source: v1alpha1.GateSource{Namespace: target}}})},
	{"may not write a report", creation(&v1alpha1.ReadinessReport{ObjectMeta: in(source, "deployment-forged")})},
	{"may not change a report", change(&v1alpha1.ReadinessReport{ObjectMeta: in(source, "deployment-shop")}, `{"metadata":{"labels":{"a":"b"}}}`)},
	{"may not change the evidence of a report", statusChange(&v1alpha1.ReadinessReport{ObjectMeta: in(source, "deployment-shop")}, `{"status":{"state":"Proven"}}`)},
	{"may not delete a report", deletion(&v1alpha1.ReadinessReport{ObjectMeta: in(target, "deployment-shop")})},
	{"may not write the ledger of the Namespace", change(&corev1.Namespace{ObjectMeta: in("", target)}, `{"metadata":{"annotations":{"deployment.ledger.rampart.dev/shop":"all"}}}`)},
	{"may not take the Namespace out of its environment", change(&corev1.Namespace{ObjectMeta: in("", target)}, `{"metadata":{"labels":{"environment":null}}}`)},
	{"may not ask for another gate by the label of the Namespace", change(&corev1.Namespace{ObjectMeta: in("", target)}, `{"metadata":{"labels":{"rampart.dev/promotes-from":"mine"}}}`)},
	{"may not write the Namespace through its status", statusChange(&corev1.Namespace{ObjectMeta: in("", target)}, `{"metadata":{"annotations":{"rampart.dev/joined":"x"}}}`)},
	{"may not change an environment", change(&v1alpha1.EnvironmentPolicy{ObjectMeta: in("", "production")}, `{"spec":{"suspend":"All"}}`)},
	{"may not make an environment", creation(&v1alpha1.EnvironmentPolicy{ObjectMeta: in("", "mine"), Spec: v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Production, NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}},
	}})},
	{"may not delete an environment", deletion(&v1alpha1.EnvironmentPolicy{ObjectMeta: in("", "production")})},
	{"may not change a guardrail", change(&v1alpha1.Guardrail{ObjectMeta: in("", "image-pinned")}, `{"spec":{"findings":"[]"}}`)},
	{"may not delete a guardrail", deletion(&v1alpha1.Guardrail{ObjectMeta: in("", "image-pinned")})},
	{"may not delete a native policy", deletion(&admissionv1.ValidatingAdmissionPolicy{ObjectMeta: in("", "rampart-production-enforce")})},
	{"may not delete the binding of a native policy", deletion(&admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: in("", "rampart-production-enforce")})},
	{"may not write the baseline of a workload", creation(&appsv1.ControllerRevision{ObjectMeta: in(target, "forged"), Revision: 1})},
	{"may not write how a pod behaves", statusChange(&corev1.Pod{ObjectMeta: in(source, "any")}, `{"status":{"phase":"Running"}}`)},
	{"may not give itself a right that it lacks", creation(&rbacv1.Role{ObjectMeta: in(target, "more"), Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{v1alpha1.Group}, Resources: []string{"promotiongates"}, Verbs: []string{"bypass"}},
	}})},
	{"may not bind itself to a role that holds more", creation(&rbacv1.RoleBinding{
		ObjectMeta: in(target, "more"),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "rampart-gate-bypass"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "dev-admin"}},
	})},
}

// unproven is the template of the service that runs in the target, which no guardrail
// refuses, with an image that has proven nothing.
func (w *world) unproven(t *testing.T) corev1.PodTemplateSpec {
	t.Helper()
	var running appsv1.Deployment
	NewWithT(t).Expect(w.admin.Get(t.Context(), client.ObjectKey{Namespace: target, Name: "shop"}, &running)).To(Succeed())
	template := *running.Spec.Template.DeepCopy()
	template.Labels = map[string]string{"app": "walkaround", "owner": "team-shop"}
	template.Spec.Containers[0].Image = "registry.example/shop:9.9.9"
	return template
}

func in(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func change(object client.Object, merge string) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		return c.Patch(ctx, copied(object), client.RawPatch(types.MergePatchType, []byte(merge)), client.DryRunAll)
	}
}

func statusChange(object client.Object, merge string) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		return c.Status().Patch(ctx, copied(object), client.RawPatch(types.MergePatchType, []byte(merge)), client.DryRunAll)
	}
}

func deletion(object client.Object) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		return c.Delete(ctx, copied(object), client.DryRunAll)
	}
}

// creation of the object.
func creation(object client.Object) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error { return attempt(ctx, c, object) }
}

func copied(object client.Object) client.Object { return object.DeepCopyObject().(client.Object) }
