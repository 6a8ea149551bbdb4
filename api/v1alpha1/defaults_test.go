// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"reflect"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestAStageAloneGivesEveryFieldADefault(t *testing.T) {
	all := []v1alpha1.Quality{v1alpha1.Predictability, v1alpha1.Recoverability, v1alpha1.SafeFailure}
	for _, test := range []struct {
		stage     v1alpha1.Stage
		ceiling   v1alpha1.Level
		defaults  v1alpha1.DefaultsMode
		drift     v1alpha1.DriftMode
		drills    v1alpha1.DrillMode
		target    int32
		qualities []v1alpha1.Quality
	}{
		{v1alpha1.Development, v1alpha1.Observe, v1alpha1.DefaultsApply, v1alpha1.DriftIgnore, v1alpha1.DrillsOff, 80, all[:1]},
		{v1alpha1.Staging, v1alpha1.Warn, v1alpha1.DefaultsOff, v1alpha1.DriftReport, v1alpha1.DrillsWhenNeeded, 80, all[:1]},
		{v1alpha1.Production, v1alpha1.Enforce, v1alpha1.DefaultsOff, v1alpha1.DriftReport, v1alpha1.DrillsOff, 90, all},
	} {
		t.Run(string(test.stage), func(t *testing.T) {
			g := NewWithT(t)
			effective := v1alpha1.EnvironmentPolicySpec{Stage: test.stage}.Effective()
			g.Expect(effective.Guardrails).To(ConsistOf(v1alpha1.GuardrailEntry{
				Selector: &metav1.LabelSelector{}, StartLevel: v1alpha1.Observe, MaxLevel: test.ceiling,
			}), "every guardrail stands, and none surprises")
			g.Expect(effective.Defaults).To(Equal(test.defaults))
			g.Expect(effective.Suspend).To(Equal(v1alpha1.SuspendNone))
			g.Expect(*effective.Progression).To(Equal(v1alpha1.Progression{Mode: v1alpha1.ProgressionAutomatic, Target: 80, Confidence: 90, Rings: v1alpha1.RingsAutomatic}))
			g.Expect(*effective.Drift).To(Equal(v1alpha1.DriftPolicy{
				Mode: test.drift, CorrectAfter: &metav1.Duration{Duration: 15 * time.Second}, StartLevel: v1alpha1.ActReport, Secrets: v1alpha1.SecretsIgnore,
			}))
			g.Expect(*effective.Rollout).To(Equal(v1alpha1.RolloutPolicy{OnFailure: v1alpha1.OnFailureReport, StartLevel: v1alpha1.ActReport}))
			g.Expect(*effective.Isolation).To(Equal(v1alpha1.IsolationPolicy{
				Mode: v1alpha1.IsolationOff, After: &metav1.Duration{Duration: 5 * time.Minute}, StartLevel: v1alpha1.ActReport,
			}))
			g.Expect(effective.Promotion.ReadinessTargets).To(Equal(v1alpha1.ReadinessTargets{Target: test.target, Confidence: 90, Qualities: test.qualities}))
			g.Expect(*effective.Drills).To(Equal(v1alpha1.DrillPolicy{
				Mode: test.drills, Pause: &metav1.Duration{Duration: 20 * time.Second}, Singletons: v1alpha1.SingletonsRestart,
			}))
			g.Expect(*effective.Baseline).To(Equal(v1alpha1.BaselinePolicy{
				NetworkIsolation: v1alpha1.BaselineReport, DisruptionBudgets: v1alpha1.BaselineReport, DefaultToken: v1alpha1.BaselineReport, StartLevel: v1alpha1.ActReport,
				PodSecurity: &v1alpha1.PodSecurityBaseline{Mode: v1alpha1.BaselineReport, Level: "baseline"},
			}), "a baseline reports")
			g.Expect(*effective.BlastRadius).To(Equal(v1alpha1.BlastRadius{ActionsPerHour: 2, MaxConcurrent: 3, MaxUnhealthy: 20}))
		})
	}
}

func TestNoFieldIsForgottenWhenDefaultsAreFilledIn(t *testing.T) {
	effective := reflect.ValueOf(v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Production}.Effective())
	for i := range effective.NumField() {
		switch name := effective.Type().Field(i).Name; name {
		case "Follows", "NamespaceSelector": // These are facts, for which there is no default.
		default:
			NewWithT(t).Expect(effective.Field(i).IsZero()).To(BeFalse(), name)
		}
	}
}

func TestWhatAPolicySaysIsKept(t *testing.T) {
	g := NewWithT(t)
	said := v1alpha1.EnvironmentPolicySpec{
		Stage:       v1alpha1.Production,
		Guardrails:  []v1alpha1.GuardrailEntry{{Name: "a", StartLevel: v1alpha1.Warn, MaxLevel: v1alpha1.Warn}},
		Defaults:    v1alpha1.DefaultsApply,
		Suspend:     v1alpha1.SuspendAll,
		Progression: &v1alpha1.Progression{Mode: v1alpha1.ProgressionHold, Target: 51, Confidence: 52, Rings: v1alpha1.RingsOff},
		Drift: &v1alpha1.DriftPolicy{
			Mode: v1alpha1.DriftCorrect, TrustedWriters: []string{"tool"}, CorrectAfter: &metav1.Duration{}, Secrets: v1alpha1.SecretsWatch, StartLevel: v1alpha1.ActAct,
		},
		Rollout:   &v1alpha1.RolloutPolicy{OnFailure: v1alpha1.OnFailureRollback, StartLevel: v1alpha1.ActAct},
		Isolation: &v1alpha1.IsolationPolicy{Mode: v1alpha1.IsolationOnFailure, After: &metav1.Duration{}, StartLevel: v1alpha1.ActAct},
		Promotion: &v1alpha1.PromotionPolicy{
			ReadinessTargets: v1alpha1.ReadinessTargets{Target: 53, Confidence: 54, Qualities: []v1alpha1.Quality{v1alpha1.SafeFailure}},
			StartLevel:       v1alpha1.Observe, MaxLevel: v1alpha1.Warn,
		},
		Drills: &v1alpha1.DrillPolicy{Mode: v1alpha1.DrillsOff, Pause: &metav1.Duration{}, Singletons: v1alpha1.SingletonsEvict},
		Baseline: &v1alpha1.BaselinePolicy{
			NetworkIsolation: v1alpha1.BaselineOff, DisruptionBudgets: v1alpha1.BaselineApply, DefaultToken: v1alpha1.BaselineOff, StartLevel: v1alpha1.ActAct,
			PodSecurity: &v1alpha1.PodSecurityBaseline{Mode: v1alpha1.BaselineApply, Level: "restricted"},
		},
		BlastRadius: &v1alpha1.BlastRadius{ActionsPerHour: 1, MaxConcurrent: 1, MaxUnhealthy: 1},
	}
	before := *said.DeepCopy()
	g.Expect(said.Effective()).To(Equal(before))
	g.Expect(said.Effective().Effective()).To(Equal(said.Effective()))
}

func TestFillingInDefaultsChangesNoPolicy(t *testing.T) {
	g := NewWithT(t)
	said := v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Staging, Guardrails: []v1alpha1.GuardrailEntry{{Name: "a"}}, Drift: &v1alpha1.DriftPolicy{},
	}
	before := *said.DeepCopy()
	said.Effective()
	g.Expect(said).To(Equal(before))
}

func TestTargetsThatNobodySetAreThoseOfTheStage(t *testing.T) {
	g := NewWithT(t)
	var unset *v1alpha1.ReadinessTargets
	g.Expect(unset.Effective(v1alpha1.Staging)).To(Equal(v1alpha1.ReadinessTargets{
		Target: 80, Confidence: 90, Qualities: []v1alpha1.Quality{v1alpha1.Predictability},
	}))
}
