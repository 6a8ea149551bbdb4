// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Metrics are what the operator counts. No label holds the name of a workload or of a
// namespace: there are as many series as environments and guardrails.
type Metrics struct {
	workloads  *prometheus.GaugeVec
	unhealthy  *prometheus.GaugeVec
	findings   *prometheus.GaugeVec
	drifted    *prometheus.GaugeVec
	guardrails *prometheus.GaugeVec
	actions    *prometheus.CounterVec
	trials     *prometheus.CounterVec
}

// NewMetrics registers the metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "rampart", Name: name, Help: help}, labels)
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "rampart", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		workloads:  gauge("environment_workloads", "Workloads observed in an environment.", "environment", "stage"),
		unhealthy:  gauge("environment_workloads_unhealthy", "Workloads of an environment that are failing now.", "environment", "stage"),
		findings:   gauge("environment_findings", "Violations of guardrails that stand in an environment.", "environment", "stage"),
		drifted:    gauge("environment_workloads_drifted", "Workloads of an environment that differ from their baseline.", "environment", "stage"),
		guardrails: gauge("environment_guardrails", "Guardrails of an environment by level.", "environment", "stage", "level"),
		actions:    counter("actions_total", "Changes of workloads by the operator, done or failed.", "environment", "kind", "outcome"),
		trials:     counter("trials_total", "Trials that ended.", "environment", "kind", "outcome", "source"),
	}
	registry.MustRegister(m.workloads, m.unhealthy, m.findings, m.drifted, m.guardrails, m.actions, m.trials)
	return m
}

// Environment sets the gauges of one environment.
func (m *Metrics) Environment(name, stage string, status *v1alpha1.EnvironmentPolicyStatus) {
	m.workloads.WithLabelValues(name, stage).Set(float64(status.Workloads))
	m.unhealthy.WithLabelValues(name, stage).Set(float64(status.Unhealthy))
	m.findings.WithLabelValues(name, stage).Set(float64(status.Findings))
	m.drifted.WithLabelValues(name, stage).Set(float64(status.Drifted))
	byLevel := map[v1alpha1.Level]int{}
	for _, g := range status.Guardrails {
		byLevel[g.Level]++
	}
	for _, level := range v1alpha1.Levels {
		m.guardrails.WithLabelValues(name, stage, string(level)).Set(float64(byLevel[level]))
	}
}

// Forget drops the series of an environment that is gone.
func (m *Metrics) Forget(environment string) {
	labels := prometheus.Labels{"environment": environment}
	for _, gauge := range []*prometheus.GaugeVec{m.workloads, m.unhealthy, m.findings, m.drifted, m.guardrails} {
		gauge.DeletePartialMatch(labels)
	}
}

// Action counts one change of a workload.
func (m *Metrics) Action(environment string, action v1alpha1.Action) {
	m.actions.WithLabelValues(environment, string(action.Kind), string(action.Outcome)).Inc()
}

// Trials counts trials that ended.
func (m *Metrics) Trials(environment string, trials []v1alpha1.Trial) {
	for _, t := range trials {
		source := t.Source
		if source == "" {
			source = v1alpha1.SourceNatural
		}
		m.trials.WithLabelValues(environment, string(t.Kind), string(t.Outcome), string(source)).Inc()
	}
}
