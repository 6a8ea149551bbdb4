// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package environment_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
)

const operatorNamespace = "rampart-system"

var monday = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func policy(name string, stage v1alpha1.Stage, created time.Time, labels map[string]string) v1alpha1.EnvironmentPolicy {
	return v1alpha1.EnvironmentPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), CreationTimestamp: metav1.NewTime(created)},
		Spec:       v1alpha1.EnvironmentPolicySpec{Stage: stage, NamespaceSelector: metav1.LabelSelector{MatchLabels: labels}},
	}
}

func namespace(name string, labels map[string]string) corev1.Namespace {
	return corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, CreationTimestamp: metav1.NewTime(monday)}}
}

var team = map[string]string{"team": "shop"}

func TestOwnerOfANamespace(t *testing.T) {
	everywhere := policy("everywhere", v1alpha1.Production, monday, nil)
	everywhere.Spec.NamespaceSelector = metav1.LabelSelector{
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "nobody", Operator: metav1.LabelSelectorOpDoesNotExist}},
	}
	deleted := policy("deleted", v1alpha1.Production, monday, team)
	deleted.DeletionTimestamp = &metav1.Time{Time: monday}
	empty := policy("empty", v1alpha1.Production, monday, nil)
	broken := policy("broken", v1alpha1.Production, monday, nil)
	broken.Spec.NamespaceSelector = metav1.LabelSelector{
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "team", Operator: "Resembles"}},
	}

	for _, test := range []struct {
		name      string
		policies  []v1alpha1.EnvironmentPolicy
		namespace string
		want      string
	}{
		{"the only policy that selects it", []v1alpha1.EnvironmentPolicy{policy("staging", v1alpha1.Staging, monday, team)}, "shop", "staging"},
		{"the graver stage wins, even if it is younger", []v1alpha1.EnvironmentPolicy{
			policy("staging", v1alpha1.Staging, monday, team), policy("production", v1alpha1.Production, monday.Add(time.Hour), team),
		}, "shop", "production"},
		{"of one stage the older policy wins", []v1alpha1.EnvironmentPolicy{
			policy("young", v1alpha1.Staging, monday.Add(time.Hour), team), policy("old", v1alpha1.Staging, monday, team),
		}, "shop", "old"},
		{"of one stage and age the name decides", []v1alpha1.EnvironmentPolicy{
			policy("b", v1alpha1.Staging, monday, team), policy("a", v1alpha1.Staging, monday, team),
		}, "shop", "a"},
		{"a policy that is being deleted selects nothing", []v1alpha1.EnvironmentPolicy{deleted}, "shop", ""},
		{"an empty selector selects nothing, not everything", []v1alpha1.EnvironmentPolicy{empty}, "shop", ""},
		{"a selector that cannot be read selects nothing", []v1alpha1.EnvironmentPolicy{broken}, "shop", ""},
		{"kube-system is never selected", []v1alpha1.EnvironmentPolicy{everywhere}, "kube-system", ""},
		{"kube-public is never selected", []v1alpha1.EnvironmentPolicy{everywhere}, "kube-public", ""},
		{"kube-node-lease is never selected", []v1alpha1.EnvironmentPolicy{everywhere}, "kube-node-lease", ""},
		{"the operator's own namespace is never selected", []v1alpha1.EnvironmentPolicy{everywhere}, operatorNamespace, ""},
		{"any other namespace may be selected by an absent label", []v1alpha1.EnvironmentPolicy{everywhere}, "shop", "everywhere"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			ns := namespace(test.namespace, team)
			owner, found := environment.NewMap(test.policies, operatorNamespace).Of(&ns)
			g.Expect(found).To(Equal(test.want != ""))
			if found {
				g.Expect(owner.Name()).To(Equal(test.want))
			}
		})
	}
}

func TestMembersSayWhatIsCededToWhom(t *testing.T) {
	g := NewWithT(t)
	leaving := namespace("leaving", team)
	leaving.DeletionTimestamp = &metav1.Time{Time: monday}
	namespaces := []corev1.Namespace{
		namespace("b", team), namespace("a", team), leaving, namespace("other", nil),
		namespace("both", map[string]string{"team": "shop", "grave": "yes"}),
	}
	m := environment.NewMap([]v1alpha1.EnvironmentPolicy{
		policy("staging", v1alpha1.Staging, monday, team),
		policy("production", v1alpha1.Production, monday, map[string]string{"grave": "yes"}),
	}, operatorNamespace)

	members := m.Members("staging", namespaces)
	g.Expect(members.Namespaces).To(Equal([]string{"a", "b"}))
	g.Expect(members.Ceded).To(Equal(map[string]string{"both": "production"}))
	g.Expect(m.Members("unknown", namespaces).Namespaces).To(BeEmpty())
}

func TestANamespaceOfAPolicyThatCannotBeReadIsHeld(t *testing.T) {
	g := NewWithT(t)
	broken := policy("production", v1alpha1.Production, monday, nil)
	broken.Spec.NamespaceSelector = metav1.LabelSelector{MatchLabels: map[string]string{"team": "no label value"}}
	m := environment.NewMap([]v1alpha1.EnvironmentPolicy{broken}, operatorNamespace)

	member := namespace("shop", team)
	member.Annotations = map[string]string{v1alpha1.AnnotationJoined: environment.Joined{Environment: "production", Since: monday}.String()}
	stranger := namespace("other", team)
	g.Expect(m.Held(&member)).To(BeTrue())
	g.Expect(m.Held(&stranger)).To(BeFalse(), "it never belonged to the policy")
	g.Expect(m.Exists("production")).To(BeTrue())
	g.Expect(environment.NewMap(nil, operatorNamespace).Held(&member)).To(BeFalse(), "a policy that is gone holds nothing")
}

func TestNextTargets(t *testing.T) {
	g := NewWithT(t)
	follower := policy("production", v1alpha1.Production, monday, team)
	follower.Spec.Follows = &v1alpha1.EnvironmentReference{Name: "staging"}
	follower.Spec.Promotion = &v1alpha1.PromotionPolicy{ReadinessTargets: v1alpha1.ReadinessTargets{Target: 95}}
	m := environment.NewMap([]v1alpha1.EnvironmentPolicy{
		policy("development", v1alpha1.Development, monday, team), policy("staging", v1alpha1.Staging, monday, team), follower,
	}, operatorNamespace)
	of := func(name string) v1alpha1.ReadinessTargets {
		e, found := m.Named(name)
		g.Expect(found).To(BeTrue())
		return m.NextTargets(e)
	}
	g.Expect(of("staging").Target).To(Equal(int32(95)), "those of the environment that follows")
	g.Expect(of("development")).To(Equal(v1alpha1.ReadinessTargets{
		Target: 80, Confidence: 90, Qualities: []v1alpha1.Quality{v1alpha1.Predictability},
	}), "the default of the next stage where none follows")
	g.Expect(of("production").Target).To(Equal(int32(90)), "its own stage's default after production")
}

func TestJoinedIsReadAsItWasWritten(t *testing.T) {
	g := NewWithT(t)
	for _, busy := range []bool{true, false} {
		written := environment.Joined{Environment: "production", Since: monday, Busy: busy}
		read, found := environment.ParseJoined(map[string]string{v1alpha1.AnnotationJoined: written.String()})
		g.Expect(found).To(BeTrue())
		g.Expect(read).To(Equal(written))
	}
	for _, damaged := range []string{"", "production", "production yesterday empty", "production 2026-11-02T09:00:00Z quiet", "a b c d"} {
		_, found := environment.ParseJoined(map[string]string{v1alpha1.AnnotationJoined: damaged})
		g.Expect(found).To(BeFalse(), damaged)
	}
}

func TestJoin(t *testing.T) {
	g := NewWithT(t)
	before := environment.Joined{Environment: "production", Since: monday, Busy: true}
	annotations := map[string]string{v1alpha1.AnnotationJoined: before.String()}
	later := monday.Add(time.Hour)
	g.Expect(environment.Join(annotations, "production", false, later)).To(Equal(before), "it stays what it was")
	g.Expect(environment.Join(annotations, "staging", false, later)).To(Equal(environment.Joined{Environment: "staging", Since: later}))
}

func TestActLevel(t *testing.T) {
	joined := func(busy bool) map[string]string {
		return map[string]string{v1alpha1.AnnotationJoined: environment.Joined{Environment: "production", Since: monday, Busy: busy}.String()}
	}
	for _, test := range []struct {
		name        string
		annotations map[string]string
		start, want v1alpha1.ActLevel
	}{
		{"a namespace that has not joined yet is only reported on", nil, v1alpha1.ActAct, v1alpha1.ActReport},
		{"a namespace that was empty is acted on", joined(false), v1alpha1.ActReport, v1alpha1.ActAct},
		{"a namespace that was busy is reported on", joined(true), v1alpha1.ActReport, v1alpha1.ActReport},
		{"a namespace that was busy is acted on where the policy says so outright", joined(true), v1alpha1.ActAct, v1alpha1.ActAct},
		{"a namespace that joined another environment is only reported on", map[string]string{
			v1alpha1.AnnotationJoined: environment.Joined{Environment: "staging", Since: monday}.String(),
		}, v1alpha1.ActAct, v1alpha1.ActReport},
	} {
		t.Run(test.name, func(t *testing.T) {
			NewWithT(t).Expect(environment.ActLevel(test.annotations, "production", test.start)).To(Equal(test.want))
		})
	}
}

func TestArrivalIsTheLastTimeAtWhichTheNamespaceCanHaveJoined(t *testing.T) {
	g := NewWithT(t)
	p := policy("production", v1alpha1.Production, monday.Add(time.Hour), team)
	ns := namespace("shop", team)
	g.Expect(environment.Arrival(&p, &ns)).To(BeTemporally("==", monday.Add(time.Hour)), "the policy came later")

	entry := func(manager, subresource string, after time.Duration) metav1.ManagedFieldsEntry {
		at := metav1.NewTime(monday.Add(after))
		return metav1.ManagedFieldsEntry{Manager: manager, Subresource: subresource, Time: &at}
	}
	ns.ManagedFields = []metav1.ManagedFieldsEntry{
		entry(v1alpha1.ManagedBy, "", 9*time.Hour), entry("kube-controller-manager", "status", 9*time.Hour), entry("kubectl-label", "", 3*time.Hour),
	}
	g.Expect(environment.Arrival(&p, &ns)).To(BeTemporally("==", monday.Add(3*time.Hour)), "somebody wrote the Namespace later; our own writes and its status do not count")
}
