// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// Upstream says only whether a pod passes. Enforce also forgives what the old object had,
// so each offending item must be a finding of its own: one that is old excuses no other.
func TestAnOldFindingExcusesNoNewOne(t *testing.T) {
	container := func(change func(*corev1.Container)) func(*corev1.PodSpec) {
		return func(spec *corev1.PodSpec) { change(&spec.Containers[0]) }
	}
	adds := func(capabilities ...corev1.Capability) func(*corev1.PodSpec) {
		return container(func(c *corev1.Container) {
			guarded(c).Capabilities = &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: capabilities}
		})
	}
	takes := func(ports ...int32) func(*corev1.PodSpec) {
		return container(func(c *corev1.Container) {
			for _, port := range ports {
				c.Ports = append(c.Ports, corev1.ContainerPort{ContainerPort: 8080, HostPort: port})
			}
		})
	}
	calls := func(liveness, readiness string) func(*corev1.PodSpec) {
		return container(func(c *corev1.Container) {
			c.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Host: liveness}}}
			c.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Host: readiness}}}
		})
	}
	mounts := func(source corev1.VolumeSource) func(*corev1.PodSpec) {
		return func(spec *corev1.PodSpec) {
			spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: source}}
		}
	}
	path := func(path string) func(*corev1.PodSpec) {
		return mounts(corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path}})
	}
	labelled := func(options corev1.SELinuxOptions) func(*corev1.PodSpec) {
		return container(func(c *corev1.Container) { guarded(c).SELinuxOptions = &options })
	}

	all := controls(t)
	for name, c := range map[string]struct {
		guardrail     string
		before, after func(*corev1.PodSpec)
		fresh         []v1alpha1.Finding
	}{
		"one more capability": {"default-capabilities", adds("NET_RAW"), adds("NET_RAW", "SYS_ADMIN"),
			[]v1alpha1.Finding{{Key: "container/shop/capabilities.add/SYS_ADMIN", Text: "container shop adds the capability SYS_ADMIN"}}},
		"one capability less": {"default-capabilities", adds("NET_RAW", "SYS_ADMIN"), adds("NET_RAW"), nil},
		"one more capability where all are to be dropped": {"drop-capabilities", adds("CHOWN"), adds("CHOWN", "KILL"),
			[]v1alpha1.Finding{{Key: "container/shop/capabilities.add/KILL", Text: "container shop adds the capability KILL"}}},
		"one more port": {"no-host-ports", takes(80), takes(80, 443),
			[]v1alpha1.Finding{{Key: "container/shop/hostPort/443", Text: "container shop takes the port 443 of its node"}}},
		"one port less": {"no-host-ports", takes(80, 443), takes(443), nil},
		"another host": {"no-probe-hosts", calls("a.example.com", ""), calls("a.example.com", "169.254.169.254"),
			[]v1alpha1.Finding{{Key: "container/shop/host/169.254.169.254", Text: "container shop has a probe or hook that calls the host 169.254.169.254"}}},
		"the same host once more": {"no-probe-hosts", calls("a.example.com", ""), calls("a.example.com", "a.example.com"), nil},
		"another path": {"no-host-path", path("/var/log"), path("/"),
			[]v1alpha1.Finding{{Key: "volume/data/hostPath//", Text: "volume data is the path / of its node"}}},
		"another type of volume": {"volume-types", mounts(corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{}}), path("/"),
			[]v1alpha1.Finding{{Key: "volume/data/hostPath", Text: "volume data is of the type hostPath"}}},
		"another SELinux type": {"selinux-options", labelled(corev1.SELinuxOptions{Type: "svirt_lxc_net_t"}), labelled(corev1.SELinuxOptions{Type: "spc_t"}),
			[]v1alpha1.Finding{{Key: "container/shop/seLinuxOptions.type/spc_t", Text: "container shop sets the SELinux type spc_t"}}},
		"an SELinux user besides the type": {"selinux-options", labelled(corev1.SELinuxOptions{Type: "spc_t"}), labelled(corev1.SELinuxOptions{Type: "spc_t", User: "system_u"}),
			[]v1alpha1.Finding{{Key: "container/shop/seLinuxOptions.user/system_u", Text: "container shop sets the SELinux user system_u"}}},
		"another container": {"no-privileged", container(func(c *corev1.Container) { guarded(c).Privileged = ptr.To(true) }), func(spec *corev1.PodSpec) {
			guarded(&spec.Containers[0]).Privileged = ptr.To(true)
			spec.InitContainers = []corev1.Container{{Name: "migrate", SecurityContext: spec.Containers[0].SecurityContext}}
		}, []v1alpha1.Finding{{Key: "container/migrate/privileged", Text: "container migrate is privileged"}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			i := slices.IndexFunc(all, func(control control) bool { return control.program.Name() == c.guardrail })
			w.Expect(i).NotTo(Equal(-1))
			verdict, err := all[i].program.Evaluate(t.Context(), guardrail.Input{Object: shop(c.after), OldObject: shop(c.before)})
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(verdict.New).To(ConsistOf(c.fresh))
			w.Expect(verdict.Findings).NotTo(BeEmpty())
		})
	}
}

func shop(change func(*corev1.PodSpec)) *corev1.Pod {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "shop"}}}}
	pod.Name = "shop"
	change(&pod.Spec)
	return pod
}
