// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package story tells of one service on its way through development, staging and
// production. `make demo` shows it, and the end-to-end tests demand that it happens.
package story

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rampart-dev/rampart/internal/testenv"
)

// Who types a command. Each has a kubeconfig of their own.
const (
	platform = "platform"
	gitops   = "gitops"
	dana     = "dana"
)

// deployer is the identity of the GitOps tool in config/samples/platform.
var deployer = types.NamespacedName{Namespace: "gitops", Name: "deployer"}

// patience is how long a step may take to happen.
const patience = 60 * time.Second

// stage is where the story plays: a cluster, and the people who use it.
type stage struct {
	ctx         context.Context //nolint:containedctx // one story, one context
	cluster     *testenv.Cluster
	out         io.Writer
	kubeconfigs map[string]string
}

// scene is one part of the story.
type scene struct {
	title string
	text  string
	steps []step
}

// step is a command, and what must come of it.
type step struct {
	// say is told before the command.
	say string
	// as is who types it; the platform team unless it says otherwise.
	as string
	// kubectl is the command's arguments, as they would be typed.
	kubectl string
	// fails is true when the API server must refuse.
	fails bool
	// rehearsed is true when a native policy that has just come must show in the output.
	rehearsed bool
	// shows are texts that must all be in the output. The command is repeated until they
	// are, unless it changes something; what is shown is its last output.
	shows []string
	// lacks are texts that must not be in the output then.
	lacks []string
}

// Play tells the whole story on a cluster with controllers and nodes on which the operator
// runs and nothing else has been done, and writes it to out. The error says which of its
// steps did not happen. The working directory must be the repository's root, because the
// story applies what is in config.
func Play(ctx context.Context, cluster *testenv.Cluster, out io.Writer) error {
	s, err := newStage(ctx, cluster, out)
	if err != nil {
		return err
	}
	return s.play(scenes)
}

func newStage(ctx context.Context, cluster *testenv.Cluster, out io.Writer) (*stage, error) {
	s := &stage{ctx: ctx, cluster: cluster, out: out, kubeconfigs: map[string]string{platform: cluster.Kubeconfig}}
	config, err := clientcmd.LoadFromFile(cluster.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	for _, user := range config.AuthInfos {
		user.Impersonate, user.ImpersonateGroups = dana, []string{"system:authenticated"}
	}
	s.kubeconfigs[dana] = filepath.Join(filepath.Dir(cluster.Kubeconfig), "dana.kubeconfig")
	if err := clientcmd.WriteToFile(*config, s.kubeconfigs[dana]); err != nil {
		return nil, fmt.Errorf("write dana's kubeconfig: %w", err)
	}
	return s, nil
}

// play tells the scenes one after the other, and stops where one does not happen.
func (s *stage) play(scenes []scene) error {
	for i, scene := range scenes {
		s.tell("\n%d. %s\n%s\n\n%s\n", i+1, scene.title, strings.Repeat("=", len(scene.title)+3), scene.text)
		for _, step := range scene.steps {
			if err := s.perform(step); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *stage) perform(step step) error {
	if step.say != "" {
		s.tell("\n%s\n", step.say)
	}
	if step.as == "" {
		step.as = platform
	}
	if err := s.welcome(step.as); err != nil {
		return err
	}
	if step.fails || step.rehearsed {
		if err := s.rehearse(step); err != nil {
			return err
		}
	}
	s.tell("\n%s$ kubectl %s\n", step.as, step.kubectl)
	output, problem := s.run(step)
	for deadline := time.Now().Add(patience); problem != "" && repeatable(step.kubectl) && time.Now().Before(deadline); {
		if err := s.wait(250 * time.Millisecond); err != nil {
			return err
		}
		output, problem = s.run(step)
	}
	s.tell("%s", output)
	if problem != "" {
		return fmt.Errorf("kubectl %s: %s", step.kubectl, problem)
	}
	return nil
}

// rehearse waits until what must come of a step would: the API server takes a second or
// so to load a new native policy. A dry-run changes nothing.
func (s *stage) rehearse(step step) error {
	step.kubectl += " --dry-run=server"
	_, problem := s.run(step)
	for deadline := time.Now().Add(patience); problem != "" && time.Now().Before(deadline); {
		if err := s.wait(250 * time.Millisecond); err != nil {
			return err
		}
		_, problem = s.run(step)
	}
	if problem != "" {
		return fmt.Errorf("kubectl %s: %s", step.kubectl, problem)
	}
	return nil
}

// welcome gives the GitOps tool its credentials when it is first needed: its service
// account is part of the story.
func (s *stage) welcome(who string) error {
	if who != gitops || s.kubeconfigs[gitops] != "" {
		return nil
	}
	path, err := s.cluster.KubeconfigFor(s.ctx, deployer)
	if err != nil {
		return fmt.Errorf("get the credentials of the GitOps tool: %w", err)
	}
	s.kubeconfigs[gitops] = path
	return nil
}

// run runs a step's command, and says what is missing in what it answers.
func (s *stage) run(step step) (output, problem string) {
	command := exec.CommandContext(s.ctx, s.cluster.Kubectl, words(step.kubectl)...)
	command.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfigs[step.as])
	data, err := command.CombinedOutput()
	output = string(data)
	switch {
	case err != nil && !step.fails:
		return output, "it failed: " + err.Error()
	case err == nil && step.fails:
		return output, "it was not refused"
	}
	for _, text := range step.shows {
		if !strings.Contains(output, text) {
			return output, fmt.Sprintf("the output does not say %q", text)
		}
	}
	for _, text := range step.lacks {
		if strings.Contains(output, text) {
			return output, fmt.Sprintf("the output says %q", text)
		}
	}
	return output, ""
}

// tell writes to who reads the story. One who stopped reading does not stop it.
func (s *stage) tell(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format, args...) }

func (s *stage) wait(d time.Duration) error {
	select {
	case <-s.ctx.Done():
		return s.ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// repeatable says whether a command only looks, or only asks what would happen.
func repeatable(kubectl string) bool {
	verbs := []string{"--dry-run=server", "get", "events", "rollout", "wait", "describe"}
	return slices.ContainsFunc(words(kubectl), func(word string) bool { return slices.Contains(verbs, word) })
}

// words splits a command as a shell does, as far as the story needs it: at spaces
// outside of single quotes.
func words(command string) []string {
	var all []string
	var word strings.Builder
	quoted := false
	for _, r := range command {
		switch {
		case r == '\'':
			quoted = !quoted
		case r == ' ' && !quoted:
			all = append(all, word.String())
			word.Reset()
		default:
			word.WriteRune(r)
		}
	}
	return append(all, word.String())
}
