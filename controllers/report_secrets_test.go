// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
)

// liveSecrets plays a cache of Secrets by asking the API server, as somebody who may.
type liveSecrets struct{ cache.Cache }

func (liveSecrets) Get(ctx context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	return admin.Get(ctx, key, object)
}

func watchingSecrets(spec *v1alpha1.EnvironmentPolicySpec) {
	spec.Drift = &v1alpha1.DriftPolicy{Mode: v1alpha1.DriftReport, Secrets: v1alpha1.SecretsWatch}
}

// secret has a password.
func (w *world) secret(name, password string) {
	GinkgoHelper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}, StringData: map[string]string{"password": password}}
	if client.IgnoreAlreadyExists(admin.Create(ctx, secret.DeepCopy())) == nil {
		Expect(admin.Update(ctx, secret)).To(Succeed())
	}
}

func passwordFrom(name string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "PASSWORD", ValueFrom: &corev1.EnvVarSource{
			SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: "password"},
		}}}
	}
}

// configurationFromSecrets is what the report of the Deployment shop records.
func (w *world) configurationFromSecrets(g Gomega) []v1alpha1.ConfigurationSource {
	var report v1alpha1.ReadinessReport
	g.Expect(admin.Get(ctx, w.reportKey("shop"), &report)).To(Succeed())
	return report.Status.Configuration
}

var _ = Describe("Secrets that are written under running pods", func() {
	rotated := func(edit ...func(*v1alpha1.EnvironmentPolicySpec)) *world {
		w := newWorld(v1alpha1.Staging, edit...)
		w.joined("empty")
		w.secret("account", "hunter2")
		w.nextSecond()
		w.running("shop", passwordFrom("account"))
		w.look("shop")
		w.later(2 * time.Second)
		w.secret("account", "*******")
		w.look("shop")
		w.later(time.Minute)
		w.look("shop")
		return w
	}

	It("are told of where the environment watches them, and of no value", func() {
		w := rotated(watchingSecrets)
		Expect(w.configurationDrift("shop")).To(And(HavePrefix("Secret account was written at"), ContainSubstring("(key password)"),
			ContainSubstring(w.podsOf("shop")[0].Name), HaveSuffix("restart the rollout, unless the values are the same")))
		Expect(w.report("shop").Status.Revision.Number).To(BeEquivalentTo(1), "a Secret is no part of a revision")

		By("being unreadable for a while, which loses nothing")
		known := w.report("shop").Status.Configuration
		Expect(known).To(ConsistOf(And(HaveField("Kind", v1alpha1.ConfigurationFromSecret), HaveField("Versions", HaveLen(2)))))
		w.reports.Kinds = controllers.NewKinds()
		w.look("shop")
		Expect(w.report("shop").Status.Configuration).To(Equal(known))
		Expect(w.configurationDrift("shop")).To(HavePrefix("Secret account was written at"))
		w.reports.Kinds = nil

		By("the pods that start again")
		w.restartRollout("shop")
		w.look("shop")
		Expect(w.configurationDrift("shop")).To(BeEmpty())
	})

	It("are not told of when nothing says that they were written", func() {
		w := rotated(watchingSecrets)
		known := w.report("shop").Status.Configuration
		Expect(admin.Patch(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "account"}},
			client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"managedFields":[{}]}}`)))).To(Succeed())
		w.look("shop")
		Expect(w.report("shop").Status.Configuration).To(Equal(known))
	})

	It("are not looked at elsewhere", func() {
		w := rotated()
		Expect(w.configurationDrift("shop")).To(BeEmpty())
		Expect(w.report("shop").Status.Configuration).To(BeEmpty())
	})

	It("are watched while an environment asks for it and the operator may, and the policy says what is missing", func() {
		w := newKindWorld()
		w.served = []metav1.APIResource{{Name: "secrets", Kind: "Secret", Namespaced: true, Verbs: []string{"get", "list", "watch"}}}
		environments := w.environments()
		environments.Kinds = w.kinds
		pass := func() (ctrl.Result, metav1.Condition) {
			result, err := w.loop.Reconcile(ctx, ctrl.Request{})
			Expect(err).NotTo(HaveOccurred())
			w.reconcileEnvironment(environments)
			return result, w.ready()
		}
		pass()
		Expect(w.secrets.watched).To(BeEmpty())
		Expect(w.asked).To(BeZero(), "nobody asks for them")

		Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.policy), w.policy)).To(Succeed())
		watchingSecrets(&w.policy.Spec)
		Expect(admin.Update(ctx, w.policy)).To(Succeed())
		result, ready := pass()
		Expect(w.secrets.watched).To(BeEmpty())
		Expect(ready).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonPermissionDenied), HaveField("Message", And(
			HavePrefix("spec.drift.secrets is Watch, and the operator may not list secrets"), ContainSubstring("kubectl apply -k config/secret-watcher"), ContainSubstring("read all Secrets")))))

		By("the right that comes")
		w.allowed = true
		w.later(result.RequeueAfter)
		result, ready = pass()
		Expect(w.secrets.watched).To(HaveKey(corev1.SchemeGroupVersion.WithKind("Secret")))
		Expect(w.watched).To(BeEmpty(), "the operator's own Secrets are in another cache")
		Expect(ready.Status).To(Equal(metav1.ConditionTrue))
		Expect(result.RequeueAfter).To(Equal(time.Minute))

		By("an API server that does not say what it serves, which ends no watch")
		w.later(result.RequeueAfter)
		w.unavailable = apierrors.NewServiceUnavailable("overloaded")
		result, ready = pass()
		Expect(w.secrets.watched).NotTo(BeEmpty())
		Expect(ready.Status).To(Equal(metav1.ConditionTrue))
		Expect(result.RequeueAfter).To(Equal(time.Minute))
		w.unavailable = nil

		By("an authorizer that does not answer, which ends none either")
		w.later(result.RequeueAfter)
		w.undecided = "webhook unavailable"
		result, ready = pass()
		Expect(w.secrets.watched).NotTo(BeEmpty())
		Expect(ready.Status).To(Equal(metav1.ConditionTrue))
		w.undecided = ""

		By("the right that is taken back")
		w.allowed = false
		w.later(result.RequeueAfter)
		_, ready = pass()
		Expect(w.secrets.watched).To(BeEmpty())
		Expect(ready.Reason).To(Equal(v1alpha1.ReasonPermissionDenied))
	})
})

// overSecrets are the specs of the running operator about Secrets.
func overSecrets() {
	It("watches Secrets once it may, and sees that one is written", func() {
		w := newWorld(v1alpha1.Staging, watchingSecrets)
		w.secret("account", "hunter2")
		w.nextSecond()
		w.deploy("shop", passwordFrom("account"))
		w.rollOut("shop")
		ready := func(g Gomega) metav1.Condition {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.policy), w.policy)).To(Succeed())
			return w.ready()
		}
		Eventually(ready).Should(HaveField("Reason", v1alpha1.ReasonPermissionDenied))

		By("the right, as the aggregation of ClusterRoles would bring it")
		_, err := cluster.RunKubectl(ctx, "apply", "-k", "config/secret-watcher")
		Expect(err).NotTo(HaveOccurred())
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: w.namespace + "-secrets"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "rampart-secret-watcher"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: operatorUser}},
		}
		Expect(admin.Create(ctx, binding)).To(Succeed())
		DeferCleanup(func() { Expect(admin.Delete(ctx, binding)).To(Succeed()) })
		Eventually(w.configurationFromSecrets).Should(ConsistOf(And(HaveField("Kind", v1alpha1.ConfigurationFromSecret),
			HaveField("Name", "account"), HaveField("Versions", ConsistOf(HaveField("Keys", ConsistOf(HavePrefix("password="))))))))
		Eventually(ready).Should(HaveField("Status", metav1.ConditionTrue))

		By("a password that is rotated by server-side apply, which owns stringData")
		Expect(admin.Apply(ctx, corev1ac.Secret("account", w.namespace).WithStringData(map[string]string{"password": "*******"}),
			client.FieldOwner("tool"), client.ForceOwnership)).To(Succeed())
		Eventually(w.configurationFromSecrets).Should(ConsistOf(HaveField("Versions", HaveLen(2))))
	})
}
