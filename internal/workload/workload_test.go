// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload_test

import (
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

func TestRevision(t *testing.T) {
	base := deployment()
	container := func(change func(*corev1.Container)) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) { change(&d.Spec.Template.Spec.Containers[0]) }
	}
	for _, test := range []struct {
		name                                 string
		change                               func(*appsv1.Deployment)
		hash, starting, recovering, stopping bool // what differs
	}{
		{"replicas are no revision", func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To(int32(9)) }, false, false, false, false},
		{"a restart is no revision", func(d *appsv1.Deployment) {
			d.Spec.Template.Annotations = map[string]string{workload.AnnotationRestartedAt: "now"}
		}, false, false, false, false},
		{"another annotation of the template is one", func(d *appsv1.Deployment) {
			d.Spec.Template.Annotations = map[string]string{"config/checksum": "2"}
		}, true, false, false, false},
		{"an image is one", container(func(c *corev1.Container) { c.Image = "registry.example/shop:2" }), true, false, false, false},
		{"a probe changes how it starts and recovers", container(func(c *corev1.Container) { c.ReadinessProbe.PeriodSeconds = 1 }), true, true, true, false},
		{"a hook changes how it stops", container(func(c *corev1.Container) { c.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{}} }), true, false, false, true},
		{"the grace period changes how it stops", func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.TerminationGracePeriodSeconds = ptr.To(int64(5))
		}, true, false, false, true},
		{"the strategy changes how it recovers", func(d *appsv1.Deployment) {
			d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
		}, false, false, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			was, is := view(t, base), view(t, deployment(test.change))
			differs := func(what string, a, b string, should bool) {
				if should {
					g.Expect(a).NotTo(Equal(b), what)
				} else {
					g.Expect(a).To(Equal(b), what)
				}
			}
			differs("hash", is.RevisionHash(), was.RevisionHash(), test.hash)
			differs("starting", is.Mechanism().Starting, was.Mechanism().Starting, test.starting)
			differs("recovering", is.Mechanism().Recovering, was.Mechanism().Recovering, test.recovering)
			differs("stopping", is.Mechanism().Stopping, was.Mechanism().Stopping, test.stopping)
		})
	}
}

func TestImagesResolveToWhatThePodsRun(t *testing.T) {
	const digest = "sha256:c58bac84aae17ae4c08c879299ca4083ee69103dcca6555b2468f56ecf307eee"
	running := func(imageID string) workload.Pod {
		return workload.Pod{Containers: []workload.Container{{Name: "shop", ImageID: imageID}}}
	}
	for _, test := range []struct {
		name string
		pods []workload.Pod
		want string
	}{
		{"no pod, no digest", nil, ""},
		{"a pod that has not started says nothing", []workload.Pod{running("")}, ""},
		{"the digest of a repository", []workload.Pod{running("registry.example/shop@" + digest)}, digest},
		{"the digest as Docker reports it", []workload.Pod{running("docker-pullable://registry.example/shop@" + digest)}, digest},
		{"pods that disagree have none", []workload.Pod{running("a@" + digest), running("a@" + strings.Replace(digest, "c", "d", 1))}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			containers := view(t, deployment()).Containers(test.pods)
			NewWithT(t).Expect(containers).To(Equal([]v1alpha1.RevisionContainer{{
				Name: "shop", Image: "registry.example/shop:1", Digest: test.want, Command: []string{"/shop"},
			}}))
		})
	}
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

func TestConfigMapsOf(t *testing.T) {
	reference := func(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }
	spec := corev1.PodSpec{
		Volumes: []corev1.Volume{
			{VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: reference("d")}}},
			{VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: reference("c")}},
			}}}},
		},
		InitContainers: []corev1.Container{{EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: reference("b")}}}}},
		Containers: []corev1.Container{{Env: []corev1.EnvVar{
			{Name: "X", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: reference("a")}}},
			{Name: "Y", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: reference("d")}}},
		}}},
	}
	NewWithT(t).Expect(workload.ConfigMapsOf(spec)).To(Equal([]string{"a", "b", "c", "d"}))
}

func TestReportNamesAreValidAndTellWorkloadsApart(t *testing.T) {
	g := NewWithT(t)
	g.Expect(workload.ReportName(v1alpha1.KindDeployment, "shop")).To(Equal("deployment-shop"))
	long := strings.Repeat("a", 250)
	one, other := workload.ReportName(v1alpha1.KindDeployment, long+"b"), workload.ReportName(v1alpha1.KindDeployment, long+"c")
	g.Expect(one).NotTo(Equal(other))
	g.Expect(validation.IsDNS1123Subdomain(one)).To(BeEmpty())
}
