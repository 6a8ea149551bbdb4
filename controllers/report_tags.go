// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/workload"
)

// sayWhetherTagsMoved sets the condition that pods of one revision run different code, or
// that the template runs other code than it did. It goes with the next template.
func (l *look) sayWhetherTagsMoved() {
	status := &l.report.Status
	reason, text := l.movedTags()
	if reason == "" {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionTagMoved)
		return
	}
	setCondition(&status.Conditions, l.report.Generation, v1alpha1.ConditionTagMoved, metav1.ConditionTrue, reason, text)
}

func (l *look) movedTags() (reason, text string) {
	revision := &l.report.Status.Revision
	if c := workload.Mixed(revision.Containers); c != nil {
		return v1alpha1.ReasonImagesDiffer, drift.MixedImage(*c, l.podsThatTell())
	}
	if revision.Mechanism.Images != "" {
		return v1alpha1.ReasonImagesChanged, drift.MovedImages(revision.Containers, l.podsThatTell())
	}
	return "", ""
}

// tagsMovedSince says what has moved since the condition spoke of other images, or of none;
// empty when nothing has. The names of pods come and go.
func tagsMovedSince(was, is *v1alpha1.ReadinessReportStatus) string {
	moved := meta.FindStatusCondition(is.Conditions, v1alpha1.ConditionTagMoved)
	before := meta.FindStatusCondition(was.Conditions, v1alpha1.ConditionTagMoved)
	if moved == nil || before != nil && before.Reason == moved.Reason && sameDigests(was.Revision.Containers, is.Revision.Containers) {
		return ""
	}
	return moved.Message
}

func sameDigests(a, b []v1alpha1.RevisionContainer) bool {
	return workload.ImagesOf(a) == workload.ImagesOf(b)
}
