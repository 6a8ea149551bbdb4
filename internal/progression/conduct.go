// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"slices"
	"time"

	"github.com/rampart-dev/rampart/internal/confidence"
)

// enoughClean is how many clean trials in a row end what a failed one began.
const enoughClean = 3

// conduct is how the changes of one namespace fare under a guardrail.
type conduct struct {
	// clean is how many trials did not fail.
	clean int
	// failed is how many did, and newestFailed the last of them.
	failed       int
	newestFailed Trial
	// cleanSince is how many clean ones have followed, none of them in an episode with a
	// failure: the clean half of a bad deployment does not make up for the other.
	cleanSince int
	// lastClean is when the newest clean trial came. One in the future is none.
	lastClean time.Time

	failedEpisodes []*episode
}

// laggard says whether the namespace's recent revisions still bring new findings.
func (c *conduct) laggard() bool { return c.failed > 0 && c.cleanSince < enoughClean }

func (c *conduct) add(t Trial, e *episode, now time.Time) {
	if t.Failed {
		c.failed, c.newestFailed, c.cleanSince = c.failed+1, t, 0
		c.failedEpisodes = append(c.failedEpisodes, e)
		return
	}
	c.clean++
	if t.Time.After(now) {
		return
	}
	c.lastClean = t.Time
	if c.failed > 0 && t.Time.After(c.newestFailed.Time) && !slices.Contains(c.failedEpisodes, e) {
		c.cleanSince++
	}
}

// judgement is what the trials of an environment say, namespace by namespace.
type judgement struct {
	conduct map[string]*conduct
	// laggards are the namespaces that are held back for their trials, sorted.
	laggards []string
	// doubt is true when they are half or more of the namespaces that have trials: it is
	// the rule then that is in question, and no longer the namespaces.
	doubt bool
	// apart are the laggards whose own trials show that they are below the target, sorted;
	// none while the rule is in doubt.
	apart []string
	// counted are the trials that speak for the guardrail: without those set apart.
	counted []Trial
}

// judge looks at each namespace by itself. The target and the sureness, between 0 and 1,
// are those of the climb.
func judge(trials []Trial, target, sureness float64, now time.Time) judgement {
	j := judgement{conduct: map[string]*conduct{}, counted: trials}
	for t, e := range inEpisodes(trials) {
		c := j.conduct[t.Namespace]
		if c == nil {
			c = &conduct{}
			j.conduct[t.Namespace] = c
		}
		c.add(t, e, now)
	}
	for namespace, c := range j.conduct {
		if c.laggard() {
			j.laggards = append(j.laggards, namespace)
		}
	}
	slices.Sort(j.laggards)
	j.doubt = len(j.laggards) > 0 && 2*len(j.laggards) >= len(j.conduct)
	if j.doubt {
		return j
	}
	for _, laggard := range j.laggards {
		own := slices.DeleteFunc(slices.Clone(trials), func(t Trial) bool { return t.Namespace != laggard })
		if below(weigh(own), target, 1-(1-sureness)/float64(len(j.conduct))) {
			j.apart = append(j.apart, laggard)
		}
	}
	if len(j.apart) > 0 {
		j.counted = slices.DeleteFunc(slices.Clone(trials), func(t Trial) bool { return slices.Contains(j.apart, t.Namespace) })
	}
	return j
}

// below says whether evidence shows that the true rate is below the target: that the rate
// of failures is above what the target leaves for them.
func below(e confidence.Evidence, target, sureness float64) bool {
	return confidence.Reached(confidence.Evidence{Successes: e.Failures, Failures: e.Successes}, 1-target, sureness)
}

// of is how the changes of a namespace fare.
func (j judgement) of(namespace string) *conduct {
	if c := j.conduct[namespace]; c != nil {
		return c
	}
	return &conduct{}
}
