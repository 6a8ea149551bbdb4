// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

const guardrailsExamples = `  # Where the guardrails of every environment stand
  kubectl rampart guardrails

  # ... of one
  kubectl rampart guardrails production

  # One guardrail in full: what it waits for, who is held back, what would be refused
  kubectl rampart guardrails production image-pinned`

// guardrails is the question of a platform team: how far are we, and what is missing?
type guardrails struct {
	genericiooptions.IOStreams

	// connect makes the client when it is needed.
	connect func() (client.Reader, error)
	now     func() time.Time
}

func newGuardrails(streams genericiooptions.IOStreams) *cobra.Command {
	connection := genericclioptions.NewConfigFlags(true)
	g := &guardrails{IOStreams: streams, now: time.Now, connect: func() (client.Reader, error) { return connect(connection) }}
	command := g.command()
	connection.AddFlags(command.Flags())
	return command
}

func (g *guardrails) command() *cobra.Command {
	return &cobra.Command{
		Use:     "guardrails [ENVIRONMENT [GUARDRAIL]]",
		Short:   "Show where guardrails stand, and what they wait for",
		Example: guardrailsExamples,
		Args:    cobra.MaximumNArgs(2),
		RunE:    func(command *cobra.Command, args []string) error { return g.run(command.Context(), args) },
	}
}

func connect(flags *genericclioptions.ConfigFlags) (client.Reader, error) {
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return client.New(config, client.Options{Scheme: scheme})
}

func (g *guardrails) run(ctx context.Context, args []string) error {
	reader, err := g.connect()
	if err != nil {
		return err
	}
	if len(args) < 2 {
		policies, err := environments(ctx, reader, args)
		if err != nil {
			return err
		}
		return writeEnvironments(g.Out, policies)
	}
	policies, err := environments(ctx, reader, args[:1])
	if err != nil {
		return err
	}
	name := args[1]
	at := slices.IndexFunc(policies[0].Status.Guardrails, func(s v1alpha1.GuardrailState) bool { return s.Name == name })
	if at < 0 {
		return fmt.Errorf("guardrail %s does not stand in environment %s; these do: %s", name, args[0], strings.Join(names(policies[0]), ", "))
	}
	var rule v1alpha1.Guardrail
	// What its author wrote is an addition: the guardrail may just have been deleted.
	err = reader.Get(ctx, client.ObjectKey{Name: name}, &rule)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get guardrail %s: %w", name, err)
	}
	return writeStanding(g.Out, standing{rule: rule, policy: policies[0], state: policies[0].Status.Guardrails[at], now: g.now()})
}

// environments are the named one, or all: those that follow after those that they follow.
func environments(ctx context.Context, reader client.Reader, names []string) ([]v1alpha1.EnvironmentPolicy, error) {
	if len(names) == 1 {
		var policy v1alpha1.EnvironmentPolicy
		err := reader.Get(ctx, client.ObjectKey{Name: names[0]}, &policy)
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("there is no environment %s: see kubectl get environmentpolicies", names[0])
		}
		return []v1alpha1.EnvironmentPolicy{policy}, err
	}
	var list v1alpha1.EnvironmentPolicyList
	if err := reader.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("list environmentpolicies: %w", err)
	}
	slices.SortStableFunc(list.Items, func(a, b v1alpha1.EnvironmentPolicy) int {
		switch {
		case b.Spec.Stage.Graver(a.Spec.Stage):
			return -1
		case a.Spec.Stage.Graver(b.Spec.Stage):
			return 1
		default:
			return strings.Compare(a.Name, b.Name)
		}
	})
	return list.Items, nil
}

func names(policy v1alpha1.EnvironmentPolicy) []string {
	var all []string
	for _, state := range policy.Status.Guardrails {
		all = append(all, state.Name)
	}
	return all
}
