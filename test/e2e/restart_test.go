// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"runtime"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/discovery"
)

// What stands in the API server decides alone: neither that the operator is gone nor that
// the API server begins anew without it changes an answer.
func TestNoDecisionChangesWithoutTheOperator(t *testing.T) {
	w := theWorld(t)
	questions := w.questions(t)
	before := answers(t, questions)
	w.withoutOperator(t)

	t.Run("while it is down", func(t *testing.T) {
		NewWithT(t).Expect(answers(t, questions)).To(Equal(before))
	})
	t.Run("from the first moment at which a restarted API server is ready", func(t *testing.T) {
		g := NewWithT(t)
		ready, asked := w.throughARestart(t, questions)
		var mended time.Duration // until the last answer that was not as before
		for _, a := range asked {
			if a.at.Before(ready) {
				continue // It may say that it is not ready, and of whom it does not know the rights yet.
			}
			want := before[a.question]
			g.Expect(a.err).NotTo(HaveOccurred(), a.question)
			if want.Refusal == "" {
				g.Expect(a.answer.Refusal).To(BeEmpty(), a.question)
			}
			if a.answer != want {
				mended = a.at.Sub(ready)
			}
		}
		t.Logf("%d questions; the last answer that was not as before came %s after the API server was ready", len(asked), mended)
		g.Expect(mended).To(BeNumerically("<", 2*time.Second))
		g.Expect(answers(t, questions)).To(Equal(before))
	})
}

// asked is a question that was put once.
type asked struct {
	question string
	at       time.Time
	answer   answer
	err      error
}

// throughARestart puts the questions, one after the other and again and again, while the
// API server is stopped and started, and twice more once it is ready. It returns when the
// API server first said that it was ready again.
func (w *world) throughARestart(t *testing.T, questions []question) (ready time.Time, all []asked) {
	t.Helper()
	g := NewWithT(t)
	server, err := discovery.NewDiscoveryClientForConfig(w.cluster.Config)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.cluster.StopAPIServer()).To(Succeed())
	started, readyAgain := make(chan error, 1), make(chan time.Time, 1)
	go func() { started <- w.cluster.StartAPIServer(t.Context()) }()
	go func() {
		for server.RESTClient().Get().AbsPath("/readyz").Do(t.Context()).Error() != nil && t.Context().Err() == nil {
			runtime.Gosched()
		}
		readyAgain <- time.Now()
	}()
	for rounds := 2; rounds > 0; {
		for _, q := range questions {
			at := time.Now()
			answer, err := q.put(t.Context())
			all = append(all, asked{q.name, at, answer, err})
		}
		select {
		case err := <-started:
			g.Expect(err).NotTo(HaveOccurred())
			started = nil
		default:
		}
		if started == nil {
			rounds--
		}
	}
	return <-readyAgain, all
}
