// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package acts

import (
	"fmt"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Rollback is what a look shows of a workload of which a rollback was decided.
type Rollback struct {
	// Watched is false when this is the first look since the operator began: what happened
	// before it is not known.
	Watched bool
	// Revision is the number of the revision now, and Cause what brought it.
	Revision int64
	Cause    v1alpha1.RevisionCause
	// Failing is true while the workload fails, FailedBefore when it did at the last look.
	Failing, FailedBefore bool
	// Complete is true when all pods that are wanted run the revision and serve.
	Complete bool
	// Desired is how many pods are wanted.
	Desired int32
}

// SettleRollback says of the open rollbacks whether what is seen agrees with them.
//
// A reported rollback was right when somebody brought another pod template while the
// workload still failed, an earlier one or a repaired one, and wrong when the same revision
// recovered by itself. One that was carried out was right when the revision that it went
// back to runs well, and wrong when that fails too: then the revision was not the cause.
func SettleRollback(trials []v1alpha1.ActTrial, seen Rollback, now time.Time) {
	settleKind(trials, v1alpha1.ActionRollback, now, func(t v1alpha1.ActTrial) verdict {
		if seen.Revision > t.Revision && seen.Cause == v1alpha1.CauseCreated {
			return censored("the workload was made again")
		}
		if t.Level == v1alpha1.ActAct {
			return seen.done(t)
		}
		return seen.reported(t)
	})
}

func (r Rollback) reported(t v1alpha1.ActTrial) verdict {
	switch {
	case r.Revision == t.Revision && r.Desired == 0:
		return censored("it was scaled to nothing")
	case r.Revision == t.Revision && r.Complete && !r.Failing:
		return disagreed(fmt.Sprintf("revision %d recovered by itself", t.Revision))
	case r.Revision == t.Revision:
		return undecided
	case r.Cause.KeepsPods():
		return censored("its configuration, its tags or its strategy changed, and nobody can tell what that did")
	case !r.Watched:
		return censored("nobody watched when another revision came")
	case !r.FailedBefore:
		return censored("it did not fail any more when another revision came")
	default:
		return agreed(fmt.Sprintf("revision %d took the place of revision %d", r.Revision, t.Revision))
	}
}

func (r Rollback) done(t v1alpha1.ActTrial) verdict {
	switch returned := t.Revision + 1; {
	case r.Revision < returned:
		return undecided // it does not show yet
	case r.Revision > returned:
		return censored("another revision came before the one that it went back to was judged")
	case r.Desired == 0:
		return censored("it was scaled to nothing")
	case r.Failing:
		return disagreed("the revision that it went back to fails too")
	case r.Complete:
		return agreed("the revision that it went back to runs well")
	default:
		return undecided
	}
}
