// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/internal/testenv"
)

func TestAnAPIServerThatRestartsKeepsItsObjectsAndItsAddress(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	own := testenv.ForSuite(t, testenv.Options{})
	c, err := client.New(own.Config, client.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	// Nobody makes service accounts here, and Pods can be created all the same.
	g.Expect(c.Create(t.Context(), testenv.Pod("shop", "default"))).To(Succeed())

	g.Expect(own.StopAPIServer()).To(Succeed())
	g.Expect(c.Get(t.Context(), types.NamespacedName{Namespace: "default", Name: "shop"}, &corev1.Pod{})).NotTo(Succeed())
	g.Expect(own.StartAPIServer(t.Context())).To(Succeed())
	g.Expect(c.Get(t.Context(), types.NamespacedName{Namespace: "default", Name: "shop"}, &corev1.Pod{})).To(Succeed())
}

func TestKubeconfigsCallTheClusterByItsName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*testenv.Cluster{
		"rampart": cluster,
		"staging": testenv.ForSuite(t, testenv.Options{Name: "staging"}),
	} {
		g := NewWithT(t)
		config, err := clientcmd.LoadFromFile(c.Kubeconfig)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(config.CurrentContext).To(Equal(name))
		g.Expect(config.Contexts).To(HaveKeyWithValue(name, And(HaveField("Cluster", name), HaveField("AuthInfo", name))))
		g.Expect(config.Clusters).To(HaveKey(name))
		g.Expect(config.AuthInfos).To(HaveKey(name))
	}
}

func TestStopLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	own, err := testenv.StartControlPlane(t.Context(), testenv.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	folder := filepath.Dir(own.Logs)
	g.Expect(folder).To(BeADirectory())
	g.Expect(own.Stop()).To(Succeed())

	g.Expect(folder).NotTo(BeAnExistingFile())
	g.Expect(processesWith(t, folder)).To(BeEmpty())
	g.Expect(own.Stop()).To(Succeed(), "a second Stop")
}

func TestAClusterThatCannotStartSaysWhyAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	folder := t.TempDir()
	_, err := testenv.StartControlPlane(t.Context(), testenv.Options{Dir: folder, APIServerArgs: []string{"--no-such-flag"}})

	g.Expect(err).To(MatchError(And(ContainSubstring("kube-apiserver ended"), ContainSubstring("unknown flag: --no-such-flag"))))
	g.Expect(processesWith(t, folder)).To(BeEmpty())
}

func TestAServiceAccountHasItsOwnNameAndNoRightsButItsOwn(t *testing.T) {
	t.Parallel()
	g, admin := NewWithT(t), newClient(t)
	account := types.NamespacedName{Namespace: newNamespace(t, admin), Name: "default"}

	config, err := cluster.ConfigFor(t.Context(), account)
	g.Expect(err).NotTo(HaveOccurred())
	c, err := client.New(config, client.Options{})
	g.Expect(err).NotTo(HaveOccurred())

	review := &authenticationv1.SelfSubjectReview{}
	g.Expect(c.Create(t.Context(), review)).To(Succeed())
	g.Expect(review.Status.UserInfo.Username).To(Equal("system:serviceaccount:" + account.Namespace + ":default"))
	g.Expect(c.List(t.Context(), &corev1.SecretList{})).To(Satisfy(apierrors.IsForbidden))

	_, err = cluster.KubeconfigFor(t.Context(), types.NamespacedName{Namespace: account.Namespace, Name: "nobody"})
	g.Expect(err).To(MatchError(ContainSubstring("/nobody")))
}

// Guardrails exempt what built-in controllers make, by the names of their users: a cluster
// whose controllers share one account would prove nothing about that.
func TestBuiltInControllersActUnderTheirOwnNames(t *testing.T) {
	t.Parallel()
	g, c := NewWithT(t), newClient(t)
	namespace := newNamespace(t, c)
	onlyTheDeploymentController(t, c, namespace)
	deployment := testenv.Deployment("shop", namespace)

	g.Eventually(func() error {
		return c.Create(t.Context(), replicaSetOf(deployment), client.DryRunAll)
	}).Should(MatchError(ContainSubstring("only the deployment controller")), "the policy is live")
	g.Expect(c.Create(t.Context(), deployment)).To(Succeed())
	g.Eventually(func(g Gomega) {
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(deployment), deployment)).To(Succeed())
		g.Expect(deployment.Status.AvailableReplicas).To(BeEquivalentTo(1))
	}).Should(Succeed())
}

// onlyTheDeploymentController refuses the ReplicaSets that anybody else makes in a namespace.
func onlyTheDeploymentController(t *testing.T, c client.Client, namespace string) {
	t.Helper()
	g := NewWithT(t)
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create},
					Rule: admissionv1.Rule{
						APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"replicasets"},
					},
				},
			}}},
			Validations: []admissionv1.Validation{{
				Expression: `request.userInfo.username == "system:serviceaccount:kube-system:deployment-controller"`,
				Message:    "only the deployment controller may do this",
			}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        namespace,
			ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{corev1.LabelMetadataName: namespace},
			}},
		},
	}
	g.Expect(c.Create(t.Context(), policy)).To(Succeed())
	g.Expect(c.Create(t.Context(), binding)).To(Succeed())
}

// processesWith lists the command lines of the running processes that name the folder.
// Where the system has no /proc the list is empty.
func processesWith(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	var found []string
	for _, file := range files {
		command, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(command), folder) {
			found = append(found, strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return found
}

var counter atomic.Int64

// uniqueNumber makes the names of objects that share a namespace differ.
func uniqueNumber() string { return strconv.FormatInt(counter.Add(1), 10) }
