// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// release is what a team rolls out after a revision that ran well, in an environment that
// rolls back what fails.
type release struct {
	name string
	// behaves is how the new image does.
	behaves testenv.Behaviour
	// change is what the release changes besides.
	change func(*appsv1.Deployment)
	// prepare is done before it is rolled out; meanwhile is what happens to it then.
	prepare, meanwhile func(*testing.T, *releasing)
	// says is what an on-call reads of the decision.
	says string
}

// releasing is a release on its way.
type releasing struct {
	*world
	good *appsv1.Deployment
	bad  *appsv1.Deployment
}

// faulty are releases that nothing but themselves explains.
var faulty = []release{
	{name: "that crashes", behaves: testenv.CrashLoop, says: "2 crashed, 0 run well: rolled back to revision 1"},
	{name: "whose image does not exist", behaves: testenv.ImageError, says: "rolled back to revision 1"},
	{name: "whose configuration does not exist", behaves: testenv.ConfigError, says: "2 did not start (CreateContainerConfigError), 0 run well: rolled back to revision 1"},
	{name: "that takes too much memory", behaves: testenv.OutOfMemory, says: "2 crashed, 0 run well: rolled back to revision 1"},
	{
		name: "that does not become ready, while the one before is", behaves: testenv.NeverReady, change: impatient(35),
		says: "2 did not become ready in the usual time, 0 run well, and its progress deadline has passed: rolled back to revision 1",
	},
}

// blameless are releases that fail for reasons which another revision would meet too.
var blameless = []release{
	{name: "whose registry does not answer", behaves: testenv.RegistryOutage, says: "the image registry cannot be reached, and another revision may need it too"},
	{
		name: "for which no quota is left", behaves: testenv.Healthy, change: impatient(10), says: "exceeded quota",
		prepare: func(t *testing.T, r *releasing) {
			quota := &corev1.ResourceQuota{ObjectMeta: in(r.good.Namespace, "pods"), Spec: corev1.ResourceQuotaSpec{
				Hard: corev1.ResourceList{corev1.ResourcePods: quantity.MustParse("2")},
			}}
			g := NewWithT(t)
			g.Expect(r.admin.Create(t.Context(), quota)).To(Succeed())
			g.Eventually(func(g Gomega) {
				g.Expect(r.admin.Get(t.Context(), client.ObjectKeyFromObject(quota), quota)).To(Succeed())
				g.Expect(quota.Status.Used).NotTo(BeEmpty())
			}).Should(Succeed())
		},
	},
	{
		name: "for which no node has room", behaves: testenv.Healthy, says: "no node has room for pod",
		change: func(d *appsv1.Deployment) {
			impatient(10)(d)
			d.Spec.Template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: quantity.MustParse("1k")}
		},
	},
	{
		name: "whose node fails", behaves: testenv.NeverReady, says: "node is not ready",
		prepare: func(t *testing.T, r *releasing) {
			r.doomedNode(t, r.good.Namespace)
			impatient(20)(r.bad)
			r.bad.Spec.Template.Spec.NodeSelector = map[string]string{corev1.LabelHostname: r.good.Namespace}
			r.bad.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
		},
		meanwhile: func(t *testing.T, r *releasing) {
			NewWithT(t).Eventually(func() int { return len(r.podsOn(t, r.good.Namespace)) }).Should(Equal(2))
			r.failNode(t, r.good.Namespace)
		},
	},
}

// rollingBack is an environment in production that rolls back.
func rollingBack() v1alpha1.EnvironmentPolicySpec {
	return v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Production, Guardrails: only("image-pinned", ""), Rollout: &v1alpha1.RolloutPolicy{OnFailure: v1alpha1.OnFailureRollback},
	}
}

// impatient gives a rollout so many seconds to progress.
func impatient(seconds int32) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { d.Spec.ProgressDeadlineSeconds = &seconds }
}

// roll the release out, after one that runs well.
func (w *world) roll(t *testing.T, what release) *releasing {
	t.Helper()
	g, namespace := NewWithT(t), w.namespace(t)
	w.enrol(t, namespace, rollingBack())
	r := &releasing{world: w, good: service("api", namespace)}
	w.released(t, w.admin, r.good)
	r.bad = service("api", namespace, testenv.Image("registry.example/api:1.1.0-"+string(what.behaves)))
	if what.change != nil {
		what.change(r.bad)
	}
	if what.prepare != nil {
		what.prepare(t, r)
	}
	g.Expect(serverSide(t.Context(), w.admin, r.bad)).To(Succeed())
	if what.meanwhile != nil {
		what.meanwhile(t, r)
	}
	return r
}

// image that the release's Deployment has now.
func (r *releasing) image(t *testing.T) string {
	t.Helper()
	var now appsv1.Deployment
	NewWithT(t).Expect(r.admin.Get(t.Context(), client.ObjectKeyFromObject(r.good), &now)).To(Succeed())
	return now.Spec.Template.Spec.Containers[0].Image
}

func TestAFaultyReleaseIsRolledBack(t *testing.T) {
	w := theWorld(t)
	for _, what := range faulty {
		t.Run(what.name, func(t *testing.T) {
			t.Parallel()
			g, r := NewWithT(t), w.roll(t, what)
			g.Eventually(func() []v1alpha1.Action { return w.actions(t, r.good, v1alpha1.ActionRollback, v1alpha1.ActionDone) }).
				WithTimeout(2*time.Minute).Should(ContainElement(HaveField("Message", ContainSubstring(what.says))), func() string { return w.report(t, r.good).Message })
			g.Expect(r.image(t)).To(Equal(r.good.Spec.Template.Spec.Containers[0].Image))
			g.Eventually(w.rolledOut(t, r.good)).Should(BeTrue())
			g.Expect(w.specPatches(t, r.good)).To(HaveLen(1))
			g.Expect(w.report(t, r.good).Quarantined).To(HaveLen(1))
			g.Eventually(func() []string { return w.events(t, r.good.Namespace, "RolledBack") }).Should(ConsistOf(ContainSubstring(what.says)))
		})
	}
}

func TestAReleaseThatIsNotToBlameIsLeftAlone(t *testing.T) {
	w := theWorld(t)
	for _, what := range blameless {
		t.Run(what.name, func(t *testing.T) {
			t.Parallel()
			g, r := NewWithT(t), w.roll(t, what)
			// The report names the decision: the operator has looked, and did nothing.
			g.Eventually(func() []v1alpha1.Action {
				return w.actions(t, r.good, v1alpha1.ActionRollback, v1alpha1.ActionReported)
			}).
				WithTimeout(2*time.Minute).Should(ContainElement(HaveField("Message", ContainSubstring(what.says))), func() string { return w.report(t, r.good).Message })
			g.Expect(w.report(t, r.good).Message).To(ContainSubstring(what.says))
			g.Eventually(func() []string { return w.events(t, r.good.Namespace, "ActionReported") }).Should(ContainElement(ContainSubstring(what.says)))
			g.Consistently(func() string { return r.image(t) }).WithTimeout(3 * time.Second).Should(Equal(r.bad.Spec.Template.Spec.Containers[0].Image))
			g.Expect(w.specPatches(t, r.good)).To(BeEmpty())
			g.Expect(w.report(t, r.good).Quarantined).To(BeEmpty())
		})
	}
	t.Run("that starts slowly", func(t *testing.T) {
		t.Parallel()
		g, r := NewWithT(t), w.roll(t, release{behaves: testenv.Slow})
		g.Eventually(func() []v1alpha1.RevisionOutcome { return w.report(t, r.good).Outcomes }).Should(ContainElement(And(
			HaveField("Number", BeEquivalentTo(2)), HaveField("Result", v1alpha1.RolloutStable))))
		g.Expect(w.report(t, r.good).Actions).To(BeEmpty())
		g.Expect(w.specPatches(t, r.good)).To(BeEmpty())
	})
}

// What several services need fails, and they with it, some time after their releases ran
// well: the one that is looked at first is no more to blame than the others.
func TestAnOutageOfADependencyRollsNothingBack(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	namespace := w.namespace(t)
	w.enrol(t, namespace, rollingBack())
	var services []*appsv1.Deployment
	for _, name := range []string{"cart", "orders", "search"} {
		first := service(name, namespace)
		w.released(t, w.admin, first)
		second := service(name, namespace, testenv.Image("registry.example/"+name+":1.1.0"))
		g.Expect(serverSide(t.Context(), w.admin, second)).To(Succeed())
		services = append(services, second)
	}
	for _, s := range services {
		g.Eventually(func() []v1alpha1.RevisionOutcome { return w.report(t, s).Outcomes }).Should(ContainElement(And(
			HaveField("Number", BeEquivalentTo(2)), HaveField("Result", v1alpha1.RolloutStable))))
	}

	// What ends within half a minute of being ready has never really run.
	g.Eventually(func() time.Duration { return w.runningFor(t, namespace) }).Should(BeNumerically(">", 32*time.Second))
	w.behave(t, namespace, testenv.CrashLoop)
	for _, s := range services {
		g.Eventually(func() []v1alpha1.Action { return w.actions(t, s, v1alpha1.ActionRollback, v1alpha1.ActionReported) }).
			Should(ContainElement(HaveField("Message", ContainSubstring("began to fail at the same time, so that the cause is likely common"))),
				func() string { return w.report(t, s).Message })
	}
	g.Eventually(func(g Gomega) {
		var policy v1alpha1.EnvironmentPolicy
		g.Expect(w.admin.Get(t.Context(), client.ObjectKey{Name: namespace}, &policy)).To(Succeed())
		g.Expect(policy.Status.Breaker).To(HaveValue(HaveField("Reason", ContainSubstring("3 of 3 workloads are unhealthy"))))
		g.Expect(&policy).To(haveCondition(v1alpha1.ConditionRemediating, metav1.ConditionFalse))
	}).Should(Succeed())
	for _, s := range services {
		g.Expect(w.specPatches(t, s)).To(BeEmpty())
		g.Expect(w.report(t, s).Quarantined).To(BeEmpty())
	}
}

// runningFor is how long all pods of a namespace have been ready.
func (w *world) runningFor(t *testing.T, namespace string) time.Duration {
	t.Helper()
	var pods corev1.PodList
	NewWithT(t).Expect(w.admin.List(t.Context(), &pods, client.InNamespace(namespace))).To(Succeed())
	shortest := time.Hour
	for _, pod := range pods.Items {
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady {
				shortest = min(shortest, time.Since(c.LastTransitionTime.Time))
			}
		}
	}
	return shortest
}

// behave makes all pods of a namespace behave so from now on.
func (w *world) behave(t *testing.T, namespace string, as testenv.Behaviour) {
	t.Helper()
	g := NewWithT(t)
	var pods corev1.PodList
	g.Expect(w.admin.List(t.Context(), &pods, client.InNamespace(namespace))).To(Succeed())
	for i := range pods.Items {
		before := pods.Items[i].DeepCopy()
		metav1.SetMetaDataAnnotation(&pods.Items[i].ObjectMeta, testenv.BehaviourAnnotation, string(as))
		g.Expect(client.IgnoreNotFound(w.admin.Patch(t.Context(), &pods.Items[i], client.MergeFrom(before)))).To(Succeed())
	}
}

// doomedNode makes a node on which only those run who ask for it.
func (w *world) doomedNode(t *testing.T, name string) {
	t.Helper()
	g := NewWithT(t)
	room := corev1.ResourceList{corev1.ResourceCPU: quantity.MustParse("8"), corev1.ResourceMemory: quantity.MustParse("8Gi"), corev1.ResourcePods: quantity.MustParse("9")}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name, corev1.LabelOSStable: "linux"}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "doomed", Effect: corev1.TaintEffectNoSchedule}}},
		Status:     corev1.NodeStatus{Capacity: room, Allocatable: room},
	}
	g.Expect(w.admin.Create(t.Context(), node)).To(Succeed())
	w.removeLater(t, node)
	g.Eventually(func(g Gomega) {
		g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(node), node)).To(Succeed())
		g.Expect(node.Status.Conditions).To(ContainElement(And(HaveField("Type", corev1.NodeReady), HaveField("Status", corev1.ConditionTrue))))
	}).Should(Succeed())
}

// failNode lets the kubelet of a node report that it is not ready, and then nothing more.
func (w *world) failNode(t *testing.T, name string) {
	t.Helper()
	g := NewWithT(t)
	var node corev1.Node
	g.Expect(w.admin.Get(t.Context(), client.ObjectKey{Name: name}, &node)).To(Succeed())
	before := node.DeepCopy()
	metav1.SetMetaDataAnnotation(&node.ObjectMeta, testenv.BehaviourAnnotation, testenv.NodeDown)
	g.Expect(w.admin.Patch(t.Context(), &node, client.MergeFrom(before))).To(Succeed())
	before = node.DeepCopy()
	for i := range node.Status.Conditions {
		if c := &node.Status.Conditions[i]; c.Type == corev1.NodeReady {
			c.Status, c.Reason, c.LastTransitionTime = corev1.ConditionFalse, "KubeletNotReady", metav1.Now()
		}
	}
	g.Expect(w.admin.Status().Patch(t.Context(), &node, client.MergeFrom(before))).To(Succeed())
}

// podsOn are the pods that run on a node.
func (w *world) podsOn(t *testing.T, node string) []corev1.Pod {
	t.Helper()
	var pods corev1.PodList
	NewWithT(t).Expect(w.admin.List(t.Context(), &pods, client.MatchingFields{"spec.nodeName": node})).To(Succeed())
	return pods.Items
}

// events of a namespace with the reason, in words.
func (w *world) events(t *testing.T, namespace, reason string) []string {
	t.Helper()
	var events corev1.EventList
	NewWithT(t).Expect(w.admin.List(t.Context(), &events, client.InNamespace(namespace), client.MatchingFields{"reason": reason})).To(Succeed())
	var notes []string
	for _, e := range events.Items {
		notes = append(notes, e.Message)
	}
	return notes
}
