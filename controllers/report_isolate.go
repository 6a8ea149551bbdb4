// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/isolation"
	"github.com/rampart-dev/rampart/internal/telemetry"
	"github.com/rampart-dev/rampart/internal/workload"
)

// isolate makes or deletes the NetworkPolicy, as was planned, and records how it went.
func (r *ReportReconciler) isolate(ctx context.Context, l *look, p plan, now time.Time) error {
	before := l.report.DeepCopy()
	done := *p.action
	done.Outcome, done.Time.Time = v1alpha1.ActionDone, now.Truncate(time.Second)
	err := r.writeIsolation(ctx, l, p)
	switch {
	case err == nil:
	case !refusal(err):
		return r.leaveOpen(ctx, l, *p.action, err)
	default:
		done.Outcome = v1alpha1.ActionFailed
		done.Message = "the attempt failed: " + err.Error() + "; the workload is judged anew"
		forgetIsolation(&l.report.Status, done)
	}
	return firstError(err, r.conclude(ctx, l, before, done))
}

// writeIsolation makes or deletes the NetworkPolicy. What can be seen afterwards has happened,
// whatever the answer was.
func (r *ReportReconciler) writeIsolation(ctx context.Context, l *look, p plan) error {
	var err error
	if p.free != nil {
		err = r.deleteIsolation(ctx, p.free)
	} else {
		err = r.Client.Create(ctx, p.isolate, client.FieldOwner(v1alpha1.ManagedBy))
	}
	if err == nil {
		return nil
	}
	live, readErr := readIsolation(ctx, r.Live, l.key)
	own := live != nil && isolation.IsOwn(live) && ownedBy(live, l.object.GetUID())
	switch {
	case readErr != nil:
		return err
	case own == (p.isolate != nil):
		return nil
	case apierrors.IsAlreadyExists(err):
		return fmt.Errorf("the name %s is taken: %w", p.isolate.Name, err)
	default:
		return err
	}
}

// ownedBy says whether an object goes with another one.
func ownedBy(object client.Object, owner types.UID) bool {
	for _, reference := range object.GetOwnerReferences() {
		if reference.UID == owner {
			return true
		}
	}
	return false
}

func (r *ReportReconciler) deleteIsolation(ctx context.Context, policy *networkingv1.NetworkPolicy) error {
	err := client.IgnoreNotFound(r.Client.Delete(ctx, policy, client.Preconditions{UID: ptr.To(policy.UID)}))
	if err != nil {
		return fmt.Errorf("delete network policy %s/%s: %w", policy.Namespace, policy.Name, err)
	}
	return nil
}

// restoreIsolation puts right what somebody changed in the NetworkPolicy that isolates.
// Whoever wants to end the isolation deletes it.
func (r *ReportReconciler) restoreIsolation(ctx context.Context, l *look, held *networkingv1.NetworkPolicy) error {
	patch, err := json.Marshal([]drift.Operation{
		{Op: "test", Path: "/metadata/uid", Value: held.UID},
		{Op: "replace", Path: "/spec", Value: held.Spec},
	})
	if err != nil {
		return fmt.Errorf("encode network policy %s: %w", held.Name, err)
	}
	err = r.Client.Patch(ctx, held.DeepCopy(), client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(v1alpha1.ManagedBy))
	if err != nil {
		return client.IgnoreNotFound(fmt.Errorf("restore network policy %s/%s: %w", held.Namespace, held.Name, err))
	}
	text := fmt.Sprintf("somebody changed NetworkPolicy %s, which isolates it, and that was taken back: to let it go, delete the NetworkPolicy", held.Name)
	ctrl.LoggerFrom(ctx).Info("isolation restored", "networkPolicy", held.Name)
	r.Events.Eventf(l.object, l.report, telemetry.Normal, telemetry.ReasonIsolationRestored, telemetry.ActionRemediate, "%s", text)
	return nil
}

// takeAwayIsolation deletes the NetworkPolicy that isolates a workload whose namespace left
// its environment, or that is gone: nobody holds it any more.
func (r *ReportReconciler) takeAwayIsolation(ctx context.Context, key Key, because string) error {
	if !isolation.Isolates(key.Kind) {
		return nil
	}
	policy, err := readIsolation(ctx, r.Client, key)
	if err != nil || policy == nil || !isolation.IsOwn(policy) {
		return err
	}
	freed, err := r.freed(ctx, key, policy)
	if err != nil {
		return err
	}
	if err := r.deleteIsolation(ctx, policy); err != nil {
		return err
	}
	why := "no longer isolated: " + because
	ctrl.LoggerFrom(ctx).Info("remediation", "action", v1alpha1.ActionRelease, "outcome", v1alpha1.ActionDone, "reason", why)
	r.Events.Eventf(freed, nil, telemetry.Normal, telemetry.ReasonIsolationReleased, telemetry.ActionRemediate, "%s", why)
	return nil
}

// freed is on what the end of an isolation is told: on the workload, where its owner looks, and
// on the NetworkPolicy when the workload is gone.
func (r *ReportReconciler) freed(ctx context.Context, key Key, policy *networkingv1.NetworkPolicy) (client.Object, error) {
	object := workload.New(key.Kind)
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: key.Name}, object)
	if apierrors.IsNotFound(err) {
		return policy, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s, which is to be isolated no longer: %w", key, err)
	}
	return object, nil
}
