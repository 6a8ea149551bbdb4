// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Joined is when a namespace came into its environment, and whether workloads ran in
// it then. It is kept in the annotation rampart.dev/joined of the Namespace, which a
// team with the roles edit or admin cannot write.
type Joined struct {
	// Environment is the name of the EnvironmentPolicy.
	Environment string
	// Since is when the namespace joined it, to the second.
	Since time.Time
	// Busy is true when workloads ran there already: acts start at Report then.
	Busy bool
}

// String is the form in which it is kept.
func (j Joined) String() string {
	state := "empty"
	if j.Busy {
		state = "busy"
	}
	return fmt.Sprintf("%s %s %s", j.Environment, j.Since.UTC().Format(time.RFC3339), state)
}

// ParseJoined reads what String wrote. False means that the namespace has not joined
// an environment, or that the annotation was damaged, which counts as not joined: it
// will join anew, and a namespace with workloads then starts at Report.
func ParseJoined(annotations map[string]string) (Joined, bool) {
	parts := strings.Fields(annotations[v1alpha1.AnnotationJoined])
	if len(parts) != 3 || (parts[2] != "empty" && parts[2] != "busy") {
		return Joined{}, false
	}
	since, err := time.Parse(time.RFC3339, parts[1])
	if err != nil {
		return Joined{}, false
	}
	return Joined{Environment: parts[0], Since: since, Busy: parts[2] == "busy"}, true
}

// Join is the membership of a namespace: the one it has, while it stays in the same
// environment, else a new one from now on.
func Join(annotations map[string]string, environment string, busy bool, now time.Time) Joined {
	if joined, found := ParseJoined(annotations); found && joined.Environment == environment {
		return joined
	}
	return Joined{Environment: environment, Since: now, Busy: busy}
}

// ActLevel is whether the operator acts in the namespace or only reports what it
// would do: it acts where it was there before the workloads, or where the policy
// says so outright. A namespace that has not joined yet is only reported on.
func ActLevel(annotations map[string]string, environment string, startLevel v1alpha1.ActLevel) v1alpha1.ActLevel {
	joined, found := ParseJoined(annotations)
	if !found || joined.Environment != environment {
		return v1alpha1.ActReport
	}
	if !joined.Busy {
		return v1alpha1.ActAct
	}
	return startLevel
}

// Arrival is when a namespace can last have come into the environment: when the
// policy or the Namespace was made, or when somebody other than the operator last
// wrote the Namespace, which is how labels change. Workloads older than that ran
// before the environment did. To the second, as the API server keeps times.
func Arrival(policy *v1alpha1.EnvironmentPolicy, namespace *corev1.Namespace) time.Time {
	last := policy.CreationTimestamp.Time
	if namespace.CreationTimestamp.After(last) {
		last = namespace.CreationTimestamp.Time
	}
	for _, entry := range namespace.ManagedFields {
		byOthers := entry.Manager != v1alpha1.ManagedBy && entry.Manager != v1alpha1.BaselineManager && entry.Subresource == ""
		if byOthers && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}
