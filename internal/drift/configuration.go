// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Configuration drift is a ConfigMap that has changed under pods which keep what they took
// from it when they started. It is shown and never corrected: whether the pods or the
// ConfigMap are wrong, only their owner knows.

const (
	maxSources   = 8
	maxVersions  = 3
	maxKeys      = 16
	maxKeysBytes = 512
	// allKeys stands for the keys of a ConfigMap that are too many to be told apart.
	allKeys = "*"
)

// Configured is one look at what the containers of a workload take when they start.
type Configured struct {
	// Uses are what the template says that they take.
	Uses []workload.StartUse
	// Content of the ConfigMaps by name: the value of each key, or a digest of it.
	Content map[string]workload.Content
	// Pods of the newest template.
	Pods []workload.Pod
	// Written is when a ConfigMap was last written, by name; only those that differ from
	// what is recorded need be there.
	Written map[string]time.Time
}

// Unrecorded are the ConfigMaps whose content is not that of the newest recorded version.
func (c Configured) Unrecorded(recorded []v1alpha1.ConfigurationSource) []string {
	var names []string
	for _, use := range c.sources() {
		if source := sourceNamed(recorded, use.Name); source != nil && !sameKeys(source.Versions[0], c.version(use)) {
			names = append(names, use.Name)
		}
	}
	return names
}

// Record is what is recorded after the look: the versions by which some pod may still run,
// and the newest.
func (c Configured) Record(recorded []v1alpha1.ConfigurationSource, now time.Time) []v1alpha1.ConfigurationSource {
	var out []v1alpha1.ConfigurationSource
	for _, use := range c.sources() {
		version := c.version(use)
		version.Since = metav1.NewTime(now.Truncate(time.Second))
		source := v1alpha1.ConfigurationSource{Name: use.Name}
		if known := sourceNamed(recorded, use.Name); known != nil {
			source.Versions = slices.Clone(known.Versions)
		}
		switch written := c.Written[use.Name]; {
		case len(source.Versions) == 0:
			source.Versions = []v1alpha1.ConfigurationVersion{version}
		case !sameKeys(source.Versions[0], version):
			if written.After(source.Versions[0].Since.Time) && written.Before(now) {
				version.Since = metav1.NewTime(written)
			}
			source.Versions = slices.Insert(source.Versions, 0, version)
		}
		source.Versions = source.Versions[:min(c.needed(use.Name, source.Versions), maxVersions)]
		out = append(out, source)
	}
	return out
}

// Outdated is a ConfigMap that has changed under pods.
type Outdated struct {
	// Name of the ConfigMap.
	Name string
	// Gone is true when it does not exist any more.
	Gone bool
	// Keys whose values the pods do not have, sorted.
	Keys []string
	// Pods that started before, by name.
	Pods []string
	// Since is the first change that one of them does not have.
	Since time.Time
}

// Outdated are the ConfigMaps by whose earlier values pods run, as recorded.
func (c Configured) Outdated(recorded []v1alpha1.ConfigurationSource) []Outdated {
	var all []Outdated
	for _, source := range recorded {
		found, keys, pods := Outdated{Name: source.Name, Gone: c.Content[source.Name] == nil}, map[string]bool{}, map[string]bool{}
		c.eachStart(source.Name, func(pod workload.Pod, use workload.StartUse, started time.Time) {
			has := versionAt(source.Versions, started)
			changed := changedKeys(source.Versions[has], source.Versions[0], use.Keys)
			if len(changed) == 0 {
				return
			}
			pods[pod.Name] = true
			for _, key := range changed {
				keys[key] = true
			}
			if since := source.Versions[has-1].Since.Time; found.Since.IsZero() || since.Before(found.Since) {
				found.Since = since
			}
		})
		if len(pods) > 0 {
			found.Keys, found.Pods = slices.Sorted(maps.Keys(keys)), slices.Sorted(maps.Keys(pods))
			all = append(all, found)
		}
	}
	return all
}

// String says what has changed, who does not have it, and what to do.
func (o Outdated) String() string {
	what := "keys " + named(o.Keys)
	switch {
	case slices.Contains(o.Keys, allKeys):
		what = "its content"
	case len(o.Keys) == 1:
		what = "key " + o.Keys[0]
	}
	changed := "changed"
	if o.Gone {
		changed = "was deleted"
	}
	text := fmt.Sprintf("ConfigMap %s %s at %s (%s), and ", o.Name, changed, o.Since.UTC().Format(time.DateTime), what)
	if len(o.Pods) == 1 {
		return text + fmt.Sprintf("pod %s keeps what it took when it started", o.Pods[0])
	}
	return text + fmt.Sprintf("pods %s keep what they took when they started", named(o.Pods))
}

// ConfigurationMessage says it of all, to people.
func ConfigurationMessage(outdated []Outdated) string {
	const follows = ": restart the rollout, or undo the change"
	texts := make([]string, 0, len(outdated))
	for _, o := range outdated {
		texts = append(texts, o.String())
	}
	return clip(strings.Join(texts, "; "), maxMessage-len(follows)) + follows
}

// sources are the ConfigMaps with all that some container takes from them.
func (c Configured) sources() []workload.ConfigMapUse {
	var all []workload.ConfigMapUse
	for _, use := range c.Uses {
		i := slices.IndexFunc(all, func(u workload.ConfigMapUse) bool { return u.Name == use.Name })
		switch {
		case i < 0:
			all = append(all, use.ConfigMapUse)
		case all[i].Keys == nil || use.Keys == nil:
			all[i].Keys = nil
		default:
			all[i].Keys = slices.Compact(slices.Sorted(slices.Values(slices.Concat(all[i].Keys, use.Keys))))
		}
	}
	slices.SortFunc(all, func(a, b workload.ConfigMapUse) int { return strings.Compare(a.Name, b.Name) })
	return all[:min(len(all), maxSources)]
}

// version of a ConfigMap as it is now.
func (c Configured) version(use workload.ConfigMapUse) v1alpha1.ConfigurationVersion {
	content, keys := c.Content[use.Name], use.Keys
	if keys == nil {
		keys = slices.Sorted(maps.Keys(content))
	}
	var out v1alpha1.ConfigurationVersion
	size := 0
	for _, key := range keys {
		entry := key + "="
		if value, has := content[key]; has {
			entry += workload.Digest(value)
		}
		out.Keys = append(out.Keys, entry)
		size += len(key)
	}
	if len(out.Keys) > maxKeys || size > maxKeysBytes {
		out.Keys = []string{allKeys + "=" + workload.Digest(out.Keys)}
	}
	return out
}

// needed is how many of the versions some container may run by; always one.
func (c Configured) needed(name string, versions []v1alpha1.ConfigurationVersion) int {
	oldest := 0
	c.eachStart(name, func(_ workload.Pod, _ workload.StartUse, started time.Time) {
		oldest = max(oldest, versionAt(versions, started))
	})
	return oldest + 1
}

// eachStart calls with each container that runs and has taken something from the ConfigMap.
func (c Configured) eachStart(name string, call func(pod workload.Pod, use workload.StartUse, started time.Time)) {
	for _, pod := range c.Pods {
		for _, container := range pod.Containers {
			for _, use := range c.Uses {
				running := !container.Init && container.Exit == nil && !container.Started.IsZero() && !pod.Departing()
				if running && use.Container == container.Name && use.Name == name {
					call(pod, use, container.Started)
				}
			}
		}
	}
}

// versionAt is the index of the version that a container took which started at the time: to
// the second, in which case it took the new one, so that nothing is said when in doubt.
func versionAt(versions []v1alpha1.ConfigurationVersion, started time.Time) int {
	i := slices.IndexFunc(versions, func(v v1alpha1.ConfigurationVersion) bool { return !started.Before(v.Since.Time) })
	if i < 0 {
		return len(versions) - 1
	}
	return i
}

// changedKeys are those of the keys that differ; of all when of is nil. Of a key that is
// named and not recorded nothing is known: the template did not name it then.
func changedKeys(was, is v1alpha1.ConfigurationVersion, of []string) []string {
	before, after := digests(was), digests(is)
	var changed []string
	for key, digest := range after {
		old, known := before[key]
		concerns := of == nil || (known && (key == allKeys || slices.Contains(of, key)))
		if concerns && old != digest {
			changed = append(changed, key)
		}
	}
	for key := range before {
		if _, still := after[key]; !still && of == nil {
			changed = append(changed, key)
		}
	}
	return changed
}

func sameKeys(a, b v1alpha1.ConfigurationVersion) bool { return slices.Equal(a.Keys, b.Keys) }

// digests of a version by key.
func digests(v v1alpha1.ConfigurationVersion) map[string]string {
	all := make(map[string]string, len(v.Keys))
	for _, entry := range v.Keys {
		key, digest, _ := strings.Cut(entry, "=")
		all[key] = digest
	}
	return all
}

func sourceNamed(recorded []v1alpha1.ConfigurationSource, name string) *v1alpha1.ConfigurationSource {
	i := slices.IndexFunc(recorded, func(s v1alpha1.ConfigurationSource) bool { return s.Name == name && len(s.Versions) > 0 })
	if i < 0 {
		return nil
	}
	return &recorded[i]
}
