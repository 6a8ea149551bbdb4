// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/gate"
	"github.com/rampart-dev/rampart/internal/testenv"
)

const (
	proven   = "registry.example/shop:1.2.0"
	unproven = "registry.example/shop:1.3.0"
	old      = "registry.example/old:0.1"
	missing  = "staging shop: recoverability 71% of 80%: 3 more clean trials needed (3 of 3 so far)"
)

// world is an API server with three namespaces: production behind a gate at Enforce,
// canary behind one at Warn, and free behind none.
type world struct {
	t        *testing.T
	admin    kubernetes.Interface
	config   *rest.Config
	warnings *warnings
}

// warnings collects what the API server answers with a request that it admits.
type warnings struct{ texts []string }

func (w *warnings) HandleWarningHeader(_ int, _ string, text string) { w.texts = append(w.texts, text) }

// patience is how long the API server may take to act on a change, on a busy machine.
const patience = 30 * time.Second

func newWorld(t *testing.T) *world {
	t.Helper()
	SetDefaultEventuallyTimeout(patience)
	cluster := testenv.ForSuite(t, testenv.Options{Controllers: true})
	w := &world{t: t, config: cluster.Config, warnings: &warnings{}}
	w.admin = w.as("")
	g := NewWithT(t)
	for _, name := range []string{"production", "canary", "free"} {
		_, err := w.admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
	}
	return w
}

// as is a client that acts as a user; empty is the administrator.
func (w *world) as(user string) kubernetes.Interface {
	w.t.Helper()
	config := rest.CopyConfig(w.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	config.WarningHandler = w.warnings
	client, err := kubernetes.NewForConfig(config)
	NewWithT(w.t).Expect(err).NotTo(HaveOccurred())
	return client
}

// grant binds a ClusterRole to a user in a namespace.
func (w *world) grant(namespace, user, role string) {
	w.t.Helper()
	_, err := w.admin.RbacV1().RoleBindings(namespace).Create(w.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}, metav1.CreateOptions{})
	NewWithT(w.t).Expect(err).NotTo(HaveOccurred())
}

// annotate writes the ledger of a namespace.
func (w *world) annotate(namespace string, annotations map[string]string) {
	w.t.Helper()
	ns, err := w.admin.CoreV1().Namespaces().Get(w.t.Context(), namespace, metav1.GetOptions{})
	g := NewWithT(w.t)
	g.Expect(err).NotTo(HaveOccurred())
	ns.Annotations = annotations
	_, err = w.admin.CoreV1().Namespaces().Update(w.t.Context(), ns, metav1.UpdateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
}

// apply creates the policies, and waits until the API server acts on them.
func (w *world) apply(policies []gate.Policy, live func() error) {
	w.t.Helper()
	g := NewWithT(w.t)
	for _, p := range policies {
		_, err := w.admin.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(w.t.Context(), p.Policy, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		_, err = w.admin.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Create(w.t.Context(), p.Binding, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
	}
	g.Eventually(live).Should(MatchError(ContainSubstring("not proven")))
}

func dryRun() metav1.CreateOptions { return metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}} }

func template(image string, command ...string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "shop"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "shop", Image: image, Command: command}}},
	}
}

func deployment(name, image string, command ...string) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}},
			Template: template(image, command...),
		},
	}
}

func pod(name, image string) *corev1.Pod {
	t := template(image)
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: t.Labels}, Spec: t.Spec}
}

func replicaSet(image string) *appsv1.ReplicaSet {
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: "by-hand"},
		Spec:       appsv1.ReplicaSetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}, Template: template(image)},
	}
}

func jobSpec(image string) batchv1.JobSpec {
	t := template(image)
	t.Spec.RestartPolicy = corev1.RestartPolicyNever
	return batchv1.JobSpec{Template: t}
}

func job(image string) *batchv1.Job {
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "by-hand"}, Spec: jobSpec(image)}
}

// creations is every way to bring an image by creating an object, as one namespace's client.
func creations(ctx context.Context, c kubernetes.Interface, namespace string) map[string]func(image string) error {
	t := func(image string) *corev1.PodTemplateSpec { t := template(image); return &t }
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}
	return map[string]func(string) error{
		"Pod": func(image string) error {
			_, err := c.CoreV1().Pods(namespace).Create(ctx, pod("by-hand", image), dryRun())
			return err
		},
		"ReplicaSet": func(image string) error {
			_, err := c.AppsV1().ReplicaSets(namespace).Create(ctx, replicaSet(image), dryRun())
			return err
		},
		"ReplicationController": func(image string) error {
			_, err := c.CoreV1().ReplicationControllers(namespace).Create(ctx, &corev1.ReplicationController{
				ObjectMeta: metav1.ObjectMeta{Name: "by-hand"},
				Spec:       corev1.ReplicationControllerSpec{Selector: selector.MatchLabels, Template: t(image)},
			}, dryRun())
			return err
		},
		"Job": func(image string) error {
			_, err := c.BatchV1().Jobs(namespace).Create(ctx, job(image), dryRun())
			return err
		},
		"Deployment": func(image string) error {
			_, err := c.AppsV1().Deployments(namespace).Create(ctx, deployment("shop", image), dryRun())
			return err
		},
		"StatefulSet": func(image string) error {
			_, err := c.AppsV1().StatefulSets(namespace).Create(ctx, &appsv1.StatefulSet{
				ObjectMeta: metav1.ObjectMeta{Name: "shop"},
				Spec:       appsv1.StatefulSetSpec{Selector: selector, Template: *t(image)},
			}, dryRun())
			return err
		},
		"DaemonSet": func(image string) error {
			_, err := c.AppsV1().DaemonSets(namespace).Create(ctx, &appsv1.DaemonSet{
				ObjectMeta: metav1.ObjectMeta{Name: "shop"},
				Spec:       appsv1.DaemonSetSpec{Selector: selector, Template: *t(image)},
			}, dryRun())
			return err
		},
		"CronJob": func(image string) error {
			_, err := c.BatchV1().CronJobs(namespace).Create(ctx, &batchv1.CronJob{
				ObjectMeta: metav1.ObjectMeta{Name: "shop"},
				Spec:       batchv1.CronJobSpec{Schedule: "@daily", JobTemplate: batchv1.JobTemplateSpec{Spec: jobSpec(image)}},
			}, dryRun())
			return err
		},
	}
}

func entry(message string, signatures ...string) string {
	return gate.Entry{Message: message, Proven: signatures}.String()
}

func TestLedgerPoliciesOnALiveAPIServer(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	const developer, sheriff, operator = "dev@example.com", "sheriff@example.com", "system:serviceaccount:rampart-system:rampart"
	for _, namespace := range []string{"production", "canary", "free"} {
		w.grant(namespace, developer, "admin")
	}
	w.grant("production", sheriff, "edit")
	w.grant("production", operator, "edit")
	_, err := w.admin.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "bypass"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{v1alpha1.Group}, Resources: []string{"promotiongates"}, Verbs: []string{"bypass"}}},
	}, metav1.CreateOptions{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	w.grant("production", sheriff, "bypass")

	// What ran before the gate came: an old violator, and a workload that is known.
	dev := w.as(developer)
	for _, d := range []*appsv1.Deployment{deployment("legacy", old), deployment("running", proven)} {
		NewWithT(t).Eventually(func() error {
			_, err := dev.AppsV1().Deployments("production").Create(ctx, d, metav1.CreateOptions{})
			return err
		}).Should(Succeed(), "the roles reach the API server")
	}
	for _, namespace := range []string{"production", "canary", "free"} {
		NewWithT(t).Eventually(func() error {
			_, err := dev.CoreV1().Pods(namespace).Create(ctx, pod("old", old), metav1.CreateOptions{})
			return err
		}).Should(Succeed(), "the namespace gets its service account")
	}

	ledger := map[string]string{gate.AnnotationSince: "2026-01-01T00:00:00Z"}
	for _, kind := range []string{"deployment", "statefulset", "daemonset", "cronjob"} {
		ledger[kind+".ledger.rampart.dev/shop"] = entry(missing, gate.Signature(proven, nil), gate.Signature("registry.example/tool:1", []string{"sh", "-c", "a b\nc\\d"}))
	}
	ledger["deployment.ledger.rampart.dev/running"] = ledger["deployment.ledger.rampart.dev/shop"]
	w.annotate("production", ledger)
	w.annotate("canary", ledger)
	w.apply(gate.Policies(gate.PolicyInput{
		Namespaces: map[v1alpha1.Level][]string{
			v1alpha1.Enforce: {"production", "kube-system"},
			v1alpha1.Warn:    {"canary"},
			v1alpha1.Observe: {"free"},
		},
		Excluded: []string{"kube-system"}, OperatorUser: operator,
	}), func() error { return creations(ctx, dev, "production")["Deployment"](unproven) })

	patch := func(c kubernetes.Interface, name, patch string, subresources ...string) error {
		_, err := c.AppsV1().Deployments("production").Patch(ctx, name, types.StrategicMergePatchType, []byte(patch),
			metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}}, subresources...)
		return err
	}

	t.Run("an unproven image is refused with what is missing", func(t *testing.T) {
		g := NewWithT(t)
		err := creations(ctx, dev, "production")["Deployment"](unproven)
		g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
		g.Expect(err).To(MatchError(ContainSubstring("image " + unproven + " is not proven for production: " + missing)))
	})

	t.Run("whatever kind brings it, an unproven image is refused and a proven one passes", func(t *testing.T) {
		for kind, create := range creations(ctx, dev, "production") {
			g := NewWithT(t)
			g.Expect(create(unproven)).To(MatchError(ContainSubstring("is not proven for production")), kind)
			g.Expect(create(proven)).To(Succeed(), kind)
		}
	})

	t.Run("a workload that no gate has seen is refused and told what to do", func(t *testing.T) {
		_, err := dev.AppsV1().Deployments("production").Create(ctx, deployment("new", proven), dryRun())
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring("no gate here has seen Deployment new in its source: deploy it there first")))
	})

	t.Run("commands count, whatever characters they hold", func(t *testing.T) {
		g := NewWithT(t)
		c := dev.AppsV1().Deployments("production")
		_, err := c.Create(ctx, deployment("shop", "registry.example/tool:1", "sh", "-c", "a b\nc\\d"), dryRun())
		g.Expect(err).NotTo(HaveOccurred())
		_, err = c.Create(ctx, deployment("shop", "registry.example/tool:1", "sh", "-c", "a", "b\nc\\d"), dryRun())
		g.Expect(err).To(MatchError(ContainSubstring("is not proven")))
	})

	t.Run("unrelated changes of an old unproven workload pass", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(patch(dev, "legacy", `{"spec":{"replicas":5}}`)).To(Succeed())
		g.Expect(patch(dev, "legacy", `{"metadata":{"labels":{"team":"a"}}}`)).To(Succeed())
		g.Expect(patch(dev, "legacy", `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"now"}}}}}`)).To(Succeed())
		g.Expect(patch(dev, "legacy", `{"spec":{"replicas":3}}`, "scale")).To(Succeed())
		g.Expect(patch(dev, "legacy", `{"spec":{"template":{"spec":{"containers":[{"name":"shop","image":"`+unproven+`"}]}}}}`)).
			To(MatchError(ContainSubstring("no gate here has seen Deployment legacy")))
	})

	t.Run("an init container is judged like any other", func(t *testing.T) {
		NewWithT(t).Expect(patch(dev, "running", `{"spec":{"template":{"spec":{"initContainers":[{"name":"i","image":"`+unproven+`"}]}}}}`)).
			To(MatchError(ContainSubstring("image " + unproven + " is not proven")))
	})

	t.Run("a pod's image and a debug container are judged too", func(t *testing.T) {
		g := NewWithT(t)
		options := metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}}
		pods := dev.CoreV1().Pods("production")
		_, err := pods.Patch(ctx, "old", types.StrategicMergePatchType, []byte(`{"spec":{"containers":[{"name":"shop","image":"`+unproven+`"}]}}`), options)
		g.Expect(err).To(MatchError(ContainSubstring("is not proven")))
		// The built-in roles cannot add debug containers; whoever is given that is judged.
		pods = w.admin.CoreV1().Pods("production")
		debug := `{"spec":{"ephemeralContainers":[{"name":"debug","image":"IMAGE"}]}}`
		_, err = pods.Patch(ctx, "old", types.StrategicMergePatchType, []byte(strings.Replace(debug, "IMAGE", unproven, 1)), options, "ephemeralcontainers")
		g.Expect(err).To(MatchError(ContainSubstring("is not proven")))
		_, err = pods.Patch(ctx, "old", types.StrategicMergePatchType, []byte(strings.Replace(debug, "IMAGE", proven, 1)), options, "ephemeralcontainers")
		g.Expect(err).NotTo(HaveOccurred())
	})

	t.Run("a ControllerRevision that somebody writes by hand is judged by the template in it", func(t *testing.T) {
		g := NewWithT(t)
		create := func(c kubernetes.Interface, data string) error {
			_, err := c.AppsV1().ControllerRevisions("production").Create(ctx, &appsv1.ControllerRevision{
				ObjectMeta: metav1.ObjectMeta{Name: "by-hand"}, Revision: 1, Data: runtime.RawExtension{Raw: []byte(data)},
			}, dryRun())
			return err
		}
		holding := func(fields string) string { return `{"spec":{"template":{"spec":{` + fields + `}}}}` }
		main := func(image string) string { return `"containers":[{"name":"shop","image":"` + image + `"}]` }
		// The built-in roles cannot write ControllerRevisions; whoever is given that is judged.
		g.Expect(create(w.admin, holding(main(unproven)))).To(MatchError(ContainSubstring("image " + unproven + " is not proven for production")))
		g.Expect(create(w.admin, holding(main(proven)))).To(Succeed())
		g.Expect(create(w.admin, holding(main(proven)+`,"initContainers":[{"name":"i","image":"`+unproven+`"}]`))).To(MatchError(ContainSubstring("is not proven")))
		g.Expect(apierrors.IsForbidden(create(dev, holding(main(proven))))).To(BeTrue())
		for _, kept := range []string{
			`{"spec":{"template":"none"}}`, `{"spec":{"template":{"spec":[]}}}`, `{"spec":{"template":{"spec":{"containers":"none"}}}}`, `{"spec":[]}`, `{"spec":7}`, `{"a":1}`, `{}`,
		} {
			g.Expect(create(w.admin, kept)).To(Succeed(), "what the controller of another kind keeps: %s", kept)
		}
	})

	t.Run("every section of an entry admits what it lists, and its title nothing", func(t *testing.T) {
		g := NewWithT(t)
		image := func(n int) string { return fmt.Sprintf("registry.example/section:%d", n) }
		written := maps.Clone(ledger)
		all := gate.Entry{
			Message: missing, Proven: []string{image(1)}, Hotfix: []string{image(2)},
			Admitted:  []gate.Admitted{{Revision: "a1b2c3", Signatures: []string{image(3)}}, {Revision: "d4e5f6", Signatures: []string{image(4)}}},
			TakenOver: []string{image(5)},
		}.String()
		written["deployment.ledger.rampart.dev/shop"] = all
		w.annotate("production", written)
		defer w.annotate("production", ledger)
		c := dev.AppsV1().Deployments("production")
		for n := 1; n <= 5; n++ {
			g.Eventually(func() error {
				_, err := c.Create(ctx, deployment("shop", image(n)), dryRun())
				return err
			}).Should(Succeed(), image(n))
		}
		_, err := c.Create(ctx, deployment("shop", image(6)), dryRun())
		g.Expect(err).To(MatchError(ContainSubstring("is not proven")))
		titles := 0
		for line := range strings.SplitSeq(all, "\n") {
			if strings.HasPrefix(line, `\ `) {
				titles++
				_, err := c.Create(ctx, deployment("shop", line), dryRun())
				g.Expect(err).To(MatchError(ContainSubstring("is not proven")), line)
				words := strings.Split(line, " ")
				_, err = c.Create(ctx, deployment("shop", words[0], words[1:]...), dryRun())
				g.Expect(err).To(MatchError(ContainSubstring("is not proven")), line)
			}
		}
		g.Expect(titles).To(Equal(4))
	})

	t.Run("an object without a pod template is left to the API server's own validation", func(t *testing.T) {
		_, err := dev.CoreV1().ReplicationControllers("production").Create(ctx, &corev1.ReplicationController{
			ObjectMeta: metav1.ObjectMeta{Name: "empty"},
			Spec:       corev1.ReplicationControllerSpec{Selector: map[string]string{"app": "shop"}},
		}, dryRun())
		NewWithT(t).Expect(err).To(MatchError(And(ContainSubstring("spec.template"), Not(ContainSubstring("rampart")))))
	})

	t.Run("the API server finds nothing wrong with the types of the expressions", func(t *testing.T) {
		p, err := w.admin.AdmissionregistrationV1().ValidatingAdmissionPolicies().Get(ctx, gate.PolicyName(v1alpha1.Enforce), metav1.GetOptions{})
		g := NewWithT(t)
		g.Expect(err).NotTo(HaveOccurred())
		if p.Status.TypeChecking != nil {
			g.Expect(p.Status.TypeChecking.ExpressionWarnings).To(BeEmpty())
		}
	})

	t.Run("built-in controllers carry out what was judged, each its own step only", func(t *testing.T) {
		for user, kinds := range map[string][]string{
			"system:serviceaccount:kube-system:deployment-controller":  {"ReplicaSet"},
			"system:serviceaccount:kube-system:cronjob-controller":     {"Job"},
			"system:serviceaccount:kube-system:replicaset-controller":  {"Pod"},
			"system:serviceaccount:kube-system:replication-controller": {"Pod"},
			"system:serviceaccount:kube-system:statefulset-controller": {"Pod"},
			"system:serviceaccount:kube-system:daemon-set-controller":  {"Pod"},
			"system:serviceaccount:kube-system:job-controller":         {"Pod"},
			"system:kube-controller-manager":                           {"ReplicaSet", "Job", "Pod"},
		} {
			w.grant("production", user, "cluster-admin")
			g := NewWithT(t)
			g.Eventually(func() error { return creations(ctx, w.as(user), "production")["CronJob"](proven) }).Should(Succeed(), user)
			for kind, create := range creations(ctx, w.as(user), "production") {
				step := false
				for _, k := range kinds {
					step = step || k == kind
				}
				if step {
					g.Expect(create(unproven)).To(Succeed(), "%s as %s", kind, user)
				} else {
					g.Expect(create(unproven)).To(MatchError(ContainSubstring("is not proven")), "%s as %s", kind, user)
				}
			}
		}
	})

	t.Run("the rollout and the replicas of an old unproven workload are not wedged", func(t *testing.T) {
		g := NewWithT(t)
		_, err := dev.AppsV1().Deployments("production").Patch(ctx, "legacy", types.StrategicMergePatchType,
			[]byte(`{"spec":{"replicas":2,"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"now"}}}}}`), metav1.PatchOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Eventually(func(g Gomega) {
			pods, err := w.admin.CoreV1().Pods("production").List(ctx, metav1.ListOptions{})
			g.Expect(err).NotTo(HaveOccurred())
			restarted := 0
			for _, p := range pods.Items {
				if p.Annotations["kubectl.kubernetes.io/restartedAt"] != "" {
					restarted++
				}
			}
			g.Expect(restarted).To(BeNumerically(">=", 1))
		}).Should(Succeed())
	})

	t.Run("a bypass needs both the reason and the verb", func(t *testing.T) {
		g := NewWithT(t)
		d := deployment("hotfix", unproven)
		create := func(c kubernetes.Interface) error {
			_, err := c.AppsV1().Deployments("production").Create(ctx, d, dryRun())
			return err
		}
		g.Expect(create(w.as(sheriff))).To(MatchError(ContainSubstring("no gate here has seen")))
		d.Annotations = map[string]string{v1alpha1.AnnotationBypass: "INC-42"}
		g.Expect(create(dev)).To(MatchError(ContainSubstring("no gate here has seen")))
		g.Eventually(func() error { return create(w.as(sheriff)) }).Should(Succeed())
	})

	t.Run("the operator may bring anything back", func(t *testing.T) {
		NewWithT(t).Expect(patch(w.as(operator), "running", `{"spec":{"template":{"spec":{"containers":[{"name":"shop","image":"`+unproven+`"}]}}}}`)).To(Succeed())
	})

	t.Run("at Warn the same is said and nothing is refused", func(t *testing.T) {
		for kind, create := range creations(ctx, dev, "canary") {
			g := NewWithT(t)
			g.Eventually(func() []string {
				w.warnings.texts = nil
				g.Expect(create(unproven)).To(Succeed(), kind)
				return w.warnings.texts
			}).Should(ContainElement(ContainSubstring("is not proven for canary")), kind)
			w.warnings.texts = nil
			g.Expect(create(proven)).To(Succeed(), kind)
			g.Expect(w.warnings.texts).To(BeEmpty(), kind)
		}
	})

	t.Run("namespaces without a gate, and excluded ones, are not touched", func(t *testing.T) {
		for _, namespace := range []string{"free", "default", "kube-system"} {
			for kind, create := range creations(ctx, w.admin, namespace) {
				NewWithT(t).Expect(create(unproven)).To(Succeed(), "%s in %s", kind, namespace)
			}
		}
	})

	t.Run("the fullest ledger is within the API server's cost budget, for the largest pods", func(t *testing.T) {
		g := NewWithT(t)
		full := map[string]string{gate.AnnotationSince: "2026-01-01T00:00:00Z"}
		for i, size := 0, 0; size < 235<<10; i++ {
			var signatures []string
			for n := range 20 {
				signatures = append(signatures, gate.Signature(fmt.Sprintf("registry.example/team/service-%d:1.%d", i, n), nil))
			}
			key := gate.Key{Kind: v1alpha1.KindDeployment, Name: fmt.Sprintf("w%d", i)}
			full[key.Annotation()] = entry(missing, signatures...)
			size += len(key.Annotation()) + len(full[key.Annotation()])
		}
		w.annotate("production", full)
		largest := pod("by-hand", unproven)
		for i := range 63 {
			largest.Spec.Containers = append(largest.Spec.Containers, corev1.Container{
				Name: fmt.Sprintf("c%d", i), Image: fmt.Sprintf("registry.example/team/service-%d:1.%d", i, i%20), Command: []string{"sh", "-c", strings.Repeat("echo ", 40)},
			})
		}
		g.Eventually(func() error {
			_, err := dev.CoreV1().Pods("production").Create(ctx, largest, dryRun())
			return err
		}).Should(MatchError(ContainSubstring("(+63 more) is not proven for production")))
		for i := range largest.Spec.Containers {
			largest.Spec.Containers[i].Image, largest.Spec.Containers[i].Command = fmt.Sprintf("registry.example/team/service-%d:1.%d", i, i%20), nil
		}
		g.Eventually(func() error { // API servers see the Namespace's annotations a moment later.
			_, err := dev.CoreV1().Pods("production").Create(ctx, largest, dryRun())
			return err
		}).Should(Succeed())
	})

	t.Run("an admin of the namespace can neither write the ledger nor take the gate away", func(t *testing.T) {
		g := NewWithT(t)
		for _, p := range []string{
			`{"metadata":{"annotations":{"deployment.ledger.rampart.dev/shop":"x\n` + unproven + `\n"}}}`,
			`{"metadata":{"labels":{"kubernetes.io/metadata.name":"free"}}}`,
		} {
			_, err := dev.CoreV1().Namespaces().Patch(ctx, "production", types.MergePatchType, []byte(p), metav1.PatchOptions{})
			g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
		}
		err := dev.AdmissionregistrationV1().ValidatingAdmissionPolicies().Delete(ctx, gate.PolicyName(v1alpha1.Enforce), metav1.DeleteOptions{})
		g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
	})

	t.Run("a broken policy at Warn blocks nothing", func(t *testing.T) {
		g := NewWithT(t)
		policies := w.admin.AdmissionregistrationV1().ValidatingAdmissionPolicies()
		p, err := policies.Get(ctx, gate.PolicyName(v1alpha1.Warn), metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		p.Spec.Variables = nil
		p.Spec.Validations[0].Expression = "object.spec.nothing == 1"
		p.Spec.Validations[0].MessageExpression = ""
		_, err = policies.Update(ctx, p, metav1.UpdateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Eventually(func() []string {
			w.warnings.texts = nil
			g.Expect(creations(ctx, dev, "canary")["Deployment"](unproven)).To(Succeed())
			return w.warnings.texts
		}).Should(BeEmpty())
	})
}
