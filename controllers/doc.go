// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controllers holds the loops of the operator. Each reconciles one kind, and
// each reads aloud: gather, judge, act, record. Judgement lives in internal/…; here is
// only what touches the API server.
//
//   - Guardrail: compiles the rule and accepts it.
//   - Namespace: says on the Namespace which environment it joined, and keeps its ledger.
//   - EnvironmentPolicy: levels of guardrails, native admission policies, totals.
//   - ReadinessReport: one for each workload: findings, evidence, drift, remediation, drills.
//   - PromotionGate: the decision, workload by workload.
//   - Admission: the policies that all environments share: ledger, quarantine, author stamp, report seal.
package controllers
