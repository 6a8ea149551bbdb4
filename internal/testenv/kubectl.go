// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// RunKubectl runs kubectl as the administrator, in the repository's root folder, and returns
// all of its output. The error holds the output too.
func (c *Cluster) RunKubectl(ctx context.Context, args ...string) (string, error) {
	if c.Kubectl == "" {
		return "", errors.New("there is no kubectl among the control plane's binaries")
	}
	root, err := repositoryRoot()
	if err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, c.Kubectl, args...)
	command.Dir = root
	command.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig)
	output, err := command.CombinedOutput()
	if err != nil {
		return string(output), fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	return string(output), nil
}
