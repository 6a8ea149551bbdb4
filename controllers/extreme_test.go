// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// extremes makes up workloads at the ends of what the API server takes: long, many, and of
// awkward characters. The same seed makes up the same ones.
type extremes struct{ *rand.Rand }

func newExtremes(seed uint64) extremes {
	return extremes{rand.New(rand.NewPCG(seed, seed))}
}

// awkward characters: of JSON, of JSON Pointers, of CEL, of a terminal, of several bytes.
var awkward = []rune("aZ0-._/~\"'\\{}[]():=,;|%$`<>&* \n\r\t\x00\x01\x1b\x7fé€\u202e\u2028\ufeff\U0001f600")

// text of up to so many awkward characters, and often of just as many.
func (x extremes) text(most int) string {
	if x.IntN(3) != 0 {
		most = x.IntN(most + 1)
	}
	var b strings.Builder
	for range most {
		b.WriteRune(awkward[x.IntN(len(awkward))])
	}
	return b.String()
}

// name of up to so many letters and digits, which is a DNS label if it has at most 63.
func (x extremes) name(most int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	if x.IntN(3) != 0 {
		most = 1 + x.IntN(most)
	}
	name := make([]byte, most)
	for i := range name {
		name[i] = letters[x.IntN(len(letters)-10*btoi(i == 0))]
	}
	return string(name)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// qualified is the key of a label or an annotation.
func (x extremes) qualified() string {
	return x.name(63) + "." + x.name(63) + "." + x.name(63) + "." + x.name(60) + "/" + x.name(63)
}

// some are up to so many of what one makes; often none.
func some[T any](x extremes, most int, one func(i int) T) []T {
	if x.IntN(2) == 0 {
		return nil
	}
	var all []T
	for i := range 1 + x.IntN(most) {
		all = append(all, one(i))
	}
	return all
}

// pairs are up to so many values by qualified names.
func (x extremes) pairs(most int, value func() string) map[string]string {
	all := map[string]string{}
	for range x.IntN(most + 1) {
		all[x.qualified()] = value()
	}
	return all
}

// edit makes an extreme of a Deployment, and leaves alone what its pods are found by.
func (x extremes) edit(d *appsv1.Deployment) {
	for name, value := range x.pairs(40, func() string { return x.name(63) }) {
		d.Spec.Template.Labels = with(d.Spec.Template.Labels, name, value)
	}
	d.Spec.Template.Annotations = x.pairs(20, func() string { return x.text(1000) })

	spec := corev1.PodSpec{
		Containers:     append([]corev1.Container{x.container("main")}, some(x, 80, func(i int) corev1.Container { return x.container(fmt.Sprintf("side-%d", i)) })...),
		InitContainers: some(x, 20, func(i int) corev1.Container { return x.initContainer(fmt.Sprintf("init-%d", i)) }),
		Volumes: some(x, 40, func(i int) corev1.Volume {
			return corev1.Volume{Name: fmt.Sprintf("volume-%d", i), VolumeSource: x.volume()}
		}),
		ServiceAccountName:            x.name(200),
		AutomountServiceAccountToken:  ptr.To(x.IntN(2) == 0),
		NodeSelector:                  x.pairs(10, func() string { return x.name(63) }),
		Hostname:                      x.name(63),
		Subdomain:                     x.name(63),
		SchedulerName:                 x.name(200),
		TerminationGracePeriodSeconds: ptr.To(x.Int64N(1 << 40)),
		Tolerations: some(x, 40, func(int) corev1.Toleration {
			return corev1.Toleration{Key: x.qualified(), Operator: corev1.TolerationOpEqual, Value: x.name(63), Effect: corev1.TaintEffectNoSchedule}
		}),
		HostAliases: some(x, 20, func(int) corev1.HostAlias {
			return corev1.HostAlias{IP: fmt.Sprintf("10.0.0.%d", x.IntN(256)), Hostnames: []string{x.name(63) + "." + x.name(63)}}
		}),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsUser: ptr.To(x.Int64N(1 << 31)),
			SELinuxOptions: &corev1.SELinuxOptions{
				User: x.text(500), Role: x.text(500), Type: x.text(500), Level: x.text(500),
			},
			Sysctls: []corev1.Sysctl{{Name: "net." + x.name(200), Value: x.text(2000)}},
		},
	}
	d.Spec.Template.Spec = spec
}

// container is often of little but an image, since the API server stores no more than 1.5 MiB.
func (x extremes) container(name string) corev1.Container {
	if x.IntN(8) != 0 {
		return corev1.Container{Name: name, Image: x.image()}
	}
	c := corev1.Container{
		Name: name, Image: x.image(), WorkingDir: x.text(500),
		Command: some(x, 80, func(int) string { return x.text(300) }),
		Args:    some(x, 10, func(int) string { return x.text(200) }),
		Env:     some(x, 20, x.variable),
		EnvFrom: some(x, 5, func(int) corev1.EnvFromSource {
			return corev1.EnvFromSource{Prefix: x.printable(100), ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: x.name(253)}}}
		}),
		SecurityContext: &corev1.SecurityContext{
			Privileged:   ptr.To(x.IntN(2) == 0),
			Capabilities: &corev1.Capabilities{Add: some(x, 10, func(int) corev1.Capability { return corev1.Capability(x.text(300)) })},
		},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: *resource.NewMilliQuantity(x.Int64N(1<<40), resource.DecimalSI)},
		},
	}
	if x.IntN(2) == 0 {
		c.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: "/" + x.text(1000), Host: x.text(300), Port: intstr.FromInt32(8080),
		}}}
	}
	return c
}

func (x extremes) initContainer(name string) corev1.Container {
	c := x.container(name)
	c.ReadinessProbe = nil
	return c
}

// image of a container: the API server refuses only space around it.
func (x extremes) image() string {
	return "r" + x.text(2000) + []string{"", ":latest", "@sha256:" + strings.Repeat("a", 64), "@" + strings.Repeat("b", 1500)}[x.IntN(4)] + "x"
}

// printable characters but "=", of which the name of a variable may be.
func (x extremes) printable(most int) string {
	var b strings.Builder
	for range x.IntN(most + 1) {
		if c := byte(' ' + 1 + x.IntN('~'-' ')); c != '=' {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (x extremes) variable(i int) corev1.EnvVar {
	v := corev1.EnvVar{Name: fmt.Sprintf("%d%s", i, x.printable(400)), Value: x.text(800)}
	if x.IntN(3) == 0 {
		v.Value = ""
		v.ValueFrom = &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: x.name(253)}, Key: x.name(253), Optional: ptr.To(x.IntN(2) == 0),
		}}
	}
	return v
}

func (x extremes) volume() corev1.VolumeSource {
	items := some(x, 20, func(i int) corev1.KeyToPath {
		return corev1.KeyToPath{Key: x.name(300), Path: fmt.Sprintf("%d-%s", i, strings.ReplaceAll(x.text(300), "..", ""))}
	})
	switch x.IntN(4) {
	case 0:
		return corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: x.name(300)}, Items: items}}
	case 1:
		return corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: x.name(300), Items: items}}
	case 2:
		return corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/" + strings.ReplaceAll(x.text(1000), "..", "")}}
	default:
		return corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: x.name(63), VolumeAttributes: x.pairs(5, func() string { return x.text(300) })}}
	}
}

// withoutConfiguration takes away what would have to exist for a rollback.
func withoutConfiguration(d *appsv1.Deployment) {
	spec := &d.Spec.Template.Spec
	spec.Volumes = slices.DeleteFunc(spec.Volumes, func(v corev1.Volume) bool { return v.ConfigMap != nil || v.Secret != nil })
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			containers[i].EnvFrom = nil
			containers[i].Env = slices.DeleteFunc(containers[i].Env, func(e corev1.EnvVar) bool { return e.ValueFrom != nil })
		}
	}
}
