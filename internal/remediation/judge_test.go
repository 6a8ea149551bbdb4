// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
)

// outage is a rollout of four pods that two crashes condemn, where pods are missing and
// the policy rolls back.
func outage() remediation.Rollout {
	return remediation.Rollout{
		Observed: true, Kind: v1alpha1.KindDeployment, UID: "uid", Revision: "new", Number: 7,
		New:     remediation.NewPods{Total: 2, Crashed: 2},
		Old:     remediation.OldPods{Total: 2, Ready: 2},
		Desired: 4, Available: 2, MaxUnavailable: 1,
		OnFailure: v1alpha1.OnFailureRollback, Level: v1alpha1.ActAct,
		Images: []string{"shop:7"}, Since: noon,
		Earlier: []remediation.Revision{{
			Hash: "good", Number: 6, Since: noon.Add(-time.Hour), Template: running("shop:6"), Proven: true, Stable: true,
		}},
	}
}

// running is the template of pods with an image.
func running(image string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "shop", Image: image}}}}
}

// job is a Job with an image that somebody started so long before the new revision came.
func job(name, image string, before time.Duration) []remediation.Job {
	return []remediation.Job{{Name: name, Images: []string{image}, Created: noon.Add(-before)}}
}

func waiting(reason, message string, pods int) []remediation.Waiting {
	out := make([]remediation.Waiting, pods)
	for i := range out {
		out[i] = remediation.Waiting{Pod: "pod", Reason: reason, Message: message}
	}
	return out
}

func TestJudgeSaysWhatFollowsARollout(t *testing.T) {
	type rollout = remediation.Rollout
	const none, wait, hold, report, act = remediation.VerdictNone, remediation.VerdictWait,
		remediation.VerdictHold, remediation.VerdictReport, remediation.VerdictAct
	for _, c := range []struct {
		name    string
		change  func(*rollout)
		verdict remediation.Verdict
		reason  string
	}{
		{"two crashed pods and no stable one in an outage", func(*rollout) {}, act, "2 crashed, 0 run well: rolled back to revision 6, the last proven one"},
		{"one crashed pod", func(r *rollout) { r.New.Crashed = 1 }, wait, "not enough to judge"},
		{"one crashed pod, and a deadline", func(r *rollout) { r.New.Crashed, r.Deadline = 1, noon.Add(10*time.Minute) }, wait,
			"not enough to judge the revision, which is judged again when another pod fails, or at 12:10:00 UTC, when its progress deadline passes unless it makes progress"},
		{"one crashed pod restarting for as long as it likes", func(r *rollout) { r.New = remediation.NewPods{Total: 1, Crashed: 1} }, wait, "not enough"},
		{"two crashed pods and a stable one", func(r *rollout) { r.New = remediation.NewPods{Total: 3, Crashed: 2, Stable: 1} }, wait, "1 run well"},
		{"three crashed pods and a stable one", func(r *rollout) { r.New = remediation.NewPods{Total: 4, Crashed: 3, Stable: 1} }, act, "rolled back"},
		{"one crashed pod when the progress deadline has passed", func(r *rollout) {
			r.New, r.DeadlineExceeded = remediation.NewPods{Total: 1, Crashed: 1}, true
		}, act, "its progress deadline has passed"},
		{"one crashed pod among many stable ones when the deadline has passed", func(r *rollout) {
			r.New, r.DeadlineExceeded = remediation.NewPods{Total: 9, Crashed: 1, Stable: 8}, true
		}, wait, "which is judged again when another pod fails"},
		{"the deadline has passed and no pod shows why", func(r *rollout) {
			r.New, r.DeadlineExceeded = remediation.NewPods{Total: 1}, true
		}, wait, "none failed"},
		{"all new pods run well", func(r *rollout) { r.New = remediation.NewPods{Total: 4, Stable: 4}; r.Available = 4 }, none, "nothing speaks against"},
		{"new pods that are still starting", func(r *rollout) { r.New = remediation.NewPods{Total: 2} }, none, "nothing speaks against"},
		{"pods that could not be observed", func(r *rollout) { r.Observed = false }, wait, "could not be observed"},
		{"nothing at all is known", func(r *rollout) { *r = rollout{} }, wait, "could not be observed"},
		{"a workload scaled to zero", func(r *rollout) { r.Desired = 0 }, none, "no pods are wanted"},

		{"an image that does not exist", func(r *rollout) {
			r.New = remediation.NewPods{Total: 2, Waiting: waiting("ImagePullBackOff", "shop:9: manifest unknown", 2)}
		}, act, "2 did not start (ImagePullBackOff)"},
		{"an impossible image name", func(r *rollout) {
			r.New = remediation.NewPods{Total: 2, Waiting: waiting("InvalidImageName", "", 2)}
		}, act, "InvalidImageName"},
		{"configuration that does not exist", func(r *rollout) {
			r.New = remediation.NewPods{Total: 2, Waiting: waiting("CreateContainerConfigError", `configmap "x" not found`, 2)}
		}, act, "CreateContainerConfigError"},
		{"a registry that does not answer", func(r *rollout) {
			r.New = remediation.NewPods{Total: 2, Waiting: waiting("ErrImagePull", "dial tcp: i/o timeout", 2)}
		}, hold, "the image registry cannot be reached"},
		{"a registry that limits the rate, while another pod crashed twice", func(r *rollout) {
			r.New.Total, r.New.Waiting = 3, waiting("ErrImagePull", "429 Too Many Requests", 1)
		}, hold, "the image registry cannot be reached"},
		{"an image that cannot be pulled, nobody says why", func(r *rollout) {
			r.New = remediation.NewPods{Total: 2, Waiting: waiting("ImagePullBackOff", "Back-off pulling image", 2)}
		}, wait, "not enough"},
		{"an image that cannot be pulled until the deadline", func(r *rollout) {
			r.New, r.DeadlineExceeded = remediation.NewPods{Total: 2, Waiting: waiting("ImagePullBackOff", "Back-off pulling image", 2)}, true
		}, act, "ImagePullBackOff"},
		{"new pods not ready while old ones are", func(r *rollout) { r.New = remediation.NewPods{Total: 2, Unready: 2} }, act, "2 did not become ready in the usual time"},
		{"new pods not ready and none to compare with", func(r *rollout) {
			r.New, r.Old = remediation.NewPods{Total: 2, Unready: 2}, remediation.OldPods{}
		}, wait, "not enough"},
		{"new pods not ready, none to compare with, and the deadline has passed", func(r *rollout) {
			r.New, r.Old, r.DeadlineExceeded = remediation.NewPods{Total: 2, Unready: 2}, remediation.OldPods{}, true
		}, act, "rolled back"},

		{"old pods fail too", func(r *rollout) { r.Old.Failing = 1 }, hold, "1 of 2 pods of the earlier revision fail too"},
		{"other workloads fail at the same time", func(r *rollout) { r.OthersFailing = []string{"Deployment shop/cart", "Deployment shop/mail"} }, hold,
			"2 other workloads began to fail at the same time, so that the cause is likely common: see Deployment shop/cart, Deployment shop/mail"},
		{"a quota that is used up", func(r *rollout) {
			r.New, r.Infrastructure = remediation.NewPods{}, "exceeded quota: pods"
		}, hold, "exceeded quota: pods"},
		{"no node has room and pods crash", func(r *rollout) { r.Infrastructure = "0/3 nodes are available" }, hold, "0/3 nodes"},
		{"a revision that ran well began to crash just now", func(r *rollout) { r.RanWell, r.FailingFor = true, time.Minute }, wait, "whether other workloads fail too"},
		{"a revision that ran well has been crashing for two minutes, and no other workload has", func(r *rollout) {
			r.RanWell, r.FailingFor = true, 2*time.Minute
		}, act, "rolled back"},
		{"a revision that ran well crashes together with others", func(r *rollout) {
			r.RanWell, r.FailingFor, r.OthersFailing = true, 2*time.Minute, []string{"Deployment shop/cart"}
		}, hold, "1 other workload began to fail"},
		{"workloads of other namespaces are counted and not named", func(r *rollout) { r.OthersElsewhere = 2 }, hold,
			"2 other workloads began to fail at the same time, so that the cause is likely common: see 2 in other namespaces"},
		{"beside those of the namespace", func(r *rollout) { r.OthersFailing, r.OthersElsewhere = []string{"Deployment shop/cart"}, 1 }, hold,
			"2 other workloads began to fail at the same time, so that the cause is likely common: see Deployment shop/cart, 1 in other namespaces"},
		{"more than can be named fail at the same time", func(r *rollout) { r.OthersFailing = []string{"a", "b", "c", "d", "e"} }, hold, "likely common: see a, b, c and 2 more"},
		{"a dependency outage: everything fails, the deadline has passed", func(r *rollout) {
			r.OthersFailing, r.Old.Failing, r.DeadlineExceeded = []string{"cart"}, 2, true
		}, hold, "fail too"},

		{"a ConfigMap changed with it", func(r *rollout) { r.ChangedConfigMaps = []string{"shop-config"} }, report, "ConfigMap shop-config changed with it"},
		{"a migration since the new revision came", func(r *rollout) { r.Jobs = job("migrate-7", "shop:7", -time.Minute) }, report, "Job migrate-7 ran with a newer image"},
		{"a migration before the new revision was written", func(r *rollout) { r.Jobs = job("migrate-7", "shop:7", time.Minute) }, report, "Job migrate-7"},
		{"a migration of a revision in between, which failed too", func(r *rollout) {
			r.Earlier = append([]remediation.Revision{{Hash: "worse", Number: 6, Since: noon.Add(-time.Minute), Template: running("shop:6.1")}}, r.Earlier...)
			r.Earlier[1].Number, r.Jobs = 5, job("migrate-6", "shop:6.1", 2*time.Minute)
		}, report, "Job migrate-6"},
		{"a migration, and nothing to return to", func(r *rollout) { r.Earlier, r.Jobs = nil, job("migrate-7", "shop:7", 0) }, report, "Job migrate-7"},
		{"the migration of the revision to return to", func(r *rollout) { r.Jobs = job("migrate-6", "shop:6", time.Minute) }, act, "rolled back to revision 6"},
		{"a migration that the revision to return to has survived", func(r *rollout) { r.Jobs = job("migrate-7", "shop:7", 2*time.Hour) }, act, "rolled back to revision 6"},
		{"a Job of another application", func(r *rollout) { r.Jobs = job("cart", "cart:7", time.Minute) }, act, "rolled back to revision 6"},
		{"a ConfigMap that only the revision to return to needs is gone", func(r *rollout) { r.MissingConfigMaps = []string{"shop-7f9"} }, report,
			"ConfigMap shop-7f9 does not exist any more, and the pods of revision 6, the last proven one, would not start without it"},
		{"a workload that asks for no rollback", func(r *rollout) { r.Asked = "Report" }, report, "rampart.dev/on-failure: Report"},
		{"pods that write to volumes", func(r *rollout) { r.WritableVolumes = true }, report, "persistent volumes"},
		{"a workload that asks for something else", func(r *rollout) { r.Asked = "rollback" }, report, `says "rollback", which is neither Report nor Rollback and is read as Report`},
		{"a Deployment that asks for what happens anyway", func(r *rollout) { r.Asked = "Rollback" }, act, "rolled back"},
		{"pods that write to volumes, and a team that says that it may", func(r *rollout) { r.WritableVolumes, r.Asked = true, "Rollback" }, act, "rolled back"},
		{"a workload that another object controls", func(r *rollout) { r.Controller = "Canary shop" }, report, "Canary shop"},
		{"a rollout that somebody paused", func(r *rollout) { r.Paused = true }, report, "somebody paused its rollout"},
		{"a rollout that somebody paused, at its deadline", func(r *rollout) { r.Paused, r.DeadlineExceeded = true, true }, report, "resume it"},
		{"a paused rollout whose new pods run well", func(r *rollout) { r.Paused, r.New = true, remediation.NewPods{Total: 1, Stable: 1} }, none, "nothing speaks against"},
		{"a policy that only reports", func(r *rollout) { r.OnFailure = v1alpha1.OnFailureReport }, report, "go back to revision 6"},
		{"a policy that says nothing", func(r *rollout) { r.OnFailure = "" }, report, "only reported"},
		{"a namespace that is still at Report", func(r *rollout) { r.Level = v1alpha1.ActReport }, report, "it would be rolled back to revision 6"},
		{"a namespace whose level is not known", func(r *rollout) { r.Level = "" }, report, "it would be rolled back"},
		{"suspended remediation", func(r *rollout) { r.Suspended = true }, hold, "suspended"},

		{"a contained failure with pods still to be seen", func(r *rollout) { r.Available, r.New.Total = 3, 3 }, wait, "time to see the other 1"},
		{"a contained failure of which all is seen", func(r *rollout) { r.Available = 4 }, act, "rolled back"},
		{"a contained failure at its deadline", func(r *rollout) { r.Available, r.New.Total, r.DeadlineExceeded = 4, 3, true }, act, "rolled back"},
		{"an outage with pods still to be seen", func(r *rollout) { r.Available, r.New.Total = 2, 4 }, act, "rolled back"},

		{"no earlier revision", func(r *rollout) { r.Earlier = nil }, report, "fix it forward"},
		{"the revision before was neither proven nor stable", func(r *rollout) { r.Earlier = []remediation.Revision{{Hash: "before", Number: 6}} }, report, "fix it forward"},
		{"the revision before was rolled back itself", func(r *rollout) {
			r.Earlier = []remediation.Revision{{Hash: "q", Number: 6, Proven: true, Quarantined: true}, {Hash: "s", Number: 5, Stable: true}}
		}, act, "revision 5, the last stable one"},
		{"the good revision's template was changed since it ran", func(r *rollout) { r.Earlier[0].Altered = true }, report,
			"the template that is kept of revision 6, the good one, is not the one that ran, because somebody, or an upgrade of the API server, changed it: fix it forward"},
		{"the good revision's template was changed, and an older one is good", func(r *rollout) {
			r.Earlier[0].Altered = true
			r.Earlier = append(r.Earlier, remediation.Revision{Hash: "s", Number: 5, Stable: true})
		}, act, "rolled back to revision 5, the last stable one (the template that is kept of revision 6, the good one, is not"},
		{"a template that nobody would return to was changed", func(r *rollout) {
			r.Earlier = append(r.Earlier, remediation.Revision{Hash: "s", Number: 5, Stable: true, Altered: true})
		}, act, "rolled back to revision 6, the last proven one"},
		{"a stable revision before a proven one", func(r *rollout) {
			r.Earlier = []remediation.Revision{{Hash: "s", Number: 6, Stable: true}, {Hash: "p", Number: 4, Proven: true}, {Hash: "o", Number: 3, Proven: true}}
		}, act, "revision 4, the last proven one"},
		{"the failing revision was proven once, and is no target for itself", func(r *rollout) {
			r.Earlier = []remediation.Revision{{Hash: "new", Number: 3, Proven: true}}
		}, report, "fix it forward"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			r := outage()
			c.change(&r)
			got := remediation.Judge(r)
			g.Expect(got.Verdict).To(Equal(c.verdict), got.Reason)
			g.Expect(got.Reason).To(ContainSubstring(c.reason))
			if got.Verdict == act {
				g.Expect(got.Target).NotTo(BeNil(), "an act has a target")
				g.Expect(got.Failed).To(BeTrue(), "an act has its evidence")
			}
			g.Expect(strings.HasPrefix(got.Action, "rollback-")).To(Equal(got.Verdict != none && r.Observed))
		})
	}
}

func TestWhoseFaultItIsThatAnImageCannotBePulled(t *testing.T) {
	const (
		revision, registry = remediation.VerdictAct, remediation.VerdictHold
		geofence           = "registry.example/acme/geofence:typo"
		numbered           = "registry.example/acme/shop:1.502.0"
		digested           = "registry.example/acme/shop@sha256:503f429e5020504e0fa"
		exporter           = "docker.io/acme/x509-exporter:timeout"
		containerd         = `failed to pull and unpack image "%[1]s": failed to resolve reference "%[1]s": `
	)
	for _, c := range []struct {
		name, image, message string
		want                 remediation.Verdict
	}{
		{"containerd does not find geofence", geofence, fmt.Sprintf(containerd, geofence) + geofence + ": not found", revision},
		{"the kubelet backs off from geofence", geofence, `Back-off pulling image "` + geofence + `": ErrImagePull: ` + fmt.Sprintf(containerd, geofence) + geofence + ": not found", revision},
		{"containerd writes a short name in full", "geofence:typo", fmt.Sprintf(containerd, "docker.io/library/geofence:typo") + "docker.io/library/geofence:typo: not found", revision},
		{"cri-o does not find a tag that is a number", "registry.example/acme/shop:503", "reading manifest 503 in registry.example/acme/shop: manifest unknown", revision},
		{"containerd does not find tag 1.502.0", numbered, fmt.Sprintf(containerd, numbered) + numbered + ": not found", revision},
		{"containerd does not find a digest", digested, fmt.Sprintf(containerd, digested) + digested + ": not found", revision},
		{"cri-o does not find x509-exporter:timeout", exporter, "reading manifest timeout in " + exporter + ": manifest unknown", revision},
		{"cri-dockerd does not find it by its short name", "eof:x509", "Error response from daemon: manifest for eof:x509 not found: manifest unknown: manifest unknown", revision},

		{"503 for a manifest", numbered, fmt.Sprintf(containerd, numbered) + "unexpected status from HEAD request to https://registry.example/v2/acme/shop/manifests/1.502.0: 503 Service Unavailable", registry},
		{"502 for geofence", geofence, fmt.Sprintf(containerd, geofence) + "unexpected status from HEAD request to https://registry.example/v2/acme/geofence/manifests/typo: 502 Bad Gateway", registry},
		{"504 from a registry's proxy", geofence, "pinging container registry registry.example: received unexpected HTTP status: 504 Gateway Time-out", registry},
		{"500 for a token", geofence, "failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://auth.example/token?scope=repository%3Aacme%2Fgeofence%3Apull: 500 Internal Server Error", registry},
		{"a code without its text", geofence, "unexpected status code 503", registry},
		{"429 for a layer", geofence, "failed to copy: httpReadSeeker: failed open: unexpected status code https://registry.example/v2/acme/geofence/blobs/sha256:5020: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.", registry},
		{"a rate limit without its code", geofence, "reading manifest typo in registry.example/acme/geofence: toomanyrequests: You have reached your pull rate limit.", registry},
		{"an answer that ends", geofence, fmt.Sprintf(containerd, geofence) + `failed to do request: Head "https://registry.example/v2/acme/geofence/manifests/typo": EOF`, registry},
		{"a layer that ends", geofence, "failed to copy: httpReadSeeker: failed open: unexpected EOF", registry},
		{"a dial that takes too long", geofence, `failed to do request: Head "https://registry.example/v2/acme/geofence/manifests/typo": dial tcp 192.0.2.1:443: i/o timeout`, registry},
		{"headers that take too long", geofence, `Get "https://registry.example/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)`, registry},
		{"a handshake that takes too long", geofence, `Get "https://registry.example/v2/": net/http: TLS handshake timeout`, registry},
		{"a certificate of nobody's", geofence, `Head "https://registry.example/v2/acme/geofence/manifests/typo": tls: failed to verify certificate: x509: certificate signed by unknown authority`, registry},
		{"a name that does not resolve", geofence, "dial tcp: lookup registry.example: no such host", registry},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := outage()
			r.New = remediation.NewPods{Total: 2, Waiting: waiting("ErrImagePull", c.message, 2)}
			for i := range r.New.Waiting {
				r.New.Waiting[i].Image = c.image
			}
			got := remediation.Judge(r)
			NewWithT(t).Expect(got.Verdict).To(Equal(c.want), got.Reason)
		})
	}
}

func TestARolloutOfTheSameTemplateAgainIsAnotherRollback(t *testing.T) {
	g := NewWithT(t)
	first, second := outage(), outage()
	second.Number++
	g.Expect(remediation.ActionID(first)).To(Equal(remediation.ActionID(outage())))
	g.Expect(remediation.ActionID(second)).NotTo(Equal(remediation.ActionID(first)))
}

func TestTheSequentialTest(t *testing.T) {
	for _, c := range []struct {
		name           string
		failed, stable int
		want           remediation.Finding
	}{
		{"nothing seen", 0, 0, remediation.Undecided},
		{"one failed pod", 1, 0, remediation.Undecided},
		{"two failed pods and no stable one", 2, 0, remediation.Bad},
		{"two failed pods and a stable one", 2, 1, remediation.Undecided},
		{"three failed pods and a few stable ones", 3, 5, remediation.Bad},
		{"three failed pods and many stable ones", 3, 20, remediation.Good},
		{"four stable pods", 0, 4, remediation.Undecided},
		{"five stable pods", 0, 5, remediation.Good},
	} {
		t.Run(c.name, func(t *testing.T) {
			NewWithT(t).Expect(remediation.Test(c.failed, c.stable)).To(Equal(c.want))
		})
	}
	t.Run("one failed pod never suffices", func(t *testing.T) {
		for stable := range 1000 {
			NewWithT(t).Expect(remediation.Test(1, stable)).NotTo(Equal(remediation.Bad))
		}
	})
}

func TestARevisionThatIsBroughtBackBeforeAnybodyLookedIsRolledBackAgain(t *testing.T) {
	g := NewWithT(t)
	first, again := outage(), outage()
	again.Generation = first.Generation + 2
	g.Expect(remediation.Judge(first).Verdict).To(Equal(remediation.VerdictAct))
	g.Expect(remediation.Judge(again).Action).NotTo(Equal(remediation.Judge(first).Action))
}
