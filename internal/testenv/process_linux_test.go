// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// parentVariable makes the test binary play the parent that is killed.
const parentVariable = "RAMPART_TEST_PARENT"

func TestAProcessDiesWithItsParentEvenIfThatIsKilled(t *testing.T) {
	if os.Getenv(parentVariable) != "" {
		beParent(t)
	}
	g := NewWithT(t)
	parent := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	parent.Env = append(os.Environ(), parentVariable+"="+t.TempDir())
	output, err := parent.StdoutPipe()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(parent.Start()).To(Succeed())
	line, err := bufio.NewReader(output).ReadString('\n')
	g.Expect(err).NotTo(HaveOccurred())
	child, err := strconv.Atoi(strings.TrimSpace(line))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(running(child)).To(BeTrue())

	g.Expect(parent.Process.Kill()).To(Succeed())
	g.Expect(parent.Wait()).NotTo(Succeed())
	g.Eventually(func() bool { return running(child) }).WithTimeout(10 * time.Second).Should(BeFalse())
}

// beParent starts a child, says its pid, and waits to be killed.
func beParent(t *testing.T) {
	folder, err := newLayout(os.Getenv(parentVariable))
	if err != nil {
		t.Fatal(err)
	}
	child, err := startProcess("/bin/sleep", []string{"3600"}, folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(child.command.Process.Pid)
	<-child.exited
}

// running says whether the process exists and has not ended (a zombie has).
func running(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(status), ") Z ")
}
