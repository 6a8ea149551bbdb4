// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// facts is a rule that says what an expression sees of any object.
const facts = `[{'key': 'facts', 'text':
	object.apiVersion + ' ' + object.kind + ' ' + string(object.metadata.?namespace.orValue('-')) + '/' + string(object.metadata.?name.orValue('-')) +
	' of ' + request.resource.resource + ' ' + request.operation + ' in ' + string(request.?namespace.orValue('-')) + '/' + string(request.?name.orValue('-')) +
	' of ' + (namespaceObject == null ? 'none' : namespaceObject.metadata.name) + (oldObject == null ? '' : ', was ' + string(oldObject.metadata.name))}]`

// The operator must see an object as the API server shows it, whatever the object is.
func TestServerShowsRulesTheSameOfEveryObject(t *testing.T) {
	t.Parallel()
	s := newServer(t, "facts")
	resources := []v1alpha1.ResourceRule{services, configMaps, ingresses, roles, roleBindings, namespaces}
	p := mustCompile(t, resourceSpec(facts, resources...))
	s.render(Placed{Program: p, Level: v1alpha1.Enforce, EnforcedIn: []string{s.namespace, "shown"}})

	var holder corev1.Namespace
	NewWithT(t).Expect(s.as(operator).Get(t.Context(), client.ObjectKey{Name: s.namespace}, &holder)).To(Succeed())
	in := metav1.ObjectMeta{Name: "shown", Namespace: s.namespace}
	ruled := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}}
	for name, object := range map[string]client.Object{
		"a Service":            &corev1.Service{ObjectMeta: in, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(80)}}}},
		"a ConfigMap":          &corev1.ConfigMap{ObjectMeta: in, Data: map[string]string{"a": "b"}},
		"an Ingress":           &networkingv1.Ingress{ObjectMeta: in, Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{Host: "a.example.com"}}}},
		"a Role":               &rbacv1.Role{ObjectMeta: in, Rules: ruled},
		"a Role without rules": &rbacv1.Role{ObjectMeta: in},
		"a RoleBinding":        &rbacv1.RoleBinding{ObjectMeta: in, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "shown"}},
		"a Namespace":          testenv.Namespace("shown", holder.Labels),
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			verdict, err := p.Evaluate(t.Context(), Input{Object: object, Namespace: &holder})
			w.Expect(err).NotTo(HaveOccurred())
			denial := s.as(person).Create(t.Context(), object.DeepCopyObject().(client.Object), client.DryRunAll)
			said, _ := findingsSaid(denial)
			w.Expect(denial).To(beRefused())
			w.Expect(said).To(ConsistOf("[rule] " + verdict.New[0].Text))
		})
	}
	t.Run("a Namespace that changes", func(t *testing.T) {
		w := NewWithT(t)
		changed := holder.DeepCopy()
		changed.Annotations = map[string]string{"note": "changed"}
		verdict, err := p.Evaluate(t.Context(), Input{Object: changed, OldObject: &holder, Namespace: &holder})
		w.Expect(err).NotTo(HaveOccurred())
		denial := s.as(person).Update(t.Context(), changed, client.DryRunAll)
		said, _ := findingsSaid(denial)
		w.Expect(denial).To(beRefused())
		w.Expect(said).To(ConsistOf("[rule] " + verdict.New[0].Text))
	})
}

// What an environment sets holds in admission as it does in the background, to the word.
func TestServerTakesWhateverAParameterIsSetTo(t *testing.T) {
	t.Parallel()
	s := newServer(t, "parameters")
	spec := findingsSpec(`variables.params.many.map(m, {'key': m, 'text': '<' + m + '>' + string(m.size()) + string(variables.params.n) + string(variables.params.yes)})`)
	spec.Parameters = []v1alpha1.Parameter{
		{Name: "many", Type: v1alpha1.ParameterStringList}, {Name: "n", Type: v1alpha1.ParameterInteger}, {Name: "yes", Type: v1alpha1.ParameterBoolean},
	}
	var values []string
	for _, a := range awkward {
		// A denial is one line of its own, and has ; between findings.
		values = append(values, fmt.Sprintf("%q%s", a, a))
	}
	p, err := newTestCompiler(t).CompileFor("rule", spec, Settings{Parameters: []v1alpha1.ParameterSetting{
		{Name: "many", Values: values[:20]}, set("n", "-9223372036854775808"), set("yes", "true"),
	}})
	w := NewWithT(t)
	w.Expect(err).NotTo(HaveOccurred())
	s.render(placed(v1alpha1.Enforce, p)...)
	verdict, err := p.Evaluate(t.Context(), Input{Object: podOf("shown", "x:1")})
	w.Expect(err).NotTo(HaveOccurred())
	want := inDenial(p, verdict)
	w.Expect(want).To(HaveLen(20))
	denial := s.try(podOf("shown", "x:1"))
	for _, text := range want {
		w.Expect(denial).To(MatchError(ContainSubstring(text)))
	}
}

func TestServerLeavesOutWhatIsExcluded(t *testing.T) {
	t.Parallel()
	s := newServer(t, "exclusions")
	compile := func(spec v1alpha1.GuardrailSpec, exclusions ...v1alpha1.Exclusion) *Program {
		p, err := newTestCompiler(t).CompileFor("rule", spec, Settings{Exclusions: exclusions})
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		return p
	}
	workloads := compile(findingsSpec("[{'key': 'a', 'text': 'b'}]"),
		v1alpha1.Exclusion{Namespace: s.namespace, Kind: "Pod", Name: "left-out", Reason: "r"}, v1alpha1.Exclusion{Namespace: "elsewhere", Reason: "r"})
	over := compile(resourceSpec("[{'key': 'a', 'text': 'b'}]", namespaces), v1alpha1.Exclusion{Namespace: "left-out", Reason: "r"})
	over.name = "over-namespaces"
	s.render(placed(v1alpha1.Enforce, workloads)...)
	s.render(Placed{Program: over, Level: v1alpha1.Enforce, EnforcedIn: []string{"left-out", "judged"}})

	w := NewWithT(t)
	w.Expect(s.try(podOf("judged", "x:1"))).To(beRefused())
	w.Expect(s.try(podOf("left-out", "x:1"))).To(Succeed())
	w.Expect(workloads.Excluded(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "left-out"}})).To(Equal("r"))
	labels := map[string]string{"environment": s.namespace}
	c := s.as(person)
	w.Expect(c.Create(t.Context(), testenv.Namespace("left-out", labels), client.DryRunAll)).To(Succeed())
	w.Expect(c.Create(t.Context(), testenv.Namespace("judged", labels), client.DryRunAll)).To(beRefused())
}
