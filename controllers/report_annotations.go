// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/workload"
)

// sayWhatIsMisread says, in a condition and in the sentence of the report, which annotations
// of the workload wish something that nobody can read.
func (l *look) sayWhatIsMisread() {
	status := &l.report.Status
	misread := workload.Misread(l.workload.Annotations)
	if from := l.workload.Annotations[v1alpha1.AnnotationRenamedFrom]; from != "" {
		if _, named := earlierName(l.workload); !named {
			misread = append(misread, fmt.Sprintf("%s: %.80q names no other workload that can have evidence and is ignored: write its name, or KIND/NAME", v1alpha1.AnnotationRenamedFrom, from))
		}
	}
	if len(misread) == 0 {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionAnnotationWrong)
		return
	}
	text := message.Cut(strings.Join(misread, "; "), maxText)
	setCondition(&status.Conditions, l.report.Generation, v1alpha1.ConditionAnnotationWrong, metav1.ConditionTrue, v1alpha1.ReasonMisread, text)
	l.say(text)
}

// misreadSince says what is misread, when something else was before, or nothing.
func misreadSince(was, is *v1alpha1.ReadinessReportStatus) string {
	wrong := meta.FindStatusCondition(is.Conditions, v1alpha1.ConditionAnnotationWrong)
	before := meta.FindStatusCondition(was.Conditions, v1alpha1.ConditionAnnotationWrong)
	if wrong == nil || before != nil && before.Message == wrong.Message {
		return ""
	}
	return wrong.Message
}
