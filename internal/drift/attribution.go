// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
)

// Origin says whose write a difference was.
type Origin string

// The origins of differences.
const (
	// OriginTrusted is a trusted writer's: the baseline follows it.
	OriginTrusted Origin = "Trusted"
	// OriginDelegated was left to an autoscaler, or to whoever scales: the baseline follows it.
	OriginDelegated Origin = "Delegated"
	// OriginIgnored is of a field that the policy ignores: the baseline follows it.
	OriginIgnored Origin = "Ignored"
	// OriginExempt is never drift: a restart, or a field that a newer API server defaults.
	OriginExempt Origin = "Exempt"
	// OriginUntrusted is somebody else's: drift.
	OriginUntrusted Origin = "Untrusted"
	// OriginMixed is of trusted and other writers between two looks: which of them is not known.
	OriginMixed Origin = "Mixed"
	// OriginUnknown has no author, because admission stamped none.
	OriginUnknown Origin = "Unknown"
)

// followed says whether the baseline takes over a difference of this origin.
func (o Origin) followed() bool {
	return o == OriginTrusted || o == OriginDelegated || o == OriginIgnored || o == OriginExempt
}

// writers are the spec changes between two looks.
type writers struct {
	// names of those who wrote, in order, each once.
	names []string
	// origin of every change that no rule about its field explains.
	origin Origin
	// unstamped is true when a generation has no stamp: somebody scaled, or changed annotations only.
	unstamped bool
}

// attribute reads from the stamps who brought the spec from one generation to another.
// Only the last state is visible, so that when trusted and other writers both wrote in
// between, nothing says who changed what.
func attribute(stamps Stamps, from, to int64, trusted []string) writers {
	between := stamps.Between(from, to)
	out := writers{unstamped: int64(len(between)) < to-from}
	trustedWrites := 0
	for _, stamp := range between {
		if slices.ContainsFunc(trusted, stamp.By) {
			trustedWrites++
		}
		if !slices.Contains(out.names, stamp.User) {
			out.names = append(out.names, stamp.User)
		}
	}
	switch {
	case from == to:
		out.origin = OriginExempt // nobody wrote: a newer API server fills in new defaults
	case len(between) == 0:
		out.origin = OriginUnknown
	case trustedWrites == 0 && !stamps.Forgotten(from):
		out.origin = OriginUntrusted
	case trustedWrites == len(between) && !stamps.Forgotten(from):
		out.origin = OriginTrusted
	default:
		out.origin = OriginMixed
	}
	return out
}

// restartedAt is what kubectl rollout restart writes.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// of is the origin of one change.
func (w writers) of(path Path, fields leftAlone) Origin {
	origin, left := fields.origin(path)
	switch {
	case lastField(path) == restartedAt:
		return OriginExempt
	case left:
		return origin
	case replicas.Matches(path) && w.unstamped:
		return OriginDelegated
	default:
		return w.origin
	}
}

// leftAlone are the fields that are no drift whoever writes them.
type leftAlone struct {
	ignored     []Pattern
	autoscalers []Autoscaler
}

// origin of a change of the field, if it is one of them.
func (l leftAlone) origin(path Path) (origin Origin, left bool) {
	switch {
	case slices.ContainsFunc(l.ignored, func(p Pattern) bool { return p.Matches(path) }):
		return OriginIgnored, true
	case slices.ContainsFunc(l.autoscalers, func(a Autoscaler) bool { return a.Sets(path) }):
		return OriginDelegated, true
	default:
		return "", false
	}
}

// by are the writers in words.
func (w writers) by() string { return strings.Join(w.names, ", ") }

// covers says whether the field is the path or contains it.
func covers(field, path string) bool {
	rest, ok := strings.CutPrefix(path, field)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// follow is the spec after the baseline took over a trusted writer's change, and whether it
// could. A change inside of something that is itself drift (a field of an added container)
// takes over what it is inside of: whoever wrote it has seen that.
func follow(spec map[string]any, live map[string]any, step Leaf) (map[string]any, bool) {
	if out, ok := take(spec, step); ok {
		return out, true
	}
	for _, leaf := range Diff(wrap(spec), wrap(live)) {
		if step.Path.Within(leaf.Path) {
			return take(spec, leaf)
		}
	}
	return spec, false
}

func take(spec map[string]any, leaf Leaf) (map[string]any, bool) {
	var edit editor
	object := wrap(runtime.DeepCopyJSON(spec))
	_, err := edit.apply(object, "", leaf.Path, change{value: runtime.DeepCopyJSONValue(leaf.Is), index: leaf.Index})
	if err != nil {
		return spec, false
	}
	return object["spec"].(map[string]any), true
}

// wrap makes a spec an object again, so that paths begin as they do for people.
func wrap(spec map[string]any) map[string]any { return map[string]any{"spec": spec} }
