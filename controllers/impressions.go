// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/workload"
)

// impression is what a look at an object leaves in memory: enough to tell at the next one
// which rules could judge otherwise. The zero value is that of an object nobody looked at.
type impression struct {
	// version changes with every write of the object, its status included.
	version string
	// content changes with its spec and its metadata, as far as people write that.
	content string
	// namespace changes with what rules may read of its Namespace.
	namespace string
	// surroundings change with what rules read besides.
	surroundings string
}

// impressionOf an object in its namespace.
func impressionOf(object metav1.Object, namespace *corev1.Namespace, surroundings *guardrail.Surroundings) impression {
	seen := impression{
		version:   fmt.Sprintf("%s/%s", object.GetUID(), object.GetResourceVersion()),
		namespace: namespace.ResourceVersion,
	}
	seen.content = seen.version
	if object.GetGeneration() != 0 { // else its kind does not count the changes of its spec
		seen.content = workload.Digest([]any{
			object.GetUID(), object.GetGeneration(), object.GetLabels(), object.GetAnnotations(),
			object.GetFinalizers(), object.GetOwnerReferences(), object.GetDeletionTimestamp(),
		})
	}
	if surroundings != nil {
		seen.surroundings = workload.Digest(surroundings)
	}
	return seen
}

// stands says whether a rule that judged at this impression would judge the same at the
// other one, because nothing that it reads has changed.
func (i impression) stands(rule reads, now impression) bool {
	switch {
	case i == impression{}, i.content != now.content:
		return false
	case rule.status && i.version != now.version:
		return false
	case rule.namespace && i.namespace != now.namespace:
		return false
	default:
		return len(rule.around) == 0 || i.surroundings == now.surroundings
	}
}

// Impressions remembers the last look at each object, so that only what changed is
// evaluated. After a restart everything is, once.
type Impressions[K comparable] struct {
	mu    sync.Mutex
	byKey map[K]impression
}

// NewImpressions remembers nothing yet.
func NewImpressions[K comparable]() *Impressions[K] {
	return &Impressions[K]{byKey: map[K]impression{}}
}

func (i *Impressions[K]) of(key K) impression {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.byKey[key]
}

// keep an impression once what was made of it is recorded.
func (i *Impressions[K]) keep(key K, seen impression) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.byKey[key] = seen
}

func (i *Impressions[K]) forget(key K) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.byKey, key)
}
