// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import "sync"

// Slots lets one worker at a time decide to disturb a namespace. What is being done
// stands in the reports; a slot covers the moment between the decision and the record,
// in which another worker could not see it. The zero value is ready for use.
type Slots struct {
	mu    sync.Mutex
	taken map[string]bool
}

// Take the slot of a namespace; false when another worker has it. The returned function
// gives it back and may be called more than once.
func (s *Slots) Take(namespace string) (giveBack func(), taken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[namespace] {
		return func() {}, false
	}
	if s.taken == nil {
		s.taken = map[string]bool{}
	}
	s.taken[namespace] = true
	var once sync.Once
	return func() {
		once.Do(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.taken, namespace)
		})
	}, true
}
