// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/config"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	// permissionsEvery is how often the operator asks what it may do.
	permissionsEvery = time.Minute
	// maxPermissionsNamed is how many missing permissions a message names.
	maxPermissionsNamed = 8
)

// Permissions knows which of the permissions that the operator needs it does not have.
type Permissions struct {
	client  client.Client
	changes chan event.GenericEvent

	mu      sync.Mutex
	missing string
}

// NewPermissions knows of nothing missing until it has asked. The client is used to ask
// only, and must not need a running cache for that.
func NewPermissions(c client.Client) *Permissions {
	return &Permissions{client: c, changes: make(chan event.GenericEvent, 1)}
}

// Missing says what the operator may not do and what to do about it; empty when it may
// do all that it needs, or when nobody can tell.
func (p *Permissions) Missing() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.missing
}

// Changes is a source of the requests that a change of the permissions leads to.
func (p *Permissions) Changes(requests handler.MapFunc) source.Source {
	return source.Channel(p.changes, handler.EnqueueRequestsFromMapFunc(requests))
}

// Start asks again and again, until the context ends.
func (p *Permissions) Start(ctx context.Context) error {
	wait.UntilWithContext(ctx, p.ask, permissionsEvery)
	return nil
}

func (p *Permissions) ask(ctx context.Context) {
	missing, err := missingPermissions(ctx, p.client)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot find out what the operator may do")
		return
	}
	p.mu.Lock()
	changed := p.missing != missing
	p.missing = missing
	p.mu.Unlock()
	if !changed {
		return
	}
	ctrl.LoggerFrom(ctx).Info("permissions changed", "missing", missing)
	select {
	case p.changes <- event.GenericEvent{Object: &v1alpha1.EnvironmentPolicy{}}:
	default: // a change is waiting to be seen already
	}
}

// Preflight fails when the operator may not do what it needs: its caches would never
// fill. The reason stands in every EnvironmentPolicy then, as far as the operator may
// write that, and in the error.
func Preflight(ctx context.Context, c client.Client) error {
	missing, err := missingPermissions(ctx, c)
	if err != nil {
		// Not every authorizer can list what it allows: go on, and fail where it matters.
		ctrl.LoggerFrom(ctx).Error(err, "cannot find out what the operator may do")
		return nil
	}
	if missing == "" {
		return nil
	}
	var policies v1alpha1.EnvironmentPolicyList
	if err := c.List(ctx, &policies); err == nil {
		for i := range policies.Items {
			policy := &policies.Items[i]
			before := policy.DeepCopy()
			policy.Status.ObservedGeneration = policy.Generation
			stalled(v1alpha1.ReasonPermissionDenied, missing).set(&policy.Status.Conditions, policy.Generation)
			if _, err := recordStatus(ctx, c, before, policy); err != nil {
				ctrl.LoggerFrom(ctx).Error(err, "cannot say so in the environment policy", "name", policy.Name)
			}
		}
	}
	return fmt.Errorf("%s", missing)
}

// missingPermissions compares what the operator's role says with what the API server
// says that it may do.
func missingPermissions(ctx context.Context, c client.Client) (string, error) {
	needed, err := neededRules(config.Role)
	if err != nil {
		return "", err
	}
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: "default"}}
	if err := c.Create(ctx, review); err != nil {
		return "", fmt.Errorf("ask for the rules that apply to the operator: %w", err)
	}
	if review.Status.Incomplete {
		return "", nil
	}
	var missing []string
	for _, rule := range needed {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					if !allowed(review.Status.ResourceRules, group, resource, verb, rule.ResourceNames) {
						missing = append(missing, describePermission(verb, group, resource))
					}
				}
			}
		}
	}
	if len(missing) == 0 {
		return "", nil
	}
	slices.Sort(missing)
	return fmt.Sprintf("the operator may not %s: apply the ClusterRole rampart-manager and its binding again (kubectl apply -k config/default)",
		message.First(maxPermissionsNamed, missing)), nil
}

// neededRules are those of the ClusterRoles in a manifest.
func neededRules(manifest []byte) ([]rbacv1.PolicyRule, error) {
	var rules []rbacv1.PolicyRule
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), len(manifest))
	for {
		var role rbacv1.ClusterRole
		if err := decoder.Decode(&role); err != nil {
			if len(rules) == 0 {
				return nil, fmt.Errorf("read the operator's role: %w", err)
			}
			return rules, nil
		}
		if role.Kind == "ClusterRole" {
			rules = append(rules, role.Rules...)
		}
	}
}

// allowed says whether one of the rules allows the verb on all objects of those names; of no
// names means on every object.
func allowed(rules []authorizationv1.ResourceRule, group, resource, verb string, names []string) bool {
	return slices.ContainsFunc(rules, func(rule authorizationv1.ResourceRule) bool {
		return coversNames(rule.ResourceNames, names) && covers(rule.APIGroups, group) && covers(rule.Resources, resource) && covers(rule.Verbs, verb)
	})
}

func covers(allowed []string, wanted string) bool {
	return slices.Contains(allowed, wanted) || slices.Contains(allowed, "*")
}

func coversNames(allowed, wanted []string) bool {
	if len(allowed) == 0 {
		return true
	}
	return len(wanted) > 0 && !slices.ContainsFunc(wanted, func(name string) bool { return !slices.Contains(allowed, name) })
}

func describePermission(verb, group, resource string) string {
	if group == "" {
		return verb + " " + resource
	}
	return fmt.Sprintf("%s %s.%s", verb, resource, group)
}
