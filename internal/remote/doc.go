// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package remote judges what comes from another cluster: whether a kubeconfig may be used
// to connect to it, whether what was read from it is fresh enough to decide by, and which
// of its reports make sense here. It is pure: the connection itself is in controllers.
package remote
