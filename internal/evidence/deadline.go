// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// NextDeadline is when an open trial must be looked at again even if nothing happens;
// nil when there is no such time. It may have passed already.
func NextDeadline(e v1alpha1.Evidence) *time.Time {
	var next *time.Time
	for i := range e.Open {
		if d := e.Open[i].Deadline; d != nil && (next == nil || d.Time.Before(*next)) {
			next = &d.Time
		}
	}
	return next
}
