// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"fmt"
	"hash/fnv"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/reference"

	"github.com/rampart-dev/rampart/internal/message"
)

// Recorder records events so that different texts are different events. client-go takes two
// events about one version of an object, with the same reason and action, for the same one,
// whatever they say: for minutes it would count the second as another occurrence of the first,
// and never show its text. The same text again is still counted and not repeated.
func Recorder(recorder events.EventRecorder, scheme *runtime.Scheme) events.EventRecorder {
	return telling{recorder, scheme}
}

type telling struct {
	recorder events.EventRecorder
	scheme   *runtime.Scheme
}

// maxNote is how long the API server lets the text of an event be, in bytes.
const maxNote = 1024

// Eventf gives the related object, which is part of what tells events apart, a field path that
// stands for the text. Where nothing is related it is the object itself.
func (t telling) Eventf(regarding, related runtime.Object, eventtype, reason, action, note string, args ...any) {
	text := message.Cut(fmt.Sprintf(note, args...), maxNote)
	if related == nil {
		related = regarding
	}
	if ref, err := reference.GetReference(t.scheme, related); err == nil {
		named := *ref
		named.FieldPath = fmt.Sprintf("text-%08x", digest(text))
		related = &named
	}
	t.recorder.Eventf(regarding, related, eventtype, reason, action, "%s", text)
}

func digest(text string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // it never fails
	return h.Sum32()
}
