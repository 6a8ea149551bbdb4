// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/gate"
	"github.com/rampart-dev/rampart/internal/readiness"
	"github.com/rampart-dev/rampart/internal/workload"
)

// gatherGate reads what a gate's decision is made of. It fails with errOpening while the
// cluster of its source is about to be read for the first time.
func gatherGate(ctx context.Context, c client.Reader, others *Connections, environments environment.Map, g v1alpha1.PromotionGate) (gate.Input, error) {
	in := gate.Input{Gate: g, Judge: judgeAgain}
	here, found, err := readNamespace(ctx, c, g.Namespace)
	if err != nil {
		return in, err
	}
	if target, enrolled := environments.Of(here); found && enrolled {
		in.Policy = &target.Spec
		if in.Vetoes, err = enforcedCritical(ctx, c, target.Policy); err != nil {
			return in, err
		}
	}
	in.Held = found && in.Policy == nil && environments.Held(here)
	if in.Here, err = reportsIn(ctx, c, g.Namespace); err != nil {
		return in, err
	}
	if g.Spec.Source.Cluster != "" {
		in.Source, err = others.Source(ctx, g.Spec.Source)
	} else {
		in.Source, err = gatherSource(ctx, c, environments, g.Spec.Source.Namespace)
	}
	return in, err
}

// reportsIn are the reports of the workloads of a namespace.
func reportsIn(ctx context.Context, c client.Reader, namespace string) ([]v1alpha1.ReadinessReport, error) {
	var reports v1alpha1.ReadinessReportList
	if err := c.List(ctx, &reports, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list reports of namespace %s: %w", namespace, err)
	}
	return ofWorkloads(reports.Items), nil
}

// judgeAgain scores a report against the targets of one gate: the report itself is
// measured against the strictest of all gates that wait for it.
func judgeAgain(report v1alpha1.ReadinessReport, targets v1alpha1.ReadinessTargets) []v1alpha1.QualityScore {
	subject := readiness.Subject{Workload: workload.Workload{Kind: report.Status.Workload.Kind}}
	return readiness.Judge(report.Status.Evidence, subject, targets).Qualities
}

func gatherSource(ctx context.Context, c client.Reader, environments environment.Map, namespace string) (gate.Source, error) {
	there, found, err := readNamespace(ctx, c, namespace)
	if err != nil || !found {
		return gate.Source{}, err
	}
	source := gate.Source{Exists: true}
	if e, enrolled := environments.Of(there); enrolled {
		source.Environment = e.Name()
	} else {
		source.Held = environments.Held(there)
	}
	source.Reports, err = reportsIn(ctx, c, namespace)
	return source, err
}

// gatherShapes reads the workloads on both sides of a gate, to say how they differ. Those
// of another cluster cannot be read.
func gatherShapes(ctx context.Context, c client.Reader, in *gate.Input) (err error) {
	if in.Shapes, err = shapesIn(ctx, c, in.Gate.Namespace); err != nil {
		return err
	}
	if source := in.Gate.Spec.Source; source.Cluster == "" {
		in.Source.Shapes, err = shapesIn(ctx, c, source.Namespace)
	}
	return err
}

func shapesIn(ctx context.Context, c client.Reader, namespace string) (map[gate.Key]workload.Workload, error) {
	top, err := topWorkloads(ctx, c, namespace)
	if err != nil {
		return nil, err
	}
	shapes := map[gate.Key]workload.Workload{}
	for _, object := range top {
		if w, known := workload.From(object); known {
			shapes[gate.Key{Kind: w.Kind, Name: w.Name}] = w
		}
	}
	return shapes, nil
}

// readNamespace gets a namespace; found is false when there is none.
func readNamespace(ctx context.Context, c client.Reader, name string) (namespace *corev1.Namespace, found bool, err error) {
	namespace = &corev1.Namespace{}
	err = c.Get(ctx, client.ObjectKey{Name: name}, namespace)
	if apierrors.IsNotFound(err) {
		return namespace, false, nil
	}
	if err != nil {
		return namespace, false, fmt.Errorf("get namespace %s: %w", name, err)
	}
	return namespace, true, nil
}

// enforcedCritical names the critical guardrails that an environment enforces: what
// violates them would be refused there, so that its gates need not open.
func enforcedCritical(ctx context.Context, c client.Reader, policy *v1alpha1.EnvironmentPolicy) ([]string, error) {
	var list v1alpha1.GuardrailList
	if err := c.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("list guardrails: %w", err)
	}
	rules := acceptedRules(list.Items)
	var names []string
	for _, state := range policy.Status.Guardrails {
		rule := rules[state.Name]
		if state.Level == v1alpha1.Enforce && rule != nil && rule.Status.Accepted.Spec.Severity == v1alpha1.Critical {
			names = append(names, state.Name)
		}
	}
	return names, nil
}
