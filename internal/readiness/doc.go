// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package readiness judges evidence: how far each quality of a revision has been shown,
// and whether the revision is proven.
package readiness
