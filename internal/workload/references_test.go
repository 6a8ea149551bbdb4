// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/internal/workload"
)

func TestAPodNeedsWhatItRefersToUnlessItIsOptional(t *testing.T) {
	configMap := func(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }
	optional := ptr.To(true)
	spec := corev1.PodSpec{
		ServiceAccountName: "runner",
		Volumes: []corev1.Volume{
			{Name: "whole", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: configMap("files")}}},
			{Name: "some", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: configMap("files"), Items: []corev1.KeyToPath{{Key: "b"}, {Key: "a"}},
			}}},
			{Name: "maybe", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: configMap("none"), Optional: optional}}},
			{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}},
			{Name: "secret", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "secret"}}},
			{Name: "mixed", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: configMap("roots")}},
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: configMap("none"), Optional: optional}},
			}}}},
		},
		InitContainers: []corev1.Container{{Name: "init", EnvFrom: []corev1.EnvFromSource{
			{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: configMap("defaults")}},
			{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: configMap("none"), Optional: optional}},
			{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: configMap("secret")}},
		}}},
		Containers: []corev1.Container{{Name: "app", Env: []corev1.EnvVar{
			{Name: "PLAIN", Value: "x"},
			{Name: "LEVEL", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: configMap("settings"), Key: "level"}}},
			{Name: "MAYBE", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: configMap("none"), Key: "x", Optional: optional}}},
			{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: configMap("secret"), Key: "x"}}},
		}}},
	}
	NewWithT(t).Expect(workload.ReferencesOf(spec)).To(Equal([]workload.Reference{
		{Kind: "ConfigMap", Name: "defaults", From: "container init, envFrom"},
		{Kind: "ConfigMap", Name: "files", From: "volume whole"},
		{Kind: "ConfigMap", Name: "files", Key: "a", From: "volume some"},
		{Kind: "ConfigMap", Name: "files", Key: "b", From: "volume some"},
		{Kind: "ConfigMap", Name: "roots", From: "volume mixed"},
		{Kind: "ConfigMap", Name: "settings", Key: "level", From: "container app, env LEVEL"},
		{Kind: "PersistentVolumeClaim", Name: "data", From: "volume data"},
		{Kind: "ServiceAccount", Name: "runner", From: "the pod"},
	}))
}
