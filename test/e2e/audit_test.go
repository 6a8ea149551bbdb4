// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/rampart-dev/rampart/internal/testenv"
)

// operatorUser is the operator, as the API server knows it.
var operatorUser = "system:serviceaccount:" + testenv.OperatorAccount.Namespace + ":" + testenv.OperatorAccount.Name

// auditLog is the API server's own record of what the operator wrote: nothing that the
// operator says of itself is needed to judge it.
type auditLog struct{ policy, path string }

func newAuditLog(folder string) (auditLog, error) {
	log := auditLog{policy: filepath.Join(folder, "audit-policy.json"), path: filepath.Join(folder, "audit.log")}
	policy, err := json.Marshal(map[string]any{
		"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
		"omitStages": []string{"RequestReceived"},
		"rules": []map[string]any{
			{
				"level": "Request",
				"users": []string{operatorUser},
				"verbs": []string{"create", "update", "patch", "delete", "deletecollection"},
			},
			{"level": "None"},
		},
	})
	if err != nil {
		return auditLog{}, err
	}
	return log, os.WriteFile(log.policy, policy, 0o600)
}

func (l auditLog) apiServerArgs() []string {
	return []string{"--audit-policy-file=" + l.policy, "--audit-log-path=" + l.path}
}

// write is one request of the operator's that changes something.
type write struct{ auditv1.Event }

func (w write) String() string {
	of := w.ObjectRef
	text := fmt.Sprintf("%s %s %s/%s", w.Verb, resource(w), of.Namespace, of.Name)
	if w.RequestObject != nil {
		text += " " + string(w.RequestObject.Raw[:min(len(w.RequestObject.Raw), 400)])
	}
	return text
}

// resource of a write, with its subresource: "deployments", "pods/eviction".
func resource(w write) string {
	if w.ObjectRef.Subresource == "" {
		return w.ObjectRef.Resource
	}
	return w.ObjectRef.Resource + "/" + w.ObjectRef.Subresource
}

// writes are all that the operator has made the API server change so far. Left out are the
// lease, by which it says that it lives, and reviews, which are questions.
func (l auditLog) writes(t *testing.T) []write {
	t.Helper()
	content, err := os.ReadFile(l.path)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	var all []write
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, len(content)+1)
	for lines.Scan() {
		var event auditv1.Event
		if json.Unmarshal(lines.Bytes(), &event) != nil {
			continue // the last line is being written
		}
		question := strings.HasSuffix(event.ObjectRef.Resource, "reviews")
		if question || event.ObjectRef.Resource == "leases" || event.ResponseStatus.Code >= 400 {
			continue
		}
		all = append(all, write{event})
	}
	return all
}

// since drops the first n.
func since(n int, writes []write) []write { return writes[min(n, len(writes)):] }

// specPatches are the operator's changes of the Deployment's spec.
func (w *world) specPatches(t *testing.T, deployment *appsv1.Deployment) []write {
	t.Helper()
	return slices.DeleteFunc(w.audit.writes(t), func(write write) bool {
		of := write.ObjectRef
		return resource(write) != "deployments" || of.Namespace != deployment.Namespace || of.Name != deployment.Name || !write.changesSpec()
	})
}

// changesSpec says whether a JSON Patch has an operation below spec. The others end the
// operator's ownership of what it patched.
func (w write) changesSpec() bool {
	var operations []struct{ Path string }
	if w.RequestObject == nil || json.Unmarshal(w.RequestObject.Raw, &operations) != nil {
		return true // whatever it is, it is not expected
	}
	return slices.ContainsFunc(operations, func(o struct{ Path string }) bool { return strings.HasPrefix(o.Path, "/spec") })
}
