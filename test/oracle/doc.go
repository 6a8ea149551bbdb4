// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package oracle holds no code: its tests compare the guardrails of the Pod Security
// Standards with the implementation that Kubernetes itself enforces them by, which nobody
// here wrote. They agree control by control, on its own fixtures through a live API server
// and on thousands of random pods.
//
// Assumed is the policy as Kubernetes 1.37 has it by default: the newest version of each
// check, no emulated older version. From that version on the checks depend on no feature
// gate; what they once relaxed for user namespaces by a gate is part of the policy.
package oracle
