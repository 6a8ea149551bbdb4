// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestAProvenDigestIsFilledInAndNeverReplaced(t *testing.T) {
	g := NewWithT(t)
	running := func(digest string) []v1alpha1.RevisionContainer {
		return []v1alpha1.RevisionContainer{{Name: "shop", Image: "registry.example/shop:1", Digest: digest}}
	}
	status := &v1alpha1.ReadinessReportStatus{Revision: v1alpha1.Revision{Hash: "a", Containers: running("")}}
	proven := func() string { return status.Proven[0].Containers[0].Digest }

	recordProven(status, 80, time.Unix(1000, 0))
	g.Expect(proven()).To(BeEmpty(), "no pod has said what the tag resolves to")

	status.Revision.Containers = running("sha256:proven")
	recordProven(status, 80, time.Unix(2000, 0))
	g.Expect(proven()).To(Equal("sha256:proven"))

	status.Revision.Containers = running("sha256:moved")
	recordProven(status, 80, time.Unix(3000, 0))
	g.Expect(proven()).To(Equal("sha256:proven"), "what the tag resolves to later was not proven")
	g.Expect(status.Proven).To(HaveLen(1))
}
