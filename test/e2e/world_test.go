// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

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
		t.Fatalf("%v\nWhat was told before:\n%s", shared.untold, shared.told.String())
	}
	return &shared
}

func (w *world) begin(ctx context.Context) error {
	var err error
	if w.audit, err = newAuditLog(folder); err != nil {
		return err
	}
	w.cluster, err = testenv.StartControlPlane(ctx, testenv.Options{
		Controllers: true, Nodes: 3, CRDs: true, APIServerArgs: w.audit.apiServerArgs(),
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

// operatorLog is what the operator, and all before it, have logged.
func (w *world) operatorLog() string {
	content, err := os.ReadFile(filepath.Join(w.cluster.Logs, "rampart.log"))
	if err != nil {
		return err.Error()
	}
	return string(content)
}
