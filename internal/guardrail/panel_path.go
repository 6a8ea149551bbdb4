// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// Rules mostly read paths, as in c.?securityContext.?privileged.orValue(false). A path is
// one step, so that no optional is made only to be opened again.

// path plans the reading of a path, with what stands for it where it is absent, or nil for
// an expression that says nothing of that.
func (d *draft) path(e ast.Expr, absent ast.Expr) (step, uint64, error) {
	w, weight, err := d.walk(e)
	if err != nil || absent == nil {
		return w.value, weight, err
	}
	instead, more, err := d.step(absent)
	w.absent = instead
	return w.orValue, weight + more, err
}

// presence plans the question whether there is a field at the end of a path.
func (d *draft) presence(path ast.Expr, field string) (step, uint64, error) {
	w, weight, err := d.walk(path)
	key := ref.Val(types.String(field))
	return func(s *scene) ref.Val {
		value, _, ok := w.follow(s)
		if !ok {
			return nil
		}
		if value == nil {
			return types.False
		}
		_, there, ok := find(value, key)
		if !ok {
			return nil
		}
		return types.Bool(there)
	}, weight + weightOfNode, err
}

// walk plans the way along a path, which may have no keys at all.
func (d *draft) walk(e ast.Expr) (*walk, uint64, error) {
	var keys []ref.Val
	// optional is how many of the last keys may be absent.
	optional := 0
	base := e
	for {
		operand, key, mayBeAbsent, ok := d.qualified(base)
		if !ok {
			break
		}
		keys = append(keys, key)
		if mayBeAbsent {
			optional = len(keys)
		}
		base = operand
	}
	slices.Reverse(keys)
	eval, weight, err := d.step(base)
	return &walk{base: eval, keys: keys, certain: len(keys) - optional}, weight + weightOfNode*uint64(len(keys)+1), err
}

// qualified takes the last key off a path, if it has one that is written down.
func (d *draft) qualified(e ast.Expr) (operand ast.Expr, key ref.Val, mayBeAbsent, ok bool) {
	switch e.Kind() {
	case ast.SelectKind:
		sel := e.AsSelect()
		_, isName := d.references[e.ID()]
		isVariable := sel.Operand().Kind() == ast.IdentKind && sel.Operand().AsIdent() == variablesName && d.place(variablesName) < 0
		if sel.IsTestOnly() || isName || isVariable {
			return nil, nil, false, false
		}
		return sel.Operand(), types.String(sel.FieldName()), false, true
	case ast.CallKind:
		name := e.AsCall().FunctionName()
		if name != operators.OptSelect && name != operators.OptIndex && name != operators.Index {
			return nil, nil, false, false
		}
		args := e.AsCall().Args()
		if args[1].Kind() != ast.LiteralKind {
			return nil, nil, false, false
		}
		field, ok := args[1].AsLiteral().(types.String)
		return args[0], field, name != operators.Index, ok
	}
	return nil, nil, false, false
}

// walk follows keys from a value through maps.
type walk struct {
	base step
	keys []ref.Val
	// certain is how many of the first keys must be there.
	certain int
	// absent is what stands for a value that is not there.
	absent step
}

// follow returns the value at the end, nil where there is none; ok is false where the plan
// must give up.
func (w *walk) follow(s *scene) (value ref.Val, optional, ok bool) {
	value = w.base(s)
	certain := w.certain
	if o, is := value.(*types.Optional); is {
		if !o.HasValue() {
			return nil, true, true
		}
		value, certain, optional = o.GetValue(), 0, true
	}
	for i, key := range w.keys {
		next, there, ok := find(value, key)
		if !ok {
			return nil, false, false
		}
		if !there {
			return nil, true, i >= certain
		}
		value = next
	}
	return value, optional || certain < len(w.keys), value != nil
}

func (w *walk) value(s *scene) ref.Val {
	value, optional, ok := w.follow(s)
	switch {
	case !ok:
		return nil
	case !optional:
		return value
	case value == nil:
		return types.OptionalNone
	default:
		return types.OptionalOf(value)
	}
}

func (w *walk) orValue(s *scene) ref.Val {
	value, optional, ok := w.follow(s)
	switch {
	case !ok || !optional:
		return nil
	case value == nil:
		return w.absent(s)
	default:
		return value
	}
}

// find looks a key up in a map; ok is false for anything but a map, and for a value that
// cannot be read.
func find(in, key ref.Val) (value ref.Val, there, ok bool) {
	m, ok := in.(traits.Mapper)
	if !ok {
		return nil, false, false
	}
	value, there = m.Find(key)
	if value != nil && types.IsUnknownOrError(value) {
		return nil, false, false
	}
	return value, there, !there || value != nil
}

// index plans the reading of an element whose key is computed, or of a list.
func (d *draft) index(e ast.Expr, optional bool) (step, uint64, error) {
	operands, weight, err := d.steps(e.AsCall().Args())
	if err != nil {
		return nil, 0, err
	}
	if len(operands) != 2 {
		return nil, 0, fmt.Errorf("it reads an element in a way that is not known")
	}
	return func(s *scene) ref.Val {
		in, key := operands[0](s), operands[1](s)
		optional := optional
		if o, is := in.(*types.Optional); is {
			if !o.HasValue() {
				return types.OptionalNone
			}
			in, optional = o.GetValue(), true
		}
		value, there, ok := element(in, key)
		switch {
		case !ok || (!there && !optional):
			return nil
		case !optional:
			return value
		case !there:
			return types.OptionalNone
		default:
			return types.OptionalOf(value)
		}
	}, weight + 2*weightOfNode, nil
}

// element reads an entry of a map by its name, or of a list by its position.
func element(in, key ref.Val) (value ref.Val, there, ok bool) {
	switch k := key.(type) {
	case types.String:
		return find(in, key)
	case types.Int:
		list, isList := in.(traits.Lister)
		if !isList {
			return nil, false, false
		}
		size, isInt := list.Size().(types.Int)
		if !isInt {
			return nil, false, false
		}
		if k < 0 || k >= size {
			return nil, false, true
		}
		value = list.Get(key)
		return value, true, value != nil && !types.IsUnknownOrError(value)
	}
	return nil, false, false
}
