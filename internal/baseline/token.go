// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

// DefaultAccountName is the service account of pods that name none.
const DefaultAccountName = "default"

// defaultToken keeps the default service account's token out of pods. Nobody can see from
// outside whether a pod uses the token that it has, so it is withheld while one has it.
func (p *Plan) defaultToken(n Namespace) {
	const item = v1alpha1.DefaultToken
	account, mode := n.DefaultAccount, n.Policy.DefaultToken
	if mode == v1alpha1.BaselineOff || account == nil {
		return
	}
	if n.tokenDecided() {
		p.stands(item, Provided, "")
		return
	}
	users := n.defaultTokenUsers()
	switch {
	case mode != v1alpha1.BaselineApply:
		p.stands(item, Missing, notYet)
	case n.OwnsDefaultToken:
		p.WithoutDefaultToken = true
		p.stands(item, Applied, "")
	case len(users) > 0:
		p.stands(item, Withheld, message.Cut(fmt.Sprintf("pods have the token of the default service account: say automountServiceAccountToken: false in them, or give them an account of their own: %s",
			strings.Join(users, ", ")), maxWhy))
	case n.Suspended:
		p.stands(item, Withheld, suspended)
	default:
		p.WithoutDefaultToken = true
		p.stands(item, Applied, "")
	}
}

// tokenDecided says whether somebody else has said whether the token is mounted.
func (n Namespace) tokenDecided() bool {
	return n.DefaultAccount != nil && n.DefaultAccount.AutomountServiceAccountToken != nil && !n.OwnsDefaultToken
}

// defaultTokenUsers are the workloads and pods that have the token now, or would have it
// when they are made anew.
func (n Namespace) defaultTokenUsers() []string {
	var users []string
	for _, w := range n.Workloads {
		if hasDefaultToken(w.Template.Spec) {
			users = append(users, string(w.Kind)+" "+w.Name)
		}
	}
	if len(users) > 0 {
		return users
	}
	for i := range n.Pods {
		if hasDefaultToken(n.Pods[i].Spec) {
			users = append(users, "Pod "+n.Pods[i].Name)
		}
	}
	return users
}

func hasDefaultToken(spec corev1.PodSpec) bool {
	named := spec.ServiceAccountName != "" && spec.ServiceAccountName != DefaultAccountName
	explicit := spec.AutomountServiceAccountToken != nil
	return !named && !explicit
}
