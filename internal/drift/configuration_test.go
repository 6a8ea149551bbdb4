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
	return workload.StartUse{Container: container, ConfigMapUse: workload.ConfigMapUse{Name: "settings", Keys: keys}}
}

func settings(content workload.Content) map[string]workload.Content {
	return map[string]workload.Content{"settings": content}
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
			now := drift.Configured{Uses: uses, Content: settings(workload.Content{"A": "2"}), Pods: pods, Written: map[string]time.Time{"settings": c.written}}
			g.Expect(now.Unrecorded(recorded)).To(Equal([]string{"settings"}))
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
	configured := drift.Configured{Content: map[string]workload.Content{}}
	for i := range 20 {
		name := fmt.Sprintf("settings-%02d", i)
		configured.Uses = append(configured.Uses, workload.StartUse{Container: "main", ConfigMapUse: workload.ConfigMapUse{Name: name}})
	}
	var recorded []v1alpha1.ConfigurationSource
	for minute := range 9 {
		for i := range 20 {
			configured.Content[fmt.Sprintf("settings-%02d", i)] = workload.Content{strings.Repeat("K", 200) + fmt.Sprint(minute): "secret value", "B": fmt.Sprint(minute), strings.Repeat("L", 250): "1", strings.Repeat("M", 250): "1"}
		}
		configured.Pods = append(configured.Pods, started(fmt.Sprint("pod-", minute), "main", minute))
		recorded = configured.Record(recorded, noon.Add(time.Duration(minute)*time.Minute))
	}
	g.Expect(recorded).To(HaveLen(8))
	for _, source := range recorded {
		g.Expect(source.Versions).To(HaveLen(3))
		g.Expect(source.Versions[0].Keys).To(ConsistOf(HavePrefix("*=")))
	}
	text := drift.ConfigurationMessage(configured.Outdated(recorded))
	g.Expect(len(text)).To(BeNumerically("<=", 512))
	g.Expect(text).To(HaveSuffix(": restart the rollout, or undo the change"))
	g.Expect(fmt.Sprint(recorded)).NotTo(ContainSubstring("secret value"))
}
