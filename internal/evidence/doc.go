// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package evidence turns looks at a workload into trials: observations of its behaviour
// with an outcome.
//
// Observe is level-triggered. It is given what is known already and one look, and it
// answers with what is known now. Looks may be repeated, lost or come late, and the
// operator may have been away in between: a trial has an id that is derived from what
// is observed, so it counts once; its times are those in the status of pods, not those
// of the look; and what nobody saw the end of is censored, never guessed.
//
// One trial kind is one file: when it has begun, and how it ends.
package evidence
