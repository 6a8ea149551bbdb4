// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/hack/demo/story"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// world is what the tests share: the cluster after the story. They run one after the other,
// in any order, and each cleans up what it added.
type world struct {
	cluster  *testenv.Cluster
	operator *testenv.Operator
	// admin may do everything.
	admin client.WithWatch
	audit auditLog
	// told is what the story said, and untold why it did not end.
	told   bytes.Buffer
	untold error
}

// nodes is how many nodes the cluster has.
const nodes = 3

// refresh is within how long the API server loads a native policy that has changed.
const refresh = 2 * time.Second

var (
	shared world
	create sync.Once
)

// theWorld is the shared one, made by whoever needs it first. A test that finds the story
// failed fails too: it would only tell of consequences.
func theWorld(t *testing.T) *world {
	t.Helper()
	create.Do(func() { shared.untold = shared.begin(context.Background()) })
	if shared.untold != nil {
		t.Fatalf("%v\nWhat was told before:\n%s\nWhat the operator says:\n%s", shared.untold, shared.told.String(), shared.reports(t))
	}
	return &shared
}

func (w *world) begin(ctx context.Context) error {
	var err error
	if w.audit, err = newAuditLog(folder); err != nil {
		return err
	}
	w.cluster, err = testenv.StartControlPlane(ctx, testenv.Options{
		Controllers: true, Nodes: nodes, CRDs: true, APIServerArgs: w.audit.apiServerArgs(),
	})
	if err != nil {
		return err
	}
	if w.operator, err = w.cluster.StartOperator(ctx, testenv.OperatorOptions{Binary: program()}); err != nil {
		return err
	}
	if w.admin, err = newClient(w.cluster.Config); err != nil {
		return err
	}
	return story.Play(ctx, w.cluster, &w.told)
}

func tearDown() error {
	var stopped error
	if shared.cluster != nil {
		stopped = shared.cluster.Stop()
	}
	return errors.Join(stopped, os.RemoveAll(folder))
}

func newClient(config *rest.Config) (client.WithWatch, error) {
	return client.NewWithWatch(config, client.Options{Scheme: controllers.Scheme()})
}

// reports are what the operator says of every workload, in its own words.
func (w *world) reports(t *testing.T) string {
	t.Helper()
	if w.cluster == nil {
		return "nothing: there is no cluster"
	}
	output, err := w.cluster.RunKubectl(t.Context(), "get", "readinessreports", "--all-namespaces", "--output=jsonpath="+
		`{range .items[*]}{.metadata.namespace}/{.metadata.name}: {.status.message}; {.status.drift.decision}{"\n"}{range .status.actions[*]}  {.time} {.outcome} {.message}{"\n"}{end}{end}`)
	if err != nil {
		return err.Error()
	}
	return output
}
