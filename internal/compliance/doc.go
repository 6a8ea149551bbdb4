// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package compliance says what becomes of a guardrail's verdict in a ReadinessReport:
// which findings are new, which were fixed, which come and go by themselves, and which of
// them people are told of. It is pure.
package compliance
