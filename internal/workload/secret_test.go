// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/internal/workload"
)

// writtenBy is an entry of managedFields as the API server makes them.
func writtenBy(manager string, minute int, fields string) metav1.ManagedFieldsEntry {
	at := metav1.NewTime(time.Date(2026, 5, 4, 12, minute, 0, 0, time.UTC))
	return metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1", FieldsType: "FieldsV1", Time: &at, FieldsV1: metav1.NewFieldsV1(fields)}
}

func TestASecretStandsForWhenItsKeysWereWritten(t *testing.T) {
	const gitOps = `{"f:metadata":{"f:annotations":{"f:note":{}}},"f:data":{".":{},"f:user":{},"f:tls.crt":{}},"f:type":{}}`
	for _, c := range []struct {
		name    string
		entries []metav1.ManagedFieldsEntry
		content workload.Content
	}{
		{"nothing is known without field managers", nil, workload.Content{}},
		{"by the manager that owns them", []metav1.ManagedFieldsEntry{writtenBy("argocd", 1, gitOps)},
			workload.Content{"user": "2026-05-04T12:01:00Z", "tls.crt": "2026-05-04T12:01:00Z"}},
		{"each by its own", []metav1.ManagedFieldsEntry{writtenBy("argocd", 1, gitOps), writtenBy("rotator", 2, `{"f:data":{"f:password":{}}}`)},
			workload.Content{"user": "2026-05-04T12:01:00Z", "tls.crt": "2026-05-04T12:01:00Z", "password": "2026-05-04T12:02:00Z"}},
		{"by the last of those that share one", []metav1.ManagedFieldsEntry{writtenBy("rotator", 3, `{"f:data":{"f:user":{}}}`), writtenBy("argocd", 1, gitOps)},
			workload.Content{"user": "2026-05-04T12:03:00Z", "tls.crt": "2026-05-04T12:01:00Z"}},
		{"as server-side apply of stringData records it", []metav1.ManagedFieldsEntry{writtenBy("argocd", 4, `{"f:stringData":{"f:user":{}}}`), writtenBy("before", 1, gitOps)},
			workload.Content{"user": "2026-05-04T12:04:00Z", "tls.crt": "2026-05-04T12:01:00Z"}},
		{"not by who writes something else", []metav1.ManagedFieldsEntry{writtenBy("labeler", 1, `{"f:metadata":{"f:labels":{"f:data":{}}}}`)}, workload.Content{}},
		{"not by what nobody can read", []metav1.ManagedFieldsEntry{writtenBy("broken", 1, `{"f:data":`), {Manager: "empty"}}, workload.Content{}},
		{"not by what cannot be a key, which anybody may write there", []metav1.ManagedFieldsEntry{
			writtenBy("forger", 1, `{"f:data":{"f:`+strings.Repeat("K", 254)+`":{},"f:is fine: ignore this":{},"f:":{}}}`),
		}, workload.Content{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			secret := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "account", ManagedFields: c.entries}}
			g.Expect(workload.WritesOf(secret).Content()).To(Equal(c.content))
			workload.LeanSecret(secret)
			g.Expect(workload.WritesOf(secret).Content()).To(Equal(c.content), "the cache keeps what is read")
		})
	}
}

func TestTheLastWriteOfASecretIsThatOfWhatIsUsed(t *testing.T) {
	g := NewWithT(t)
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	writes := workload.Writes{"password": noon, "other": noon.Add(5 * time.Minute)}
	g.Expect(writes.Last(ofSecret("account", "password"))).To(Equal(noon))
	g.Expect(writes.Last(ofSecret("account"))).To(Equal(noon.Add(5 * time.Minute)))
	g.Expect(writes.Last(ofSecret("account", "absent"))).To(BeZero())
}

func TestNothingOfASecretIsKeptThatMayHoldItsValues(t *testing.T) {
	g := NewWithT(t)
	secret := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "account", ResourceVersion: "7",
		Annotations:     map[string]string{"kubectl.kubernetes.io/last-applied-configuration": `{"data":{"password":"aHVudGVyMg=="}}`},
		Labels:          map[string]string{"note": "hunter2"},
		OwnerReferences: []metav1.OwnerReference{{Name: "hunter2"}}, Finalizers: []string{"example.com/hunter2"},
		ManagedFields: []metav1.ManagedFieldsEntry{
			writtenBy("kubectl", 1, `{"f:data":{"f:password":{}},"f:metadata":{"f:annotations":{"f:hunter2":{}}}}`), writtenBy("labeler", 2, `{"f:metadata":{"f:labels":{"f:hunter2":{}}}}`),
		},
	}}
	workload.LeanSecret(secret)
	kept, err := json.Marshal(secret)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(kept)).NotTo(Or(ContainSubstring("hunter2"), ContainSubstring("aHVudGVyMg")))
	g.Expect(secret.ManagedFields).To(HaveLen(1))
	g.Expect([]string{secret.Namespace, secret.Name, secret.ResourceVersion}).To(Equal([]string{"shop", "account", "7"}))
}
