// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package baseline_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/baseline"
	"github.com/rampart-dev/rampart/internal/workload"
)

var (
	quota    = corev1.ResourceList{"pods": resource.MustParse("4"), "requests.cpu": resource.MustParse("1")}
	requests = corev1.ResourceList{"cpu": resource.MustParse("10m")}
	web      = map[string]string{"app": "web"}
)

// applied is a production namespace with one careful workload of three pods, where
// everything is to be applied.
func applied() baseline.Namespace {
	pod := func(name string) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: web}, Spec: careful()}
	}
	return baseline.Namespace{
		Name: "shop", Stage: v1alpha1.Production, Level: v1alpha1.ActAct,
		Policy: v1alpha1.BaselinePolicy{
			NetworkIsolation: v1alpha1.BaselineApply, DisruptionBudgets: v1alpha1.BaselineApply, DefaultToken: v1alpha1.BaselineApply,
			PodSecurity:     &v1alpha1.PodSecurityBaseline{Mode: v1alpha1.BaselineApply, Level: "restricted"},
			ResourceQuota:   &v1alpha1.ResourceQuotaBaseline{Mode: v1alpha1.BaselineApply, Hard: quota},
			DefaultRequests: &v1alpha1.DefaultRequestsBaseline{Mode: v1alpha1.BaselineApply, Requests: requests},
		},
		Owner:          metav1.OwnerReference{APIVersion: "rampart.dev/v1alpha1", Kind: "EnvironmentPolicy", Name: "production", UID: "1"},
		Labels:         map[string]string{"pod-security.kubernetes.io/warn": "restricted", "pod-security.kubernetes.io/audit": "restricted"},
		OwnLabels:      map[string]string{"pod-security.kubernetes.io/warn": "restricted", "pod-security.kubernetes.io/audit": "restricted"},
		DefaultAccount: &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}},
		Workloads:      []baseline.Workload{deployment("web", 3)},
		Pods:           []corev1.Pod{pod("web-1"), pod("web-2"), pod("web-3")},
	}
}

func deployment(name string, replicas int32) baseline.Workload {
	labels := map[string]string{"app": name}
	return baseline.Workload{
		Workload: workload.Workload{
			Kind: v1alpha1.KindDeployment, Name: name, Replicas: replicas,
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: careful()},
		},
		Selector: &metav1.LabelSelector{MatchLabels: labels},
	}
}

// careful is a pod that violates nothing and needs nothing.
func careful() corev1.PodSpec {
	return corev1.PodSpec{
		AutomountServiceAccountToken: ptr.To(false),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{
			Name: "main",
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("250m")}},
		}},
	}
}

// made is metadata of an object that somebody else made.
func made(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: "shop"} }

// ours is metadata of an object that the operator made.
func ours() metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: baseline.Name, Namespace: "shop",
		Labels:          map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelBaseline: "production"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "rampart.dev/v1alpha1", Kind: "EnvironmentPolicy", Name: "production", UID: "1"}},
	}
}

// silent takes what containers say of their resources.
func silent(n *baseline.Namespace) {
	n.Workloads[0].Template.Spec.Containers[0].Resources = corev1.ResourceRequirements{}
	for i := range n.Pods {
		n.Pods[i].Spec.Containers[0].Resources = corev1.ResourceRequirements{}
	}
}

// limits is a LimitRange that fills in a request.
func limits(meta metav1.ObjectMeta, name corev1.ResourceName, request string) corev1.LimitRange {
	return corev1.LimitRange{ObjectMeta: meta, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
		Type: corev1.LimitTypeContainer, DefaultRequest: corev1.ResourceList{name: resource.MustParse(request)},
	}}}}
}

func standing(plan baseline.Plan, item v1alpha1.BaselineItem) baseline.Standing {
	for _, s := range plan.Standings {
		if s.Item == item {
			return s
		}
	}
	return baseline.Standing{Item: item, State: "none"}
}

func TestEverythingIsAppliedWhereNothingSpeaksAgainstIt(t *testing.T) {
	g := NewWithT(t)
	plan := baseline.Judge(applied())
	for _, s := range plan.Standings {
		g.Expect(s).To(HaveField("State", baseline.Applied), string(s.Item))
	}
	g.Expect(plan.Standings).To(HaveLen(6))
	g.Expect(plan.Objects).To(ConsistOf(
		BeAssignableToTypeOf(&networkingv1.NetworkPolicy{}), BeAssignableToTypeOf(&policyv1.PodDisruptionBudget{}),
		BeAssignableToTypeOf(&corev1.ResourceQuota{}), BeAssignableToTypeOf(&corev1.LimitRange{}),
	))
	for _, object := range plan.Objects {
		g.Expect(baseline.IsOwn(object)).To(BeTrue())
		g.Expect(object.GetOwnerReferences()).To(HaveLen(1), "it goes with its policy, whoever is there to take it away")
	}
	g.Expect(plan.WithoutDefaultToken).To(BeTrue())
	g.Expect(plan.NamespaceLabels).To(HaveKeyWithValue("pod-security.kubernetes.io/enforce", "restricted"))
}

func TestReportAppliesNothingAndSaysWhatIsMissing(t *testing.T) {
	g := NewWithT(t)
	n := applied()
	n.Labels, n.OwnLabels = nil, nil
	spec := v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Production, Baseline: &v1alpha1.BaselinePolicy{
		ResourceQuota: &v1alpha1.ResourceQuotaBaseline{Hard: quota}, DefaultRequests: &v1alpha1.DefaultRequestsBaseline{Requests: requests},
	}}
	n.Policy = *spec.Effective().Baseline
	plan := baseline.Judge(n)
	g.Expect(plan.Objects).To(BeEmpty())
	g.Expect(plan.NamespaceLabels).To(BeEmpty())
	g.Expect(plan.WithoutDefaultToken).To(BeFalse())
	for _, s := range plan.Standings {
		g.Expect(s).To(And(HaveField("State", baseline.Missing), HaveField("Why", Not(BeEmpty()))), string(s.Item))
	}
	g.Expect(plan.Standings).To(HaveLen(6))
}

func TestWhatIsOffIsNotLookedAt(t *testing.T) {
	g := NewWithT(t)
	n := applied()
	n.Policy = v1alpha1.BaselinePolicy{
		NetworkIsolation: v1alpha1.BaselineOff, DisruptionBudgets: v1alpha1.BaselineOff, DefaultToken: v1alpha1.BaselineOff,
		PodSecurity: &v1alpha1.PodSecurityBaseline{Mode: v1alpha1.BaselineOff},
	}
	g.Expect(baseline.Judge(n)).To(Equal(baseline.Plan{}))
}

func TestStandings(t *testing.T) {
	ingress := []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	egress := []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}
	for _, test := range []struct {
		name   string
		change func(*baseline.Namespace)
		item   v1alpha1.BaselineItem
		want   baseline.State
		says   string
	}{
		{"a team's network policy for the incoming traffic of all pods replaces isolation", func(n *baseline.Namespace) {
			n.NetworkPolicies = []networkingv1.NetworkPolicy{{ObjectMeta: made("allow"), Spec: networkingv1.NetworkPolicySpec{PolicyTypes: ingress}}}
		}, v1alpha1.NetworkIsolation, baseline.Provided, ""},
		{"one that names no type is about incoming traffic", func(n *baseline.Namespace) {
			n.NetworkPolicies = []networkingv1.NetworkPolicy{{ObjectMeta: made("allow")}}
		}, v1alpha1.NetworkIsolation, baseline.Provided, ""},
		{"one for outgoing traffic does not", func(n *baseline.Namespace) {
			n.NetworkPolicies = []networkingv1.NetworkPolicy{{ObjectMeta: made("out"), Spec: networkingv1.NetworkPolicySpec{PolicyTypes: egress}}}
		}, v1alpha1.NetworkIsolation, baseline.Applied, ""},
		{"one for some pods does not, and they are left out", func(n *baseline.Namespace) {
			n.NetworkPolicies = []networkingv1.NetworkPolicy{{ObjectMeta: made("database"), Spec: networkingv1.NetworkPolicySpec{
				PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "database"}}, PolicyTypes: ingress,
			}}}
		}, v1alpha1.NetworkIsolation, baseline.Applied, ""},
		{"somebody else's object of our name is not written over", func(n *baseline.Namespace) {
			n.NetworkPolicies = []networkingv1.NetworkPolicy{{ObjectMeta: made(baseline.Name), Spec: networkingv1.NetworkPolicySpec{PolicyTypes: egress}}}
		}, v1alpha1.NetworkIsolation, baseline.Withheld, "rename it"},
		{"isolation waits for an explicit choice where workloads ran before", func(n *baseline.Namespace) { n.Level = v1alpha1.ActReport },
			v1alpha1.NetworkIsolation, baseline.Missing, "startLevel: Act"},
		{"a suspended policy isolates nothing anew", func(n *baseline.Namespace) { n.Suspended = true },
			v1alpha1.NetworkIsolation, baseline.Withheld, "suspends"},
		{"a suspended policy takes no isolation away", func(n *baseline.Namespace) {
			n.Suspended = true
			n.NetworkPolicies = []networkingv1.NetworkPolicy{{ObjectMeta: ours()}}
		}, v1alpha1.NetworkIsolation, baseline.Applied, ""},

		{"a team's budget replaces ours", func(n *baseline.Namespace) {
			n.DisruptionBudgets = []policyv1.PodDisruptionBudget{{ObjectMeta: made("web"), Spec: policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: web}}}}
		}, v1alpha1.DisruptionBudgets, baseline.Provided, ""},
		{"a budget for other pods does not", func(n *baseline.Namespace) {
			n.DisruptionBudgets = []policyv1.PodDisruptionBudget{{ObjectMeta: made("other"), Spec: policyv1.PodDisruptionBudgetSpec{
				Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "other"}},
			}}}
		}, v1alpha1.DisruptionBudgets, baseline.Applied, ""},
		{"a singleton has no budget, which would block drains", func(n *baseline.Namespace) { n.Workloads[0].Replicas = 1 },
			v1alpha1.DisruptionBudgets, baseline.Provided, ""},
		{"selectors that overlap would make evictions fail", func(n *baseline.Namespace) {
			second := deployment("canary", 2)
			second.Template.Labels = web
			n.Workloads = append(n.Workloads, second)
		}, v1alpha1.DisruptionBudgets, baseline.Withheld, "Deployment web matches pods of another workload"},

		{"a token that somebody has decided about is left alone", func(n *baseline.Namespace) {
			n.DefaultAccount.AutomountServiceAccountToken = ptr.To(true)
		}, v1alpha1.DefaultToken, baseline.Provided, ""},
		{"a workload that has the token keeps it", func(n *baseline.Namespace) {
			n.Workloads[0].Template.Spec.AutomountServiceAccountToken = nil
		}, v1alpha1.DefaultToken, baseline.Withheld, "Deployment web"},
		{"a pod that has the token keeps it", func(n *baseline.Namespace) {
			n.Pods[1].Spec.AutomountServiceAccountToken = nil
		}, v1alpha1.DefaultToken, baseline.Withheld, "Pod web-2"},
		{"an account of its own has nothing to do with it", func(n *baseline.Namespace) {
			n.Workloads[0].Template.Spec.AutomountServiceAccountToken = nil
			n.Workloads[0].Template.Spec.ServiceAccountName = "web"
		}, v1alpha1.DefaultToken, baseline.Applied, ""},
		{"what was applied stays when a pod comes that wants the token", func(n *baseline.Namespace) {
			n.DefaultAccount.AutomountServiceAccountToken, n.OwnsDefaultToken = ptr.To(false), true
			n.Pods[1].Spec.AutomountServiceAccountToken = nil
		}, v1alpha1.DefaultToken, baseline.Applied, ""},

		{"labels of the team's are left alone", func(n *baseline.Namespace) {
			n.Labels = map[string]string{"pod-security.kubernetes.io/enforce": "privileged"}
			n.OwnLabels = nil
		}, v1alpha1.PodSecurity, baseline.Provided, ""},
		{"a new namespace is warned first", func(n *baseline.Namespace) { n.Labels, n.OwnLabels = nil, nil },
			v1alpha1.PodSecurity, baseline.Withheld, "warns first"},
		{"a level that is stricter now is warned of first", func(n *baseline.Namespace) {
			n.OwnLabels["pod-security.kubernetes.io/warn"] = "baseline"
		}, v1alpha1.PodSecurity, baseline.Withheld, "warns first"},
		{"where workloads ran before, it only warns until the policy says otherwise", func(n *baseline.Namespace) { n.Level = v1alpha1.ActReport },
			v1alpha1.PodSecurity, baseline.Missing, "startLevel: Act"},
		{"a workload that violates keeps it at a warning", func(n *baseline.Namespace) {
			n.Workloads[0].Template.Spec.SecurityContext = nil
		}, v1alpha1.PodSecurity, baseline.Withheld, "restricted would refuse pods of Deployment web"},
		{"a pod that a webhook changed keeps it at a warning", func(n *baseline.Namespace) {
			n.Pods[0].Spec.HostNetwork = true
		}, v1alpha1.PodSecurity, baseline.Withheld, "Pod web-1"},
		{"a violator that comes later does not lower what enforces", func(n *baseline.Namespace) {
			n.OwnLabels["pod-security.kubernetes.io/enforce"] = "restricted"
			n.Workloads[0].Template.Spec.SecurityContext = nil
		}, v1alpha1.PodSecurity, baseline.Applied, ""},
		{"staging is warned only", func(n *baseline.Namespace) {
			n.Stage = v1alpha1.Staging
			n.Pods[0].Spec.HostNetwork = true
		}, v1alpha1.PodSecurity, baseline.Applied, ""},

		{"a quota of somebody else's replaces ours", func(n *baseline.Namespace) {
			n.ResourceQuotas = []corev1.ResourceQuota{{ObjectMeta: made("compute")}}
		}, v1alpha1.ResourceQuota, baseline.Provided, ""},
		{"a pod that does not say its request would be refused", func(n *baseline.Namespace) {
			n.Pods[2].Spec.Containers[0].Resources = corev1.ResourceRequirements{}
		}, v1alpha1.ResourceQuota, baseline.Withheld, "pod web-3 does not say its requests.cpu"},
		{"a template that does not say its request would be refused", func(n *baseline.Namespace) {
			n.Workloads[0].Template.Spec.Containers[0].Resources = corev1.ResourceRequirements{}
		}, v1alpha1.ResourceQuota, baseline.Withheld, "Deployment web does not say its requests.cpu"},
		{"what a LimitRange of somebody else's fills in is said", func(n *baseline.Namespace) {
			silent(n)
			n.LimitRanges = []corev1.LimitRange{limits(made("limits"), "cpu", "100m")}
		}, v1alpha1.ResourceQuota, baseline.Applied, ""},
		{"what our own fills in is said", func(n *baseline.Namespace) {
			silent(n)
			n.LimitRanges = []corev1.LimitRange{limits(ours(), "cpu", "10m")}
		}, v1alpha1.ResourceQuota, baseline.Applied, ""},
		{"what our own does not fill in yet is not", silent,
			v1alpha1.ResourceQuota, baseline.Withheld, "no LimitRange fills it in"},
		{"what our own will not fill in any more is not", func(n *baseline.Namespace) {
			silent(n)
			n.LimitRanges = []corev1.LimitRange{limits(ours(), "cpu", "10m")}
			n.Policy.DefaultRequests = nil
		}, v1alpha1.ResourceQuota, baseline.Withheld, "does not say its requests.cpu"},
		{"what our own fills in as long as nobody has one is not, where somebody does", func(n *baseline.Namespace) {
			silent(n)
			n.LimitRanges = []corev1.LimitRange{limits(ours(), "cpu", "10m"), limits(made("limits"), "memory", "64Mi")}
		}, v1alpha1.ResourceQuota, baseline.Withheld, "does not say its requests.cpu"},
		{"a LimitRange that fills in something else does not help", func(n *baseline.Namespace) {
			silent(n)
			n.LimitRanges = []corev1.LimitRange{limits(made("limits"), "memory", "64Mi")}
		}, v1alpha1.ResourceQuota, baseline.Withheld, "does not say its requests.cpu"},
		{"a LimitRange for pods fills in nothing", func(n *baseline.Namespace) {
			silent(n)
			n.LimitRanges = []corev1.LimitRange{limits(made("limits"), "cpu", "100m")}
			n.LimitRanges[0].Spec.Limits[0].Type = corev1.LimitTypePod
		}, v1alpha1.ResourceQuota, baseline.Withheld, "does not say its requests.cpu"},
		{"what is filled in has to fit", func(n *baseline.Namespace) {
			silent(n)
			n.LimitRanges = []corev1.LimitRange{limits(made("limits"), "cpu", "300m")}
		}, v1alpha1.ResourceQuota, baseline.Withheld, "need 1200m requests.cpu, and the quota is 1"},
		{"a limit of a template is its request, and has to fit", func(n *baseline.Namespace) {
			n.Workloads[0].Template.Spec.Containers[0].Resources = corev1.ResourceRequirements{Limits: corev1.ResourceList{"cpu": resource.MustParse("2")}}
		}, v1alpha1.ResourceQuota, baseline.Withheld, "need 2750m requests.cpu"},
		{"pods that are going hold nothing back", func(n *baseline.Namespace) {
			going := n.Pods[0].DeepCopy()
			going.DeletionTimestamp = &metav1.Time{}
			going.Spec.Containers[0].Resources = corev1.ResourceRequirements{}
			n.Pods = append(n.Pods, *going)
		}, v1alpha1.ResourceQuota, baseline.Applied, ""},
		{"a limit is a request", func(n *baseline.Namespace) {
			n.Pods[2].Spec.Containers[0].Resources = corev1.ResourceRequirements{Limits: corev1.ResourceList{"cpu": resource.MustParse("100m")}}
		}, v1alpha1.ResourceQuota, baseline.Applied, ""},
		{"the replacement of a pod must fit too", func(n *baseline.Namespace) {
			n.Pods = append(n.Pods, n.Pods[0])
		}, v1alpha1.ResourceQuota, baseline.Withheld, "need 5 pods, and the quota is 4"},
		{"what has ended takes nothing", func(n *baseline.Namespace) {
			ended := n.Pods[0]
			ended.Status.Phase = corev1.PodSucceeded
			n.Pods = append(n.Pods, ended)
		}, v1alpha1.ResourceQuota, baseline.Applied, ""},
		{"a quota that stands stays while nothing fits any more", func(n *baseline.Namespace) {
			n.ResourceQuotas = []corev1.ResourceQuota{{ObjectMeta: ours(), Spec: corev1.ResourceQuotaSpec{Hard: quota}}}
			n.Pods = append(n.Pods, n.Pods...)
		}, v1alpha1.ResourceQuota, baseline.Applied, ""},
		{"a smaller quota is not put over what runs", func(n *baseline.Namespace) {
			n.ResourceQuotas = []corev1.ResourceQuota{{ObjectMeta: ours(), Spec: corev1.ResourceQuotaSpec{Hard: quota}}}
			n.Policy.ResourceQuota.Hard = corev1.ResourceList{"pods": resource.MustParse("3")}
		}, v1alpha1.ResourceQuota, baseline.Withheld, "the quota stays as it was: what runs here"},

		{"a limit range of somebody else's replaces ours", func(n *baseline.Namespace) {
			n.LimitRanges = []corev1.LimitRange{{ObjectMeta: made("limits")}}
		}, v1alpha1.DefaultRequests, baseline.Provided, ""},
		{"resources of a pod as a whole could be exceeded by default requests", func(n *baseline.Namespace) {
			n.Workloads[0].Template.Spec.Resources = &corev1.ResourceRequirements{}
		}, v1alpha1.DefaultRequests, baseline.Withheld, "Deployment web states resources for its containers together"},
		{"default requests that stand are taken from nobody", func(n *baseline.Namespace) {
			n.LimitRanges = []corev1.LimitRange{{ObjectMeta: ours()}}
			n.Workloads[0].Template.Spec.Resources = &corev1.ResourceRequirements{}
		}, v1alpha1.DefaultRequests, baseline.Applied, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			n := applied()
			test.change(&n)
			got := standing(baseline.Judge(n), test.item)
			g.Expect(got.State).To(Equal(test.want), got.Why)
			g.Expect(got.Why).To(ContainSubstring(test.says))
			if test.says == "" {
				g.Expect(got.Why).To(BeEmpty())
			}
		})
	}
}

func TestWhatIsWithheldIsLookedAtSoonWhilePodsOfAnEarlierRevisionRun(t *testing.T) {
	g := NewWithT(t)
	n := applied()
	n.Workloads[0].Rollout = workload.Rollout{Observed: true, Desired: 3, Updated: 3, Available: 3, Total: 3}
	g.Expect(n.RollingOut()).To(BeFalse())
	n.Workloads[0].Rollout.Total = 4
	g.Expect(n.RollingOut()).To(BeTrue())
}

func TestAQuotaThatStandsIsKeptWhileAnotherIsWithheld(t *testing.T) {
	g := NewWithT(t)
	n := applied()
	n.ResourceQuotas = []corev1.ResourceQuota{{
		ObjectMeta: ours(),
		Spec:       corev1.ResourceQuotaSpec{Hard: quota},
	}}
	n.Policy.ResourceQuota.Hard = corev1.ResourceList{"pods": resource.MustParse("1")}
	plan := baseline.Judge(n)
	g.Expect(plan.Objects).To(ContainElement(And(BeAssignableToTypeOf(&corev1.ResourceQuota{}), HaveField("Spec.Hard", quota))))
}

func TestABudgetLetsANodeBeDrained(t *testing.T) {
	g := NewWithT(t)
	for _, object := range baseline.Judge(applied()).Objects {
		if budget, ok := object.(*policyv1.PodDisruptionBudget); ok {
			g.Expect(budget.Spec.MaxUnavailable.String()).To(Equal("25%"), "rounded up: at least one")
			g.Expect(*budget.Spec.UnhealthyPodEvictionPolicy).To(Equal(policyv1.AlwaysAllow))
			g.Expect(budget.Spec.Selector.MatchLabels).To(Equal(web))
			return
		}
	}
	t.Error("no budget")
}

func TestPodsAreReadOnlyWhileTheyDecideAboutSomething(t *testing.T) {
	g := NewWithT(t)
	n := applied()
	g.Expect(n.NeedsPods()).To(BeTrue(), "nothing stands yet")
	n.ResourceQuotas = []corev1.ResourceQuota{{ObjectMeta: ours(), Spec: corev1.ResourceQuotaSpec{Hard: quota}}}
	n.LimitRanges = []corev1.LimitRange{{ObjectMeta: ours()}}
	n.OwnsDefaultToken = true
	n.OwnLabels["pod-security.kubernetes.io/enforce"] = "restricted"
	g.Expect(n.NeedsPods()).To(BeFalse(), "everything stands")
	n.Policy.ResourceQuota.Hard = corev1.ResourceList{"pods": resource.MustParse("5")}
	g.Expect(n.NeedsPods()).To(BeTrue(), "another quota has to fit")
}

func TestPodsThatATeamIsolatesItselfAreLeftOut(t *testing.T) {
	ingress := []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	requirement := func(key string, operator metav1.LabelSelectorOperator, values ...string) metav1.LabelSelectorRequirement {
		return metav1.LabelSelectorRequirement{Key: key, Operator: operator, Values: values}
	}
	for _, test := range []struct {
		name     string
		selector metav1.LabelSelector
		want     metav1.LabelSelectorRequirement
	}{
		{"by a label", metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}, requirement("app", metav1.LabelSelectorOpNotIn, "db")},
		{"by several labels", metav1.LabelSelector{MatchLabels: map[string]string{"tier": "back", "app": "db"}}, requirement("app", metav1.LabelSelectorOpNotIn, "db")},
		{"by the name of a revision's pods, when the operator isolates them", metav1.LabelSelector{MatchLabels: map[string]string{"app": "db", "pod-template-hash": "bad"}}, requirement("pod-template-hash", metav1.LabelSelectorOpNotIn, "bad")},
		{"by that name of a kind that writes its own pods", metav1.LabelSelector{MatchLabels: map[string]string{"app": "db", "controller-revision-hash": "db-bad"}}, requirement("controller-revision-hash", metav1.LabelSelectorOpNotIn, "db-bad")},
		{"by an expression", metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{requirement("app", metav1.LabelSelectorOpExists)}}, requirement("app", metav1.LabelSelectorOpDoesNotExist)},
		{"by what they are not", metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{requirement("app", metav1.LabelSelectorOpNotIn, "web")}}, requirement("app", metav1.LabelSelectorOpIn, "web")},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			n := applied()
			n.NetworkPolicies = []networkingv1.NetworkPolicy{{ObjectMeta: made("theirs"), Spec: networkingv1.NetworkPolicySpec{PodSelector: test.selector, PolicyTypes: ingress}}}
			g.Expect(baseline.Judge(n).Objects).To(ContainElement(HaveField("Spec.PodSelector.MatchExpressions", ConsistOf(test.want))))
		})
	}
}

func TestACopyUnderAnotherNameIsTheTeams(t *testing.T) {
	g := NewWithT(t)
	n := applied()
	copied := networkingv1.NetworkPolicy{ObjectMeta: ours()}
	copied.Name = "allow-monitoring"
	n.NetworkPolicies = []networkingv1.NetworkPolicy{copied}
	g.Expect(baseline.IsOwn(&copied)).To(BeFalse())
	g.Expect(standing(baseline.Judge(n), v1alpha1.NetworkIsolation).State).To(Equal(baseline.Provided))
}
