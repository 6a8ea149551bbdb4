// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// editRounds is how many hand edits each environment gets, one after the other.
	editRounds = 5
	// releaseRounds is how many bad releases each environment gets, one after the other.
	releaseRounds = 4
	// correctAfter is the default delay of a correction.
	correctAfter = 15 * time.Second
	// editsApart and releasesApart are the times between two disturbances of the fleet. A
	// release sets off many requests, and a machine that has to catch up would be measured
	// instead of the operator.
	editsApart, releasesApart = 200 * time.Millisecond, time.Second
	// calm is the time before releases: what the operator changed counts as being changed for
	// ten seconds at least, and meanwhile it changes nothing else in the namespace.
	calm = 15 * time.Second
	// recoveryPatience is how long a single recovery may take.
	recoveryPatience = 3 * time.Minute
)

// recoveryFigures are how long the operator takes to bring workloads back, beyond the delay
// that is configured.
type recoveryFigures struct {
	// edits are the times from a hand edit until it was taken back, less correctAfter.
	edits []time.Duration
	// rollbacks are the times from when two pods of a new revision had crashed, and one of them
	// again (CrashLoopBackOff), until the old one was back.
	rollbacks []time.Duration
}

// measureRecovery disturbs a fleet of a thousand workloads, by hand edits and by releases
// that crash, and sees when the operator has brought each one back.
func measureRecovery(ctx context.Context) (figures recoveryFigures, err error) {
	f, err := startFleet(ctx)
	if err != nil {
		return figures, err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	for round := range editRounds {
		took, err := inEveryEnvironment(ctx, editsApart, func(ctx context.Context, namespace string) (time.Duration, error) {
			return f.edit(ctx, namespace, memberName(releaseRounds+round))
		})
		if err != nil {
			return figures, fmt.Errorf("take a hand edit back: %w", err)
		}
		figures.edits = append(figures.edits, took...)
	}
	for round := range releaseRounds {
		if err := f.rest(ctx); err != nil {
			return figures, err
		}
		took, err := inEveryEnvironment(ctx, releasesApart, func(ctx context.Context, namespace string) (time.Duration, error) {
			return f.release(ctx, namespace, memberName(round))
		})
		if err != nil {
			return figures, fmt.Errorf("roll a release back: %w", err)
		}
		figures.rollbacks = append(figures.rollbacks, took...)
	}
	return figures, nil
}

// rest lets the fleet be until every namespace may be changed again.
func (f *fleet) rest(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(calm):
		return nil
	}
}

// inEveryEnvironment measures once in each, beginning a little later in each.
func inEveryEnvironment(ctx context.Context, apart time.Duration, measure func(ctx context.Context, namespace string) (time.Duration, error)) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, recoveryPatience)
	defer cancel()
	took, failed := make([]time.Duration, fleetEnvironments), make([]error, fleetEnvironments)
	var all sync.WaitGroup
	for i := range fleetEnvironments {
		all.Go(func() {
			select {
			case <-ctx.Done():
				failed[i] = ctx.Err()
			case <-time.After(time.Duration(i) * apart):
				took[i], failed[i] = measure(ctx, fleetName(i))
			}
		})
	}
	all.Wait()
	return took, errors.Join(failed...)
}

// edit changes a Deployment as a stranger, and says how much later than due the change was
// taken back.
func (f *fleet) edit(ctx context.Context, namespace, name string) (time.Duration, error) {
	edited, err := change(ctx, f.stranger, namespace, name, func(template *corev1.PodSpec) { template.Containers[0].Env[0].Value = "debug" })
	if err != nil {
		return 0, err
	}
	began := time.Now()
	back, err := f.until(ctx, edited, func(template corev1.PodSpec) bool { return template.Containers[0].Env[0].Value == "info" })
	return back.Sub(began) - correctAfter, err
}

// release gives a Deployment an image that crashes, as the trusted writer, and says how long
// after two of its pods crashed, and one again, the earlier image was back.
func (f *fleet) release(ctx context.Context, namespace, name string) (time.Duration, error) {
	image := ""
	pods, err := f.deployer.Watch(ctx, &corev1.PodList{}, client.InNamespace(namespace), client.MatchingLabels{"app": name})
	if err != nil {
		return 0, err
	}
	defer pods.Stop()
	changed, err := change(ctx, f.deployer, namespace, name, func(template *corev1.PodSpec) {
		image = template.Containers[0].Image
		template.Containers[0].Image += "-crash-loop"
	})
	if err != nil {
		return 0, err
	}
	returned := make(chan error, 1)
	var back time.Time
	go func() {
		var err error
		back, err = f.until(ctx, changed, func(template corev1.PodSpec) bool { return template.Containers[0].Image == image })
		returned <- err
	}()
	second, err := secondCrash(ctx, pods)
	if err := errors.Join(err, <-returned); err != nil {
		return 0, err
	}
	return back.Sub(second), nil
}

// change a Deployment's pods, and return it as it is then.
func change(ctx context.Context, as client.Client, namespace, name string, change func(*corev1.PodSpec)) (*appsv1.Deployment, error) {
	var d appsv1.Deployment
	if err := as.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &d); err != nil {
		return nil, err
	}
	before := d.DeepCopy()
	change(&d.Spec.Template.Spec)
	return &d, as.Patch(ctx, &d, client.MergeFrom(before))
}

// until waits until a Deployment's pods are to be as wanted, and says when that was seen.
func (f *fleet) until(ctx context.Context, d *appsv1.Deployment, wanted func(corev1.PodSpec) bool) (time.Time, error) {
	changes, err := f.deployer.Watch(ctx, &appsv1.DeploymentList{}, &client.ListOptions{
		Namespace: d.Namespace, FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, d.Name),
		Raw: &metav1.ListOptions{ResourceVersion: d.ResourceVersion},
	})
	if err != nil {
		return time.Time{}, err
	}
	defer changes.Stop()
	for event := range changes.ResultChan() {
		if now, ok := event.Object.(*appsv1.Deployment); ok && wanted(now.Spec.Template.Spec) {
			return time.Now(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s/%s was not brought back: %w", d.Namespace, d.Name, errors.Join(ctx.Err(), errors.New("the watch ended")))
}

// secondCrash waits until two pods of a crashing revision have crashed, and one of them again:
// a pod that crashes once may only have started before what it needs.
func secondCrash(ctx context.Context, pods watch.Interface) (time.Time, error) {
	crashed, again := map[string]bool{}, false
	for event := range pods.ResultChan() {
		pod, ok := event.Object.(*corev1.Pod)
		if !ok || !strings.HasSuffix(pod.Spec.Containers[0].Image, "-crash-loop") {
			continue
		}
		for _, c := range pod.Status.ContainerStatuses {
			if c.State.Terminated != nil || c.LastTerminationState.Terminated != nil {
				crashed[pod.Name] = true
			}
			again = again || c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff"
		}
		if len(crashed) >= 2 && again {
			return time.Now(), nil
		}
	}
	return time.Time{}, fmt.Errorf("no second pod crashed: %w", errors.Join(ctx.Err(), errors.New("the watch ended")))
}

func (f recoveryFigures) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d workloads in %d environments.\n\n", fleetEnvironments*fleetMembers, fleetEnvironments)
	b.WriteString("| From | To | Times | p50 | p99 |\n|---|---|---:|---:|---:|\n")
	for _, row := range []struct {
		from, to string
		took     []time.Duration
	}{
		{fmt.Sprintf("%s after a hand edit (`drift.correctAfter`)", correctAfter), "the edit is taken back", f.edits},
		{"two pods of a release crashed, one of them again", "the earlier revision is back", f.rollbacks},
	} {
		fmt.Fprintf(&b, "| %s | %s | %d | %.2f s | %.2f s |\n", row.from, row.to, len(row.took),
			quantile(row.took, 0.5).Seconds(), quantile(row.took, 0.99).Seconds())
	}
	return b.String()
}
