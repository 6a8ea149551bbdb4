// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// generated are ConfigMaps that a platform writes into every namespace, and renews by
// itself: the trust anchors of the API server, of OpenShift, of Istio and of Linkerd. What
// a workload says and does is none of them.
var generated = []string{
	"kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert", "linkerd-identity-trust-roots",
}

// Source is an object from which the pods of a template get files and environment.
type Source struct {
	Kind v1alpha1.ConfigurationKind
	Name string
}

// SourceUse is what a pod template uses of a source.
type SourceUse struct {
	Source
	// Keys that it uses, sorted; nil when it uses all of them.
	Keys []string
}

// takes says whether the use is about a key.
func (u SourceUse) takes(key string) bool { return u.Keys == nil || slices.Contains(u.Keys, key) }

// ConfigMapsUsed are the ConfigMaps from which the pods of a template get files and
// environment, optional ones included, sorted by name. Those that a platform generates are
// left out.
func ConfigMapsUsed(spec corev1.PodSpec) []SourceUse {
	uses := usage{}
	for _, v := range spec.Volumes {
		uses.volume(v)
	}
	for _, c := range containersOf(spec) {
		uses.environment(c)
	}
	return slices.DeleteFunc(uses.sorted(), func(use SourceUse) bool { return use.Kind != v1alpha1.ConfigurationFromConfigMap })
}

// usage is the keys that are used of each source; nil is all of them.
type usage map[Source]map[string]bool

func (u usage) all(of Source) { u[of] = nil }

// key of a source, unless no source can have it: the API server takes any text in a volume.
func (u usage) key(of Source, key string) {
	keys, known := u[of]
	if !known {
		keys = map[string]bool{}
		u[of] = keys
	}
	if keys != nil && isKey(key) {
		keys[key] = true
	}
}

func (u usage) items(of Source, items []corev1.KeyToPath) {
	if len(items) == 0 {
		u.all(of)
	}
	for _, item := range items {
		u.key(of, item.Key)
	}
}

// environment of a container.
func (u usage) environment(c corev1.Container) {
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef != nil {
			u.all(configMap(from.ConfigMapRef.Name))
		}
		if from.SecretRef != nil {
			u.all(secret(from.SecretRef.Name))
		}
	}
	for _, e := range c.Env {
		switch from := e.ValueFrom; {
		case from == nil:
		case from.ConfigMapKeyRef != nil:
			u.key(configMap(from.ConfigMapKeyRef.Name), from.ConfigMapKeyRef.Key)
		case from.SecretKeyRef != nil:
			u.key(secret(from.SecretKeyRef.Name), from.SecretKeyRef.Key)
		}
	}
}

// volume of a pod.
func (u usage) volume(v corev1.Volume) {
	if v.ConfigMap != nil {
		u.items(configMap(v.ConfigMap.Name), v.ConfigMap.Items)
	}
	if v.Secret != nil {
		u.items(secret(v.Secret.SecretName), v.Secret.Items)
	}
	if v.Projected == nil {
		return
	}
	for _, from := range v.Projected.Sources {
		if from.ConfigMap != nil {
			u.items(configMap(from.ConfigMap.Name), from.ConfigMap.Items)
		}
		if from.Secret != nil {
			u.items(secret(from.Secret.Name), from.Secret.Items)
		}
	}
}

// sorted by kind and name, without the ConfigMaps that a platform generates, and without
// names that no object can have: the API server takes any text in a volume.
func (u usage) sorted() []SourceUse {
	var all []SourceUse
	for source, keys := range u {
		if source.Kind == v1alpha1.ConfigurationFromConfigMap && slices.Contains(generated, source.Name) || !isName(source.Name) {
			continue
		}
		use := SourceUse{Source: source}
		if keys != nil {
			use.Keys = slices.AppendSeq(make([]string, 0, len(keys)), maps.Keys(keys))
			slices.Sort(use.Keys)
		}
		all = append(all, use)
	}
	slices.SortFunc(all, func(a, b SourceUse) int { return a.Compare(b.Source) })
	return all
}

// Compare orders sources by kind and name.
func (s Source) Compare(other Source) int {
	return cmp.Or(cmp.Compare(s.Kind, other.Kind), cmp.Compare(s.Name, other.Name))
}

func configMap(name string) Source { return Source{v1alpha1.ConfigurationFromConfigMap, name} }

func secret(name string) Source { return Source{v1alpha1.ConfigurationFromSecret, name} }

// isName says whether a ConfigMap or Secret can have the name.
func isName(name string) bool { return len(validation.IsDNS1123Subdomain(name)) == 0 }

// isKey says whether a ConfigMap or Secret can have the key.
func isKey(key string) bool { return len(validation.IsConfigMapKey(key)) == 0 }

// Content is a source by its keys: the value of each, or what stands for it. A nil one does
// not exist.
type Content map[string]string

// ContentOf a ConfigMap. One that exists is never nil.
func ContentOf(c *corev1.ConfigMap) Content {
	content := Content{}
	maps.Copy(content, c.Data)
	for key, value := range c.BinaryData {
		content[key] = string(value)
	}
	return content
}

// Configuration is a digest of what a template uses of ConfigMaps, given their content by
// name; empty when it uses none. A ConfigMap that does not exist, and a key that it does not
// have, are contents of their own.
func Configuration(uses []SourceUse, content map[string]Content) string {
	if len(uses) == 0 {
		return ""
	}
	type used struct {
		Name    string
		Exists  bool
		Content map[string]string
	}
	all := make([]used, 0, len(uses))
	for _, use := range uses {
		found := content[use.Name]
		part := used{Name: use.Name, Exists: found != nil, Content: found}
		if use.Keys != nil {
			part.Content = map[string]string{}
			for _, key := range use.Keys {
				if value, has := found[key]; has {
					part.Content[key] = value
				}
			}
		}
		all = append(all, part)
	}
	return Digest(all)
}
