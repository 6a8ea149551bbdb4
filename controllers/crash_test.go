// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
)

// crash stops an operator at one of its writes: nothing that it does after that reaches
// the API server.
type crash struct {
	// at is the number of the write, from 1.
	at int
	// late lets that write happen, and loses the answer only.
	late bool

	writes int
}

// happened says whether the operator came as far as that write.
func (c *crash) happened() bool { return c.writes >= c.at }

func (c *crash) write(do func() error) error {
	c.writes++
	if c.writes < c.at || c.writes == c.at && c.late {
		if err := do(); err != nil {
			return err
		}
	}
	if c.happened() {
		return errors.New("the operator was stopped here")
	}
	return nil
}

// in is a client of the operator that crashes.
func (c *crash) in(inner client.WithWatch) client.WithWatch {
	return interceptor.NewClient(inner, interceptor.Funcs{
		Create: func(ctx context.Context, i client.WithWatch, object client.Object, options ...client.CreateOption) error {
			return c.write(func() error { return i.Create(ctx, object, options...) })
		},
		Delete: func(ctx context.Context, i client.WithWatch, object client.Object, options ...client.DeleteOption) error {
			return c.write(func() error { return i.Delete(ctx, object, options...) })
		},
		Patch: func(ctx context.Context, i client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			return c.write(func() error { return i.Patch(ctx, object, patch, options...) })
		},
		Apply: func(ctx context.Context, i client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			return c.write(func() error { return i.Apply(ctx, object, options...) })
		},
		SubResourcePatch: func(ctx context.Context, i client.Client, sub string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			return c.write(func() error { return i.SubResource(sub).Patch(ctx, object, patch, options...) })
		},
		SubResourceCreate: func(ctx context.Context, i client.Client, sub string, object, body client.Object, options ...client.SubResourceCreateOption) error {
			return c.write(func() error { return i.SubResource(sub).Create(ctx, object, body, options...) })
		},
	})
}

// crashes are an operator's ends at each of the writes of a pass, before and after it.
func crashes(writes int, play func(*crash)) {
	It(fmt.Sprintf("happens once, with %d writes", writes), func() {
		c := &crash{at: writes + 1}
		play(c)
		Expect(c.writes).To(Equal(writes), "the crashes that are tried here are not those that can happen")
	})
	for at := 1; at <= writes; at++ {
		for _, late := range []bool{false, true} {
			when := map[bool]string{false: "before", true: "after"}[late]
			It(fmt.Sprintf("happens once although the operator is stopped %s its write %d", when, at), func() {
				play(&crash{at: at, late: late})
			})
		}
	}
}

// recover lets an operator that was stopped come back, and work for some minutes.
func (w *world) recover(name string) {
	GinkgoHelper()
	w.client = operator
	w.restartOperator()
	for range 5 {
		w.look(name)
		w.later(30 * time.Second)
	}
}

var _ = Describe("The record of drift, and then its correction", func() {
	crashes(3, func(c *crash) {
		w := drifted("empty")
		generation := w.deployment("shop").Generation
		w.client = c.in(operator)
		w.restartOperator()
		_, err := w.tryLook("shop")
		Expect(err != nil).To(Equal(c.happened()))
		w.client = operator
		w.restartOperator()
		w.settle("shop")
		w.rollOut("shop")
		w.recover("shop")

		Expect(w.env("shop")).To(Equal("info"))
		Expect(w.deployment("shop").Generation).To(Equal(generation + 1))
	})
})

var _ = Describe("The correction of drift", func() {
	crashes(4, func(c *crash) {
		w := drifted("empty")
		w.look("shop")
		w.later(correctAfter)
		generation := w.deployment("shop").Generation
		w.client = c.in(operator)
		w.restartOperator()
		_, err := w.tryLook("shop")
		Expect(err != nil).To(Equal(c.happened()))
		if w.env("shop") == "info" {
			w.rollOut("shop")
		}
		w.recover("shop")

		Expect(w.env("shop")).To(Equal("info"))
		Expect(w.deployment("shop").Generation).To(Equal(generation+1), "it happened more than once")
		Expect(remediation.Owns(w.deployment("shop"))).To(BeFalse())
		Expect(w.actions("shop", v1alpha1.ActionCorrectDrift)).NotTo(ContainElement(v1alpha1.ActionIntended), "its outcome was never recorded")
	})
})

var _ = Describe("A rollback", func() {
	crashes(4, func(c *crash) {
		w := failed(2, "empty")
		generation := w.deployment("shop").Generation
		w.client = c.in(operator)
		w.restartOperator()
		_, err := w.tryLook("shop")
		Expect(err != nil).To(Equal(c.happened()))
		if w.image("shop") == goodImage {
			w.rollOut("shop")
		}
		w.recover("shop")

		Expect(w.image("shop")).To(Equal(goodImage))
		Expect(w.deployment("shop").Generation).To(Equal(generation+1), "it happened more than once")
		Expect(remediation.Owns(w.deployment("shop"))).To(BeFalse())
		Expect(w.actions("shop", v1alpha1.ActionRollback)).NotTo(ContainElement(v1alpha1.ActionIntended), "its outcome was never recorded")
		Expect(w.report("shop").Status.Quarantined).To(HaveLen(1))
	})
})

var _ = Describe("An isolation", func() {
	crashes(3, func(c *crash) {
		w := stranded("empty")
		w.later(isolateAfter)
		w.client = c.in(operator)
		w.restartOperator()
		_, err := w.tryLook("shop")
		Expect(err != nil).To(Equal(c.happened()))
		first := w.isolation("shop")
		w.recover("shop")

		Expect(w.isolation("shop")).NotTo(BeNil())
		if first != nil {
			Expect(w.isolation("shop").UID).To(Equal(first.UID), "it happened more than once")
		}
		Expect(w.actions("shop", v1alpha1.ActionIsolate)).NotTo(ContainElement(v1alpha1.ActionIntended), "its outcome was never recorded")
		Expect(w.report("shop").Status.Isolation).To(HaveValue(HaveField("State", v1alpha1.Isolated)))
	})
})

var _ = Describe("The end of an isolation", func() {
	crashes(3, func(c *crash) {
		w := isolated()
		w.ask("shop", v1alpha1.IsolationRefused)
		w.client = c.in(operator)
		w.restartOperator()
		_, err := w.tryLook("shop")
		Expect(err != nil).To(Equal(c.happened()))
		w.recover("shop")

		Expect(w.isolation("shop")).To(BeNil())
		Expect(w.actions("shop", v1alpha1.ActionRelease)).NotTo(ContainElement(v1alpha1.ActionIntended), "its outcome was never recorded")
		Expect(w.report("shop").Status.Isolation).To(HaveValue(HaveField("State", v1alpha1.IsolationReleased)))
	})
})
