// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/rampart-dev/rampart/controllers"
)

// forgedManager is the field manager of every change in every form: a name that anybody
// may give, and nothing may believe.
const forgedManager = "kube-controller-manager"

// form is how a change is sent.
type form struct {
	name string
	// patch that makes of before what is sent. A PUT has none.
	patch func(before client.Object) client.Patch
	force bool
}

var forms = []form{
	{name: "PUT"},
	{name: "merge patch", patch: client.MergeFrom},
	{name: "strategic merge patch", patch: func(before client.Object) client.Patch { return client.StrategicMergeFrom(before) }},
	{name: "JSON patch", patch: func(client.Object) client.Patch { return specPatch{} }},
	{name: "server-side apply", patch: func(before client.Object) client.Patch { return applyPatch{before} }, force: true},
}

// send changes what is before into what is after, or a subresource of it.
func (f form) send(ctx context.Context, c client.Client, subresource string, before, after client.Object) error {
	if f.patch == nil {
		if subresource == "" {
			return c.Update(ctx, after, client.FieldOwner(forgedManager))
		}
		return c.SubResource(subresource).Update(ctx, after, client.FieldOwner(forgedManager))
	}
	options := client.PatchOptions{FieldManager: forgedManager}
	if f.force {
		options.Force = &f.force
	}
	if subresource == "" {
		return c.Patch(ctx, after, f.patch(before), &options)
	}
	return c.SubResource(subresource).Patch(ctx, after, f.patch(before), &client.SubResourcePatchOptions{PatchOptions: options})
}

// specPatch is a JSON patch that replaces the spec.
type specPatch struct{}

func (specPatch) Type() types.PatchType { return types.JSONPatchType }

func (specPatch) Data(after client.Object) ([]byte, error) {
	encoded, err := json.Marshal(after)
	if err != nil {
		return nil, err
	}
	var object struct{ Spec json.RawMessage }
	if err := json.Unmarshal(encoded, &object); err != nil {
		return nil, err
	}
	return json.Marshal([]map[string]any{{"op": "replace", "path": "/spec", "value": object.Spec}})
}

// applyPatch states what differs from before, or everything where before is nil.
type applyPatch struct{ before client.Object }

func (applyPatch) Type() types.PatchType { return types.ApplyPatchType }

func (p applyPatch) Data(after client.Object) ([]byte, error) {
	encoded, err := json.Marshal(after)
	if p.before != nil {
		encoded, err = client.MergeFrom(p.before).Data(after)
	}
	if err != nil {
		return nil, err
	}
	applied := map[string]any{}
	if err := json.Unmarshal(encoded, &applied); err != nil {
		return nil, err
	}
	applied["apiVersion"], applied["kind"] = kindOf(after).ToAPIVersionAndKind()
	applied["metadata"] = map[string]any{"name": after.GetName(), "namespace": after.GetNamespace(), "labels": after.GetLabels()}
	return json.Marshal(applied)
}

// kindOf an object of the operator's scheme.
func kindOf(object client.Object) schema.GroupVersionKind {
	kind, err := apiutil.GVKForObject(object, controllers.Scheme())
	if err != nil {
		panic(err)
	}
	return kind
}

// resourceOf an object, as in "deployments.apps".
func resourceOf(object client.Object) string {
	plural, _ := meta.UnsafeGuessKindToResource(kindOf(object))
	return plural.GroupResource().String()
}
