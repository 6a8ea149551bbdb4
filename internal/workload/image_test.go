// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

var (
	digestA = "sha256:" + strings.Repeat("a", 64)
	digestB = "sha256:" + strings.Repeat("b", 64)
)

func pulled(digest string) string { return "registry.example/shop@" + digest }

// runs is a pod on a platform whose container reports an image ID.
func runs(platform, imageID string) workload.Pod {
	return workload.Pod{Platform: platform, Containers: []workload.Container{{Name: "shop", ImageID: imageID}}}
}

func TestImagesResolveToWhatThePodsRun(t *testing.T) {
	known := func(digest, platform string) *v1alpha1.RevisionContainer {
		return &v1alpha1.RevisionContainer{Name: "shop", Image: "registry.example/shop:1", Digest: digest, Platform: platform}
	}
	leaving := runs("amd64", pulled(digestA))
	leaving.Deleting = time.Unix(1, 0)
	for _, test := range []struct {
		name                    string
		known                   *v1alpha1.RevisionContainer
		pods                    []workload.Pod
		digest, platform, other string
	}{
		{"no pod, no digest", nil, nil, "", "", ""},
		{"a pod that has not started says nothing", nil, []workload.Pod{runs("amd64", "")}, "", "", ""},
		{"the digest of a repository", nil, []workload.Pod{runs("amd64", pulled(digestA))}, digestA, "amd64", ""},
		{"the digest as Docker reports it", nil, []workload.Pod{runs("amd64", "docker-pullable://"+pulled(digestA))}, digestA, "amd64", ""},
		{"platforms that agree say it", nil, []workload.Pod{runs("arm64", pulled(digestA)), runs("amd64", pulled(digestA))}, digestA, "amd64", ""},
		{"platforms that disagree say nothing", nil, []workload.Pod{runs("arm64", pulled(digestA)), runs("amd64", pulled(digestB))}, "", "", ""},
		{"pods of one platform that disagree run different code", nil, []workload.Pod{runs("amd64", pulled(digestA)), runs("amd64", pulled(digestB))}, digestA, "amd64", digestB},
		{"what is known stays when no pod runs", known(digestA, "amd64"), nil, digestA, "amd64", ""},
		{"it stays when all pods are on another platform", known(digestA, "amd64"), []workload.Pod{runs("arm64", pulled(digestB))}, digestA, "amd64", ""},
		{"it stays when the image was loaded by hand", known(digestA, "amd64"), []workload.Pod{runs("amd64", digestB)}, digestA, "amd64", ""},
		{"it changes when all pods of its platform agree", known(digestA, "amd64"), []workload.Pod{runs("amd64", pulled(digestB)), runs("amd64", pulled(digestB)), runs("arm64", pulled(digestA))}, digestB, "amd64", ""},
		{"it stays while they do not", known(digestA, "amd64"), []workload.Pod{runs("amd64", pulled(digestB)), runs("amd64", pulled(digestA))}, digestA, "amd64", digestB},
		{"whatever their order", known(digestA, "amd64"), []workload.Pod{runs("amd64", pulled(digestA)), runs("amd64", pulled(digestB))}, digestA, "amd64", digestB},
		{"pods that are being deleted have no say", known(digestA, "amd64"), []workload.Pod{leaving, runs("amd64", pulled(digestB))}, digestB, "amd64", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			var before []v1alpha1.RevisionContainer
			if test.known != nil {
				before = append(before, *test.known)
			}
			now := view(t, deployment()).Containers(test.pods, before)
			g.Expect(now).To(Equal([]v1alpha1.RevisionContainer{{
				Name: "shop", Image: "registry.example/shop:1", Digest: test.digest, Platform: test.platform, OtherDigest: test.other,
				PreviousDigest: now[0].PreviousDigest, Command: []string{"/shop"},
			}}))
			if test.known != nil && test.digest == digestB {
				g.Expect(now[0].PreviousDigest).To(Equal(digestA), "it says what the tag was")
				g.Expect(view(t, deployment()).Containers(test.pods, now)).To(Equal(now), "and goes on to say so")
				g.Expect(view(t, deployment()).Containers(nil, now)).To(Equal(now), "without a pod, too")
			} else {
				g.Expect(now[0].PreviousDigest).To(BeEmpty())
			}
			g.Expect(workload.Moved(before, now)).To(Equal(test.known != nil && test.digest == digestB))
			g.Expect(workload.Mixed(now) != nil).To(Equal(test.other != ""))
		})
	}
}

func TestADigestOfAnotherImageIsNotKnown(t *testing.T) {
	before := []v1alpha1.RevisionContainer{
		{Name: "shop", Image: "registry.example/shop:0", Digest: digestA}, {Name: "shop", Image: "registry.example/shop:1", Digest: digestA, Init: true},
	}
	now := view(t, deployment()).Containers([]workload.Pod{runs("amd64", pulled(digestB))}, before)
	NewWithT(t).Expect(workload.Moved(before, now)).To(BeFalse())
}

func TestNoMixtureOfPodsMakesADigestChangeToAndFro(t *testing.T) {
	g := NewWithT(t)
	w := view(t, deployment())
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 4))
		// Nodes that have the old image run that, the others pull the new one: as long as there
		// are pods of both, and whatever comes and goes, the digest stays.
		var containers []v1alpha1.RevisionContainer
		containers = w.Containers([]workload.Pod{runs("amd64", pulled(digestA))}, containers)
		for range 20 {
			pods := []workload.Pod{runs("amd64", pulled(digestA)), runs("amd64", pulled(digestB))}
			for range random.IntN(4) {
				platform := []string{"amd64", "arm64"}[random.IntN(2)]
				pods = append(pods, runs(platform, pulled([]string{digestA, digestB}[random.IntN(2)])))
			}
			random.Shuffle(len(pods), func(i, j int) { pods[i], pods[j] = pods[j], pods[i] })
			next := w.Containers(pods, containers)
			g.Expect(workload.Moved(containers, next)).To(BeFalse())
			g.Expect(workload.Mixed(next)).NotTo(BeNil())
			containers = next
		}
	}
}

func TestPlatform(t *testing.T) {
	g := NewWithT(t)
	node := &corev1.Node{}
	g.Expect(workload.Platform(node)).To(BeEmpty())
	node.Labels = map[string]string{corev1.LabelArchStable: "arm64"}
	g.Expect(workload.Platform(node)).To(Equal("arm64"))
	node.Status.NodeInfo = corev1.NodeSystemInfo{Architecture: "amd64", ContainerRuntimeVersion: "containerd://2.1.3"}
	g.Expect(workload.Platform(node)).To(Equal("amd64 containerd"), "another version of it resolves the same")
}

func TestALongCommandIsOnlyIdentified(t *testing.T) {
	words := func(n, length int) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = strings.Repeat("x", length)
		}
		return all
	}
	of := func(command []string) v1alpha1.RevisionContainer {
		d := deployment()
		d.Spec.Template.Spec.Containers[0].Command = command
		return view(t, d).Containers(nil, nil)[0]
	}
	for _, test := range []struct {
		name    string
		command []string
		long    bool
	}{
		{"no command", nil, false},
		{"as many words as there may be", words(64, 16), false},
		{"one word more", words(65, 1), true},
		{"as long as it may be", words(1, 1024), false},
		{"longer by one character", words(1, 1025), true},
		{"long in all", words(2, 600), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			c := of(test.command)
			if test.long {
				g.Expect(c.CommandDigest).NotTo(BeEmpty())
				g.Expect(c.Command).To(BeNil())
				g.Expect(of(append(test.command, "y")).CommandDigest).NotTo(Equal(c.CommandDigest))
			} else {
				g.Expect(c.CommandDigest).To(BeEmpty())
				g.Expect(c.Command).To(Equal(test.command))
			}
		})
	}
}

// No registry has an image of such a name, but the API server takes it.
func TestALongImageIsCutAndStaysApartFromOthers(t *testing.T) {
	g := NewWithT(t)
	of := func(image string) string {
		d := deployment()
		d.Spec.Template.Spec.Containers[0].Image = image
		return view(t, d).Containers(nil, nil)[0].Image
	}
	longest := strings.Repeat("x", 512)
	g.Expect(of(longest)).To(Equal(longest))
	g.Expect(of(longest + "y")).To(HaveLen(512))
	g.Expect(of(longest + "y")).To(Equal(of(longest + "y")))
	g.Expect(of(longest + "y")).NotTo(Equal(of(longest + "z")))
	g.Expect(utf8.ValidString(of(strings.Repeat("é", 1000)))).To(BeTrue())
	g.Expect(of("shop\xff")).To(Equal("shop\ufffd"), "as it is stored")
}

// A report holds many revisions, and has to stay small.
func TestManyLongContainersAreOnlyIdentified(t *testing.T) {
	g := NewWithT(t)
	d := deployment()
	spec := &d.Spec.Template.Spec
	spec.Containers = nil
	for i := range 64 {
		spec.Containers = append(spec.Containers, corev1.Container{
			Image: strings.Repeat("x", 512) + strconv.Itoa(i), Command: []string{strings.Repeat("y", 1000)},
		})
	}
	size, images := 0, map[string]bool{}
	for _, c := range view(t, d).Containers(nil, nil) {
		size += len(c.Image) + len(strings.Join(c.Command, " "))
		images[c.Image] = true
		g.Expect(c.Command == nil).To(Equal(c.CommandDigest != ""))
	}
	g.Expect(size).To(And(BeNumerically(">", 64*512+15<<10), BeNumerically("<=", 64*512+16<<10)))
	g.Expect(images).To(HaveLen(64), "they stay apart")
}

func TestOfManyContainersTheFirstAreListed(t *testing.T) {
	g := NewWithT(t)
	of := func(inits, containers int) []v1alpha1.RevisionContainer {
		d := deployment()
		spec := &d.Spec.Template.Spec
		spec.InitContainers, spec.Containers = make([]corev1.Container, inits), make([]corev1.Container, containers)
		return view(t, d).Containers(nil, nil)
	}
	g.Expect(of(3, 60)).To(HaveLen(63))
	g.Expect(workload.TooMany(of(3, 60))).To(BeFalse())
	for _, all := range [][]v1alpha1.RevisionContainer{of(3, 61), of(3, 100), of(70, 1)} {
		g.Expect(all).To(HaveLen(64))
		g.Expect(workload.TooMany(all)).To(BeTrue(), "there may be more that nobody knows")
	}
}
