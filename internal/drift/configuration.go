// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Configuration drift is a ConfigMap or Secret that has changed under pods which keep what
// they took from it when they started. It is shown and never corrected: whether the pods or
// what they took are wrong, only their owner knows.

const (
	maxSources   = 8 // of a kind
	maxVersions  = 3
	maxKeys      = 16
	maxKeysBytes = 512
	// allKeys stands for the keys of a source that are too many to be told apart.
	allKeys = "*"
)

// Configured is one look at what the containers of a workload take when they start.
type Configured struct {
	// Uses are what the template says that they take.
	Uses []workload.StartUse
	// Content of the sources: the value of each key, or what stands for it.
	Content map[workload.Source]workload.Content
	// Unread are the sources whose content nobody knows at present.
	Unread map[workload.Source]bool
	// Pods of the newest template.
	Pods []workload.Pod
	// Written is when a ConfigMap was last written; only those that differ from what is
	// recorded need be there.
	Written map[workload.Source]time.Time
	// Writes are when the keys of Secrets were.
	Writes map[workload.Source]workload.Writes
}

// Unrecorded are the sources whose content is not that of the newest recorded version.
func (c Configured) Unrecorded(recorded []v1alpha1.ConfigurationSource) []workload.Source {
	var all []workload.Source
	for _, use := range c.sources() {
		known := recordOf(recorded, use.Source)
		if known != nil && !c.Unread[use.Source] && !sameKeys(known.Versions[0], c.version(use)) {
			all = append(all, use.Source)
		}
	}
	return all
}

// Record is what is recorded after the look: the versions by which some pod may still run,
// and the newest. What could not be read stays as it was known.
func (c Configured) Record(recorded []v1alpha1.ConfigurationSource, now time.Time) []v1alpha1.ConfigurationSource {
	var out []v1alpha1.ConfigurationSource
	for _, use := range c.sources() {
		source := v1alpha1.ConfigurationSource{Kind: use.Kind, Name: use.Name}
		if known := recordOf(recorded, use.Source); known != nil {
			source.Versions = slices.Clone(known.Versions)
		}
		if !c.Unread[use.Source] {
			source.Versions = c.withNewest(source.Versions, use, now)
		}
		if len(source.Versions) == 0 {
			continue
		}
		source.Versions = source.Versions[:min(c.needed(use.Source, source.Versions), maxVersions)]
		out = append(out, source)
	}
	return out
}

// withNewest puts what is taken from a source now before the versions that are known of it.
func (c Configured) withNewest(versions []v1alpha1.ConfigurationVersion, use workload.SourceUse, now time.Time) []v1alpha1.ConfigurationVersion {
	newest := c.version(use)
	newest.Since = metav1.NewTime(now.Truncate(time.Second))
	if len(versions) == 0 {
		return []v1alpha1.ConfigurationVersion{newest}
	}
	if sameKeys(versions[0], newest) {
		return versions
	}
	if written := c.lastWrite(use); written.After(versions[0].Since.Time) && written.Before(now) {
		newest.Since = metav1.NewTime(written)
	}
	return slices.Insert(versions, 0, newest)
}

// lastWrite of what is taken from a source; zero when nobody knows.
func (c Configured) lastWrite(use workload.SourceUse) time.Time {
	if use.Kind == v1alpha1.ConfigurationFromSecret {
		return c.Writes[use.Source].Last(use)
	}
	return c.Written[use.Source]
}

// Outdated is a source that has changed under pods.
type Outdated struct {
	workload.Source
	// Gone is true when it does not exist any more.
	Gone bool
	// Keys whose values the pods do not have, sorted; of a Secret, those that were written.
	Keys []string
	// Pods that started before, by name.
	Pods []string
	// Since is the first change that one of them does not have.
	Since time.Time
}

// Outdated are the sources by whose earlier values pods run, as recorded.
func (c Configured) Outdated(recorded []v1alpha1.ConfigurationSource) []Outdated {
	var all []Outdated
	for _, known := range recorded {
		source := sourceOf(known)
		found, keys, pods := Outdated{Source: source, Gone: c.Content[source] == nil && !c.Unread[source]}, map[string]bool{}, map[string]bool{}
		c.eachStart(source, func(pod workload.Pod, use workload.StartUse, started time.Time) {
			has := versionAt(known.Versions, started)
			changed := slices.DeleteFunc(changedKeys(known.Versions[has], known.Versions[0], use.Keys), func(key string) bool {
				// Several writes may have been seen at one look, as one version.
				written, known := c.Writes[source][key]
				return known && !started.Before(written)
			})
			if len(changed) == 0 {
				return
			}
			pods[pod.Name] = true
			for _, key := range changed {
				keys[key] = true
			}
			if since := known.Versions[has-1].Since.Time; found.Since.IsZero() || since.Before(found.Since) {
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
	text := fmt.Sprintf("%s %s %s at %s (%s), and ", o.Kind, o.Name, o.happened(), o.Since.UTC().Format(time.DateTime), o.what())
	if len(o.Pods) == 1 {
		return text + fmt.Sprintf("pod %s keeps what it took when it started", o.Pods[0])
	}
	return text + fmt.Sprintf("pods %s keep what they took when they started", message.First(maxNamed, o.Pods))
}

// onlyWritten says that nobody knows whether a value changed.
func (o Outdated) onlyWritten() bool { return o.Kind == v1alpha1.ConfigurationFromSecret && !o.Gone }

// happened says what became of the source.
func (o Outdated) happened() string {
	switch {
	case o.Gone:
		return "was deleted"
	case o.onlyWritten():
		return "was written"
	default:
		return "changed"
	}
}

func (o Outdated) what() string {
	switch {
	case slices.Contains(o.Keys, allKeys):
		return "its content"
	case len(o.Keys) == 1:
		return "key " + o.Keys[0]
	default:
		return "keys " + message.First(maxNamed, o.Keys)
	}
}

// ConfigurationMessage says it of all, to people.
func ConfigurationMessage(outdated []Outdated) string {
	follows := ": restart the rollout, or undo the change"
	switch written := slices.ContainsFunc(outdated, Outdated.onlyWritten); {
	case written && onlySecrets(outdated):
		follows = ": restart the rollout, unless the values are the same"
	case written:
		follows += "; what was written may have the same values"
	}
	texts := make([]string, 0, len(outdated))
	for _, o := range outdated {
		texts = append(texts, o.String())
	}
	return message.Cut(strings.Join(texts, "; "), maxMessage-len(follows)) + follows
}

// ConfigurationReason is the reason of the condition that says it.
func ConfigurationReason(outdated []Outdated) string {
	if onlySecrets(outdated) {
		return v1alpha1.ReasonSecretWritten
	}
	return v1alpha1.ReasonConfigMapChanged
}

func onlySecrets(outdated []Outdated) bool {
	return !slices.ContainsFunc(outdated, func(o Outdated) bool { return o.Kind != v1alpha1.ConfigurationFromSecret })
}

// sources with all that some container takes from them, sorted.
func (c Configured) sources() []workload.SourceUse {
	var all []workload.SourceUse
	for _, use := range c.Uses {
		i := slices.IndexFunc(all, func(u workload.SourceUse) bool { return u.Source == use.Source })
		switch {
		case i < 0:
			all = append(all, use.SourceUse)
		case all[i].Keys == nil || use.Keys == nil:
			all[i].Keys = nil
		default:
			all[i].Keys = slices.Compact(slices.Sorted(slices.Values(slices.Concat(all[i].Keys, use.Keys))))
		}
	}
	slices.SortFunc(all, func(a, b workload.SourceUse) int { return a.Compare(b.Source) })
	count := map[v1alpha1.ConfigurationKind]int{}
	return slices.DeleteFunc(all, func(use workload.SourceUse) bool {
		count[use.Kind]++
		return count[use.Kind] > maxSources
	})
}

// version of a source as it is now.
func (c Configured) version(use workload.SourceUse) v1alpha1.ConfigurationVersion {
	content, keys := c.Content[use.Source], use.Keys
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
func (c Configured) needed(of workload.Source, versions []v1alpha1.ConfigurationVersion) int {
	oldest := 0
	c.eachStart(of, func(_ workload.Pod, _ workload.StartUse, started time.Time) {
		oldest = max(oldest, versionAt(versions, started))
	})
	return oldest + 1
}

// eachStart calls with each container that runs and has taken something from the source.
func (c Configured) eachStart(of workload.Source, call func(pod workload.Pod, use workload.StartUse, started time.Time)) {
	for _, pod := range c.Pods {
		for _, container := range pod.Containers {
			for _, use := range c.Uses {
				running := !container.Init && container.Exit == nil && !container.Started.IsZero() && !pod.Departing()
				if running && use.Container == container.Name && use.Source == of {
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

// recordOf a source; nil when nothing is known of it.
func recordOf(recorded []v1alpha1.ConfigurationSource, of workload.Source) *v1alpha1.ConfigurationSource {
	i := slices.IndexFunc(recorded, func(s v1alpha1.ConfigurationSource) bool { return sourceOf(s) == of && len(s.Versions) > 0 })
	if i < 0 {
		return nil
	}
	return &recorded[i]
}

// sourceOf a record. Those without a kind are from when there was one kind only.
func sourceOf(record v1alpha1.ConfigurationSource) workload.Source {
	return workload.Source{Kind: cmp.Or(record.Kind, v1alpha1.ConfigurationFromConfigMap), Name: record.Name}
}
