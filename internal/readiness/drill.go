// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import "github.com/rampart-dev/rampart/api/v1alpha1"

// NeedsDrill says whether a drill would bring missing evidence nearer: recoverability or
// safe failure is asked for and short of its target, and nothing speaks against the
// revision.
func NeedsDrill(r Readiness) bool {
	if r.State != v1alpha1.ReportCollecting {
		return false
	}
	for _, s := range r.Qualities {
		drillable := s.Quality == v1alpha1.Recoverability || s.Quality == v1alpha1.SafeFailure
		if drillable && s.Target != nil && s.Needed > 0 {
			return true
		}
	}
	return false
}
