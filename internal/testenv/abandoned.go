// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// temporaryPrefix begins the names of the folders that Stop removes.
	temporaryPrefix = "rampart-cluster-"

	// abandonedAfter is the age below which a folder is left alone: its owner may not have
	// come to lock it.
	abandonedAfter = time.Minute
)

// hold marks a cluster's folder as in use until the returned file is closed or this process
// ends, however it ends.
func hold(folder string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// removeAbandoned removes the temporary folders in parent that no process holds any more: a
// test run that was killed could not, and each takes more than 100 MB. What cannot be removed
// is left, for it is not this cluster's business.
func removeAbandoned(parent string, now time.Time) {
	folders, err := filepath.Glob(filepath.Join(parent, temporaryPrefix+"*"))
	if err != nil {
		return
	}
	for _, folder := range folders {
		info, err := os.Stat(folder)
		if err != nil || now.Sub(info.ModTime()) < abandonedAfter {
			continue
		}
		if lock, err := hold(folder); err == nil {
			_ = os.RemoveAll(folder)
			_ = lock.Close()
		}
	}
}
