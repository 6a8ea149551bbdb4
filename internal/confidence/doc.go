// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package confidence says how much is known about a success rate, given the trials so
// far. Everything that Rampart lets a workload or a guardrail do is earned with the
// figures of this package, and reported in its sentence.
//
// The bound is looked at after every trial, so it is a score and not a guarantee: a
// process that is truly below the target now and then reaches it by luck.
package confidence
