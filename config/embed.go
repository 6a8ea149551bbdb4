// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config holds the manifests of the operator. What the operator and its plugin
// must know of them themselves is embedded here.
package config

import "embed"

// Role is the operator's ClusterRole as it is generated from the markers in
// controllers: every permission that the operator needs in the cluster.
//
//go:embed rbac/role.yaml
var Role []byte

// Catalogue is the guardrails that the project ships, a YAML file each, and their kustomization.
//
//go:embed guardrails/*.yaml
var Catalogue embed.FS
