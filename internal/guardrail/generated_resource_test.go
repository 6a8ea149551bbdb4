// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/internal/workload"
)

// generatedResources make the kinds that the catalogue judges besides workloads. What they
// make breaks each of the rules about it now and then.
var generatedResources = []func(random *rand.Rand, meta metav1.ObjectMeta) workload.Object{
	generatedService, generatedIngress, generatedRole, generatedRoleBinding,
}

// changedResource is the new object as a change of a stored one.
func changedResource(stored, fresh workload.Object) workload.Object {
	fresh.SetResourceVersion(stored.GetResourceVersion())
	switch o := fresh.(type) {
	case *corev1.Service:
		o.Spec.ClusterIP, o.Spec.ClusterIPs = stored.(*corev1.Service).Spec.ClusterIP, stored.(*corev1.Service).Spec.ClusterIPs
	case *rbacv1.RoleBinding:
		o.RoleRef = stored.(*rbacv1.RoleBinding).RoleRef
	}
	return fresh
}

func generatedService(random *rand.Rand, meta metav1.ObjectMeta) workload.Object {
	s := &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
		Type: oneOf(random, "", corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer), Ports: []corev1.ServicePort{{Port: 80}},
		ExternalIPs: someOf(random, 0.2, "203.0.113.7", "203.0.113.8", "2001:db8::1"),
	}}
	if s.Spec.Type == corev1.ServiceTypeLoadBalancer {
		s.Spec.AllocateLoadBalancerNodePorts = oneOf(random, nil, new(bool), new(true))
	}
	return s
}

// someOf picks each with a likelihood from 0 to 1.
func someOf[T any](random *rand.Rand, likely float64, all ...T) []T {
	var some []T
	for _, one := range all {
		if random.Float64() < likely {
			some = append(some, one)
		}
	}
	return some
}

func generatedIngress(random *rand.Rand, meta metav1.ObjectMeta) workload.Object {
	backend := networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "shop", Port: networkingv1.ServiceBackendPort{Number: 80}}}
	path := func(path string) networkingv1.HTTPIngressPath {
		return networkingv1.HTTPIngressPath{Path: path, PathType: new(networkingv1.PathTypePrefix), Backend: backend}
	}
	i := &networkingv1.Ingress{ObjectMeta: meta, Spec: networkingv1.IngressSpec{DefaultBackend: &backend}}
	for _, host := range someOf(random, 0.3, "", "example.com", "shop.example.com", "a.shop.example.com", "*.example.com", "shop.example.org") {
		rule := networkingv1.IngressRule{Host: host}
		if paths := someOf(random, 0.4, path("/"), path("/.well-known/acme-challenge/token")); len(paths) > 0 {
			rule.HTTP = &networkingv1.HTTPIngressRuleValue{Paths: paths}
		}
		i.Spec.Rules = append(i.Spec.Rules, rule)
	}
	for _, host := range someOf(random, 0.5, "example.com", "*.example.com", "shop.example.com") {
		i.Spec.TLS = append(i.Spec.TLS, networkingv1.IngressTLS{Hosts: []string{host}, SecretName: "certificate"})
	}
	if random.IntN(8) == 0 {
		i.Spec.TLS = append(i.Spec.TLS, networkingv1.IngressTLS{SecretName: "certificate"})
	}
	if random.IntN(8) == 0 {
		i.Annotations = map[string]string{"alb.ingress.kubernetes.io/certificate-arn": oneOf(random, "", "arn:aws:acm:example")}
	}
	return i
}

func generatedRole(random *rand.Rand, meta metav1.ObjectMeta) workload.Object {
	r := &rbacv1.Role{ObjectMeta: meta}
	for _, group := range someOf(random, 0.5, "", "apps", "*") {
		r.Rules = append(r.Rules, rbacv1.PolicyRule{
			APIGroups: []string{group},
			Resources: append(someOf(random, 0.2, "*"), oneOf(random, "pods", "*/scale", "deployments/scale")),
			Verbs:     append(someOf(random, 0.2, "*"), "get", "list"),
		})
	}
	return r
}

func generatedRoleBinding(random *rand.Rand, meta metav1.ObjectMeta) workload.Object {
	const group = rbacv1.GroupName
	return &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: group, Kind: oneOf(random, "Role", "ClusterRole", "ClusterRole"), Name: oneOf(random, "edit", "cluster-admin")},
		Subjects: someOf(random, 0.2,
			rbacv1.Subject{Kind: "ServiceAccount", Name: "shop", Namespace: meta.Namespace},
			rbacv1.Subject{Kind: "ServiceAccount", Name: "shop", Namespace: "billing"},
			rbacv1.Subject{Kind: "User", APIGroup: group, Name: "jane@example.com"},
			rbacv1.Subject{Kind: "User", APIGroup: group, Name: "system:anonymous"},
			rbacv1.Subject{Kind: "User", APIGroup: group, Name: "system:serviceaccount:" + meta.Namespace + ":shop"},
			rbacv1.Subject{Kind: "User", APIGroup: group, Name: "system:serviceaccount:billing:shop"},
			rbacv1.Subject{Kind: "Group", APIGroup: group, Name: "shop-team"},
			rbacv1.Subject{Kind: "Group", APIGroup: group, Name: "system:serviceaccounts"},
			rbacv1.Subject{Kind: "Group", APIGroup: group, Name: "system:serviceaccounts:" + meta.Namespace},
			rbacv1.Subject{Kind: "Group", APIGroup: group, Name: "system:serviceaccounts:billing"},
		),
	}
}
