// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/rampart-dev/rampart/internal/workload"
)

func TestARestartIsTakenBackByTheNext(t *testing.T) {
	const path = `"path":"/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt"`
	test := func(operation string) string {
		return `[{"op":"test","path":"/metadata/generation","value":7},` + operation + `]`
	}
	for name, c := range map[string]struct {
		annotations map[string]string
		want        string
	}{
		"a template without annotations gets its first": {
			nil, `{"op":"add","path":"/spec/template/metadata/annotations","value":{"kubectl.kubernetes.io/restartedAt":"(rampart drill)"}}`,
		},
		"other annotations stay": {
			map[string]string{"team": "shop"}, `{"op":"add",` + path + `,"value":"(rampart drill)"}`,
		},
		"what a drill wrote is taken back": {
			map[string]string{workload.AnnotationRestartedAt: "(rampart drill)"}, `{"op":"remove",` + path + `}`,
		},
		"what a person wrote is marked": {
			map[string]string{workload.AnnotationRestartedAt: "2026-01-01T00:00:00Z"}, `{"op":"add",` + path + `,"value":"2026-01-01T00:00:00Z (rampart drill)"}`,
		},
		"and put back": {
			map[string]string{workload.AnnotationRestartedAt: "2026-01-01T00:00:00Z (rampart drill)"}, `{"op":"add",` + path + `,"value":"2026-01-01T00:00:00Z"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			d := &appsv1.Deployment{}
			d.Generation, d.Spec.Template.Annotations = 7, c.annotations
			patch, err := Restart(d)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(patch).To(MatchJSON(test(c.want)))
		})
	}
}
