// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/validation"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	// maxRevisions is how many proven revisions of a workload stay admissible, and how many
	// that came through the gate.
	maxRevisions = 10
	// headroom is left for the annotations that others will add to the Namespace, in bytes.
	headroom = 16 << 10
	// capacity is what Kubernetes lets the annotations of an object hold together, in bytes.
	capacity = validation.TotalAnnotationSizeLimitB - headroom
)

// LedgerInput is what the ledger of one gated namespace is made of.
type LedgerInput struct {
	// Decisions of every gate in the namespace.
	Decisions []Decision
	// Annotations of the Namespace as they are.
	Annotations map[string]string
	// Running are the signatures of what runs in the namespace, and of what the history
	// of controllers there could bring back. It is taken over once, when the ledger is
	// opened, and ignored after that; see Opened.
	Running map[Key][]string
	// Here are the reports of the gated namespace itself: what runs there is kept as a way
	// back, and a hotfix is admitted only while it is failing.
	Here []v1alpha1.ReadinessReport
	Now  time.Time
}

// LedgerOutput is the ledger of one gated namespace.
type LedgerOutput struct {
	// Annotations of the ledger, complete: others for which IsLedger holds are to be removed.
	Annotations map[string]string
	// Left are the workloads that have no entry, because their names are too long for one
	// or there is no room: admission refuses every new image of them.
	Left []Key
}

// Opened says whether the namespace has a ledger already. While it has not, the caller
// gathers what runs there for LedgerInput.Running.
func Opened(annotations map[string]string) bool { return annotations[AnnotationSince] != "" }

// Ledger is what the annotations of a gated Namespace shall say. Where several gates
// stand before one workload, only what all of them admit is admissible. While one of
// them cannot judge, or is frozen, what it said stays: as nobody knows what of the entry that
// was, the others can take away from the entry, and add nothing. A hotfix stays no longer than
// the failure that it is for. What came through the gate and ran
// here stays admissible whatever the gates say: going back is never blocked.
func Ledger(in LedgerInput) LedgerOutput {
	kept := existing(in.Annotations)
	keep := slices.ContainsFunc(in.Decisions, func(d Decision) bool { return d.Unknown || d.Frozen })
	pages := map[Key]*page{}
	open := func(key Key) *page {
		if pages[key] == nil {
			pages[key] = &page{key: key, message: unknownHere}
		}
		return pages[key]
	}

	broken := failingHere(in.Here)
	for key, entry := range kept {
		if keep {
			p := open(key)
			p.message, p.fixed, p.hotfix = entry.Message, entry.Proven, entry.hotfixWhile(broken[key])
		}
		if len(entry.TakenOver) > 0 {
			open(key).takenOver = entry.TakenOver
		}
	}
	if !Opened(in.Annotations) {
		for key, signatures := range in.Running {
			if len(signatures) > 0 {
				open(key).takenOver = signatures
			}
		}
	}
	for _, d := range in.Decisions {
		if d.Frozen {
			continue
		}
		for _, a := range d.Admissions {
			open(a.Key).admit(a)
		}
	}
	if keep {
		for key, p := range pages {
			p.admitNothingNew(kept[key].Proven, kept[key].hotfixWhile(broken[key]))
		}
	}

	for _, report := range in.Here {
		key := keyOf(report.Status)
		if came := wayBack(kept[key], report.Status); len(came) > 0 {
			open(key).admitted = came
		}
	}

	since := in.Annotations[AnnotationSince]
	if since == "" {
		since = in.Now.UTC().Format(time.RFC3339)
	}
	out := fit(pages, room(in.Annotations))
	out.Annotations[AnnotationSince] = since
	return out
}

// unknownHere is said of a workload that runs in the gated namespace but not in the source.
const unknownHere = "it was never seen in the source of a gate: deploy it there first"

// unasked is said of a workload of which one gate would admit more than it may while another
// one cannot be asked.
const unasked = "another gate of this namespace cannot be judged by now, so nothing new enters: kubectl get promotiongates says which and why"

// page is the entry of a workload while it is being put together.
type page struct {
	key     Key
	message string
	// judged is true as soon as one gate has spoken.
	judged    bool
	revisions [][]string
	hotfix    []string
	// moved are the images whose tags resolve to something else than what was proven.
	moved []string
	// fixed are signatures of which nobody can say any more to which revision they belong.
	fixed     []string
	admitted  []Admitted
	takenOver []string
}

// admit adds what a gate says; a second gate can only take away.
func (p *page) admit(a Admission) {
	p.fixed = nil
	p.moved = append(p.moved, a.Moved...)
	if !p.judged {
		p.judged, p.message, p.hotfix = true, a.Message, a.Hotfix
		p.revisions = a.Revisions[:min(len(a.Revisions), maxRevisions)]
		return
	}
	p.hotfix = bothAdmit(p.hotfix, slices.Concat(p.revisions...), a)
	other := slices.Concat(a.Revisions...)
	before, after := 0, 0
	var both [][]string
	for _, revision := range p.revisions {
		common := slices.DeleteFunc(slices.Clone(revision), func(s string) bool { return !slices.Contains(other, s) })
		before, after = before+len(revision), after+len(common)
		if len(common) > 0 {
			both = append(both, common)
		}
	}
	p.revisions = both
	if after < before {
		p.message = a.Message
	}
}

// admitNothingNew lets a gate that cannot be asked say what the entry of the workload says.
func (p *page) admitNothingNew(proven, hotfix []string) {
	if p.judged {
		p.admit(Admission{Key: p.key, Message: unasked, Revisions: [][]string{proven}, Hotfix: hotfix})
	}
}

// failingHere are the workloads of the gated namespace that are failing now.
func failingHere(reports []v1alpha1.ReadinessReport) map[Key]bool {
	broken := map[Key]bool{}
	for i := range reports {
		_, broken[keyOf(reports[i].Status)] = failing(&reports[i].Status)
	}
	return broken
}

// hotfixWhile are the signatures of the hotfix lane, which go when what runs here no longer fails.
func (e Entry) hotfixWhile(failing bool) []string {
	if !failing {
		return nil
	}
	return e.Hotfix
}

// existing are the entries that a Namespace has.
func existing(annotations map[string]string) map[Key]Entry {
	entries := map[Key]Entry{}
	for name, value := range annotations {
		if key, ok := ParseKey(name); ok {
			entries[key] = ParseEntry(value)
		}
	}
	return entries
}

// room is what the annotations of others leave, in bytes.
func room(annotations map[string]string) int {
	left := capacity
	for name, value := range annotations {
		if !IsLedger(name) {
			left -= len(name) + len(value)
		}
	}
	return left
}

// depth is how much of each page is written: when there is no room, what is oldest goes first.
type depth struct {
	revisions int
	takenOver bool
}

// depths, from all to the least that is of use.
func depths() []depth {
	var all []depth
	for n := maxRevisions; n > 2; n-- {
		all = append(all, depth{n, true})
	}
	return append(all, depth{2, false}, depth{1, false})
}

// entry of a page at a depth. What ran here before goes last from a workload that has
// nothing proven, because nothing else would be admissible for it.
func (p *page) entry(d depth) Entry {
	e := Entry{Message: message.Cut(oneLine(p.message), maxLine)}
	e.Proven = unique(append(slices.Clone(p.fixed), slices.Concat(p.revisions[:min(len(p.revisions), d.revisions)]...)...))
	e.Hotfix = unique(p.hotfix)
	e.Admitted = stillThere(p.admitted, p.moved)
	e.Admitted = e.Admitted[:min(len(e.Admitted), d.revisions)]
	if d.takenOver || len(e.Proven)+len(e.Admitted) == 0 {
		e.TakenOver = unique(p.takenOver)
	}
	return e
}

// fit writes the pages as deep as there is room; at the least depth, as many as fit.
func fit(pages map[Key]*page, room int) LedgerOutput {
	var left []Key
	var ordered []*page
	for key, p := range pages {
		if key.Fits() {
			ordered = append(ordered, p)
		} else {
			left = append(left, key)
		}
	}
	slices.SortFunc(ordered, func(a, b *page) int { return compareKeys(a.key, b.key) })

	out := LedgerOutput{Left: left}
	for _, d := range depths() {
		out.Annotations, out.Left = write(ordered, d, room)
		if len(out.Left) == 0 {
			break
		}
	}
	out.Left = append(out.Left, left...)
	slices.SortFunc(out.Left, compareKeys)
	return out
}

func write(pages []*page, d depth, room int) (annotations map[string]string, left []Key) {
	annotations = map[string]string{}
	for _, p := range pages {
		name, value := p.key.Annotation(), p.entry(d).String()
		if room -= len(name) + len(value); room < 0 {
			room += len(name) + len(value)
			left = append(left, p.key)
			continue
		}
		annotations[name] = value
	}
	return annotations, left
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
}

// unique keeps the first of equal signatures.
func unique(signatures []string) []string {
	var all []string
	for _, s := range signatures {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// Level is what an unproven image meets in a namespace with these gates: the gravest of
// their levels, because a gate only ever tightens. Without a gate nothing is in the
// request path.
func Level(gates []v1alpha1.PromotionGate) v1alpha1.Level {
	level := v1alpha1.Observe
	for _, g := range gates {
		if g.Status.Level.Above(level) {
			level = g.Status.Level
		}
	}
	return level
}

// Deciding are the gates whose decisions the ledger of their namespace holds: those that
// have climbed to its level. A gate that has just come beside one that enforces must not
// refuse anything through the level that the other has earned.
func Deciding(gates []v1alpha1.PromotionGate) []v1alpha1.PromotionGate {
	level := Level(gates)
	return slices.DeleteFunc(slices.Clone(gates), func(g v1alpha1.PromotionGate) bool {
		return level.Above(g.Status.Level)
	})
}
