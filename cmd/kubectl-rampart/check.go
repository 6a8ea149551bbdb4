// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/resource"
	"sigs.k8s.io/yaml"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/config"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/offline"
)

const checkExamples = `  # Judge what a folder holds by the shipped catalogue
  kubectl rampart check -f deploy/ -R

  # ... by your own guardrails, as the environment production sets them
  kubectl rampart check -f deploy/ --guardrails guardrails/ --policy production.yaml

  # ... what a tool renders, for a pipeline
  helm template shop ./chart | kubectl rampart check -f - -o json`

// check is the question of a developer before a merge.
type check struct {
	genericiooptions.IOStreams

	manifests  resource.FilenameOptions
	guardrails []string
	policy     string
	namespace  string
	kubernetes string
	output     string
}

func newCheck(streams genericiooptions.IOStreams) *cobra.Command {
	c := &check{IOStreams: streams}
	command := &cobra.Command{
		Use:   "check (-f FILENAME | -k DIRECTORY)",
		Short: "Judge manifests by guardrails without a cluster",
		Long: "Judge manifests by guardrails without a cluster, as the operator and the API server would.\n\n" +
			"The exit code is 0 without findings, 1 with findings, and 2 when something could not be judged.",
		Example: checkExamples,
		Args:    cobra.NoArgs,
		RunE:    func(command *cobra.Command, _ []string) error { return c.run(command.Context()) },
	}
	flags := command.Flags()
	flags.StringSliceVarP(&c.manifests.Filenames, "filename", "f", nil, "Files, directories or URLs with the manifests; - reads from standard input.")
	flags.StringVarP(&c.manifests.Kustomize, "kustomize", "k", "", "A kustomization directory with the manifests.")
	flags.BoolVarP(&c.manifests.Recursive, "recursive", "R", false, "Look into the directories of -f too.")
	flags.StringSliceVar(&c.guardrails, "guardrails", nil, "Files or directories with Guardrails. Default: the catalogue that this plugin was built with.")
	flags.StringVar(&c.policy, "policy", "", "A file with an EnvironmentPolicy: its guardrails judge, with its parameters and exclusions. Default: all guardrails, with their defaults.")
	flags.StringVarP(&c.namespace, "namespace", "n", "default", "The namespace of manifests that name none.")
	flags.StringVar(&c.kubernetes, "kubernetes", defaultKubernetes, "The Kubernetes version of the cluster that they are meant for.")
	flags.StringVarP(&c.output, "output", "o", "text", "How to answer: text or json.")
	return command
}

// defaultKubernetes is the version that the plugin's libraries are of.
const defaultKubernetes = "1.37"

func (c *check) run(ctx context.Context) error {
	write, known := writers[c.output]
	if !known {
		return fmt.Errorf("--output is %q: say text or json", c.output)
	}
	rules, err := c.rules()
	if err != nil {
		return err
	}
	manifests, err := read(c.manifests)
	if err != nil {
		return err
	}
	answer := answer{
		Verdicts: rules.Judge(ctx, manifests, c.namespace), Manifests: len(manifests), Guardrails: rules.Len(), Skipped: rules.Skipped,
	}
	if err := write(c.Out, answer); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	switch findings, unknown := answer.totals(); {
	case unknown > 0:
		return fmt.Errorf("%d verdicts are unknown: a guardrail could not be evaluated", unknown)
	case findings > 0:
		return errFindings
	default:
		return nil
	}
}

// rules compiles the guardrails that count.
func (c *check) rules() (offline.Rules, error) {
	server, err := version.ParseGeneric(c.kubernetes)
	if err != nil {
		return offline.Rules{}, fmt.Errorf("--kubernetes: %w", err)
	}
	compiler, err := guardrail.NewCompiler(server)
	if err != nil {
		return offline.Rules{}, err
	}
	var policy *v1alpha1.EnvironmentPolicy
	if c.policy != "" {
		policies, err := readKind[v1alpha1.EnvironmentPolicy]("EnvironmentPolicy", c.policy)
		if err != nil {
			return offline.Rules{}, err
		}
		if len(policies) != 1 {
			return offline.Rules{}, fmt.Errorf("--policy: %s holds %d EnvironmentPolicies; name a file with one", c.policy, len(policies))
		}
		policy = &policies[0]
	}
	guardrails, err := c.catalogue()
	if err != nil {
		return offline.Rules{}, err
	}
	rules, err := offline.Compile(compiler, guardrails, policy)
	if err == nil && rules.Len()+len(rules.Skipped) == 0 {
		err = fmt.Errorf("--policy: no guardrail stands in environment %s, so nothing would be judged", policy.Name)
	}
	return rules, err
}

// catalogue is the guardrails that the user names, else those that are built in.
func (c *check) catalogue() ([]v1alpha1.Guardrail, error) {
	if len(c.guardrails) == 0 {
		return builtIn()
	}
	guardrails, err := readKind[v1alpha1.Guardrail]("Guardrail", c.guardrails...)
	if err == nil && len(guardrails) == 0 {
		return nil, fmt.Errorf("--guardrails: no Guardrail in %v", c.guardrails)
	}
	return guardrails, err
}

func builtIn() ([]v1alpha1.Guardrail, error) {
	files, err := fs.Glob(config.Catalogue, "guardrails/*.yaml")
	if err != nil {
		return nil, err
	}
	var guardrails []v1alpha1.Guardrail
	for _, file := range files {
		content, err := fs.ReadFile(config.Catalogue, file)
		if err != nil {
			return nil, err
		}
		var rule v1alpha1.Guardrail
		if err := yaml.Unmarshal(content, &rule); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		if rule.Kind == "Guardrail" { // The other file is the kustomization.
			guardrails = append(guardrails, rule)
		}
	}
	return guardrails, nil
}

// readKind reads the objects of one of our kinds from files and directories.
func readKind[T any](kind string, paths ...string) ([]T, error) {
	manifests, err := read(resource.FilenameOptions{Filenames: paths})
	if err != nil {
		return nil, err
	}
	var objects []T
	for _, manifest := range manifests {
		if manifest.Object.GroupVersionKind() != v1alpha1.GroupVersion.WithKind(kind) {
			continue
		}
		var object T
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(manifest.Object.Object, &object, true); err != nil {
			return nil, fmt.Errorf("read %s: %w", manifest.Source, err)
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// read takes manifests as kubectl does: files, directories, URLs, kustomizations, standard input and lists.
func read(from resource.FilenameOptions) ([]offline.Manifest, error) {
	if err := from.RequireFilenameOrKustomize(); err != nil {
		return nil, err
	}
	infos, err := resource.NewLocalBuilder().Unstructured().FilenameParam(false, &from).Flatten().Do().Infos()
	if err != nil {
		return nil, err
	}
	manifests := make([]offline.Manifest, 0, len(infos))
	for _, info := range infos {
		if object, ok := info.Object.(*unstructured.Unstructured); ok {
			manifests = append(manifests, offline.Manifest{Source: info.Source, Object: object})
		}
	}
	return manifests, nil
}
