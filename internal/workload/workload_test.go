// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload_test

import (
	"math"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

func deployment(change ...func(*appsv1.Deployment)) *appsv1.Deployment {
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "shop", UID: "1", Generation: 1},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(int32(4)),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "shop"}},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "shop", Image: "registry.example/shop:1", Command: []string{"/shop"},
					ReadinessProbe: &corev1.Probe{PeriodSeconds: 5},
				}}},
			},
		},
	}
	for _, c := range change {
		c(d)
	}
	return d
}

func view(t *testing.T, object workload.Object) workload.Workload {
	t.Helper()
	w, known := workload.From(object)
	NewWithT(t).Expect(known).To(BeTrue())
	return w
}

func TestEveryKindIsReadAndKnowsWhereItLives(t *testing.T) {
	for _, kind := range workload.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			g := NewWithT(t)
			object := workload.New(kind)
			g.Expect(object.GetObjectKind().GroupVersionKind()).To(Equal(workload.GroupVersionKind(kind)))
			g.Expect(view(t, object).Kind).To(Equal(kind))
		})
	}
	g := NewWithT(t)
	g.Expect(workload.New("ConfigMap")).To(BeNil())
	_, known := workload.From(&corev1.ConfigMap{})
	g.Expect(known).To(BeFalse())
}

func TestTheNewestReplicaSetIsTheOneWithTheTemplate(t *testing.T) {
	g := NewWithT(t)
	d := deployment()
	replicaSet := func(hash, image string) *appsv1.ReplicaSet {
		template := *d.Spec.Template.DeepCopy()
		template.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
		template.Spec.Containers[0].Image = image
		return &appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: hash}},
			Spec:       appsv1.ReplicaSetSpec{Template: template},
		}
	}
	old, current := replicaSet("old", "registry.example/shop:0"), replicaSet("current", "registry.example/shop:1")
	g.Expect(workload.TemplateHashOf(d, []*appsv1.ReplicaSet{old, current})).To(Equal("current"))
	g.Expect(workload.TemplateHashOf(d, []*appsv1.ReplicaSet{old})).To(BeEmpty(), "its controller has not made it yet")
	g.Expect(d.Spec.Template.Labels).NotTo(HaveKey(appsv1.DefaultDeploymentUniqueLabelKey), "nothing is written to")
}

func TestRolloutIsCompleteOnlyForTheNewestSpec(t *testing.T) {
	status := appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 4, UpdatedReplicas: 4, ReadyReplicas: 4, AvailableReplicas: 4}
	for _, test := range []struct {
		name   string
		change func(*appsv1.Deployment)
		want   bool
	}{
		{"all updated and available", func(*appsv1.Deployment) {}, true},
		{"not seen by its controller yet", func(d *appsv1.Deployment) { d.Generation = 2 }, false},
		{"one not updated", func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 3 }, false},
		{"one not available", func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 3 }, false},
		{"an old pod is left", func(d *appsv1.Deployment) { d.Status.Replicas = 5 }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := deployment(func(d *appsv1.Deployment) { d.Status = status }, test.change)
			NewWithT(t).Expect(view(t, d).Rollout.Complete()).To(Equal(test.want))
		})
	}
}

func TestMaxUnavailableIsThatOfTheDeploymentController(t *testing.T) {
	rolling := func(unavailable, surge intstr.IntOrString) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) {
			d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: &unavailable, MaxSurge: &surge}
		}
	}
	for _, test := range []struct {
		name   string
		change func(*appsv1.Deployment)
		want   int32
	}{
		{"a quarter by default", func(*appsv1.Deployment) {}, 1},
		{"a share is rounded down", rolling(intstr.FromString("70%"), intstr.FromInt32(0)), 2},
		{"a number", rolling(intstr.FromInt32(3), intstr.FromInt32(0)), 3},
		{"one at least without a surge", rolling(intstr.FromString("10%"), intstr.FromInt32(0)), 1},
		{"none with a surge", rolling(intstr.FromInt32(0), intstr.FromInt32(2)), 0},
		{"all of them when they are recreated", func(d *appsv1.Deployment) { d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType }, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			NewWithT(t).Expect(view(t, deployment(test.change)).MaxUnavailable).To(Equal(test.want))
		})
	}
}

func TestMaxUnavailableIsThatOfTheOtherControllers(t *testing.T) {
	set := func(unavailable *intstr.IntOrString) *appsv1.StatefulSet {
		return &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Replicas: ptr.To[int32](4), UpdateStrategy: appsv1.StatefulSetUpdateStrategy{
			RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{MaxUnavailable: unavailable},
		}}}
	}
	daemons := func(unavailable, surge *intstr.IntOrString) *appsv1.DaemonSet {
		return &appsv1.DaemonSet{
			Spec: appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
				RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: unavailable, MaxSurge: surge},
			}},
			Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: 4},
		}
	}
	share := func(s string) *intstr.IntOrString { return ptr.To(intstr.FromString(s)) }
	number := func(n int32) *intstr.IntOrString { return ptr.To(intstr.FromInt32(n)) }
	for _, test := range []struct {
		name   string
		object workload.Object
		want   int32
	}{
		{"a StatefulSet may lack one", &appsv1.StatefulSet{}, 1},
		{"or a share, rounded down", set(share("70%")), 2},
		{"but one at least", set(share("10%")), 1},
		{"a DaemonSet may lack one", &appsv1.DaemonSet{}, 1},
		{"or a share, rounded up", daemons(share("30%"), nil), 2},
		{"or none, with a surge", daemons(number(0), number(1)), 0},
		{"but one without", daemons(number(0), number(0)), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			NewWithT(t).Expect(view(t, test.object).MaxUnavailable).To(Equal(test.want))
		})
	}
}

func TestTheProgressDeadlineOfADeployment(t *testing.T) {
	since := metav1.NewTime(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC))
	progressing := func(reason string, seconds *int32) *appsv1.Deployment {
		return deployment(func(d *appsv1.Deployment) {
			d.Spec.ProgressDeadlineSeconds = seconds
			d.Status.Conditions = []appsv1.DeploymentCondition{{
				Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: reason, LastUpdateTime: since, LastTransitionTime: metav1.NewTime(since.Add(-time.Hour)),
			}}
		})
	}
	for _, test := range []struct {
		name       string
		deployment *appsv1.Deployment
		want       time.Time
	}{
		{"runs from the last progress", progressing("ReplicaSetUpdated", ptr.To[int32](600)), since.Add(10 * time.Minute)},
		{"is over when the rollout is complete", progressing("NewReplicaSetAvailable", ptr.To[int32](600)), time.Time{}},
		{"is over when it has passed", progressing("ProgressDeadlineExceeded", ptr.To[int32](600)), time.Time{}},
		{"is none by the largest number", progressing("ReplicaSetUpdated", ptr.To[int32](math.MaxInt32)), time.Time{}},
		{"stands still while the rollout does", func() *appsv1.Deployment {
			d := progressing("DeploymentPaused", ptr.To[int32](600))
			d.Spec.Paused = true
			return d
		}(), time.Time{}},
		{"is not known without a word", deployment(), time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			NewWithT(t).Expect(view(t, test.deployment).Rollout.Deadline).To(BeTemporally("==", test.want))
		})
	}
}

func TestTheMinimumOfADeploymentIsWhatItsControllerSays(t *testing.T) {
	since := metav1.NewTime(time.Unix(1000, 0))
	available := func(status corev1.ConditionStatus) *appsv1.Deployment {
		return deployment(func(d *appsv1.Deployment) {
			d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: status, LastTransitionTime: since}}
		})
	}
	g := NewWithT(t)
	g.Expect(view(t, available(corev1.ConditionTrue)).Rollout).To(And(HaveField("Minimum", true), HaveField("MinimumSince", since.Time)))
	g.Expect(view(t, available(corev1.ConditionFalse)).Rollout).To(And(HaveField("Minimum", false), HaveField("MinimumSince", since.Time)))
	g.Expect(view(t, &appsv1.StatefulSet{}).Rollout.MinimumSince).To(BeZero())
}

func TestAPodHasLostItsReadinessOnlyIfItHadIt(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(int64(1000+seconds), 0) }
	started := func(seconds int) []workload.Container {
		return []workload.Container{{Name: "app", Started: at(seconds)}}
	}
	restarted := func(began, again int) []workload.Container {
		return []workload.Container{{Name: "app", Started: at(again), LastExit: &workload.Exit{Started: at(began), Finished: at(again - 1)}}}
	}
	for name, c := range map[string]struct {
		pod  workload.Pod
		want time.Time
	}{
		"it is ready": {workload.Pod{Ready: true, ReadySince: at(5), Containers: started(3)}, time.Time{}},
		"it has not been ready since before it started":     {workload.Pod{UnreadySince: at(1), Containers: started(3)}, time.Time{}},
		"it was ready after it had started":                 {workload.Pod{UnreadySince: at(50), Containers: started(3)}, at(50)},
		"it was ready before its container was restarted":   {workload.Pod{UnreadySince: at(50), Containers: restarted(3, 51)}, at(50)},
		"its container was restarted, and was never ready":  {workload.Pod{UnreadySince: at(1), Containers: restarted(3, 51)}, time.Time{}},
		"it was lost so long ago that nothing shows it now": {workload.Pod{UnreadySince: at(50), Containers: restarted(90, 99)}, time.Time{}},
		"its init container began before it could be ready": {workload.Pod{UnreadySince: at(4), Containers: []workload.Container{{Init: true, Started: at(3)}}}, time.Time{}},
		"nothing is known": {workload.Pod{}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) { NewWithT(t).Expect(c.pod.LostReady()).To(Equal(c.want)) })
	}
}

func TestPod(t *testing.T) {
	g := NewWithT(t)
	at := func(seconds int) metav1.Time { return metav1.NewTime(time.Unix(int64(1000+seconds), 0)) }
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "shop-1", UID: "1", Labels: map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: "abc"}, CreationTimestamp: at(0),
			DeletionTimestamp: ptr.To(at(60)), DeletionGracePeriodSeconds: ptr.To(int64(20)),
		},
		Spec: corev1.PodSpec{NodeName: "n", Containers: make([]corev1.Container, 2)},
		Status: corev1.PodStatus{
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: at(9)},
				{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI", LastTransitionTime: at(40)},
			},
			ContainerStatuses: []corev1.ContainerStatus{
				{Name: "a", RestartCount: 1, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at(3)}}},
				{Name: "b", RestartCount: 2, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at(5)}}},
			},
		},
	}
	pod := workload.PodFrom(p)
	g.Expect(pod.TemplateHash).To(Equal("abc"))
	g.Expect(pod.Started).To(Equal(at(5).Time), "when the last container started")
	g.Expect(pod.Ready).To(BeTrue())
	g.Expect(pod.ReadySince).To(Equal(at(9).Time))
	g.Expect(pod.Restarts).To(Equal(int32(3)))
	g.Expect(pod.Asked).To(Equal(at(40).Time), "the deletion was asked for its grace period earlier")
	g.Expect(pod.Grace).To(Equal(20 * time.Second))
	g.Expect(pod.Disruption).To(Equal("EvictionByEvictionAPI"))

	p.Status.ContainerStatuses = p.Status.ContainerStatuses[:1]
	g.Expect(workload.PodFrom(p).Started.IsZero()).To(BeTrue(), "one of its containers has not started")
}

func TestCrashed(t *testing.T) {
	exit := func(code int32) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}
	}
	for _, test := range []struct {
		name     string
		status   corev1.ContainerStatus
		deleting bool
		want     bool
	}{
		{"running", corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}, false, false},
		{"ended with an error", corev1.ContainerStatus{State: exit(1)}, false, true},
		{"ended in order", corev1.ContainerStatus{State: exit(0)}, false, false},
		{"restarted after an error", corev1.ContainerStatus{LastTerminationState: exit(137)}, false, true},
		{"waits after crashes", corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}}, false, true},
		{"ended with an error because it was deleted", corev1.ContainerStatus{State: exit(143)}, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{test.status}}}
			if test.deleting {
				p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1000, 0)}
			}
			NewWithT(t).Expect(workload.PodFrom(p).Crashed()).To(Equal(test.want))
		})
	}
}

func TestAPodIsGenuineWhenItRunsWhatTheTemplateSays(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*corev1.PodSpec)
		want   bool
	}{
		{"the same containers", func(*corev1.PodSpec) {}, true},
		{"a container was injected", func(s *corev1.PodSpec) {
			s.Containers = append(s.Containers, corev1.Container{Name: "proxy", Image: "mesh:1"})
		}, true},
		{"another image", func(s *corev1.PodSpec) { s.Containers[0].Image = "evil.example/pause:1" }, false},
		{"another command", func(s *corev1.PodSpec) { s.Containers[0].Command = []string{"/sleep"} }, false},
		{"a container is missing", func(s *corev1.PodSpec) { s.Containers[0].Name = "other" }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := deployment()
			p := &corev1.Pod{Spec: *d.Spec.Template.Spec.DeepCopy()}
			test.change(&p.Spec)
			NewWithT(t).Expect(view(t, d).Made(workload.PodFrom(p))).To(Equal(test.want))
		})
	}
}

func TestNodeTrouble(t *testing.T) {
	g := NewWithT(t)
	node := func(conditions ...corev1.NodeCondition) *corev1.Node {
		return &corev1.Node{Status: corev1.NodeStatus{Conditions: conditions}}
	}
	ready := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue}
	pressure := corev1.NodeCondition{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionTrue}
	g.Expect(workload.NodeTrouble(node(ready))).To(BeEmpty())
	g.Expect(workload.NodeTrouble(node(ready, pressure))).To(ContainSubstring("MemoryPressure"))
	g.Expect(workload.NodeTrouble(node())).To(ContainSubstring("not ready"), "a node that says nothing")
	g.Expect(workload.NodeTrouble(node(corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}))).To(ContainSubstring("not ready"))
}

func TestServedBy(t *testing.T) {
	g := NewWithT(t)
	service := func(selector map[string]string) []*corev1.Service {
		return []*corev1.Service{{Spec: corev1.ServiceSpec{Selector: selector}}}
	}
	w := view(t, deployment())
	g.Expect(w.ServedBy(service(map[string]string{"app": "shop"}))).To(BeTrue())
	g.Expect(w.ServedBy(service(map[string]string{"app": "till"}))).To(BeFalse())
	g.Expect(w.ServedBy(service(nil))).To(BeFalse(), "a Service without a selector sends traffic elsewhere")
}

func TestReportNamesAreValidAndTellWorkloadsApart(t *testing.T) {
	g := NewWithT(t)
	g.Expect(workload.ReportName(v1alpha1.KindDeployment, "shop")).To(Equal("deployment-shop"))
	long := strings.Repeat("a", 250)
	one, other := workload.ReportName(v1alpha1.KindDeployment, long+"b"), workload.ReportName(v1alpha1.KindDeployment, long+"c")
	g.Expect(one).NotTo(Equal(other))
	g.Expect(validation.IsDNS1123Subdomain(one)).To(BeEmpty())
}
