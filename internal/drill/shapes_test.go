// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drill_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// TestShapesReachOpenFromTheDefaults holds how long the gate to Production takes to open
// for each shape, with the defaults alone. docs/guides/gates.md publishes these times.
func TestShapesReachOpenFromTheDefaults(t *testing.T) {
	deployment, statefulSet, daemonSet := v1alpha1.KindDeployment, v1alpha1.KindStatefulSet, v1alpha1.KindDaemonSet
	for name, c := range map[string]struct {
		shape  shape
		within time.Duration
		drills int
	}{
		"a service of three replicas": {
			shape{kind: deployment, replicas: 3, serving: true, probed: true, starts: 10, stops: 5}, 7 * time.Minute, 20,
		},
		"a service of three replicas that takes its time": {
			shape{kind: deployment, replicas: 3, serving: true, probed: true, starts: 40, stops: 25}, 15 * time.Minute, 20,
		},
		"a singleton": {
			shape{kind: deployment, replicas: 1, serving: true, probed: true, starts: 10, stops: 5}, 7 * time.Minute, 20,
		},
		"a StatefulSet with volumes": {
			shape{kind: statefulSet, replicas: 3, serving: true, probed: true, starts: 10, stops: 10}, 8 * time.Minute, 20,
		},
		"a DaemonSet": {
			shape{kind: daemonSet, replicas: 3, probed: true, starts: 10, stops: 5}, 8 * time.Minute, 20,
		},
		"a queue worker without endpoints": {
			shape{kind: deployment, replicas: 2, starts: 2, stops: 8}, 7 * time.Minute, 20,
		},
		"a rarely deployed service": {
			shape{kind: deployment, replicas: 3, serving: true, probed: true, starts: 10, stops: 5, age: 90 * 24 * time.Hour}, 7 * time.Minute, 20,
		},
		"a service deployed thirty times a day": {
			shape{kind: deployment, replicas: 3, serving: true, probed: true, starts: 10, stops: 5, every: 16 * time.Minute}, 7 * time.Minute, 20,
		},
		"a CronJob that runs every five minutes": {
			shape{kind: v1alpha1.KindCronJob, every: 5 * time.Minute}, 30 * time.Minute, 0,
		},
		"a StatefulSet of one, where the policy lets drills interrupt it": {
			shape{kind: statefulSet, replicas: 1, probed: true, starts: 10, stops: 5, singletons: v1alpha1.SingletonsEvict}, 8 * time.Minute, 20,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newShapeWorld(c.shape)
			for !w.readiness.Proven && w.now.Before(now.Add(c.within)) {
				w.step()
				g.Expect(w.readiness.Message+w.wait).NotTo(BeEmpty(), "it is always said what is waited for")
			}
			t.Logf("proven after %s and %d drills", w.now.Sub(now), w.drills)
			g.Expect(w.readiness.Proven).To(BeTrue(), "%s; %s", w.readiness.Message, w.wait)
			g.Expect(w.drills).To(BeNumerically("<=", c.drills))
			if c.shape.singletons == "" && c.shape.kind != v1alpha1.KindCronJob {
				g.Expect(w.unready).To(BeZero(), "no drill interrupts it")
			}
		})
	}
}

// Revisions that follow a proven one need fewer trials of their own.
func TestAServiceDeployedThirtyTimesADayIsProvenSoonAfterEachDeploy(t *testing.T) {
	g := NewWithT(t)
	every := 16 * time.Minute
	w := newShapeWorld(shape{kind: v1alpha1.KindDeployment, replicas: 3, serving: true, probed: true, starts: 10, stops: 5, every: every})
	for range 8 {
		for waited := time.Duration(0); waited < every-time.Second; waited += time.Second {
			w.step()
			if w.revision.Number > 1 && waited == 4*time.Minute {
				g.Expect(w.readiness.Proven).To(BeTrue(), "revision %d: %s; %s", w.revision.Number, w.readiness.Message, w.wait)
			}
		}
		g.Expect(w.readiness.Proven).To(BeTrue())
		w.step() // the next deploy
	}
}

// TestShapesThatDoNotReachOpen live through an hour, and say why.
func TestShapesThatDoNotReachOpen(t *testing.T) {
	deployment := v1alpha1.KindDeployment
	const killed = 137
	for name, c := range map[string]struct {
		shape shape
		says  string
	}{
		"a build that only sleeps, and ignores SIGTERM": {
			shape{kind: deployment, replicas: 2, starts: 2, stops: 30, exitCode: killed}, "one failed on this revision",
		},
		"a singleton that only sleeps": {
			shape{kind: deployment, replicas: 1, starts: 2, stops: 30, exitCode: killed}, "one failed on this revision",
		},
		"a service without probes": {
			shape{kind: deployment, replicas: 3, serving: true, starts: 2, stops: 5}, "add a readiness probe",
		},
		"a service without probes that is deployed all the time": {
			shape{kind: deployment, replicas: 3, serving: true, starts: 2, stops: 5, every: 16 * time.Minute}, "add a readiness probe",
		},
		"a StatefulSet of one, which nothing may interrupt": {
			shape{kind: v1alpha1.KindStatefulSet, replicas: 1, probed: true, starts: 10, stops: 5}, "set drills.singletons: Evict",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newShapeWorld(c.shape)
			for range 60 * 60 {
				w.step()
				if w.readiness.Proven {
					t.Fatalf("proven after %s: %s", w.now.Sub(now), w.readiness.Message)
				}
			}
			g.Expect(w.readiness.Message + "; " + w.wait).To(ContainSubstring(c.says))
		})
	}
}
