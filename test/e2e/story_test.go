// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import "testing"

func TestTheStoryOfMakeDemoHappens(t *testing.T) { theWorld(t) }
