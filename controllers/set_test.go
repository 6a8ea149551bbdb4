// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"encoding/json"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// setSize is how many pods a set has.
const setSize = 3

// set is a workload whose pods are replaced where they are, one after the other: a
// StatefulSet or a DaemonSet.
type set struct {
	*world
	kind v1alpha1.WorkloadKind
	name string
}

// newSet makes one by the deployer, whose team says what shall follow a failure.
func (w *world) newSet(kind v1alpha1.WorkloadKind, name, onFailure string) *set {
	GinkgoHelper()
	of := testenv.Deployment(name, w.namespace, testenv.Replicas(setSize), testenv.Probed())
	of.Annotations = with(of.Annotations, v1alpha1.AnnotationSpecAuthor, "1:"+deployer)
	if onFailure != "" {
		of.Annotations[v1alpha1.AnnotationOnFailure] = onFailure
	}
	var object client.Object = &appsv1.DaemonSet{ObjectMeta: of.ObjectMeta, Spec: appsv1.DaemonSetSpec{Selector: of.Spec.Selector, Template: of.Spec.Template}}
	if kind == v1alpha1.KindStatefulSet {
		object = &appsv1.StatefulSet{ObjectMeta: of.ObjectMeta, Spec: appsv1.StatefulSetSpec{
			Replicas: of.Spec.Replicas, Selector: of.Spec.Selector, Template: of.Spec.Template, ServiceName: name,
		}}
	}
	Expect(writers[deployer].Create(ctx, object)).To(Succeed())
	return &set{world: w, kind: kind, name: name}
}

// object as it is now.
func (s *set) object() workload.Object {
	GinkgoHelper()
	object := workload.New(s.kind)
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: s.name}, object)).To(Succeed())
	return object
}

// template of a set, to be read or changed.
func templateOf(object workload.Object) *corev1.PodTemplateSpec {
	if o, ok := object.(*appsv1.StatefulSet); ok {
		return &o.Spec.Template
	}
	return &object.(*appsv1.DaemonSet).Spec.Template
}

// change the spec by the deployer, stamped as admission does.
func (s *set) change(change func(workload.Object)) {
	GinkgoHelper()
	s.changeAs(deployer, change)
}

func (s *set) changeAs(user string, change func(workload.Object)) {
	GinkgoHelper()
	object := s.object()
	change(object)
	stamps := object.GetAnnotations()[v1alpha1.AnnotationSpecAuthor]
	object.SetAnnotations(with(object.GetAnnotations(), v1alpha1.AnnotationSpecAuthor, fmt.Sprintf("%s,%d:%s", stamps, object.GetGeneration()+1, user)))
	Expect(writers[user].Update(ctx, object, client.FieldOwner(user))).To(Succeed())
}

// say what shall follow a failure.
func (s *set) say(onFailure string) {
	GinkgoHelper()
	object := s.object()
	object.SetAnnotations(with(object.GetAnnotations(), v1alpha1.AnnotationOnFailure, onFailure))
	Expect(admin.Update(ctx, object)).To(Succeed())
	s.settle()
}

func toImage(image string) func(workload.Object) {
	return func(object workload.Object) { templateOf(object).Spec.Containers[0].Image = image }
}

func (s *set) image() string { return templateOf(s.object()).Spec.Containers[0].Image }

// keep plays the controller: it keeps the newest template as a ControllerRevision, and says
// how its pods call it.
func (s *set) keep() string {
	GinkgoHelper()
	object := s.object()
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(templateOf(object))
	Expect(err).NotTo(HaveOccurred())
	hash := workload.Digest(raw)[:10]
	raw["$patch"] = "replace"
	data, err := json.Marshal(map[string]any{"spec": map[string]any{"template": raw}})
	Expect(err).NotTo(HaveOccurred())

	var all appsv1.ControllerRevisionList
	Expect(admin.List(ctx, &all, client.InNamespace(s.namespace))).To(Succeed())
	next := int64(len(all.Items) + 1)
	for _, kept := range all.Items {
		next = max(next, kept.Revision+1)
	}
	revision := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.namespace, Name: s.name + "-" + hash, Labels: map[string]string{appsv1.ControllerRevisionHashLabelKey: hash},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(object, workload.GroupVersionKind(s.kind))},
		},
		Revision: next, Data: runtime.RawExtension{Raw: data},
	}
	if err := admin.Create(ctx, revision); apierrors.IsAlreadyExists(err) {
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(revision), revision)).To(Succeed())
		revision.Revision = next
		Expect(admin.Update(ctx, revision)).To(Succeed())
	} else {
		Expect(err).NotTo(HaveOccurred())
	}
	return workload.HashOf(revision)
}

// pods by name.
func (s *set) pods() map[string]*corev1.Pod {
	GinkgoHelper()
	byName := map[string]*corev1.Pod{}
	for _, pod := range s.podsOf(s.name) {
		byName[pod.Name] = &pod
	}
	return byName
}

// make plays the controller: it makes the pod of an ordinal from the newest template, in
// place of what was there.
func (s *set) make(ordinal int, hash string) *corev1.Pod {
	GinkgoHelper()
	name := fmt.Sprintf("%s-%d", s.name, ordinal)
	if old := s.pods()[name]; old != nil {
		s.remove(old)
	}
	object := s.object()
	template := templateOf(object)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.namespace, Name: name, Labels: with(template.Labels, appsv1.ControllerRevisionHashLabelKey, hash),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(object, workload.GroupVersionKind(s.kind))},
		},
		Spec: *template.Spec.DeepCopy(),
	}
	pod.Spec.NodeName = healthyNode
	Expect(admin.Create(ctx, pod)).To(Succeed())
	return pod
}

// roll plays a rollout that ends well.
func (s *set) roll() {
	GinkgoHelper()
	hash := s.keep()
	for ordinal := range setSize {
		pod := s.pods()[fmt.Sprintf("%s-%d", s.name, ordinal)]
		if pod == nil || pod.Labels[appsv1.ControllerRevisionHashLabelKey] != hash {
			pod = s.make(ordinal, hash)
		}
		s.setReady(pod)
	}
	s.settle()
}

// rollInto plays a rollout whose first pod does not come up, so that no other follows.
func (s *set) rollInto(failure func(*corev1.Pod)) {
	GinkgoHelper()
	failure(s.make(setSize-1, s.keep()))
	s.settle()
}

// running plays the kubelet of a pod that runs and is not ready.
func (w *world) setRunning(pod *corev1.Pod) {
	GinkgoHelper()
	now := metav1.NewTime(w.clock.Now())
	pod.Status = corev1.PodStatus{
		Phase:      corev1.PodRunning,
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: now}},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: "main", ContainerID: "fake://" + pod.Name, Image: pod.Spec.Containers[0].Image,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		}},
	}
	Expect(admin.Status().Update(ctx, pod)).To(Succeed())
}

// settle says in the status what the pods are, as a controller that has seen the newest spec.
func (s *set) settle() {
	GinkgoHelper()
	newest := s.keep()
	var total, updated, ready int32
	for _, pod := range s.pods() {
		total++
		if pod.Labels[appsv1.ControllerRevisionHashLabelKey] == newest {
			updated++
		}
		if workload.PodFrom(pod).Ready {
			ready++
		}
	}
	object := s.object()
	switch o := object.(type) {
	case *appsv1.StatefulSet:
		o.Status = appsv1.StatefulSetStatus{
			ObservedGeneration: o.Generation, Replicas: total, UpdatedReplicas: updated, CurrentReplicas: total - updated,
			ReadyReplicas: ready, AvailableReplicas: ready, UpdateRevision: newest,
		}
	case *appsv1.DaemonSet:
		o.Status = appsv1.DaemonSetStatus{
			ObservedGeneration: o.Generation, DesiredNumberScheduled: setSize, CurrentNumberScheduled: total,
			UpdatedNumberScheduled: updated, NumberReady: ready, NumberAvailable: ready,
		}
	}
	Expect(admin.Status().Update(ctx, object)).To(Succeed())
}

func (s *set) look() ctrl.Result {
	GinkgoHelper()
	result, err := s.tryLook()
	Expect(err).NotTo(HaveOccurred())
	return result
}

func (s *set) tryLook() (ctrl.Result, error) {
	return s.reports.Reconcile(ctx, controllers.Key{Kind: s.kind, Namespace: s.namespace, Name: s.name})
}

func (s *set) status() v1alpha1.ReadinessReportStatus {
	GinkgoHelper()
	var report v1alpha1.ReadinessReport
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: workload.ReportName(s.kind, s.name)}, &report)).To(Succeed())
	return report.Status
}

// outcomes of the actions of a kind, the newest first.
func (s *set) outcomes(kind v1alpha1.ActionKind) []v1alpha1.ActionOutcome {
	GinkgoHelper()
	var outcomes []v1alpha1.ActionOutcome
	for _, action := range s.status().Actions {
		if action.Kind == kind {
			outcomes = append(outcomes, action.Outcome)
		}
	}
	return outcomes
}

// uid of the pod with the highest ordinal, which a rollout replaces first; empty while there
// is none, or while it is on its way out.
func (s *set) first() types.UID {
	GinkgoHelper()
	pod := s.pods()[fmt.Sprintf("%s-%d", s.name, setSize-1)]
	if pod == nil || pod.DeletionTimestamp != nil {
		return ""
	}
	return pod.UID
}

// partitioned lets a StatefulSet update no pod below the ordinal.
func partitioned(ordinal int32) func(workload.Object) {
	return func(object workload.Object) {
		object.(*appsv1.StatefulSet).Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr.To(ordinal)}
	}
}

// onDelete leaves the replacement of pods to people.
func onDelete(object workload.Object) {
	switch o := object.(type) {
	case *appsv1.StatefulSet:
		o.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType}
	case *appsv1.DaemonSet:
		o.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	}
}

// says whether an event of the reason holds the text.
func (w *world) says(reason, text string) bool {
	for _, note := range w.events.all() {
		if strings.HasPrefix(note, reason+":") && strings.Contains(note, text) {
			return true
		}
	}
	return false
}
