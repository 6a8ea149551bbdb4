// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// maxNameLength is the longest name of an API object, in bytes.
const maxNameLength = 253

// ReportName is the name of a workload's ReadinessReport, in the workload's namespace:
// its kind and name. A name that would be too long is cut, with a digest of the whole.
func ReportName(kind v1alpha1.WorkloadKind, name string) string {
	full := strings.ToLower(string(kind)) + "-" + name
	if len(full) <= maxNameLength {
		return full
	}
	return strings.TrimRight(full[:maxNameLength-digestLength-1], "-.") + "-" + Digest(full)
}
