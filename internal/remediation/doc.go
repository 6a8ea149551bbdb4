// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package remediation decides when a failed rollout is rolled back, to which revision,
// and whether the blast radius allows it, and keeps the failed revision from coming back.
//
// The pieces, in the order in which they are used: Judge says what should follow what was
// observed, Budget whether it may follow now, RollbackPatch is the write, Changes what
// the failed revision brought, and QuarantinePolicy the admission policy that refuses
// exactly that. Everything here is pure: it reads no clock and calls no API.
package remediation
