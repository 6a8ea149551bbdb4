// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/internal/workload"
)

func TestTakenAtStart(t *testing.T) {
	files := func(name, of string) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: named(of)}}}
	}
	key := func(of, key string) corev1.EnvVar {
		return corev1.EnvVar{Name: key, ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: named(of), Key: key}}}
	}
	all := func(of string) corev1.EnvFromSource {
		return corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: named(of)}}
	}
	secretKey := func(of, key string) corev1.EnvVar {
		return corev1.EnvVar{Name: key, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: named(of), Key: key}}}
	}
	certificate := corev1.Volume{Name: "certificate", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
		{Secret: &corev1.SecretProjection{LocalObjectReference: named("certificate"), Items: []corev1.KeyToPath{{Key: "tls.crt", Path: "tls.crt"}}}},
	}}}}
	token := corev1.Volume{Name: "token", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "followed"}}}
	spec := corev1.PodSpec{
		Volumes:        []corev1.Volume{files("followed", "followed"), files("fixed", "fixed"), files("unused", "unused"), certificate, token},
		InitContainers: []corev1.Container{{Name: "init", EnvFrom: []corev1.EnvFromSource{all("init")}}},
		Containers: []corev1.Container{
			{
				Name: "main", Env: []corev1.EnvVar{key("settings", "b"), key("settings", "a"), secretKey("account", "user"), secretKey("account", "password"), {Name: "PLAIN", Value: "x"}},
				EnvFrom: []corev1.EnvFromSource{all("kube-root-ca.crt")},
				VolumeMounts: []corev1.VolumeMount{
					{Name: "followed", MountPath: "/followed"}, {Name: "fixed", MountPath: "/fixed", SubPath: "file"},
					{Name: "certificate", MountPath: "/tls.crt", SubPath: "tls.crt"}, {Name: "token", MountPath: "/token"},
				},
			},
			{Name: "side", EnvFrom: []corev1.EnvFromSource{all("settings"), {SecretRef: &corev1.SecretEnvSource{LocalObjectReference: named("account")}}}, VolumeMounts: []corev1.VolumeMount{{Name: "fixed", MountPath: "/f", SubPathExpr: "$(POD)"}}},
		},
	}
	NewWithT(t).Expect(workload.TakenAtStart(spec)).To(Equal([]workload.StartUse{
		{Container: "main", SourceUse: ofConfigMap("fixed")},
		{Container: "main", SourceUse: ofConfigMap("settings", "a", "b")},
		{Container: "main", SourceUse: ofSecret("account", "password", "user")},
		{Container: "main", SourceUse: ofSecret("certificate", "tls.crt")},
		{Container: "side", SourceUse: ofConfigMap("fixed")},
		{Container: "side", SourceUse: ofConfigMap("settings")},
		{Container: "side", SourceUse: ofSecret("account")},
	}))
}
