// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Command catalogue prints the reference of the guardrails that the project ships, as
// Markdown. It is part of `make docs`.
package main

import (
	"fmt"
	"io/fs"
	"os"

	"sigs.k8s.io/yaml"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/config"
)

func main() {
	guardrails, err := shipped(config.Catalogue)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(page(guardrails))
}

// shipped reads every guardrail of the catalogue.
func shipped(catalogue fs.FS) ([]v1alpha1.Guardrail, error) {
	files, err := fs.Glob(catalogue, "guardrails/*.yaml")
	if err != nil {
		return nil, err
	}
	var all []v1alpha1.Guardrail
	for _, file := range files {
		content, err := fs.ReadFile(catalogue, file)
		if err != nil {
			return nil, err
		}
		var g v1alpha1.Guardrail
		if err := yaml.Unmarshal(content, &g); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if g.Kind == "Guardrail" {
			all = append(all, g)
		}
	}
	return all, nil
}
