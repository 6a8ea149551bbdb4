// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/testenv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestABaselineIsReadBackAsItWasKept(t *testing.T) {
	g, k := NewWithT(t), as(t, "admin")
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "baseline-"}}
	g.Expect(k.Create(t.Context(), namespace)).To(Succeed())
	shop := testenv.Deployment("shop", namespace.Name)
	g.Expect(k.Create(t.Context(), shop)).To(Succeed())
	owner := drift.Owner{APIVersion: "apps/v1", Kind: v1alpha1.KindDeployment, Namespace: shop.Namespace, Name: shop.Name, UID: shop.UID}
	baseline := drift.Baseline{
		Sequence: 3, Spec: spec(t, 3, "shop:1"), Generation: 7, Verified: true, Stable: true, Seen: spec(t, 3, "evil"),
		Open: []drift.OpenLeaf{{Path: "spec.x", Origin: drift.OriginUntrusted, By: "alice", Since: noon.Add(time.Millisecond)}},
	}
	object, err := drift.BaselineObject(owner, baseline)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(k.Create(t.Context(), object)).To(Succeed())

	list := &appsv1.ControllerRevisionList{}
	g.Expect(k.List(t.Context(), list, client.InNamespace(namespace.Name), client.MatchingLabels(drift.BaselineLabels(owner)))).To(Succeed())
	g.Expect(list.Items).To(HaveLen(1))
	read, err := drift.ReadBaseline(&list.Items[0])
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*read).To(Equal(baseline))
	g.Expect(list.Items[0].Revision).To(Equal(int64(3)))
	g.Expect(metav1.GetControllerOf(object)).To(BeNil(), "no controller adopts it")
	g.Expect(object.Labels).NotTo(HaveKey("app"), "the workload's labels would let the StatefulSet controller adopt it")
}

func TestABrokenBaselineIsAnError(t *testing.T) {
	for _, data := range []string{"", "{", "{}", `{"sequence":1}`, `{"spec":{}}`} {
		object := &appsv1.ControllerRevision{}
		object.Data.Raw = []byte(data)
		_, err := drift.ReadBaseline(object)
		NewWithT(t).Expect(err).To(HaveOccurred(), data)
	}
}

// A team may write a spec of up to 1.5 MiB; a baseline holds it twice while it has drifted.
func TestABaselineThatIsTooLargeLeadsToNothing(t *testing.T) {
	g := NewWithT(t)
	in := looking(t)
	in.Spec, in.Baseline = spec(t, 3, strings.Repeat("x", 1<<20)), nil
	adopted := drift.Judge(in, noon)
	_, err := drift.BaselineObject(drift.Owner{}, *adopted.Next)
	g.Expect(err).To(MatchError("its spec is too large for a baseline of what trusted writers wrote (1024 KiB, and 1024 are the most)"))
	unseen := adopted.WithoutBaseline(err)
	g.Expect(unseen).To(Equal(drift.Judgement{Verdict: drift.VerdictNone, Unseen: true, Message: "drift cannot be seen: " + err.Error()}))

	in = handEdit(t)
	in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, strings.Repeat("x", 1<<20)), 3, "1:argocd,2:alice,3:alice"
	drifted := drift.Judge(in, noon)
	g.Expect(drifted.Differences).NotTo(BeEmpty())
	seen := drifted.WithoutBaseline(err)
	g.Expect(seen.Verdict).To(Equal(drift.VerdictHold))
	g.Expect(seen.Next).To(BeNil())
	g.Expect(seen.At).To(BeZero())
	g.Expect(seen.Message).To(HaveSuffix(": not taken back, since " + err.Error()))
}
