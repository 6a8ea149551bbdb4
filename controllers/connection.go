// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remote"
)

const (
	// connectionQPS and connectionBurst limit what one connection asks of another cluster.
	connectionQPS   = 5
	connectionBurst = 10
	// connectionGrace is how much longer than a watch a request may take.
	connectionGrace = 15 * time.Second
	// skewJitter is how much of a difference between two measurements of a clock is noise.
	skewJitter = 10 * time.Second

	byNamespace   = "namespace"
	byEnvironment = "environment"
)

// connection reads the reports and policies of another cluster, for as long as it is open.
type connection struct {
	name   string
	timing remote.Timing
	clock  clock.PassiveClock
	// changed is called when something there has changed, refresh when the standing of the
	// connection may have. Neither may be called with a lock held.
	changed func(connectionChange)
	refresh func()

	http    *http.Client
	cancel  context.CancelFunc
	mirrors []*mirror
	since   time.Time

	mu   sync.Mutex
	skew time.Duration
}

// connectionChange is what has changed in another cluster.
type connectionChange struct {
	// cluster is the name of the connection.
	cluster string
	// namespace and environment of the report that changed; empty when anything may have.
	namespace, environment string
}

// dial makes a connection that reads nothing yet.
func dial(name string, access remote.Access, timing remote.Timing, now clock.PassiveClock) (*connection, error) {
	c := &connection{name: name, timing: timing, clock: now, since: now.Now()}
	config := &rest.Config{
		Host: access.Server, BearerToken: access.Token,
		TLSClientConfig: rest.TLSClientConfig{
			ServerName: access.ServerName, CAData: access.Authority, CertData: access.Certificate, KeyData: access.Key,
		},
		UserAgent: "rampart-connection", QPS: connectionQPS, Burst: connectionBurst, Timeout: timing.Watch + connectionGrace,
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &wary{next: next, connection: c} })
	var err error
	if c.http, err = rest.HTTPClientFor(config); err != nil {
		return nil, fmt.Errorf("connect to cluster %s: %w", name, err)
	}
	reader, err := client.NewWithWatch(config, client.Options{Scheme: Scheme(), Mapper: foreignKinds(), HTTPClient: c.http})
	if err != nil {
		return nil, fmt.Errorf("connect to cluster %s: %w", name, err)
	}
	c.mirrors = []*mirror{
		newMirror(reader, &v1alpha1.ReadinessReport{}, &v1alpha1.ReadinessReportList{}, c, toolscache.Indexers{
			byNamespace: toolscache.MetaNamespaceIndexFunc,
			byEnvironment: func(object any) ([]string, error) {
				return []string{object.(*v1alpha1.ReadinessReport).Status.Environment}, nil
			},
		}),
		newMirror(reader, &v1alpha1.EnvironmentPolicy{}, &v1alpha1.EnvironmentPolicyList{}, c, nil),
	}
	return c, nil
}

// foreignKinds are all that is ever read from another cluster, so that nobody has to ask
// it what it serves.
func foreignKinds() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(v1alpha1.GroupVersion.WithKind("ReadinessReport"), meta.RESTScopeNamespace)
	mapper.Add(v1alpha1.GroupVersion.WithKind("EnvironmentPolicy"), meta.RESTScopeRoot)
	return mapper
}

// open begins to read; it ends with close.
func (c *connection) open() error {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	filled := make([]toolscache.InformerSynced, 0, len(c.mirrors))
	for _, m := range c.mirrors {
		if err := m.run(ctx); err != nil {
			return err
		}
		filled = append(filled, m.informer.HasSynced)
	}
	go func() {
		if toolscache.WaitForCacheSync(ctx.Done(), filled...) {
			c.refresh()
		}
	}()
	return nil
}

// close ends every request.
func (c *connection) close() {
	if c.cancel != nil {
		c.cancel()
	}
	c.http.CloseIdleConnections()
}

// contact is what is known of the connection now.
func (c *connection) contact() remote.Contact {
	c.mu.Lock()
	contact := remote.Contact{Since: c.since, Filled: true, Skew: c.skew}
	c.mu.Unlock()
	for i, m := range c.mirrors {
		heard, failure := m.state()
		if i == 0 || heard.Before(contact.Heard) {
			contact.Heard = heard
		}
		if remote.Graver(failure, contact.Failure) {
			contact.Failure = failure
		}
		contact.Filled = contact.Filled && m.informer.HasSynced()
	}
	return contact
}

// reports in an index, as they were last read there. They are copies.
func (c *connection) reports(index, value string) ([]v1alpha1.ReadinessReport, error) {
	objects, err := c.mirrors[0].informer.GetIndexer().ByIndex(index, value)
	if err != nil {
		return nil, fmt.Errorf("look up the reports of cluster %s by %s: %w", c.name, index, err)
	}
	reports := make([]v1alpha1.ReadinessReport, 0, len(objects))
	for _, object := range objects {
		if report := object.(*v1alpha1.ReadinessReport); remote.Sound(*report) {
			reports = append(reports, *report.DeepCopy())
		}
	}
	slices.SortFunc(reports, func(a, b v1alpha1.ReadinessReport) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return reports, nil
}

// policy is that of an environment there, a copy; nil when there is none.
func (c *connection) policy(name string) (*v1alpha1.EnvironmentPolicy, error) {
	object, found, err := c.mirrors[1].informer.GetIndexer().GetByKey(name)
	if err != nil || !found {
		return nil, err
	}
	return object.(*v1alpha1.EnvironmentPolicy).DeepCopy(), nil
}

// errElsewhere is the answer of no API server.
var errElsewhere = errors.New("it sent the operator elsewhere, where it does not go")

// wary goes where it was sent by nobody but the Secret, and compares the clock of the other
// API server with ours at every answer.
type wary struct {
	next       http.RoundTripper
	connection *connection
}

// RoundTrip implements http.RoundTripper.
func (w *wary) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := w.connection.clock.Now()
	response, err := w.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices && response.StatusCode < http.StatusBadRequest {
		return nil, errors.Join(errElsewhere, response.Body.Close())
	}
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		if skew, known := remote.Skew(date, sent, w.connection.clock.Now()); known {
			w.connection.sawClock(skew)
		}
	}
	return response, nil
}

func (c *connection) sawClock(skew time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if (skew - c.skew).Abs() > skewJitter {
		c.skew = skew
	}
}
