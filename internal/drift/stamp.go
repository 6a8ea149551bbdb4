// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxStamps is how many spec changes a stamp remembers.
const MaxStamps = 12

// MaxUser is the longest user name, in characters, that a stamp holds in full.
const MaxUser = 256

// Stamp says who brought a workload's spec to a generation, as admission saw it.
type Stamp struct {
	// Generation that the write led to.
	Generation int64
	// User who wrote.
	User string
	// Cut is true when the user's name was longer than MaxUser: User is then its
	// beginning, and equals nobody's name.
	Cut bool
}

// Stamps are the last spec changes of a workload, in ascending order of their generation.
type Stamps []Stamp

// The encoding is a list of generation:user, separated by commas. A user name may hold
// any character: the first colon ends the generation, and a comma or percent sign in the
// name is written as in URLs. %+ at the end marks a name that was cut; no escape looks so.
const (
	stampCut     = "%+"
	stampPercent = "%25"
	stampComma   = "%2C"
)

// ParseStamps reads the annotation v1alpha1.AnnotationSpecAuthor. An empty text has no stamps.
func ParseStamps(text string) (Stamps, error) {
	if text == "" {
		return nil, nil
	}
	var stamps Stamps
	for entry := range strings.SplitSeq(text, ",") {
		number, user, found := strings.Cut(entry, ":")
		generation, err := strconv.ParseInt(number, 10, 64)
		if !found || err != nil || generation < 1 {
			return nil, fmt.Errorf("spec author %q is not generation:user", entry)
		}
		user, cut := strings.CutSuffix(user, stampCut)
		user = strings.NewReplacer(stampComma, ",", stampPercent, "%").Replace(user)
		stamps = append(stamps, Stamp{Generation: generation, User: user, Cut: cut})
	}
	slices.SortStableFunc(stamps, func(a, b Stamp) int { return cmp.Compare(a.Generation, b.Generation) })
	return stamps, nil
}

// String writes the stamps as admission does.
func (s Stamps) String() string {
	entries := make([]string, 0, len(s))
	for _, stamp := range s {
		user := strings.NewReplacer("%", stampPercent, ",", stampComma).Replace(stamp.User)
		if stamp.Cut {
			user += stampCut
		}
		entries = append(entries, strconv.FormatInt(stamp.Generation, 10)+":"+user)
	}
	return strings.Join(entries, ",")
}

// Between are the stamps of the generations after from, up to and including to. A stamp
// beyond to is of a write that changed nothing in the end, and never counts.
func (s Stamps) Between(from, to int64) Stamps {
	var out Stamps
	for _, stamp := range s {
		if stamp.Generation > from && stamp.Generation <= to {
			out = append(out, stamp)
		}
	}
	return out
}

// Forgotten says whether stamps after the generation from may have been dropped to keep
// the list bounded.
func (s Stamps) Forgotten(from int64) bool {
	return len(s) >= MaxStamps && s[0].Generation > from+1
}

// By says whether the stamp is of this user.
func (s Stamp) By(user string) bool { return !s.Cut && s.User == user }
