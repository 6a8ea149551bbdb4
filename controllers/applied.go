// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Applier makes objects be as desired by server-side apply, with one field manager. It
// asks the API server only when what is desired or what is there has changed since it
// last did, so that at rest it writes nothing; somebody else's change is applied over.
type Applier struct {
	client client.Client

	mu   sync.Mutex
	last map[appliedKey]applied
}

type appliedKey struct {
	kind schema.GroupVersionKind
	name client.ObjectKey
}

type applied struct {
	desired         string
	resourceVersion string
}

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
	digest := workload.Digest(desired)

	live, err := a.resourceVersion(ctx, kind, key.name)
	if err != nil {
		return err
	}
	if live != "" && a.known(key) == (applied{digest, live}) {
		return nil
	}
	configuration, err := asApplyConfiguration(desired, kind)
	if err != nil {
		return err
	}
	if err := a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(configuration),
		client.FieldOwner(v1alpha1.ManagedBy), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply %s %s: %w", kind.Kind, key.name.Name, err)
	}
	a.remember(key, applied{digest, configuration.GetResourceVersion()})
	return nil
}

func (a *Applier) resourceVersion(ctx context.Context, kind schema.GroupVersionKind, name client.ObjectKey) (string, error) {
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
	return live.GetResourceVersion(), nil
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
