// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// assetsVariable is the variable by which the users of envtest name their binaries.
const assetsVariable = "KUBEBUILDER_ASSETS"

// Assets returns the folder of the control plane's binaries: the one that KUBEBUILDER_ASSETS
// names, else bin/controlplane in the repository. The error says how to get them.
func Assets() (string, error) {
	if folder := os.Getenv(assetsVariable); folder != "" {
		return checkAssets(folder, "unset "+assetsVariable+" and run `make controlplane`, or let it name a folder that holds them")
	}
	root, err := repositoryRoot()
	if err != nil {
		return "", err
	}
	return checkAssets(filepath.Join(root, "bin", "controlplane"), "run `make controlplane`, it builds them from source")
}

// checkAssets returns folder if it holds what every cluster needs.
func checkAssets(folder, advice string) (string, error) {
	for _, name := range []string{etcd, apiServer} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			return "", fmt.Errorf("no control plane binaries (%w): %s", err, advice)
		}
	}
	return folder, nil
}

// binary returns the path of one of the binaries in assets. Standard envtest assets have
// neither controllers nor nodes, which is worth a better message than "no such file".
func binary(assets, name string) (string, error) {
	path := filepath.Join(assets, name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("this cluster needs %s, which is not among the binaries in %s: unset %s and run `make controlplane`",
			name, assets, assetsVariable)
	}
	return path, nil
}

// repositoryRoot is the nearest folder at or above the working directory that holds the
// module: tests run in their package's folder, `go run` in the repository's.
func repositoryRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for folder := start; ; folder = filepath.Dir(folder) {
		_, err := os.Stat(filepath.Join(folder, "PROJECT"))
		if err == nil {
			return folder, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("%s is not in the Rampart repository (no PROJECT file at or above it)", start)
		}
	}
}
