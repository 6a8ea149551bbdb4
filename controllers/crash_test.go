// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// crash is what becomes of one write of an operator. Unless it is answered, the operator is
// killed there: nothing that it does after that reaches the API server.
type crash struct {
	// at is the number of the write, from 1.
	at int
	// late lets that write happen, and loses the answer only.
	late bool
	// answer is what the operator is told of that write; nil when it is killed.
	answer error

	writes int
}

// faults are what may become of a write: the operator is killed at it, or it is answered
// with an error, whether or not it happened.
var faults = map[string]crash{
	"the operator is killed before":                       {},
	"the operator is killed after":                        {late: true},
	"the API server forbids":                              {answer: apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("admission webhook denied the request"))},
	"the API server gives no answer to, and does not do":  {answer: apierrors.NewTimeoutError("the request did not complete in time", 1)},
	"the API server gives no answer to, although it does": {answer: apierrors.NewTimeoutError("the request did not complete in time", 1), late: true},
	"the answer is lost, and a repetition refused, of":    {answer: apierrors.NewConflict(schema.GroupResource{}, "", errors.New("the object has been modified")), late: true},
}

// happened says whether the operator came as far as that write.
func (c *crash) happened() bool { return c.writes >= c.at }

func (c *crash) write(do func() error) error {
	c.writes++
	at, killed := c.writes == c.at, c.answer == nil
	switch {
	case c.writes > c.at && killed, at && !c.late:
	default:
		if err := do(); err != nil {
			return err
		}
	}
	switch {
	case c.writes > c.at && !killed, c.writes < c.at:
		return nil
	case !killed:
		return c.answer
	}
	return errors.New("the operator was stopped here")
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
		Update: func(ctx context.Context, i client.WithWatch, object client.Object, options ...client.UpdateOption) error {
			return c.write(func() error { return i.Update(ctx, object, options...) })
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

// atEveryWrite plays each fault at each of the writes that there are: one after the other,
// until a pass ends before the fault comes. There are at least so many.
func atEveryWrite(atLeast int, play func(*crash)) {
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		It("happens once, and is explained, although "+name+" any of its writes", func() {
			for at := 1; ; at++ {
				By(fmt.Sprintf("write %d", at))
				fault := faults[name]
				fault.at = at
				play(&fault)
				// What it leaves refused would be written again in the next round, and again.
				Expect(admin.DeleteAllOf(ctx, &v1alpha1.EnvironmentPolicy{})).To(Succeed())
				if !fault.happened() {
					Expect(at).To(BeNumerically(">", atLeast), "the writes are not those that were meant")
					return
				}
			}
		})
	}
}

// strike lets an operator with that fault make one pass. Then it goes on without, or the
// next one does if it was killed.
func (w *world) strike(c *crash, pass func() error) {
	GinkgoHelper()
	w.client = c.in(operator)
	w.restartOperator()
	err := pass()
	if !c.happened() {
		Expect(err).NotTo(HaveOccurred())
	}
	if c.answer == nil || !c.happened() {
		w.client = operator
		w.restartOperator()
	}
}

// tryAdmission is one pass of the loop that refuses what was rolled back.
func (w *world) tryAdmission() error {
	loop := &controllers.AdmissionReconciler{
		Client: w.client, Applier: controllers.NewApplier(w.client), OperatorNamespace: "rampart-system", OperatorUser: operatorUser,
	}
	_, err := loop.Reconcile(ctx, ctrl.Request{})
	return err
}

// recover lets the operator work for some minutes. What it brings back runs well.
func (w *world) recover(name string, back func() bool, pass func() error) {
	GinkgoHelper()
	for range 4 {
		if back() {
			w.rollOut(name)
		}
		Expect(pass()).To(Succeed())
		w.later(30 * time.Second)
	}
}

// quarantined says whether the API server is told to refuse a revision of the namespace.
func (w *world) quarantined() bool {
	GinkgoHelper()
	return slices.ContainsFunc(sharedAdmission(w.namespace), func(object client.Object) bool {
		return object.GetName() == remediation.QuarantineName(w.namespace)
	})
}

// expectOneRemediation holds what must be true after every fault.
func (w *world) expectOneRemediation(name string, kind v1alpha1.ActionKind, generation int64) {
	GinkgoHelper()
	Expect(w.deployment(name).Generation).To(Equal(generation+1), "it happened once")
	Expect(remediation.Owns(w.deployment(name))).To(BeFalse(), "the operator owns nothing")
	outcomes := w.actions(name, kind)
	Expect(outcomes).NotTo(ContainElement(v1alpha1.ActionIntended), "its outcome is recorded")
	done := 0
	for _, action := range w.report(name).Status.Actions {
		Expect(action.Message).NotTo(BeEmpty())
		if action.Kind == kind && action.Outcome == v1alpha1.ActionDone {
			done++
		}
	}
	Expect(done).To(Equal(1), "it is told once: %v", w.report(name).Status.Actions)
	Expect(len(outcomes)).To(BeNumerically("<=", 2), "each attempt counts once")
	Expect(w.report(name).Status.ActTrials).To(ConsistOf(And(
		HaveField("Kind", kind), HaveField("Level", v1alpha1.ActAct), HaveField("Generation", generation))), "what follows is held against it")
}

var _ = Describe("The record of drift, and then its correction", func() {
	atEveryWrite(3, func(c *crash) {
		w := drifted("empty")
		generation := w.deployment("shop").Generation
		w.strike(c, w.shop)
		w.later(correctAfter)
		w.recover("shop", w.corrected, w.shop)

		w.expectOneRemediation("shop", v1alpha1.ActionCorrectDrift, generation)
	})
})

var _ = Describe("The correction of drift", func() {
	atEveryWrite(4, func(c *crash) {
		w := drifted("empty")
		w.look("shop")
		w.later(correctAfter)
		generation := w.deployment("shop").Generation
		w.strike(c, w.shop)
		happened := w.corrected()
		w.recover("shop", w.corrected, w.shop)

		Expect(w.corrected()).To(BeTrue())
		w.expectOneRemediation("shop", v1alpha1.ActionCorrectDrift, generation)
		Expect(w.report("shop").Status.ActTrials[0].Fields).To(HaveLen(1), "what it took back is known")
		if happened {
			Expect(w.actions("shop", v1alpha1.ActionCorrectDrift)).To(HaveLen(1), "one that happened is no failed attempt")
		}
	})
})

var _ = Describe("A rollback, and the quarantine of what failed", func() {
	atEveryWrite(6, func(c *crash) {
		w := failed(2, "empty")
		generation := w.deployment("shop").Generation
		Expect(w.tryAdmission()).To(Succeed())
		pass := func() error {
			err := errors.Join(w.shop(), w.tryAdmission())
			Expect(w.quarantined()).To(Or(BeFalse(), Equal(w.rolledBack())), "nothing is refused that was not rolled back")
			return err
		}
		w.strike(c, pass)
		happened := w.rolledBack()
		w.recover("shop", w.rolledBack, pass)

		Expect(w.rolledBack()).To(BeTrue())
		w.expectOneRemediation("shop", v1alpha1.ActionRollback, generation)
		if happened {
			Expect(w.actions("shop", v1alpha1.ActionRollback)).To(HaveLen(1), "one that happened is no failed attempt")
		}
		Expect(w.report("shop").Status.Quarantined).To(HaveLen(1))
		Expect(w.quarantined()).To(BeTrue())
		Expect(w.decided("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActTrialOutcome{agreed}))
	})

	It("is done, and not said to be, when somebody else was first while nobody looked", func() {
		w := failed(2, "empty")
		w.strike(&crash{at: 2}, w.shop)
		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionIntended}))
		w.change("shop", deployer, setImage("registry.example/shop:3.0.0"))
		w.recover("shop", func() bool { return true }, w.shop)

		Expect(w.image("shop")).To(Equal("registry.example/shop:3.0.0"))
		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionFailed}), "the fix is not the operator's")
		Expect(w.report("shop").Status.Quarantined).To(BeEmpty(), "nothing was rolled back, so that nothing may be refused")
		Expect(w.told(telemetry.ReasonActionFailed)).To(BeTrue())
	})

	It("is not said to be done because another revision was rolled back before", func() {
		w := failed(2, "empty", func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.BlastRadius = &v1alpha1.BlastRadius{ActionsPerHour: 5}
		})
		for _, image := range []string{"registry.example/shop:3.0.0", badImage} {
			w.look("shop")
			Expect(w.rolledBack()).To(BeTrue())
			w.look("shop")
			w.rollOut("shop")
			w.later(10 * time.Minute)
			w.look("shop")
			w.change("shop", deployer, setImage(image))
			w.look("shop")
			w.crashAnew("shop")
		}
		w.strike(&crash{at: 2}, w.shop)
		Expect(w.rolledBack()).To(BeFalse())
		w.recover("shop", w.rolledBack, func() error { return errors.Join(w.shop(), w.tryAdmission()) })

		Expect(w.rolledBack()).To(BeTrue(), "%v", w.report("shop").Status.Actions)
	})

	It("ends with a workload that is deleted before anybody saw it done, and refuses nothing", func() {
		w := failed(2, "empty")
		w.strike(&crash{at: 2}, w.shop)
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		Expect(w.shop()).To(Succeed())

		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionFailed}))
		Expect(w.report("shop").Status.Quarantined).To(BeEmpty())
	})

	It("does not happen within the hour when the one attempt that is allowed came to nothing", func() {
		w := failed(2, "empty", func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.BlastRadius = &v1alpha1.BlastRadius{ActionsPerHour: 1}
		})
		w.strike(&crash{at: 2}, w.shop)
		w.recover("shop", w.rolledBack, w.shop)
		Expect(w.rolledBack()).To(BeFalse())
		Expect(w.report("shop").Status.Message).To(ContainSubstring("failed attempts included"))
		Expect(w.report("shop").Status.Quarantined).To(BeEmpty())

		w.later(time.Hour)
		Expect(w.shop()).To(Succeed())
		Expect(w.rolledBack()).To(BeTrue())
	})
})

var _ = Describe("An action whose record was lost, and that the operator's cache does not see", func() {
	// story is a workload that is acted on at the next pass, and what its report says of that.
	type story struct {
		w        *world
		pass     func() error
		outcomes func() []v1alpha1.ActionOutcome
	}
	about := func(w *world, kind v1alpha1.ActionKind) story {
		return story{w, w.shop, func() []v1alpha1.ActionOutcome { return w.actions("shop", kind) }}
	}

	DescribeTable("is done if the API server itself shows it, and not given up", func(begin func() story, unseen ...any) {
		s := begin()
		cache := behind(operator, unseen...)
		work := func(c client.WithWatch) error {
			s.w.client = c
			s.w.restartOperator()
			s.w.reports.Live = operator
			return s.pass()
		}
		Expect(work((&crash{at: 2, late: true}).in(cache))).NotTo(Succeed())
		Expect(s.outcomes()).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionIntended}))
		s.w.later(time.Minute)
		for _, c := range []client.WithWatch{cache, cache, operator} {
			Expect(work(c)).To(Succeed())
			Expect(s.outcomes()).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionDone}))
		}
	},
		Entry("a rollback", func() story { return about(failed(2, "empty"), v1alpha1.ActionRollback) }, &appsv1.Deployment{}),
		Entry("the deletion of the pod that it waits for", func() story {
			s := restored()
			s.settle()
			return story{s.world, func() error { _, err := s.tryLook(); return err }, func() []v1alpha1.ActionOutcome { return s.outcomes(v1alpha1.ActionReplacePod) }}
		}, &corev1.PodList{}),
		Entry("an isolation", func() story {
			w := stranded("empty")
			w.later(isolateAfter)
			return about(w, v1alpha1.ActionIsolate)
		}, &networkingv1.NetworkPolicy{}),
		Entry("the end of one", func() story {
			w := isolated()
			w.ask("shop", v1alpha1.IsolationRefused)
			return about(w, v1alpha1.ActionRelease)
		}, &networkingv1.NetworkPolicy{}),
	)

	It("stays open while the API server cannot be asked either", func() {
		w := failed(2, "empty")
		w.strike(&crash{at: 2}, w.shop)
		w.reports.Live = interceptor.NewClient(operator, interceptor.Funcs{
			Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
				return apierrors.NewServiceUnavailable("the API server is away")
			},
		})
		w.later(time.Minute)
		Expect(w.shop()).NotTo(Succeed())
		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionIntended}))
	})
})

// behind is a client whose cache does not follow: what it read first of some kinds, objects or
// lists, is what it reads ever after.
func behind(c client.WithWatch, kinds ...any) client.WithWatch {
	type answer struct {
		object runtime.Object
		err    error
	}
	answers := map[string]answer{}
	read := func(object runtime.Object, what string, do func() error) error {
		is := func(kind any) bool { return reflect.TypeOf(kind) == reflect.TypeOf(object) }
		if !slices.ContainsFunc(kinds, is) {
			return do()
		}
		if _, known := answers[what]; !known {
			err := do()
			answers[what] = answer{object.DeepCopyObject(), err}
		}
		reflect.ValueOf(object).Elem().Set(reflect.ValueOf(answers[what].object.DeepCopyObject()).Elem())
		return answers[what].err
	}
	return interceptor.NewClient(c, interceptor.Funcs{
		Get: func(ctx context.Context, i client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			return read(object, fmt.Sprintf("%T %s", object, key), func() error { return i.Get(ctx, key, object, options...) })
		},
		List: func(ctx context.Context, i client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			all := (&client.ListOptions{}).ApplyOptions(options)
			return read(list, fmt.Sprintf("%T %s %v %v", list, all.Namespace, all.FieldSelector, all.LabelSelector), func() error { return i.List(ctx, list, options...) })
		},
	})
}

// shop is one pass over the Deployment of that name.
func (w *world) shop() error {
	_, err := w.tryLook("shop")
	return err
}

// never is for what needs no rollout to come back.
func never() bool { return false }

func (w *world) corrected() bool  { return w.env("shop") == "info" }
func (w *world) rolledBack() bool { return w.image("shop") == goodImage }

var _ = Describe("An isolation", func() {
	atEveryWrite(3, func(c *crash) {
		w := stranded("empty")
		w.later(isolateAfter)
		w.strike(c, w.shop)
		first := w.isolation("shop")
		w.recover("shop", never, w.shop)

		Expect(w.isolation("shop")).NotTo(BeNil())
		if first != nil {
			Expect(w.isolation("shop").UID).To(Equal(first.UID), "it happened more than once")
		}
		Expect(w.actions("shop", v1alpha1.ActionIsolate)).NotTo(ContainElement(v1alpha1.ActionIntended), "its outcome was never recorded")
		Expect(w.report("shop").Status.Isolation).To(HaveValue(HaveField("State", v1alpha1.Isolated)))
	})
})

var _ = Describe("The end of an isolation", func() {
	atEveryWrite(3, func(c *crash) {
		w := isolated()
		w.ask("shop", v1alpha1.IsolationRefused)
		w.strike(c, w.shop)
		w.recover("shop", never, w.shop)

		Expect(w.isolation("shop")).To(BeNil())
		Expect(w.actions("shop", v1alpha1.ActionRelease)).NotTo(ContainElement(v1alpha1.ActionIntended), "its outcome was never recorded")
		Expect(w.report("shop").Status.Isolation).To(HaveValue(HaveField("State", v1alpha1.IsolationReleased)))
	})
})
