// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import "strings"

// What begins a section of an entry. No signature equals one: in a signature, a
// backslash is followed by \, n or s.
const (
	// hotfix begins the signatures that the hotfix lane admits.
	hotfix = `\ hotfix lane, while it is failing here:`
	// cameThrough begins the signatures of a revision that came through the gate, and ends
	// with its hash.
	cameThrough = `\ came through the gate: revision `
	// takenOver begins the signatures that were not proven but ran in the namespace
	// before its gate came.
	takenOver = `\ ran here before the gate:`
)

// Entry is what the ledger says about one workload.
type Entry struct {
	// Message says, in one line, how the workload stands in its source.
	Message string
	// Proven are the signatures of the containers of proven revisions, newest first.
	Proven []string
	// Hotfix are the signatures of a revision that is not proven and may enter because
	// what runs here is failing.
	Hotfix []string
	// Admitted are the revisions that came through the gate and ran here, the last one
	// first: the way back, whatever becomes of the source.
	Admitted []Admitted
	// TakenOver are the signatures of what ran here when the gate came, and of what the
	// history of controllers could still bring back then.
	TakenOver []string
}

// Admitted is a revision that came through the gate.
type Admitted struct {
	// Revision is its hash in the gated namespace.
	Revision string
	// Signatures of its containers, as far as they were admissible when it came.
	Signatures []string
}

// String is the entry as the value of an annotation: the message, then one signature a line.
func (e Entry) String() string {
	var b strings.Builder
	line := func(text string) {
		b.WriteString(text)
		b.WriteByte('\n')
	}
	section := func(title string, signatures []string) {
		if len(signatures) > 0 {
			line(title)
		}
		for _, s := range signatures {
			line(s)
		}
	}
	line(oneLine(e.Message))
	for _, s := range e.Proven {
		line(s)
	}
	section(hotfix, e.Hotfix)
	for _, a := range e.Admitted {
		section(cameThrough+a.Revision, a.Signatures)
	}
	section(takenOver, e.TakenOver)
	return b.String()
}

// ParseEntry is the inverse of String. Whatever was damaged by hand parses to fewer
// signatures, never to an error.
func ParseEntry(value string) Entry {
	message, rest, _ := strings.Cut(value, "\n")
	entry := Entry{Message: message}
	add := func(signature string) { entry.Proven = append(entry.Proven, signature) }
	for line := range strings.SplitSeq(rest, "\n") {
		revision, passed := strings.CutPrefix(line, cameThrough)
		switch {
		case line == "":
		case line == hotfix:
			add = func(signature string) { entry.Hotfix = append(entry.Hotfix, signature) }
		case passed:
			entry.Admitted = append(entry.Admitted, Admitted{Revision: revision})
			last := len(entry.Admitted) - 1
			add = func(signature string) {
				entry.Admitted[last].Signatures = append(entry.Admitted[last].Signatures, signature)
			}
		case line == takenOver:
			add = func(signature string) { entry.TakenOver = append(entry.TakenOver, signature) }
		default:
			add(line)
		}
	}
	return entry
}

// oneLine keeps a message on the first line of its entry.
func oneLine(message string) string { return strings.Join(strings.Fields(message), " ") }
