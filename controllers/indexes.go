// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
)

const (
	// indexController finds objects by the UID of the object that controls them.
	indexController = "metadata.controller"
	// indexSource finds PromotionGates by the namespace that they watch; see sourceKey.
	indexSource = "spec.source"
	// indexCluster finds PromotionGates by the other cluster that they watch.
	indexCluster = "spec.source.cluster"
	// indexHost finds Ingresses by the hosts that they claim. It is there as long as a
	// guardrail reads them.
	indexHost = "spec.rules.host"
)

// AddIndexes declares what the loops look objects up by.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, object := range []client.Object{&corev1.Pod{}, &appsv1.ReplicaSet{}, &appsv1.ControllerRevision{}, &batchv1.Job{}} {
		if err := indexer.IndexField(ctx, object, indexController, controllerUID); err != nil {
			return fmt.Errorf("index %T by controller: %w", object, err)
		}
	}
	if err := indexer.IndexField(ctx, &v1alpha1.PromotionGate{}, indexSource, gateSource); err != nil {
		return fmt.Errorf("index gates by source: %w", err)
	}
	if err := indexer.IndexField(ctx, &v1alpha1.PromotionGate{}, indexCluster, gateCluster); err != nil {
		return fmt.Errorf("index gates by cluster: %w", err)
	}
	return nil
}

// AddHostIndex declares that Ingresses are looked up by the hosts that they claim.
func AddHostIndex(ctx context.Context, indexer client.FieldIndexer) error {
	hosts := func(object client.Object) []string { return compliance.HostsOf(object.(*networkingv1.Ingress)) }
	if err := indexer.IndexField(ctx, &networkingv1.Ingress{}, indexHost, hosts); err != nil {
		return fmt.Errorf("index ingresses by host: %w", err)
	}
	return nil
}

func controllerUID(object client.Object) []string {
	if owner := metav1.GetControllerOf(object); owner != nil {
		return []string{string(owner.UID)}
	}
	return nil
}

func gateSource(object client.Object) []string {
	return []string{sourceKey(object.(*v1alpha1.PromotionGate).Spec.Source)}
}

func gateCluster(object client.Object) []string {
	if cluster := object.(*v1alpha1.PromotionGate).Spec.Source.Cluster; cluster != "" {
		return []string{cluster}
	}
	return nil
}

// sourceKey is a namespace's name, after that of its cluster when it is in another one: two
// namespaces of one name have nothing to do with each other.
func sourceKey(source v1alpha1.GateSource) string {
	if source.Cluster == "" {
		return source.Namespace
	}
	return source.Cluster + "/" + source.Namespace
}
