// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Baseline is what the trusted writers of a workload wrote, and what stands against it.
type Baseline struct {
	// Sequence counts the baselines of a workload, from 1.
	Sequence int64 `json:"sequence"`
	// Spec that trusted writers wrote.
	Spec map[string]any `json:"spec"`
	// Generation of the workload up to which every write was attributed.
	Generation int64 `json:"generation"`
	// Verified is true once a trusted writer wrote; false for a spec adopted at first sight.
	Verified bool `json:"verified"`
	// Stable is true once the workload was seen healthy with exactly this spec.
	Stable bool `json:"stable"`
	// Scaled is true while replicas are what somebody scaled to, and not what a trusted writer wrote.
	Scaled bool `json:"scaled,omitempty"`
	// Seen is the live spec at Generation; nil when it is Spec.
	Seen map[string]any `json:"seen,omitempty"`
	// Open are the differences between Spec and Seen.
	Open []OpenLeaf `json:"open,omitempty"`
}

// OpenLeaf is a difference that stands since an earlier look.
type OpenLeaf struct {
	// Path as Path.String writes it.
	Path string `json:"path"`
	// Origin says whose write it was.
	Origin Origin `json:"origin"`
	// By names the user, or the users that may have been it; empty when not known.
	By string `json:"by,omitempty"`
	// Since is when it was first seen.
	Since time.Time `json:"since"`
}

// seen is the live spec that the baseline last spoke of.
func (b *Baseline) seen() map[string]any {
	if b.Seen != nil {
		return b.Seen
	}
	return b.Spec
}

// Leaves are the differences that stood against the baseline when it was made, as Undo takes them.
func (b *Baseline) Leaves() []Leaf { return Diff(wrap(b.Spec), wrap(b.seen())) }

// Owner identifies the workload that a baseline belongs to.
type Owner struct {
	// APIVersion of the workload: apps/v1.
	APIVersion string
	// Kind of the workload.
	Kind v1alpha1.WorkloadKind
	// Namespace of the workload.
	Namespace string
	// Name of the workload.
	Name string
	// UID of the live object.
	UID types.UID
}

// labelBaseline on a ControllerRevision identifies the workload whose baseline it holds.
const labelBaseline = v1alpha1.Group + "/baseline-of"

// BaselineLabels select the baselines of a workload.
func BaselineLabels(owner Owner) map[string]string {
	sum := sha256.Sum256([]byte(owner.UID))
	return map[string]string{
		v1alpha1.LabelManagedBy: v1alpha1.ManagedBy,
		labelBaseline:           strings.ToLower(string(owner.Kind)) + "-" + hex.EncodeToString(sum[:])[:16],
	}
}

// maxBaseline is how many bytes of JSON a baseline may have. etcd takes objects of up to 1.5 MiB,
// with all that is around them.
const maxBaseline = 1 << 20

// TooLargeError is that of a baseline that no API server would store.
type TooLargeError struct{ Bytes int }

func (e TooLargeError) Error() string {
	return fmt.Sprintf("its spec is too large for a baseline of what trusted writers wrote (%d KiB, and %d are the most)", e.Bytes>>10, maxBaseline>>10)
}

// BaselineObject is the ControllerRevision that keeps a baseline. The API server lets
// nobody change the data of one, so that every baseline is a new object, named after its
// sequence: two operators cannot both write the next one. It carries our labels alone
// and is not controlled by the workload; with the workload's labels, the StatefulSet and
// DaemonSet controllers would adopt it into their own history. A baseline that is too large is a
// TooLargeError.
func BaselineObject(owner Owner, baseline Baseline) (*appsv1.ControllerRevision, error) {
	raw, err := json.Marshal(baseline)
	if err != nil {
		return nil, fmt.Errorf("encode the baseline of %s %s: %w", owner.Kind, owner.Name, err)
	}
	if len(raw) > maxBaseline {
		return nil, TooLargeError{len(raw)}
	}
	labels := BaselineLabels(owner)
	return &appsv1.ControllerRevision{
		TypeMeta: metav1.TypeMeta{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: "ControllerRevision"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   owner.Namespace,
			Name:        fmt.Sprintf("rampart-%s-%d", labels[labelBaseline], baseline.Sequence),
			Labels:      labels,
			Annotations: map[string]string{v1alpha1.Group + "/workload": string(owner.Kind) + "/" + owner.Name},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: owner.APIVersion, Kind: string(owner.Kind), Name: owner.Name,
				UID:        owner.UID,
				Controller: ptr.To(false),
			}},
		},
		Revision: baseline.Sequence,
		Data:     runtime.RawExtension{Raw: raw},
	}, nil
}

// ReadBaseline decodes what BaselineObject keeps.
func ReadBaseline(object *appsv1.ControllerRevision) (*Baseline, error) {
	var baseline Baseline
	if err := utiljson.Unmarshal(object.Data.Raw, &baseline); err != nil {
		return nil, fmt.Errorf("decode baseline %s: %w", object.Name, err)
	}
	if baseline.Spec == nil || baseline.Sequence < 1 {
		return nil, fmt.Errorf("decode baseline %s: it holds no spec", object.Name)
	}
	return &baseline, nil
}
