// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// layout is where a cluster keeps its files.
type layout struct {
	root string

	// temporary says that Stop removes root.
	temporary bool

	// lock keeps others from taking root for abandoned.
	lock *os.File
}

// newLayout makes the folders of a cluster under dir, or under a new temporary folder if dir
// is empty.
func newLayout(dir string) (layout, error) {
	l := layout{root: dir}
	if dir == "" {
		removeAbandoned(os.TempDir(), time.Now())
		root, err := os.MkdirTemp("", temporaryPrefix)
		if err != nil {
			return layout{}, err
		}
		l = layout{root: root, temporary: true}
	}
	root, err := filepath.Abs(l.root)
	if err != nil {
		return layout{}, err
	}
	l.root = root
	for _, folder := range []string{l.etcdData(), l.certificates(), l.logs()} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return layout{}, err
		}
	}
	if l.lock, err = hold(l.root); err != nil {
		return layout{}, fmt.Errorf("%s is in use by another cluster: %w", l.root, err)
	}
	return l, nil
}

func (l layout) etcdData() string       { return filepath.Join(l.root, "etcd") }
func (l layout) certificates() string   { return filepath.Join(l.root, "certificates") }
func (l layout) logs() string           { return filepath.Join(l.root, "logs") }
func (l layout) log(name string) string { return filepath.Join(l.logs(), name+".log") }
func (l layout) tokens() string         { return filepath.Join(l.root, "tokens.csv") }
func (l layout) stages() string         { return filepath.Join(l.root, "stages.yaml") }

// serviceAccountKey signs the tokens of service accounts.
func (l layout) serviceAccountKey() string {
	return filepath.Join(l.certificates(), "service-account.key")
}

// authority is the certificate by which clients know the API server, which makes it itself.
func (l layout) authority() string { return filepath.Join(l.certificates(), "apiserver.crt") }

// kubeconfig is the file by which the named user authenticates.
func (l layout) kubeconfig(user string) string {
	return filepath.Join(l.root, user+".kubeconfig")
}

// remove deletes everything that was made for this cluster only.
func (l layout) remove() error {
	err := l.lock.Close()
	if !l.temporary {
		return err
	}
	return errors.Join(err, os.RemoveAll(l.root))
}
