// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/progression"
)

// admit puts the environment's native policies in force, takes away what an earlier state
// had and this one has not, and says whether the API server was seen to act on them. A
// policy that the API server does not take keeps none of the others from it, nor their
// guardrails from rising.
func (r *EnvironmentReconciler) admit(ctx context.Context, policy *v1alpha1.EnvironmentPolicy, seen *environmentLook, now time.Time) (liveLook, error) {
	desired, err := r.desiredAdmission(policy, seen)
	if err != nil {
		return liveLook{}, err
	}
	stored, err := r.storedGuardrails(ctx, policy)
	if err != nil {
		return liveLook{}, err
	}
	standstill := newStandstill(stored, desired, policy.Status.Guardrails)
	for _, object := range inOrder(stored, desired.objects) {
		if standstill.keeps(object) {
			standstill.leave(object)
			continue
		}
		if err := controllerutil.SetControllerReference(policy, object, r.Client.Scheme()); err != nil {
			return liveLook{}, fmt.Errorf("own %s: %w", object.GetName(), err)
		}
		if err := r.Applier.Apply(ctx, object); apierrors.IsInvalid(err) {
			standstill.refused(object, err)
		} else if err != nil {
			return liveLook{}, err
		}
	}
	if err := r.prune(ctx, policy, slices.Concat(desired.objects, standstill.kept())); err != nil {
		return liveLook{}, err
	}
	stand := standstill.stand(desired.probes)
	standstill.note(policy.Status.Guardrails, stand)
	written := slices.DeleteFunc(desired.probes, func(p guardrail.Probe) bool { return stand[p.Policy] })
	live, err := r.see(ctx, policy, written, stand, now)
	live.standstill = standstill.why()
	return live, err
}

// nativeAdmission is what should be in force.
type nativeAdmission struct {
	objects []client.Object
	probes  []guardrail.Probe
	// unrendered are the guardrails at Enforce that cannot be written into a policy.
	unrendered []string
}

func (r *EnvironmentReconciler) desiredAdmission(policy *v1alpha1.EnvironmentPolicy, seen *environmentLook) (nativeAdmission, error) {
	placed, unrendered, err := r.place(policy, seen)
	if err != nil {
		return nativeAdmission{}, err
	}
	excluded := slices.Concat(seen.environments.Excluded(), slices.Sorted(maps.Keys(seen.members.Ceded)))
	rendered := guardrail.Render(guardrail.Environment{
		Name:               policy.Name,
		NamespaceSelector:  policy.Spec.NamespaceSelector,
		Namespaces:         seen.members.Namespaces,
		ExcludedNamespaces: excluded,
		OperatorUser:       r.OperatorUser,
		Defaults:           seen.own.Spec.Defaults,
	}, placed)

	desired := nativeAdmission{
		objects: slices.Concat(objects(rendered.ValidatingPolicies), objects(rendered.ValidatingBindings)),
		probes:  rendered.Probes, unrendered: unrendered,
	}
	if !r.Mutating {
		return desired, nil
	}
	// Who wrote a spec matters in every environment: for drift, and because the revisions
	// that one writer brings within minutes are one episode.
	stamp, binding := drift.StampPolicy(drift.Scope{
		Environment: policy.Name, NamespaceSelector: policy.Spec.NamespaceSelector, ExcludedNamespaces: excluded,
	})
	desired.objects = slices.Concat(desired.objects, objects(rendered.MutatingPolicies), objects(rendered.MutatingBindings),
		[]client.Object{stamp, binding})
	return desired, nil
}

// place compiles the rules of the environment and gives each its level. It also names those
// at Enforce that cannot be written into a policy.
func (r *EnvironmentReconciler) place(policy *v1alpha1.EnvironmentPolicy, seen *environmentLook) (placed []guardrail.Placed, unrendered []string, err error) {
	for _, state := range policy.Status.Guardrails {
		rule := seen.rules[state.Name]
		program, err := r.Programs.For(rule, settingsOf(seen.own.Spec, rule, state))
		if err != nil {
			// It compiled a moment ago, to be judged: this is a fault of the operator's, and
			// what is in force stays.
			return nil, nil, fmt.Errorf("compile accepted guardrail %s: %w", state.Name, err)
		}
		if !program.Renderable() {
			if state.Level == v1alpha1.Enforce {
				unrendered = append(unrendered, state.Name)
			}
			continue
		}
		placed = append(placed, guardrail.Placed{
			Program: program, Level: state.Level,
			EnforcedIn: seen.enforcedIn[state.Name],
			Announced:  progression.Announced(state, *seen.own.Spec.Progression, seen.own.Spec.Suspend),
		})
	}
	return placed, unrendered, nil
}

// prune deletes the environment's native policies that are not desired: bindings first,
// so that none is left without its policy.
func (r *EnvironmentReconciler) prune(ctx context.Context, policy *v1alpha1.EnvironmentPolicy, desired []client.Object) error {
	lists := []client.ObjectList{&admissionv1.ValidatingAdmissionPolicyBindingList{}, &admissionv1.ValidatingAdmissionPolicyList{}}
	if r.Mutating {
		lists = append(lists, &admissionv1.MutatingAdmissionPolicyBindingList{}, &admissionv1.MutatingAdmissionPolicyList{})
	}
	own := client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, guardrail.LabelEnvironment: policy.Name}
	return pruneLists(ctx, r.Client, lists, own, desired, func(o client.Object) bool { return metav1.IsControlledBy(o, policy) })
}

// recordHealth says what is in force.
func (r *EnvironmentReconciler) recordHealth(policy *v1alpha1.EnvironmentPolicy, seen *environmentLook, live liveLook) {
	conditions, generation := &policy.Status.Conditions, policy.Generation
	setCondition(conditions, generation, v1alpha1.ConditionAdmissionLive, live.status, live.reason, live.message)
	switch {
	case seen.own.Spec.Defaults == v1alpha1.DefaultsOff:
		setCondition(conditions, generation, v1alpha1.ConditionDefaultsAvailable, metav1.ConditionTrue,
			v1alpha1.ReasonAccepted, "this environment applies no safe defaults")
	case r.Mutating:
		setCondition(conditions, generation, v1alpha1.ConditionDefaultsAvailable, metav1.ConditionTrue,
			v1alpha1.ReasonAccepted, "safe defaults are applied to new pods")
	default:
		setCondition(conditions, generation, v1alpha1.ConditionDefaultsAvailable, metav1.ConditionFalse,
			v1alpha1.ReasonUnsupported, "this cluster has no MutatingAdmissionPolicy v1 (Kubernetes 1.36): no defaults are applied, and drift is reported but never corrected")
	}
	r.overallHealth(policy, seen, live.standstill).set(conditions, generation)
}

func (r *EnvironmentReconciler) overallHealth(policy *v1alpha1.EnvironmentPolicy, seen *environmentLook, standstill string) health {
	if missing := r.Permissions.Missing(); missing != "" {
		return health{status: metav1.ConditionFalse, reason: v1alpha1.ReasonPermissionDenied, message: missing, stalled: true}
	}
	if standstill != "" {
		return health{status: metav1.ConditionFalse, reason: v1alpha1.ReasonFailed, message: standstill}
	}
	if fault, found := seen.faultBefore(); found {
		return fault
	}
	mistake, certain := progression.BringsNothing(seen.own.Spec, seen.rules)
	if certain || len(seen.held) > 0 {
		return stalled(v1alpha1.ReasonGuardrailMissing, mistake+seen.holding())
	}
	if uncompiled := uncompiled(policy.Status.Guardrails); uncompiled != "" {
		return stalled(v1alpha1.ReasonNotCompiled, uncompiled)
	}
	if len(seen.leftOut) > 0 {
		return stalled(v1alpha1.ReasonTooManyGuardrails, fmt.Sprintf(
			"spec.guardrails selects %d guardrails and at most %d can stand: left out are %s; select fewer",
			maxGuardrails+len(seen.leftOut), maxGuardrails, strings.Join(seen.leftOut, ", ")))
	}
	if len(seen.wrong) > 0 {
		return stalled(v1alpha1.ReasonInvalidParameters, strings.Join(sentences(seen.wrong), "; "))
	}
	if unreadable := drift.UnreadableFields(seen.own.Spec.Drift); unreadable != "" {
		return stalled(v1alpha1.ReasonInvalidFieldPath, unreadable)
	}
	if trouble := r.Kinds.of(secretWrites).trouble; watchesSecrets(seen.own.Spec.Drift) && trouble.reason != "" {
		return health{
			status: metav1.ConditionFalse, reason: trouble.reason, message: "spec.drift.secrets is Watch, and " + trouble.message,
			stalled: trouble.reason != v1alpha1.ReasonFailed,
		}
	}
	if len(seen.members.Ceded) > 0 {
		namespace := slices.Sorted(maps.Keys(seen.members.Ceded))[0]
		return ready(v1alpha1.ReasonOverlap, fmt.Sprintf("%d namespaces match the selector but belong to another environment: %s to %s",
			len(seen.members.Ceded), namespace, seen.members.Ceded[namespace]))
	}
	if policy.Spec.Suspend == v1alpha1.SuspendAll || policy.Spec.Suspend == v1alpha1.SuspendRemediation {
		return ready(v1alpha1.ReasonSuspended, "spec.suspend is "+string(policy.Spec.Suspend))
	}
	return ready(v1alpha1.ReasonReconciled, seen.summary(policy, mistake))
}

// holding says what stands on until a mistake in spec.guardrails is corrected.
func (seen *environmentLook) holding() string {
	if len(seen.held) == 0 {
		return ""
	}
	return fmt.Sprintf("; until that is corrected, the %d guardrails that it does not bring stay as they stood: to let one go at once, bring it with maxLevel: Observe", len(seen.held))
}

// summary says what stands behind what, and what is strange about it.
func (seen *environmentLook) summary(policy *v1alpha1.EnvironmentPolicy, mistake string) string {
	stand := len(policy.Status.Guardrails)
	text := fmt.Sprintf("workloads: %d, namespaces: %d, guardrails: %d", policy.Status.Workloads, policy.Status.Namespaces, stand)
	left := 0
	for _, rule := range seen.rules {
		if _, brought := progression.Stands(seen.own.Spec, rule); !brought {
			left++
		}
	}
	switch {
	case len(seen.rules) == 0:
		text += "; there is no accepted Guardrail in this cluster yet"
	case mistake != "":
		text += "; " + mistake
	}
	if left > 0 {
		text += fmt.Sprintf("; spec.guardrails leaves out %d others", left)
	}
	if policy.Status.Namespaces == 0 {
		text += "; no namespace has the labels " + metav1.FormatLabelSelector(&policy.Spec.NamespaceSelector)
	}
	return text
}

// uncompiled says which rules do not compile any more, and what that means; empty when
// all do.
func uncompiled(states []v1alpha1.GuardrailState) string {
	var texts []string
	for _, state := range states {
		if state.Uncompiled != "" {
			texts = append(texts, fmt.Sprintf("guardrail %s, which was accepted, does not compile with this operator and this API server: %s; "+
				"it stays in admission as it was, judges nothing and does not move until it is rewritten", state.Name, state.Uncompiled))
		}
	}
	return strings.Join(texts, "; ")
}

func objects[T client.Object](typed []T) []client.Object {
	all := make([]client.Object, 0, len(typed))
	for _, object := range typed {
		all = append(all, object)
	}
	return all
}
