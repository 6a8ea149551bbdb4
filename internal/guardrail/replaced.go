// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"slices"
	"strings"
)

// replaced is an author's expression with other text in some places. It knows where each
// place was, so that an error in it is shown where the author wrote it.
type replaced struct {
	source, original string
	edits            []edit
}

// edit replaces the characters of a source from start to end.
type edit struct {
	start, end int
	text       string
}

// replace makes edits that do not overlap.
func replace(original string, edits []edit) replaced {
	sorted := slices.SortedFunc(slices.Values(edits), func(a, b edit) int { return a.start - b.start })
	text := []rune(original)
	var source strings.Builder
	at := 0
	for _, e := range sorted {
		source.WriteString(string(text[at:e.start]))
		source.WriteString(e.text)
		at = e.end
	}
	source.WriteString(string(text[at:]))
	return replaced{source: source.String(), original: original, edits: sorted}
}

// position in the original, from line 1 and column 1, of a position in the source. What
// stands in replacing text is at the start of what it replaces.
func (r replaced) position(line, column int) (int, int) {
	offset := offsetAt(r.source, line, column)
	shift := 0
	for _, e := range r.edits {
		length := len([]rune(e.text))
		if start := e.start + shift; offset >= start+length {
			shift += length - (e.end - e.start)
		} else {
			if offset >= start {
				offset = start
			}
			break
		}
	}
	return positionAt(r.original, offset-shift)
}

// offsetAt is the offset, in characters, of a line and column from 1.
func offsetAt(source string, line, column int) int {
	offset := 0
	for l := range strings.SplitSeq(source, "\n") {
		if line == 1 {
			break
		}
		line--
		offset += len([]rune(l)) + 1
	}
	return offset + column - 1
}

// positionAt is the line and column, from 1, of an offset in characters.
func positionAt(source string, offset int) (line, column int) {
	before := []rune(source)[:min(offset, len([]rune(source)))]
	line = 1 + strings.Count(string(before), "\n")
	for i := len(before) - 1; i >= 0 && before[i] != '\n'; i-- {
		column++
	}
	return line, column + 1
}
