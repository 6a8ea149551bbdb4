// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"embed"
	"encoding/json"
	"io/fs"
	"strings"
)

// Behaviour is how kwok plays a Pod: everything that a kubelet would report about it. A Pod
// asks for one by the annotation BehaviourAnnotation (which may be changed while it runs),
// else by the tag of any of its images, which then is the behaviour or ends with it:
// registry.example/shop:1.2.0-crash-loop.
type Behaviour string

const (
	// Healthy is the default: containers run within half a second of being scheduled, are
	// ready half a second later (at once without a readiness probe), and end with exit code
	// 0 when the Pod is deleted. The Pod of a Job completes instead.
	Healthy Behaviour = "healthy"

	// CrashLoop ends every container with exit code 1 a second after its start, restarts
	// it, at once the first time and then with CrashLoopBackOff in between, and never makes
	// it ready. A Pod that may not restart fails.
	CrashLoop Behaviour = "crash-loop"

	// OutOfMemory is CrashLoop by the kernel: exit code 137, reason OOMKilled.
	OutOfMemory Behaviour = "out-of-memory"

	// NeverReady runs, but is never ready; a Pod that was ready becomes unready.
	NeverReady Behaviour = "never-ready"

	// Slow becomes ready 20 seconds after its containers started.
	Slow Behaviour = "slow"

	// IgnoreTerm is healthy, but ends only by the kill at the end of its grace period, with
	// exit code 137.
	IgnoreTerm Behaviour = "ignore-term"

	// ImageError never starts: ErrImagePull, then ImagePullBackOff, because there is no such image.
	ImageError Behaviour = "image-error"

	// RegistryOutage is ImageError because the registry does not answer.
	RegistryOutage Behaviour = "registry-outage"

	// ConfigError never starts: CreateContainerConfigError, because a key of a ConfigMap is missing.
	ConfigError Behaviour = "config-error"
)

// BehaviourAnnotation of a Pod names its Behaviour and wins over its images.
const BehaviourAnnotation = "behaviour.rampart.dev/mode"

// NodeDown is what BehaviourAnnotation says of a node whose kubelet does not report any more:
// it stays as it is, instead of reporting itself ready.
const NodeDown = "not-ready"

// DigestAnnotation of a Pod is the digest that the tags of its images name when its containers
// start: sha256 and 64 hexadecimal digits. Without it every tag has a digest of its own,
// always the same.
const DigestAnnotation = "behaviour.rampart.dev/digest"

// stageFiles are kwok's stages: what happens to nodes and Pods, when, and after what.
//
//go:embed stages
var stageFiles embed.FS

// stages returns kwok's configuration. Two jq expressions that all Pod stages select by are
// kept once, in files of their own: $(behaviour) is the Pod's Behaviour, $(state) is where
// in its life it is.
func stages() ([]byte, error) {
	behaviour, err := jqFile("stages/behaviour.jq")
	if err != nil {
		return nil, err
	}
	state, err := jqFile("stages/state.jq")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(stageFiles, "stages/*.yaml")
	if err != nil {
		return nil, err
	}
	documents := make([]string, 0, len(names))
	for _, name := range names {
		content, err := stageFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		documents = append(documents, string(content))
	}
	replacer := strings.NewReplacer("$(behaviour)", behaviour, "$(state)", state)
	return []byte(replacer.Replace(strings.Join(documents, "\n---\n"))), nil
}

// jqFile returns a file's expression as a quoted scalar, which YAML reads as JSON does.
func jqFile(name string) (string, error) {
	content, err := stageFiles.ReadFile(name)
	if err != nil {
		return "", err
	}
	quoted, err := json.Marshal(string(content))
	return string(quoted), err
}
