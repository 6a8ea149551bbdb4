// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import "fmt"

// Failing says why the current revision is failing now, for people; it is empty while
// it is not. Pods on nodes in trouble say nothing about it.
func Failing(seen Snapshot) string {
	for _, p := range podsOfRevision(seen) {
		if !p.present() || p.Ready || seen.NodeTrouble[p.Node] != "" {
			continue
		}
		if reason := trouble(p.Pod); reason != "" {
			return fmt.Sprintf("pod %s is in %s", p.Name, reason)
		}
	}
	if w := seen.Workload; w.Rollout.Observed && w.Rollout.DeadlineExceeded {
		return "the rollout does not progress: its deadline has passed"
	}
	return ""
}
