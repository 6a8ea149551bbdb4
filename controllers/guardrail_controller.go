// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// +kubebuilder:rbac:groups=rampart.dev,resources=guardrails,verbs=get;list;watch
// +kubebuilder:rbac:groups=rampart.dev,resources=guardrails/status,verbs=get;patch

// GuardrailReconciler compiles a Guardrail and accepts it. Everything else reads the
// accepted rule only, so that a broken edit changes nothing that works.
type GuardrailReconciler struct {
	Client   client.Client
	Compiler *guardrail.Compiler
	Kinds    *Kinds
	Events   events.EventRecorder
}

// SetupWithManager registers the loop.
func (r *GuardrailReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Guardrail{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(kindChanges(r.Kinds, unhurried(r.needingKinds))).
		Complete(r)
}

// Reconcile judges the spec as it stands and records the verdict.
func (r *GuardrailReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	return again(ctrl.Result{}, r.reconcile(ctx, request))
}

func (r *GuardrailReconciler) reconcile(ctx context.Context, request ctrl.Request) error {
	var rule v1alpha1.Guardrail
	if err := r.Client.Get(ctx, request.NamespacedName, &rule); err != nil {
		return client.IgnoreNotFound(err)
	}
	before := rule.DeepCopy()

	program, compileErr := r.compile(&rule)
	r.judge(&rule, program, compileErr)

	wrote, err := recordStatus(ctx, r.Client, before, &rule)
	if err != nil {
		return err
	}
	if compileErr == nil {
		return nil
	}
	if wrote {
		r.Events.Eventf(&rule, nil, telemetry.Warning, telemetry.ReasonRuleRejected, telemetry.ActionCompile, "%s", compileErr)
	}
	return reconcile.TerminalError(compileErr)
}

// compile compiles the spec as a new one, unless it is what was accepted already.
func (r *GuardrailReconciler) compile(rule *v1alpha1.Guardrail) (*guardrail.Program, error) {
	if rule.Status.Accepted != nil && apiequality.Semantic.DeepEqual(rule.Status.Accepted.Spec, rule.Spec) {
		return r.Compiler.Recompile(rule.Name, rule.Spec)
	}
	return r.Compiler.Compile(rule.Name, rule.Spec)
}

// judge accepts the spec when it compiled, and says what is wrong with it otherwise.
func (r *GuardrailReconciler) judge(rule *v1alpha1.Guardrail, program *guardrail.Program, compileErr error) {
	rule.Status.ObservedGeneration = rule.Generation
	verdict := ready(v1alpha1.ReasonAccepted, "the rule is in force")
	if program != nil && program.BackgroundOnly() {
		verdict.message += "; it stays at Observe, because admission cannot read its surroundings"
	}
	if program != nil && program.Partial() != "" {
		verdict.message += "; it may fail on some workloads, and then lets them pass at every level: " + program.Partial()
	}
	if found, troubled := r.Kinds.troubleOf(rule.Spec); troubled {
		verdict = health{status: metav1.ConditionFalse, reason: found.reason, message: "the rule is accepted, but " + found.message}
	}
	if compileErr == nil {
		rule.Status.Accepted = &v1alpha1.AcceptedRule{Generation: rule.Generation, Spec: *rule.Spec.DeepCopy()}
	} else {
		verdict = rejected(compileErr, rule.Status.Accepted)
	}
	verdict.set(&rule.Status.Conditions, rule.Generation)
}

func rejected(compileErr error, accepted *v1alpha1.AcceptedRule) health {
	reason := v1alpha1.ReasonInvalidExpression
	var compile *guardrail.CompileError
	if errors.As(compileErr, &compile) {
		reason = compile.Reason
	}
	inForce := "no earlier version is in force, so the rule judges nothing"
	if accepted != nil {
		inForce = fmt.Sprintf("the version of generation %d stays in force", accepted.Generation)
	}
	return stalled(reason, fmt.Sprintf("%s; %s", compileErr, inForce))
}

// acceptedRules are the rules in force, by name, from a list of Guardrails.
func acceptedRules(list []v1alpha1.Guardrail) map[string]*v1alpha1.Guardrail {
	rules := map[string]*v1alpha1.Guardrail{}
	for i := range list {
		if list[i].Status.Accepted != nil && list[i].DeletionTimestamp == nil {
			rules[list[i].Name] = &list[i]
		}
	}
	return rules
}

// needingKinds are the Guardrails that judge, or read, what is not always watched.
func (r *GuardrailReconciler) needingKinds(ctx context.Context, _ client.Object) []ctrl.Request {
	var list v1alpha1.GuardrailList
	if err := r.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list guardrails to say whether what they judge can be read")
		return nil
	}
	var requests []ctrl.Request
	for i := range list.Items {
		if len(needsOf(list.Items[i].Spec)) > 0 {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}
