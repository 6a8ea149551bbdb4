// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"fmt"
	"path/filepath"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// InstallCRDs applies the project's CustomResourceDefinitions from config/crd and waits
// until they are served.
func (c *Cluster) InstallCRDs() error {
	root, err := repositoryRoot()
	if err != nil {
		return err
	}
	_, err = envtest.InstallCRDs(c.Config, envtest.CRDInstallOptions{
		Paths:              []string{filepath.Join(root, "config", "crd")},
		ErrorIfPathMissing: true,
	})
	if err != nil {
		return fmt.Errorf("install the CustomResourceDefinitions: %w", err)
	}
	return nil
}
