// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/internal/workload"
)

var managed = []metav1.ManagedFieldsEntry{
	{Manager: "kubectl", Time: &metav1.Time{Time: time.Unix(1, 0)}, FieldsV1: metav1.NewFieldsV1("{}")},
	{Manager: "rampart", Time: &metav1.Time{Time: time.Unix(2, 0)}, FieldsV1: metav1.NewFieldsV1("{}")},
}

// fullPod has something in every part that may be read or forgotten.
func fullPod(owners ...metav1.OwnerReference) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "shop-1", Namespace: "shop", UID: "1", Labels: map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: "abc"},
			Annotations: map[string]string{"a": "b"}, ManagedFields: managed, OwnerReferences: owners,
		},
		Spec: corev1.PodSpec{
			NodeName: "node-1", TerminationGracePeriodSeconds: ptr.To[int64](7),
			InitContainers: []corev1.Container{{Name: "init", Image: "init:1"}},
			Containers:     []corev1.Container{{Name: "app", Image: "app:1", Command: []string{"run"}, Env: []corev1.EnvVar{{Name: "A"}}}},
			Volumes:        []corev1.Volume{{Name: "data"}},
		},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "10.0.0.1", Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
			InitContainerStatuses: []corev1.ContainerStatus{{Name: "init"}}, ContainerStatuses: []corev1.ContainerStatus{{Name: "app", RestartCount: 2}},
		},
	}
}

func TestAPodOfAControllerLosesNothingThatItIsJudgedBy(t *testing.T) {
	g := NewWithT(t)
	pod := fullPod(metav1.OwnerReference{Controller: ptr.To(true), Name: "shop", UID: "2"})
	full := workload.PodFrom(pod)
	lean, err := leanPod(pod)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(workload.PodFrom(lean.(*corev1.Pod))).To(Equal(full))
	g.Expect(metav1.GetControllerOf(lean.(*corev1.Pod))).NotTo(BeNil())
	g.Expect(lean).To(And(HaveField("Annotations", BeNil()), HaveField("ManagedFields", BeNil()), HaveField("Spec.Volumes", BeNil()), HaveField("Status.PodIP", BeEmpty())))
}

func TestABarePodStaysWhole(t *testing.T) {
	g := NewWithT(t)
	lean, err := leanPod(fullPod())
	g.Expect(err).NotTo(HaveOccurred())
	whole := fullPod()
	whole.ManagedFields = nil
	g.Expect(lean).To(Equal(whole))
}

func TestANodeLosesNothingThatItsTroubleIsReadFrom(t *testing.T) {
	g := NewWithT(t)
	node := &corev1.Node{Status: corev1.NodeStatus{
		Conditions: []corev1.NodeCondition{{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionTrue}},
		Images:     []corev1.ContainerImage{{Names: []string{"a"}}},
		NodeInfo:   corev1.NodeSystemInfo{Architecture: "arm64", ContainerRuntimeVersion: "containerd://2.1.3"},
	}}
	trouble := workload.NodeTrouble(node)
	g.Expect(trouble).NotTo(BeEmpty())
	lean, err := leanNode(node)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(workload.NodeTrouble(lean.(*corev1.Node))).To(Equal(trouble))
	g.Expect(workload.Platform(lean.(*corev1.Node))).To(Equal("arm64 containerd"))
	g.Expect(lean.(*corev1.Node).Status.Images).To(BeNil())
}

func TestAConfigMapKeepsItsKeysAndDigestsOfItsValues(t *testing.T) {
	g := NewWithT(t)
	leanly := func(text, binary string) *corev1.ConfigMap {
		lean, err := leanConfigMap(&corev1.ConfigMap{Data: map[string]string{"a": text}, BinaryData: map[string][]byte{"b": []byte(binary)}})
		g.Expect(err).NotTo(HaveOccurred())
		return lean.(*corev1.ConfigMap)
	}
	lean := leanly("secret", "secret")
	g.Expect(fmt.Sprint(lean)).NotTo(ContainSubstring("secret"))
	g.Expect(keysOf(lean)).To(And(HaveKey("a"), HaveKey("b")))
	g.Expect(leanly("secret", "secret")).To(Equal(lean))
	g.Expect(leanly("changed", "secret")).NotTo(Equal(lean))
	g.Expect(leanly("secret", "changed")).NotTo(Equal(lean))

	judged := &unstructured.Unstructured{Object: map[string]any{"kind": "ConfigMap", "data": map[string]any{"a": "value"}}}
	judged.SetManagedFields(managed)
	whole, err := leanConfigMap(judged)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(whole.(*unstructured.Unstructured).Object["data"]).To(Equal(map[string]any{"a": "value"}), "where guardrails judge ConfigMaps they see all of it")
	g.Expect(whole.(*unstructured.Unstructured).GetManagedFields()).To(BeEmpty())
}

func TestTheCacheOfSecretsHoldsNothingThatMayBeAValue(t *testing.T) {
	g := NewWithT(t)
	options := SecretCacheOptions()
	kept, err := options.DefaultTransform(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name: "account", Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "hunter2"}, Labels: map[string]string{"note": "hunter2"},
	}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(kept).To(Equal(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "account"}}))
	g.Expect(options.ReaderFailOnMissingInformer).To(BeTrue(), "reading begins no watch of all Secrets")
}

func TestWhatIsKeptOfFieldManagersIsWhatIsRead(t *testing.T) {
	g := NewWithT(t)
	namespace, err := whoManagedFields(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{ManagedFields: managed}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(namespace.(*corev1.Namespace).ManagedFields).To(HaveExactElements(
		And(HaveField("Manager", "kubectl"), HaveField("Time", Not(BeNil())), HaveField("FieldsV1", BeNil())),
		And(HaveField("Manager", "rampart"), HaveField("FieldsV1", BeNil()))))
	g.Expect(managed[0].FieldsV1).NotTo(BeNil(), "what is shared is not written to")

	deployment, err := ownManagedFields(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{ManagedFields: append([]metav1.ManagedFieldsEntry(nil), managed...)}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(deployment.(*appsv1.Deployment).ManagedFields).To(HaveExactElements(And(HaveField("Manager", "rampart"), HaveField("FieldsV1", Not(BeNil())))))
}
