// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"errors"
	"net"
	"strconv"
)

// loopback is the only address on which a cluster listens.
const loopback = "127.0.0.1"

// freePorts returns n different ports on which nobody listens now. Somebody else may take
// one before its user does: starting retries with others (see attempts).
func freePorts(n int) ([]string, error) {
	var ports []string
	var held []net.Listener
	var errs []error
	for range n {
		listener, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			errs = append(errs, err)
			break
		}
		held = append(held, listener)
		ports = append(ports, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	}
	for _, listener := range held {
		errs = append(errs, listener.Close())
	}
	return ports, errors.Join(errs...)
}
