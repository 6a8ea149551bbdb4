// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// catalogueFolder is where the shipped guardrails are, seen from the root of the repository.
const catalogueFolder = "config/guardrails"

// readCatalogue reads every guardrail that the project ships, by name.
func readCatalogue() ([]v1alpha1.Guardrail, error) {
	files, err := filepath.Glob(filepath.Join(catalogueFolder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	var all []v1alpha1.Guardrail
	for _, file := range files {
		content, err := os.ReadFile(file)
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
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no guardrail: run this from the root of the repository", catalogueFolder)
	}
	return all, nil
}

// compileAll compiles guardrails for the API server's version.
func compileAll(server *version.Version, all []v1alpha1.Guardrail) ([]*guardrail.Program, error) {
	compiler, err := guardrail.NewCompiler(server)
	if err != nil {
		return nil, err
	}
	programs := make([]*guardrail.Program, 0, len(all))
	for _, g := range all {
		p, err := compiler.Compile(g.Name, g.Spec)
		if err != nil {
			return nil, fmt.Errorf("compile %s: %w", g.Name, err)
		}
		programs = append(programs, p)
	}
	return programs, nil
}

// inRequests are the guardrails that the API server evaluates when a workload is created.
func inRequests(all []v1alpha1.Guardrail) []v1alpha1.Guardrail {
	return slices.DeleteFunc(slices.Clone(all), func(g v1alpha1.Guardrail) bool {
		return len(g.Spec.Resources) != 0 || len(g.Spec.Surroundings) != 0
	})
}

// pick takes n guardrails, spread evenly over all of them; where there are fewer, it
// repeats them under other names.
func pick(all []v1alpha1.Guardrail, n int) []v1alpha1.Guardrail {
	picked := make([]v1alpha1.Guardrail, 0, n)
	for i := range n {
		g := *all[i%len(all)].DeepCopy()
		if n < len(all) {
			g = *all[i*len(all)/n].DeepCopy()
		}
		if repetition := i / len(all); repetition > 0 {
			g.Name = fmt.Sprintf("%s-%d", g.Name, repetition+1)
		}
		picked = append(picked, g)
	}
	return picked
}

// mustBeClean returns an error if a rule finds something in an object: the cost for what
// complies is to be measured, and a request that is refused ends early.
func mustBeClean(programs []*guardrail.Program, object runtime.Object) error {
	for _, p := range programs {
		verdict, err := p.Evaluate(context.Background(), guardrail.Input{Object: object})
		if err != nil {
			return err
		}
		if verdict.Outcome != guardrail.OutcomeClean {
			return fmt.Errorf("the object of the benchmark violates %s: %s", p.Name(), verdict.Findings[0].Text)
		}
	}
	return nil
}
