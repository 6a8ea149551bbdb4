// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// etcd takes objects of up to 1.5 MiB. JSON makes six characters of one that it escapes.
func TestTheStatusFitsWhateverImagesAreCalled(t *testing.T) {
	g := NewWithT(t)
	var containers []v1alpha1.RevisionContainer
	for i := range 64 {
		containers = append(containers, v1alpha1.RevisionContainer{Name: strconv.Itoa(i), Image: strconv.Itoa(i) + strings.Repeat("\x01", 1000)})
	}
	var decision Decision
	for i := range 200 {
		decision.Workloads = append(decision.Workloads, v1alpha1.GateWorkload{Name: strconv.Itoa(i), Images: imagesOf(containers)})
	}
	var status v1alpha1.PromotionGateStatus
	decision.Record(&status, 1, now)
	g.Expect(status.Total).To(BeEquivalentTo(200))
	g.Expect(status.Workloads).To(HaveLen(100))
	g.Expect(status.Workloads[0].Images).To(HaveLen(16))
	g.Expect(status.Workloads[99].Images).To(BeEmpty(), "there is no room for those of the last")
	g.Expect(decision.Workloads[99].Images).To(HaveLen(16), "whoever is refused still reads them")
	encoded, err := json.Marshal(status)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(encoded)).To(BeNumerically("<", 512<<10))
}
