// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/rampart-dev/rampart/internal/workload"
)

func TestAnObjectsReportIsNamedAfterIt(t *testing.T) {
	for _, test := range []struct {
		group, kind, name string
		want              string
	}{
		{"", "Service", "shop", "service.shop"},
		{"rbac.authorization.k8s.io", "RoleBinding", "readers", "rolebinding.readers"},
		{"networking.k8s.io", "Ingress", "shop.example", "ingress.shop.example"},
	} {
		NewWithT(t).Expect(workload.ObjectReportName(test.group, test.kind, test.name)).To(Equal(test.want))
	}
}

func TestNoTwoObjectsShareAReport(t *testing.T) {
	g := NewWithT(t)
	type object struct{ group, kind, name string }
	names := map[string]object{}
	objects := []object{
		{"", "Service", "web"}, {"serving.knative.dev", "Service", "web"}, {"other.example", "Service", "web"},
		{"rbac.authorization.k8s.io", "Role", "a:b"}, {"rbac.authorization.k8s.io", "Role", "a-b"},
		{"rbac.authorization.k8s.io", "Role", "A-b"}, {"rbac.authorization.k8s.io", "Role", "a..b"}, {"rbac.authorization.k8s.io", "Role", ":"},
		{"", "ConfigMap", strings.Repeat("a", 253)}, {"", "ConfigMap", strings.Repeat("a", 252) + "b"},
		{"apps.example.com", "Deployment", "web"}, {"", "Service", "a.b"}, {"", "Service", "a-b"},
	}
	mended := workload.ObjectReportName("rbac.authorization.k8s.io", "Role", "a:b")
	objects = append(objects, object{"rbac.authorization.k8s.io", "Role", strings.TrimPrefix(mended, "role-")})
	for _, o := range objects {
		name := workload.ObjectReportName(o.group, o.kind, o.name)
		g.Expect(names).NotTo(HaveKey(name), "%v", o)
		names[name] = o
		g.Expect(validation.IsDNS1123Subdomain(name)).To(BeEmpty(), "%v: %s", o, name)
	}
	for _, kind := range workload.Kinds() {
		for _, name := range []string{"web", "a.b", "web.a"} {
			g.Expect(names).NotTo(HaveKey(workload.ReportName(kind, name)))
		}
	}
}
