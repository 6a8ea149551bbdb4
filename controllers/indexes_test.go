// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// indexes plays the indexes of a cache for a client that has none.
type indexes map[indexed]client.IndexerFunc

type indexed struct {
	kind  reflect.Type
	field string
}

// IndexField remembers how to read the field.
func (i indexes) IndexField(_ context.Context, object client.Object, field string, extract client.IndexerFunc) error {
	i[indexed{reflect.TypeOf(object), field}] = extract
	return nil
}

// in is the client with the indexes.
func (i indexes) in(c client.WithWatch) client.WithWatch {
	return interceptor.NewClient(c, interceptor.Funcs{List: i.list})
}

func (i indexes) list(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
	all := (&client.ListOptions{}).ApplyOptions(options)
	selector := all.FieldSelector
	all.FieldSelector = nil
	if err := c.List(ctx, list, all); err != nil || selector == nil {
		return err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return err
	}
	items = slices.DeleteFunc(items, func(item runtime.Object) bool {
		for _, wanted := range selector.Requirements() {
			extract := i[indexed{reflect.TypeOf(item), wanted.Field}]
			if extract == nil || !slices.Contains(extract(item.(client.Object)), wanted.Value) {
				return true
			}
		}
		return false
	})
	return meta.SetList(list, items)
}
