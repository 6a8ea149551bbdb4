// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"sync"
	"time"
)

// Slots lets one worker at a time decide to disturb a namespace, and no more workers change
// an environment than it allows. What is being done stands in the reports; a slot covers the
// moment between the decision and when others see its record, in which they could not know
// of it. The zero value is ready for use.
type Slots struct {
	mu    sync.Mutex
	taken map[string]bool

	deciding sync.Mutex
	begun    map[Key]time.Time
}

// Decide lets one worker at a time ask whether it may change a workload, and remembers that
// it does if it may. The question is given what others were allowed shortly before.
func (s *Slots) Decide(key Key, now time.Time, ask func(begun func(Key) bool) (bool, error)) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	for other, at := range s.begun {
		if now.Sub(at) >= actionSettles {
			delete(s.begun, other)
		}
	}
	allowed, err := ask(func(other Key) bool { _, found := s.begun[other]; return found })
	if err != nil || !allowed {
		return err
	}
	if s.begun == nil {
		s.begun = map[Key]time.Time{}
	}
	s.begun[key] = now
	return nil
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
