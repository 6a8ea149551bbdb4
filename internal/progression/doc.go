// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package progression decides how grave the consequences of a guardrail, or of a gate,
// are: it raises a level one step when trials have earned it, and lowers it at once when
// the guardrail misbehaves. It counts nothing of its own: every trial is read from the
// ReadinessReports, so that restarts and replays cannot miscount. It is pure.
package progression
