// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures what guardrails cost: the API server in each request, and the
// operator in the background. It writes the figures, with the machine that they come from,
// into docs/benchmarks.md. Figures of one run are compared with each other only: a ratio
// says more than a time on somebody else's machine.
//
// It measures and judges nothing: what a figure ought to be stands in docs/benchmarks.md.
package main
