// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/workload"
)

// A guardrail that reads its surroundings is shown what else the file of an example holds,
// as the operator would find it in the cluster.
func TestCatalogueJudgesWhatIsAround(t *testing.T) {
	for _, e := range guardrail.SurroundedExamples(t) {
		t.Run(e.Name, func(t *testing.T) {
			around := surroundings(t, e.Object, e.Around)
			verdict, err := e.Program.Evaluate(t.Context(), guardrail.Input{Object: e.Object, Surroundings: &around})
			e.ExpectVerdict(t, verdict, err)
		})
	}
}

// surroundings are what the operator would find for an object in a cluster of these others.
func surroundings(t testing.TB, object *unstructured.Unstructured, others []*unstructured.Unstructured) guardrail.Surroundings {
	t.Helper()
	if object.GetKind() == "Ingress" {
		return guardrail.Surroundings{ClaimedHosts: compliance.ClaimedHosts(decoded[networkingv1.Ingress](t, object), every[networkingv1.Ingress](t, "Ingress", others))}
	}
	typed := workload.New(v1alpha1.WorkloadKind(object.GetKind()))
	decode(t, object, typed)
	w, ok := workload.From(typed)
	NewWithT(t).Expect(ok).To(BeTrue(), "no workload")
	return guardrail.Surroundings{
		Missing: compliance.Missing(workload.ReferencesOf(w.Template.Spec), func(r workload.Reference) compliance.Present {
			for _, other := range others {
				if other.GetKind() == r.Kind && other.GetName() == r.Name {
					return compliance.Present{Exists: true, Keys: keys(t, other)}
				}
			}
			return compliance.Present{}
		}),
		DisruptionBudgets: compliance.BudgetsOver(w.Template.Labels, every[policyv1.PodDisruptionBudget](t, "PodDisruptionBudget", others)),
	}
}

func keys(t testing.TB, object *unstructured.Unstructured) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	if object.GetKind() == "ConfigMap" {
		for key := range decoded[corev1.ConfigMap](t, object).Data {
			all[key] = true
		}
	}
	return all
}

func every[T any](t testing.TB, kind string, objects []*unstructured.Unstructured) []T {
	t.Helper()
	var all []T
	for _, object := range objects {
		if object.GetKind() == kind {
			all = append(all, *decoded[T](t, object))
		}
	}
	return all
}

func decoded[T any](t testing.TB, object *unstructured.Unstructured) *T {
	t.Helper()
	into := new(T)
	decode(t, object, into)
	return into
}

func decode(t testing.TB, object *unstructured.Unstructured, into any) {
	t.Helper()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, into, true); err != nil {
		t.Fatalf("decode %s %s: %v", object.GetKind(), object.GetName(), err)
	}
}
