// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"math/rand/v2"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestServerAgreesOnEveryExample(t *testing.T) {
	t.Parallel()
	all := catalogue(t)
	servers := map[string]*server{}
	for _, g := range all {
		servers[g.Name] = newServer(t, "examples-"+g.Name)
		servers[g.Name].render(placed(v1alpha1.Enforce, compiled(t, g))...)
	}
	for _, g := range all {
		s := servers[g.Name]
		s.untilRefused(examples(t, g.Name)[0].object) // Examples that fail come first by name.
		for _, e := range examples(t, g.Name) {
			t.Run(g.Name+"/"+e.name, func(t *testing.T) {
				err := s.try(e.object)
				if !e.violates {
					NewWithT(t).Expect(err).NotTo(HaveOccurred())
					return
				}
				NewWithT(t).Expect(err).To(beRefused())
				NewWithT(t).Expect(err).To(MatchError(ContainSubstring("[" + g.Name + "] ")))
			})
		}
	}
}

// The operator must find what the API server refuses, in creates and in updates, to the word.
func TestServerAgreesOnGeneratedChanges(t *testing.T) {
	t.Parallel()
	const changes = 80
	s := newServer(t, "generated")
	programs := wholeCatalogue(t)
	s.render(placed(v1alpha1.Enforce, programs...)...)
	s.untilRefused(podOf("bad", "nginx"))

	random := rand.New(rand.NewPCG(1, 2))
	var refused, admitted int
	for i := range changes {
		w := NewWithT(t)
		created, changed := generatedDeployment(random, i), generatedDeployment(random, i)
		tried := created.DeepCopy()
		err := s.as(person).Create(t.Context(), tried, client.DryRunAll)
		w.Expect(findingsSaid(err)).To(ConsistOf(expected(t, programs, Input{Object: created})), "create %d", i)

		s.create(created)
		old := created.DeepCopy()
		update := created.DeepCopy()
		update.Labels, update.Spec.Replicas = changed.Labels, changed.Spec.Replicas
		update.Spec.Template.Spec = changed.Spec.Template.Spec
		err = s.as(person).Update(t.Context(), update.DeepCopy(), client.DryRunAll)
		w.Expect(findingsSaid(err)).To(ConsistOf(expected(t, programs, Input{Object: update, OldObject: old})), "update %d", i)
		if err == nil {
			admitted++
		} else {
			refused++
		}
	}
	if refused == 0 || admitted == 0 {
		t.Errorf("the generated updates show one side only: %d refused, %d admitted", refused, admitted)
	}
}

// expected is what a denial must name, in the words of the operator.
func expected(t *testing.T, programs []*Program, in Input) []any {
	t.Helper()
	all := []any{}
	for _, p := range programs {
		verdict, err := p.Evaluate(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range verdict.New {
			all = append(all, fmt.Sprintf("[%s] %s", p.Name(), f.Text))
		}
	}
	return all
}

// generatedDeployment is valid, and complies with each rule half of the time.
func generatedDeployment(random *rand.Rand, number int) *appsv1.Deployment {
	yes := func() bool { return random.IntN(2) == 0 }
	d := deployment([]string{"shop:1", "shop", "shop:latest"}[random.IntN(3)])
	if yes() {
		d = deployment("shop:1", "sidecar:2")
	}
	d.Name, d.Namespace = fmt.Sprintf("shop-%d", number), "generated"
	d.Spec.Replicas = ptr.To(random.Int32N(4))
	d.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": d.Name}}
	d.Spec.Template.Labels = d.Spec.Selector.MatchLabels
	if yes() {
		d.Labels = map[string]string{"owner": "team"}
	}
	pod := &d.Spec.Template.Spec
	if yes() {
		pod.SecurityContext = &corev1.PodSecurityContext{RunAsNonRoot: ptr.To(yes()), RunAsUser: ptr.To(random.Int64N(2))}
	}
	pod.AutomountServiceAccountToken = []*bool{nil, ptr.To(true), ptr.To(false), ptr.To(false)}[random.IntN(4)]
	pod.HostPID, pod.HostIPC = random.IntN(4) == 0, random.IntN(4) == 0
	if yes() {
		pod.InitContainers = []corev1.Container{{Name: "init", Image: "init:1"}}
	}
	for _, list := range [][]corev1.Container{pod.Containers, pod.InitContainers} {
		for i := range list {
			c := &list[i]
			if yes() {
				c.Resources.Requests = corev1.ResourceList{"cpu": resource.MustParse("10m")}
			}
			if yes() {
				c.Resources.Limits = corev1.ResourceList{"memory": resource.MustParse("64Mi")}
			}
			if yes() {
				c.SecurityContext = &corev1.SecurityContext{AllowPrivilegeEscalation: ptr.To(false)}
			} else if yes() {
				c.SecurityContext = &corev1.SecurityContext{Privileged: ptr.To(yes()), RunAsNonRoot: ptr.To(yes())}
			}
		}
	}
	if yes() {
		pod.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}}
	}
	return d
}
