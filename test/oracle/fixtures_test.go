// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// patience is how long the API server may take until a policy is in force.
const patience = 30 * time.Second

// labelEnvironment selects the namespaces of an environment here.
const labelEnvironment = "environment"

// fixture is a pod that upstream keeps beside a check, with what the check says of it.
type fixture struct {
	name    string
	allowed bool
	// check that it is about; empty if it is the minimal valid pod.
	check policy.CheckID
	pod   *corev1.Pod
}

// minimalFixtures are the names of those that are about no check.
var minimalFixtures = []string{"base", "base_linux", "base_windows"}

// fixtures are upstream's for a level, read from where Go keeps the module: the package
// exports only a test that knows no other enforcement than upstream's.
func fixtures(t *testing.T, level api.Level) []fixture {
	t.Helper()
	w := NewWithT(t)
	module, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/pod-security-admission").Output()
	w.Expect(err).NotTo(HaveOccurred(), "find the module k8s.io/pod-security-admission")
	folder := filepath.Join(strings.TrimSpace(string(module)), "test", "testdata", string(level), newest.String())

	var all []fixture
	for _, expected := range []string{"pass", "fail"} {
		files, err := filepath.Glob(filepath.Join(folder, expected, "*.yaml"))
		w.Expect(err).NotTo(HaveOccurred())
		for _, file := range files {
			content, err := os.ReadFile(file)
			w.Expect(err).NotTo(HaveOccurred())
			name := strings.TrimSuffix(filepath.Base(file), ".yaml")
			f := fixture{name: expected + "/" + name, allowed: expected == "pass", pod: &corev1.Pod{}}
			w.Expect(yaml.UnmarshalStrict(content, f.pod)).To(Succeed(), file)
			f.pod.Name = "fixture"
			if !slices.Contains(minimalFixtures, name) {
				f.check = checkNamed(t, name)
			}
			all = append(all, f)
		}
	}
	w.Expect(all).NotTo(BeEmpty(), "no fixtures in %s", folder)
	return all
}

var numbered = regexp.MustCompile(`\d+$`)

// checkNamed is the check that a file is about: it is named like one, in lower case and numbered.
func checkNamed(t *testing.T, file string) policy.CheckID {
	t.Helper()
	for id := range guardrailOf {
		if strings.ToLower(string(id)) == numbered.ReplaceAllString(file, "") {
			return id
		}
	}
	t.Fatalf("upstream's fixture %s is about no check that is known here", file)
	return ""
}

// invalidFixtures are about checks whose failing fixtures the API server refuses as invalid
// before any policy sees them; upstream says so of the same.
var invalidFixtures = []policy.CheckID{"procMount"}

func TestFixturesAreAdmittedAndDeniedAsUpstreamSays(t *testing.T) {
	log.SetLogger(logr.Discard())
	cluster := testenv.ForSuite(t, testenv.Options{})
	for _, level := range []api.Level{api.LevelBaseline, api.LevelRestricted} {
		t.Run(string(level), func(t *testing.T) {
			s := newServer(t, cluster.Config, level)
			all := fixtures(t, level)
			tally := newTally()
			for _, kind := range []v1alpha1.WorkloadKind{v1alpha1.KindPod, v1alpha1.KindDeployment} {
				for _, f := range all {
					t.Run(string(kind)+"/"+f.name, func(t *testing.T) {
						s.judge(t, f, kind)
						if f.check != "" {
							tally.count(string(f.check), f.allowed)
						}
					})
				}
			}
			for _, c := range s.standing {
				t.Logf("%-28s %3d allowed %3d refused", c.id, tally.allowed[string(c.id)], tally.refused[string(c.id)])
				NewWithT(t).Expect(tally.refused[string(c.id)]).To(BeNumerically(">=", 2), "upstream has failing fixtures of every check")
			}
		})
	}
}

// server is a namespace of a live API server where a level is enforced by guardrails alone.
type server struct {
	client    client.Client
	namespace string
	standing  []control
}

// newServer enforces the guardrails of a level: those of baseline alone, or of both profiles.
func newServer(t *testing.T, config *rest.Config, level api.Level) *server {
	t.Helper()
	w := NewWithT(t)
	c, err := client.New(config, client.Options{})
	w.Expect(err).NotTo(HaveOccurred())
	s := &server{client: c, namespace: string(level)}
	w.Expect(c.Create(t.Context(), testenv.Namespace(s.namespace, map[string]string{
		labelEnvironment:      string(level),
		api.EnforceLevelLabel: string(api.LevelPrivileged),
	}))).To(Succeed())

	var placed []guardrail.Placed
	for _, control := range controls(t) {
		if level == api.LevelRestricted || control.level == level {
			s.standing = append(s.standing, control)
			placed = append(placed, guardrail.Placed{Program: control.program, Level: v1alpha1.Enforce, EnforcedIn: []string{s.namespace}})
		}
	}
	objects := guardrail.Render(guardrail.Environment{
		Name:              string(level),
		NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{labelEnvironment: string(level)}},
		Namespaces:        []string{s.namespace},
	}, placed)
	for _, o := range objects.ValidatingPolicies {
		w.Expect(c.Create(t.Context(), o)).To(Succeed())
	}
	for _, o := range objects.ValidatingBindings {
		w.Expect(c.Create(t.Context(), o)).To(Succeed())
	}
	privileged := testenv.Pod("privileged", "")
	guarded(&privileged.Spec.Containers[0]).Privileged = ptr.To(true)
	w.Eventually(func() error { return s.try(t, privileged.DeepCopy()) }, patience, 20*time.Millisecond).
		Should(MatchError(ContainSubstring("[" + guardrailOf["privileged"] + "]")))
	return s
}

// try creates an object in a dry-run, after which it holds what the API server would keep:
// defaults make a volume without a type an emptyDir, for one.
func (s *server) try(t *testing.T, object client.Object) error {
	t.Helper()
	object.SetNamespace(s.namespace)
	return s.client.Create(t.Context(), object, client.DryRunAll)
}

// judge holds what the API server and the background say of a fixture against upstream.
func (s *server) judge(t *testing.T, f fixture, kind v1alpha1.WorkloadKind) {
	t.Helper()
	w := NewWithT(t)
	pod := f.pod.DeepCopy()
	pod.Labels = map[string]string{"fixture": "true"}
	object := within(kind, pod)

	err := s.try(t, object)
	switch {
	case f.allowed:
		w.Expect(err).NotTo(HaveOccurred(), shown(pod))
	case slices.Contains(invalidFixtures, f.check):
		w.Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v\n%s", err, shown(pod))
	default:
		w.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v\n%s", err, shown(pod))
		w.Expect(err).To(MatchError(ContainSubstring("["+guardrailOf[f.check]+"]")), shown(pod))
	}
	if f.allowed {
		w.Expect(s.violated(t, object)).To(BeEmpty(), shown(pod))
	} else {
		w.Expect(s.violated(t, object)).To(ContainElement(f.check), shown(pod))
	}
}

// violated are the checks whose guardrails find something in the background.
func (s *server) violated(t *testing.T, object workload.Object) []policy.CheckID {
	t.Helper()
	var all []policy.CheckID
	for _, c := range s.standing {
		verdict, err := c.program.Evaluate(t.Context(), guardrail.Input{Object: object})
		if err != nil {
			t.Fatal(err)
		}
		if verdict.Outcome != guardrail.OutcomeClean {
			all = append(all, c.id)
		}
	}
	return all
}
