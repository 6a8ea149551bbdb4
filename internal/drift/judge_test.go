// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// spec is a small workload spec.
func spec(t *testing.T, replicas int, image string, extra ...string) map[string]any {
	t.Helper()
	text := fmt.Sprintf("replicas: %d\ntemplate: {metadata: {labels: {app: shop}}, spec: {containers: [{name: shop, image: '%s', env: [{name: MODE, value: safe}]}]}}\n", replicas, image)
	for _, line := range extra {
		text += line + "\n"
	}
	return object(t, text)
}

// looking is a look at a healthy workload, one generation after its verified baseline, in
// an environment that corrects.
func looking(t *testing.T) drift.Input {
	t.Helper()
	return drift.Input{
		Baseline:     &drift.Baseline{Sequence: 1, Spec: spec(t, 3, "shop:1"), Generation: 1, Verified: true, Stable: true},
		Spec:         spec(t, 3, "shop:1"),
		Generation:   1,
		SpecAuthor:   "1:argocd",
		Stamping:     true,
		OperatorUser: "rampart",
		Policy: v1alpha1.DriftPolicy{
			Mode: v1alpha1.DriftCorrect, TrustedWriters: []string{"argocd"}, CorrectAfter: &metav1.Duration{Duration: 15 * time.Second},
		},
		Level:   v1alpha1.ActAct,
		Healthy: true,
	}
}

// handEdit is an edit of the image by alice that was first seen a minute ago.
func handEdit(t *testing.T) drift.Input {
	t.Helper()
	in := looking(t)
	in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "evil"), 2, "1:argocd,2:alice"
	first := drift.Judge(in, noon.Add(-time.Minute))
	in.Baseline = first.Next
	return in
}

func TestJudgeSaysWhatFollows(t *testing.T) {
	const image = "spec.template.spec.containers[name=shop].image"
	for _, c := range []struct {
		name    string
		look    func(*testing.T) drift.Input
		verdict drift.Verdict
		drifted []string
		message string
	}{
		{"a workload as it was written", looking, drift.VerdictNone, nil, "what trusted writers wrote"},
		{"a hand edit that stood long enough", handEdit, drift.VerdictCorrect, []string{image},
			"alice changed " + image + " from shop:1 to evil: taken back"},
		{"a hand edit just now", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "evil"), 2, "1:argocd,2:alice"
			return in
		}, drift.VerdictWait, []string{image}, "it is taken back at 12:00:15 unless a trusted writer is first"},
		{"an addition by hand", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Baseline = looking(t).Baseline
			in.Spec = spec(t, 3, "shop:1", "paused: true")
			return in
		}, drift.VerdictWait, []string{"spec.paused"}, "from nothing to true"},
		{"a change by a trusted writer", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "shop:2"), 2, "1:argocd,2:argocd"
			return in
		}, drift.VerdictNone, nil, ""},
		{"a change by the operator itself", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "shop:0"), 2, "1:argocd,2:rampart"
			return in
		}, drift.VerdictNone, nil, ""},
		{"a user whose name begins like a trusted writer's", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Baseline, in.SpecAuthor = looking(t).Baseline, "1:argocd,2:argocd%2C x"
			return in
		}, drift.VerdictWait, []string{image}, "argocd, x changed"},
		{"scaling through the scale subresource", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec, in.Generation = spec(t, 9, "shop:1"), 2
			return in
		}, drift.VerdictNone, nil, ""},
		{"replicas edited by hand in the spec", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 9, "shop:1"), 2, "1:argocd,2:alice"
			return in
		}, drift.VerdictWait, []string{"spec.replicas"}, "alice changed spec.replicas from 3 to 9"},
		{"replicas edited in the spec where an autoscaler owns them", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 9, "shop:1"), 2, "1:argocd,2:hpa"
			in.Autoscalers = []drift.Autoscaler{horizontal("shop")}
			return in
		}, drift.VerdictNone, nil, ""},
		{"replicas that drifted before an autoscaler came", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 9, "shop:1"), 2, "1:argocd,2:alice"
			in.Baseline = drift.Judge(in, noon.Add(-time.Minute)).Next
			in.Autoscalers = []drift.Autoscaler{horizontal("shop")}
			return in
		}, drift.VerdictNone, nil, "nothing differs from what trusted writers wrote, apart from delegated fields (HorizontalPodAutoscaler shop sets spec.replicas)"},
		{"replicas edited in the spec while nobody knows the autoscalers", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 9, "shop:1"), 2, "1:argocd,2:alice"
			in.AutoscalersUnread = "the operator may not list them"
			return in
		}, drift.VerdictHold, []string{"spec.replicas"}, "Rampart cannot tell: the operator may not list them"},
		{"a hand edit of what no autoscaler sets, while nobody knows the autoscalers", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.AutoscalersUnread = "the operator may not list them"
			return in
		}, drift.VerdictCorrect, []string{image}, "taken back"},
		{"an ignored field", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "evil"), 2, "1:argocd,2:alice"
			in.Policy.IgnoredFields = []string{"spec.template.spec.containers[name=*].image"}
			return in
		}, drift.VerdictNone, nil, "what trusted writers wrote"},
		{"an ignored field beside one that is not", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "evil", "paused: true"), 2, "1:argocd,2:alice"
			in.Policy.IgnoredFields = []string{image}
			return in
		}, drift.VerdictWait, []string{"spec.paused"}, "alice changed spec.paused"},
		{"a field that drifted before it was ignored", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Policy.IgnoredFields = []string{image}
			return in
		}, drift.VerdictNone, nil, "what trusted writers wrote"},
		{"a field where the rule cannot be read", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Policy.IgnoredFields = []string{"spec.template.spec.containers[0].image"}
			return in
		}, drift.VerdictCorrect, []string{image}, "taken back"},
		{"a restart by hand", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec = object(t, "{replicas: 3, template: {metadata: {labels: {app: shop}, annotations: {kubectl.kubernetes.io/restartedAt: now}}, "+
				"spec: {containers: [{name: shop, image: 'shop:1', env: [{name: MODE, value: safe}]}]}}}")
			in.Generation, in.SpecAuthor = 2, "1:argocd,2:alice"
			return in
		}, drift.VerdictNone, nil, ""},
		{"a new default of a newer API server, which no write brought", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec = spec(t, 3, "shop:1", "newDefault: x")
			return in
		}, drift.VerdictNone, nil, ""},
		{"a change that nobody stamped", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Baseline, in.SpecAuthor = looking(t).Baseline, "1:argocd"
			return in
		}, drift.VerdictReport, []string{image}, "nothing says who changed"},
		{"stamps that cannot be read", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Baseline, in.SpecAuthor = looking(t).Baseline, "garbage"
			return in
		}, drift.VerdictReport, []string{image}, "nothing says who changed"},
		{"a cluster that does not stamp, even where the annotation says alice", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Stamping = false
			return in
		}, drift.VerdictReport, []string{image}, "does not record who changes a spec"},
		{"a trusted and another writer between two looks", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "shop:2", "paused: true"), 3, "1:argocd,2:alice,3:argocd"
			return in
		}, drift.VerdictReport, []string{"spec.paused", image}, "alice, argocd both wrote between two looks"},
		{"so many writes that their stamps made room", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec, in.Generation = spec(t, 3, "evil"), 30
			in.SpecAuthor = "19:alice,20:alice,21:alice,22:alice,23:alice,24:alice,25:alice,26:alice,27:alice,28:alice,29:alice,30:alice"
			return in
		}, drift.VerdictReport, []string{image}, "between two looks"},
		{"an environment that only reports", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Policy.Mode = v1alpha1.DriftReport
			return in
		}, drift.VerdictReport, []string{image}, "drift is only reported here"},
		{"a namespace that is still at Report", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Level = v1alpha1.ActReport
			return in
		}, drift.VerdictReport, []string{image}, "it would be taken back"},
		{"a namespace whose level is not known", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Level = ""
			return in
		}, drift.VerdictReport, []string{image}, "it would be taken back"},
		{"suspended remediation", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Suspended = true
			return in
		}, drift.VerdictHold, []string{image}, "suspended"},
		{"a workload that another object controls", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Controller = "Canary shop"
			return in
		}, drift.VerdictHold, []string{image}, "Canary shop controls this workload"},
		{"a workload that is not healthy", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Healthy = false
			return in
		}, drift.VerdictHold, []string{image}, "may be somebody's repair"},
		{"a workload that is rolling out", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.RollingOut = true
			return in
		}, drift.VerdictHold, []string{image}, "wait for the rollout to end"},
		{"a baseline that no trusted writer wrote", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Baseline.Verified = false
			return in
		}, drift.VerdictHold, []string{image}, "nothing proven to go back to"},
		{"a baseline that no trusted writer wrote, and that the operator brought back", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Baseline.Verified = false
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "bad"), 2, "1:bob,2:bob"
			in.Baseline = drift.Judge(in, noon.Add(-time.Hour)).Next
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "shop:1"), 3, "1:bob,2:bob,3:rampart"
			in.Baseline = drift.Judge(in, noon.Add(-time.Hour)).Next
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "fixed"), 4, "1:bob,2:bob,3:rampart,4:alice"
			in.Baseline = drift.Judge(in, noon.Add(-time.Minute)).Next
			return in
		}, drift.VerdictHold, []string{image}, "no trusted writer has written this workload"},
		{"a baseline that was never healthy", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Baseline.Stable = false
			return in
		}, drift.VerdictHold, []string{image}, "never seen healthy"},
		{"an on-call's rollout undo", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Returned = true
			return in
		}, drift.VerdictHold, []string{image}, "went back to an earlier good revision"},
		{"a hand edit beside the template, where the template is that of the baseline", func(t *testing.T) drift.Input {
			in := looking(t)
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "shop:1", "paused: true"), 2, "1:argocd,2:alice"
			in.Returned = true
			return in
		}, drift.VerdictWait, []string{"spec.paused"}, "taken back at"},
		{"a blast radius that is used up", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Refused = "it was changed 2 times within an hour"
			return in
		}, drift.VerdictHold, []string{image}, "2 times within an hour"},
		{"a blast radius that cannot be asked at this moment", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Busy = true
			return in
		}, drift.VerdictWait, []string{image}, "is taken back at"},
		{"three identical corrections in ten minutes", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Actions = corrections(t, in, 9*time.Minute, 5*time.Minute, time.Minute)
			return in
		}, drift.VerdictContested, []string{image}, "Make the change in the trusted source, or find what alice runs and stop it"},
		{"three identical corrections, one of them long ago", func(t *testing.T) drift.Input {
			in := handEdit(t)
			in.Actions = corrections(t, in, 11*time.Minute, 5*time.Minute, time.Minute)
			return in
		}, drift.VerdictCorrect, []string{image}, "taken back"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			in := c.look(t)
			got := drift.Judge(in, noon)
			g.Expect(got.Verdict).To(Equal(c.verdict), got.Message)
			var paths []string
			for _, leaf := range got.Leaves() {
				paths = append(paths, leaf.Path.String())
			}
			g.Expect(paths).To(Equal(c.drifted))
			g.Expect(got.Message).To(ContainSubstring(c.message))
			g.Expect(got.Message).NotTo(BeEmpty(), "every judgement is explained")

			if got.Next != nil {
				in.Baseline = got.Next
			}
			again := drift.Judge(in, noon)
			g.Expect(again.Next).To(BeNil(), "a steady state writes nothing")
			g.Expect(again.Verdict).To(Equal(got.Verdict))
			g.Expect(again.Differences).To(Equal(got.Differences))
		})
	}
}

// corrections are past corrections of what the look shows.
func corrections(t *testing.T, in drift.Input, ago ...time.Duration) []v1alpha1.Action {
	t.Helper()
	var actions []v1alpha1.Action
	for i, d := range ago {
		actions = append(actions, v1alpha1.Action{
			ID: drift.ActionID(drift.Judge(in, noon).Leaves(), int64(i)), Kind: v1alpha1.ActionCorrectDrift,
			Outcome: v1alpha1.ActionDone, Time: metav1.NewTime(noon.Add(-d)),
		})
	}
	return actions
}

func TestTheFirstLookAdoptsTheLiveSpec(t *testing.T) {
	for _, c := range []struct {
		name, author string
		stamping     bool
		generation   int64
		verified     bool
	}{
		{"unverified without stamps", "", true, 4, false},
		{"unverified when others wrote too", "1:argocd,2:alice", true, 2, false},
		{"unverified when the cluster does not stamp", "1:argocd", false, 1, false},
		{"unverified when the stamps begin after its creation and nobody knows who came before", "3:alice,4:argocd", true, 4, false},
		{"verified when trusted writers alone wrote it", "1:argocd,2:argocd", true, 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			in := looking(t)
			in.Baseline, in.SpecAuthor, in.Stamping, in.Generation = nil, c.author, c.stamping, c.generation
			got := drift.Judge(in, noon)
			g.Expect(got.Verdict).To(Equal(drift.VerdictNone))
			g.Expect(got.Next.Spec).To(Equal(in.Spec))
			g.Expect(got.Next.Verified).To(Equal(c.verified))
		})
	}
}

func TestAWorkloadThatWasMadeAnewIsSeenForTheFirstTime(t *testing.T) {
	g := NewWithT(t)
	in := looking(t)
	in.Baseline.Generation, in.Spec = 40, spec(t, 1, "other:1")
	got := drift.Judge(in, noon)
	g.Expect(got.Verdict).To(Equal(drift.VerdictNone))
	g.Expect(got.Next.Spec).To(Equal(in.Spec))
	g.Expect(got.Next.Sequence).To(Equal(int64(2)))
}

func TestWithoutTrustedWritersThereIsNoDrift(t *testing.T) {
	for name, change := range map[string]func(*drift.Input){
		"no trusted writers": func(in *drift.Input) { in.Policy.TrustedWriters = nil },
		"mode Ignore":        func(in *drift.Input) { in.Policy.Mode = v1alpha1.DriftIgnore },
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			in := handEdit(t)
			change(&in)
			got := drift.Judge(in, noon)
			g.Expect(got.Verdict).To(Equal(drift.VerdictNone))
			g.Expect(got.Differences).To(BeEmpty())
			g.Expect(got.Discard).To(BeTrue(), "a baseline that is not kept up would call every change since drift")
		})
	}
}

func TestOpenDriftSurvivesATrustedWrite(t *testing.T) {
	g := NewWithT(t)
	in := looking(t)
	in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "shop:1", "paused: true"), 2, "1:argocd,2:alice"
	in.Baseline = drift.Judge(in, noon).Next

	in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "shop:2", "paused: true"), 3, "1:argocd,2:alice,3:argocd"
	got := drift.Judge(in, noon.Add(time.Minute))

	g.Expect(got.Differences).To(HaveLen(1))
	g.Expect(got.Differences[0].Path.String()).To(Equal("spec.paused"))
	g.Expect(got.Differences[0].By).To(Equal("alice"))
	g.Expect(got.Since).To(Equal(noon))
	g.Expect(got.Next.Spec).To(Equal(spec(t, 3, "shop:2")), "the baseline advanced in what the trusted writer changed, and there alone")
	g.Expect(got.Verdict).To(Equal(drift.VerdictHold), "the new baseline was not seen healthy yet")
}

func TestATrustedWriteClosesTheDriftThatItWritesOver(t *testing.T) {
	g := NewWithT(t)
	in := handEdit(t)
	in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "shop:2"), 3, "1:argocd,2:alice,3:argocd"
	got := drift.Judge(in, noon)
	g.Expect(got.Verdict).To(Equal(drift.VerdictNone))
	g.Expect(got.Next.Spec).To(Equal(in.Spec))
	g.Expect(got.Next.Open).To(BeEmpty())
}

func TestATrustedWriteInsideOfAnAdditionAdoptsIt(t *testing.T) {
	g := NewWithT(t)
	with := func(security string) map[string]any { return spec(t, 3, "shop:1", "strategy: "+security) }
	in := looking(t)
	in.Spec, in.Generation, in.SpecAuthor = with("{rollingUpdate: {maxSurge: 1}}"), 2, "1:argocd,2:alice"
	in.Baseline = drift.Judge(in, noon).Next
	in.Spec, in.Generation, in.SpecAuthor = with("{rollingUpdate: {maxSurge: 2}}"), 3, "1:argocd,2:alice,3:argocd"
	got := drift.Judge(in, noon)
	g.Expect(got.Differences).To(BeEmpty())
	g.Expect(got.Next.Spec).To(Equal(in.Spec))
}

func TestACorrectionLeavesNoDriftAndStampsOfItsOwn(t *testing.T) {
	g := NewWithT(t)
	in := handEdit(t)
	in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "shop:1"), 3, "1:argocd,2:alice,3:rampart"
	got := drift.Judge(in, noon)
	g.Expect(got.Verdict).To(Equal(drift.VerdictNone))
	in.Baseline = got.Next

	in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "evil"), 4, "1:argocd,2:alice,3:rampart,4:alice"
	g.Expect(drift.Judge(in, noon).Verdict).To(Equal(drift.VerdictWait), "alice's next edit is hers alone")
}

func TestScalingByAnAutoscalerWritesNothing(t *testing.T) {
	g := NewWithT(t)
	in := looking(t)
	in.Autoscalers = []drift.Autoscaler{horizontal("shop")}
	for replicas := range 20 {
		in.Spec, in.Generation = spec(t, replicas, "shop:1"), in.Generation+1
		g.Expect(drift.Judge(in, noon).Next).To(BeNil())
	}
}

func TestWhoScalesDelegatesNothingToWhoWritesReplicasLater(t *testing.T) {
	g := NewWithT(t)
	in := looking(t)
	in.Spec, in.Generation = spec(t, 5, "shop:1"), 2
	scaled := drift.Judge(in, noon)
	g.Expect(scaled.Verdict).To(Equal(drift.VerdictNone))
	g.Expect(scaled.Message).To(Equal("nothing differs from what trusted writers wrote, apart from spec.replicas, which somebody scaled"))
	in.Baseline = scaled.Next
	g.Expect(drift.Judge(in, noon).Next).To(BeNil(), "it is written once")
	g.Expect(drift.Judge(in, noon).Message).To(Equal(scaled.Message), "and is not forgotten")

	written := in
	written.Spec, written.Generation, written.SpecAuthor = spec(t, 9, "shop:1"), 3, "1:argocd,3:alice"
	g.Expect(drift.Judge(written, noon).Message).To(HavePrefix("alice changed spec.replicas from 5 to 9"), "what was scaled is what counts")
	written.Baseline = drift.Judge(written, noon).Next
	written.Spec, written.Generation, written.SpecAuthor = in.Spec, 4, "1:argocd,3:alice,4:rampart"
	g.Expect(drift.Judge(written, noon).Message).To(Equal(scaled.Message), "it is taken back to that")

	trusted := in
	trusted.Spec, trusted.Generation, trusted.SpecAuthor = spec(t, 4, "shop:1"), 3, "1:argocd,3:argocd"
	g.Expect(drift.Judge(trusted, noon).Message).To(Equal("the spec is what trusted writers wrote"))
}

func TestWhoAnnotatesDelegatesNothing(t *testing.T) {
	g := NewWithT(t)
	in := looking(t)
	in.Generation = 2
	in.Baseline = drift.Judge(in, noon).Next
	in.Spec, in.Generation, in.SpecAuthor = spec(t, 9, "shop:1"), 3, "1:argocd,3:alice"
	g.Expect(drift.Judge(in, noon).Verdict).To(Equal(drift.VerdictWait))
}

func TestAdditionsAreDriftUnlessATrustedWriterMakesThem(t *testing.T) {
	for _, c := range []struct{ name, was, is, path string }{
		{"a container", "containers: [{name: shop}]", "containers: [{name: shop}, {name: miner, image: x}]", "containers[name=miner]"},
		{"an init container", "{}", "initContainers: [{name: miner, image: x}]", "initContainers[name=miner]"},
		{"a second init container", "initContainers: [{name: first}]", "initContainers: [{name: first}, {name: miner, image: x}]", "initContainers[name=miner]"},
		{"a terminal", "containers: [{name: shop}]", "containers: [{name: shop, tty: true}]", "containers[name=shop].tty"},
		{"an environment variable", "containers: [{name: shop}]", "containers: [{name: shop, env: [{name: A, value: b}]}]", "containers[name=shop].env[name=A]"},
		{"a volume", "{}", "volumes: [{name: host, hostPath: {path: /}}]", "volumes[name=host]"},
		{"a mount", "containers: [{name: shop}]", "containers: [{name: shop, volumeMounts: [{name: host, mountPath: /host}]}]", "containers[name=shop].volumeMounts[mountPath=/host]"},
		{"a toleration", "tolerations: [{key: a}]", "tolerations: [{key: a}, {operator: Exists}]", "tolerations"},
		{"a limit", "containers: [{name: shop, resources: {}}]", "containers: [{name: shop, resources: {limits: {cpu: 1}}}]", "containers[name=shop].resources.limits.cpu"},
		{"a security context", "{}", "securityContext: {runAsUser: 0}", "securityContext"},
		{"the network of the node", "{}", "hostNetwork: true", "hostNetwork"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			podSpec := func(text string) map[string]any {
				return map[string]any{"template": map[string]any{"spec": object(t, text)}}
			}
			in := looking(t)
			in.Baseline.Spec, in.Spec, in.Generation = podSpec(c.was), podSpec(c.is), 2
			in.SpecAuthor = "1:argocd,2:alice"
			got := drift.Judge(in, noon)
			g.Expect(got.Verdict).To(Equal(drift.VerdictWait))
			g.Expect(got.Differences).To(HaveLen(1))
			g.Expect(got.Differences[0].Path.String()).To(Equal("spec.template.spec." + c.path))

			in.SpecAuthor = "1:argocd,2:argocd"
			got = drift.Judge(in, noon)
			g.Expect(got.Differences).To(BeEmpty(), "what a webhook adds to a trusted writer's request is part of his write")
			g.Expect(got.Next.Spec).To(Equal(in.Spec))
		})
	}
}

// A rule about a field does not make intended what the field is part of.
func TestWhatIsLeftAloneInsideOfAnAdditionAdoptsNothing(t *testing.T) {
	const limits = "resources: {limits: {cpu: %d}}"
	with := func(container string) map[string]any {
		return object(t, "{replicas: 3, template: {spec: {containers: [{name: shop, image: 'shop:1'}, {name: miner, image: x, "+container+"}]}}}")
	}
	for name, change := range map[string]func(*drift.Input){
		"an ignored field": func(in *drift.Input) {
			in.Policy.IgnoredFields = []string{"spec.template.spec.containers[name=*].resources"}
		},
		"a field of an autoscaler": func(in *drift.Input) { in.Autoscalers = []drift.Autoscaler{drift.Vertical(custom(t, "{}"))} },
		"a new default of a newer API server": func(in *drift.Input) {
			in.Generation, in.SpecAuthor = 2, "1:argocd,2:alice"
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			in := looking(t)
			in.Spec, in.Generation, in.SpecAuthor = with(fmt.Sprintf(limits, 1)), 2, "1:argocd,2:alice"
			in.Baseline = drift.Judge(in, noon).Next
			in.Spec, in.Generation, in.SpecAuthor = with(fmt.Sprintf(limits, 2)), 3, "1:argocd,2:alice,3:alice"
			change(&in)
			got := drift.Judge(in, noon.Add(time.Minute))
			var paths []string
			for _, d := range got.Differences {
				paths = append(paths, d.Path.String())
			}
			g.Expect(paths).To(ContainElement("spec.template.spec.containers[name=miner]"))
			g.Expect(got.Since).To(Equal(noon), "it is the drift of before")
		})
	}
}

func TestWhatWasSeenHealthyStaysSoWhileThePodTemplateDoes(t *testing.T) {
	g := NewWithT(t)
	in := handEdit(t)
	in.Spec, in.Generation, in.SpecAuthor = spec(t, 5, "evil"), 3, "1:argocd,2:alice,3:argocd"
	got := drift.Judge(in, noon)
	g.Expect(got.Verdict).To(Equal(drift.VerdictCorrect), "the trusted writer changed the number of pods, not what they run")
	g.Expect(got.Next.Spec).To(Equal(spec(t, 5, "shop:1")))
}

// Somebody who edits again as soon as a correction came would otherwise never be corrected
// any more.
func TestWhatWasSeenHealthyStaysSoWhenItIsBroughtBack(t *testing.T) {
	for _, writer := range []string{"rampart", "argocd"} {
		t.Run(writer, func(t *testing.T) {
			g := NewWithT(t)
			in := handEdit(t)
			in.Spec, in.Generation, in.SpecAuthor, in.RollingOut = spec(t, 3, "shop:1"), 3, "1:argocd,2:alice,3:"+writer, true
			back := drift.Judge(in, noon)
			g.Expect(back.Verdict).To(Equal(drift.VerdictNone))
			in.Baseline = back.Next
			in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "evil"), 4, "2:alice,3:"+writer+",4:alice"
			in.Baseline = drift.Judge(in, noon).Next
			in.RollingOut = false
			g.Expect(drift.Judge(in, noon.Add(time.Minute)).Verdict).To(Equal(drift.VerdictCorrect))
		})
	}
}

func TestTheReportIsBounded(t *testing.T) {
	g := NewWithT(t)
	in := handEdit(t)
	in.Baseline = looking(t).Baseline
	long := ""
	for range 400 {
		long += "ä\""
	}
	extra := []string{}
	for i := range 30 {
		extra = append(extra, fmt.Sprintf("field%d: '%s'", i, long))
	}
	in.Spec = spec(t, 3, "shop:1", extra...)
	in.Refused = long + long
	got := drift.Judge(in, noon)
	report := got.Report("baseline-1")
	g.Expect(report.Leaves).To(Equal(int32(30)), "the count is never cut")
	g.Expect(report.Fields).To(HaveLen(10))
	g.Expect(len(report.Fields[0].Is)).To(BeNumerically("<=", 256))
	g.Expect(len(report.Decision)).To(BeNumerically("<=", 512))
	g.Expect(drift.Judgement{}.Report("baseline-1")).To(BeNil())
}

func TestValuesAreShownWithoutWhatWouldDisguiseThem(t *testing.T) {
	for _, c := range []struct {
		value any
		shown string
	}{
		{"info", "info"},
		{"50 %, é 😀", "50 %, é 😀"},
		{"a\nb", `a\nb`},
		{"\x1b[2Jgone", `\x1b[2Jgone`},
		{"nimda\u202e", `nimda\u202e`},
		{int64(3), "3"},
		{[]any{"é", "a\u202eb"}, `[\"é\",\"a\u202eb\"]`},
	} {
		in := looking(t)
		in.Spec["paused"] = c.value
		in.Generation, in.SpecAuthor = 2, "1:argocd,2:alice"
		NewWithT(t).Expect(drift.Judge(in, noon).Report("").Fields[0].Is).To(Equal(c.shown))
	}
}
