// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
)

// user is an account of the API server's token file.
type user struct {
	name   string
	groups []string
	token  string
}

// clusterUsers are the accounts that every cluster has, by their short names: an
// administrator, and the components under the names that the default RBAC roles know.
func clusterUsers() map[string]user {
	return map[string]user{
		admin:             {name: "kubernetes-admin", groups: []string{"system:masters"}, token: rand.Text()},
		controllerManager: {name: "system:kube-controller-manager", token: rand.Text()},
		scheduler:         {name: "system:kube-scheduler", token: rand.Text()},
		// kwok plays the kubelets of all nodes, for which no default role exists.
		kwok: {name: "kwok", groups: []string{"system:masters"}, token: rand.Text()},
	}
}

// admin is the short name of the administrator.
const admin = "admin"

// writeTokens writes the users in the format of the API server's --token-auth-file.
func writeTokens(path string, users map[string]user) error {
	var lines strings.Builder
	for short, u := range users {
		fmt.Fprintf(&lines, "%s,%s,%s,%q\n", u.token, u.name, short, strings.Join(u.groups, ","))
	}
	return os.WriteFile(path, []byte(lines.String()), 0o600)
}

// writeServiceAccountKey makes the key pair that signs and verifies service account tokens.
// Both users of the file, the API server and the controller manager, take the public half
// from the private one.
func writeServiceAccountKey(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}
