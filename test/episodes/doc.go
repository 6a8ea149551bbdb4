// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package episodes tells what happens to workloads, such as a clean rollout, a crash loop or
// the drain of a node, and which trials the operator has to make of it.
//
// Each is told once and played twice: on the nodes that kwok plays (test/e2e), so that every
// run of the tests knows them, and on a real one (test/node), so that they stay true.
package episodes
