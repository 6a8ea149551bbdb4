// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// A GitOps tool applies what it has, again and again, from before the rollback until long
// after. The release that failed is kept out, without a storm of rollbacks.
func TestAReleaseThatIsAppliedAgainAndAgainStaysOut(t *testing.T) {
	for name, push := range map[string]func(context.Context, client.Client, *appsv1.Deployment) error{
		"by server-side apply": serverSide,
		"by client-side apply": clientSide,
	} {
		t.Run(name, func(t *testing.T) {
			g, w := NewWithT(t), theWorld(t)
			namespace := w.namespace(t)
			w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{
				Stage: v1alpha1.Production, Guardrails: only("image-pinned", ""),
				Rollout: &v1alpha1.RolloutPolicy{OnFailure: v1alpha1.OnFailureRollback},
			})
			tool := w.developer(t, "edit", namespace)
			good := service("api", namespace)
			w.released(t, tool, good)
			bad := service("api", namespace, testenv.Image("registry.example/api:1.1.0-crash-loop"))

			g.Eventually(func() error { return push(t.Context(), tool, bad) }).
				Should(MatchError(ContainSubstring("was rolled back at")), func() string {
					return fmt.Sprintf("it is pushed until it is refused: %+v", w.report(t, good).Actions)
				})
			g.Eventually(w.rolledOut(t, good)).Should(BeTrue())
			var settled appsv1.Deployment
			g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(good), &settled)).To(Succeed())
			g.Expect(settled.Spec.Template.Spec.Containers[0].Image).To(Equal(good.Spec.Template.Spec.Containers[0].Image))

			g.Consistently(func(g Gomega) {
				g.Expect(push(t.Context(), tool, bad)).To(MatchError(ContainSubstring("was rolled back at")))
				var now appsv1.Deployment
				g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(good), &now)).To(Succeed())
				g.Expect(now.Generation).To(Equal(settled.Generation))
			}).WithTimeout(5 * time.Second).Should(Succeed())
			// The API server takes a second to load what refuses the release. A tool that is
			// faster brings it back once, and never again.
			g.Expect(len(w.specPatches(t, good))).To(And(BeNumerically(">=", 1), BeNumerically("<=", 2)))
		})
	}
}

func serverSide(ctx context.Context, as client.Client, deployment *appsv1.Deployment) error {
	return applied(ctx, as, deployment)
}

// applied is serverSide with options, for a dry-run for one.
func applied(ctx context.Context, as client.Client, deployment *appsv1.Deployment, options ...client.ApplyOption) error {
	manifest, err := runtime.DefaultUnstructuredConverter.ToUnstructured(deployment)
	if err != nil {
		return err
	}
	delete(manifest, "status")
	object := &unstructured.Unstructured{Object: manifest}
	object.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	return reapply(ctx, as, object, options...)
}

// clientSide sends what `kubectl apply` does when only the image has changed.
func clientSide(ctx context.Context, as client.Client, deployment *appsv1.Deployment) error {
	container := deployment.Spec.Template.Spec.Containers[0]
	body := `{"spec":{"template":{"spec":{"containers":[{"name":"` + container.Name + `","image":"` + container.Image + `"}]}}}}`
	return as.Patch(ctx, deployment.DeepCopy(), client.RawPatch(types.StrategicMergePatchType, []byte(body)))
}
