// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// The users of these tests. The operator may write whatever is to be there before a rule
// is enforced: its writes are not judged.
const (
	person   = "jane"
	operator = "system:serviceaccount:rampart-system:rampart"
)

// patience is how long the API server may take until a policy is in force.
const patience = 30 * time.Second

var (
	startServer = sync.OnceValues(func() (*testenv.Cluster, error) {
		return testenv.StartControlPlane(context.Background(), testenv.Options{CRDs: true})
	})
	serverStarted atomic.Bool
)

// testScheme knows what people write, and what probes.
var testScheme = func() *runtime.Scheme {
	all := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(all))
	utilruntime.Must(v1alpha1.AddToScheme(all))
	return all
}()

// TestMain stops the API server that the tests share, if one of them has started it.
func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	code := m.Run()
	if serverStarted.Load() {
		if cluster, err := startServer(); err == nil {
			if err := cluster.Stop(); err != nil {
				fmt.Fprintln(os.Stderr, "stop the control plane:", err)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// server is an environment with its native policies on a live API server.
type server struct {
	t         testing.TB
	config    *rest.Config
	env       Environment
	namespace string
}

// newServer makes a namespace that the environment of the same name selects.
func newServer(t testing.TB, name string) *server {
	t.Helper()
	serverStarted.Store(true)
	cluster, err := startServer()
	if err != nil {
		t.Fatalf("start the control plane: %v", err)
	}
	s := &server{t: t, config: cluster.Config, namespace: name, env: Environment{
		Name:               name,
		NamespaceSelector:  metav1.LabelSelector{MatchLabels: map[string]string{"environment": name}},
		Namespaces:         []string{name},
		ExcludedNamespaces: []string{"rampart-system"},
		OperatorUser:       operator,
	}}
	s.create(testenv.Namespace(name, map[string]string{"environment": name}))
	return s
}

func (s *server) create(objects ...client.Object) {
	s.t.Helper()
	for _, object := range objects {
		if err := s.as(operator).Create(s.t.Context(), object); err != nil {
			s.t.Fatalf("create %T %s: %v", object, object.GetName(), err)
		}
	}
}

// render puts rules in force until the end of the test, those at Enforce in all of the
// environment unless they say where.
func (s *server) render(rules ...Placed) Objects {
	s.t.Helper()
	for i := range rules {
		if rules[i].EnforcedIn == nil {
			rules[i].EnforcedIn = s.env.Namespaces
		}
	}
	objects := Render(s.env, rules)
	s.install(objects)
	s.untilLive(objects)
	return objects
}

// untilLive waits until every policy that stands somewhere answers there.
func (s *server) untilLive(objects Objects) {
	s.t.Helper()
	for _, probe := range objects.Probes {
		for _, namespace := range probe.Namespaces {
			NewWithT(s.t).Eventually(func() bool { return s.answered(probe, namespace) }, patience, 20*time.Millisecond).
				Should(BeTrue(), "%s in %s", probe.Policy, namespace)
		}
	}
}

// answered probes a policy as the operator does.
func (s *server) answered(probe Probe, namespace string) bool {
	s.t.Helper()
	c, heard := s.listening(operator)
	err := c.Create(s.t.Context(), &v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: probe.Report}}, client.DryRunAll)
	texts := heard.take()
	if err != nil {
		texts = append(texts, err.Error())
	}
	return probe.Answered(texts...)
}

// install puts policies in force until the end of the test.
func (s *server) install(objects Objects) {
	s.t.Helper()
	var all []client.Object
	for _, o := range objects.ValidatingPolicies {
		all = append(all, o)
	}
	for _, o := range objects.ValidatingBindings {
		all = append(all, o)
	}
	for _, o := range objects.MutatingPolicies {
		all = append(all, o)
	}
	for _, o := range objects.MutatingBindings {
		all = append(all, o)
	}
	s.create(all...)
	s.t.Cleanup(func() {
		for _, object := range all {
			if err := s.as(operator).Delete(context.Background(), object); err != nil {
				s.t.Errorf("delete %s: %v", object.GetName(), err)
			}
		}
	})
}

// as is a client of a user who may do everything that admission lets through.
func (s *server) as(user string) client.Client {
	s.t.Helper()
	c, _ := s.listening(user)
	return c
}

// listening is the same with the warnings that the API server answers.
func (s *server) listening(user string) (client.Client, *warnings) {
	s.t.Helper()
	heard := &warnings{}
	config := rest.CopyConfig(s.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters"}}
	config.WarningHandlerWithContext = heard
	c, err := client.New(config, client.Options{Scheme: testScheme})
	if err != nil {
		s.t.Fatalf("make a client: %v", err)
	}
	return c, heard
}

// try creates an object in a dry-run as a person would and returns the answer.
func (s *server) try(object client.Object) error {
	copied := object.DeepCopyObject().(client.Object)
	copied.SetNamespace(s.namespace)
	return s.as(person).Create(s.t.Context(), copied, client.DryRunAll)
}

// untilRefused waits until the policies are in force, which an object that they refuse shows.
func (s *server) untilRefused(object client.Object) {
	s.t.Helper()
	NewWithT(s.t).Eventually(func() error { return s.try(object) }, patience, 20*time.Millisecond).Should(beRefused())
}

// beRefused matches the denial of a policy of ours, and no other error.
func beRefused() OmegaMatcher {
	return And(Satisfy(apierrors.IsForbidden), MatchError(ContainSubstring("denied request: ")))
}

// findingsSaid are the findings that a denial names, and how many it has besides.
func findingsSaid(denial error) (named []string, more int) {
	if denial == nil {
		return nil, 0
	}
	_, message, _ := strings.Cut(denial.Error(), "denied request: ")
	_, list, _ := strings.Cut(message, ": ")
	named = strings.Split(list, "; ")
	last := len(named) - 1
	if n, _ := fmt.Sscanf(named[last], "+%d more", &more); n == 1 {
		named = named[:last]
	}
	return named, more
}

// warnings collects warnings that speak of our policies.
type warnings struct {
	mu   sync.Mutex
	text []string
}

func (w *warnings) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, message, ours := strings.Cut(text, "with binding "); ours {
		_, message, _ = strings.Cut(message, ": ")
		w.text = append(w.text, message)
	}
}

func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.text
	w.text = nil
	return taken
}

func placed(level v1alpha1.Level, programs ...*Program) []Placed {
	var all []Placed
	for _, p := range programs {
		all = append(all, Placed{Program: p, Level: level})
	}
	return all
}

func wholeCatalogue(t testing.TB) []*Program {
	t.Helper()
	var all []*Program
	for _, g := range catalogue(t) {
		all = append(all, compiled(t, g))
	}
	return all
}

// inAdmission is the catalogue without the rules that only the background can judge.
func inAdmission(t testing.TB) []*Program {
	t.Helper()
	return slices.DeleteFunc(wholeCatalogue(t), (*Program).BackgroundOnly)
}

// podOf is a pod of containers with images, named by their position.
func podOf(name string, images ...string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       deployment(images...).Spec.Template.Spec,
	}
}
