// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package gate decides whether what runs in one namespace may enter another, and
// writes the decision down in a form that the API server itself can read: the ledger
// on the gated Namespace, and the admission policies that consult it. It is pure.
package gate
