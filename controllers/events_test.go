// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
)

// eventLog keeps the events of the loops as "reason: note".
type eventLog struct {
	mu    sync.Mutex
	notes []string
}

// Eventf keeps an event.
func (l *eventLog) Eventf(_, _ runtime.Object, _, reason, _, note string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notes = append(l.notes, reason+": "+fmt.Sprintf(note, args...))
}

// all that was told so far.
func (l *eventLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.notes...)
}
