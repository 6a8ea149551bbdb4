// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// ofConfigMap is a use of keys; of all without any.
func ofConfigMap(name string, keys ...string) workload.SourceUse {
	return workload.SourceUse{Source: workload.Source{Kind: v1alpha1.ConfigurationFromConfigMap, Name: name}, Keys: keys}
}

func ofSecret(name string, keys ...string) workload.SourceUse {
	return workload.SourceUse{Source: workload.Source{Kind: v1alpha1.ConfigurationFromSecret, Name: name}, Keys: keys}
}

func named(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }

func TestConfigMapsUsed(t *testing.T) {
	items := []corev1.KeyToPath{{Key: "y"}, {Key: "x"}}
	environment := func(name, key string) corev1.EnvVar {
		return corev1.EnvVar{Name: "V", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: named(name), Key: key}}}
	}
	spec := corev1.PodSpec{
		Volumes: []corev1.Volume{
			{VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: named("volume")}}},
			{VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: named("files"), Items: items}}},
			{VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "secret"}}},
			{VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: named("projected")}},
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: named("kube-root-ca.crt")}},
				{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{}},
			}}}},
		},
		InitContainers: []corev1.Container{{EnvFrom: []corev1.EnvFromSource{
			{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: named("init"), Optional: new(true)}},
			{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: named("secret")}},
		}}},
		Containers: []corev1.Container{{Env: []corev1.EnvVar{
			environment("one", "b"), environment("one", "a"), environment("one", "a"), environment("volume", "a"), environment("files", "z"), {Name: "W", Value: "w"},
		}}},
	}
	NewWithT(t).Expect(workload.ConfigMapsUsed(spec)).To(Equal([]workload.SourceUse{
		ofConfigMap("files", "x", "y", "z"), ofConfigMap("init"), ofConfigMap("one", "a", "b"), ofConfigMap("projected"), ofConfigMap("volume"),
	}))
}

func TestWhatNoObjectCanBeCalledIsNotUsed(t *testing.T) {
	long := strings.Repeat("x", 300)
	from := func(name string, keys ...string) corev1.Volume {
		source := &corev1.SecretVolumeSource{SecretName: name}
		for _, key := range keys {
			source.Items = append(source.Items, corev1.KeyToPath{Key: key})
		}
		return corev1.Volume{Name: "v" + name, VolumeSource: corev1.VolumeSource{Secret: source}}
	}
	spec := corev1.PodSpec{
		Volumes:    []corev1.Volume{from(long), from("a", long, "k"), from("b", long), from("not/a/name")},
		Containers: []corev1.Container{{Name: "main"}},
	}
	for _, v := range spec.Volumes {
		spec.Containers[0].VolumeMounts = append(spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: v.Name, SubPath: "file"})
	}
	NewWithT(t).Expect(workload.TakenAtStart(spec)).To(Equal([]workload.StartUse{
		{Container: "main", SourceUse: ofSecret("a", "k")}, {Container: "main", SourceUse: ofSecret("b", []string{}...)},
	}))
}

func TestConfiguration(t *testing.T) {
	whole, keys := []workload.SourceUse{ofConfigMap("m")}, []workload.SourceUse{ofConfigMap("m", "a")}
	m := func(content workload.Content) map[string]workload.Content {
		return map[string]workload.Content{"m": content}
	}
	for _, test := range []struct {
		name    string
		uses    []workload.SourceUse
		a, b    map[string]workload.Content
		differs bool
	}{
		{"the same content is the same", whole, m(workload.Content{"a": "1", "b": "2"}), m(workload.Content{"b": "2", "a": "1"}), false},
		{"another value is another", whole, m(workload.Content{"a": "1"}), m(workload.Content{"a": "2"}), true},
		{"a key that comes is another", whole, m(workload.Content{"a": "1"}), m(workload.Content{"a": "1", "b": ""}), true},
		{"values that change places are others", whole, m(workload.Content{"a": "1", "b": "2"}), m(workload.Content{"a": "2", "b": "1"}), true},
		{"a ConfigMap that is missing is not an empty one", whole, nil, m(workload.Content{}), true},
		{"keys that nobody uses do not matter", keys, m(workload.Content{"a": "1", "b": "1"}), m(workload.Content{"a": "1", "c": "2"}), false},
		{"a key that is used does", keys, m(workload.Content{"a": "1"}), m(workload.Content{"a": "2"}), true},
		{"a used key that is missing is not an empty one", keys, m(workload.Content{}), m(workload.Content{"a": ""}), true},
		{"a missing ConfigMap is not one without the key", keys, nil, m(workload.Content{}), true},
		{"other ConfigMaps do not matter", whole, m(nil), map[string]workload.Content{"n": {}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := workload.Configuration(test.uses, test.a), workload.Configuration(test.uses, test.b)
			if test.differs {
				NewWithT(t).Expect(a).NotTo(Equal(b))
			} else {
				NewWithT(t).Expect(a).To(Equal(b))
			}
		})
	}
	NewWithT(t).Expect(workload.Configuration(nil, nil)).To(BeEmpty())
}

func TestContentOfAConfigMap(t *testing.T) {
	g := NewWithT(t)
	g.Expect(workload.ContentOf(&corev1.ConfigMap{})).NotTo(BeNil(), "it exists")
	g.Expect(workload.ContentOf(&corev1.ConfigMap{Data: map[string]string{"a": "1"}, BinaryData: map[string][]byte{"b": {2}}})).To(
		Equal(workload.Content{"a": "1", "b": "\x02"}))
}
