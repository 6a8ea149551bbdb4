// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in Linux' process files, the same on every architecture that
// Kubernetes runs on.
const tick = 10 * time.Millisecond

// APIServerCPU is the CPU time that the API server has used since it was started, in user and
// in kernel mode, to 10 ms. It is known on Linux only.
func (c *Cluster) APIServerCPU() (time.Duration, error) {
	server := c.find(apiServer)
	if server == nil {
		return 0, errors.New("the API server does not run")
	}
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", server.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The second field, the name, is in parentheses and may hold anything; the third comes first here.
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
	const user, kernel = 14 - 3, 15 - 3
	if len(fields) <= kernel {
		return 0, fmt.Errorf("the statistics of process %d are not what Linux documents", server.command.Process.Pid)
	}
	var ticks int64
	for _, field := range []string{fields[user], fields[kernel]} {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
