// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package progression decides how grave the consequences of a guardrail, or of a gate,
// are: it raises a level one step when trials have earned it, and lowers it at once when
// the guardrail misbehaves. It counts nothing of its own: every trial is read from the
// ReadinessReports, so that restarts and replays cannot miscount. It is pure.
//
// # Rings
//
// Enforce begins in the most compliant namespace, goes on to a quarter of the namespaces,
// and then to all. Each ring has to bring a clean trial in each of its namespaces before
// the next. What is enforced at the next look is announced at this one, with the list of
// what would be refused: a step is taken only when the state that was read says it already,
// word for word, so that neither a restart nor a change in between can skip the announcement.
//
// # Laggards
//
// A namespace whose newest trial failed, before the guardrail was enforced there, is held
// back at Warn until three clean ones have come in a row, none of them in an episode of a
// failure. That is a rule about consequences,
// and it forgives: who complies now is not refused. Two namespaces that fail alternately
// would hold everybody up if their failures counted against all; but to leave out those who
// have just failed would be a selection by outcome, which makes every rule look good: what
// is left has, by its choice, just complied. So three things keep the evidence honest.
//
//   - The trials of a namespace are set apart only when its own trials show, with the
//     confidence of the policy, that it is below the target: that it is another population
//     and not bad luck. As we look at n namespaces at once, the confidence for each is
//     1-(1-c)/n (Bonferroni). All its trials are set apart then, clean ones too, and the
//     others must reach the target by themselves.
//   - When half or more of the namespaces with trials are held back, it is the rule that is in
//     doubt: nothing is set apart, and the rule does not rise. With a share p of
//     clean changes, a namespace is free with a chance of about p³, so that half are held
//     back at p = 79%: where the default target is.
//   - Each namespace that is not held back must have brought a change since Warn.
//
// Measured over 60 histories each, of 30 changes a namespace and a look after each of them,
// how often a rule with the default target reached Enforce that 70% of changes comply with,
// in 3, 6 and 12 namespaces: 18%, 8% and 6% when laggards were set apart at the plain
// confidence, 15%, 1% and 0% as it is, 6%, 1% and 0% when nothing was ever set apart. Of
// 90%, it was 96%, 100% and 100% each time.
//
// # Namespaces that come late
//
// A namespace that joins with running workloads while others are enforced is held back until
// it has brought a clean trial since. So is one that an exclusion left out as a whole, when
// the exclusion ends: nobody was warned there.
//
// # Who is enforced
//
// Nothing that a namespace does takes Enforce away from it again: neither evidence that
// fades, nor a violation. Enforce refuses violations, so that a failed trial there is one
// that slipped through, by a step that is not judged or in the second before the policy was
// in force. If it held the namespace back, whoever finds such a way once would have switched
// the guardrail off. It counts against the guardrail like any other.
//
// How many are held back changes nothing for the others. The state names all of them, up to
// a bound; beyond it, who is held back is told by trials and arrivals alone, which enforces
// nobody before time.
package progression
