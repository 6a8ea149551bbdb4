// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package acts

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
)

// maxFields is how many fields of a correction are remembered.
const maxFields = 16

// Correction is what a look shows of drift whose correction was decided.
type Correction struct {
	// Compared is false when nobody looks for drift any more, or what trusted writers wrote
	// was lost.
	Compared bool
	// Drifted is what differs now.
	Drifted []drift.Leaf
	// Followed is what trusted writers changed since the last look.
	Followed []drift.Leaf
	// Stamps say who wrote, up to Generation.
	Stamps     drift.Stamps
	Generation int64
	// Trusted are the user names of the trusted writers; the operator is none of them here.
	Trusted []string
	// Operator is the operator's own user name.
	Operator string
}

// SettleCorrection says of the open corrections whether what is seen agrees with them. Only
// trusted writers speak: whoever may edit the workload could otherwise make as many edits as
// he likes and take them back.
//
// A reported correction was right when a trusted writer took the drift back, and wrong when
// one wrote the workload and let a field that he had set himself stand as it was changed. A
// field that others have added says nothing: tools leave alone what they do not know of. One
// that was carried out was wrong when a trusted writer brings a value back that it took
// away, and right when one writes and does not.
func SettleCorrection(trials []v1alpha1.ActTrial, seen Correction, now time.Time) {
	settleKind(trials, v1alpha1.ActionCorrectDrift, now, func(t v1alpha1.ActTrial) verdict {
		if !seen.Compared {
			return censored("drift is not looked for any more")
		}
		if t.Level == v1alpha1.ActAct {
			return seen.done(t)
		}
		return seen.reported(t)
	})
}

func (c Correction) reported(t v1alpha1.ActTrial) verdict {
	writes := c.Stamps.Between(t.Generation, c.Generation)
	trusted := slices.DeleteFunc(slices.Clone(writes), func(s drift.Stamp) bool { return !c.trusts(s) })
	switch {
	case len(c.Drifted) > 0 && len(trusted) > 0 && c.trusts(writes[len(writes)-1]) && slices.ContainsFunc(c.Drifted, overwritten):
		return disagreed(trusted[len(trusted)-1].User + " wrote the workload since, and let the change stand")
	case len(c.Drifted) > 0:
		return undecided
	case len(writes) == 0:
		return censored("the drift ended without a write of the spec")
	case c.Stamps.Forgotten(t.Generation):
		return censored("more was written since than is remembered")
	case len(trusted) == len(writes):
		return agreed(trusted[len(trusted)-1].User + " took the change back")
	case len(trusted) == 0:
		return censored(writes[len(writes)-1].User + " took the change back, and is no trusted writer")
	default:
		return censored("trusted and other writers wrote between two looks")
	}
}

func (c Correction) done(t v1alpha1.ActTrial) verdict {
	writes := c.Stamps.Between(t.Generation, c.Generation)
	trusted := slices.DeleteFunc(slices.Clone(writes), func(s drift.Stamp) bool { return !c.trusts(s) })
	brought := slices.ContainsFunc(c.Followed, func(l drift.Leaf) bool { return slices.Contains(t.Fields, field(l)) })
	switch {
	case len(trusted) == 0:
		return undecided
	case brought:
		return disagreed(trusted[len(trusted)-1].User + " wrote what had been taken back")
	default:
		return agreed(trusted[len(trusted)-1].User + " wrote the workload since, and did not bring the change back")
	}
}

func (c Correction) trusts(s drift.Stamp) bool {
	return !s.By(c.Operator) && slices.ContainsFunc(c.Trusted, s.By)
}

// overwritten says whether a field was there before: whoever writes his manifest again puts
// it back.
func overwritten(l drift.Leaf) bool { return l.Was != nil }

// Fields identifies what a correction takes back, as far as is remembered.
func Fields(leaves []drift.Leaf) []string {
	all := make([]string, 0, min(len(leaves), maxFields))
	for _, l := range leaves[:min(len(leaves), maxFields)] {
		all = append(all, field(l))
	}
	return all
}

// field is a digest of a field and the value that it was changed to.
func field(l drift.Leaf) string {
	value, err := json.Marshal([]any{l.Path.String(), l.Is})
	if err != nil {
		value = fmt.Append(nil, l.Path, l.Is) // not JSON in, which a spec always is
	}
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:])[:12]
}
