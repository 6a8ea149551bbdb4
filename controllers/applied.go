// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Applier makes objects be as desired by server-side apply, with one field manager. It
// asks the API server only when what is desired or what is there has changed since it
// last did, so that at rest it writes nothing: the status of an object, which the API
// server writes in its own time, is not what is there. Somebody else's change is applied
// over, and what they added to the spec is taken away: a match condition more would disable
// a native policy, and a kind of parameters that does not exist make it refuse everything.
type Applier struct {
	client client.Client

	mu   sync.Mutex
	last map[appliedKey]applied
}

type appliedKey struct {
	kind schema.GroupVersionKind
	name client.ObjectKey
}

// applied are digests of what was desired and of what was there then.
type applied struct{ desired, live string }

// NewApplier applies with the given client, which also reads what is there.
func NewApplier(c client.Client) *Applier {
	return &Applier{client: c, last: map[appliedKey]applied{}}
}

// Apply makes the object be as desired. The object's type must be in the client's scheme.
func (a *Applier) Apply(ctx context.Context, desired client.Object) error {
	kind, err := apiutil.GVKForObject(desired, a.client.Scheme())
	if err != nil {
		return fmt.Errorf("find the kind of %T: %w", desired, err)
	}
	key := appliedKey{kind, client.ObjectKeyFromObject(desired)}
	now := applied{desired: workload.Digest(desired)}
	if now.live, err = a.live(ctx, kind, key.name); err != nil {
		return err
	}
	if now.live != "" && a.known(key) == now {
		return nil
	}
	configuration, err := asApplyConfiguration(desired, kind)
	if err != nil {
		return err
	}
	spec := runtime.DeepCopyJSONValue(configuration.Object["spec"])
	err = a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(configuration), client.FieldOwner(v1alpha1.ManagedBy), client.ForceOwnership)
	// What others added stays, and may contradict what is applied: a binding cannot both
	// warn, as we say, and refuse, as they do.
	contradicted := now.live != "" && apierrors.IsInvalid(err)
	if contradicted || (err == nil && !equality.Semantic.DeepEqual(configuration.Object["spec"], spec)) {
		err = a.replaceSpec(ctx, configuration, spec)
	}
	if err != nil {
		return fmt.Errorf("apply %s %s: %w", kind.Kind, key.name.Name, err)
	}
	now.live = contentDigest(configuration)
	a.remember(key, now)
	return nil
}

// replaceSpec leaves in the spec what is desired and nothing else.
func (a *Applier) replaceSpec(ctx context.Context, object *unstructured.Unstructured, spec any) error {
	patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": "/spec", "value": spec}})
	if err != nil {
		return err
	}
	return a.client.Patch(ctx, object, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(v1alpha1.ManagedBy))
}

// live is the digest of what is there; empty when nothing is.
func (a *Applier) live(ctx context.Context, kind schema.GroupVersionKind, name client.ObjectKey) (string, error) {
	object, err := a.client.Scheme().New(kind)
	if err != nil {
		return "", fmt.Errorf("make an empty %s: %w", kind.Kind, err)
	}
	live := object.(client.Object)
	err = a.client.Get(ctx, name, live)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("get %s %s: %w", kind.Kind, name.Name, err)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(live)
	if err != nil {
		return "", fmt.Errorf("convert %T: %w", live, err)
	}
	return contentDigest(&unstructured.Unstructured{Object: content}), nil
}

// contentDigest is of all that the operator states in an object, and of which object it is.
func contentDigest(object *unstructured.Unstructured) string {
	return workload.Digest([]any{
		object.GetUID(), object.GetLabels(), object.GetAnnotations(), object.GetOwnerReferences(), object.Object["spec"],
	})
}

func (a *Applier) known(key appliedKey) applied {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last[key]
}

func (a *Applier) remember(key appliedKey, now applied) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last[key] = now
}

// forget what was applied in a namespace that is gone.
func (a *Applier) forget(namespace string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.last, func(key appliedKey, _ applied) bool { return key.name.Namespace == namespace })
}

// asApplyConfiguration states what is set in a typed object, and nothing else. The
// objects that the operator makes set no field to its zero value on purpose, which is
// what cannot be told apart here.
func asApplyConfiguration(object client.Object, kind schema.GroupVersionKind) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("convert %T: %w", object, err)
	}
	delete(content, "status")
	configuration := &unstructured.Unstructured{Object: content}
	configuration.SetGroupVersionKind(kind)
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	return configuration, nil
}
