// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package isolation decides when a failing revision is cut off the network, by which
// NetworkPolicy, when it is let go, and what is known of the effect.
//
// It is for a workload that fails by evidence and has nothing good to return to: its pods
// then only burden what they call, or answer those who call them with errors. Pods of
// another revision keep their traffic, and so does the next revision. What lies in wait
// for a revision that ran well (a dependency that is away) is no reason: a pod that is cut
// off cannot see it come back.
//
// Everything here is pure: it reads no clock and calls no API.
package isolation
