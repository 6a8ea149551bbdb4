// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestOnlyFoldersThatNobodyHoldsAreRemoved(t *testing.T) {
	g := NewWithT(t)
	parent := t.TempDir()
	folder := func(name string) string {
		path := filepath.Join(parent, name)
		g.Expect(os.Mkdir(path, 0o700)).To(Succeed())
		return path
	}
	abandoned, held, foreign := folder(temporaryPrefix+"1"), folder(temporaryPrefix+"2"), folder("other")
	lock, err := hold(held)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = lock.Close() })

	removeAbandoned(parent, time.Now())
	g.Expect(abandoned).To(BeADirectory(), "its owner may not have locked it yet")

	removeAbandoned(parent, time.Now().Add(2*abandonedAfter))
	g.Expect(abandoned).NotTo(BeAnExistingFile())
	g.Expect(held).To(BeADirectory())
	g.Expect(foreign).To(BeADirectory())
}

func TestAFolderHoldsOneCluster(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	first, err := newLayout(dir)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = newLayout(dir)
	g.Expect(err).To(MatchError(ContainSubstring("in use by another cluster")))
	g.Expect(first.remove()).To(Succeed())
	second, err := newLayout(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(second.remove()).To(Succeed())
}
