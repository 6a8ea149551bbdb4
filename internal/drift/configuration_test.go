// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/workload"
)

// started is a pod whose container started so many minutes after noon.
func started(name, container string, minute int) workload.Pod {
	return workload.Pod{Name: name, Containers: []workload.Container{{Name: container, Started: noon.Add(time.Duration(minute) * time.Minute)}}}
}

// takes is what a container takes from the ConfigMap settings; all of it without keys.
func takes(container string, keys ...string) workload.StartUse {
	return workload.StartUse{Container: container, SourceUse: workload.SourceUse{Source: settingsMap, Keys: keys}}
}

var settingsMap = workload.Source{Kind: v1alpha1.ConfigurationFromConfigMap, Name: "settings"}

func settings(content workload.Content) map[workload.Source]workload.Content {
	return map[workload.Source]workload.Content{settingsMap: content}
}

func TestConfigurationDriftIsWhatPodsDoNotHave(t *testing.T) {
	type look struct {
		minute  int
		content workload.Content
		pods    []workload.Pod
		uses    []workload.StartUse
	}
	gone, departing := started("gone", "main", 0), started("departing", "main", 0)
	gone.Containers[0].Exit = &workload.Exit{}
	departing.Deleting = noon
	initial := started("init", "main", 0)
	initial.Containers[0].Init = true
	before, after := started("before", "main", 0), started("after", "main", 6)
	for _, c := range []struct {
		name  string
		looks []look
		says  []string
	}{
		{"nothing at the first look", []look{{1, workload.Content{"A": "1"}, []workload.Pod{before}, nil}}, nil},
		{"nothing while the content stays", []look{
			{1, workload.Content{"A": "1"}, []workload.Pod{before}, nil}, {5, workload.Content{"A": "1"}, []workload.Pod{before}, nil},
		}, nil},
		{"a value that changed under a pod", []look{
			{1, workload.Content{"A": "1", "B": "1"}, []workload.Pod{before}, nil}, {5, workload.Content{"A": "2", "B": "1"}, []workload.Pod{before}, nil},
		}, []string{"ConfigMap settings changed at 2026-05-04 12:05:00 (key A), and pod before keeps what it took when it started"}},
		{"keys that came and went", []look{
			{1, workload.Content{"A": "1"}, []workload.Pod{before}, nil}, {5, workload.Content{"B": "1"}, []workload.Pod{before}, nil},
		}, []string{"(keys A, B)"}},
		{"a pod that started since has it", []look{
			{1, workload.Content{"A": "1"}, []workload.Pod{before}, nil}, {5, workload.Content{"A": "2"}, []workload.Pod{before, after}, nil},
		}, []string{"pod before keeps"}},
		{"nothing once all have started since", []look{
			{1, workload.Content{"A": "1"}, []workload.Pod{before}, nil}, {5, workload.Content{"A": "2"}, []workload.Pod{before}, nil},
			{7, workload.Content{"A": "2"}, []workload.Pod{after}, nil},
		}, nil},
		{"a pod that started in the second of the change has the new value, in doubt", []look{
			{1, workload.Content{"A": "1"}, nil, nil}, {5, workload.Content{"A": "2"}, []workload.Pod{started("same", "main", 5)}, nil},
		}, nil},
		{"a change that was undone leaves the pods of before in order", []look{
			{1, workload.Content{"A": "1"}, []workload.Pod{before}, nil}, {5, workload.Content{"A": "2"}, []workload.Pod{before, after}, nil},
			{8, workload.Content{"A": "1"}, []workload.Pod{before, after}, nil},
		}, []string{"changed at 2026-05-04 12:08:00 (key A), and pod after keeps"}},
		{"two changes are told from the first that a pod lacks", []look{
			{1, workload.Content{"A": "1", "B": "1"}, []workload.Pod{before}, nil}, {5, workload.Content{"A": "2", "B": "1"}, []workload.Pod{before, after}, nil},
			{8, workload.Content{"A": "2", "B": "2"}, []workload.Pod{before, after}, nil},
		}, []string{"changed at 2026-05-04 12:05:00 (keys A, B), and pods after, before keep"}},
		{"containers that do not run have nothing", []look{
			{1, workload.Content{"A": "1"}, []workload.Pod{gone, departing, initial}, nil},
			{5, workload.Content{"A": "2"}, []workload.Pod{gone, departing, initial, {Name: "waits", Containers: []workload.Container{{Name: "main"}}}}, nil},
		}, nil},
		{"a ConfigMap that was deleted", []look{
			{1, workload.Content{"A": "1"}, []workload.Pod{before}, nil}, {5, nil, []workload.Pod{before}, nil},
		}, []string{"ConfigMap settings was deleted at 2026-05-04 12:05:00 (key A)"}},
		{"a key that no container takes", []look{
			{1, workload.Content{"A": "1", "B": "1"}, []workload.Pod{before}, []workload.StartUse{takes("main", "A")}},
			{5, workload.Content{"A": "1", "B": "2"}, []workload.Pod{before}, []workload.StartUse{takes("main", "A")}},
		}, nil},
		{"a key that another container takes", []look{
			{1, workload.Content{"A": "1", "B": "1"}, []workload.Pod{before}, []workload.StartUse{takes("main", "A"), takes("side", "B")}},
			{5, workload.Content{"A": "1", "B": "2"}, []workload.Pod{before, started("two", "side", 0)}, []workload.StartUse{takes("main", "A"), takes("side", "B")}},
		}, []string{"(key B), and pod two keeps"}},
		{"an optional key that comes", []look{
			{1, workload.Content{}, []workload.Pod{before}, []workload.StartUse{takes("main", "A")}},
			{5, workload.Content{"A": "1"}, []workload.Pod{before}, []workload.StartUse{takes("main", "A")}},
		}, []string{"(key A)"}},
		{"a key that the template did not name before, of which nothing is known", []look{
			{1, workload.Content{"A": "1", "B": "1"}, []workload.Pod{before}, []workload.StartUse{takes("main", "A")}},
			{5, workload.Content{"A": "1", "B": "1"}, []workload.Pod{before}, []workload.StartUse{takes("main", "A", "B")}},
		}, nil},
		{"more keys than are told apart", []look{
			{1, many(17, "1"), []workload.Pod{before}, nil}, {5, many(17, "2"), []workload.Pod{before}, nil},
		}, []string{"(its content)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			var recorded []v1alpha1.ConfigurationSource
			var configured drift.Configured
			for _, look := range c.looks {
				now := noon.Add(time.Duration(look.minute) * time.Minute)
				configured = drift.Configured{Uses: look.uses, Content: settings(look.content), Pods: look.pods}
				if configured.Uses == nil {
					configured.Uses = []workload.StartUse{takes("main")}
				}
				recorded = configured.Record(recorded, now)
				g.Expect(configured.Record(recorded, now.Add(time.Hour))).To(Equal(recorded), "what does not change writes nothing")
				g.Expect(configured.Unrecorded(recorded)).To(BeEmpty())
			}
			var says []string
			for _, o := range configured.Outdated(recorded) {
				says = append(says, o.String())
			}
			g.Expect(says).To(HaveLen(len(c.says)), "%v", says)
			for i := range c.says {
				g.Expect(says[i]).To(ContainSubstring(c.says[i]))
			}
		})
	}
}

// many keys that all have a value.
func many(n int, value string) workload.Content {
	content := workload.Content{}
	for i := range n {
		content[fmt.Sprintf("KEY_%02d", i)] = value
	}
	return content
}

func TestAChangeIsAsOldAsTheWriteThatMadeIt(t *testing.T) {
	uses, pods := []workload.StartUse{takes("main")}, []workload.Pod{started("pod", "main", 3)}
	recorded := drift.Configured{Uses: uses, Content: settings(workload.Content{"A": "1"}), Pods: pods}.Record(nil, noon)
	for _, c := range []struct {
		name    string
		written time.Time
		since   time.Time
	}{
		{"as its field managers say", noon.Add(2 * time.Minute), noon.Add(2 * time.Minute)},
		{"as it is seen, when they say that it is older than what was seen before", noon.Add(-time.Minute), noon.Add(5 * time.Minute)},
		{"as it is seen, when they say nothing", time.Time{}, noon.Add(5 * time.Minute)},
		{"as it is seen, when they are from the future", noon.Add(time.Hour), noon.Add(5 * time.Minute)},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			now := drift.Configured{Uses: uses, Content: settings(workload.Content{"A": "2"}), Pods: pods, Written: map[workload.Source]time.Time{settingsMap: c.written}}
			g.Expect(now.Unrecorded(recorded)).To(Equal([]workload.Source{settingsMap}))
			after := now.Record(recorded, noon.Add(5*time.Minute))
			g.Expect(after[0].Versions[0].Since.Time).To(Equal(c.since))
			if c.since.After(noon.Add(3 * time.Minute)) {
				g.Expect(now.Outdated(after)).To(HaveLen(1), "the pod started at 12:03")
			} else {
				g.Expect(now.Outdated(after)).To(BeEmpty(), "the pod started at 12:03")
			}
		})
	}
}

func TestWhatIsRecordedOfConfigurationIsBounded(t *testing.T) {
	g := NewWithT(t)
	configured := drift.Configured{Content: map[workload.Source]workload.Content{}}
	for i := range 20 {
		for _, kind := range []v1alpha1.ConfigurationKind{v1alpha1.ConfigurationFromSecret, v1alpha1.ConfigurationFromConfigMap} {
			source := workload.Source{Kind: kind, Name: fmt.Sprintf("settings-%02d", i)}
			configured.Uses = append(configured.Uses, workload.StartUse{Container: "main", SourceUse: workload.SourceUse{Source: source}})
		}
	}
	var recorded []v1alpha1.ConfigurationSource
	for minute := range 9 {
		for _, use := range configured.Uses {
			configured.Content[use.Source] = workload.Content{strings.Repeat("K", 200) + fmt.Sprint(minute): "secret value", "B": fmt.Sprint(minute), strings.Repeat("L", 250): "1", strings.Repeat("M", 250): "1"}
		}
		configured.Pods = append(configured.Pods, started(fmt.Sprint("pod-", minute), "main", minute))
		recorded = configured.Record(recorded, noon.Add(time.Duration(minute)*time.Minute))
	}
	g.Expect(recorded).To(HaveLen(16))
	for i, source := range recorded {
		kind := v1alpha1.ConfigurationFromConfigMap
		if i >= 8 {
			kind = v1alpha1.ConfigurationFromSecret
		}
		g.Expect(source.Kind).To(Equal(kind), "Secrets take no ConfigMap's place")
		g.Expect(source.Versions).To(HaveLen(3))
		g.Expect(source.Versions[0].Keys).To(ConsistOf(HavePrefix("*=")))
	}
	text := drift.ConfigurationMessage(configured.Outdated(recorded))
	g.Expect(len(text)).To(BeNumerically("<=", 512))
	g.Expect(text).To(HaveSuffix(": restart the rollout, or undo the change; what was written may have the same values"))
	g.Expect(fmt.Sprint(recorded)).NotTo(ContainSubstring("secret value"))
}

func TestARecordFromBeforeThereWereKindsIsThatOfAConfigMap(t *testing.T) {
	g := NewWithT(t)
	look := drift.Configured{Uses: []workload.StartUse{takes("main")}, Content: settings(workload.Content{"A": "1"}), Pods: []workload.Pod{started("pod", "main", 0)}}
	recorded := look.Record(nil, noon)
	recorded[0].Kind = ""
	look.Content = settings(workload.Content{"A": "2"})
	g.Expect(look.Outdated(look.Record(recorded, noon.Add(time.Minute)))).To(HaveLen(1))
}

func TestASecretIsToldByWhenItWasWritten(t *testing.T) {
	g := NewWithT(t)
	account := workload.Source{Kind: v1alpha1.ConfigurationFromSecret, Name: "account"}
	look := drift.Configured{
		Uses:    []workload.StartUse{{Container: "main", SourceUse: workload.SourceUse{Source: account, Keys: []string{"password"}}}},
		Content: map[workload.Source]workload.Content{account: {"password": "at noon", "other": "at noon"}},
		Pods:    []workload.Pod{started("before", "main", 0)},
	}
	recorded := look.Record(nil, noon.Add(time.Minute))

	// nobody knows its content while the operator may not read it: what is known stays, and nothing is said
	unread := look
	unread.Content, unread.Unread = nil, map[workload.Source]bool{account: true}
	g.Expect(unread.Record(recorded, noon.Add(2*time.Minute))).To(Equal(recorded))
	g.Expect(unread.Unrecorded(recorded)).To(BeEmpty())
	g.Expect(unread.Outdated(recorded)).To(BeEmpty())
	g.Expect(unread.Record(nil, noon)).To(BeEmpty(), "of what was never read nothing is known")

	// another of its keys is written
	look.Content = map[workload.Source]workload.Content{account: {"password": "at noon", "other": "at five"}}
	g.Expect(look.Record(recorded, noon.Add(5*time.Minute))).To(Equal(recorded))

	// the key that the pods took is written
	look.Content = map[workload.Source]workload.Content{account: {"password": "at six"}}
	recorded = look.Record(recorded, noon.Add(6*time.Minute))
	outdated := look.Outdated(recorded)
	g.Expect(drift.ConfigurationMessage(outdated)).To(Equal(
		"Secret account was written at 2026-05-04 12:06:00 (key password), and pod before keeps what it took when it started: restart the rollout, unless the values are the same"))
	g.Expect(drift.ConfigurationReason(outdated)).To(Equal(v1alpha1.ReasonSecretWritten))

	// it cannot be read any more: what was found stays true
	unread.Pods = look.Pods
	g.Expect(unread.Outdated(recorded)).To(HaveLen(1))
	g.Expect(unread.Outdated(recorded)[0].Gone).To(BeFalse())

	// it is deleted
	look.Content = map[workload.Source]workload.Content{account: nil}
	gone := look.Outdated(look.Record(recorded, noon.Add(7*time.Minute)))
	g.Expect(drift.ConfigurationMessage(gone)).To(And(HavePrefix("Secret account was deleted"), HaveSuffix(": restart the rollout, or undo the change")))

	// a ConfigMap too has changed
	mixed := append([]drift.Outdated{outdated[0]}, drift.Outdated{Source: settingsMap, Keys: []string{"A"}, Pods: []string{"before"}, Since: noon})
	g.Expect(drift.ConfigurationReason(mixed)).To(Equal(v1alpha1.ReasonConfigMapChanged))
	g.Expect(drift.ConfigurationMessage(mixed)).To(HaveSuffix(": restart the rollout, or undo the change; what was written may have the same values"))
}

func TestOfWritesThatWereSeenAtOnceAPodLacksThoseAfterItsStart(t *testing.T) {
	g := NewWithT(t)
	account := workload.Source{Kind: v1alpha1.ConfigurationFromSecret, Name: "account"}
	at := func(user, password int) workload.Writes {
		return workload.Writes{"user": noon.Add(time.Duration(user) * time.Minute), "password": noon.Add(time.Duration(password) * time.Minute)}
	}
	look := drift.Configured{
		Uses: []workload.StartUse{
			{Container: "main", SourceUse: workload.SourceUse{Source: account, Keys: []string{"user"}}},
			{Container: "main", SourceUse: workload.SourceUse{Source: account, Keys: []string{"password"}}},
		},
		Content: map[workload.Source]workload.Content{account: at(0, 0).Content()},
		Pods:    []workload.Pod{started("pod", "main", 2)},
	}
	recorded := look.Record(nil, noon)

	look.Content[account], look.Writes = at(1, 3).Content(), map[workload.Source]workload.Writes{account: at(1, 3)}
	recorded = look.Record(recorded, noon.Add(5*time.Minute))
	g.Expect(recorded[0].Versions[0].Since.Time).To(Equal(noon.Add(3*time.Minute)), "as old as the last of them")
	g.Expect(look.Outdated(recorded)).To(ConsistOf(HaveField("Keys", []string{"password"})))
}
