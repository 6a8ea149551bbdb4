// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// The fleet is a thousand workloads. Their environments are several, because of two releases
// that fail at the same time in one environment neither is rolled back, and rightly so.
const (
	fleetEnvironments = 20
	fleetMembers      = 50
	fleetNodes        = 8
)

const (
	// deployer is the trusted writer, and stranger is none.
	deployer, stranger = "kubernetes-admin", "dana"
)

// fleet is a cluster with the operator, its program under its own account, in charge.
type fleet struct {
	cluster *testenv.Cluster
	// deployer and stranger are clients of theirs.
	deployer, stranger client.WithWatch
	folder             string
}

// startFleet returns once the operator knows every workload as one that runs well.
func startFleet(ctx context.Context) (*fleet, error) {
	folder, err := os.MkdirTemp("", "rampart-bench-")
	if err != nil {
		return nil, err
	}
	f := &fleet{folder: folder}
	if err := f.start(ctx); err != nil {
		return nil, errors.Join(err, f.stop())
	}
	return f, nil
}

func (f *fleet) start(ctx context.Context) error {
	program := filepath.Join(f.folder, "rampart")
	if output, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/rampart").CombinedOutput(); err != nil {
		return fmt.Errorf("build the operator: %w\n%s", err, output)
	}
	var err error
	if f.cluster, err = testenv.StartControlPlane(ctx, testenv.Options{Controllers: true, Nodes: fleetNodes, CRDs: true}); err != nil {
		return err
	}
	if f.deployer, err = f.client(""); err != nil {
		return err
	}
	if f.stranger, err = f.client(stranger); err != nil {
		return err
	}
	if _, err := f.cluster.StartOperator(ctx, testenv.OperatorOptions{Binary: program}); err != nil {
		return err
	}
	for i := range fleetEnvironments {
		if err := f.environment(ctx, fleetName(i)); err != nil {
			return err
		}
	}
	for i := range fleetEnvironments {
		if err := f.stamped(ctx, fleetName(i)); err != nil {
			return err
		}
		for j := range fleetMembers {
			if err := f.deployer.Create(ctx, member(fleetName(i), j)); err != nil {
				return err
			}
		}
	}
	return f.settle(ctx)
}

func (f *fleet) stop() error {
	var err error
	if f.cluster != nil {
		err = f.cluster.Stop()
	}
	return errors.Join(err, os.RemoveAll(f.folder))
}

// client of the administrator, in the name of somebody else if one is given.
func (f *fleet) client(as string) (client.WithWatch, error) {
	config := rest.CopyConfig(f.cluster.Config)
	config.QPS = -1
	if as != "" {
		config.Impersonate = rest.ImpersonationConfig{UserName: as, Groups: []string{"system:masters"}}
	}
	return client.NewWithWatch(config, client.Options{Scheme: controllers.Scheme()})
}

// environment makes a Production environment of one namespace, empty when the policy comes,
// which is protected from the start with the default delay.
func (f *fleet) environment(ctx context.Context, name string) error {
	labels := map[string]string{"environment": name}
	policy := &v1alpha1.EnvironmentPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.EnvironmentPolicySpec{
			Stage:             v1alpha1.Production,
			NamespaceSelector: metav1.LabelSelector{MatchLabels: labels},
			Drift:             &v1alpha1.DriftPolicy{Mode: v1alpha1.DriftCorrect, TrustedWriters: []string{deployer}, StartLevel: v1alpha1.ActAct},
			Rollout:           &v1alpha1.RolloutPolicy{OnFailure: v1alpha1.OnFailureRollback, StartLevel: v1alpha1.ActAct},
		},
	}
	return errors.Join(f.deployer.Create(ctx, testenv.Namespace(name, labels)), f.deployer.Create(ctx, policy))
}

func fleetName(i int) string { return fmt.Sprintf("fleet-%d", i) }

func memberName(j int) string { return fmt.Sprintf("member-%d", j) }

// member is a Deployment of one pod. The first ones get a bad release, and have four pods, two
// of which are replaced at a time.
func member(namespace string, j int) *appsv1.Deployment {
	d := testenv.Deployment(memberName(j), namespace, testenv.Probed(), testenv.GracePeriod(1))
	d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "LOG_LEVEL", Value: "info"}}
	if j < releaseRounds {
		d.Spec.Replicas = ptr.To[int32](4)
		d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{
			MaxSurge: ptr.To(intstr.FromInt32(2)), MaxUnavailable: ptr.To(intstr.FromInt32(0)),
		}
	}
	return d
}

// stamped waits until the API server writes down who wrote a workload of the namespace: what
// nobody is known to have written is not gone back to.
func (f *fleet) stamped(ctx context.Context, namespace string) error {
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		probe := member(namespace, 0)
		err := f.deployer.Create(ctx, probe, client.DryRunAll)
		return probe.Annotations[v1alpha1.AnnotationSpecAuthor] != "", err
	})
}

// settle waits until every workload has a baseline that was seen healthy.
func (f *fleet) settle(ctx context.Context) error {
	settled := 0
	err := wait.PollUntilContextTimeout(ctx, time.Second, 10*time.Minute, true, func(ctx context.Context) (bool, error) {
		var revisions appsv1.ControllerRevisionList
		if err := f.deployer.List(ctx, &revisions, client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}); err != nil {
			return false, err
		}
		settled = 0
		for _, r := range revisions.Items {
			var baseline drift.Baseline
			if json.Unmarshal(r.Data.Raw, &baseline) == nil && baseline.Stable && baseline.Verified {
				settled++
			}
		}
		return settled == fleetEnvironments*fleetMembers, nil
	})
	if err != nil {
		return fmt.Errorf("%d of %d workloads have a baseline: %w", settled, fleetEnvironments*fleetMembers, err)
	}
	return nil
}
