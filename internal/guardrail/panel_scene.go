// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/common"
)

// scene is what rules see of one object. They share it, one after the other, so that
// what one has read of the object is there for the next. It is not safe for concurrent use.
type scene struct {
	object, oldObject, namespace, surroundings ref.Val
	// steps evaluate the variables of the prelude, values are those evaluated so far.
	steps  []step
	values []ref.Val
	// locals are the variables that the rule at hand binds itself.
	locals []ref.Val
	// cost is more than what the rule has cost so far, in the API server's units.
	cost uint64
}

// newScene shows a change as admission shows it. What is not there is null.
func newScene(variables []step, after, before *subject, namespace *corev1.Namespace, surroundings *Surroundings) *scene {
	s := &scene{
		object: shown(after.object), oldObject: types.NullValue, namespace: common.SchemalessTypedToVal(after.holder(namespace)),
		surroundings: types.NullValue, steps: variables, values: make([]ref.Val, len(variables)),
	}
	if before != nil {
		s.oldObject = shown(before.object)
	}
	if surroundings != nil {
		s.surroundings = common.SchemalessTypedToVal(&surroundingObject{*surroundings})
	}
	return s
}

// shown is an object as expressions read it: lazily, so that nobody pays for what no rule reads.
func shown(object runtime.Object) ref.Val {
	if u, ok := object.(*unstructured.Unstructured); ok {
		return types.DefaultTypeAdapter.NativeToValue(u.Object)
	}
	return common.SchemalessTypedToVal(object)
}

// run evaluates a plan; it returns nil where the plan gave up.
func (s *scene) run(p *plan) (value ref.Val) {
	// The libraries behind functions may panic; the API server makes that an error too.
	defer func() {
		if recover() != nil {
			value = nil
		}
	}()
	if missing := p.locals - len(s.locals); missing > 0 {
		s.locals = append(s.locals, make([]ref.Val, missing)...)
	}
	s.cost = p.weight
	if value = p.eval(s); !s.spend(0) {
		return nil
	}
	return value
}

// spend adds to the cost. It returns false once the rule could have met the API server's limit.
func (s *scene) spend(cost uint64) bool {
	s.cost += cost
	return s.cost <= celconfig.PerCallLimit
}

// variable of the prelude, evaluated when a rule first reads it.
func (s *scene) variable(i int) ref.Val {
	if s.values[i] == nil {
		s.values[i] = s.steps[i](s)
	}
	return s.values[i]
}
