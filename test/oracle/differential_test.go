// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/workload"
)

// How many pods are compared, in shards that run beside each other. Of each control and
// level, at least leastOfEach are allowed and refused: else the pods are badly chosen.
const (
	shards       = 8
	podsPerShard = 750
	leastOfEach  = 100
)

// tally counts both outcomes by control or level.
type tally struct{ allowed, refused map[string]int }

func newTally() *tally { return &tally{allowed: map[string]int{}, refused: map[string]int{}} }

func (c *tally) count(what string, allowed bool) {
	if allowed {
		c.allowed[what]++
	} else {
		c.refused[what]++
	}
}

func (c *tally) add(other *tally) {
	for what, n := range other.allowed {
		c.allowed[what] += n
	}
	for what, n := range other.refused {
		c.refused[what] += n
	}
}

func TestRandomPodsAreJudgedAsUpstreamJudgesThem(t *testing.T) {
	all := controls(t)
	upstream, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	tallies := make([]*tally, shards)
	t.Run("pods", func(t *testing.T) {
		for shard := range shards {
			tallies[shard] = newTally()
			t.Run(fmt.Sprintf("seed %d", shard), func(t *testing.T) {
				t.Parallel()
				c := comparison{upstream: upstream, controls: all, tally: tallies[shard]}
				g := newGenerator(t, uint64(shard))
				for range podsPerShard {
					c.compare(t, g.pod(), oneOf(g, workload.Kinds()...))
				}
			})
		}
	})

	w := NewWithT(t)
	total := newTally()
	for _, one := range tallies {
		total.add(one)
	}
	decided := []string{string(api.LevelBaseline), string(api.LevelRestricted), bothProfiles}
	for _, c := range all {
		decided = append(decided, string(c.id))
	}
	for _, what := range decided {
		t.Logf("%-28s %5d allowed %5d refused", what, total.allowed[what], total.refused[what])
		w.Expect(total.allowed[what]).To(BeNumerically(">=", leastOfEach), what)
		w.Expect(total.refused[what]).To(BeNumerically(">=", leastOfEach), what)
	}
}

// comparison judges pods twice.
type comparison struct {
	upstream policy.Evaluator
	controls []control
	tally    *tally
}

// compare judges a pod within a workload of a kind: by each control, and by the levels.
func (c comparison) compare(t *testing.T, pod *corev1.Pod, kind v1alpha1.WorkloadKind) {
	t.Helper()
	object := within(kind, pod)
	refusedBy := map[policy.CheckID]bool{}
	clean := true
	for _, control := range c.controls {
		want := control.upstream(&pod.ObjectMeta, &pod.Spec)
		verdict, err := control.program.Evaluate(t.Context(), guardrail.Input{Object: object})
		if err != nil {
			t.Fatalf("%v\n%s", err, shown(pod))
		}
		got := verdict.Outcome == guardrail.OutcomeClean
		if got != want.Allowed {
			t.Fatalf("%s in a %s: upstream says %v (%s: %s), %s says %v\n%s", control.id, kind,
				want.Allowed, want.ForbiddenReason, want.ForbiddenDetail, control.program.Name(), verdict.Findings, shown(pod))
		}
		refusedBy[control.id] = !got
		clean = clean && got
		c.tally.count(string(control.id), got)
	}
	for _, level := range []api.Level{api.LevelBaseline, api.LevelRestricted} {
		want := policy.AggregateCheckResults(c.upstream.EvaluatePod(
			api.LevelVersion{Level: level, Version: api.LatestVersion()}, &pod.ObjectMeta, &pod.Spec))
		got := !slices.ContainsFunc(c.standing(level), func(id policy.CheckID) bool { return refusedBy[id] })
		if got != want.Allowed {
			t.Fatalf("level %s: upstream says %v (%s), we say %v\n%s", level, want.Allowed, want.ForbiddenDetail(), refusedBy, shown(pod))
		}
		c.tally.count(string(level), got)
		if level == api.LevelRestricted && !contradictory(pod) {
			if clean != want.Allowed {
				t.Fatalf("both profiles: upstream says %v (%s), we say %v\n%s", want.Allowed, want.ForbiddenDetail(), refusedBy, shown(pod))
			}
			c.tally.count(bothProfiles, clean)
		}
	}
}

// bothProfiles is what an environment has that selects the guardrails of both profiles: in
// contrast to upstream's restricted level, every baseline guardrail stands too. That makes
// no difference to a pod that the API server takes.
const bothProfiles = "both profiles"

// contradictory says that the API server refuses a pod as invalid where it matters here:
// one for Windows with settings of Linux, or a volume of two types.
func contradictory(pod *corev1.Pod) bool {
	ofTwoTypes := slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		types := 0
		for source, i := reflect.ValueOf(v.VolumeSource), 0; i < source.NumField(); i++ {
			if !source.Field(i).IsNil() {
				types++
			}
		}
		return types > 1
	})
	if ofTwoTypes || pod.Spec.OS == nil || pod.Spec.OS.Name != corev1.Windows {
		return ofTwoTypes
	}
	return pod.Spec.SecurityContext != nil && pod.Spec.SecurityContext.SeccompProfile != nil ||
		slices.ContainsFunc(containersOf(&pod.Spec), func(c *corev1.Container) bool {
			return c.SecurityContext != nil && (c.SecurityContext.SeccompProfile != nil || c.SecurityContext.Capabilities != nil)
		})
}

// standing are the checks of a level. Upstream leaves a baseline check out of restricted
// where a restricted one takes its place.
func (c comparison) standing(level api.Level) []policy.CheckID {
	var all, replaced []policy.CheckID
	for _, control := range c.controls {
		if level == api.LevelRestricted || control.level == level {
			all = append(all, control.id)
			replaced = append(replaced, control.replaces...)
		}
	}
	return slices.DeleteFunc(all, func(id policy.CheckID) bool { return slices.Contains(replaced, id) })
}

// within is a workload of a kind that makes the pod.
func within(kind v1alpha1.WorkloadKind, pod *corev1.Pod) workload.Object {
	template := corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}
	selector := &metav1.LabelSelector{MatchLabels: pod.Labels}
	meta := metav1.ObjectMeta{Name: "random", Namespace: pod.Namespace}
	switch kind {
	case v1alpha1.KindDeployment:
		return &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Selector: selector, Template: template}}
	case v1alpha1.KindStatefulSet:
		return &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Selector: selector, Template: template}}
	case v1alpha1.KindDaemonSet:
		return &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template}}
	case v1alpha1.KindReplicaSet:
		return &appsv1.ReplicaSet{ObjectMeta: meta, Spec: appsv1.ReplicaSetSpec{Selector: selector, Template: template}}
	case v1alpha1.KindReplicationController:
		return &corev1.ReplicationController{ObjectMeta: meta, Spec: corev1.ReplicationControllerSpec{Selector: pod.Labels, Template: &template}}
	case v1alpha1.KindJob:
		return &batchv1.Job{ObjectMeta: meta, Spec: batchv1.JobSpec{Template: template}}
	case v1alpha1.KindCronJob:
		return &batchv1.CronJob{ObjectMeta: meta, Spec: batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template}}}}
	case v1alpha1.KindPod:
		return pod
	}
	panic("no pod within a " + kind)
}

// shown is the pod as a person reads it.
func shown(pod *corev1.Pod) string {
	text, err := yaml.Marshal(pod)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}
