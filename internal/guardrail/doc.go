// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package guardrail is what a Guardrail means: it compiles the rule, judges objects by
// it, and renders it to native admission policies. All three use the expression and
// the libraries that the API server uses, so that they agree on every object. It talks
// to no server.
package guardrail
