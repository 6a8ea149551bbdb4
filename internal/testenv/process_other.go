// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package testenv

import "syscall"

// dieWithParent leaves the child in its parent's process group: where the kernel cannot kill
// a child with its parent, Ctrl-C in the terminal at least reaches both.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
