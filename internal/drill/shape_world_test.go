// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drill_test

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drill"
	"github.com/rampart-dev/rampart/internal/evidence"
	"github.com/rampart-dev/rampart/internal/readiness"
	"github.com/rampart-dev/rampart/internal/workload"
)

// A shape is what kind of service a team runs, as far as its evidence depends on it.
type shape struct {
	kind     v1alpha1.WorkloadKind
	replicas int
	serving  bool
	probed   bool
	// starts and stops are how many seconds a pod takes to become ready, and to end.
	starts, stops int
	exitCode      int32
	// age is for how long it ran before the operator came.
	age time.Duration
	// every is how often a new revision comes, or a CronJob runs; 0 for never.
	every time.Duration
	// singletons is what the policy says, if it is not the default.
	singletons v1alpha1.SingletonDrills
}

// shapeWorld lives through the days of one workload, second by second, with the operator's
// own judgements: what it sees, what that proves, and what it does about what is missing.
type shapeWorld struct {
	shape
	now        time.Time
	made       int
	pods       []*shapePod
	departed   []workload.Pod
	runs       []workload.Run
	revision   v1alpha1.Revision
	before     time.Time
	restarts   int
	evidence   v1alpha1.Evidence
	readiness  readiness.Readiness
	running    *v1alpha1.Drill
	lastDrill  time.Time
	drills     int
	wait       string
	unready    int // seconds in which no pod was ready, since the first was
	everReady  bool
	failing    string
	policy     v1alpha1.DrillPolicy
	mechanism  v1alpha1.RevisionMechanism
	deployment workload.Workload
}

type shapePod struct {
	workload.Pod
	exitAt time.Time
}

func newShapeWorld(s shape) *shapeWorld {
	w := &shapeWorld{shape: s, now: now, policy: *v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Staging}.Effective().Drills}
	if s.singletons != "" {
		w.policy.Singletons = s.singletons
	}
	container := corev1.Container{Name: "app"}
	if s.probed {
		container.ReadinessProbe = &corev1.Probe{}
	}
	w.deployment = workload.Workload{
		Kind: s.kind, Name: "shop", UID: "w", Replicas: int32(s.replicas), Created: now.Add(-s.age), //nolint:gosec // few
		Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{container}}},
	}
	switch s.kind {
	case v1alpha1.KindStatefulSet:
		w.deployment.Strategy, w.deployment.MaxUnavailable = appsv1.StatefulSetUpdateStrategy{}, 1
	case v1alpha1.KindDaemonSet:
		w.deployment.Strategy, w.deployment.MaxUnavailable = appsv1.DaemonSetUpdateStrategy{}, 1
	}
	w.release()
	if s.age > 0 { // it rolled out long ago
		for _, p := range w.pods {
			p.Created, p.Started = now.Add(-s.age), now.Add(-s.age)
			p.Ready, p.ReadySince = true, now.Add(-s.age)
		}
	}
	return w
}

// release brings a new revision, as the report identifies it.
func (w *shapeWorld) release() {
	number := w.revision.Number + 1
	mechanism := v1alpha1.RevisionMechanism{Content: fmt.Sprint(number), Starting: "s", Recovering: "r", Stopping: "t"}
	if number > 1 {
		w.evidence = evidence.Carry(evidence.Supersede(w.evidence, evidence.Snapshot{}, w.now), w.mechanism, mechanism)
	}
	w.before, w.mechanism = w.revision.Since.Time, mechanism
	w.revision = v1alpha1.Revision{Hash: fmt.Sprint(number), Number: number, Since: metav1.NewTime(w.now), Mechanism: mechanism}
	w.restarts, w.running = 0, nil
	w.rename()
	if w.kind != v1alpha1.KindCronJob {
		for range w.replicas {
			w.make()
		}
	}
}

// rename names the pods of a new template.
func (w *shapeWorld) rename() {
	w.revision.PodTemplateHash = fmt.Sprintf("%s-%d", w.revision.Hash, w.restarts%2)
}

func (w *shapeWorld) make() {
	w.made++
	name := fmt.Sprintf("shop-%d", w.made)
	w.pods = append(w.pods, &shapePod{Pod: workload.Pod{
		Name: name, UID: name, Node: "node", TemplateHash: w.revision.PodTemplateHash, Created: w.now,
		Grace: 30 * time.Second, FinalStateSeen: true, Containers: []workload.Container{{Name: "app"}},
	}})
}

// step lives through one second: the cluster's part, then the operator's.
func (w *shapeWorld) step() {
	w.now = w.now.Add(time.Second)
	w.departed = nil
	elapsed := w.now.Sub(now)
	if w.every > 0 && elapsed%w.every == 0 {
		if w.kind == v1alpha1.KindCronJob {
			uid := fmt.Sprint(len(w.runs))
			w.runs = append(w.runs, workload.Run{Name: uid, UID: uid, Created: w.now, Started: w.now, Finished: w.now})
		} else {
			w.release()
		}
	}
	w.live()
	w.look()
}

func (w *shapeWorld) live() {
	var left []*shapePod
	replaced := 0
	for _, p := range w.pods {
		switch since := w.now.Sub(p.Created); {
		case p.Departing() && !w.now.Before(p.exitAt):
			p.Ready = false
			p.Containers = []workload.Container{{Name: "app", Started: p.Started, Exit: &workload.Exit{Code: w.exitCode, Finished: p.exitAt}}}
			w.departed = append(w.departed, p.Pod)
			if w.kind != v1alpha1.KindDeployment && p.Disruption != "" {
				replaced++ // under the same name, or on the same node
			}
			continue
		case p.Started.IsZero() && since >= time.Second:
			p.Started = w.now
			p.Containers = []workload.Container{{Name: "app", Started: w.now}}
		case !p.Ready && !p.Departing() && since >= time.Duration(w.starts)*time.Second:
			p.Ready, p.ReadySince = true, w.now
		}
		left = append(left, p)
	}
	w.pods = left
	for range replaced {
		w.make()
	}
	if w.count(func(p *shapePod) bool { return p.TemplateHash == w.revision.PodTemplateHash && p.Ready }) >= w.replicas {
		for _, p := range w.pods {
			if p.TemplateHash != w.revision.PodTemplateHash && !p.Departing() {
				w.stop(p)
			}
		}
	}
	if ready := w.count(func(p *shapePod) bool { return p.Ready && !p.Departing() }); ready > 0 {
		w.everReady = true
	} else if w.everReady {
		w.unready++
	}
}

func (w *shapeWorld) count(is func(*shapePod) bool) int {
	n := 0
	for _, p := range w.pods {
		if is(p) {
			n++
		}
	}
	return n
}

func (w *shapeWorld) stop(p *shapePod) {
	p.Asked, p.Deleting = w.now, w.now.Add(p.Grace)
	p.exitAt = w.now.Add(time.Duration(w.stops) * time.Second)
}

// look does what the report's loop does.
func (w *shapeWorld) look() {
	view := w.deployment
	view.Rollout = workload.Rollout{Observed: true, Desired: view.Replicas}
	snapshot := evidence.Snapshot{
		Revision: w.revision, Before: w.before, Departed: w.departed, Runs: w.runs, Serving: w.serving, Drill: w.running,
	}
	var current []workload.Pod
	for _, p := range w.pods {
		snapshot.Pods = append(snapshot.Pods, p.Pod)
		if p.Departing() {
			if p.TemplateHash == w.revision.PodTemplateHash {
				current = append(current, p.Pod)
			}
			continue
		}
		view.Rollout.Total++
		if p.TemplateHash == w.revision.PodTemplateHash {
			current = append(current, p.Pod)
			view.Rollout.Updated++
		}
		if p.Ready {
			view.Rollout.Ready++
			view.Rollout.Available++
		}
	}
	snapshot.Workload = view

	w.evidence = evidence.Observe(w.evidence, snapshot, w.now)
	targets := (*v1alpha1.ReadinessTargets)(nil).Effective(v1alpha1.Production)
	w.failing = evidence.Failing(snapshot, w.failing != "", w.now).Why
	w.readiness = readiness.Judge(w.evidence, readiness.Subject{Workload: view, Serving: w.serving, Failing: w.failing}, targets)
	if w.running != nil && evidence.DrillOutcome(w.evidence, *w.running) != "" {
		w.running = nil
	}
	if w.running != nil {
		return
	}
	decision := drill.Plan(drill.Input{
		Policy: w.policy, Awaited: readiness.NeedsDrill(w.readiness), Workload: view, Pods: current,
		Evidence: w.evidence, Last: w.lastDrill,
	}, w.now)
	w.wait = decision.Wait
	if decision.Pod != nil {
		w.disturb(decision)
	}
}

func (w *shapeWorld) disturb(decision drill.Decision) {
	w.drills++
	w.lastDrill = w.now
	w.running = &v1alpha1.Drill{
		Kind: decision.Kind, Pod: decision.Pod.Name, PodUID: decision.Pod.UID, PodTemplateHash: w.revision.PodTemplateHash, Since: metav1.NewTime(w.now),
	}
	if decision.Kind == v1alpha1.DrillRestart {
		w.restarts++
		w.rename()
		for range w.replicas {
			w.make()
		}
		return
	}
	i := slices.IndexFunc(w.pods, func(p *shapePod) bool { return p.UID == decision.Pod.UID })
	p := w.pods[i]
	p.Disruption, p.DisruptedSince = "EvictionByEvictionAPI", w.now
	w.stop(p)
	if w.kind == v1alpha1.KindDeployment {
		w.make()
	}
}
