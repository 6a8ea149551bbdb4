// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/remote"
	"github.com/rampart-dev/rampart/internal/telemetry"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// hasty finds out within seconds what the default timing finds out within minutes.
var hasty = remote.Timing{Watch: 2 * time.Second, Silence: 5 * time.Second, Opening: 10 * time.Second}

// otherCluster is a second control plane, where another operator has written reports.
type otherCluster struct {
	*testenv.Cluster
	admin client.Client
}

func newOtherCluster() *otherCluster {
	GinkgoHelper()
	other := &otherCluster{Cluster: testenv.ForSuite(GinkgoT(), testenv.Options{CRDs: true})}
	_, err := other.RunKubectl(ctx, "apply", "--server-side", "-k", "config/rbac")
	Expect(err).NotTo(HaveOccurred())
	other.admin = other.as(other.Config)
	return other
}

func (o *otherCluster) as(config *rest.Config) client.Client {
	GinkgoHelper()
	c, err := client.New(config, client.Options{Scheme: controllers.Scheme()})
	Expect(err).NotTo(HaveOccurred())
	return c
}

// account makes one that may read what a remote gate needs, as the guide says.
func (o *otherCluster) account(name string) *corev1.ServiceAccount {
	GinkgoHelper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "rampart-system", Name: name}}
	Expect(o.admin.Create(ctx, account)).To(Succeed())
	o.bind(name)
	return account
}

func (o *otherCluster) bind(account string) {
	GinkgoHelper()
	Expect(o.admin.Create(ctx, o.binding(account))).To(Succeed())
}

func (o *otherCluster) binding(account string) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: account},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "rampart-remote-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "rampart-system", Name: account}},
	}
}

// kubeconfig of an account, with a token that the API server issues for it.
func (o *otherCluster) kubeconfig(account *corev1.ServiceAccount) []byte {
	GinkgoHelper()
	path, err := o.KubeconfigFor(ctx, client.ObjectKeyFromObject(account))
	Expect(err).NotTo(HaveOccurred())
	text, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred())
	return text
}

// report of the Deployment shop in a namespace there.
func (o *otherCluster) report(namespace string, edit func(*v1alpha1.ReadinessReportStatus)) {
	GinkgoHelper()
	Expect(client.IgnoreAlreadyExists(o.admin.Create(ctx, testenv.Namespace(namespace, nil)))).To(Succeed())
	report := &v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "deployment-shop"}}
	Expect(client.IgnoreAlreadyExists(o.admin.Create(ctx, report))).To(Succeed())
	Expect(o.admin.Get(ctx, client.ObjectKeyFromObject(report), report)).To(Succeed())
	report.Status.Workload = v1alpha1.ReportedWorkload{Kind: v1alpha1.KindDeployment, Name: "shop"}
	report.Status.Environment = "staging"
	edit(&report.Status)
	Expect(o.admin.Status().Update(ctx, report)).To(Succeed())
}

// proven is a report of a revision that was proven by all that production asks for.
func proven(image string) func(*v1alpha1.ReadinessReportStatus) {
	return func(status *v1alpha1.ReadinessReportStatus) {
		var none *v1alpha1.ReadinessTargets
		status.State, status.Targets = v1alpha1.ReportProven, none.Effective(v1alpha1.Production)
		containers := []v1alpha1.RevisionContainer{{Name: "main", Image: image}}
		status.Revision = v1alpha1.Revision{Hash: image, Number: status.Revision.Number + 1, Since: metav1.Now(), Containers: containers}
		status.Proven = append([]v1alpha1.ProvenRevision{{
			Hash: image, Time: metav1.Now(), Score: 91, Targets: status.Targets, Containers: containers,
		}}, status.Proven...)
	}
}

func failing(status *v1alpha1.ReadinessReportStatus) {
	status.State, status.Message = v1alpha1.ReportFailing, "failing now: pod shop-1 is in CrashLoopBackOff"
}

// connectionSecret declares a connection.
func connectionSecret(name string, kubeconfig []byte) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "rampart-system", Name: name},
		Type:       v1alpha1.SecretTypeConnection, Data: map[string][]byte{v1alpha1.KeyKubeconfig: kubeconfig},
	}
}

// declare a connection; it is taken back with the test.
func declare(name string, kubeconfig []byte) *corev1.Secret {
	GinkgoHelper()
	secret := connectionSecret(name, kubeconfig)
	Expect(admin.Create(ctx, secret)).To(Succeed())
	DeferCleanup(func() { Expect(client.IgnoreNotFound(admin.Delete(ctx, secret))).To(Succeed()) })
	return secret
}

func renew(secret *corev1.Secret, kubeconfig []byte) {
	GinkgoHelper()
	secret.Data = map[string][]byte{v1alpha1.KeyKubeconfig: kubeconfig}
	Expect(admin.Update(ctx, secret)).To(Succeed())
}

// newGateOn is production behind a gate that looks at a namespace of another cluster. The
// namespaces have one name, and nothing else in common.
func newGateOn(cluster string) *world {
	GinkgoHelper()
	w := newWorld(v1alpha1.Production)
	w.joined("empty")
	gate := &v1alpha1.PromotionGate{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "gate"},
		Spec:       v1alpha1.PromotionGateSpec{Source: v1alpha1.GateSource{Namespace: w.namespace, Cluster: cluster}},
	}
	Expect(admin.Create(ctx, gate)).To(Succeed())
	DeferCleanup(func() { Expect(client.IgnoreNotFound(admin.Delete(ctx, gate))).To(Succeed()) })
	return w
}

// stands is a matcher of a gate's conditions.
func stands(promotable metav1.ConditionStatus, reason, says string) types.GomegaMatcher {
	return WithTransform(func(g *v1alpha1.PromotionGate) []metav1.Condition { return g.Status.Conditions }, ContainElement(And(
		HaveField("Type", v1alpha1.ConditionPromotable), HaveField("Status", promotable),
		HaveField("Reason", reason), HaveField("Message", ContainSubstring(says)))))
}

func isOpen() types.GomegaMatcher {
	return stands(metav1.ConditionTrue, v1alpha1.ReasonAllOpen, "proven")
}

var _ = Describe("A remote source", Ordered, func() {
	var (
		other   *otherCluster
		account *corev1.ServiceAccount
		secret  *corev1.Secret
		w       *world
	)
	ledger := func() map[string]string {
		annotations := getNamespace(w.namespace).Annotations
		return map[string]string{"shop": annotations["deployment.ledger.rampart.dev/shop"]}
	}

	BeforeAll(func() {
		other = newOtherCluster()
		runLoops(controllers.Options{OperatorNamespace: "rampart-system", Connections: hasty})
		account = other.account("first-reader")
		w = newGateOn("staging")
		other.report(w.namespace, proven("registry.example/shop:1.0.0"))
	})

	AfterAll(func() {
		Expect(client.IgnoreNotFound(admin.Delete(ctx, connectionSecret("staging", nil)))).To(Succeed())
	})

	It("is not known before the platform has declared its cluster", func() {
		Eventually(w.gate).Should(stands(metav1.ConditionUnknown, v1alpha1.ReasonConnectionMissing,
			"create a Secret of that name and of the type rampart.dev/cluster-connection in namespace rampart-system"))
		Expect(meta.IsStatusConditionFalse(w.gate().Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue())
		Expect(w.gate().Status.State).To(Equal(v1alpha1.GatePending))

		By("a Secret of another type, which nobody reads")
		another := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "rampart-system", Name: "staging"}, Data: map[string][]byte{v1alpha1.KeyKubeconfig: other.kubeconfig(account)}}
		Expect(admin.Create(ctx, another)).To(Succeed())
		Consistently(w.gate, "1s").Should(stands(metav1.ConditionUnknown, v1alpha1.ReasonConnectionMissing,
			"If Secret staging is there, its type is another, which cannot be changed: delete it, and create it with --type rampart.dev/cluster-connection"))
		Expect(admin.Delete(ctx, another)).To(Succeed())
	})

	It("is not read by a kubeconfig that could do harm", func() {
		config, err := clientcmd.Load(other.kubeconfig(account))
		Expect(err).NotTo(HaveOccurred())
		for _, user := range config.AuthInfos {
			user.Token, user.Exec = "", &clientcmdapi.ExecConfig{APIVersion: "client.authentication.k8s.io/v1", Command: "touch", InteractiveMode: clientcmdapi.NeverExecInteractiveMode}
		}
		harmful, err := clientcmd.Write(*config)
		Expect(err).NotTo(HaveOccurred())
		secret = connectionSecret("staging", harmful)
		Expect(admin.Create(ctx, secret)).To(Succeed())

		Eventually(w.gate).Should(stands(metav1.ConditionUnknown, v1alpha1.ReasonConnectionInvalid, "exec: the operator runs no programs"))
		Eventually(func() []string { return eventsAbout(secret) }).Should(ContainElement(telemetry.ReasonClusterLost))
		for garbage, says := range map[string]string{"": "current-context is not set", "\x00": "it is no kubeconfig"} {
			renew(secret, []byte(garbage))
			Eventually(w.gate).Should(stands(metav1.ConditionUnknown, v1alpha1.ReasonConnectionInvalid, says))
		}
	})

	It("opens the gate for what was proven there, and writes the ledger", func() {
		renew(secret, other.kubeconfig(account))

		Eventually(w.gate).Should(isOpen())
		Eventually(ledger).Should(HaveKeyWithValue("shop", ContainSubstring("registry.example/shop:1.0.0")))
		Eventually(func() []string { return eventsAbout(secret) }).Should(ContainElement(telemetry.ReasonClusterConnected))
	})

	It("closes it when the revision fails there, and opens it again", func() {
		other.report(w.namespace, failing)
		Eventually(w.gate).Should(stands(metav1.ConditionFalse, v1alpha1.ReasonBlocked, "CrashLoopBackOff"))
		other.report(w.namespace, proven("registry.example/shop:1.0.1"))
		Eventually(w.gate).Should(isOpen())
	})

	It("writes nothing at rest", func() {
		version := w.gate().ResourceVersion
		Consistently(func() string { return w.gate().ResourceVersion }, 3*hasty.Watch).Should(Equal(version))
	})

	It("is not mixed up with the namespace of the same name in this cluster", func() {
		w.remember("shop", failing)
		Consistently(w.gate, "1s").Should(isOpen())
	})

	It("says so when the namespace there has no report", func() {
		empty := newGateOn("staging")
		Eventually(empty.gate).Should(stands(metav1.ConditionUnknown, v1alpha1.ReasonSourceUnknown, "cluster staging has no report of namespace "+empty.namespace))
	})

	It("goes on with other credentials, without a restart", func() {
		second := other.account("second-reader")
		renew(secret, other.kubeconfig(second))
		Expect(other.admin.Delete(ctx, account)).To(Succeed())
		account = second

		other.report(w.namespace, proven("registry.example/shop:1.0.2"))
		Eventually(ledger).Should(HaveKeyWithValue("shop", ContainSubstring("registry.example/shop:1.0.2")))
		Consistently(w.gate, 3*hasty.Watch).Should(isOpen())
	})

	It("is not decided by when its credentials are revoked, and the ledger stays", func() {
		stood := ledger()
		Expect(other.admin.Delete(ctx, account)).To(Succeed())
		Eventually(w.gate, "40s").Should(stands(metav1.ConditionUnknown, v1alpha1.ReasonConnectionDenied, "renew the credentials in Secret staging"))
		Expect(w.gate().Status.State).To(Equal(v1alpha1.GatePending))
		Expect(ledger()).To(Equal(stood))

		account = other.account("third-reader")
		renew(secret, other.kubeconfig(account))
		Eventually(w.gate).Should(isOpen())
	})

	It("is not decided by when its rights are taken away, and is again when they are back", func() {
		Expect(other.admin.Delete(ctx, other.binding(account.Name))).To(Succeed())
		Eventually(w.gate).Should(stands(metav1.ConditionUnknown, v1alpha1.ReasonConnectionDenied, "bind the ClusterRole rampart-remote-reader there"))
		other.bind(account.Name)
		Eventually(w.gate, "40s").Should(isOpen())
	})

	It("lets an environment follow one there, and says what is waited for", func() {
		follower := newWorld(v1alpha1.Production, startAtWarn, func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.Follows = &v1alpha1.EnvironmentReference{Name: "staging", Cluster: "staging"}
		})
		rule := newGuardrail(follower.policy.Name, ownerFindings)
		health := func() *metav1.Condition {
			Expect(admin.Get(ctx, client.ObjectKeyFromObject(follower.policy), follower.policy)).To(Succeed())
			return meta.FindStatusCondition(follower.policy.Status.Conditions, v1alpha1.ConditionReady)
		}
		next := func() string {
			_ = health()
			if len(follower.policy.Status.Guardrails) == 0 {
				return ""
			}
			return follower.policy.Status.Guardrails[0].Next
		}
		Eventually(health).Should(And(HaveField("Reason", v1alpha1.ReasonEnvironmentMissing),
			HaveField("Message", ContainSubstring("follows environment staging of cluster staging, which does not exist"))))

		Eventually(next).Should(HavePrefix("Enforce once EnvironmentPolicy staging of cluster staging exists"))

		there := newPolicy("staging", v1alpha1.Staging)
		there.Spec.Guardrails[0].Selector.MatchLabels = rule.Labels
		Expect(other.admin.Create(ctx, there)).To(Succeed())
		Eventually(health).Should(HaveField("Status", metav1.ConditionTrue))
		Eventually(next).Should(Equal("Enforce after 6 clean revisions (none so far)"))

		By("its cluster being out of reach")
		Expect(other.StopAPIServer()).To(Succeed())
		Eventually(health, "40s").Should(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonConnectionSilent)))
		Eventually(next).Should(HavePrefix("Enforce once staging of cluster staging can be read: cluster staging has not answered since "))
	})

	It("is not decided by while its API server is silent, and is when it answers again", func() {
		Eventually(w.gate, "40s").Should(stands(metav1.ConditionUnknown, v1alpha1.ReasonConnectionSilent, "cluster staging has not answered since "))
		stood, version := ledger(), w.gate().ResourceVersion
		Expect(stood).To(HaveKeyWithValue("shop", ContainSubstring("registry.example/shop:1.0.2")))
		Consistently(func() string { return w.gate().ResourceVersion }, 3*hasty.Watch).Should(Equal(version), "silence is told once")

		Expect(other.StartAPIServer(ctx)).To(Succeed())
		other.report(w.namespace, failing)
		Eventually(w.gate, "60s").Should(stands(metav1.ConditionFalse, v1alpha1.ReasonBlocked, "CrashLoopBackOff"))
	})

	It("is let go with its Secret", func() {
		Expect(admin.Delete(ctx, secret)).To(Succeed())
		Eventually(w.gate).Should(stands(metav1.ConditionUnknown, v1alpha1.ReasonConnectionMissing, "there is no connection staging"))
	})

	It("needs no other right than its account has", func() {
		config, err := other.ConfigFor(ctx, client.ObjectKeyFromObject(account))
		Expect(err).NotTo(HaveOccurred())
		reader := other.as(config)
		Expect(reader.List(ctx, &v1alpha1.ReadinessReportList{})).To(Succeed())
		Expect(reader.List(ctx, &v1alpha1.EnvironmentPolicyList{})).To(Succeed())
		for _, list := range []client.ObjectList{
			&corev1.SecretList{}, &corev1.PodList{}, &corev1.NamespaceList{}, &corev1.ConfigMapList{}, &v1alpha1.PromotionGateList{}, &v1alpha1.GuardrailList{},
		} {
			Expect(reader.List(ctx, list)).To(MatchError(apierrors.IsForbidden, "IsForbidden"), "%T", list)
		}
		forged := &v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "deployment-shop"}}
		Expect(reader.Delete(ctx, forged)).To(MatchError(apierrors.IsForbidden, "IsForbidden"))
		Expect(reader.Status().Patch(ctx, forged, client.RawPatch("application/merge-patch+json", []byte("{}")))).To(MatchError(apierrors.IsForbidden, "IsForbidden"))
	})
})

// eventsAbout are the reasons of the events that the running operator told about an object.
func eventsAbout(object client.Object) []string {
	GinkgoHelper()
	var list corev1.EventList
	Expect(admin.List(ctx, &list, client.InNamespace(object.GetNamespace()))).To(Succeed())
	var reasons []string
	for i := range list.Items {
		if list.Items[i].InvolvedObject.UID == object.GetUID() {
			reasons = append(reasons, list.Items[i].Reason)
		}
	}
	return reasons
}

var _ = Describe("A connection", func() {
	// connections as the platform declares one, with a clock of the test's.
	connected := func(kubeconfig []byte, timing remote.Timing, now clock.PassiveClock) (*controllers.Connections, string) {
		GinkgoHelper()
		name := "cluster-" + rand.String(6)
		secret := declare(name, kubeconfig)
		connections := &controllers.Connections{Secrets: operator, Namespace: "rampart-system", Clock: now, Timing: timing, Events: &eventLog{}}
		running, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- connections.Start(running) }()
		DeferCleanup(func() {
			stop()
			Eventually(ended).Should(Receive(Succeed()))
		})
		loop := &controllers.ConnectionReconciler{Client: operator, Connections: connections}
		_, err := loop.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(secret)})
		Expect(err).NotTo(HaveOccurred())
		return connections, name
	}
	// fault of a source there, once it is known.
	fault := func(connections *controllers.Connections, name string) func(Gomega) string {
		return func(g Gomega) string {
			source, err := connections.Source(ctx, v1alpha1.GateSource{Namespace: "shop", Cluster: name})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(source.Fault).NotTo(BeNil())
			return source.Fault.Reason + ": " + source.Fault.Message
		}
	}
	// kubeconfig of a server that the test plays.
	played := func(server *httptest.Server, authority []byte) []byte {
		GinkgoHelper()
		text, err := clientcmd.Write(clientcmdapi.Config{
			Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: server.URL, CertificateAuthorityData: authority}},
			AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": {Token: "token"}},
			Contexts:       map[string]*clientcmdapi.Context{"x": {Cluster: "c", AuthInfo: "u"}},
			CurrentContext: "x",
		})
		Expect(err).NotTo(HaveOccurred())
		return text
	}
	certificate := func(server *httptest.Server) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	}
	impatient := remote.Timing{Watch: time.Second, Silence: 2 * time.Second, Opening: time.Second}

	It("is not used while the clocks are apart", func() {
		text, err := os.ReadFile(cluster.Kubeconfig)
		Expect(err).NotTo(HaveOccurred())
		connections, name := connected(text, hasty, clocktesting.NewFakePassiveClock(time.Now().Add(time.Hour)))

		Eventually(fault(connections, name)).Should(HavePrefix("ClocksDiffer: the clock of cluster " + name + " is 60 minutes behind this operator's"))
	})

	It("is not trusted when another authority has signed its certificate", func() {
		var asked atomic.Bool
		server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
		DeferCleanup(server.Close)
		connections, name := connected(played(server, cluster.Config.CAData), impatient, clock.RealClock{})

		Eventually(fault(connections, name)).Should(And(HavePrefix("ConnectionSilent: "), ContainSubstring("x509")))
		Expect(asked.Load()).To(BeFalse(), "not even the token may get there")
	})

	It("is not followed elsewhere", func() {
		var asked atomic.Bool
		inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
		server := httptest.NewTLSServer(http.RedirectHandler(inside.URL, http.StatusTemporaryRedirect))
		DeferCleanup(inside.Close)
		DeferCleanup(server.Close)
		connections, name := connected(played(server, certificate(server)), impatient, clock.RealClock{})

		Eventually(fault(connections, name)).Should(ContainSubstring("it sent the operator elsewhere"))
		Expect(asked.Load()).To(BeFalse())
	})

	It("says that Rampart is not installed there", func() {
		server := httptest.NewTLSServer(http.NotFoundHandler())
		DeferCleanup(server.Close)
		connections, name := connected(played(server, certificate(server)), impatient, clock.RealClock{})

		Eventually(fault(connections, name)).Should(Equal("SourceUnknown: cluster " + name + " serves no ReadinessReports or EnvironmentPolicies: install Rampart there"))
	})

	It("changes nothing while it is being opened, as after a restart of the operator", func() {
		w := newGateOn("restarted-" + rand.String(6))
		Expect(promotable(w.reconcileGateWith(&controllers.Connections{Secrets: operator, Namespace: "rampart-system", Clock: w.clock, Timing: hasty}))).To(Equal(metav1.ConditionUnknown))
		version := w.gate().ResourceVersion
		declare(w.gate().Spec.Source.Cluster, nil)

		restarted := &controllers.Connections{Secrets: operator, Namespace: "rampart-system", Clock: w.clock, Timing: hasty}
		Expect(w.reconcileGateWith(restarted).ResourceVersion).To(Equal(version))
	})

	It("needs a right that the platform may take away", func() {
		w := newGateOn("forbidden")
		g := w.reconcileGateWith(&controllers.Connections{Namespace: "rampart-system", Clock: w.clock, Timing: hasty})
		Expect(g).To(stands(metav1.ConditionUnknown, v1alpha1.ReasonPermissionDenied, "apply the Role rampart-cluster-connections"))
	})

	It("is all that the operator reads Secrets for", func() {
		Expect(operator.List(ctx, &corev1.SecretList{}, client.InNamespace("rampart-system"))).To(Succeed())
		Expect(operator.List(ctx, &corev1.SecretList{}, client.InNamespace("default"))).To(MatchError(apierrors.IsForbidden, "IsForbidden"))
		Expect(operator.List(ctx, &corev1.SecretList{})).To(MatchError(apierrors.IsForbidden, "IsForbidden"))
		Expect(operator.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "rampart-system", Name: "mine"}})).To(MatchError(apierrors.IsForbidden, "IsForbidden"))
	})
})

// reconcileGateWith is one pass of the loop with some connections; it returns what stands afterwards.
func (w *world) reconcileGateWith(connections *controllers.Connections) *v1alpha1.PromotionGate {
	GinkgoHelper()
	loop := &controllers.GateReconciler{Client: w.client, Clock: w.clock, Events: w.events, Connections: connections, OperatorNamespace: "rampart-system"}
	_, err := loop.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: w.namespace, Name: "gate"}})
	Expect(err).NotTo(HaveOccurred())
	return w.gate()
}
