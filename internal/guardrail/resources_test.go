// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

var (
	services     = v1alpha1.ResourceRule{Version: "v1", Resource: "services", Kind: "Service"}
	namespaces   = v1alpha1.ResourceRule{Version: "v1", Resource: "namespaces", Kind: "Namespace"}
	configMaps   = v1alpha1.ResourceRule{Version: "v1", Resource: "configmaps", Kind: "ConfigMap"}
	claims       = v1alpha1.ResourceRule{Version: "v1", Resource: "persistentvolumeclaims", Kind: "PersistentVolumeClaim"}
	ingresses    = v1alpha1.ResourceRule{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses", Kind: "Ingress"}
	netPolicies  = v1alpha1.ResourceRule{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies", Kind: "NetworkPolicy"}
	roles        = v1alpha1.ResourceRule{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles", Kind: "Role"}
	roleBindings = v1alpha1.ResourceRule{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings", Kind: "RoleBinding"}
	widgets      = v1alpha1.ResourceRule{Group: "example.com", Version: "v1", Resource: "widgets", Kind: "Widget"}
)

func resourceSpec(findings string, resources ...v1alpha1.ResourceRule) v1alpha1.GuardrailSpec {
	spec := findingsSpec(findings)
	spec.Resources = resources
	return spec
}

const anyObject = "[{'key': string(object.metadata.?name.orValue('')), 'text': request.resource.resource + ' in ' + request.?namespace.orValue('none')}]"

func TestARuleOverResourcesJudgesThemInAnyRepresentation(t *testing.T) {
	p := mustCompile(t, resourceSpec(anyObject, services, roleBindings, widgets))
	for name, c := range map[string]struct {
		object runtime.Object
		says   string
	}{
		"typed, without its kind": {&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "n", Namespace: "shop"}}, "services in shop"},
		"of another group":        {&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "n", Namespace: "shop"}}, "rolebindings in shop"},
		"unstructured":            {unstructuredObject("v1", "Service"), "services in shop"},
		"of a custom kind":        {unstructuredObject("example.com/v1", "Widget"), "widgets in shop"},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			verdict, err := p.Evaluate(t.Context(), Input{Object: c.object})
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(verdict.Findings).To(Equal([]v1alpha1.Finding{{Key: "n", Text: c.says}}))
		})
	}
}

func unstructuredObject(apiVersion, kind string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": "n", "namespace": "shop"},
	}}
}

func TestARuleOverResourcesJudgesNothingElse(t *testing.T) {
	w := NewWithT(t)
	p := mustCompile(t, resourceSpec(anyObject, ingresses))
	w.Expect(p.Resources()).To(Equal([]v1alpha1.ResourceRule{ingresses}))
	w.Expect(p.Judges(v1alpha1.KindDeployment)).To(BeFalse())
	w.Expect(p.JudgesObject(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"})).To(BeFalse())
	w.Expect(p.JudgesObject(networkingv1.SchemeGroupVersion.WithKind("Ingress"))).To(BeTrue())
	w.Expect(p.JudgesObject(schema.GroupVersionKind{Group: "extensions", Version: "v1beta1", Kind: "Ingress"})).To(BeFalse())

	verdict, err := p.Evaluate(t.Context(), Input{Object: deployment("x")})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(verdict.Outcome).To(Equal(OutcomeClean))
	_, err = p.Evaluate(t.Context(), Input{Object: unstructuredObject("extensions/v1beta1", "Ingress")})
	w.Expect(err).To(MatchError(ContainSubstring("cannot judge a extensions/v1beta1 Ingress: it is about networking.k8s.io/v1 Ingress")))
	_, err = p.Evaluate(t.Context(), Input{Object: &metav1.Status{}})
	w.Expect(err).To(HaveOccurred())

	over := mustCompile(t, findingsSpec("[]", v1alpha1.KindDeployment))
	w.Expect(over.Resources()).To(BeNil())
	w.Expect(over.JudgesObject(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"})).To(BeTrue())
	w.Expect(over.JudgesObject(schema.GroupVersionKind{Group: "apps", Version: "v1beta1", Kind: "Deployment"})).To(BeFalse())
	w.Expect(over.JudgesObject(schema.GroupVersionKind{Version: "v1", Kind: "Pod"})).To(BeFalse())
	w.Expect(over.JudgesObject(schema.GroupVersionKind{Version: "v1", Kind: "Service"})).To(BeFalse())
	w.Expect(over.JudgesObject(schema.GroupVersionKind{})).To(BeFalse())
}

// As the API server has it: a Namespace is the namespace of the request, and in none.
func TestANamespaceIsInItselfAndSeesNoNamespace(t *testing.T) {
	w := NewWithT(t)
	p := mustCompile(t, resourceSpec("[{'key': string(namespaceObject == null), 'text': request.namespace + ' ' + string(has(object.metadata.namespace))}]", namespaces))
	shop := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	verdict, err := p.Evaluate(t.Context(), Input{Object: shop, Namespace: shop})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(verdict.Findings).To(Equal([]v1alpha1.Finding{{Key: "true", Text: "shop false"}}))

	reading := mustCompile(t, resourceSpec("namespaceObject.metadata.name == 'x' ? [{'key': 'a', 'text': 'b'}] : []", namespaces))
	w.Expect(reading.Partial()).To(ContainSubstring("may be absent"))
	_, err = reading.Evaluate(t.Context(), Input{Object: shop, Namespace: shop})
	w.Expect(err).To(HaveOccurred())
}

func TestWhatIsOfWorkloadsIsExplainedToARuleOverResources(t *testing.T) {
	for findings, says := range map[string]string{
		"variables.podSpec.?hostNetwork.orValue(false) ? [] : []":              "findings, line 1, column 1: variables.podSpec is of workloads, and this rule is over resources: read it from object",
		"true ?\n variables.containers.map(c, {'key': 'a', 'text': 'b'}) : []": "findings, line 2, column 2: variables.containers is of workloads",
	} {
		_, err := newTestCompiler(t).Compile("rule", resourceSpec(findings, services))
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring(says)))
	}
}

func TestResourcesThatNothingIsServedAsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		resource v1alpha1.ResourceRule
		says     string
	}{
		"a singular":       {v1alpha1.ResourceRule{Version: "v1", Resource: "service", Kind: "Service"}, "resources[0].resource: a Service is one of services, not of service"},
		"a workload":       {v1alpha1.ResourceRule{Group: "apps", Version: "v1", Resource: "things", Kind: "Deployment"}, "resources[0].kind: Deployment is a workload"},
		"Secrets, renamed": {v1alpha1.ResourceRule{Version: "v2", Resource: "things", Kind: "Secret"}, "Secrets are never read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newTestCompiler(t).Compile("rule", resourceSpec("[]", c.resource))
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.says)))
		})
	}
	_, err := newTestCompiler(t).Compile("rule", resourceSpec("[]", v1alpha1.ResourceRule{Version: "v1", Resource: "things", Kind: "DeleteOptions"}))
	NewWithT(t).Expect(err).NotTo(HaveOccurred(), "a kind without metadata is treated as one that is not known")
}

func TestTotalityOfRulesOverResources(t *testing.T) {
	list := func(condition string) string { return condition + " ? [{'key': 'a', 'text': 'b'}] : []" }
	for name, c := range map[string]struct {
		spec  v1alpha1.GuardrailSpec
		doubt string // empty: total
	}{
		"the metadata of any object is certain":                  {resourceSpec(list("'a' in object.metadata.?labels.orValue({})"), widgets), ""},
		"its name is not: a manifest may leave it to the server": {resourceSpec(list("object.metadata.name == 'x'"), services), "name may be absent"},
		"the spec of a Service is certain":                       {resourceSpec(list("object.spec.?type.orValue('') == 'NodePort'"), services), ""},
		"an optional field of it is not":                         {resourceSpec(list("object.spec.type == 'NodePort'"), services), "type may be absent"},
		"a ConfigMap has no spec":                                {resourceSpec(list("object.spec == null"), configMaps), "spec may be absent"},
		"nor does every one of several":                          {resourceSpec(list("object.spec == null"), services, configMaps), "spec may be absent"},
		"a custom resource guarantees none":                      {resourceSpec(list("object.spec == null"), widgets), "spec may be absent"},
		"a binding has a role":                                   {resourceSpec(list("object.roleRef.kind == 'ClusterRole' && object.roleRef.name == 'admin'"), roleBindings), ""},
		"a subject has a kind and a name":                        {resourceSpec("object.?subjects.orValue([]).map(s, {'key': string(s.kind) + string(s.name), 'text': 'x'})", roleBindings), ""},
		"a subject may have no namespace":                        {resourceSpec("object.?subjects.orValue([]).map(s, {'key': string(s.namespace), 'text': 'x'})", roleBindings), "namespace may be absent"},
		"a Service's port has a number":                          {resourceSpec("object.spec.?ports.orValue([]).map(p, {'key': string(p.port), 'text': 'x'})", services), ""},
		"the namespace is certain":                               {resourceSpec(list("namespaceObject.metadata.name == 'x'"), services), ""},
		"but not for a rule over Namespaces too":                 {resourceSpec(list("namespaceObject.metadata.name == 'x'"), services, namespaces), "may be absent"},
		"deep lists of an Ingress":                               {resourceSpec("object.spec.?rules.orValue([]).filter(r, r.?host.orValue('') == '').map(r, {'key': 'host', 'text': 'x'})", ingresses), ""},
		"a wrong type shows on a generated object":               {resourceSpec(list("object.spec.?type.orValue(0) > 3"), services), "it fails on a generated Service"},
		"what a custom resource holds has no type":               {resourceSpec(list("object.?spec.?size.orValue(0) > 3"), widgets), "it fails on a generated Widget"},
		"unless the rule asks for it":                            {resourceSpec(list("type(object.?spec) == type(optional.none()) && object.?kind.orValue('') == 'x'"), widgets), ""},
		"a NetworkPolicy with long lists":                        {resourceSpec("object.spec.?ingress.orValue([]).filter(i, !has(i.from)).map(i, {'key': 'ingress', 'text': 'x'})", netPolicies), ""},
		"a Role's rules":                                         {resourceSpec("object.?rules.orValue([]).filter(r, has(r.verbs)).map(r, {'key': 'rules', 'text': 'x'})", roles), "expected iterable"},
		"a Role's rules, which are null where there are none":    {resourceSpec("optional.ofNonZeroValue(object.?rules.orValue([])).orValue([]).filter(r, has(r.verbs)).map(r, {'key': 'rules', 'text': 'x'})", roles), ""},
		"a claim": {resourceSpec(list("object.spec.?accessModes.orValue([]).exists(m, m == 'ReadWriteMany')"), claims), ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			p := mustCompile(t, c.spec)
			if c.doubt == "" {
				w.Expect(p.Partial()).To(BeEmpty())
			} else {
				w.Expect(p.Partial()).To(ContainSubstring(c.doubt))
			}
		})
	}
}

func TestARuleOverLongListsIsTooExpensive(t *testing.T) {
	_, err := newTestCompiler(t).Compile("rule", resourceSpec(
		"object.?subjects.orValue([]).filter(a, object.subjects.exists(b, object.subjects.exists(c, a.name + b.name + c.name == 'never'))).map(a, {'key': string(a.name), 'text': 'x'})", roleBindings))
	w := NewWithT(t)
	w.Expect(err).To(HaveOccurred())
	w.Expect(Reason(err)).To(Equal(v1alpha1.ReasonTooExpensive))
	w.Expect(err).To(MatchError(ContainSubstring("on a RoleBinding with 100 items in its lists")))
}

func TestEveryKindIsTriedFromBareToLarge(t *testing.T) {
	for _, r := range []v1alpha1.ResourceRule{services, namespaces, configMaps, claims, ingresses, netPolicies, roles, roleBindings} {
		w := NewWithT(t)
		p := mustCompile(t, resourceSpec(anyObject, r))
		all := resourceSpecimens(p.Resources(), nil)
		w.Expect(all).To(HaveLen(specimensPerKind))
		for _, s := range all {
			verdict, err := p.Evaluate(t.Context(), Input{Object: s.subject.object, Namespace: specimenNamespace})
			w.Expect(err).NotTo(HaveOccurred(), s.description)
			w.Expect(verdict.Outcome).To(Equal(OutcomeViolated), s.description)
		}
		w.Expect(all[specimensPerKind-1].description).To(ContainSubstring("100 items"))
	}
	rbac := resourceSpecimens([]v1alpha1.ResourceRule{roleBindings}, nil)
	NewWithT(t).Expect(rbac[specimensPerKind-1].subject.object.(*rbacv1.RoleBinding).Subjects).To(HaveLen(100))
}

func TestACustomResourceIsTriedWithTheFieldsThatTheRuleReads(t *testing.T) {
	w := NewWithT(t)
	var specs, sizes int
	for _, s := range resourceSpecimens([]v1alpha1.ResourceRule{widgets}, []string{"size", "spec"}) {
		fields := s.subject.object.(*unstructured.Unstructured).Object
		w.Expect(fields).To(HaveKeyWithValue("kind", "Widget"))
		if spec, ok := fields["spec"].(map[string]any); ok {
			specs++
			if _, there := spec["size"]; there {
				sizes++
			}
		}
	}
	w.Expect(specs).To(BeNumerically(">", 3))
	w.Expect(sizes).To(BeNumerically(">", 1))
}

func TestRulesOverDifferentObjectsCanShareAPolicy(t *testing.T) {
	p := mustCompile(t, resourceSpec("[{'key': 'a', 'text': 'b'}]", services, ingresses))
	NewWithT(t).Expect(strings.HasPrefix(p.source,
		`object.kind == "Service" && object.apiVersion == "v1" || object.kind == "Ingress" && object.apiVersion == "networking.k8s.io/v1" ? (`)).To(BeTrue(), p.source)
}
