// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remote"
)

// mirror holds all objects of one kind in another cluster as they were last read. Its
// watches are short: an informer cannot tell silence from rest, but each new watch from
// where the last one ended is granted by the other API server, or is not, and misses
// nothing in between. So the watch is its own sign of life.
type mirror struct {
	connection *connection
	informer   toolscache.SharedIndexInformer

	mu sync.Mutex
	// heard is when a request was last granted, failure why one failed since then.
	heard   time.Time
	failure error
}

func newMirror(reader client.WithWatch, kind client.Object, list client.ObjectList, c *connection, indexers toolscache.Indexers) *mirror {
	m := &mirror{connection: c}
	requests := &toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			answer := list.DeepCopyObject().(client.ObjectList)
			err := reader.List(ctx, answer, &client.ListOptions{Raw: &options})
			m.answered(ctx, err)
			return answer, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.TimeoutSeconds = ptr.To(int64(c.timing.Watch / time.Second))
			answer, err := reader.Watch(ctx, list.DeepCopyObject().(client.ObjectList), &client.ListOptions{Raw: &options})
			m.answered(ctx, err)
			return answer, err
		},
	}
	m.informer = toolscache.NewSharedIndexInformer(plainList{requests}, kind, 0, indexers)
	return m
}

// plainList lists before it watches: a list that is streamed through a watch would have to
// end within the time of one.
type plainList struct{ *toolscache.ListWatch }

// IsWatchListSemanticsUnSupported implements what an informer asks before it streams a list.
func (plainList) IsWatchListSemanticsUnSupported() bool { return true }

// run begins to read, until the context ends.
func (m *mirror) run(ctx context.Context) error {
	err := m.informer.SetTransform(cache.TransformStripManagedFields())
	if err == nil {
		// What failed stands in the conditions of whoever needs it, and in the log when that changes.
		err = m.informer.SetWatchErrorHandlerWithContext(func(context.Context, *toolscache.Reflector, error) {})
	}
	if err == nil {
		_, err = m.informer.AddEventHandler(toolscache.ResourceEventHandlerDetailedFuncs{
			AddFunc: func(object any, initial bool) {
				if !initial {
					m.changed(object)
				}
			},
			UpdateFunc: func(before, after any) {
				m.changed(before)
				m.changed(after)
			},
			DeleteFunc: m.changed,
		})
	}
	if err != nil {
		return fmt.Errorf("prepare to read from cluster %s: %w", m.connection.name, err)
	}
	go m.informer.RunWithContext(ctx)
	return nil
}

// answered takes in how a request ended. Of failures of one class the first is kept, so
// that nothing is written while nothing changes.
func (m *mirror) answered(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // we ended it ourselves
	}
	m.mu.Lock()
	switch {
	case err == nil:
		m.heard, m.failure = m.connection.clock.Now(), nil
	case remote.ClassOf(err) != remote.ClassOf(m.failure):
		m.failure = err
	}
	m.mu.Unlock()
	m.connection.refresh()
}

func (m *mirror) state() (heard time.Time, failure error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.heard, m.failure
}

// changed says where an object has changed.
func (m *mirror) changed(object any) {
	if last, gone := object.(toolscache.DeletedFinalStateUnknown); gone {
		object = last.Obj
	}
	change := connectionChange{cluster: m.connection.name}
	if report, ok := object.(*v1alpha1.ReadinessReport); ok {
		change.namespace, change.environment = report.Namespace, report.Status.Environment
	} else if policy, ok := object.(*v1alpha1.EnvironmentPolicy); ok {
		change.environment = policy.Name
	}
	m.connection.changed(change)
}
