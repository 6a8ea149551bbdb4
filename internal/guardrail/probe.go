// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/admission"
)

// reports is the resource of the objects that probe.
const reports = "readinessreports"

// Probe is how a native policy can be seen live: the API server is asked, in a dry-run, to
// create a ReadinessReport of a name that only this version of this policy knows, and
// that it answers. The operator may create reports anyway, nothing is stored, and no other
// request meets the name.
type Probe struct {
	// Policy is the name of the policy, and of its binding.
	Policy string
	// Report is the name of the ReadinessReport.
	Report string
	// Answer is in the warning, or in the refusal, of a policy that is in force.
	Answer string
	// Namespaces are those of the environment in which the policy stands, sorted. With
	// none, there is nowhere to ask, and no request that could meet the policy either.
	Namespaces []string
}

// Answered says whether texts from the API server, warnings or the message of an error,
// have the answer.
func (p Probe) Answered(texts ...string) bool {
	for _, text := range texts {
		if strings.Contains(text, p.Answer) {
			return true
		}
	}
	return false
}

// addProbe makes a policy visible. Its answer comes first, because the API server tells
// the first failure only, and an error in another expression must not hide it. The rule
// that lets the report in names it, so that no other report meets the policy.
func addProbe(policy *admissionv1.ValidatingAdmissionPolicy, namespaces []string) Probe {
	digest := contentDigest(policy)
	probe := Probe{
		Policy: policy.Name, Report: "rampart-probe-" + digest, Answer: "in force: " + digest, Namespaces: namespaces,
	}
	rule := admission.Rule([]admissionv1.OperationType{admissionv1.Create}, v1alpha1.Group, reports)
	rule.ResourceNames = []string{probe.Report}
	rule.APIVersions = anyVersion
	policy.Spec.MatchConstraints.ResourceRules = append(policy.Spec.MatchConstraints.ResourceRules, rule)
	policy.Spec.Validations = append([]admissionv1.Validation{{
		Expression: fmt.Sprintf("request.resource.resource != '%s' || !request.?dryRun.orValue(false)", reports),
		Message:    probe.Answer,
	}}, policy.Spec.Validations...)
	return probe
}

// ProbedBy is the name of the report that a stored policy answers to; empty if it answers
// to none.
func ProbedBy(policy *admissionv1.ValidatingAdmissionPolicy) string {
	if policy.Spec.MatchConstraints == nil {
		return ""
	}
	for _, rule := range policy.Spec.MatchConstraints.ResourceRules {
		if slices.Equal(rule.Resources, []string{reports}) && len(rule.ResourceNames) == 1 {
			return rule.ResourceNames[0]
		}
	}
	return ""
}

// contentDigest identifies what a policy says under its name.
func contentDigest(policy *admissionv1.ValidatingAdmissionPolicy) string {
	encoded, err := json.Marshal(policy.Spec)
	if err != nil {
		panic(err) // Strings cannot fail to encode.
	}
	sum := sha256.Sum256(append([]byte(policy.Name+"\n"), encoded...))
	return hex.EncodeToString(sum[:8])
}
