// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// sayWhetherTagsMoved sets the condition that pods of one revision run different code, or
// that the template runs other code than it did. It goes with the next template.
func (l *look) sayWhetherTagsMoved() {
	status := &l.report.Status
	reason, text := movedTags(status)
	if reason == "" {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionTagMoved)
		return
	}
	setCondition(&status.Conditions, l.report.Generation, v1alpha1.ConditionTagMoved, metav1.ConditionTrue, reason, text)
}

func movedTags(status *v1alpha1.ReadinessReportStatus) (reason, text string) {
	if c := workload.Mixed(status.Revision.Containers); c != nil {
		return v1alpha1.ReasonImagesDiffer, fmt.Sprintf(
			"pods run %s and %s under the tag of %s; no success counts until all run the same: restart the rollout, and give each image a tag of its own",
			shortDigest(c.Digest), shortDigest(c.OtherDigest), c.Image)
	}
	if status.Revision.Mechanism.Images != "" {
		return v1alpha1.ReasonImagesChanged,
			"a tag of this template resolves to another image than it did: that is a revision of its own; give each image a tag of its own, or pin its digest"
	}
	return "", ""
}

// shortDigest is enough of a digest to tell two apart.
func shortDigest(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }
