// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// operatorUser is the operator's name, as the API server sees it.
const operatorUser = "system:serviceaccount:rampart-system:rampart-controller-manager"

// healthyNode is where the tests' pods run.
const healthyNode = "node-1"

var (
	ctx     = context.Background()
	cluster *testenv.Cluster
	// admin plays people and the built-in controllers.
	admin client.WithWatch
	// operator has the rights of the operator's role and no others, so that a loop that
	// needs more fails here.
	operator client.WithWatch
	// historian writes what an earlier operator left behind: reports are sealed.
	historian client.Client
	// writers are the users who change workloads, by name. Where the stamp of authors is
	// in force, it says the same as the tests write.
	writers  = map[string]client.Client{}
	compiler *guardrail.Compiler
)

func TestControllers(t *testing.T) {
	RegisterFailHandler(Fail)
	ctrl.SetLogger(GinkgoLogr)
	RunSpecs(t, "Controllers")
}

var _ = BeforeSuite(func() {
	SetDefaultEventuallyTimeout(20 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)

	cluster = testenv.ForSuite(GinkgoT(), testenv.Options{CRDs: true})
	_, err := cluster.RunKubectl(ctx, "apply", "--server-side", "-k", "config/rbac")
	Expect(err).NotTo(HaveOccurred())

	admin = connect(cluster.Config)
	operator = stamped(connect(as(rest.ImpersonationConfig{UserName: operatorUser})))
	historian = connect(as(rest.ImpersonationConfig{UserName: operatorUser, Groups: []string{"system:masters"}}))
	for _, user := range []string{deployer, dana} {
		writers[user] = connect(as(rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters"}}))
	}
	compiler, err = guardrail.NewCompiler(version.MajorMinor(1, 37))
	Expect(err).NotTo(HaveOccurred())

	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: healthyNode}}
	Expect(admin.Create(ctx, node)).To(Succeed())
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	Expect(admin.Status().Update(ctx, node)).To(Succeed())
})

// as is a config for the API server under another name.
func as(who rest.ImpersonationConfig) *rest.Config {
	config := rest.CopyConfig(cluster.Config)
	config.Impersonate = who
	return config
}

// connect makes a client that reads from the API server itself, so that no test waits
// for a cache, and that knows the operator's indexes.
func connect(config *rest.Config) client.WithWatch {
	GinkgoHelper()
	direct, err := client.NewWithWatch(config, client.Options{Scheme: controllers.Scheme()})
	Expect(err).NotTo(HaveOccurred())
	indexes := indexes{}
	Expect(controllers.AddIndexes(ctx, indexes)).To(Succeed())
	return indexes.in(direct)
}

// stamped plays the admission that stamps the operator's JSON Patches of a spec with its name.
// Tests stamp what other users write.
func stamped(c client.WithWatch) client.WithWatch {
	return interceptor.NewClient(c, interceptor.Funcs{
		Patch: func(ctx context.Context, i client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			stamps, stamping := object.GetAnnotations()[v1alpha1.AnnotationSpecAuthor]
			data, err := patch.Data(object)
			if err != nil || !stamping || patch.Type() != types.JSONPatchType || !bytes.Contains(data, []byte(`"path":"/spec`)) {
				return i.Patch(ctx, object, patch, options...)
			}
			stamp := fmt.Sprintf(`,{"op":"replace","path":"/metadata/annotations/%s","value":"%s,%d:%s"}]`,
				strings.ReplaceAll(v1alpha1.AnnotationSpecAuthor, "/", "~1"), stamps, object.GetGeneration()+1, operatorUser)
			return i.Patch(ctx, object, client.RawPatch(patch.Type(), append(data[:len(data)-1:len(data)-1], stamp...)), options...)
		},
	})
}

// with adds labels or annotations to some.
func with(some map[string]string, name, value string) map[string]string {
	all := maps.Clone(some)
	if all == nil {
		all = map[string]string{}
	}
	all[name] = value
	return all
}
