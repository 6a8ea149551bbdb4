// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// TestingT is what ForSuite needs of a test: *testing.T, *testing.B and GinkgoT() have it.
type TestingT interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// ForSuite starts a control plane that lives as long as t: in a Ginkgo suite call it once,
// in BeforeSuite, with GinkgoT(). A failure to start fails t.
func ForSuite(t TestingT, options Options) *Cluster {
	t.Helper()
	cluster, err := StartControlPlane(context.Background(), options)
	if err != nil {
		t.Fatalf("start the control plane: %v", err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Fatalf("stop the control plane: %v", err)
		}
	})
	return cluster
}

// RunWith is the body of a TestMain whose tests share one control plane: it starts it, hands
// it to use, runs the tests, stops it, and returns the exit code.
//
//	func TestMain(m *testing.M) {
//		os.Exit(testenv.RunWith(m, testenv.Options{}, func(c *testenv.Cluster) { cluster = c }))
//	}
func RunWith(m *testing.M, options Options, use func(*Cluster)) int {
	cluster, err := StartControlPlane(context.Background(), options)
	if err != nil {
		fmt.Fprintf(os.Stderr, "start the control plane: %v\n", err)
		return 1
	}
	use(cluster)
	code := m.Run()
	if err := cluster.Stop(); err != nil {
		fmt.Fprintf(os.Stderr, "stop the control plane: %v\n", err)
		return 1
	}
	return code
}
