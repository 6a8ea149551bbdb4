// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package testenv starts a real Kubernetes control plane on the loopback interface and
// stops it again: for the demo, `make run`, the end-to-end tests and the suites of the
// controllers. Everything is real except the nodes, which kwok plays (see Behaviour).
//
// Nothing here is part of the operator: tests and hack/ import it, and nothing else.
package testenv
