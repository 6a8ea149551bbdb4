// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import "strings"

// takenOver begins the signatures that were not proven but ran in the namespace before
// its gate came. No signature equals it: in one, a backslash is followed by \, n or s.
const takenOver = `\ ran here before the gate:`

// Entry is what the ledger says about one workload.
type Entry struct {
	// Message says, in one line, how the workload stands in its source.
	Message string
	// Proven are the signatures of the containers of proven revisions, newest first.
	Proven []string
	// TakenOver are the signatures of what ran here when the gate came, and of what the
	// history of controllers could still bring back then.
	TakenOver []string
}

// String is the entry as the value of an annotation: the message, then one signature a line.
func (e Entry) String() string {
	var b strings.Builder
	b.WriteString(oneLine(e.Message))
	b.WriteByte('\n')
	for _, s := range e.Proven {
		b.WriteString(s)
		b.WriteByte('\n')
	}
	if len(e.TakenOver) > 0 {
		b.WriteString(takenOver)
		b.WriteByte('\n')
	}
	for _, s := range e.TakenOver {
		b.WriteString(s)
		b.WriteByte('\n')
	}
	return b.String()
}

// ParseEntry is the inverse of String. Whatever was damaged by hand parses to fewer
// signatures, never to an error.
func ParseEntry(value string) Entry {
	message, rest, _ := strings.Cut(value, "\n")
	entry := Entry{Message: message}
	list := &entry.Proven
	for line := range strings.SplitSeq(rest, "\n") {
		switch line {
		case "":
		case takenOver:
			list = &entry.TakenOver
		default:
			*list = append(*list, line)
		}
	}
	return entry
}

// oneLine keeps a message on the first line of its entry.
func oneLine(message string) string { return strings.Join(strings.Fields(message), " ") }
