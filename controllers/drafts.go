// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/evidence"
)

const (
	// draftsWait is how long a report may say more than what is recorded of it, and so the
	// most that a crash can cost of an episode that goes on.
	draftsWait = 30 * time.Second
	// draftsFlush is how long the operator takes, when it stops, to record what waits.
	draftsFlush = 5 * time.Second
	// cacheLag is how long a cache may take to show a write. What it does not show then, it
	// may never show: the cluster's data may have been restored from before.
	cacheLag = 10 * time.Second
)

// errBehind says that a report was read from a cache that does not show yet what this operator
// wrote last. A look at it would be wasted: it repeats what was judged, keeps it as a draft of a
// report that is no more, and the event that led to it does not come again.
var errBehind = errors.New("the cache does not show the last write yet")

// Drafts are reports that know more than what is recorded: what begins and succeeds while an
// episode goes on is written down with the end of the episode, and not step by step. The
// next look goes on from the draft. One whose report was written since is worthless.
type Drafts struct {
	client client.Client
	clock  clock.PassiveClock

	mu    sync.Mutex
	byKey map[Key]draft
	// written is the last version of each report that a look led to, and when.
	written map[Key]write
}

type write struct {
	resourceVersion string
	at              time.Time
}

type draft struct {
	// recorded is the report as it was when the draft was begun.
	recorded *v1alpha1.ReadinessReport
	report   *v1alpha1.ReadinessReport
	due      time.Time
}

// NewDrafts has none yet.
func NewDrafts(c client.Client, clock clock.PassiveClock) *Drafts {
	return &Drafts{client: c, clock: clock, byKey: map[Key]draft{}, written: map[Key]write{}}
}

// wrote remembers the version of a report at the end of a look.
func (d *Drafts) wrote(key Key, report *v1alpha1.ReadinessReport) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.written[key] = write{report.ResourceVersion, d.clock.Now()}
}

// behind says whether a report is older than what the last look led to, a moment ago.
func (d *Drafts) behind(key Key, read *v1alpha1.ReadinessReport) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	last, known := d.written[key]
	if !known || d.clock.Since(last.at) >= cacheLag {
		delete(d.written, key)
		return false
	}
	order, err := resourceversion.CompareResourceVersion(read.ResourceVersion, last.resourceVersion)
	return err == nil && order < 0
}

// of is what is known beyond a recorded report, or a copy of that.
func (d *Drafts) of(key Key, recorded *v1alpha1.ReadinessReport) *v1alpha1.ReadinessReport {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.byKey[key]; ok && known.recorded.UID == recorded.UID && known.recorded.ResourceVersion == recorded.ResourceVersion {
		return known.report.DeepCopy()
	}
	delete(d.byKey, key)
	return recorded.DeepCopy()
}

// keep a report that says more than what is recorded, and say until when. It must be
// recorded now if the time is zero: there is news in it, or the draft is due.
func (d *Drafts) keep(key Key, recorded, report *v1alpha1.ReadinessReport) (until time.Time) {
	if apiequality.Semantic.DeepEqual(recorded, report) || !goesOn(&recorded.Status, &report.Status) {
		return time.Time{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	due := now.Add(draftsWait)
	if known, ok := d.byKey[key]; ok {
		due = known.due
	}
	if !now.Before(due) {
		return time.Time{}
	}
	d.byKey[key] = draft{recorded: recorded.DeepCopy(), report: report.DeepCopy(), due: due}
	return due
}

// forget the draft of a report that was recorded, or is gone.
func (d *Drafts) forget(key Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.byKey, key)
	delete(d.written, key)
}

// goesOn says whether a report says nothing but how episodes go on, what the pods of the
// revision show of it, and in words what is awaited. Nothing waits while the workload fails.
func goesOn(was, is *v1alpha1.ReadinessReportStatus) bool {
	if is.FailingSince != nil || evidence.News(was.Evidence, is.Evidence, is.Drill != nil) {
		return false
	}
	rest := *is
	rest.Evidence, rest.Qualities, rest.Message = was.Evidence, was.Qualities, was.Message
	if is.Revision.Number == was.Revision.Number && len(is.Outcomes) == len(was.Outcomes) {
		rest.Revision, rest.Outcomes = was.Revision, slices.Clone(is.Outcomes)
		rest.Outcomes[0].PodTemplateHash, rest.Outcomes[0].TemplateDigest = was.Outcomes[0].PodTemplateHash, was.Outcomes[0].TemplateDigest
	}
	return apiequality.Semantic.DeepEqual(*was, rest)
}

// Start records the drafts when the operator stops, so that an upgrade costs no evidence.
func (d *Drafts) Start(ctx context.Context) error {
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), draftsFlush)
	defer cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, draft := range d.byKey {
		if _, err := recordStatus(ctx, d.client, draft.recorded, draft.report); err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			ctrl.LoggerFrom(ctx).Error(err, "cannot record what was learned of an episode that goes on", "workload", key.String())
		}
		delete(d.byKey, key)
	}
	return nil
}
