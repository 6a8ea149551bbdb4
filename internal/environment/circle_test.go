// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package environment_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
)

func TestCircle(t *testing.T) {
	for _, test := range []struct {
		name string
		// follows are pairs "one>other"; "one>far/other" is in another cluster.
		follows []string
		want    string
	}{
		{"who follows nobody is in no circle", []string{"a>"}, ""},
		{"nor who follows one that follows nobody", []string{"a>b", "b>"}, ""},
		{"two that follow each other are", []string{"a>b", "b>a"}, "a b a"},
		{"three are", []string{"a>b", "b>c", "c>a"}, "a b c a"},
		{"who leads into a circle of others is not in it", []string{"a>b", "b>c", "c>b"}, ""},
		{"who follows what does not exist is not", []string{"a>b"}, ""},
		{"another cluster ends the way", []string{"a>b", "b>far/a"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var policies []v1alpha1.EnvironmentPolicy
			for _, pair := range test.follows {
				one, other, _ := strings.Cut(pair, ">")
				policy := v1alpha1.EnvironmentPolicy{ObjectMeta: metav1.ObjectMeta{Name: one}, Spec: v1alpha1.EnvironmentPolicySpec{
					Stage: v1alpha1.Staging, NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{"environment": one}},
				}}
				if cluster, far, both := strings.Cut(other, "/"); both {
					policy.Spec.Follows = &v1alpha1.EnvironmentReference{Name: far, Cluster: cluster}
				} else if other != "" {
					policy.Spec.Follows = &v1alpha1.EnvironmentReference{Name: other}
				}
				policies = append(policies, policy)
			}
			NewWithT(t).Expect(strings.Join(environment.NewMap(policies, "").Circle("a"), " ")).To(Equal(test.want))
		})
	}
}
