// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// maxNameLength is the longest name of an API object, in bytes.
const maxNameLength = 253

// ReportName is the name of a workload's ReadinessReport, in the workload's namespace:
// its kind and name, as in deployment-shop. A name that would be too long is cut, with a
// digest of the whole.
func ReportName(kind v1alpha1.WorkloadKind, name string) string {
	full := strings.ToLower(string(kind)) + "-" + name
	if len(full) <= maxNameLength {
		return full
	}
	return strings.TrimRight(full[:maxNameLength-digestLength-1], "-.") + "-" + Digest(full)
}

// builtInGroups are the API groups of Kubernetes itself, within which a kind is unique.
var builtInGroups = []string{
	"", "apps", "autoscaling", "batch", "coordination.k8s.io", "discovery.k8s.io",
	"networking.k8s.io", "policy", "rbac.authorization.k8s.io", "storage.k8s.io",
}

// ObjectReportName is the name of the ReadinessReport of an object that is not a workload:
// its kind and name, as in service.shop, with a digest of the group where others may have
// the same kind. A name that would be too long, or that only the object's own kind allows,
// is cut and mended, with a digest of the whole before it.
//
// No two objects share a name, and none has that of a workload's report: what stands before
// the first dot is a kind here, a kind and a digest, or both and a dash, and the kinds of
// workloads stand before a dash only.
func ObjectReportName(group, kind, name string) string {
	prefix := strings.ToLower(kind)
	if !slices.Contains(builtInGroups, group) {
		prefix += Digest([]string{group, kind})[:8]
	}
	full := prefix + "." + name
	if len(validation.IsDNS1123Subdomain(full)) == 0 {
		return full
	}
	mended := prefix + "-" + Digest(full) + "." + strings.Map(mend, strings.ToLower(name))
	mended = mended[:min(len(mended), maxNameLength)]
	for strings.Contains(mended, "..") || strings.Contains(mended, ".-") || strings.Contains(mended, "-.") {
		mended = strings.NewReplacer("..", ".", ".-", ".", "-.", ".").Replace(mended)
	}
	return strings.TrimRight(mended, "-.")
}

// mend replaces what may not stand in the name of an API object.
func mend(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '.':
		return r
	default:
		return '-'
	}
}
