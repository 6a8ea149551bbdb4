// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"io/fs"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/config"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// labelProfile says which profile a guardrail belongs to, so that an EnvironmentPolicy can
// select its guardrails: baseline and restricted are those of the Pod Security Standards.
const labelProfile = v1alpha1.Group + "/profile"

// newest is the Kubernetes whose policy the catalogue follows.
var newest = api.MajorMinorVersion(1, 37)

// guardrailOf names the guardrail for each check of upstream.
var guardrailOf = map[policy.CheckID]string{
	"allowPrivilegeEscalation":   "no-privilege-escalation",
	"appArmorProfile":            "no-unconfined-apparmor",
	"capabilities_baseline":      "default-capabilities",
	"capabilities_restricted":    "drop-capabilities",
	"hostNamespaces":             "no-host-namespaces",
	"hostPathVolumes":            "no-host-path",
	"hostPorts":                  "no-host-ports",
	"hostProbesAndHostLifecycle": "no-probe-hosts",
	"privileged":                 "no-privileged",
	"procMount":                  "masked-proc",
	"procMount_restricted":       "masked-proc-always",
	"restrictedVolumes":          "volume-types",
	"runAsNonRoot":               "run-as-non-root",
	"runAsUser":                  "no-root-user",
	"seLinuxOptions":             "selinux-options",
	"seccompProfile_baseline":    "no-unconfined-seccomp",
	"seccompProfile_restricted":  "seccomp-profile",
	"sysctls":                    "safe-sysctls",
	"windowsHostProcess":         "no-windows-host-process",
}

// control is one control of the Pod Security Standards: upstream's check and ours.
type control struct {
	id    policy.CheckID
	level api.Level
	// upstream judges by the newest version of the check.
	upstream policy.CheckPodFn
	// replaces are the baseline checks that upstream leaves out where this one is made.
	replaces []policy.CheckID
	program  *guardrail.Program
}

// controls are all of upstream's, in its order, with our programs.
func controls(t testing.TB) []control {
	t.Helper()
	programs := compiled(t, newest)
	var all []control
	for _, check := range policy.DefaultChecks() {
		current := check.Versions[len(check.Versions)-1]
		program := programs[guardrailOf[check.ID]]
		if program == nil {
			t.Fatalf("the catalogue has no guardrail for upstream's check %s", check.ID)
		}
		all = append(all, control{check.ID, check.Level, current.CheckPod, current.OverrideCheckIDs, program})
	}
	return all
}

// compiled are the programs of the profiles, by the names of their guardrails, as a server
// of a version runs them.
func compiled(t testing.TB, server api.Version) map[string]*guardrail.Program {
	t.Helper()

	compiler, err := guardrail.NewCompiler(version.MajorMinor(uint(server.Major()), uint(server.Minor())))
	if err != nil {
		t.Fatal(err)
	}
	programs := map[string]*guardrail.Program{}
	for _, g := range profiled(t) {
		program, err := compiler.Compile(g.Name, g.Spec)
		if err != nil {
			t.Fatalf("compile %s: %v", g.Name, err)
		}
		programs[g.Name] = program
	}
	return programs
}

// profiled are the guardrails in the catalogue that belong to baseline or restricted.
func profiled(t testing.TB) []v1alpha1.Guardrail {
	t.Helper()
	files, err := fs.Glob(config.Catalogue, "guardrails/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all []v1alpha1.Guardrail
	for _, file := range files {
		content, err := fs.ReadFile(config.Catalogue, file)
		if err != nil {
			t.Fatal(err)
		}
		var g v1alpha1.Guardrail
		if err := yaml.Unmarshal(content, &g); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		switch api.Level(g.Labels[labelProfile]) {
		case api.LevelBaseline, api.LevelRestricted:
			all = append(all, g)
		}
	}
	return all
}

func TestEveryCheckOfUpstreamHasItsGuardrail(t *testing.T) {
	w := NewWithT(t)
	profiles := map[string]string{}
	for _, g := range profiled(t) {
		profiles[g.Name] = g.Labels[labelProfile]
	}
	want := map[string]string{}
	for _, check := range policy.DefaultChecks() {
		w.Expect(guardrailOf).To(HaveKey(check.ID), "upstream has a control that the catalogue lacks")
		want[guardrailOf[check.ID]] = string(check.Level)
		w.Expect(newest.Older(check.Versions[len(check.Versions)-1].MinimumVersion)).To(BeFalse(),
			"upstream's %s is newer than the %s that the catalogue follows", check.ID, newest.String())
	}
	w.Expect(want).To(HaveLen(len(guardrailOf)), "a guardrail is for one check, and each check still exists")
	w.Expect(profiles).To(Equal(want))
}

func TestProfilesRunOnTheOldestServerThatIsSupported(t *testing.T) {
	oldest := api.MajorMinorVersion(int(guardrail.MinServerVersion.Major()), int(guardrail.MinServerVersion.Minor()))
	for name, program := range compiled(t, oldest) {
		NewWithT(t).Expect(program.Partial()).To(BeEmpty(), name)
	}
}
