// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Store writes a cluster-scoped object straight into etcd, where the API server finds it as
// if another version of it had stored it: nothing is validated. The object's kind must be
// set. Resource is its plural, as in "validatingadmissionpolicies".
func (c *Cluster) Store(ctx context.Context, resource string, object client.Object) error {
	value, err := json.Marshal(object)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string][]byte{"key": []byte("/registry/" + resource + "/" + object.GetName()), "value": value})
	if err != nil {
		return err
	}
	url, err := c.etcdURL()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v3/kv/put", bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("store %s %s: etcd answers %s", resource, object.GetName(), response.Status)
	}
	return nil
}

// etcdURL is where the API server reaches etcd.
func (c *Cluster) etcdURL() (string, error) {
	for _, arg := range c.apiServerArgs {
		if url, ok := strings.CutPrefix(arg, "--etcd-servers="); ok {
			return url, nil
		}
	}
	return "", errors.New("the API server was not started yet")
}
