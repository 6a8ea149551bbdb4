// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package drift says which fields of a workload differ from what its trusted writers
// wrote, who changed them, and what may be done about it.
//
// The pieces, in the order in which they are used: StampPolicy makes the API server
// write down who changed a spec; Diff finds the leaves in which two specs differ; Judge
// attributes them and decides; Undo is the patch that takes them back. BaselineObject
// is how the answer survives a restart. Everything here is pure: it reads no clock and
// calls no API.
package drift
