// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package acts

import (
	"strings"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	// maxSays is the longest sentence that a standing keeps.
	maxSays = 240
	// lowered marks a standing that was at Act before.
	lowered = "lowered"
)

// Annotation is the form in which standings are kept in the annotation rampart.dev/acts of
// their Namespace, which a team with the roles edit or admin cannot write: a line each.
//
//	Rollback Report 2026-01-01T10:00:00Z busy: 3 of 3 reported rollbacks were right; 3 more raise it
func Annotation(standings []Standing) string {
	lines := make([]string, 0, len(standings))
	for _, s := range standings {
		words := []string{string(s.Kind), string(s.Level), s.Since.UTC().Format(time.RFC3339), string(s.Origin)}
		if s.Lowered {
			words = append(words, lowered)
		}
		lines = append(lines, strings.Join(words, " ")+": "+message.Cut(strings.ReplaceAll(s.Says, "\n", " "), maxSays))
	}
	return strings.Join(lines, "\n")
}

// Parse reads what Annotation wrote. A line that was damaged counts as not there: the act
// then begins anew in the namespace, and comes to what its evidence says.
func Parse(annotations map[string]string) []Standing {
	var standings []Standing
	for line := range strings.Lines(annotations[v1alpha1.AnnotationActs]) {
		head, sentence, found := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		words := strings.Fields(head)
		if !found || len(words) < 4 || len(words) > 5 || (len(words) == 5 && words[4] != lowered) {
			continue
		}
		s := Standing{
			Kind: v1alpha1.ActionKind(words[0]), Level: v1alpha1.ActLevel(words[1]), Origin: Origin(words[3]), Lowered: len(words) == 5, Says: sentence,
		}
		since, err := time.Parse(time.RFC3339, words[2])
		if err != nil || (s.Level != v1alpha1.ActReport && s.Level != v1alpha1.ActAct) {
			continue
		}
		s.Since = since
		standings = append(standings, s)
	}
	return standings
}
