// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv_test

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/internal/testenv"
)

func TestTheUsersAssetsWin(t *testing.T) {
	g := NewWithT(t)
	folder := t.TempDir()
	for _, name := range []string{"etcd", "kube-apiserver"} {
		g.Expect(os.WriteFile(filepath.Join(folder, name), nil, 0o600)).To(Succeed())
	}
	t.Setenv("KUBEBUILDER_ASSETS", folder)
	g.Expect(testenv.Assets()).To(Equal(folder))
}

func TestMissingBinariesAreExplained(t *testing.T) {
	t.Run("where the user named a folder without them", func(t *testing.T) {
		t.Setenv("KUBEBUILDER_ASSETS", t.TempDir())
		_, err := testenv.Assets()
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring("unset KUBEBUILDER_ASSETS")))
	})
	t.Run("where they have not been built", func(t *testing.T) {
		root := t.TempDir()
		g := NewWithT(t)
		g.Expect(os.WriteFile(filepath.Join(root, "PROJECT"), nil, 0o600)).To(Succeed())
		t.Setenv("KUBEBUILDER_ASSETS", "")
		t.Chdir(root)
		_, err := testenv.Assets()
		g.Expect(err).To(MatchError(ContainSubstring("make controlplane")))
	})
}

func TestStandardEnvtestAssetsSayWhatTheyLack(t *testing.T) {
	g := NewWithT(t)
	assets, err := testenv.Assets()
	g.Expect(err).NotTo(HaveOccurred())
	folder := t.TempDir()
	for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
		g.Expect(os.Symlink(filepath.Join(assets, name), filepath.Join(folder, name))).To(Succeed())
	}
	t.Setenv("KUBEBUILDER_ASSETS", folder)

	_, err = testenv.StartControlPlane(t.Context(), testenv.Options{Nodes: 1})
	g.Expect(err).To(MatchError(ContainSubstring("needs kube-scheduler")))
	g.Expect(err).To(MatchError(ContainSubstring("make controlplane")))

	cluster, err := testenv.StartControlPlane(t.Context(), testenv.Options{})
	g.Expect(err).NotTo(HaveOccurred(), "a controller's suite needs no more than these")
	g.Expect(cluster.Stop()).To(Succeed())
}
