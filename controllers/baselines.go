// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/baseline"
	"github.com/rampart-dev/rampart/internal/message"
)

// Baselines remembers how the baseline stands in each namespace, for the status of its
// environment. After a restart every namespace is looked at again.
type Baselines struct {
	changes chan event.GenericEvent

	mu          sync.Mutex
	byNamespace map[string][]baseline.Standing
}

// NewBaselines remembers nothing yet.
func NewBaselines() *Baselines {
	return &Baselines{changes: make(chan event.GenericEvent, 1), byNamespace: map[string][]baseline.Standing{}}
}

// Changes is a source of the requests that another standing leads to.
func (b *Baselines) Changes(requests handler.MapFunc) source.Source {
	return source.Channel(b.changes, handler.EnqueueRequestsFromMapFunc(requests))
}

// note how the baseline stands in a namespace; nil is that nobody has looked.
func (b *Baselines) note(namespace string, standings []baseline.Standing) {
	b.mu.Lock()
	known, found := b.byNamespace[namespace]
	changed := found != (standings != nil) || !slices.Equal(known, standings)
	if standings == nil {
		delete(b.byNamespace, namespace)
	} else {
		b.byNamespace[namespace] = standings
	}
	b.mu.Unlock()
	if !changed {
		return
	}
	select {
	case b.changes <- event.GenericEvent{Object: &v1alpha1.EnvironmentPolicy{ObjectMeta: metav1.ObjectMeta{Name: namespace}}}:
	default: // A look at every environment is due already.
	}
}

// maxBaselineReasons is how many namespaces a state names.
const maxBaselineReasons = 10

// maxBaselineReason is how long one may be, in bytes.
const maxBaselineReason = 384

// over the namespaces of an environment, how each item stands. It is nil until every one
// of them was looked at, so that a restart does not show an environment without anything.
func (b *Baselines) over(namespaces []string, policy v1alpha1.BaselinePolicy) []v1alpha1.BaselineState {
	b.mu.Lock()
	defer b.mu.Unlock()
	states := map[v1alpha1.BaselineItem]*v1alpha1.BaselineState{}
	for _, namespace := range namespaces {
		standings, seen := b.byNamespace[namespace]
		if !seen {
			return nil
		}
		for _, s := range standings {
			if states[s.Item] == nil {
				states[s.Item] = &v1alpha1.BaselineState{Item: s.Item, Mode: modeOf(s.Item, policy)}
			}
			tally(states[s.Item], namespace, s)
		}
	}
	all := make([]v1alpha1.BaselineState, 0, len(states))
	for _, item := range slices.Sorted(maps.Keys(states)) {
		all = append(all, *states[item])
	}
	return all
}

func tally(state *v1alpha1.BaselineState, namespace string, s baseline.Standing) {
	switch s.State {
	case baseline.Applied:
		state.Applied++
	case baseline.Provided:
		state.Provided++
	case baseline.Missing:
		state.Missing++
	case baseline.Withheld:
		state.Withheld++
	}
	if s.Why != "" && len(state.Reasons) < maxBaselineReasons {
		state.Reasons = append(state.Reasons, message.Cut(fmt.Sprintf("%s: %s", namespace, s.Why), maxBaselineReason))
	}
}

func modeOf(item v1alpha1.BaselineItem, policy v1alpha1.BaselinePolicy) v1alpha1.BaselineMode {
	switch {
	case item == v1alpha1.NetworkIsolation:
		return policy.NetworkIsolation
	case item == v1alpha1.DisruptionBudgets:
		return policy.DisruptionBudgets
	case item == v1alpha1.DefaultToken:
		return policy.DefaultToken
	case item == v1alpha1.PodSecurity && policy.PodSecurity != nil:
		return policy.PodSecurity.Mode
	case item == v1alpha1.ResourceQuota && policy.ResourceQuota != nil:
		return policy.ResourceQuota.Mode
	case item == v1alpha1.DefaultRequests && policy.DefaultRequests != nil:
		return policy.DefaultRequests.Mode
	}
	return v1alpha1.BaselineOff
}
