// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Every shape of service that a team runs comes through its gate with the defaults: only the
// pause between drills is shorter here. How long that takes with it is held by
// TestShapesReachOpenFromTheDefaults, second by second.
func TestShapesComeThroughTheirGate(t *testing.T) {
	w := theWorld(t)
	for name, run := range map[string]func(t *testing.T, s *staged){
		"a service of three replicas":      func(t *testing.T, s *staged) { s.run(t, s.service(3), s.front()) },
		"a singleton":                      func(t *testing.T, s *staged) { s.run(t, s.service(1), s.front()) },
		"a StatefulSet with volumes":       func(t *testing.T, s *staged) { s.run(t, s.database(t), s.front()) },
		"a DaemonSet":                      func(t *testing.T, s *staged) { s.run(t, s.agent()) },
		"a queue worker without endpoints": func(t *testing.T, s *staged) { s.run(t, s.worker()) },
		"a CronJob": func(t *testing.T, s *staged) {
			nightly := s.nightly()
			s.run(t, nightly)
			for i := range int32(6) { // kubectl create job --from=cronjob/nightly, and nothing tidies up before it is seen
				s.run(t, runOf(nightly, i))
				NewWithT(t).Eventually(func() int32 { return s.counted(t) }).Should(Equal(i + 1))
			}
		},
		"a service that is deployed again and again": func(t *testing.T, s *staged) {
			shop := s.service(3)
			s.run(t, shop, s.front())
			for i := range 3 {
				NewWithT(t).Eventually(w.rolledOut(t, shop)).Should(BeTrue())
				shop.Spec.Template.Spec.Containers[0].Image = fmt.Sprintf("registry.example/shop:2.%d.0", i)
				NewWithT(t).Expect(w.admin.Patch(t.Context(), shop, client.RawPatch(types.JSONPatchType, fmt.Appendf(nil,
					`[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"registry.example/shop:2.%d.0"}]`, i)))).To(Succeed())
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := w.stage(t)
			run(t, s)
			s.opens(t)
			s.cost(t)
		})
	}
	t.Run("a service that was deployed long ago", func(t *testing.T) {
		t.Parallel()
		s := &staged{world: w, source: w.namespace(t), target: w.namespace(t)}
		shop := s.service(3)
		s.run(t, shop, s.front())
		NewWithT(t).Eventually(w.rolledOut(t, shop)).Should(BeTrue())
		s.gate(t)
		s.opens(t)
	})
}

// What does not open, and what its gate says it waits for.
func TestShapesThatDoNotComeThroughTheirGate(t *testing.T) {
	w := theWorld(t)
	t.Run("a build that only sleeps", func(t *testing.T) {
		t.Parallel()
		s := w.stage(t)
		sleeper := testenv.Deployment("shop", s.source, testenv.Replicas(2), testenv.GracePeriod(1), testenv.Behaves(testenv.IgnoreTerm))
		s.run(t, sleeper)
		s.staysShut(t, "one failed on this revision")
		NewWithT(t).Expect(w.report(t, sleeper).Evidence.Trials).To(ContainElement(And(
			HaveField("Kind", v1alpha1.TrialTermination), HaveField("Outcome", v1alpha1.TrialFailure))))
	})
	t.Run("a service without probes", func(t *testing.T) {
		t.Parallel()
		g, s := NewWithT(t), w.stage(t)
		careless := s.service(2)
		careless.Spec.Template.Spec.Containers[0].ReadinessProbe = nil
		s.run(t, careless, s.front())
		s.staysShut(t, "add a readiness probe")
		g.Eventually(func() []v1alpha1.Trial { return w.report(t, careless).Evidence.Trials }).Should(ContainElement(And(
			HaveField("Kind", v1alpha1.TrialReplacement), HaveField("Outcome", v1alpha1.TrialSuccess))), "it recovers, which does not make up for it")
		for _, quality := range w.report(t, careless).Qualities {
			if quality.Quality == v1alpha1.Predictability {
				g.Expect(quality.Score).To(BeNil())
			}
		}
	})
	t.Run("an edited report", func(t *testing.T) {
		t.Parallel()
		g, s := NewWithT(t), w.stage(t)
		shop := s.service(2)
		shop.Annotations = map[string]string{v1alpha1.AnnotationDrills: string(v1alpha1.DrillsOff)}
		s.run(t, shop, s.front())
		s.staysShut(t, v1alpha1.AnnotationDrills+": Off")
		report := &v1alpha1.ReadinessReport{ObjectMeta: in(s.source, workload.ReportName(v1alpha1.KindDeployment, shop.Name))}
		// Not even an administrator of the cluster edits what was seen.
		g.Expect(w.admin.Status().Patch(t.Context(), report, client.RawPatch(types.MergePatchType, []byte(`{"status":{"state":"Proven"}}`)))).
			To(Satisfy(apierrors.IsForbidden))
	})
}

// staged is a namespace in Staging, and a gate in front of another one in Production.
type staged struct {
	*world
	source, target string
}

func (w *world) stage(t *testing.T) *staged {
	t.Helper()
	s := &staged{world: w, source: w.namespace(t), target: w.namespace(t)}
	s.gate(t)
	return s
}

// gate declares both environments and the gate between them.
func (s *staged) gate(t *testing.T) {
	t.Helper()
	s.enrol(t, s.target, v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Production, Guardrails: only("image-pinned", "")})
	gate := &v1alpha1.PromotionGate{
		ObjectMeta: in(s.target, "gate"), Spec: v1alpha1.PromotionGateSpec{Source: v1alpha1.GateSource{Namespace: s.source}},
	}
	NewWithT(t).Expect(s.admin.Create(t.Context(), gate)).To(Succeed())
	s.enrol(t, s.source, v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Staging, Guardrails: only("image-pinned", ""),
		Drills: &v1alpha1.DrillPolicy{Pause: &metav1.Duration{Duration: time.Second}},
	})
}

func (s *staged) run(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		NewWithT(t).Expect(s.admin.Create(t.Context(), object)).To(Succeed())
	}
}

// status of the gate.
func (s *staged) status(t *testing.T, g Gomega) v1alpha1.PromotionGateStatus {
	t.Helper()
	var gate v1alpha1.PromotionGate
	g.Expect(s.admin.Get(t.Context(), client.ObjectKey{Namespace: s.target, Name: "gate"}, &gate)).To(Succeed())
	return gate.Status
}

// counted is how many trials of the one workload were seen to their end.
func (s *staged) counted(t *testing.T) int32 {
	t.Helper()
	var reports v1alpha1.ReadinessReportList
	NewWithT(t).Expect(s.admin.List(t.Context(), &reports, client.InNamespace(s.source))).To(Succeed())
	counted := int32(0)
	for _, report := range reports.Items {
		counted += report.Status.Evidence.Counted
	}
	return counted
}

// opens waits until the one workload before the gate has come through. Until then the gate
// says what it waits for. All shapes are drilled at the same time, and share the drills that a
// cluster allows: on a busy machine the slowest takes minutes, and how long says nothing.
func (s *staged) opens(t *testing.T) {
	t.Helper()
	began := time.Now()
	NewWithT(t).Eventually(func(g Gomega) {
		status := s.status(t, g)
		g.Expect(status.State).To(Equal(v1alpha1.GateOpen), status.WaitingFor)
		g.Expect(status.Workloads).To(HaveLen(1))
	}).WithTimeout(8 * time.Minute).Should(Succeed())
	t.Logf("open after %s", time.Since(began).Round(time.Second))
}

// cost holds what its evidence costs the API server: two status writes for each finished
// episode, besides the first look, and what is still going on or was called off.
func (s *staged) cost(t *testing.T) {
	t.Helper()
	writes, episodes := 0, map[string]bool{}
	for _, write := range s.audit.writes(t) {
		if resource(write) != "readinessreports/status" || write.ObjectRef.Namespace != s.source {
			continue
		}
		var patch v1alpha1.ReadinessReport
		NewWithT(t).Expect(json.Unmarshal(write.RequestObject.Raw, &patch)).To(Succeed())
		writes++
		for _, trial := range patch.Status.Evidence.Trials {
			episodes[trial.Episode] = true
		}
	}
	t.Logf("%d status writes for %d episodes", writes, len(episodes))
	NewWithT(t).Expect(episodes).NotTo(BeEmpty())
	NewWithT(t).Expect(writes).To(BeNumerically("<=", 2*len(episodes)+4))
}

// staysShut waits until the report and the gate say why nothing more will come.
func (s *staged) staysShut(t *testing.T, why string) {
	t.Helper()
	NewWithT(t).Eventually(func(g Gomega) {
		status := s.status(t, g)
		g.Expect(status.State).NotTo(Equal(v1alpha1.GateOpen))
		var reports v1alpha1.ReadinessReportList
		g.Expect(s.admin.List(t.Context(), &reports, client.InNamespace(s.source))).To(Succeed())
		g.Expect(reports.Items).To(ContainElement(HaveField("Status.Message", ContainSubstring(why))))
	}).Should(Succeed())
}

// service is a Deployment of probed pods, which end soon.
func (s *staged) service(replicas int32) *appsv1.Deployment {
	return testenv.Deployment("shop", s.source, testenv.Replicas(replicas), testenv.Probed(), testenv.GracePeriod(1))
}

// front is the Service in front of it.
func (s *staged) front() *corev1.Service { return testenv.Service("shop", s.source) }

func (s *staged) worker() *appsv1.Deployment {
	return testenv.Deployment("shop", s.source, testenv.Replicas(2), testenv.GracePeriod(1))
}

func (s *staged) agent() *appsv1.DaemonSet {
	of := s.service(1)
	return &appsv1.DaemonSet{ObjectMeta: of.ObjectMeta, Spec: appsv1.DaemonSetSpec{Selector: of.Spec.Selector, Template: of.Spec.Template}}
}

// database is a StatefulSet of two replicas with a volume each, which nothing makes here.
func (s *staged) database(t *testing.T) *appsv1.StatefulSet {
	t.Helper()
	of, size := s.service(2), corev1.ResourceList{corev1.ResourceStorage: quantity.MustParse("1Gi")}
	for i := range 2 {
		volume := &corev1.PersistentVolume{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", s.source, i)},
			Spec: corev1.PersistentVolumeSpec{
				Capacity: size, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/nowhere"}},
				StorageClassName:       s.source,
			},
		}
		s.run(t, volume)
		s.removeLater(t, volume)
	}
	return &appsv1.StatefulSet{ObjectMeta: of.ObjectMeta, Spec: appsv1.StatefulSetSpec{
		Replicas: of.Spec.Replicas, Selector: of.Spec.Selector, Template: of.Spec.Template, ServiceName: "shop",
		VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{
			ObjectMeta: metav1.ObjectMeta{Name: "data"},
			Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: ptr.To(s.source),
				Resources: corev1.VolumeResourceRequirements{Requests: size},
			},
		}},
	}}
}

func (s *staged) nightly() *batchv1.CronJob {
	template := s.worker().Spec.Template
	template.Spec.RestartPolicy = corev1.RestartPolicyNever
	return &batchv1.CronJob{ObjectMeta: in(s.source, "shop"), Spec: batchv1.CronJobSpec{
		Schedule: "0 0 1 1 *", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template}},
	}}
}

// runOf is a run that a person started by hand.
func runOf(cronJob *batchv1.CronJob, i int32) *batchv1.Job {
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: cronJob.Namespace, Name: fmt.Sprintf("%s-%d", cronJob.Name, i),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(cronJob, batchv1.SchemeGroupVersion.WithKind("CronJob"))},
		},
		Spec: *cronJob.Spec.JobTemplate.Spec.DeepCopy(),
	}
}
