// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
	"github.com/rampart-dev/rampart/internal/environment"
)

// readPatience is how long a look waits for a cache whose kind may have just gone.
const readPatience = 10 * time.Second

// objectLook is everything that one look at an object that is not a workload showed.
// Nothing in it is written to, but for the report.
type objectLook struct {
	key ObjectKey

	// environment that the namespace belongs to; enrolled is false when there is none.
	environment environment.Environment
	enrolled    bool
	// held is true when the policy of the namespace cannot be read; waiting, when the object
	// cannot. Nothing is judged then, and nothing is thrown away.
	held, waiting bool
	namespace     *corev1.Namespace

	// guardrails of the environment that judge objects of its kind.
	guardrails []standing
	// kinds are the versions in which they read it, sorted, and objects what it is in each:
	// none when it is gone.
	kinds        []watchedKind
	objects      []*unstructured.Unstructured
	surroundings *surroundings
	impression   impression
	// watched is since when all objects of its kind are seen.
	watched time.Time

	// report is nil when there is none yet.
	report *v1alpha1.ReadinessReport
}

// object is the object in the first version in which it is judged; nil when it is gone.
func (l *objectLook) object() *unstructured.Unstructured {
	if len(l.objects) == 0 {
		return nil
	}
	return l.objects[0]
}

// gather reads all that is judged. With an error it returns what it has read until then.
func (r *ObjectReconciler) gather(ctx context.Context, key ObjectKey) (*objectLook, error) {
	l := &objectLook{key: key}
	environments, err := readEnvironments(ctx, r.Client, r.OperatorNamespace)
	if err != nil {
		return l, err
	}
	if err := r.gatherReport(ctx, l); err != nil {
		return l, err
	}
	namespace, found, err := readNamespace(ctx, r.Client, key.Namespace)
	if err != nil || !found || namespace.DeletionTimestamp != nil {
		return l, err
	}
	l.namespace = namespace
	l.environment, l.enrolled = environments.Of(namespace)
	if l.held = !l.enrolled && environments.Held(namespace); !l.enrolled {
		return l, nil
	}
	if err := r.gatherGuardrails(ctx, l); err != nil {
		return l, err
	}
	if err := r.gatherObject(ctx, l); err != nil || len(l.objects) == 0 {
		return l, err
	}
	return l, r.gatherSurroundings(ctx, l)
}

func (r *ObjectReconciler) gatherReport(ctx context.Context, l *objectLook) error {
	report := &v1alpha1.ReadinessReport{}
	err := r.Client.Get(ctx, l.key.reportName(), report)
	if err == nil {
		l.report = report.DeepCopy()
		return nil
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("get report of %s: %w", l.key, err)
}

func (r *ObjectReconciler) gatherGuardrails(ctx context.Context, l *objectLook) error {
	stand, err := r.Programs.standingIn(ctx, r.Client, l.environment)
	if err != nil {
		return err
	}
	for _, g := range stand {
		if kind, judges := l.key.judgedBy(g.Spec()); judges {
			l.guardrails = append(l.guardrails, g)
			l.kinds = append(l.kinds, kind)
		}
	}
	slices.SortFunc(l.kinds, func(a, b watchedKind) int { return strings.Compare(a.Version, b.Version) })
	l.kinds = slices.Compact(l.kinds)
	return nil
}

// judgedBy is the kind as which a rule reads the object; false when it judges no such objects.
func (k ObjectKey) judgedBy(rule v1alpha1.GuardrailSpec) (watchedKind, bool) {
	for _, resource := range rule.Resources {
		if resource.Group == k.Group && resource.Kind == k.Kind {
			return judgedKind(resource), true
		}
	}
	return watchedKind{}, false
}

// gatherObject reads the object in each version in which a guardrail does.
func (r *ObjectReconciler) gatherObject(ctx context.Context, l *objectLook) error {
	for _, kind := range l.kinds {
		state := r.Kinds.of(kind)
		if !state.readable && !state.trouble.absent() {
			l.waiting = true
			return nil
		}
		if state.trouble.absent() {
			return nil // with its kind the object went
		}
		if state.since.After(l.watched) {
			l.watched = state.since
		}
	}
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	for _, kind := range l.kinds {
		object := kind.new(r.Client.Scheme())
		name := client.ObjectKey{Namespace: l.key.Namespace, Name: l.key.Name}
		if isNamespace(kind) {
			name.Namespace = ""
		}
		err := r.Objects.Get(ctx, name, object)
		if apierrors.IsNotFound(err) {
			l.objects = nil
			return nil
		}
		if err != nil {
			return fmt.Errorf("get %s: %w", l.key, err)
		}
		json, err := asJSON(object, kind.GroupVersionKind)
		if err != nil {
			return fmt.Errorf("read %s: %w", l.key, err)
		}
		l.objects = append(l.objects, json)
	}
	return nil
}

// isNamespace says whether the objects of a kind are Namespaces.
func isNamespace(kind watchedKind) bool {
	return kind.GroupVersionKind == corev1.SchemeGroupVersion.WithKind("Namespace")
}

// gatherSurroundings reads what the guardrails of the object read besides it.
func (r *ObjectReconciler) gatherSurroundings(ctx context.Context, l *objectLook) error {
	needed := declared(l.guardrails)
	l.surroundings = newSurroundings(r.Kinds, needed)
	if !l.surroundings.readable(needed, v1alpha1.SurroundingIngressHosts) || l.key.Group != networkingv1.GroupName || l.key.Kind != "Ingress" {
		return nil
	}
	var own networkingv1.Ingress
	if err := r.Objects.Get(ctx, client.ObjectKey{Namespace: l.key.Namespace, Name: l.key.Name}, &own); err != nil {
		return fmt.Errorf("get %s: %w", l.key, err)
	}
	var others []networkingv1.Ingress
	for _, host := range compliance.HostsOf(&own) {
		var list networkingv1.IngressList
		if err := r.Objects.List(ctx, &list, client.MatchingFields{indexHost: host}, client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("list the ingresses that claim %s: %w", host, err)
		}
		others = append(others, list.Items...)
	}
	l.surroundings.ClaimedHosts = compliance.ClaimedHosts(&own, others)
	return nil
}
