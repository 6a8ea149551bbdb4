// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// delivery is a Deployment to which revisions come, second by second: good ones, ones whose
// pods crash or never become ready, and earlier ones again. It counts what truly happened.
type delivery struct {
	random  *rand.Rand
	second  int
	made    int
	pods    []*releasedPod
	gone    []workload.Pod
	release *release
	next    int
	// past are the names of the good revisions that ran.
	past []string
	// short says whether fewer pods are available than a rollout must leave, and since when.
	short      bool
	shortSince int
	truth      map[string]bounds
}

// release is the time of one revision.
type release struct {
	hash     string
	fate     fate
	returned bool
	at       int
	// complete is when all its pods were ready; never while they are not.
	complete int
	// staffed says whether a pod was made for it: there may be enough of an earlier time.
	// ambiguous is the beginning of one that came again while pods of its name had been made
	// for another reason: they may be the first of its rollout.
	staffed, ambiguous bool
	// crashed is when the first of its pods did, and fell when too few pods were available.
	crashed, fell int
}

// bounds of how often something was to be seen: at least by who misses nothing.
type bounds struct{ sure, most int }

type releasedPod struct {
	workload.Pod
	fate                     fate
	startAt, turnsAt, exitAt int
}

// history of a delivery, in seconds: some thirty releases.
const history = 15_000

// fate of a pod, or of all pods of a revision.
type fate int

const (
	good fate = iota
	crashing
	hanging
)

func newDelivery(seed uint64) *delivery {
	d := &delivery{random: rand.New(rand.NewPCG(seed, 3)), truth: map[string]bounds{}}
	d.deliver("v0", good)
	return d
}

func (d *delivery) deliver(hash string, fate fate) {
	d.end()
	ambiguous := slices.ContainsFunc(d.pods, func(p *releasedPod) bool {
		return p.TemplateHash == hash && !p.Created.Before(after(d.release.at))
	})
	d.release = &release{
		hash: hash, fate: fate, returned: slices.Contains(d.past, hash), at: d.second,
		complete: never, crashed: never, fell: never, ambiguous: ambiguous,
	}
	if fate == good && !d.release.returned {
		d.past = append(d.past, hash)
	}
	d.next = d.second + 5 + d.random.IntN(1000)
	if d.random.IntN(4) == 0 {
		d.next = d.second + 5 + d.random.IntN(30) // a hotfix
	}
}

// another brings a revision, as often an earlier one as a new one.
func (d *delivery) another() {
	if earlier := d.past[d.random.IntN(len(d.past))]; earlier != d.release.hash && d.random.IntN(2) == 0 {
		d.deliver(earlier, good)
		return
	}
	d.made++
	d.deliver(fmt.Sprintf("v%d", d.made), []fate{good, good, crashing, crashing, hanging}[d.random.IntN(5)])
}

// end counts what the release that ends has shown.
func (d *delivery) end() {
	r := d.release
	if r == nil {
		return
	}
	lasted := d.second - r.at
	took := min(r.complete, d.second) - r.at
	completed, slow := r.complete != never, took > int(leastBand/time.Second)
	failed := r.crashed // at the earliest
	if slow {
		failed = min(failed, r.at+int(leastBand/time.Second))
	}
	contained := r.fell > min(failed+int(RecoveryObjective/time.Second), d.second)
	add := func(what string, sure, most bool) {
		b := d.truth[what]
		if sure {
			b.sure++
		}
		if sure || most {
			b.most++
		}
		d.truth[what] = b
	}
	add("Rollout Success", completed && r.staffed && !r.ambiguous && !slow && r.crashed == never, completed && r.staffed)
	add("Rollout Failure", r.fate == crashing && lasted > 60 || r.fate == hanging && lasted > stuckFor, failed != never)
	if r.returned {
		add("Rollback Success", completed && !slow && r.crashed == never, completed && took < stuckFor)
		add("Rollback Failure", took > stuckFor, r.crashed != never || took >= int(RecoveryObjective/time.Second))
	}
	add("ContainedRollout Success", d.second > r.crashed && contained, failed != never && contained)
	add("ContainedRollout Failure", false, failed != never && r.fell != never && r.fell != r.at)
}

// step lives through one second.
func (d *delivery) step() {
	d.second++
	d.gone = nil
	d.pods = slices.DeleteFunc(d.pods, func(p *releasedPod) bool {
		if p.Departing() && d.second >= p.exitAt {
			d.gone = append(d.gone, exited(p.Pod, d.second, exitTerminated))
			return true
		}
		d.live(p)
		return false
	})
	if d.random.IntN(500) == 0 {
		d.disturb()
	}
	if d.second == d.next {
		d.another()
	}
	d.roll()
	d.judge()
}

// live moves a pod on.
func (d *delivery) live(p *releasedPod) {
	switch {
	case p.Departing():
	case d.second == p.startAt:
		hash := p.TemplateHash
		p.Pod = startedPod(p.Name, int(p.Created.Sub(noon)/time.Second), d.second)
		p.TemplateHash = hash
	case d.second == p.turnsAt && p.fate == good:
		p.Pod.Ready, p.ReadySince = true, after(d.second)
	case d.second == p.turnsAt && p.fate == crashing:
		p.Restarts++
		p.Started = time.Time{}
		p.Containers = []workload.Container{{
			Name: "app", Waiting: "CrashLoopBackOff", Restarts: p.Restarts,
			LastExit: &workload.Exit{Code: 1, Started: after(p.startAt), Finished: after(d.second)},
		}}
		if p.TemplateHash == d.release.hash {
			d.release.crashed = min(d.release.crashed, d.second)
		}
	}
}

// disturb evicts a ready pod, of whichever revision; its ReplicaSet makes another.
func (d *delivery) disturb() {
	for _, i := range d.random.Perm(len(d.pods)) {
		if p := d.pods[i]; p.Ready && !p.Departing() {
			d.remove(p)
			d.make(p.TemplateHash, p.fate)
			return
		}
	}
}

// make makes a pod. Some are slow, and a few so slow that nothing allows it.
func (d *delivery) make(hash string, fate fate) {
	d.made++
	p := &releasedPod{Pod: waitingPod(fmt.Sprintf("p%d", d.made), d.second), fate: fate, startAt: d.second + 1 + d.random.IntN(3)}
	p.turnsAt = p.startAt + 1 + d.random.IntN(5)
	if d.random.IntN(20) == 0 {
		p.turnsAt = p.startAt + stuckFor
	}
	p.TemplateHash = hash
	d.pods = append(d.pods, p)
}

func (d *delivery) remove(p *releasedPod) {
	p.Pod = departing(unready(p.Pod, d.second), d.second)
	p.exitAt = d.second + 2
}

// roll does what the Deployment's controller does: one pod more than there should be, one
// available less.
func (d *delivery) roll() {
	var current, old []*releasedPod
	for _, p := range d.pods {
		switch {
		case p.Departing():
		case p.TemplateHash == d.release.hash:
			current = append(current, p)
		default:
			old = append(old, p)
		}
	}
	for _, p := range old {
		if p.fate != good || d.available() > worldSize-1 {
			d.remove(p)
			return
		}
	}
	if len(current) < worldSize && len(current)+len(old) <= worldSize {
		d.make(d.release.hash, d.release.fate)
		d.release.staffed = true
	}
}

func (d *delivery) available() int {
	n := 0
	for _, p := range d.pods {
		if p.Ready && !p.Departing() {
			n++
		}
	}
	return n
}

// judge notes what became true in this second.
func (d *delivery) judge() {
	if short := d.available() < worldSize-1; short != d.short {
		d.short, d.shortSince = short, d.second
	}
	if d.short {
		d.release.fell = min(d.release.fell, d.second)
	}
	if s := d.snapshot(&v1alpha1.Revision{PodTemplateHash: d.release.hash}); s.Workload.Rollout.Complete() {
		d.release.complete = min(d.release.complete, d.second)
	}
}

// snapshot is what is seen of the pods, in any order, by one who takes the given revision
// for the current one.
func (d *delivery) snapshot(revision *v1alpha1.Revision) Snapshot {
	var pods []workload.Pod
	for _, i := range d.random.Perm(len(d.pods)) {
		pods = append(pods, d.pods[i].Pod)
	}
	s := deployment(worldSize, pods...)
	s.Workload.MaxUnavailable = 1
	s.Revision.PodTemplateHash = revision.PodTemplateHash
	s = settledRollout(s)
	s.Revision = *revision
	s.Workload.Rollout.Minimum, s.Workload.Rollout.MinimumSince = !d.short, after(d.shortSince)
	return s
}

// witness is the operator, as far as it remembers revisions: what stands in its report.
type witness struct {
	evidence v1alpha1.Evidence
	// seen are the revisions, the newest last.
	seen []v1alpha1.Revision
}

// look is what the operator remembers after a look at the delivery; and the trials that ended
// with a revision before it looked at the next.
func (w witness) look(d *delivery, departed []workload.Pod) (next witness, ended v1alpha1.Evidence) {
	next = witness{evidence: *w.evidence.DeepCopy(), seen: slices.Clone(w.seen)}
	ended = next.evidence
	if n := len(next.seen); n == 0 || next.seen[n-1].Hash != d.release.hash {
		if n > 0 {
			ended = Supersede(next.evidence, next.snapshot(d, departed), after(d.second))
			next.evidence = Carry(ended, v1alpha1.RevisionMechanism{}, v1alpha1.RevisionMechanism{})
		}
		next.seen = append(next.seen, v1alpha1.Revision{
			Hash: d.release.hash, Number: int64(n + 1), Since: metav1.NewTime(after(d.second)), PodTemplateHash: d.release.hash,
		})
	}
	next.evidence = Observe(next.evidence, next.snapshot(d, departed), after(d.second))
	return next, ended
}

func (w witness) snapshot(d *delivery, departed []workload.Pod) Snapshot {
	newest := len(w.seen) - 1
	s := d.snapshot(&w.seen[newest])
	s.Departed = departed
	if newest > 0 {
		s.Before = w.seen[newest-1].Since.Time
		s.Returned = slices.ContainsFunc(w.seen[:newest], func(r v1alpha1.Revision) bool { return r.Hash == w.seen[newest].Hash })
	}
	return s
}

// releaseKinds are the kinds of trials that are about releases.
var releaseKinds = []v1alpha1.TrialKind{v1alpha1.TrialRollout, v1alpha1.TrialRollback, v1alpha1.TrialContainedRollout}

func TestAWitnessOfAllReleasesCountsThem(t *testing.T) {
	g := NewWithT(t)
	truth, contained := map[string]bounds{}, 0
	for seed := range uint64(worlds) {
		d, w, counted := newDelivery(seed), witness{}, map[string]int{}
		for range history {
			d.step()
			next, ended := w.look(d, d.gone)
			tallyNew(counted, w.evidence, ended)
			tallyNew(counted, ended, next.evidence)
			w = next
		}
		d.end()
		for what, b := range d.truth {
			g.Expect(counted[what]).To(And(BeNumerically(">=", b.sure), BeNumerically("<=", b.most)), "seed %d: %s: %+v", seed, what, b)
			truth[what] = bounds{truth[what].sure + b.sure, truth[what].most + b.most}
		}
		contained += counted["ContainedRollout Failure"]
	}
	for what, least := range map[string]int{"Rollout Success": 50, "Rollout Failure": 10, "Rollback Success": 20, "Rollback Failure": 1, "ContainedRollout Success": 10} {
		g.Expect(truth[what].sure).To(BeNumerically(">", least), what)
	}
	g.Expect(contained).To(BeNumerically(">", 0), "some failed rollout takes away too much")
}

// TestNeverMoreReleasesThanHappened looks at random, twice, late or not at all, loses pods that
// left, goes back to an older report, and restarts.
func TestNeverMoreReleasesThanHappened(t *testing.T) {
	for seed := range uint64(worlds) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			g := NewWithT(t)
			o := &observer{random: rand.New(rand.NewPCG(seed, 13))}
			d, w := newDelivery(seed), witness{}
			counted := map[string]int{}
			for range history {
				d.step()
				if !o.looks(d.gone) {
					continue
				}
				w.evidence = stored(t, w.evidence)
				next, ended := w.look(d, o.departed)
				if o.random.IntN(10) == 0 {
					continue // the write fails: the same comes again later
				}
				again, _ := witness{stored(t, next.evidence), next.seen}.look(d, o.departed)
				g.Expect(equality.Semantic.DeepEqual(again.evidence, stored(t, next.evidence))).To(BeTrue(), "the same look changes nothing")
				tallyNew(counted, w.evidence, ended)
				tallyNew(counted, ended, next.evidence)
				w = next
				if o.random.IntN(3) > 0 {
					o.departed = nil // judged; else they are given again
				}
			}
			d.end()
			for _, kind := range releaseKinds {
				for _, outcome := range []v1alpha1.TrialOutcome{v1alpha1.TrialSuccess, v1alpha1.TrialFailure} {
					what := fmt.Sprintf("%s %s", kind, outcome)
					g.Expect(counted[what]).To(BeNumerically("<=", d.truth[what].most), what)
				}
			}
			g.Expect(counted["Rollout Success"]).To(BeNumerically(">", 0))
			g.Expect(counted["Rollback Success"]).To(BeNumerically(">", 0))
		})
	}
}
