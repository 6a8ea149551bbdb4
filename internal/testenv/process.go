// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// The processes of a cluster, by the names of their binaries.
const (
	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	kwok              = "kwok"
	kubectl           = "kubectl"
)

// process is one running program of a cluster.
type process struct {
	name    string
	log     string
	command *exec.Cmd

	// exited is closed once the program has ended, for whatever reason.
	exited chan struct{}
}

// startProcess runs the binary with its output appended to a log file, and copied to watcher
// if that is not nil. The program cannot outlive this one (see dieWithParent).
func startProcess(path string, args []string, folder layout, watcher io.Writer) (*process, error) {
	p := &process{name: filepath.Base(path), exited: make(chan struct{})}
	p.log = folder.log(p.name)

	output, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p.command = exec.Command(path, args...)
	p.command.Stdout = output
	if watcher != nil {
		p.command.Stdout = io.MultiWriter(output, watcher)
	}
	p.command.Stderr = p.command.Stdout
	p.command.Dir = folder.root
	// Nothing of the user's own configuration may leak in, and nothing may be written home.
	p.command.Env = []string{"HOME=" + folder.root, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + folder.root}
	p.command.SysProcAttr = dieWithParent()

	started := make(chan error)
	go func() {
		// On Linux a child dies with the thread that started it, not with the process: that
		// thread must live for as long as the child does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = output.Close() }()

		err := p.command.Start()
		started <- err
		if err == nil {
			_ = p.command.Wait() // How it ended is in its log.
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	return p, nil
}

// stop asks the program to end, and makes it end after patience.
func (p *process) stop(patience time.Duration) error {
	_ = p.command.Process.Signal(syscall.SIGTERM) // Fails only where the program has ended.
	select {
	case <-p.exited:
		return nil
	case <-time.After(patience):
		return p.kill()
	}
}

// kill ends the program at once.
func (p *process) kill() error {
	_ = p.command.Process.Kill() // Fails only where the program has ended.
	select {
	case <-p.exited:
		return nil
	case <-time.After(10 * time.Second):
		return fmt.Errorf("%s (pid %d) did not end within 10s of being killed", p.name, p.command.Process.Pid)
	}
}

// ended returns an error if the program has ended, errPortTaken if that was the reason.
func (p *process) ended() error {
	select {
	case <-p.exited:
	default:
		return nil
	}
	err := fmt.Errorf("%s ended (%s); the end of its log:\n%s", p.name, p.command.ProcessState, lastLines(p.log, 15))
	if p.logged("address already in use") {
		return errors.Join(errPortTaken, err)
	}
	return err
}

// logged says whether the program's log contains the text.
func (p *process) logged(text string) bool {
	content, err := os.ReadFile(p.log)
	return err == nil && bytes.Contains(content, []byte(text))
}

// lastLines returns up to n last lines of the file, for an error message.
func lastLines(path string, n int) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Sprintf("(cannot be read: %v)", err)
	}
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
