// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// mapping says which workload of the gated namespace is which of the source. The zero
// value changes no name.
type mapping struct {
	pairs []v1alpha1.WorkloadMapping
	names v1alpha1.NameMapping
}

func newMapping(gate v1alpha1.PromotionGateSpec) mapping {
	if gate.Mapping == nil {
		return mapping{}
	}
	m := mapping{pairs: gate.Mapping.Workloads}
	if gate.Mapping.Names != nil {
		m.names = *gate.Mapping.Names
	}
	return m
}

// here is the workload of the gated namespace that stands for one of the source.
func (m mapping) here(source Key) Key {
	for _, pair := range m.pairs {
		if pairs(pair, source) {
			return Key{Kind: source.Kind, Name: pair.To}
		}
	}
	return Key{Kind: source.Kind, Name: m.rename(source.Name)}
}

func pairs(pair v1alpha1.WorkloadMapping, source Key) bool {
	return pair.From == source.Name && (pair.Kind == "" || pair.Kind == source.Kind)
}

// rename strips and adds. A name that lacks what shall be stripped stays as it is, and so
// does one that would become none: no workload could have it, nor an entry of the ledger.
func (m mapping) rename(name string) string {
	bare, prefixed := strings.CutPrefix(name, m.names.StripPrefix)
	bare, suffixed := strings.CutSuffix(bare, m.names.StripSuffix)
	renamed := m.names.AddPrefix + bare + m.names.AddSuffix
	if !prefixed || !suffixed || bare == "" || len(validation.IsDNS1123Subdomain(renamed)) > 0 {
		return name
	}
	return renamed
}

// idle says what of the mapping fits no workload of the source: a typing error, or a
// workload that is not there any more. Nothing is admitted by it.
func (m mapping) idle(source string, workloads []Key) []string {
	var idle []string
	for i, pair := range m.pairs {
		if !slices.ContainsFunc(workloads, func(k Key) bool { return pairs(pair, k) }) {
			idle = append(idle, fmt.Sprintf("spec.mapping.workloads[%d] maps %s, which is not observed in %s: correct the name, deploy it there, or remove the entry",
				i, strings.TrimSpace(string(pair.Kind)+" "+pair.From), source))
		}
	}
	renames := func(k Key) bool {
		return !slices.ContainsFunc(m.pairs, func(p v1alpha1.WorkloadMapping) bool { return pairs(p, k) }) && m.rename(k.Name) != k.Name
	}
	if m.names != (v1alpha1.NameMapping{}) && !slices.ContainsFunc(workloads, renames) {
		idle = append(idle, fmt.Sprintf("spec.mapping.names fits no name of a workload in %s: correct it, or remove it", source))
	}
	return idle
}

// pair is a workload here with those of the source that stand for it: one, if all is well.
type pair struct {
	here    Key
	sources []v1alpha1.ReadinessReport
}

// pairUp finds for each report of the source the workload here that it stands for. Where
// several do, those that are gone step back behind those that run.
func pairUp(m mapping, reports []v1alpha1.ReadinessReport) []pair {
	var all []pair
	for _, report := range reports {
		key := m.here(keyOf(report.Status))
		i := slices.IndexFunc(all, func(p pair) bool { return p.here == key })
		if i < 0 {
			all = append(all, pair{here: key})
			i = len(all) - 1
		}
		all[i].sources = append(all[i].sources, report)
	}
	for i := range all {
		if all[i].running() > 0 {
			all[i].sources = slices.DeleteFunc(all[i].sources, isGone)
		}
	}
	return all
}

func isGone(r v1alpha1.ReadinessReport) bool { return r.Status.State == v1alpha1.ReportGone }

func (p pair) running() int {
	n := 0
	for _, r := range p.sources {
		if !isGone(r) {
			n++
		}
	}
	return n
}

// waitedFor says whether the gate waits for the workload: not for one that is gone from
// the source, nor for one that runs once.
func (p pair) waitedFor() bool { return p.running() > 0 && workload.Lasting(p.here.Kind) }

// pair judges the workload of the source that stands for one here.
func (j judge) pair(p pair) verdict {
	if len(p.sources) == 1 {
		return j.workload(p.sources[0], p.here)
	}
	names := make([]string, 0, len(p.sources))
	for _, r := range p.sources {
		names = append(names, r.Status.Workload.Name)
	}
	return j.ambiguous(p.here, names)
}

// idleMappings says what of a gate's mappings fits nothing in the source.
func idleMappings(gate v1alpha1.PromotionGateSpec, reports []v1alpha1.ReadinessReport) []string {
	keys := make([]Key, 0, len(reports))
	for _, r := range reports {
		keys = append(keys, keyOf(r.Status))
	}
	source := sourceName(gate.Source)
	return append(newMapping(gate).idle(source, keys), registries(gate.RegistryMappings).idle(source, reports)...)
}

// registries say where the images of the source are found here.
type registries []v1alpha1.RegistryMapping

// here is the name under which an image of the source is found here; empty when it is
// the same.
func (r registries) here(image string) string {
	longest, found := v1alpha1.RegistryMapping{}, false
	for _, m := range r {
		if begins(image, m.From) && len(m.From) > len(longest.From) {
			longest, found = m, true
		}
	}
	if !found {
		return ""
	}
	return longest.To + strings.TrimPrefix(image, longest.From)
}

// begins says whether the image lies below the prefix: a part of a path component is none.
func begins(image, prefix string) bool {
	rest, found := strings.CutPrefix(image, prefix)
	return found && (rest == "" || strings.ContainsRune("/:@", rune(rest[0])))
}

// names are all under which an image of the source may be found here, the mapped one first.
func (r registries) names(image string) []string {
	if mapped := r.here(image); mapped != "" {
		return []string{mapped, image}
	}
	return []string{image}
}

// idle says which mappings fit no image of the source.
func (r registries) idle(source string, reports []v1alpha1.ReadinessReport) []string {
	var idle []string
	for _, m := range r {
		fits := func(c v1alpha1.RevisionContainer) bool { return begins(c.Image, m.From) }
		if !slices.ContainsFunc(reports, func(report v1alpha1.ReadinessReport) bool {
			return slices.ContainsFunc(report.Status.Revision.Containers, fits) ||
				slices.ContainsFunc(report.Status.Proven, func(p v1alpha1.ProvenRevision) bool { return slices.ContainsFunc(p.Containers, fits) })
		}) {
			idle = append(idle, fmt.Sprintf("spec.registryMappings from %s fits no image that runs in %s: correct it, or remove it", m.From, source))
		}
	}
	return idle
}
