// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// turn is how often a GitOps tool applies what it has.
const turn = time.Second

// A GitOps tool applies what it has, again and again, from before the rollback until long
// after. The release that failed is kept out, without a storm of rollbacks, and a fix comes in.
func TestAReleaseThatIsAppliedAgainAndAgainStaysOut(t *testing.T) {
	w := theWorld(t)
	for name, tool := range map[string]func(*testing.T, string) push{
		"by server-side apply": func(t *testing.T, namespace string) push {
			tool := w.developer(t, "edit", namespace)
			return func(ctx context.Context, d *appsv1.Deployment, dryRun bool) error {
				return applied(ctx, tool, d, dry(dryRun)...)
			}
		},
		"by server-side apply without force": func(t *testing.T, namespace string) push {
			tool := w.developer(t, "edit", namespace)
			return func(ctx context.Context, d *appsv1.Deployment, dryRun bool) error {
				return claimed(ctx, tool, d, dry(dryRun)...)
			}
		},
		"by client-side apply": func(t *testing.T, namespace string) push {
			w.developer(t, "edit", namespace)
			return func(ctx context.Context, d *appsv1.Deployment, dryRun bool) error {
				return w.kubectlApply(ctx, t, d, dryRun)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, namespace := NewWithT(t), w.namespace(t)
			w.enrol(t, namespace, rollingBack())
			apply := tool(t, namespace)
			good := service("api", namespace)
			g.Expect(apply(t.Context(), good, false)).To(Succeed())
			g.Eventually(func() []v1alpha1.RevisionOutcome { return w.report(t, good).Outcomes }).
				Should(ContainElement(HaveField("Result", v1alpha1.RolloutStable)))
			bad := service("api", namespace, testenv.Image("registry.example/api:1.1.0-crash-loop"))

			refused := MatchError(And(ContainSubstring("was rolled back at"), ContainSubstring("2 crashed"), ContainSubstring("image")))
			g.Eventually(func() error { return apply(t.Context(), bad, false) }).WithPolling(turn).WithTimeout(90*time.Second).
				Should(refused, func() string { return fmt.Sprintf("it is pushed until it is refused: %+v", w.report(t, good).Actions) })
			g.Eventually(w.rolledOut(t, good)).Should(BeTrue())
			settled := w.live(t, good)
			g.Expect(settled.Spec.Template.Spec.Containers[0].Image).To(Equal(good.Spec.Template.Spec.Containers[0].Image))

			g.Consistently(func(g Gomega) {
				g.Expect(apply(t.Context(), bad, false)).To(refused)
				g.Expect(w.live(t, good).Generation).To(Equal(settled.Generation))
			}).WithPolling(turn).WithTimeout(5 * time.Second).Should(Succeed())
			// The API server takes a second to load what refuses the release. A tool that is
			// faster brings it back once, and never again.
			g.Expect(len(w.specPatches(t, good))).To(And(BeNumerically(">=", 1), BeNumerically("<=", 2)))

			fixed := service("api", namespace, testenv.Image("registry.example/api:1.1.0-crash-loop"))
			fixed.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "LEVEL", Value: "info"}}
			g.Expect(apply(t.Context(), fixed, true)).To(Succeed(), "a fix of the configuration, with the same image")
			next := service("api", namespace, testenv.Image("registry.example/api:1.1.1"))
			g.Expect(apply(t.Context(), next, false)).To(Succeed(), "a fix with another image")
			g.Eventually(w.rolledOut(t, good)).Should(BeTrue())
			g.Expect(w.live(t, good).Spec.Template.Spec.Containers[0].Image).To(Equal("registry.example/api:1.1.1"))
		})
	}
}

// push is one turn of a GitOps tool.
type push func(ctx context.Context, deployment *appsv1.Deployment, dryRun bool) error

func dry(run bool) []client.ApplyOption {
	if run {
		return []client.ApplyOption{client.DryRunAll}
	}
	return nil
}

// live is the Deployment as it is now.
func (w *world) live(t *testing.T, deployment *appsv1.Deployment) *appsv1.Deployment {
	t.Helper()
	now := &appsv1.Deployment{}
	NewWithT(t).Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(deployment), now)).To(Succeed())
	return now
}

func serverSide(ctx context.Context, as client.Client, deployment *appsv1.Deployment) error {
	return applied(ctx, as, deployment)
}

// applied is serverSide with options, for a dry-run for one.
func applied(ctx context.Context, as client.Client, deployment *appsv1.Deployment, options ...client.ApplyOption) error {
	return claimed(ctx, as, deployment, append(options, client.ForceOwnership)...)
}

// claimed applies on the server, and conflicts with whoever else owns a field of it.
func claimed(ctx context.Context, as client.Client, deployment *appsv1.Deployment, options ...client.ApplyOption) error {
	manifest, err := manifestOf(deployment)
	if err != nil {
		return err
	}
	return as.Apply(ctx, client.ApplyConfigurationFromUnstructured(manifest), append(options, client.FieldOwner("gitops"))...)
}

// kubectlApply is `kubectl apply` of the manifest, by a developer: it compares what was
// applied last, what is there, and what shall be.
func (w *world) kubectlApply(ctx context.Context, t *testing.T, deployment *appsv1.Deployment, dryRun bool) error {
	t.Helper()
	manifest, err := manifestOf(deployment)
	if err != nil {
		return err
	}
	content, err := manifest.MarshalJSON()
	if err != nil {
		return err
	}
	file := filepath.Join(t.TempDir(), "deployment.json")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return err
	}
	arguments := []string{"apply", "--as=dev-edit", "--as-group=system:authenticated", "-f", file}
	if dryRun {
		arguments = append(arguments, "--dry-run=server")
	}
	_, err = w.cluster.RunKubectl(ctx, arguments...)
	return err
}

// manifestOf is the Deployment as somebody keeps it in Git.
func manifestOf(deployment *appsv1.Deployment) (*unstructured.Unstructured, error) {
	manifest, err := runtime.DefaultUnstructuredConverter.ToUnstructured(deployment)
	if err != nil {
		return nil, err
	}
	delete(manifest, "status")
	object := &unstructured.Unstructured{Object: manifest}
	object.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	return object, nil
}
