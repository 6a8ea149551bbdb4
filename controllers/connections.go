// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remote"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// silenceEvery is how often connections are looked at that nothing is heard of.
const silenceEvery = 5 * time.Second

// errOpening says that a connection has not been read for the first time yet. Whoever meets
// it leaves everything as it is, and is woken when it is known.
var errOpening = errors.New("the connection to another cluster is being opened")

// Connections are those to other clusters, each declared by a Secret in the operator's
// namespace. What is decided by them is decided by what was read a moment ago, or not at all.
type Connections struct {
	// Secrets reads those of the operator's namespace; nil when it may not.
	Secrets client.Reader
	// Namespace is the operator's own.
	Namespace string
	Clock     clock.PassiveClock
	Timing    remote.Timing
	Events    events.EventRecorder

	mu        sync.Mutex
	known     map[string]*declaration
	listeners []func(connectionChange)
}

// declaration is a connection as its Secret declares it.
type declaration struct {
	secret     *corev1.Secret
	kubeconfig []byte
	// connection is nil when the kubeconfig is refused.
	connection *connection
	refused    error
	// told is the standing that was told last; opening, until any was.
	told remote.Standing
}

// Start looks at every connection again and again, because silence makes no event, and
// closes them all when the context ends.
func (c *Connections) Start(ctx context.Context) error {
	defer c.closeAll()
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		for _, name := range c.names() {
			c.check(ctx, name)
		}
	}, silenceEvery)
	return nil
}

// Changes is a source of the requests that changes in other clusters lead to, so much later.
func (c *Connections) Changes(later time.Duration, requests func(context.Context, connectionChange) []reconcile.Request) source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.listeners = append(c.listeners, func(change connectionChange) {
			for _, request := range requests(ctx, change) {
				queue.AddAfter(request, later)
			}
		})
		return nil
	})
}

// declare opens the connection of a Secret, anew if its kubeconfig has changed.
func (c *Connections) declare(ctx context.Context, secret *corev1.Secret) {
	kubeconfig := secret.Data[v1alpha1.KeyKubeconfig]
	c.mu.Lock()
	before := c.known[secret.Name]
	c.mu.Unlock()
	if before != nil && before.secret.UID == secret.UID && bytes.Equal(before.kubeconfig, kubeconfig) {
		return
	}
	next := &declaration{
		kubeconfig: kubeconfig, told: remote.Standing{Opening: true},
		secret: &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name, UID: secret.UID}},
	}
	next.connection, next.refused = c.connect(ctx, secret)
	c.replace(secret.Name, next)
	c.check(ctx, secret.Name)
}

// connect opens what a Secret declares.
func (c *Connections) connect(ctx context.Context, secret *corev1.Secret) (*connection, error) {
	kubeconfig, found := secret.Data[v1alpha1.KeyKubeconfig]
	if !found {
		return nil, fmt.Errorf("it has no key %s: put the kubeconfig there", v1alpha1.KeyKubeconfig)
	}
	access, err := remote.Parse(kubeconfig)
	if err != nil {
		return nil, err
	}
	opened, err := dial(secret.Name, access, c.Timing, c.Clock)
	if err != nil {
		return nil, err
	}
	opened.changed, opened.refresh = c.tell, func() { c.check(ctx, secret.Name) }
	if err := opened.open(); err != nil {
		opened.close()
		return nil, err
	}
	return opened, nil
}

// replace closes the connection of a name and puts another in its place; nil for none.
func (c *Connections) replace(name string, next *declaration) {
	c.mu.Lock()
	before := c.known[name]
	if c.known == nil {
		c.known = map[string]*declaration{}
	}
	c.known[name] = next
	if next == nil {
		delete(c.known, name)
	}
	c.mu.Unlock()
	if before != nil && before.connection != nil {
		before.connection.close()
	}
}

// withdraw closes a connection whose Secret is gone.
func (c *Connections) withdraw(name string) {
	c.replace(name, nil)
	c.tell(connectionChange{cluster: name})
}

func (c *Connections) closeAll() {
	for _, name := range c.names() {
		c.replace(name, nil)
	}
}

func (c *Connections) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for name := range c.known {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// standing of a declared connection.
func (c *Connections) standing(name string, d *declaration) remote.Standing {
	contact := remote.Contact{Refused: d.refused}
	if d.connection != nil {
		contact = d.connection.contact()
	}
	return contact.Judge(name, c.Timing, c.Clock.Now())
}

// check tells whoever decides by a connection, and whoever reads events, when its standing
// has changed.
func (c *Connections) check(ctx context.Context, name string) {
	c.mu.Lock()
	d := c.known[name]
	if d == nil {
		c.mu.Unlock()
		return
	}
	is := c.standing(name, d)
	same := is == d.told
	d.told = is
	c.mu.Unlock()
	if same {
		return
	}
	if is.Usable() {
		c.Events.Eventf(d.secret, nil, telemetry.Normal, telemetry.ReasonClusterConnected, telemetry.ActionConnect, "reads the reports of cluster %s", name)
	} else {
		c.Events.Eventf(d.secret, nil, telemetry.Warning, telemetry.ReasonClusterLost, telemetry.ActionConnect, "%s: nothing is decided by it until then", is.Message)
	}
	ctrl.LoggerFrom(ctx).Info("connection to another cluster", "cluster", name, "usable", is.Usable(), "reason", is.Reason, "message", is.Message)
	c.tell(connectionChange{cluster: name})
}

// tell everybody what has changed.
func (c *Connections) tell(change connectionChange) {
	c.mu.Lock()
	listeners := slices.Clone(c.listeners)
	c.mu.Unlock()
	for _, listener := range listeners {
		listener(change)
	}
}

// use is the open connection of a name, or why there is none to decide by. It fails with
// errOpening while nobody knows.
func (c *Connections) use(ctx context.Context, name string) (*connection, remote.Standing, error) {
	c.mu.Lock()
	d := c.known[name]
	c.mu.Unlock()
	if d == nil {
		standing, err := c.undeclared(ctx, name)
		return nil, standing, err
	}
	standing := c.standing(name, d)
	if standing.Opening {
		return nil, standing, errOpening
	}
	return d.connection, standing, nil
}

// undeclared is how a connection stands that is not known here.
func (c *Connections) undeclared(ctx context.Context, name string) (remote.Standing, error) {
	if c.Secrets == nil {
		return remote.Standing{Reason: v1alpha1.ReasonPermissionDenied, Message: fmt.Sprintf(
			"the operator may not read Secrets in its namespace %s: apply the Role rampart-cluster-connections and its binding again, and restart it", c.Namespace)}, nil
	}
	err := c.Secrets.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: name}, &corev1.Secret{})
	switch {
	case err == nil:
		return remote.Standing{Opening: true}, errOpening
	case apierrors.IsNotFound(err):
		return remote.Standing{Reason: v1alpha1.ReasonConnectionMissing, Message: fmt.Sprintf(
			"there is no connection %[1]s: create a Secret of that name and of the type %[2]s in namespace %[3]s. "+
				"If Secret %[1]s is there, its type is another, which cannot be changed: delete it, and create it with --type %[2]s",
			name, v1alpha1.SecretTypeConnection, c.Namespace)}, nil
	default:
		return remote.Standing{}, fmt.Errorf("get Secret %s: %w", name, err)
	}
}
