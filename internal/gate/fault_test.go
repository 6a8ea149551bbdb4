// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// elsewhere is a gate whose source has the name of its own namespace, in another cluster.
func elsewhere(reports ...v1alpha1.ReadinessReport) Input {
	in := input(reports...)
	in.Gate.Spec.Source = v1alpha1.GateSource{Namespace: in.Gate.Namespace, Cluster: "stage-1"}
	return in
}

func TestASourceOfAnotherClusterOpensAGate(t *testing.T) {
	g := NewWithT(t)
	d := Decide(elsewhere(report("shop", state(v1alpha1.ReportProven))))

	g.Expect(d.State).To(Equal(v1alpha1.GateOpen))
	g.Expect(d.Ready.Message).To(Equal("stands between production of cluster stage-1 and production before 1 workload"))
	g.Expect(d.Admissions[0].Message).To(HavePrefix("production of cluster stage-1 shop runs shop:1"))
}

func TestAClusterThatCannotBeReadOpensNothingAndChangesNothing(t *testing.T) {
	g := NewWithT(t)
	in := elsewhere(report("shop", state(v1alpha1.ReportProven)))
	in.Source.Fault = &Fault{Reason: v1alpha1.ReasonConnectionSilent, Message: "cluster stage-1 has not answered since noon"}
	d := Decide(in)

	g.Expect(d.State).To(Equal(v1alpha1.GatePending))
	g.Expect(d.Ready).To(Equal(Condition{metav1.ConditionFalse, v1alpha1.ReasonConnectionSilent, "cluster stage-1 has not answered since noon"}))
	g.Expect(d.Promotable).To(Equal(Condition{metav1.ConditionUnknown, v1alpha1.ReasonConnectionSilent, "cluster stage-1 has not answered since noon"}))
	g.Expect(d.WaitingFor).To(Equal("cluster stage-1 has not answered since noon"))

	stood := Ledger(LedgerInput{Decisions: []Decision{Decide(elsewhere(report("shop", state(v1alpha1.ReportProven))))}, Now: now}).Annotations
	g.Expect(stood).To(HaveKeyWithValue("deployment.ledger.rampart.dev/shop", ContainSubstring("shop:1")))
	g.Expect(Ledger(LedgerInput{Decisions: []Decision{d}, Annotations: stood, Now: now}).Annotations).To(Equal(stood))
}
