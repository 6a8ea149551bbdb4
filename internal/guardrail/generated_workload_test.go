// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"math/rand/v2"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// digest of an image that does not exist.
var digest = "@sha256:" + strings.Repeat("0123456789abcdef", 4)

// compliantWorkload is one in which the whole catalogue finds nothing.
func compliantWorkload(t testing.TB, kind v1alpha1.WorkloadKind, namespace, name string) workload.Object {
	t.Helper()
	object := withTemplate(t, kind, name, "registry.example.com/shop"+digest)
	object.SetNamespace(namespace)
	object.SetLabels(map[string]string{"owner": "team", "app.kubernetes.io/version": "1.4.2"})
	pod := podIn(object).spec
	pod.ServiceAccountName, pod.AutomountServiceAccountToken = "shop", new(bool)
	pod.TerminationGracePeriodSeconds = new(int64(30))
	pod.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
		MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.ScheduleAnyway,
		LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
	}}
	init, sidecar := pod.Containers[0], pod.Containers[0]
	init.Name, sidecar.Name, sidecar.RestartPolicy = "init", "sidecar", new(corev1.ContainerRestartPolicyAlways)
	pod.InitContainers = []corev1.Container{init, sidecar}
	for _, c := range containersIn(pod) {
		c.Resources = corev1.ResourceRequirements{
			Requests: corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("64Mi")},
			Limits: corev1.ResourceList{
				"cpu": resource.MustParse("1"), "memory": resource.MustParse("128Mi"), "ephemeral-storage": resource.MustParse("1Gi")},
		}
		c.SecurityContext = &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(bool), ReadOnlyRootFilesystem: new(true), RunAsNonRoot: new(true),
			Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		}
	}
	main := &pod.Containers[0]
	main.Ports = []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9090}}
	main.ReadinessProbe, main.LivenessProbe = asksFor("/ready"), asksFor("/live")
	switch o := object.(type) {
	case *appsv1.Deployment:
		o.Spec.Replicas = new(int32(2))
	case *appsv1.StatefulSet:
		o.Spec.Replicas = new(int32(2))
	}
	return object
}

func asksFor(path string) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(8080)}}}
}

// pod is what a workload makes its pods from.
type pod struct {
	meta *metav1.ObjectMeta
	spec *corev1.PodSpec
}

func podIn(object workload.Object) pod {
	of := func(t *corev1.PodTemplateSpec) pod { return pod{&t.ObjectMeta, &t.Spec} }
	switch o := object.(type) {
	case *appsv1.Deployment:
		return of(&o.Spec.Template)
	case *appsv1.StatefulSet:
		return of(&o.Spec.Template)
	case *appsv1.DaemonSet:
		return of(&o.Spec.Template)
	case *appsv1.ReplicaSet:
		return of(&o.Spec.Template)
	case *corev1.ReplicationController:
		return of(o.Spec.Template)
	case *batchv1.Job:
		return of(&o.Spec.Template)
	case *batchv1.CronJob:
		return of(&o.Spec.JobTemplate.Spec.Template)
	case *corev1.Pod:
		return pod{&o.ObjectMeta, &o.Spec}
	default:
		return pod{}
	}
}

func containersIn(spec *corev1.PodSpec) []*corev1.Container {
	var all []*corev1.Container
	for i := range spec.Containers {
		all = append(all, &spec.Containers[i])
	}
	for i := range spec.InitContainers {
		all = append(all, &spec.InitContainers[i])
	}
	return all
}

// impair changes a workload in some ways, each of which breaks a rule of the catalogue or
// comes close to it. The API server may refuse the result by itself.
func impair(random *rand.Rand, object workload.Object, times int) {
	for range times {
		p := podIn(object)
		containers := containersIn(p.spec)
		change{
			random: random, object: object, pod: p,
			container: containers[random.IntN(len(containers))],
		}.any()
	}
}

// change is one change of a workload: of a container, of its pod, or of itself.
type change struct {
	random    *rand.Rand
	object    workload.Object
	pod       pod
	container *corev1.Container
}

func (c change) any() {
	all := []func(){
		c.image, c.image, c.requests, c.ratio, c.storage, c.account, c.privileges, c.privileges, c.user, c.confinement,
		c.host, c.volume, c.probes, c.lifecycle, c.ports, c.labels, c.labels, c.rollout, c.rollout, c.spread,
	}
	all[c.random.IntN(len(all))]()
}

// oneOf picks at random.
func oneOf[T any](random *rand.Rand, all ...T) T { return all[random.IntN(len(all))] }

func (c change) image() {
	c.container.Image = oneOf(c.random,
		"nginx", "nginx:1.29", "nginx:latest", "nginx:latest"+digest, "docker.io/nginx"+digest, "bitnami/nginx:1.29",
		"localhost/nginx:1", "EVIL/nginx:1", "registry.example.com:5000/shop:1", "registry.example.com:5000/team/shop:1",
		"registry.example.com.evil.io/shop"+digest, "registry.example.com/shop:1.4.2", "registry.example.com/other"+digest)
}

func (c change) requests() {
	name := oneOf(c.random, corev1.ResourceCPU, corev1.ResourceMemory)
	delete(c.container.Resources.Requests, name)
	if c.random.IntN(2) == 0 {
		delete(c.container.Resources.Limits, name)
	}
	if c.random.IntN(4) == 0 {
		c.pod.spec.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": resource.MustParse("1Gi")}}
	}
}

func (c change) ratio() {
	if c.container.Resources.Limits == nil {
		return
	}
	c.container.Resources.Limits["memory"] = resource.MustParse(oneOf(c.random, "256Mi", "257Mi", "1Gi"))
	c.container.Resources.Limits["cpu"] = resource.MustParse(oneOf(c.random, "2", "2001m", "64"))
}

func (c change) storage() {
	for _, container := range containersIn(c.pod.spec) {
		delete(container.Resources.Limits, corev1.ResourceEphemeralStorage)
	}
	if c.container.SecurityContext != nil {
		c.container.SecurityContext.ReadOnlyRootFilesystem = oneOf(c.random, nil, new(bool), new(true))
	}
}

func (c change) account() {
	c.pod.spec.ServiceAccountName = oneOf(c.random, "", "default", "shop")
	c.pod.spec.DeprecatedServiceAccount = ""
	c.pod.spec.AutomountServiceAccountToken = oneOf(c.random, nil, new(bool), new(true))
}

func (c change) privileges() {
	s := c.container.SecurityContext
	if s == nil {
		return
	}
	switch c.random.IntN(5) {
	case 0:
		s.Privileged, s.AllowPrivilegeEscalation = new(true), nil
	case 1:
		s.AllowPrivilegeEscalation = oneOf(c.random, nil, new(true))
	case 2:
		s.Capabilities = &corev1.Capabilities{
			Drop: oneOf(c.random, nil, []corev1.Capability{"ALL"}, []corev1.Capability{"NET_RAW"}),
			Add:  oneOf(c.random, nil, []corev1.Capability{"NET_BIND_SERVICE"}, []corev1.Capability{"CHOWN", "NET_ADMIN"}),
		}
	case 3:
		s.ProcMount, c.pod.spec.HostUsers = new(corev1.UnmaskedProcMount), new(bool)
	default:
		c.container.SecurityContext = nil
	}
}

func (c change) user() {
	if c.random.IntN(2) == 0 {
		c.pod.spec.SecurityContext = &corev1.PodSecurityContext{
			RunAsNonRoot: oneOf(c.random, nil, new(bool), new(true)), RunAsUser: oneOf(c.random, nil, new(int64), new(int64(1000)))}
	}
	if c.container.SecurityContext != nil {
		c.container.SecurityContext.RunAsNonRoot = oneOf(c.random, nil, new(bool), new(true))
		c.container.SecurityContext.RunAsUser = oneOf(c.random, nil, new(int64), new(int64(1000)))
	}
	if c.random.IntN(8) == 0 {
		c.pod.spec.HostUsers = new(bool)
	}
}

func (c change) confinement() {
	profile := oneOf(c.random, corev1.SeccompProfileTypeUnconfined, corev1.SeccompProfileTypeRuntimeDefault)
	armour := oneOf(c.random, corev1.AppArmorProfileTypeUnconfined, corev1.AppArmorProfileTypeRuntimeDefault)
	labels := &corev1.SELinuxOptions{Type: oneOf(c.random, "", "container_t", "spc_t"), User: oneOf(c.random, "", "system_u"), Role: oneOf(c.random, "", "system_r")}
	if c.pod.spec.SecurityContext == nil {
		c.pod.spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	switch s := c.pod.spec.SecurityContext; c.random.IntN(6) {
	case 0:
		s.SeccompProfile = &corev1.SeccompProfile{Type: profile}
	case 1:
		s.AppArmorProfile = &corev1.AppArmorProfile{Type: armour}
	case 2:
		s.SELinuxOptions = labels
	case 3:
		s.Sysctls = []corev1.Sysctl{{Name: oneOf(c.random, "kernel.shm_rmid_forced", "net.core.somaxconn"), Value: "1"}}
	case 4:
		c.pod.meta.Annotations = map[string]string{
			"container.apparmor.security.beta.kubernetes.io/" + c.container.Name: oneOf(c.random, "unconfined", "runtime/default", "localhost/shop")}
	default:
		if c.container.SecurityContext != nil {
			c.container.SecurityContext.SeccompProfile = &corev1.SeccompProfile{Type: profile}
			c.container.SecurityContext.AppArmorProfile = &corev1.AppArmorProfile{Type: armour}
			c.container.SecurityContext.SELinuxOptions = labels
		}
	}
}

func (c change) host() {
	switch c.random.IntN(5) {
	case 0:
		c.pod.spec.HostPID = true
	case 1:
		c.pod.spec.HostIPC = true
	case 2:
		c.pod.spec.HostNetwork = true
	case 3: // Only such pods may be processes of the host.
		c.pod.spec.HostNetwork = true
		c.pod.spec.SecurityContext = &corev1.PodSecurityContext{
			WindowsOptions: &corev1.WindowsSecurityContextOptions{HostProcess: new(true), RunAsUserName: new(`NT AUTHORITY\SYSTEM`)}}
	default:
		c.pod.spec.OS = &corev1.PodOS{Name: corev1.Linux}
	}
}

func (c change) volume() {
	kind := oneOf(c.random,
		corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/var/log"}},
		corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "nfs", Path: "/"}},
		corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
		corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: new(resource.MustParse("1Gi"))}},
		corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "shop"}}},
		corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "model"}},
		corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "registry.example.com/model" + digest}},
	)
	c.pod.spec.Volumes = []corev1.Volume{{Name: "volume", VolumeSource: kind}}
}

func (c change) probes() {
	main := &c.pod.spec.Containers[0]
	switch c.random.IntN(4) {
	case 0:
		main.ReadinessProbe = nil
	case 1:
		main.LivenessProbe, main.ReadinessProbe = asksFor("/health"), asksFor("/health")
		main.LivenessProbe.FailureThreshold = oneOf[int32](c.random, 0, 2, 10)
		main.LivenessProbe.PeriodSeconds = oneOf[int32](c.random, 0, 60)
	case 2:
		main.LivenessProbe = asksFor("/live")
		main.LivenessProbe.HTTPGet.Host = "169.254.169.254"
	default:
		main.StartupProbe = asksFor("/start")
	}
}

func (c change) lifecycle() {
	main := &c.pod.spec.Containers[0]
	c.pod.spec.TerminationGracePeriodSeconds = oneOf(c.random, nil, new(int64), new(int64(30)), new(int64(60)))
	sleep := oneOf(c.random, "sleep 29", "sleep 30", "/bin/sleep 120")
	main.Lifecycle = &corev1.Lifecycle{PreStop: oneOf(c.random,
		&corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: oneOf[int64](c.random, 1, 30)}},
		&corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"sh", "-c", sleep}}},
		&corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: strings.Split(sleep, " ")}},
	)}
}

func (c change) ports() {
	port := corev1.ContainerPort{Name: oneOf(c.random, "", "http", "metrics"), ContainerPort: 9090}
	port.HostPort = oneOf[int32](c.random, 0, 9090)
	c.pod.spec.Containers[0].Ports = []corev1.ContainerPort{port}
	c.pod.meta.Annotations = oneOf(c.random, nil, map[string]string{"prometheus.io/scrape": oneOf(c.random, "true", "false")})
}

func (c change) labels() {
	labels := c.object.GetLabels()
	if labels != nil {
		delete(labels, oneOf(c.random, "owner", "app.kubernetes.io/version"))
	}
}

func (c change) spread() {
	c.pod.spec.TopologySpreadConstraints = nil
	if c.random.IntN(3) == 0 {
		c.pod.spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: corev1.LabelHostname}}}}
	}
}

func (c change) rollout() {
	replicas := new(oneOf[int32](c.random, 0, 1, 2, 3))
	history := oneOf(c.random, nil, new(int32), new(int32(1)), new(int32(10)))
	unavailable := new(oneOf(c.random, intstr.FromInt32(1), intstr.FromInt32(3), intstr.FromString("99%"), intstr.FromString("100%")))
	switch o := c.object.(type) {
	case *appsv1.Deployment:
		o.Spec.Replicas, o.Spec.RevisionHistoryLimit = replicas, history
		o.Spec.ProgressDeadlineSeconds = oneOf(c.random, nil, new(int32(1800)), new(int32(1801)))
		o.Spec.Strategy = oneOf(c.random,
			appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: unavailable}})
	case *appsv1.StatefulSet:
		o.Spec.Replicas, o.Spec.RevisionHistoryLimit = replicas, history
		o.Spec.UpdateStrategy = oneOf(c.random,
			appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType},
			appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{MaxUnavailable: unavailable}})
	case *appsv1.DaemonSet:
		o.Spec.RevisionHistoryLimit = history
		o.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: unavailable}}
	default:
		c.image()
	}
}

// changedWorkload is a stored workload with what its kind lets people change taken from
// another one, so far as the API server may let them.
func changedWorkload(stored, other workload.Object) workload.Object {
	changed := stored.DeepCopyObject().(workload.Object)
	changed.SetLabels(other.GetLabels())
	switch o := changed.(type) {
	case *corev1.Pod:
		images := podIn(other).spec
		for i := range o.Spec.Containers {
			o.Spec.Containers[i].Image = images.Containers[i].Image
		}
		return changed
	case *batchv1.Job:
		return changed
	case *appsv1.Deployment:
		from := other.(*appsv1.Deployment)
		o.Spec.Replicas, o.Spec.Strategy = from.Spec.Replicas, from.Spec.Strategy
		o.Spec.RevisionHistoryLimit, o.Spec.ProgressDeadlineSeconds = from.Spec.RevisionHistoryLimit, from.Spec.ProgressDeadlineSeconds
	case *appsv1.StatefulSet:
		from := other.(*appsv1.StatefulSet)
		o.Spec.Replicas, o.Spec.UpdateStrategy, o.Spec.RevisionHistoryLimit = from.Spec.Replicas, from.Spec.UpdateStrategy, from.Spec.RevisionHistoryLimit
	case *appsv1.DaemonSet:
		from := other.(*appsv1.DaemonSet)
		o.Spec.UpdateStrategy, o.Spec.RevisionHistoryLimit = from.Spec.UpdateStrategy, from.Spec.RevisionHistoryLimit
	}
	to, from := podIn(changed), podIn(other)
	to.meta.Annotations = from.meta.Annotations
	*to.spec = *from.spec.DeepCopy()
	return changed
}
