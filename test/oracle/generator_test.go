// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	podsecurity "k8s.io/pod-security-admission/test"
	"k8s.io/utils/ptr"
)

// generator makes pods at random. Most lie close to one that complies, so that each control
// decides some of them alone. They need not be valid: a verdict exists for each of them.
type generator struct {
	*rand.Rand
	minimal []*corev1.Pod
}

func newGenerator(t testing.TB, seed uint64) *generator {
	t.Helper()
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	for _, minimal := range []struct {
		of    func(api.Level, api.Version) (*corev1.Pod, error)
		level api.Level
	}{
		{podsecurity.GetMinimalValidPod, api.LevelBaseline},
		{podsecurity.GetMinimalValidPod, api.LevelRestricted},
		{podsecurity.GetMinimalValidPod, api.LevelRestricted},
		{podsecurity.GetMinimalValidLinuxPod, api.LevelRestricted},
		{podsecurity.GetMinimalValidWindowsPod, api.LevelRestricted},
	} {
		pod, err := minimal.of(minimal.level, newest)
		if err != nil {
			t.Fatal(err)
		}
		g.minimal = append(g.minimal, pod)
	}
	return g
}

// pod is the next pod.
func (g *generator) pod() *corev1.Pod {
	pod := oneOf(g, g.minimal...).DeepCopy()
	pod.Name = "random"
	for range g.IntN(3) {
		g.addContainer(&pod.Spec)
	}
	for range g.IntN(8) {
		if g.IntN(3) == 0 {
			oneOf(g, podChanges...)(g, pod)
		} else {
			oneOf(g, containerChanges...)(g, oneOf(g, containersOf(&pod.Spec)...))
		}
	}
	return pod
}

// addContainer adds one of any sort, which looks like the first container or like nothing.
func (g *generator) addContainer(spec *corev1.PodSpec) {
	added := corev1.Container{}
	if g.IntN(4) != 0 {
		added = *spec.Containers[0].DeepCopy()
	}
	added.Name = fmt.Sprintf("added-%d", len(containersOf(spec)))
	switch g.IntN(3) {
	case 0:
		spec.Containers = append(spec.Containers, added)
	case 1:
		spec.InitContainers = append(spec.InitContainers, added)
	default:
		spec.EphemeralContainers = append(spec.EphemeralContainers,
			corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon(added)})
	}
}

func containersOf(spec *corev1.PodSpec) []*corev1.Container {
	var all []*corev1.Container
	for i := range spec.Containers {
		all = append(all, &spec.Containers[i])
	}
	for i := range spec.InitContainers {
		all = append(all, &spec.InitContainers[i])
	}
	for i := range spec.EphemeralContainers {
		all = append(all, (*corev1.Container)(&spec.EphemeralContainers[i].EphemeralContainerCommon))
	}
	return all
}

func oneOf[T any](g *generator, values ...T) T { return values[g.IntN(len(values))] }

// maybe is nil, or points to one of the values.
func maybe[T any](g *generator, values ...T) *T {
	if g.IntN(len(values)+1) == 0 {
		return nil
	}
	return ptr.To(oneOf(g, values...))
}

// some are up to three of the values, in any order and number.
func some[T any](g *generator, values ...T) []T {
	var all []T
	for range g.IntN(4) {
		all = append(all, oneOf(g, values...))
	}
	return all
}

// podChanges each set one thing of a pod anew.
var podChanges = []func(*generator, *corev1.Pod){
	func(g *generator, p *corev1.Pod) { p.Spec.HostNetwork = oneOf(g, true, false) },
	func(g *generator, p *corev1.Pod) { p.Spec.HostPID = oneOf(g, true, false) },
	func(g *generator, p *corev1.Pod) { p.Spec.HostIPC = oneOf(g, true, false) },
	func(g *generator, p *corev1.Pod) { p.Spec.HostUsers = maybe(g, true, false, false) },
	func(g *generator, p *corev1.Pod) {
		p.Spec.OS = maybe(g, corev1.PodOS{Name: corev1.Windows}, corev1.PodOS{Name: corev1.Linux}, corev1.PodOS{})
	},
	func(g *generator, p *corev1.Pod) { p.Spec.SecurityContext = maybe(g, corev1.PodSecurityContext{}) },
	func(g *generator, p *corev1.Pod) { secured(p).RunAsNonRoot = maybe(g, true, false) },
	func(g *generator, p *corev1.Pod) { secured(p).RunAsUser = maybe[int64](g, 0, 0, 1000) },
	func(g *generator, p *corev1.Pod) { secured(p).SeccompProfile = g.seccompProfile() },
	func(g *generator, p *corev1.Pod) {
		// What the pod says counts even where each container says otherwise.
		for _, c := range containersOf(&p.Spec) {
			guarded(c).RunAsNonRoot = ptr.To(true)
			guarded(c).SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
		}
		secured(p).RunAsNonRoot = maybe(g, true, false)
		secured(p).SeccompProfile = g.seccompProfile()
	},
	func(g *generator, p *corev1.Pod) { secured(p).AppArmorProfile = g.appArmorProfile() },
	func(g *generator, p *corev1.Pod) { secured(p).SELinuxOptions = g.seLinuxOptions() },
	func(g *generator, p *corev1.Pod) { secured(p).WindowsOptions = g.windowsOptions() },
	func(g *generator, p *corev1.Pod) {
		secured(p).Sysctls = some(g, corev1.Sysctl{Name: "net.ipv4.tcp_syncookies", Value: "1"}, corev1.Sysctl{Name: "kernel.shm_rmid_forced"},
			corev1.Sysctl{Name: "net.ipv4.tcp_rmem"}, corev1.Sysctl{Name: "net.ipv4.tcp_notsent_lowat"}, corev1.Sysctl{Name: "net.ipv4.tcp_slow_start_after_idle"},
			corev1.Sysctl{Name: "net.ipv4.ip_local_reserved_ports"}, corev1.Sysctl{Name: "net.ipv4.tcp_fin_timeout"},
			corev1.Sysctl{Name: "net/ipv4/tcp_syncookies"}, corev1.Sysctl{Name: "kernel.msgmax"}, corev1.Sysctl{})
	},
	func(g *generator, p *corev1.Pod) { p.Spec.Volumes = append(p.Spec.Volumes, g.volume()) },
	func(g *generator, p *corev1.Pod) { p.Spec.Volumes = append(p.Spec.Volumes, g.volume(), g.volume()) },
	func(g *generator, p *corev1.Pod) {
		prefix := oneOf(g, corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix, corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix,
			"container.apparmor.security.beta.kubernetes.io", "container.seccomp.security.alpha.kubernetes.io/")
		if p.Annotations == nil {
			p.Annotations = map[string]string{}
		}
		p.Annotations[prefix+oneOf(g, p.Spec.Containers[0].Name, "nobody", "")] = oneOf(g,
			"runtime/default", "localhost/mine", "localhost", "unconfined", "Runtime/Default", "")
	},
}

// containerChanges each set one thing of a container anew.
var containerChanges = []func(*generator, *corev1.Container){
	func(g *generator, c *corev1.Container) { c.SecurityContext = maybe(g, corev1.SecurityContext{}) },
	func(g *generator, c *corev1.Container) { guarded(c).Privileged = maybe(g, true, false) },
	func(g *generator, c *corev1.Container) {
		guarded(c).AllowPrivilegeEscalation = maybe(g, true, false, false)
	},
	func(g *generator, c *corev1.Container) { guarded(c).RunAsNonRoot = maybe(g, true, false) },
	func(g *generator, c *corev1.Container) { guarded(c).RunAsUser = maybe[int64](g, 0, 1000) },
	func(g *generator, c *corev1.Container) {
		guarded(c).ProcMount = maybe(g, corev1.UnmaskedProcMount, corev1.UnmaskedProcMount, corev1.DefaultProcMount, "")
	},
	func(g *generator, c *corev1.Container) { guarded(c).SeccompProfile = g.seccompProfile() },
	func(g *generator, c *corev1.Container) { guarded(c).AppArmorProfile = g.appArmorProfile() },
	func(g *generator, c *corev1.Container) { guarded(c).SELinuxOptions = g.seLinuxOptions() },
	func(g *generator, c *corev1.Container) { guarded(c).WindowsOptions = g.windowsOptions() },
	func(g *generator, c *corev1.Container) {
		guarded(c).Capabilities = maybe(g, corev1.Capabilities{
			Add:  some[corev1.Capability](g, "NET_BIND_SERVICE", "NET_BIND_SERVICE", "CHOWN", "SYS_CHROOT", "NET_RAW", "SYS_ADMIN", "CAP_CHOWN", "chown", "a,b", "a/b", ""),
			Drop: some[corev1.Capability](g, "ALL", "ALL", "ALL", "all", "CHOWN", ""),
		})
	},
	func(g *generator, c *corev1.Container) {
		c.Ports = some(g, corev1.ContainerPort{ContainerPort: 8080}, corev1.ContainerPort{ContainerPort: 80, HostPort: 80}, corev1.ContainerPort{HostPort: 65535})
	},
	func(g *generator, c *corev1.Container) { c.LivenessProbe = g.probe() },
	func(g *generator, c *corev1.Container) { c.ReadinessProbe = g.probe() },
	func(g *generator, c *corev1.Container) { c.StartupProbe = g.probe() },
	func(g *generator, c *corev1.Container) {
		c.Lifecycle = maybe(g, corev1.Lifecycle{PostStart: g.hook(), PreStop: g.hook()})
	},
}

func secured(p *corev1.Pod) *corev1.PodSecurityContext {
	if p.Spec.SecurityContext == nil {
		p.Spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	return p.Spec.SecurityContext
}

func guarded(c *corev1.Container) *corev1.SecurityContext {
	if c.SecurityContext == nil {
		c.SecurityContext = &corev1.SecurityContext{}
	}
	return c.SecurityContext
}

func (g *generator) seccompProfile() *corev1.SeccompProfile {
	return maybe(g, corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		corev1.SeccompProfile{Type: corev1.SeccompProfileTypeLocalhost, LocalhostProfile: ptr.To("mine.json")},
		corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined},
		corev1.SeccompProfile{Type: "runtimedefault"}, corev1.SeccompProfile{})
}

func (g *generator) appArmorProfile() *corev1.AppArmorProfile {
	return maybe(g, corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeRuntimeDefault},
		corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeLocalhost, LocalhostProfile: ptr.To("mine")},
		corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeUnconfined},
		corev1.AppArmorProfile{Type: "localhost"}, corev1.AppArmorProfile{})
}

func (g *generator) seLinuxOptions() *corev1.SELinuxOptions {
	return maybe(g, corev1.SELinuxOptions{
		User:  oneOf(g, "", "", "", "system_u"),
		Role:  oneOf(g, "", "", "", "sysadm_r"),
		Type:  oneOf(g, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t", "spc_t", "Container_t"),
		Level: oneOf(g, "", "s0:c1,c2"),
	})
}

func (g *generator) windowsOptions() *corev1.WindowsSecurityContextOptions {
	return maybe(g, corev1.WindowsSecurityContextOptions{HostProcess: maybe(g, true, false), RunAsUserName: maybe(g, "ContainerUser")})
}

// volume is of any type that the API has, or rarely of two or of none.
func (g *generator) volume() corev1.Volume {
	volume := corev1.Volume{Name: fmt.Sprintf("volume-%d", g.IntN(100))}
	if g.IntN(3) == 0 {
		volume.HostPath = &corev1.HostPathVolumeSource{Path: oneOf(g, "/var/run", "/", "")}
		if g.IntN(4) != 0 {
			return volume
		}
	}
	source := reflect.ValueOf(&volume.VolumeSource).Elem()
	for range oneOf(g, 1, 1, 1, 1, 1, 1, 1, 2, 0) {
		field := source.Field(g.IntN(source.NumField()))
		field.Set(reflect.New(field.Type().Elem()))
	}
	return volume
}

func (g *generator) host() string {
	return oneOf(g, "", "", "169.254.169.254", "localhost", "a,b", "a/", "/")
}

func (g *generator) probe() *corev1.Probe {
	return maybe(g, corev1.Probe{ProbeHandler: corev1.ProbeHandler{
		HTTPGet:   maybe(g, corev1.HTTPGetAction{Path: "/healthz", Host: g.host()}),
		TCPSocket: maybe(g, corev1.TCPSocketAction{Host: g.host()}),
		GRPC:      maybe(g, corev1.GRPCAction{Port: 9000}),
	}})
}

func (g *generator) hook() *corev1.LifecycleHandler {
	return maybe(g, corev1.LifecycleHandler{
		HTTPGet:   maybe(g, corev1.HTTPGetAction{Host: g.host()}),
		TCPSocket: maybe(g, corev1.TCPSocketAction{Host: g.host()}),
		Sleep:     maybe(g, corev1.SleepAction{Seconds: 3}),
	})
}
