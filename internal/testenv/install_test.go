// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/internal/testenv"
)

func TestTheInstallationIsAcceptedAndItsPodRuns(t *testing.T) {
	t.Parallel()
	g, c := NewWithT(t), newClient(t)
	output, err := makeDeploy(t, "IMG=registry.example/rampart:dev")
	g.Expect(err).NotTo(HaveOccurred(), output)

	// Its namespace enforces the restricted pod security standard.
	operator := &appsv1.Deployment{}
	g.Expect(c.Get(t.Context(), testenv.OperatorAccount, operator)).To(Succeed())
	g.Expect(operator.Status.ReadyReplicas).To(BeEquivalentTo(1), "make deploy waits for it")
	g.Expect(operator.Spec.Template.Spec.Containers).To(ConsistOf(HaveField("Image", "registry.example/rampart:dev")))
}

func TestNothingIsInstalledWithoutAnImage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"IMG="}} {
		g := NewWithT(t)
		output, err := makeDeploy(t, append(args, "KUBECTL=touched")...)
		g.Expect(err).To(HaveOccurred())
		g.Expect(output).To(And(ContainSubstring("make deploy IMG="), Not(ContainSubstring("touched"))))
	}
}

// makeDeploy runs `make deploy` on the cluster, with nothing from an outer make.
func makeDeploy(t *testing.T, args ...string) (string, error) {
	t.Helper()
	kubectl := "KUBECTL=" + cluster.Kubectl + " --kubeconfig=" + cluster.Kubeconfig
	command := exec.CommandContext(t.Context(), "make", append([]string{"deploy", kubectl}, args...)...)
	command.Dir = filepath.Join("..", "..")
	command.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "MAKEFLAGS=") || strings.HasPrefix(variable, "IMG=")
	})
	output, err := command.CombinedOutput()
	return string(output), err
}

// DESIGN's invariant: a team can open no gate and forge no evidence.
func TestATeamReadsItsGatesAndReportsButWritesNone(t *testing.T) {
	t.Parallel()
	g, c := NewWithT(t), newClient(t)
	_, err := cluster.RunKubectl(t.Context(), "apply", "--server-side", "-k", "config/rbac")
	g.Expect(err).NotTo(HaveOccurred())
	namespace := newNamespace(t, c)

	for _, role := range []string{"view", "edit", "admin"} {
		user := role + "-of-" + namespace
		g.Expect(c.Create(t.Context(), roleBinding(namespace, role, user))).To(Succeed())
		allowed := func(verb, group, resource, subresource string) bool {
			t.Helper()
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: user,
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: namespace, Verb: verb, Group: group, Resource: resource, Subresource: subresource,
				},
			}}
			g.Expect(c.Create(t.Context(), review)).To(Succeed())
			return review.Status.Allowed
		}

		for _, resource := range []string{"promotiongates", "readinessreports"} {
			for _, verb := range []string{"get", "list", "watch"} {
				g.Eventually(allowed).WithArguments(verb, "rampart.dev", resource, "").
					Should(BeTrue(), "%s may %s %s", role, verb, resource)
			}
			for _, verb := range []string{"create", "update", "patch", "delete", "deletecollection", "bypass"} {
				g.Expect(allowed(verb, "rampart.dev", resource, "")).To(BeFalse(), "%s may not %s %s", role, verb, resource)
			}
			for _, verb := range []string{"update", "patch"} {
				g.Expect(allowed(verb, "rampart.dev", resource, "status")).To(BeFalse(), "%s may not %s the status of %s", role, verb, resource)
			}
		}
		g.Expect(allowed("patch", "", "namespaces", "")).To(BeFalse(), "%s may not write the namespace, whose annotations are the ledger", role)
	}
}

// roleBinding gives a user one of the built-in roles in a namespace.
func roleBinding(namespace, role, user string) client.Object {
	binding := &rbacv1.RoleBinding{
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
	binding.Namespace, binding.Name = namespace, user
	return binding
}
