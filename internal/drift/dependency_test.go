// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/workload"
)

var (
	digestA = "sha256:" + strings.Repeat("a", 64)
	digestB = "sha256:" + strings.Repeat("b", 64)
)

// runs is a pod whose container shop runs the digest.
func runs(name, digest string) workload.Pod {
	return workload.Pod{Name: name, Containers: []workload.Container{{Name: "shop", ImageID: "registry.example/shop@" + digest}}}
}

func TestDependencyDriftNamesContainerTagDigestsAndPods(t *testing.T) {
	shop := v1alpha1.RevisionContainer{Name: "shop", Image: "registry.example/shop:1", Digest: digestA, OtherDigest: digestB}
	moved := v1alpha1.RevisionContainer{Name: "shop", Image: "registry.example/shop:1", Digest: digestB, PreviousDigest: digestA}
	leaving := runs("leaving", digestB)
	leaving.Deleting = time.Unix(1, 0)
	for _, c := range []struct{ name, text, says string }{
		{"a pod that runs another image than the others", drift.MixedImage(shop, []workload.Pod{runs("old", digestA), runs("new", digestB), leaving}),
			"container shop: its tag registry.example/shop:1 has moved from sha256:aaaaaaaaaaaa to sha256:bbbbbbbbbbbb, which pod new runs; no success counts"},
		{"many pods that do", drift.MixedImage(shop, []workload.Pod{runs("b1", digestB), runs("b2", digestB), runs("b3", digestB), runs("b4", digestB)}),
			"which pods b1, b2, b3 and 1 more run;"},
		{"a tag that has moved for all", drift.MovedImages([]v1alpha1.RevisionContainer{{Name: "proxy", Digest: digestB}, moved}, []workload.Pod{runs("a", digestB), runs("b", digestB)}),
			"container shop: its tag registry.example/shop:1 has moved from sha256:aaaaaaaaaaaa to sha256:bbbbbbbbbbbb, which pods a, b run; that is a revision of its own"},
		{"a tag that has moved, and no pod", drift.MovedImages([]v1alpha1.RevisionContainer{moved}, nil), "which no pod runs now; that is"},
	} {
		t.Run(c.name, func(t *testing.T) {
			NewWithT(t).Expect(c.text).To(ContainSubstring(c.says))
		})
	}
	var many []v1alpha1.RevisionContainer
	for i := range 60 {
		moved.Name = fmt.Sprint("container-", i)
		many = append(many, moved)
	}
	text := drift.MovedImages(many, nil)
	NewWithT(t).Expect(len(text)).To(BeNumerically("<=", 512))
	NewWithT(t).Expect(text).To(HaveSuffix("or pin its digest"), "what to do is not cut")
}
