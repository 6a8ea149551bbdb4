// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package compliance

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

const (
	// maxKeys is how many findings of a guardrail on one object are told apart.
	maxKeys = 512
	// keyLength is how many base64 characters of a digest a key keeps: 36 bits tell the few
	// hundred findings of one object apart.
	keyLength = 6
)

// keySet are the findings of a verdict, by the digests of their keys.
type keySet struct {
	digests map[string]bool
	// total is how many there are, those without a digest included.
	total int
	// complete is false when there are more than a report keeps: only totals compare then.
	complete bool
}

// keysOf are the findings of a judgement.
func keysOf(findings []v1alpha1.Finding) keySet {
	set := keySet{digests: make(map[string]bool, len(findings)), total: len(findings), complete: len(findings) <= maxKeys}
	if set.complete {
		for _, f := range findings {
			set.digests[digestOf(f.Key)] = true
		}
	}
	return set
}

// keysIn are the findings of a verdict that was recorded; nil has none. Verdicts that were
// recorded before keys were kept have their listed findings.
func keysIn(verdict *v1alpha1.GuardrailVerdict) keySet {
	switch {
	case verdict == nil:
		return keysOf(nil)
	case verdict.Keys == "" && int(verdict.Total) == len(verdict.Findings):
		return keysOf(verdict.Findings)
	case verdict.Keys == "" || len(verdict.Keys)%keyLength != 0:
		return keySet{total: int(verdict.Total)}
	}
	set := keySet{digests: map[string]bool{}, complete: true}
	for i := 0; i < len(verdict.Keys); i += keyLength {
		set.digests[verdict.Keys[i:i+keyLength]] = true
	}
	set.total = len(set.digests)
	return set
}

// has says whether a finding with that key is in the set.
func (s keySet) has(key string) bool { return s.digests[digestOf(key)] }

// without counts what is in this set and not in the other; where one of them is not
// complete, by how much this one is larger.
func (s keySet) without(other keySet) int {
	if !s.complete || !other.complete {
		return max(s.total-other.total, 0)
	}
	n := 0
	for digest := range s.digests {
		if !other.digests[digest] {
			n++
		}
	}
	return n
}

// encode writes the set into a report, in the order of the findings.
func encode(findings []v1alpha1.Finding) string {
	if len(findings) > maxKeys {
		return v1alpha1.UncountableKeys
	}
	encoded := make([]byte, 0, len(findings)*keyLength)
	for _, f := range findings {
		encoded = append(encoded, digestOf(f.Key)...)
	}
	return string(encoded)
}

// DropKeys forgets which findings a verdict has, for a report that is too large: later
// ones are compared by their number only.
func DropKeys(verdict *v1alpha1.GuardrailVerdict) {
	if verdict.Keys != "" {
		verdict.Keys = v1alpha1.UncountableKeys
	}
}

func digestOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:keyLength]
}
