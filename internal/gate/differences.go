// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/workload"
)

// maxDifference is the longest value of a difference in a status, in characters.
const maxDifference = 128

// differences are the places in which a workload here differs from the one of the source
// that it stands for, the suspicious ones first. What was proven there says less about
// what runs here when it has other probes, rights, volumes or settings; size, placement
// and the version that waits before the gate are meant to differ. The number of replicas is
// not compared: an autoscaler changes it all day, and each change would be written. Both are objects as the
// API server keeps them, so that defaults differ nowhere. Values of environment variables
// are meant to differ, and are nobody's business here: only their names are compared.
func differences(source, here workload.Workload, registries registries) []v1alpha1.GateDifference {
	there, thisSide := leavesOf(source, registries.image), leavesOf(here, func(image string) string { return image })
	var all []v1alpha1.GateDifference
	for path := range union(there, thisSide) {
		a, b := there[path], thisSide[path]
		if a.value == b.value || missingWhole(path, there, thisSide) {
			continue
		}
		all = append(all, v1alpha1.GateDifference{
			Path: message.Cut(path, maxPath), Class: cmp.Or(a.class, b.class),
			Source: message.Cut(a.value, maxDifference), Here: message.Cut(b.value, maxDifference),
		})
	}
	slices.SortFunc(all, func(a, b v1alpha1.GateDifference) int {
		// "Suspicious" is after "Expected" in the alphabet, and first for people.
		return cmp.Or(cmp.Compare(b.Class, a.Class), cmp.Compare(a.Path, b.Path))
	})
	return all
}

// maxPath is the longest path of a difference, in characters.
const maxPath = 253

// image is the name by which an image of the source is known here.
func (r registries) image(image string) string { return cmp.Or(r.here(image), image) }

// leaf is a value that is compared.
type leaf struct {
	class v1alpha1.DifferenceClass
	value string
}

// leaves are the values of a workload that are compared, by their paths. What is empty is
// left out: it is as if nobody had set it.
type leaves map[string]leaf

func (l leaves) add(class v1alpha1.DifferenceClass, path string, value any) {
	if text, is := value.(string); is {
		if text != "" {
			l[path] = leaf{class, text}
		}
		return
	}
	data, err := json.Marshal(value)
	if err != nil || slices.Contains([]string{"null", "{}", "[]", "false"}, string(data)) {
		return // what cannot be marshalled holds no API type, see workload.Digest
	}
	l[path] = leaf{class, string(data)}
}

func leavesOf(w workload.Workload, image func(string) string) leaves {
	const expected, suspicious = v1alpha1.DifferenceExpected, v1alpha1.DifferenceSuspicious
	l, spec := leaves{}, w.Template.Spec
	l.add(suspicious, "strategy", w.Strategy)
	l.add(suspicious, "securityContext", spec.SecurityContext)
	l.add(suspicious, "serviceAccountName", spec.ServiceAccountName)
	l.add(suspicious, "terminationGracePeriodSeconds", spec.TerminationGracePeriodSeconds)
	l.add(suspicious, "restartPolicy", string(spec.RestartPolicy))
	l.add(suspicious, "hostNetwork", spec.HostNetwork)
	l.add(suspicious, "hostPID", spec.HostPID)
	l.add(suspicious, "hostIPC", spec.HostIPC)
	l.add(expected, "hostAliases", spec.HostAliases)
	l.add(expected, "dnsConfig", spec.DNSConfig)
	l.add(expected, "nodeSelector", spec.NodeSelector)
	l.add(expected, "affinity", spec.Affinity)
	l.add(expected, "tolerations", spec.Tolerations)
	l.add(expected, "topologySpreadConstraints", spec.TopologySpreadConstraints)
	l.add(expected, "priorityClassName", spec.PriorityClassName)
	for _, v := range spec.Volumes {
		path := "volumes[" + v.Name + "]"
		l.add(suspicious, path, kindOfVolume(v.VolumeSource))
		l.add(expected, path+".source", v.VolumeSource)
	}
	for _, c := range spec.InitContainers {
		l.container("initContainers["+c.Name+"]", c, image(c.Image))
	}
	for _, c := range spec.Containers {
		l.container("containers["+c.Name+"]", c, image(c.Image))
	}
	return l
}

func (l leaves) container(path string, c corev1.Container, image string) {
	const expected, suspicious = v1alpha1.DifferenceExpected, v1alpha1.DifferenceSuspicious
	l.add(suspicious, path, "present")
	name := repositoryOf.FindString(image)
	l.add(suspicious, path+".image", name)
	l.add(expected, path+".image.version", strings.TrimPrefix(image, name))
	l.add(suspicious, path+".command", c.Command)
	l.add(suspicious, path+".args", c.Args)
	l.add(suspicious, path+".workingDir", c.WorkingDir)
	l.add(suspicious, path+".ports", c.Ports)
	l.add(suspicious, path+".livenessProbe", c.LivenessProbe)
	l.add(suspicious, path+".readinessProbe", c.ReadinessProbe)
	l.add(suspicious, path+".startupProbe", c.StartupProbe)
	l.add(suspicious, path+".lifecycle", c.Lifecycle)
	l.add(suspicious, path+".securityContext", c.SecurityContext)
	l.add(expected, path+".resources", c.Resources)
	l.add(expected, path+".envFrom", c.EnvFrom)
	for _, e := range c.Env {
		l.add(suspicious, path+".env["+e.Name+"]", "set")
	}
	for _, m := range c.VolumeMounts {
		l.add(suspicious, path+".volumeMounts["+m.MountPath+"]", m)
	}
}

// kindOfVolume is the name of the field that a volume's source sets: "configMap".
func kindOfVolume(source corev1.VolumeSource) string {
	var set map[string]json.RawMessage
	if data, err := json.Marshal(source); err != nil || json.Unmarshal(data, &set) != nil {
		return ""
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), ", ")
}

// missingWhole says whether the path lies in something that only one side has: then that
// is the difference, and not each field of it.
func missingWhole(path string, a, b leaves) bool {
	end := strings.Index(path, "]")
	if end < 0 || end == len(path)-1 {
		return false
	}
	_, inA := a[path[:end+1]]
	_, inB := b[path[:end+1]]
	return inA != inB
}

func union(a, b leaves) map[string]bool {
	paths := map[string]bool{}
	for path := range a {
		paths[path] = true
	}
	for path := range b {
		paths[path] = true
	}
	return paths
}
