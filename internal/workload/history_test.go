// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
)

// revisionOf is what the controller of a workload keeps of a template.
func revisionOf(kind, name, hash string, number int64, data string) *appsv1.ControllerRevision {
	return &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{appsv1.ControllerRevisionHashLabelKey: hash},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: "db", Controller: ptr.To(true)}},
		},
		Revision: number, Data: runtime.RawExtension{Raw: []byte(data)},
	}
}

func TestARevisionIsCalledAsItsPodsCallIt(t *testing.T) {
	g := NewWithT(t)
	g.Expect(HashOf(revisionOf("StatefulSet", "db-7c9", "", 1, "{}"))).To(Equal("db-7c9"))
	g.Expect(HashOf(revisionOf("DaemonSet", "db-7c9", "7c9", 1, "{}"))).To(Equal("7c9"))
	g.Expect(CurrentHash([]*appsv1.ControllerRevision{
		revisionOf("DaemonSet", "db-a", "a", 1, "{}"), revisionOf("DaemonSet", "db-b", "b", 3, "{}"), revisionOf("DaemonSet", "db-c", "c", 2, "{}"),
	})).To(Equal("b"), "the newest, in whatever order they come")
	g.Expect(CurrentHash(nil)).To(BeEmpty())
}

func TestATemplateIsReadAsItWasKept(t *testing.T) {
	const kept = `{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"labels":{"app":"db"}},` +
		`"spec":{"containers":[{"name":"main","image":"db:1"}]}}}}`
	g := NewWithT(t)
	template, held := TemplateIn(revisionOf("StatefulSet", "db-7c9", "", 1, kept))
	g.Expect(held).To(BeTrue())
	g.Expect(template.Labels).To(Equal(map[string]string{"app": "db"}))
	g.Expect(template.Spec.Containers).To(ConsistOf(HaveField("Image", "db:1")))

	for _, other := range []string{"", "null", "{}", `{"spec":{}}`, `{"spec":{"template":7}}`} {
		_, held := TemplateIn(revisionOf("StatefulSet", "db-7c9", "", 1, other))
		g.Expect(held).To(BeFalse(), other)
	}
}
