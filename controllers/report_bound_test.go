// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestAReportThatIsTooLargeKeepsWhatARollbackReturnsTo(t *testing.T) {
	g := NewWithT(t)
	var status v1alpha1.ReadinessReportStatus
	for i := range 10 {
		status.Proven = append(status.Proven, v1alpha1.ProvenRevision{Hash: fmt.Sprint("good", i)})
		status.Quarantined = append(status.Quarantined, v1alpha1.QuarantinedRevision{
			Hash: fmt.Sprint("bad", i), Reason: strings.Repeat("r", maxText),
			Changes: []v1alpha1.TemplateChange{{Path: "a", Value: strings.Repeat("x", 2000)}, {Path: "b", Value: strings.Repeat("x", 2000)}},
		})
	}
	for i := range 16 {
		source := v1alpha1.ConfigurationSource{Name: fmt.Sprint("settings", i)}
		for range 3 {
			source.Versions = append(source.Versions, v1alpha1.ConfigurationVersion{Keys: []string{strings.Repeat("k", 250)}})
		}
		status.Configuration = append(status.Configuration, source)
	}
	bound(&status)

	data, err := json.Marshal(status)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(data)).To(BeNumerically("<=", maxReport))
	g.Expect(status.Configuration).To(And(HaveLen(16), HaveEach(HaveField("Versions", HaveLen(1)))), "it only tells")
	g.Expect(status.Proven).To(HaveLen(10))
	g.Expect(status.Quarantined).To(HaveLen(10), "no rollback returns to any of them")
	g.Expect(status.Quarantined[:3]).To(HaveEach(HaveField("Changes", HaveLen(2))), "the newest are refused")
	g.Expect(status.Quarantined[3:]).To(HaveEach(HaveField("Changes", BeEmpty())))
}
