// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// distinct is how many Deployments take turns, so that no rule sees the same one twice in a row.
const distinct = 1000

// backgroundFigures are what the evaluation of the catalogue takes on one core.
type backgroundFigures struct {
	// rules of the catalogue, and those of them that judge Deployments.
	rules, judging int
	// runs are the same workloads, judged in different ways.
	runs []backgroundRun
	// program is how many bytes a compiled rule holds.
	program int
}

type backgroundRun struct {
	title string
	// perSecond is workloads for each second of CPU, the garbage collector's included:
	// other programs on the machine cost no figure. Allocations and bytes are for each.
	perSecond          float64
	allocations, bytes int64
}

func measureBackground(all []v1alpha1.Guardrail) (backgroundFigures, error) {
	figures := backgroundFigures{rules: len(all)}
	before := heap()
	programs, err := compileAll(newest, all)
	if err != nil {
		return figures, err
	}
	figures.program = int(heap()-before) / len(programs)
	runtime.KeepAlive(programs)

	good, bad := make([]guardrail.Input, 0, distinct), make([]guardrail.Input, 0, distinct)
	for i := range distinct {
		good = append(good, inputOf(i))
		bad = append(bad, carelessInputOf(i))
	}
	for _, p := range programs {
		if p.Judges(v1alpha1.KindDeployment) {
			figures.judging++
		}
	}
	panel := guardrail.NewPanel(programs)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ctx := context.Background()
	figures.runs = []backgroundRun{
		timed("The operator, workloads that comply", good, func(in guardrail.Input) error { return firstError(panel.Evaluate(ctx, in)) }),
		timed("The operator, careless workloads", bad, func(in guardrail.Input) error { return firstError(panel.Evaluate(ctx, in)) }),
		timed("Rule by rule with the API server's libraries, workloads that comply", good, func(in guardrail.Input) error {
			for _, p := range programs {
				// A rule about something else is not asked by the operator either.
				if !p.Judges(v1alpha1.KindDeployment) {
					continue
				}
				if _, err := p.Evaluate(ctx, in); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	for _, result := range panel.Evaluate(ctx, good[0]) {
		if result.Err != nil || result.Verdict.Outcome != guardrail.OutcomeClean {
			return figures, fmt.Errorf("the workload of the benchmark does not comply with %s: %v %w",
				result.Program.Name(), result.Verdict.Findings, result.Err)
		}
	}
	return figures, nil
}

// inputOf is what the operator knows of a Deployment that complies with the catalogue.
func inputOf(i int) guardrail.Input {
	name := fmt.Sprintf("service-%d", i)
	return guardrail.Input{
		Object:    deployment(name),
		Namespace: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{"environment": environment}}},
		Surroundings: &guardrail.Surroundings{
			Missing:           []guardrail.MissingReference{},
			DisruptionBudgets: []guardrail.DisruptionBudget{{Name: name, MaxUnavailable: new(intstr.FromString("25%")), ExpectedPods: 3, DisruptionsAllowed: 1}},
			Services:          []guardrail.Service{{Name: name, Ports: []guardrail.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http-app"), Protocol: "TCP"}}}},
			ClaimedHosts:      []guardrail.ClaimedHost{},
		},
	}
}

// carelessInputOf is a Deployment as people write the first one: it violates a good part
// of the catalogue.
func carelessInputOf(i int) guardrail.Input {
	in := inputOf(i)
	d := deployment(fmt.Sprintf("service-%d", i))
	d.Labels = nil
	d.Spec.Replicas = new(int32(1))
	spec := &d.Spec.Template.Spec
	spec.ServiceAccountName, spec.AutomountServiceAccountToken, spec.SecurityContext, spec.TopologySpreadConstraints = "", nil, nil, nil
	for i := range spec.Containers {
		c := &spec.Containers[i]
		c.Image = "nginx"
		c.SecurityContext, c.LivenessProbe, c.ReadinessProbe, c.StartupProbe, c.Lifecycle = nil, nil, nil, nil, nil
		c.Resources = corev1.ResourceRequirements{}
	}
	in.Object = d
	return in
}

func firstError(results []guardrail.Result) error {
	for _, result := range results {
		if result.Err != nil {
			return result.Err
		}
	}
	return nil
}

// timed judges inputs for a while.
func timed(title string, inputs []guardrail.Input, judge func(guardrail.Input) error) backgroundRun {
	var cpu time.Duration
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		before := ownCPU()
		for i := range b.N {
			if err := judge(inputs[i%len(inputs)]); err != nil {
				b.Fatal(err)
			}
		}
		cpu = ownCPU() - before
	})
	return backgroundRun{title, float64(result.N) / cpu.Seconds(), result.AllocsPerOp(), result.AllocedBytesPerOp()}
}

// ownCPU is the CPU time that this program has used.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // It cannot fail for the process itself.
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// heap is how many bytes are in use, garbage excepted.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // What the first has found to be garbage may have kept more alive.
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
