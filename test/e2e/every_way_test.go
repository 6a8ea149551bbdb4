// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	gomegatypes "github.com/onsi/gomega/types"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// What is enforced is enforced on every way to a pod, whoever takes it and whatever they
// may write, and the refusal says by which guardrail.
func TestEveryWayToAPodIsGuarded(t *testing.T) {
	w := theWorld(t)
	namespace, elsewhere := w.namespace(t), w.namespace(t)
	dev := w.developer(t, "edit", namespace)
	w.create(t, dev, everyKind(old, namespace, template(old, unpinnedImage)))
	w.enforce(t, namespace)
	w.create(t, dev, everyKind(standing, namespace, template(standing)))
	almighty := w.developer(t, "cluster-admin", namespace)

	people := []struct {
		name   string
		client client.Client
		// lacks are the resources that their role does not let them write.
		lacks []string
	}{
		{"somebody with the role edit", dev, []string{"pods/ephemeralcontainers", "pods/resize", controllerRevisions}},
		{"somebody with every right in the namespace", almighty, nil},
		{"the administrator of the cluster", w.admin, nil},
		{"somebody whose client speaks protobuf", w.protobuf(t), nil},
		{"a foreign controller", w.controller(t, namespace, elsewhere, "rollouts"), nil},
		{"a foreign controller among those of the system", w.controller(t, namespace, metav1.NamespaceSystem, "rollouts"), nil},
		{"a foreign controller that is named like one of the system's", w.controller(t, namespace, elsewhere, "replicaset-controller"), nil},
		{"an account of the team's that is named like a controller of the system's", w.controller(t, namespace, namespace, "deployment-controller"), nil},
	}
	t.Run("on none slips past", func(t *testing.T) {
		for _, person := range people {
			t.Run(person.name, func(t *testing.T) {
				t.Parallel()
				for _, way := range waysIn(namespace) {
					refused := way.refusal()
					if slices.Contains(person.lacks, way.resource) {
						refused = Satisfy(apierrors.IsForbidden)
					}
					NewWithT(t).Expect(way.try(t.Context(), person.client)).To(refused, way.name)
				}
			})
		}
	})
	t.Run("built-in controllers take their steps, and no others", func(t *testing.T) {
		NewWithT(t).Expect(w.unjudged(t, namespace)).To(ConsistOf(
			"deployment-controller makes ReplicaSets", "cronjob-controller makes Jobs",
			"replicaset-controller makes Pods", "replication-controller makes Pods", "statefulset-controller makes Pods",
			"daemon-set-controller makes Pods", "job-controller makes Pods",
			"statefulset-controller makes ControllerRevisions", "daemon-set-controller makes ControllerRevisions",
		))
	})
	t.Run("by what is inert nothing comes into being", func(t *testing.T) {
		for _, write := range inertWrites(namespace) {
			g := NewWithT(t)
			before, after := copied(write.object), copied(write.object)
			g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(before), before)).To(Succeed())
			// Some are refused, and some are admitted and do nothing.
			err := write.try(t.Context(), almighty)
			g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(after), after)).To(Succeed())
			g.Expect(podSpec(after)).To(Equal(podSpec(before)), "%s: %v", write.name, err)
		}
		templates := &corev1.PodTemplate{ObjectMeta: in(namespace, arriving), Template: template(arriving, unpinnedImage)}
		NewWithT(t).Expect(almighty.Create(t.Context(), templates)).To(Succeed())
	})
	t.Run("what complies, and what holds no pod template, may be kept in a ControllerRevision", func(t *testing.T) {
		other := revision(arriving, namespace, template(arriving))
		other.Data.Raw = []byte(`{"spec":{"template":{"spec":{"domain":{"cpu":{"cores":7}}}}}}`)
		for _, object := range []client.Object{revision(arriving, namespace, template(arriving)), other} {
			NewWithT(t).Expect(attempt(t.Context(), almighty, object)).To(Succeed())
		}
	})

	var pods corev1.PodList
	g := NewWithT(t)
	g.Expect(w.admin.List(t.Context(), &pods, client.InNamespace(namespace))).To(Succeed())
	g.Expect(pods.Items).To(ConsistOf(HaveField("Name", standing), HaveField("Name", old)), "nobody has brought a pod")
}

// refusal is what the error of trying says.
func (way way) refusal() gomegatypes.GomegaMatcher {
	if len(way.refusedBy) == 0 {
		return Satisfy(apierrors.IsInvalid)
	}
	all := []gomegatypes.GomegaMatcher{Satisfy(apierrors.IsForbidden), MatchError(ContainSubstring("denied request: "))}
	for _, guardrail := range way.refusedBy {
		all = append(all, MatchError(ContainSubstring(guardrail)))
	}
	return And(all...)
}

// oddCPU is a guardrail of these tests, because a resize can violate none of the catalogue.
var oddCPU = &v1alpha1.Guardrail{
	ObjectMeta: metav1.ObjectMeta{Name: "odd-cpu"},
	Spec: v1alpha1.GuardrailSpec{
		Title: "No container requests 7 CPUs", Category: "Resources", Severity: v1alpha1.Low,
		Findings: `variables.containers.filter(c, c.?resources.?requests[?'cpu'].orValue('') == '7').map(c,
			{'key': 'container/' + c.name + '/cpu', 'text': 'container ' + c.name + ' requests 7 CPUs'})`,
	},
}

// enforce declares that the namespace is a production environment where the guardrails
// that the ways in violate are enforced, everywhere and from the start, and returns when
// they are.
func (w *world) enforce(t *testing.T, namespace string) {
	t.Helper()
	g := NewWithT(t)
	rule := oddCPU.DeepCopy()
	g.Expect(w.admin.Create(t.Context(), rule)).To(Succeed())
	w.removeLater(t, rule)
	var entries []v1alpha1.GuardrailEntry
	for _, name := range []string{"image-pinned", "no-privileged", oddCPU.Name} {
		entries = append(entries, only(name, v1alpha1.Enforce)...)
	}
	w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Production, Guardrails: entries, Progression: settled,
	})
	g.Eventually(func(g Gomega) {
		violator := testenv.Pod("violator", namespace, testenv.Image(unpinned))
		violator.Spec.Containers[0].Resources.Requests = sevenCPUs
		g.Expect(attempt(t.Context(), w.admin, violator)).To(MatchError(And(ContainSubstring("image-pinned"), ContainSubstring(oddCPU.Name))))
	}).Should(Succeed())
}

// settled is a progression in which each level is at once what it will be.
var settled = &v1alpha1.Progression{Mode: v1alpha1.ProgressionHold, Rings: v1alpha1.RingsOff}

// create makes the objects, idle: they are there to be changed.
func (w *world) create(t *testing.T, as client.Client, objects []client.Object) {
	t.Helper()
	for _, object := range objects {
		// The account that its pods run as may not be there yet.
		NewWithT(t).Eventually(func() error { return as.Create(t.Context(), idle(copied(object))) }).Should(Succeed(), kindOf(object).Kind)
	}
}

// controller is the account of a controller that somebody has installed, with every right
// in the namespace.
func (w *world) controller(t *testing.T, namespace, home, name string) *person {
	t.Helper()
	g := NewWithT(t)
	account := &corev1.ServiceAccount{ObjectMeta: in(home, name)}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: home + "-" + name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: home, Name: name}},
	}
	for _, object := range []client.Object{account, binding} {
		g.Expect(w.admin.Create(t.Context(), object)).To(Succeed())
		w.removeLater(t, object)
	}
	config, err := w.cluster.ConfigFor(t.Context(), client.ObjectKeyFromObject(account))
	g.Expect(err).NotTo(HaveOccurred())
	return w.person(t, config)
}

// protobuf is the administrator, who sends what controllers and kubelets send.
func (w *world) protobuf(t *testing.T) *person {
	t.Helper()
	config := rest.CopyConfig(w.cluster.Config)
	config.ContentType = runtime.ContentTypeProtobuf
	return w.person(t, config)
}

// unjudged says which accounts of the system, if they had every right, make what violates.
func (w *world) unjudged(t *testing.T, namespace string) []string {
	t.Helper()
	g := NewWithT(t)
	var accounts corev1.ServiceAccountList
	g.Expect(w.admin.List(t.Context(), &accounts, client.InNamespace(metav1.NamespaceSystem))).To(Succeed())
	g.Expect(len(accounts.Items)).To(BeNumerically(">", 30), "the controllers run under accounts of their own")
	var all []string
	for _, account := range accounts.Items {
		config := rest.CopyConfig(w.cluster.Config)
		config.Impersonate = rest.ImpersonationConfig{
			UserName: "system:serviceaccount:" + metav1.NamespaceSystem + ":" + account.Name, Groups: []string{user.SystemPrivilegedGroup},
		}
		controller := w.person(t, config)
		violators := everyKind(arriving, namespace, template(arriving, unpinnedImage))
		for _, object := range append(violators, revision(arriving, namespace, template(arriving, unpinnedImage))) {
			if err := attempt(t.Context(), controller, object); err != nil {
				g.Expect(err).To(MatchError(ContainSubstring("image-pinned")), account.Name)
				continue
			}
			all = append(all, account.Name+" makes "+kindOf(object).Kind+"s")
			for _, way := range subresourceChanges(namespace) { // To make a pod is no right to change one.
				g.Expect(way.try(t.Context(), controller)).To(way.refusal(), account.Name+" "+way.name)
			}
		}
	}
	return all
}
