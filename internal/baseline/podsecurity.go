// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	psa "k8s.io/pod-security-admission/api"
	psapolicy "k8s.io/pod-security-admission/policy"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

// podSecurityLabels are what Pod Security admission reads of a Namespace.
var podSecurityLabels = []string{
	psa.EnforceLevelLabel, psa.EnforceVersionLabel, psa.AuditLevelLabel, psa.AuditVersionLabel, psa.WarnLevelLabel, psa.WarnVersionLabel,
}

// isPodSecurityLabel says whether Pod Security admission reads the label.
func isPodSecurityLabel(name string) bool { return slices.Contains(podSecurityLabels, name) }

// podSecurity labels the Namespace for the built-in Pod Security admission: a warning
// first, and in Production a refusal when the warning stands and nothing violates the
// level, as upstream's own evaluator judges.
func (p *Plan) podSecurity(n Namespace) {
	const item = v1alpha1.PodSecurity
	policy := n.Policy.PodSecurity
	if policy == nil || policy.Mode == v1alpha1.BaselineOff {
		return
	}
	if n.labelledByOthers() {
		p.stands(item, Provided, "")
		return
	}
	if policy.Mode != v1alpha1.BaselineApply {
		p.stands(item, Missing, notYet)
		return
	}
	if n.Suspended {
		p.NamespaceLabels = maps.Clone(n.OwnLabels)
		p.stands(item, standingLabels(n.OwnLabels), suspended)
		return
	}
	p.NamespaceLabels = map[string]string{psa.WarnLevelLabel: policy.Level, psa.AuditLevelLabel: policy.Level}
	if enforced, already := n.OwnLabels[psa.EnforceLevelLabel]; already {
		p.NamespaceLabels[psa.EnforceLevelLabel] = enforced // No violator that comes later takes it away.
		if enforced == policy.Level {
			p.stands(item, Applied, "")
			return
		}
	}
	switch {
	case n.Stage != v1alpha1.Production:
		p.stands(item, Applied, "")
		return
	case !n.enforcesPodSecurity():
		p.stands(item, Missing, "it warns only: workloads ran here before the policy came; set baseline.startLevel: Act to enforce it too, once nothing violates it")
		return
	}
	violators, err := n.podSecurityViolators(psa.Level(policy.Level))
	switch {
	case err != nil:
		p.stands(item, Withheld, "it warns only: "+err.Error())
	case len(violators) > 0:
		p.stands(item, Withheld, message.Cut(fmt.Sprintf("it warns only, because level %s would refuse pods of %s", policy.Level, strings.Join(violators, ", ")), maxWhy))
	case n.OwnLabels[psa.WarnLevelLabel] != policy.Level:
		p.stands(item, Withheld, "it warns first")
	default:
		p.NamespaceLabels[psa.EnforceLevelLabel] = policy.Level
		p.stands(item, Applied, "")
	}
}

// labelledByOthers says whether somebody else set labels that Pod Security admission reads.
func (n Namespace) labelledByOthers() bool {
	for label := range n.Labels {
		if _, ours := n.OwnLabels[label]; isPodSecurityLabel(label) && !ours {
			return true
		}
	}
	return false
}

// enforcesPodSecurity says whether the level may be enforced here: in Production, where no
// workload ran before, or where the policy says so.
func (n Namespace) enforcesPodSecurity() bool {
	return n.Stage == v1alpha1.Production && n.Level == v1alpha1.ActAct
}

func standingLabels(own map[string]string) State {
	if len(own) > 0 {
		return Applied
	}
	return Withheld
}

// evaluator is upstream's, with all its checks.
var evaluator = sync.OnceValues(func() (psapolicy.Evaluator, error) {
	return psapolicy.NewEvaluator(psapolicy.DefaultChecks(), nil)
})

// podSecurityViolators are the workloads and pods that the level would refuse.
func (n Namespace) podSecurityViolators(level psa.Level) ([]string, error) {
	evaluate, err := evaluator()
	if err != nil {
		return nil, fmt.Errorf("the Pod Security Standards cannot be evaluated: %w", err)
	}
	refused := func(meta *metav1.ObjectMeta, spec *corev1.PodSpec) bool {
		return !psapolicy.AggregateCheckResults(evaluate.EvaluatePod(psa.LevelVersion{Level: level, Version: psa.LatestVersion()}, meta, spec)).Allowed
	}
	var violators []string
	for _, w := range n.Workloads {
		if refused(&w.Template.ObjectMeta, &w.Template.Spec) {
			violators = append(violators, string(w.Kind)+" "+w.Name)
		}
	}
	if len(violators) > 0 {
		return violators, nil
	}
	for i := range n.Pods {
		if refused(&n.Pods[i].ObjectMeta, &n.Pods[i].Spec) {
			violators = append(violators, "Pod "+n.Pods[i].Name)
		}
	}
	return violators, nil
}
