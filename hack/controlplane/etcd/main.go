// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Command etcd is the etcd server, built from its own module so that the pinned
// control plane needs no prebuilt binary.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
