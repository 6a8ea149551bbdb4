// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/telemetry"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// The writers of the stories: the deployer is trusted, dana is not.
const (
	deployer = "deployer"
	dana     = "dana"
)

// world is one environment with one namespace, apart from those of all other tests, and
// an operator with a clock that stands still.
type world struct {
	policy    *v1alpha1.EnvironmentPolicy
	namespace string
	clock     *clocktesting.FakePassiveClock
	events    *eventLog
	// client is the operator's. A test may put one in its place that fails.
	client  client.WithWatch
	reports *controllers.ReportReconciler
	// prober stands for API servers that act on every native policy at once. A test may put
	// another in its place.
	prober controllers.Prober
	// pods counts the pods that were made, to name them.
	pods int
}

// newWorld makes an environment of a stage. Unless edit says otherwise, no guardrail
// stands in it: those of other tests would.
func newWorld(stage v1alpha1.Stage, edit ...func(*v1alpha1.EnvironmentPolicySpec)) *world {
	GinkgoHelper()
	name := "case-" + rand.String(8)
	w := &world{
		namespace: name, clock: clocktesting.NewFakePassiveClock(time.Now().Truncate(time.Second)), events: &eventLog{}, client: operator,
		prober: &fakeProber{answers: true},
	}
	w.policy = newPolicy(name, stage, edit...)
	Expect(admin.Create(ctx, w.policy)).To(Succeed())
	DeferCleanup(func() { Expect(client.IgnoreNotFound(admin.Delete(ctx, w.policy))).To(Succeed()) })
	Expect(admin.Create(ctx, testenv.Namespace(name, map[string]string{"environment": name}))).To(Succeed())
	w.restartOperator()
	return w
}

// newPolicy is an environment of the namespaces with the label environment=<name>.
func newPolicy(name string, stage v1alpha1.Stage, edit ...func(*v1alpha1.EnvironmentPolicySpec)) *v1alpha1.EnvironmentPolicy {
	policy := &v1alpha1.EnvironmentPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.EnvironmentPolicySpec{
			Stage:             stage,
			NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{"environment": name}},
			Guardrails: []v1alpha1.GuardrailEntry{{
				Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"case": name}},
			}},
		},
	}
	for _, e := range edit {
		e(&policy.Spec)
	}
	return policy
}

// restartOperator forgets all that an operator has in memory.
func (w *world) restartOperator() {
	w.reports = &controllers.ReportReconciler{
		Client: w.client, Objects: w.client, Live: w.client, SecretWrites: liveSecrets{}, Clock: w.clock, Programs: controllers.NewPrograms(compiler),
		Impressions: controllers.NewImpressions[controllers.Key](), Departures: controllers.NewDepartures(w.clock), Drafts: controllers.NewDrafts(w.client, w.clock), Events: w.events, Metrics: telemetry.NewMetrics(prometheus.NewRegistry()),
		Slots: &controllers.Slots{}, OperatorNamespace: "rampart-system", OperatorUser: operatorUser, Stamping: true,
	}
}

// environments is the loop of the EnvironmentPolicies.
func (w *world) environments() *controllers.EnvironmentReconciler {
	return &controllers.EnvironmentReconciler{
		Client: w.client, Clock: w.clock, Programs: controllers.NewPrograms(compiler), Applier: controllers.NewApplier(w.client),
		Liveness: controllers.NewLiveness(w.prober), Events: w.events, Metrics: telemetry.NewMetrics(prometheus.NewRegistry()), Permissions: controllers.NewPermissions(w.client),
		Baselines: controllers.NewBaselines(), OperatorNamespace: "rampart-system", OperatorUser: operatorUser, Mutating: true,
	}
}

// joined says on the Namespace that it joined the environment, as the Namespace loop does.
func (w *world) joined(state string) {
	GinkgoHelper()
	w.annotate(v1alpha1.AnnotationJoined, fmt.Sprintf("%s %s %s", w.policy.Name, w.clock.Now().UTC().Format(time.RFC3339), state))
}

// annotate the namespace, as the operator does.
func (w *world) annotate(name, value string) {
	GinkgoHelper()
	var namespace corev1.Namespace
	Expect(admin.Get(ctx, client.ObjectKey{Name: w.namespace}, &namespace)).To(Succeed())
	before := namespace.DeepCopy()
	namespace.Annotations = with(namespace.Annotations, name, value)
	Expect(admin.Patch(ctx, &namespace, client.MergeFrom(before), client.FieldOwner(v1alpha1.ManagedBy))).To(Succeed())
}

// later lets time pass.
func (w *world) later(d time.Duration) { w.clock.SetTime(w.clock.Now().Add(d)) }

// look is one pass of the report loop over a Deployment, which must succeed.
func (w *world) look(name string) ctrl.Result {
	GinkgoHelper()
	result, err := w.tryLook(name)
	Expect(err).NotTo(HaveOccurred())
	return result
}

func (w *world) tryLook(name string) (ctrl.Result, error) {
	return w.reports.Reconcile(ctx, w.key(name))
}

func (w *world) key(name string) controllers.Key {
	return controllers.Key{Kind: v1alpha1.KindDeployment, Namespace: w.namespace, Name: name}
}

// report of a Deployment.
func (w *world) report(name string) *v1alpha1.ReadinessReport {
	GinkgoHelper()
	var report v1alpha1.ReadinessReport
	Expect(admin.Get(ctx, w.reportKey(name), &report)).To(Succeed())
	return &report
}

func (w *world) reportKey(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: w.namespace, Name: workload.ReportName(v1alpha1.KindDeployment, name)}
}

// actions of a kind that the report of a Deployment remembers, as outcomes, the newest first.
func (w *world) actions(name string, kind v1alpha1.ActionKind) []v1alpha1.ActionOutcome {
	GinkgoHelper()
	var outcomes []v1alpha1.ActionOutcome
	for _, action := range w.report(name).Status.Actions {
		if action.Kind == kind {
			outcomes = append(outcomes, action.Outcome)
		}
	}
	return outcomes
}

// told says whether an event with that reason was told.
func (w *world) told(reason string) bool {
	return slices.ContainsFunc(w.events.all(), func(note string) bool { return strings.HasPrefix(note, reason+":") })
}
