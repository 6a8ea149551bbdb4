// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// generated are ConfigMaps that a platform writes into every namespace, and renews by
// itself: the trust anchors of the API server, of OpenShift, of Istio and of Linkerd. What
// a workload says and does is none of them.
var generated = []string{
	"kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert", "linkerd-identity-trust-roots",
}

// ConfigMapUse is what a pod template uses of a ConfigMap.
type ConfigMapUse struct {
	Name string
	// Keys that it uses, sorted; nil when it uses all of them.
	Keys []string
}

// ConfigMapsUsed are the ConfigMaps from which the pods of a template get files and
// environment, optional ones included, sorted by name. Those that a platform generates are
// left out.
func ConfigMapsUsed(spec corev1.PodSpec) []ConfigMapUse {
	uses := usage{}
	for _, v := range spec.Volumes {
		uses.volume(v)
	}
	for _, c := range containersOf(spec) {
		uses.environment(c)
	}
	var used []ConfigMapUse
	for _, name := range slices.Sorted(maps.Keys(uses)) {
		if !slices.Contains(generated, name) {
			used = append(used, uses.of(name))
		}
	}
	return used
}

// usage is the keys that are used of each ConfigMap; nil is all of them.
type usage map[string]map[string]bool

func (u usage) all(name string) { u[name] = nil }

func (u usage) key(name, key string) {
	keys, known := u[name]
	switch {
	case !known:
		u[name] = map[string]bool{key: true}
	case keys != nil:
		keys[key] = true
	}
}

func (u usage) items(name string, items []corev1.KeyToPath) {
	if len(items) == 0 {
		u.all(name)
	}
	for _, item := range items {
		u.key(name, item.Key)
	}
}

// Content is a ConfigMap by its keys: the value of each, or a digest of it. A nil one does
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
func Configuration(uses []ConfigMapUse, content map[string]Content) string {
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
