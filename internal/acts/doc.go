// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package acts says in which namespaces the operator may carry out what it has only
// reported: an act (a correction of drift, a rollback) earns the level Act by decisions that
// proved right, and loses it by decisions that proved wrong.
//
// The pieces, in the order in which they are used: Open writes down a decision as a trial of
// its act, SettleCorrection and SettleRollback say whether what is seen later agrees with
// it, Count weighs the trials of a namespace, Step moves the level, and Annotation keeps it
// on the Namespace, out of a team's reach. Everything here is pure: it reads no clock and
// calls no API. Missing data never raises a level.
package acts
