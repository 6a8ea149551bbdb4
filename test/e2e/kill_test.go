// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// kills is how often the operator is killed while it works.
const kills = 6

// An operator that is killed at any moment, between the record of a decision and the deed
// among them, loses no trial that it has recorded and repeats nothing that it has done.
func TestAKilledOperatorLosesNoTrialAndRepeatsNoRemediation(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	drilled := service("drilled", w.namespace(t), testenv.Replicas(3))
	failing := service("failing", w.namespace(t))
	w.enrol(t, drilled.Namespace, v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Staging, Guardrails: only("image-pinned", ""), Drills: &v1alpha1.DrillPolicy{Pause: &metav1.Duration{}},
	})
	w.enrol(t, failing.Namespace, v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Production, Guardrails: only("image-pinned", ""), Rollout: &v1alpha1.RolloutPolicy{OnFailure: v1alpha1.OnFailureRollback},
	})
	// No gate could be further from opening, so that there is always another drill to come.
	gate := &v1alpha1.PromotionGate{
		ObjectMeta: in(failing.Namespace, "gate"),
		Spec: v1alpha1.PromotionGateSpec{
			Source: v1alpha1.GateSource{Namespace: drilled.Namespace}, StartLevel: v1alpha1.Observe, MaxLevel: v1alpha1.Observe,
			Readiness: &v1alpha1.ReadinessTargets{Target: 99},
		},
	}
	g.Expect(w.admin.Create(t.Context(), gate)).To(Succeed())
	w.released(t, w.admin, drilled)
	w.released(t, w.admin, failing)
	history := w.follow(t, drilled.Namespace)

	bad := failing.DeepCopy()
	bad.Spec.Template.Spec.Containers[0].Image = "registry.example/failing:2.0.0-crash-loop"
	g.Expect(serverSide(t.Context(), w.admin, bad)).To(Succeed())
	for range kills {
		// Every write is a moment between what was decided and what comes next.
		before, more := len(w.audit.writes(t)), rand.IntN(12)
		g.Eventually(func() int { return len(w.audit.writes(t)) - before }).
			WithPolling(time.Millisecond).WithTimeout(20 * time.Second).Should(BeNumerically(">", more))
		g.Expect(w.operator.Kill()).To(Succeed())
		// The lease of a killed operator has to run out; that is client-go's and not tested here.
		w.startOperator(t, "--leader-elect=false")
	}

	g.Eventually(func() error { return applied(t.Context(), w.admin, bad, client.DryRunAll) }).
		Should(MatchError(ContainSubstring("was rolled back at")))
	g.Eventually(w.rolledOut(t, failing)).Should(BeTrue())
	counted := w.report(t, drilled).Evidence.Counted
	g.Eventually(func() int32 { return w.report(t, drilled).Evidence.Counted }).Should(BeNumerically(">", counted), "drills go on")

	g.Expect(history.flaws()).To(BeEmpty())
	g.Expect(w.specPatches(t, failing)).To(HaveLen(1), "the release is rolled back once")
}

// history is every state of the reports of a namespace, as they were written.
type history struct {
	mu     sync.Mutex
	states []v1alpha1.ReadinessReportStatus
}

// follow keeps every state of the one report of a namespace, from its present one on.
func (w *world) follow(t *testing.T, namespace string) *history {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := w.admin.Watch(ctx, &v1alpha1.ReadinessReportList{}, client.InNamespace(namespace))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	h, done := &history{}, make(chan struct{})
	go func() {
		defer close(done)
		for event := range stream.ResultChan() {
			if report, ok := event.Object.(*v1alpha1.ReadinessReport); ok && event.Type != watch.Deleted {
				h.mu.Lock()
				h.states = append(h.states, report.Status)
				h.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return h
}

// flaws are the trials that were lost or counted twice.
func (h *history) flaws() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var flaws []string
	var before v1alpha1.ReadinessReportStatus
	for _, state := range h.states {
		ids := trialIDs(state)
		if unique := slices.Compact(slices.Sorted(slices.Values(ids))); len(unique) != len(ids) {
			flaws = append(flaws, "a trial stands twice in "+state.Message)
		}
		if state.Revision.Hash == before.Revision.Hash {
			for _, id := range trialIDs(before) {
				if !slices.Contains(ids, id) {
					flaws = append(flaws, "trial "+id+" was lost")
				}
			}
			if state.Evidence.Counted < before.Evidence.Counted {
				flaws = append(flaws, "the count went down")
			}
		}
		before = state
	}
	return flaws
}

func trialIDs(status v1alpha1.ReadinessReportStatus) []string {
	ids := make([]string, 0, len(status.Evidence.Trials))
	for _, trial := range status.Evidence.Trials {
		ids = append(ids, trial.ID)
	}
	return ids
}
