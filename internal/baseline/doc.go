// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package baseline says what a namespace should have beside what its team brings: a
// network policy, disruption budgets, a quota and the like. Judge compares what is there
// with what the policy declares, and answers with the objects that shall stand, and with a
// standing for each item: applied, the team's own, missing, or withheld and why.
//
// An item never touches what a team made, makes way for it, and is withheld where
// something that runs, or what would replace it, would be refused. One item is one file.
// The package is pure.
package baseline
