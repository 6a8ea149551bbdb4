// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/internal/workload"
)

func TestMisread(t *testing.T) {
	for name, c := range map[string]struct {
		annotations map[string]string
		want        []string
	}{
		"nothing is asked":                     {nil, nil},
		"what can be asked":                    {map[string]string{"rampart.dev/isolation": "Now", "rampart.dev/on-failure": "Rollback", "rampart.dev/drills": "Off"}, nil},
		"what can be asked for otherwise":      {map[string]string{"rampart.dev/isolation": "Off", "rampart.dev/on-failure": "Report"}, nil},
		"annotations that are left empty":      {map[string]string{"rampart.dev/isolation": "", "rampart.dev/drills": ""}, nil},
		"annotations of others":                {map[string]string{"example.com/isolation": "off"}, nil},
		"isolation in small letters":           {map[string]string{"rampart.dev/isolation": "off"}, []string{`rampart.dev/isolation: "off" is neither Off nor Now and is ignored`}},
		"isolation by another word":            {map[string]string{"rampart.dev/isolation": "Never"}, []string{`rampart.dev/isolation: "Never" is neither Off nor Now and is ignored`}},
		"a rollback that nobody can read":      {map[string]string{"rampart.dev/on-failure": "rollback"}, []string{`rampart.dev/on-failure: "rollback" is neither Report nor Rollback and is read as Report: correct it`}},
		"drills, and isolation, in the others": {map[string]string{"rampart.dev/drills": "false", "rampart.dev/isolation": "false"}, []string{`rampart.dev/isolation: "false" is neither Off nor Now and is ignored`, `rampart.dev/drills: "false" is not Off and is ignored`}},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(workload.Misread(c.annotations)).To(Equal(c.want))
		})
	}
}
