// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"sync"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// extent is how much of an object the cache keeps.
type extent int

const (
	// whole objects are kept where guardrails judge them.
	whole extent = iota
	// keysOnly keeps the keys of a ConfigMap, and digests of its values.
	keysOnly
	// namesOnly keeps the metadata: that the object exists, and of a Secret when it was written.
	namesOnly
)

// watchedKind is a kind of object that is watched because an environment needs it.
type watchedKind struct {
	schema.GroupVersionKind
	resource string
	extent   extent
}

// The kinds that guardrails read besides the objects that they judge.
var (
	configMapKeys       = watchedKind{corev1.SchemeGroupVersion.WithKind("ConfigMap"), "configmaps", keysOnly}
	serviceAccountNames = watchedKind{corev1.SchemeGroupVersion.WithKind("ServiceAccount"), "serviceaccounts", namesOnly}
	claimNames          = watchedKind{corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"), "persistentvolumeclaims", namesOnly}
	disruptionBudgets   = watchedKind{policyv1.SchemeGroupVersion.WithKind("PodDisruptionBudget"), "poddisruptionbudgets", whole}
	ingresses           = watchedKind{networkingv1.SchemeGroupVersion.WithKind("Ingress"), "ingresses", whole}
)

// alwaysWatched are the kinds that other loops watch whatever guardrails need, besides the
// keys of ConfigMaps. They share one informer: if it were removed, nobody would tell the other
// loops any more.
var alwaysWatched = []schema.GroupVersionKind{
	corev1.SchemeGroupVersion.WithKind("Service"), corev1.SchemeGroupVersion.WithKind("Namespace"),
	corev1.SchemeGroupVersion.WithKind("ResourceQuota"), corev1.SchemeGroupVersion.WithKind("LimitRange"),
	corev1.SchemeGroupVersion.WithKind("ServiceAccount"), discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"),
	networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"), policyv1.SchemeGroupVersion.WithKind("PodDisruptionBudget"),
	admissionv1.SchemeGroupVersion.WithKind("ValidatingAdmissionPolicy"), admissionv1.SchemeGroupVersion.WithKind("ValidatingAdmissionPolicyBinding"),
}

// judgedKind is the kind that a resource rule judges.
func judgedKind(rule v1alpha1.ResourceRule) watchedKind {
	return watchedKind{schema.GroupVersionKind{Group: rule.Group, Version: rule.Version, Kind: rule.Kind}, rule.Resource, whole}
}

// always says whether the kind is watched whatever guardrails need.
func (k watchedKind) always() bool {
	return k == configMapKeys || (k.extent == whole && slices.Contains(alwaysWatched, k.GroupVersionKind))
}

// new is an empty object of the kind, in the form in which the cache keeps it: typed where
// there is a type, because that is the smallest. The typed form of ConfigMaps is the one
// without values.
func (k watchedKind) new(scheme *runtime.Scheme) client.Object {
	if k.extent == namesOnly {
		object := &metav1.PartialObjectMetadata{}
		object.SetGroupVersionKind(k.GroupVersionKind)
		return object
	}
	if k != (watchedKind{configMapKeys.GroupVersionKind, k.resource, whole}) {
		if typed, err := scheme.New(k.GroupVersionKind); err == nil {
			return typed.(client.Object)
		}
	}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(k.GroupVersionKind)
	return object
}

// newList is an empty list of the kind, in the form in which the cache keeps its objects.
func (k watchedKind) newList(scheme *runtime.Scheme) client.ObjectList {
	listed := k.GroupVersion().WithKind(k.Kind + "List")
	if _, typed := k.new(scheme).(*unstructured.Unstructured); !typed {
		if list, err := scheme.New(listed); err == nil {
			return list.(client.ObjectList)
		}
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(listed)
	return list
}

// asJSON is an object in its JSON form, with its kind. It shares no memory with the object.
func asJSON(object client.Object, kind schema.GroupVersionKind) (*unstructured.Unstructured, error) {
	if u, ok := object.(*unstructured.Unstructured); ok {
		return u.DeepCopy(), nil
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(kind)
	return u, nil
}

// Kinds knows which of the kinds that environments need can be read. A nil one can read all:
// it is for a client that asks the API server itself.
type Kinds struct {
	mu       sync.Mutex
	states   map[watchedKind]kindState
	watchers []chan event.GenericEvent
}

// kindState is how it stands with one kind.
type kindState struct {
	// readable is true once the cache holds all objects of the kind.
	readable bool
	// since is when it became so.
	since time.Time
	// trouble is why the kind cannot be read; empty while its cache is filled.
	trouble trouble
}

// trouble is why a kind cannot be read, and what to do about it.
type trouble struct{ reason, message string }

// absent says whether the cluster has no such kind.
func (t trouble) absent() bool { return t.reason == v1alpha1.ReasonResourceMissing }

// NewKinds knows of no kind yet.
func NewKinds() *Kinds { return &Kinds{states: map[watchedKind]kindState{}} }

// of says how it stands with a kind. One that nobody has looked for yet is not readable.
func (k *Kinds) of(kind watchedKind) kindState {
	if k == nil {
		return kindState{readable: true}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.states[kind]
}

// judged are the kinds of objects that guardrails judge and that can be read.
func (k *Kinds) judged() []watchedKind {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []watchedKind
	for kind, state := range k.states {
		if kind.extent == whole && state.readable {
			all = append(all, kind)
		}
	}
	return all
}

// troubleOf a rule is why it cannot read something that it needs.
func (k *Kinds) troubleOf(rule v1alpha1.GuardrailSpec) (trouble, bool) {
	for _, n := range needsOf(rule) {
		if found := k.of(n.kind).trouble; found.reason != "" {
			return found, true
		}
	}
	return trouble{}, false
}

// set replaces what is known, and tells everybody who watches if that has changed.
func (k *Kinds) set(states map[watchedKind]kindState) {
	k.mu.Lock()
	changed := len(states) != len(k.states)
	for kind, state := range states {
		before := k.states[kind]
		changed = changed || before.readable != state.readable || before.trouble != state.trouble
	}
	k.states = states
	watchers := slices.Clone(k.watchers)
	k.mu.Unlock()
	if !changed {
		return
	}
	for _, watcher := range watchers {
		select {
		case watcher <- event.GenericEvent{Object: &v1alpha1.Guardrail{}}:
		default: // a change is waiting to be seen already
		}
	}
}

// close a kind before its watch ends: whoever reads it then would start another one.
func (k *Kinds) close(kind watchedKind) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if state, known := k.states[kind]; known {
		state.readable = false
		k.states[kind] = state
	}
}

// kindChanges is a source of the requests that a change of what can be read leads to.
func kindChanges[R comparable](k *Kinds, handle handler.TypedEventHandler[client.Object, R]) source.TypedSource[R] {
	watcher := make(chan event.GenericEvent, 1)
	k.mu.Lock()
	k.watchers = append(k.watchers, watcher)
	k.mu.Unlock()
	return source.TypedChannel(watcher, handle)
}
