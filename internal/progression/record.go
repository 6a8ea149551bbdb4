// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	// maxRefused is how many violators are named, and maxRefusal how long each may be, in bytes.
	maxRefused = 10
	maxRefusal = 256
)

// Rule is a guardrail as it is written and set now.
type Rule struct {
	// Digest of it: verdicts of what it was before say nothing.
	Digest string
	// Kinds of workloads that it judges, all if empty; or Resources, that it judges instead.
	Kinds     []v1alpha1.WorkloadKind
	Resources []v1alpha1.ResourceRule
	// Exclusions are the objects that it leaves out.
	Exclusions []v1alpha1.Exclusion
	// Predicts is the quality that a violator is expected to lack; empty for none.
	Predicts v1alpha1.Quality
}

// judges says whether the rule is about what a report speaks of.
func (r Rule) judges(status *v1alpha1.ReadinessReportStatus) bool {
	switch object := status.Object; {
	case object != nil:
		return slices.ContainsFunc(r.Resources, func(of v1alpha1.ResourceRule) bool { return of.Group == object.Group && of.Kind == object.Kind })
	case len(r.Resources) > 0:
		return false
	default:
		return len(r.Kinds) == 0 || slices.Contains(r.Kinds, status.Workload.Kind)
	}
}

// leavesOut says whether what a report speaks of is excluded.
func (r Rule) leavesOut(report *v1alpha1.ReadinessReport) bool {
	kind, name := string(report.Status.Workload.Kind), report.Status.Workload.Name
	if object := report.Status.Object; object != nil {
		kind, name = object.Kind, object.Name
	}
	return slices.ContainsFunc(r.Exclusions, func(e v1alpha1.Exclusion) bool { return e.Covers(report.Namespace, kind, name) })
}

// Record is what the ReadinessReports of an environment say about one guardrail.
type Record struct {
	// Trials are the revisions that the guardrail judged as it is written now.
	Trials []Trial
	// Violating is how many workloads and objects violate it now, in each namespace.
	Violating map[string]int
	// Refused are the first of them in the order of their names, each with a finding:
	// what Enforce would refuse if it came anew.
	Refused []string
	// Failing are those that it could not judge, as "namespace/kind name".
	Failing []string
	// Unjudged is how many of those that it judges it has not judged yet as it is now, and
	// Awaited the namespaces that they are in.
	Unjudged int
	Awaited  map[string]bool
	// Uncountable is how many have more findings than are told apart.
	Uncountable int
	// Namespaces have something that it judges, sorted.
	Namespaces []string
	// Excluded is how many are left out by an exclusion.
	Excluded int
	// Noise is what speaks against the guardrail, though it refuses nothing by it.
	Noise
}

// await notes that something is to be judged yet.
func (r *Record) await(namespace string) {
	if r.Awaited == nil {
		r.Awaited = map[string]bool{}
	}
	r.Unjudged++
	r.Awaited[namespace] = true
}

// settle brings what was added into an order that does not depend on that of the reports.
func (r *Record) settle() {
	slices.Sort(r.Namespaces)
	r.Namespaces = slices.Compact(r.Namespaces)
	slices.Sort(r.Failing)
	slices.Sort(r.Refused)
	r.Refused = r.Refused[:min(len(r.Refused), maxRefused)]
}

// refusal names a violator and its first finding: "shop/Deployment web: container web
// runs as root (+1 more)".
func refusal(namespace, name string, verdict *v1alpha1.GuardrailVerdict) string {
	text := namespace + "/" + name
	if len(verdict.Findings) > 0 {
		text += ": " + verdict.Findings[0].Text
	}
	more := ""
	if verdict.Total > 1 {
		more = fmt.Sprintf(" (+%d more)", verdict.Total-1)
	}
	return message.Cut(text, maxRefusal-len(more)) + more
}

// violators is how many workloads and objects violate the guardrail now.
func (r Record) violators() int {
	total := 0
	for _, n := range r.Violating {
		total += n
	}
	return total
}
