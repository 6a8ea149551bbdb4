// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// withTemplate is a valid workload of any kind that runs one container of an image.
func withTemplate(t testing.TB, kind v1alpha1.WorkloadKind, name, image string) workload.Object {
	t.Helper()
	labels := map[string]string{"app": name}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podOf(name, image).Spec}
	selector := &metav1.LabelSelector{MatchLabels: labels}
	job := template.DeepCopy()
	job.Spec.RestartPolicy = corev1.RestartPolicyNever

	object := workload.New(kind)
	object.SetName(name)
	switch o := object.(type) {
	case *appsv1.Deployment:
		o.Spec.Selector, o.Spec.Template = selector, template
	case *appsv1.StatefulSet:
		o.Spec.Selector, o.Spec.Template = selector, template
	case *appsv1.DaemonSet:
		o.Spec.Selector, o.Spec.Template = selector, template
	case *appsv1.ReplicaSet:
		o.Spec.Selector, o.Spec.Template = selector, template
	case *corev1.ReplicationController:
		o.Spec.Selector, o.Spec.Template = labels, &template
	case *batchv1.Job:
		o.Spec.Template = *job
	case *batchv1.CronJob:
		o.Spec.Schedule, o.Spec.JobTemplate.Spec.Template = "@daily", *job
	case *corev1.Pod:
		o.Spec = template.Spec
	default:
		t.Fatalf("no template in a %s", kind)
	}
	return object
}

func TestEnforceNamesAllFindingsAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, "all-at-once")
	s.render(placed(v1alpha1.Enforce, catalogued(t, "resource-requests"), catalogued(t, "image-pinned"))...)
	bad := podOf("web", "nginx")
	s.untilRefused(bad)

	NewWithT(t).Expect(s.try(bad)).To(MatchError(ContainSubstring(
		"ValidatingAdmissionPolicy 'rampart-all-at-once-enforce' with binding 'rampart-all-at-once-enforce' denied request: " +
			"3 findings: [image-pinned] container a image nginx is not pinned; " +
			"[resource-requests] container a has no cpu request; [resource-requests] container a has no memory request")))
}

func TestDenialIsCutAndNeverLost(t *testing.T) {
	t.Parallel()
	s := newServer(t, "long-denial")
	s.render(placed(v1alpha1.Enforce,
		compiled(t, guardrailNamed("plain", findingsSpec("variables.containers.map(c, {'key': string(c.name), 'text': 'container ' + c.name + '\\nin two lines'})"))),
		compiled(t, guardrailNamed("emoji", findingsSpec("object.metadata.?labels[?'emoji'].hasValue() ? variables.containers.map(c, {'key': string(c.name), 'text': '"+strings.Repeat("😀", 200)+"'}) : []"))),
	)...)
	pod := podOf("web")
	for i := range 30 {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: fmt.Sprintf("c%d", i), Image: "x"})
	}
	s.untilRefused(pod)

	w := NewWithT(t)
	w.Expect(s.try(pod)).To(MatchError(And(
		ContainSubstring("30 findings: [plain] container c0 in two lines; [plain] container c1"), HaveSuffix("; +10 more"))))
	pod.Labels = map[string]string{"emoji": "yes"}
	w.Expect(s.try(pod)).To(MatchError(And(
		ContainSubstring("60 findings: [emoji] "+strings.Repeat("😀", 150)+";"), HaveSuffix("; +54 more"))))
}

func TestRatchetLetsOldViolatorsLive(t *testing.T) {
	t.Parallel()
	s := newServer(t, "ratchet")
	s.render(placed(v1alpha1.Enforce, catalogued(t, "image-pinned"), catalogued(t, "no-privileged"))...)
	s.untilRefused(podOf("bad", "nginx"))
	old := withTemplate(t, v1alpha1.KindDeployment, "old", "nginx").(*appsv1.Deployment)
	old.Namespace = s.namespace
	s.create(old)

	for name, c := range map[string]struct {
		change  func(*appsv1.Deployment)
		refused string
	}{
		"scaling is no new finding": {func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](5) }, ""},
		"mending is no new finding": {func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "nginx:1.29" }, ""},
		"a hot fix beside the old finding passes": {func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "FIX", Value: "on"}}
		}, ""},
		"another unpinned image is a new finding": {func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "httpd" },
			"1 finding: [image-pinned] container a image httpd is not pinned"},
		"a finding of another rule is new": {func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: ptr.To(true)}
		}, "1 finding: [no-privileged] container a is privileged"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := old.DeepCopy()
			c.change(changed)
			err := s.as(person).Update(t.Context(), changed, client.DryRunAll)
			if c.refused == "" {
				NewWithT(t).Expect(err).NotTo(HaveOccurred())
			} else {
				NewWithT(t).Expect(err).To(MatchError(HaveSuffix(c.refused)))
			}
		})
	}
}

func TestEveryWayToAPodIsJudged(t *testing.T) {
	t.Parallel()
	s := newServer(t, "every-way")
	slow := compiled(t, guardrailNamed("cpu", findingsSpec(
		"variables.containers.filter(c, c.?resources.?requests[?'cpu'].orValue('') == '7m').map(c, {'key': c.name + '/cpu', 'text': 'requests 7m'})")))
	s.render(placed(v1alpha1.Enforce, catalogued(t, "image-pinned"), slow)...)
	s.untilRefused(podOf("bad", "nginx"))

	for _, kind := range workload.Kinds() {
		t.Run("a person creates a "+string(kind), func(t *testing.T) {
			NewWithT(t).Expect(s.try(withTemplate(t, kind, "bad", "nginx"))).To(beRefused())
			NewWithT(t).Expect(s.try(withTemplate(t, kind, "good", "nginx:1.29"))).To(Succeed())
		})
	}

	pod := podOf("live", "nginx:1.29")
	pod.Namespace = s.namespace
	pod.Spec.Containers[0].Resources.Requests = corev1.ResourceList{"cpu": resource.MustParse("50m")}
	s.create(pod)
	t.Run("a person adds an ephemeral container", func(t *testing.T) {
		w := NewWithT(t)
		debugged := pod.DeepCopy()
		debugged.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug", Image: "busybox"}}}
		w.Expect(s.as(person).SubResource("ephemeralcontainers").Update(t.Context(), debugged, client.DryRunAll)).To(beRefused())
		debugged = pod.DeepCopy()
		debugged.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug", Image: "busybox:1.37"}}}
		w.Expect(s.as(person).SubResource("ephemeralcontainers").Update(t.Context(), debugged, client.DryRunAll)).To(Succeed())
	})
	t.Run("a person resizes a pod", func(t *testing.T) {
		w := NewWithT(t)
		resized := pod.DeepCopy()
		resized.Spec.Containers[0].Resources.Requests["cpu"] = resource.MustParse("7m")
		w.Expect(s.as(person).SubResource("resize").Update(t.Context(), resized, client.DryRunAll)).To(beRefused())
		resized = pod.DeepCopy()
		resized.Spec.Containers[0].Resources.Requests["cpu"] = resource.MustParse("60m")
		w.Expect(s.as(person).SubResource("resize").Update(t.Context(), resized, client.DryRunAll)).To(Succeed())
	})
}

func TestBuiltInControllersFinishWhatWasAdmitted(t *testing.T) {
	t.Parallel()
	s := newServer(t, "built-in")
	s.render(placed(v1alpha1.Enforce, catalogued(t, "image-pinned"))...)
	s.untilRefused(podOf("bad", "nginx"))

	account := func(name string) string { return "system:serviceaccount:kube-system:" + name }
	for _, c := range []struct {
		user string
		kind v1alpha1.WorkloadKind
		step bool
	}{
		{account("deployment-controller"), v1alpha1.KindReplicaSet, true},
		{account("cronjob-controller"), v1alpha1.KindJob, true},
		{account("replicaset-controller"), v1alpha1.KindPod, true},
		{account("replication-controller"), v1alpha1.KindPod, true},
		{account("statefulset-controller"), v1alpha1.KindPod, true},
		{account("daemon-set-controller"), v1alpha1.KindPod, true},
		{account("job-controller"), v1alpha1.KindPod, true},
		{"system:kube-controller-manager", v1alpha1.KindReplicaSet, true},
		{"system:kube-controller-manager", v1alpha1.KindJob, true},
		{"system:kube-controller-manager", v1alpha1.KindPod, true},
		{account("deployment-controller"), v1alpha1.KindPod, false},
		{account("job-controller"), v1alpha1.KindReplicaSet, false},
		{account("namespace-controller"), v1alpha1.KindPod, false},
		{"system:kube-controller-manager", v1alpha1.KindDeployment, false},
		{"system:serviceaccount:built-in:deployment-controller", v1alpha1.KindReplicaSet, false},
		{"system:serviceaccount:argo:rollouts", v1alpha1.KindReplicaSet, false},
		{person, v1alpha1.KindReplicaSet, false},
		{person, v1alpha1.KindPod, false},
	} {
		t.Run(fmt.Sprintf("%s makes a %s", c.user, c.kind), func(t *testing.T) {
			object := withTemplate(t, c.kind, "bad", "nginx")
			object.SetNamespace(s.namespace)
			err := s.as(c.user).Create(t.Context(), object, client.DryRunAll)
			if c.step {
				NewWithT(t).Expect(err).NotTo(HaveOccurred())
			} else {
				NewWithT(t).Expect(err).To(beRefused())
			}
		})
	}
}

func TestOperatorIsJudgedInDryRunsOnly(t *testing.T) {
	t.Parallel()
	s := newServer(t, "operator")
	s.render(placed(v1alpha1.Enforce, catalogued(t, "image-pinned"))...)
	s.untilRefused(podOf("bad", "nginx"))

	w := NewWithT(t)
	bad := podOf("bad", "nginx")
	bad.Namespace = s.namespace
	w.Expect(s.as(operator).Create(t.Context(), bad.DeepCopy(), client.DryRunAll)).To(beRefused())
	w.Expect(s.as(operator).Create(t.Context(), bad.DeepCopy())).To(Succeed())
}

func TestSystemNamespacesAreNeverJudged(t *testing.T) {
	t.Parallel()
	s := newServer(t, "system")
	never := []string{"kube-system", "kube-public", "kube-node-lease", "rampart-system"}
	s.env.NamespaceSelector = metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: "kubernetes.io/metadata.name", Operator: metav1.LabelSelectorOpIn, Values: append(never, s.namespace)}}}
	s.env.Defaults = v1alpha1.DefaultsApply
	s.create(testenv.Namespace("rampart-system", nil))
	s.render(enforced(append(never, s.namespace), catalogued(t, "image-pinned"), catalogued(t, "resource-requests"))...)
	s.untilRefused(podOf("bad", "nginx"))

	for _, namespace := range never {
		w := NewWithT(t)
		bad := podOf("bad", "nginx")
		bad.Namespace = namespace
		w.Eventually(func() error { return s.as(person).Create(t.Context(), bad.DeepCopy(), client.DryRunAll) }, patience).
			ShouldNot(Satisfy(apierrors.IsNotFound), "the API server makes its namespaces after it is ready")
		w.Expect(s.as(person).Create(t.Context(), bad, client.DryRunAll)).To(Succeed())
		w.Expect(bad.Spec.Containers[0].Resources.Requests).To(BeEmpty())
	}
}

// A rule that is not total must not refuse what it was not written for.
func TestARuleThatFailsRefusesNobody(t *testing.T) {
	t.Parallel()
	s := newServer(t, "partial")
	partial := compiled(t, guardrailNamed("partial", findingsSpec(
		"object.metadata.labels.tier == 'gold' ? [{'key': 'tier', 'text': 'gold is sold out'}] : []")))
	objects := s.render(placed(v1alpha1.Enforce, partial, catalogued(t, "image-pinned"))...)
	w := NewWithT(t)
	w.Expect(objects.ValidatingPolicies).To(HaveLen(4), "one refuses, one lets errors pass, and two warn namespaces to come")

	gold := podOf("gold", "nginx:1.29")
	gold.Labels = map[string]string{"tier": "gold"}
	s.untilRefused(gold)
	s.untilRefused(podOf("bad", "nginx"))
	w.Expect(s.try(podOf("unlabelled", "nginx:1.29"))).To(Succeed())
}

// What the API server stores is what was rendered: a controller that compares the two
// finds nothing to write.
func TestServerTakesEveryRuleAtEveryLevelAndAddsNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t, "every-level")
	s.env.Defaults = v1alpha1.DefaultsApply
	programs := wholeCatalogue(t)
	// Names that CEL would not take as variables, or not twice.
	for _, name := range []string{"in", "a-b", "a.b", "1st"} {
		programs = append(programs, compiled(t, guardrailNamed(name, findingsSpec("[] // nothing\n"))))
	}
	rules := append(placed(v1alpha1.Enforce, programs...), placed(v1alpha1.Warn, programs...)...)
	stored, rendered := s.render(rules...), Render(s.env, rules)

	w := NewWithT(t)
	w.Expect(len(rendered.ValidatingPolicies)).To(BeNumerically(">=", 3))
	for i, policy := range rendered.ValidatingPolicies {
		w.Expect(stored.ValidatingPolicies[i].Spec).To(BeComparableTo(policy.Spec))
		w.Expect(stored.ValidatingBindings[i].Spec).To(BeComparableTo(rendered.ValidatingBindings[i].Spec))
	}
	w.Expect(rendered.MutatingPolicies).To(HaveLen(1))
	w.Expect(stored.MutatingPolicies[0].Spec).To(BeComparableTo(rendered.MutatingPolicies[0].Spec))
	w.Expect(stored.MutatingBindings[0].Spec).To(BeComparableTo(rendered.MutatingBindings[0].Spec))
}

// The budget of a request must not refuse what complies, nor what violated before.
func TestHugeWorkloadsStayWithinTheBudget(t *testing.T) {
	t.Parallel()
	const containers = 300
	s := newServer(t, "huge")
	s.render(placed(v1alpha1.Enforce, wholeCatalogue(t)...)...)
	s.untilRefused(podOf("bad", "nginx"))

	old := withTemplate(t, v1alpha1.KindDeployment, "old", "nginx").(*appsv1.Deployment)
	old.Namespace = s.namespace
	old.Spec.Replicas = ptr.To[int32](3)
	for i := range containers {
		old.Spec.Template.Spec.Containers = append(old.Spec.Template.Spec.Containers, corev1.Container{Name: fmt.Sprintf("c%d", i), Image: "nginx"})
	}
	s.create(old)
	old.Spec.Replicas = ptr.To[int32](5)
	w := NewWithT(t)
	w.Expect(s.as(person).Update(t.Context(), old, client.DryRunAll)).To(Succeed())

	again := old.DeepCopy()
	again.ObjectMeta = metav1.ObjectMeta{Name: "again"}
	w.Expect(s.try(again)).To(MatchError(ContainSubstring("findings: ")))
}
