// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
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
	"github.com/rampart-dev/rampart/internal/testenv"
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
		for _, test := range walkarounds {
			t.Run(role+" "+test.name, func(t *testing.T) {
				g := NewWithT(t)
				g.Expect(test.try(t.Context(), dev)).To(MatchError(ContainSubstring("is not proven for " + target)))
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
	{"may not change a gate", patch(&v1alpha1.PromotionGate{ObjectMeta: in(target, "shop")}, `{"spec":{"maxLevel":"Warn"}}`)},
	{"may not decide for a gate", patchStatus(&v1alpha1.PromotionGate{ObjectMeta: in(target, "shop")}, `{"status":{"level":"Observe"}}`)},
	{"may not delete a gate", remove(&v1alpha1.PromotionGate{ObjectMeta: in(target, "shop")})},
	{"may not make a gate", make1(&v1alpha1.PromotionGate{ObjectMeta: in(target, "another"), Spec: v1alpha1.PromotionGateSpec{Source: v1alpha1.GateSource{Namespace: target}}})},
	{"may not write a report", make1(&v1alpha1.ReadinessReport{ObjectMeta: in(source, "deployment.forged")})},
	{"may not change a report", patch(&v1alpha1.ReadinessReport{ObjectMeta: in(source, "deployment.shop")}, `{"metadata":{"labels":{"a":"b"}}}`)},
	{"may not change the evidence of a report", patchStatus(&v1alpha1.ReadinessReport{ObjectMeta: in(source, "deployment.shop")}, `{"status":{"state":"Proven"}}`)},
	{"may not delete a report", remove(&v1alpha1.ReadinessReport{ObjectMeta: in(target, "deployment.shop")})},
	{"may not write the ledger of the Namespace", patch(&corev1.Namespace{ObjectMeta: in("", target)}, `{"metadata":{"annotations":{"deployment.ledger.rampart.dev/shop":"all"}}}`)},
	{"may not take the Namespace out of its environment", patch(&corev1.Namespace{ObjectMeta: in("", target)}, `{"metadata":{"labels":{"environment":null}}}`)},
	{"may not write the Namespace through its status", patchStatus(&corev1.Namespace{ObjectMeta: in("", target)}, `{"metadata":{"annotations":{"rampart.dev/joined":"x"}}}`)},
	{"may not change an environment", patch(&v1alpha1.EnvironmentPolicy{ObjectMeta: in("", "production")}, `{"spec":{"suspend":"All"}}`)},
	{"may not make an environment", make1(&v1alpha1.EnvironmentPolicy{ObjectMeta: in("", "mine"), Spec: v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Production, NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}},
	}})},
	{"may not delete an environment", remove(&v1alpha1.EnvironmentPolicy{ObjectMeta: in("", "production")})},
	{"may not change a guardrail", patch(&v1alpha1.Guardrail{ObjectMeta: in("", "image-pinned")}, `{"spec":{"findings":"[]"}}`)},
	{"may not delete a guardrail", remove(&v1alpha1.Guardrail{ObjectMeta: in("", "image-pinned")})},
	{"may not delete a native policy", remove(&admissionv1.ValidatingAdmissionPolicy{ObjectMeta: in("", "rampart-production-enforce")})},
	{"may not delete the binding of a native policy", remove(&admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: in("", "rampart-production-enforce")})},
	{"may not write the baseline of a workload", make1(&appsv1.ControllerRevision{ObjectMeta: in(target, "forged"), Revision: 1})},
	{"may not write how a pod behaves", patchStatus(&corev1.Pod{ObjectMeta: in(source, "any")}, `{"status":{"phase":"Running"}}`)},
	{"may not give itself a right that it lacks", make1(&rbacv1.Role{ObjectMeta: in(target, "more"), Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{v1alpha1.Group}, Resources: []string{"promotiongates"}, Verbs: []string{"bypass"}},
	}})},
	{"may not bind itself to a role that holds more", make1(&rbacv1.RoleBinding{
		ObjectMeta: in(target, "more"),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "rampart-gate-bypass"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "dev-admin"}},
	})},
}

// walkarounds are within the rights of the roles, and are refused by the gate.
var walkarounds = []trespass{
	{"cannot bring an unproven image by a Deployment", unproven(testenv.Deployment("shop", target))},
	{"cannot bring an unproven image under another name", unproven(testenv.Deployment("walkaround", target))},
	{"cannot bring an unproven image by a Pod", unproven(testenv.Pod("walkaround", target))},
	{"cannot bring an unproven image by a ReplicaSet", unproven(replicaSet())},
	{"cannot bring an unproven image by a ReplicationController", unproven(replicationController())},
	{"cannot bring an unproven image by a CronJob", unproven(cronJob("walkaround", target, testenv.Deployment("walkaround", target).Spec.Template))},
	{"cannot bring an unproven image by an ephemeral container", debugged},
	{"cannot pass by an annotation alone", unproven(annotated(testenv.Deployment("walkaround", target), v1alpha1.AnnotationBypass, "an emergency"))},
	{"cannot pass as what a controller made", unproven(controlled(replicaSet()))},
}

func in(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func patch(object client.Object, merge string) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		return c.Patch(ctx, copied(object), client.RawPatch(types.MergePatchType, []byte(merge)), client.DryRunAll)
	}
}

func patchStatus(object client.Object, merge string) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		return c.Status().Patch(ctx, copied(object), client.RawPatch(types.MergePatchType, []byte(merge)), client.DryRunAll)
	}
}

func remove(object client.Object) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		return c.Delete(ctx, copied(object), client.DryRunAll)
	}
}

// make1 tries to create the object.
func make1(object client.Object) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error { return attempt(ctx, c, object) }
}

// unproven tries to create a workload that no guardrail refuses, so that the gate must. If
// it exists, it tries to change it.
func unproven(object client.Object) func(context.Context, client.Client) error {
	return make1(object)
}

func copied(object client.Object) client.Object { return object.DeepCopyObject().(client.Object) }
