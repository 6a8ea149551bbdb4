// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// Prober asks whether a native policy is in force.
type Prober interface {
	// Probe says whether the policy has answered in a namespace. When it has not, the error
	// says what the API server answered instead; nil means that it let the probe pass.
	Probe(ctx context.Context, namespace string, probe guardrail.Probe) (answered bool, err error)
}

// probeTimeout is how long the API server may take to answer one probe.
const probeTimeout = 5 * time.Second

// dryRunProber asks the API server itself. It needs no right but the one to create
// ReadinessReports, and stores nothing.
type dryRunProber struct {
	client client.Client
}

// NewProber asks the API server of a configuration. Its connection is its own, because it
// listens to the warnings that other clients log.
func NewProber(config *rest.Config) (Prober, error) {
	listening := rest.CopyConfig(config)
	listening.WarningHandlerWithContext = warningsHeard{}
	c, err := client.New(listening, client.Options{Scheme: Scheme()})
	if err != nil {
		return nil, fmt.Errorf("make a client that hears warnings: %w", err)
	}
	return &dryRunProber{client: c}, nil
}

func (p *dryRunProber) Probe(ctx context.Context, namespace string, probe guardrail.Probe) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	heard := &warnings{}
	report := &v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: probe.Report}}
	err := p.client.Create(context.WithValue(ctx, warningsKey{}, heard), report, client.DryRunAll)
	texts := heard.all()
	if err != nil {
		texts = append(texts, err.Error())
	}
	if probe.Answered(texts...) {
		return true, nil
	}
	return false, err
}

// warnings are what the API server says besides its answer to one request.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

func (w *warnings) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.texts
}

// warningsKey is where a request's context has its warnings.
type warningsKey struct{}

// warningsHeard gives each warning to the request that it answers.
type warningsHeard struct{}

func (warningsHeard) HandleWarningHeaderWithContext(ctx context.Context, _ int, _, text string) {
	if heard, listening := ctx.Value(warningsKey{}).(*warnings); listening {
		heard.mu.Lock()
		defer heard.mu.Unlock()
		heard.texts = append(heard.texts, text)
	}
}
