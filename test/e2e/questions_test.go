// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// question is a request in a dry-run, by which the API server can be asked any number of
// times what it decides.
type question struct {
	name string
	by   *person
	// ask returns the pod's spec as it would be stored, if it was asked for one.
	ask func(context.Context, client.Client) (*corev1.PodSpec, error)
}

// answer is what the API server decides.
type answer struct {
	// Refusal is empty for what is admitted.
	Refusal string
	// Warnings are those of native policies, one a line.
	Warnings string
	// Requests are those of the first container that is admitted, defaults among them.
	Requests string
}

// put asks the question. The error says why there is no decision.
func (q question) put(ctx context.Context) (answer, error) {
	q.by.warned()
	spec, err := q.ask(ctx, q.by)
	answer := answer{Warnings: strings.Join(q.by.warned(), "\n")}
	switch {
	case err == nil && spec != nil:
		answer.Requests = fmt.Sprint(spec.Containers[0].Resources.Requests)
	case err == nil:
	case apierrors.IsForbidden(err):
		answer.Refusal = err.Error()
	default:
		return answer, err
	}
	return answer, nil
}

// answers to all of the questions, by name.
func answers(t *testing.T, questions []question) map[string]answer {
	t.Helper()
	all := map[string]answer{}
	for _, q := range questions {
		answer, err := q.put(t.Context())
		NewWithT(t).Expect(err).NotTo(HaveOccurred(), q.name)
		all[q.name] = answer
	}
	return all
}

// questions to which every level, the safe defaults and a gate have different answers. It
// returns when all of these are in force.
func (w *world) questions(t *testing.T) []question {
	t.Helper()
	observing, warning, enforcing := w.namespace(t), w.namespace(t), w.namespace(t)
	namespaces := map[string]string{"Observe": observing, "Warn": warning, "Enforce": enforcing}
	dev := w.developer(t, "edit", observing, warning, enforcing)
	for _, namespace := range namespaces {
		w.create(t, dev, everyKind(old, namespace, template(old, unpinnedImage))[:1])
	}
	w.enforce(t, enforcing)
	w.enrol(t, warning, v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Staging, Guardrails: only("image-pinned", v1alpha1.Warn), Progression: settled,
	})
	w.enrol(t, observing, v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Development, Guardrails: append(only("image-pinned", ""), only("resource-requests", "")...),
		Defaults: v1alpha1.DefaultsApply, Progression: settled,
	})

	all := w.gateQuestions(t)
	for level, namespace := range namespaces {
		for what, mar := range map[string]func(*corev1.PodSpec){"compliant": func(*corev1.PodSpec) {}, "violating": unpinnedImage} {
			for _, object := range everyKind(arriving, namespace, template(arriving, mar)) {
				all = append(all, question{
					name: fmt.Sprintf("%s: a %s %s", level, what, kindOf(object).Kind), by: dev,
					ask: func(ctx context.Context, c client.Client) (*corev1.PodSpec, error) {
						asked := copied(object)
						return podSpec(asked), c.Create(ctx, asked, client.DryRunAll)
					},
				})
			}
		}
		for what, change := range map[string]string{
			"is scaled":     `{"spec":{"replicas":1}}`,
			"is renewed":    `{"spec":{"template":{"metadata":{"annotations":{"a":"b"}}}}}`,
			"becomes worse": `{"spec":{"template":{"spec":{"initContainers":[{"name":"more","image":"more"}]}}}}`,
		} {
			all = append(all, question{
				name: fmt.Sprintf("%s: an old violator %s", level, what), by: dev,
				ask: func(ctx context.Context, c client.Client) (*corev1.PodSpec, error) {
					asked := testenv.Deployment(old, namespace)
					return nil, c.Patch(ctx, asked, client.RawPatch(types.MergePatchType, []byte(change)), client.DryRunAll)
				},
			})
		}
	}
	NewWithT(t).Eventually(func(g Gomega) {
		answers := answers(t, all)
		g.Expect(answers["Observe: a compliant Pod"].Requests).To(ContainSubstring("memory"), "defaults are in force")
		g.Expect(answers["Warn: a violating Pod"].Warnings).NotTo(BeEmpty())
	}).Should(Succeed())
	return all
}

// gateQuestions are about what comes to the target of the story's gate.
func (w *world) gateQuestions(t *testing.T) []question {
	t.Helper()
	deployer := w.deployer(t)
	unproven := w.render(t, "config/samples/shop/good-configuration")
	containers, _, err := unstructured.NestedSlice(unproven.Object, "spec", "template", "spec", "containers")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	containers[0].(map[string]any)["image"] = "registry.example/shop:9.9.9"
	NewWithT(t).Expect(unstructured.SetNestedSlice(unproven.Object, containers, "spec", "template", "spec", "containers")).To(Succeed())
	var all []question
	for name, manifest := range map[string]*unstructured.Unstructured{
		"a proven image with a sound configuration":         w.render(t, "config/samples/shop/good-configuration"),
		"a proven image with the configuration that failed": w.render(t, "config/samples/shop/bad-configuration"),
		"an image that has proven nothing":                  unproven,
	} {
		all = append(all, question{
			name: "gate: " + name, by: deployer,
			ask: func(ctx context.Context, c client.Client) (*corev1.PodSpec, error) {
				return nil, reapply(ctx, c, manifest, client.DryRunAll)
			},
		})
	}
	return all
}
