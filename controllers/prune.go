// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pruneLists deletes, list by list, the objects with the labels that are ours and not desired.
func pruneLists(ctx context.Context, c client.Client, lists []client.ObjectList, labels client.MatchingLabels, desired []client.Object, ours func(client.Object) bool) error {
	type identity struct {
		kind reflect.Type
		name client.ObjectKey
	}
	wanted := map[identity]bool{}
	for _, object := range desired {
		wanted[identity{reflect.TypeOf(object), client.ObjectKeyFromObject(object)}] = true
	}
	for _, list := range lists {
		if err := c.List(ctx, list, labels); err != nil {
			return fmt.Errorf("list %T: %w", list, err)
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			if wanted[identity{reflect.TypeOf(object), client.ObjectKeyFromObject(object)}] || !ours(object) {
				return nil
			}
			err := client.IgnoreNotFound(c.Delete(ctx, object, client.Preconditions{UID: ptr.To(object.GetUID())}))
			if err != nil {
				return fmt.Errorf("delete %T %s: %w", object, object.GetName(), err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
