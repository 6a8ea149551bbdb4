// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
)

// Executor is the only thing that writes workloads, and deletes their pods.
type Executor struct {
	Client client.Client
}

// Execute applies a JSON Patch that tests what it was judged on. object is changed to
// what the API server answers. A workload that was written in between is left alone, with
// an error. With any error nothing is known to be changed; without one, the ownership of
// the fields is to be released, once it is recorded that the action was done.
func (e Executor) Execute(ctx context.Context, object client.Object, patch []byte) error {
	err := e.Client.Patch(ctx, object, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(v1alpha1.ManagedBy))
	if err != nil {
		return fmt.Errorf("patch %s/%s: %w", object.GetNamespace(), object.GetName(), err)
	}
	return nil
}

// Replace deletes a pod, for its controller to make another, if nobody has written it since
// it was judged: one that has become ready meanwhile is left alone, with an error.
func (e Executor) Replace(ctx context.Context, pod *corev1.Pod) error {
	err := e.Client.Delete(ctx, pod.DeepCopy(), client.Preconditions{UID: &pod.UID, ResourceVersion: &pod.ResourceVersion})
	if err != nil {
		return fmt.Errorf("delete pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return nil
}

// ReleaseOwnership takes the operator out of the object's field managers, if it is one:
// after an action, and after a crash between an action and this.
func (e Executor) ReleaseOwnership(ctx context.Context, object client.Object) error {
	patch, err := drift.ReleaseOwnership(object, v1alpha1.ManagedBy)
	if err != nil {
		return fmt.Errorf("release ownership of %s/%s: %w", object.GetNamespace(), object.GetName(), err)
	}
	if patch == nil {
		return nil
	}
	err = e.Client.Patch(ctx, object, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(v1alpha1.ManagedBy))
	if apierrors.IsInvalid(err) {
		// A test of the patch failed: somebody wrote in between. The next look tries again.
		err = apierrors.NewConflict(schema.GroupResource{}, object.GetName(), err)
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("release ownership of %s/%s: %w", object.GetNamespace(), object.GetName(), err)
	}
	return nil
}

// Owns says whether the operator is still a field manager of the object itself, by a write
// that ReleaseOwnership takes back.
func Owns(object client.Object) bool {
	for _, entry := range object.GetManagedFields() {
		if entry.Manager == v1alpha1.ManagedBy && entry.Subresource == "" {
			return true
		}
	}
	return false
}
