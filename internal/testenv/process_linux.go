// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import "syscall"

// dieWithParent makes the kernel kill the child when its parent ends, however it ends. The
// child gets a process group of its own, so that Ctrl-C in a terminal reaches the parent
// alone and the parent can stop the cluster in order.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
