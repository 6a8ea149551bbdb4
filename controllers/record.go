// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

// recordStatus writes the status of changed if it differs from before, and says
// whether it did. The write fails with a conflict when somebody wrote in between: the
// judgement was made on an old state and is made again.
func recordStatus(ctx context.Context, c client.Client, before, changed client.Object) (bool, error) {
	if apiequality.Semantic.DeepEqual(before, changed) {
		return false, nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := c.Status().Patch(ctx, changed, patch); err != nil {
		return false, fmt.Errorf("record status: %w", err)
	}
	return true, nil
}

// conflictRetry is how long a loop waits after somebody, or an older state of its own
// cache, was in the way of a write.
const conflictRetry = 100 * time.Millisecond

// again turns a conflict into another look: it is no failure, and the judgement was
// made on an old state.
func again(result reconcile.Result, err error) (reconcile.Result, error) {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return reconcile.Result{RequeueAfter: conflictRetry}, nil
	}
	return result, err
}

// health are the three conditions that tools read as health: Ready always,
// Reconciling and Stalled only while they are true.
type health struct {
	status  metav1.ConditionStatus
	reason  string
	message string
	// stalled says that only a change by a person helps.
	stalled bool
}

func ready(reason, message string) health {
	return health{status: metav1.ConditionTrue, reason: reason, message: message}
}

func stalled(reason, message string) health {
	return health{status: metav1.ConditionFalse, reason: reason, message: message, stalled: true}
}

// failing is the health after an error. It may pass, unless it is a terminal one.
func failing(err error) health {
	reason := v1alpha1.ReasonFailed
	if apierrors.IsForbidden(err) {
		reason = v1alpha1.ReasonPermissionDenied
	}
	return health{
		status: metav1.ConditionFalse, reason: reason, message: err.Error(),
		stalled: errors.Is(err, reconcile.TerminalError(nil)),
	}
}

// set writes the conditions of r into a status.
func (r health) set(conditions *[]metav1.Condition, generation int64) {
	setCondition(conditions, generation, v1alpha1.ConditionReady, r.status, r.reason, r.message)
	for _, kind := range []string{v1alpha1.ConditionStalled, v1alpha1.ConditionReconciling} {
		if kind == r.abnormal() {
			setCondition(conditions, generation, kind, metav1.ConditionTrue, r.reason, r.message)
		} else {
			meta.RemoveStatusCondition(conditions, kind)
		}
	}
}

// abnormal is the condition that is there besides Ready; empty while all is well.
func (r health) abnormal() string {
	switch {
	case r.status == metav1.ConditionTrue:
		return ""
	case r.stalled:
		return v1alpha1.ConditionStalled
	default:
		return v1alpha1.ConditionReconciling
	}
}

// maxConditionMessage bounds the message of a condition; the API would accept 32 KiB.
const maxConditionMessage = 4096

func setCondition(conditions *[]metav1.Condition, generation int64, kind string, status metav1.ConditionStatus, reason, text string) {
	meta.SetStatusCondition(conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason,
		Message: message.Cut(text, maxConditionMessage), ObservedGeneration: generation,
	})
}
