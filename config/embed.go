// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config holds the manifests of the operator. What the operator must know of
// them itself is embedded here.
package config

import _ "embed"

// Role is the operator's ClusterRole as it is generated from the markers in
// controllers: every permission that the operator needs in the cluster.
//
//go:embed rbac/role.yaml
var Role []byte
