// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"regexp"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// A signature is what admission compares: the image and the command of a container, in
// one line. The admission policy computes it in CEL (see policy_cel.go) exactly as this
// file does: a test feeds both the same containers.

// repository is the image reference without tag and digest: a colon before the first
// slash belongs to the port of a registry. The CEL uses the same expression.
const repository = `^([^/]+/)?[^:]+`

var repositoryOf = regexp.MustCompile(repository)

// escape keeps a field free of what separates fields and lines.
var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, " ", `\s`)

// Signature of a container as a template states it.
func Signature(image string, command []string) string {
	fields := make([]string, 0, 1+len(command))
	fields = append(fields, escape.Replace(canonical(image)))
	for _, c := range command {
		fields = append(fields, escape.Replace(c))
	}
	return strings.Join(fields, " ")
}

// canonical drops the tag of an image that has a digest too: only the digest counts then.
func canonical(image string) string {
	name, digest, found := strings.Cut(image, "@")
	if !found {
		return image
	}
	return repositoryOf.FindString(name) + "@" + digest
}

// tooLong says whether a report only identifies the command of a container. Admission could
// not compare it, so that no signature stands for it.
func tooLong(c v1alpha1.RevisionContainer) bool { return c.CommandDigest != "" }

// taggedSignature is that of the container as its template states it; empty when its command
// is too long.
func taggedSignature(c v1alpha1.RevisionContainer) string {
	if tooLong(c) {
		return ""
	}
	return Signature(c.Image, c.Command)
}

// digestSignature is that of the same container with its image given by the digest that
// it resolved to; empty while none is known, and when its command is too long.
func digestSignature(c v1alpha1.RevisionContainer) string {
	if strings.Contains(c.Image, "@") {
		return taggedSignature(c)
	}
	if c.Digest == "" || tooLong(c) {
		return ""
	}
	return Signature(repositoryOf.FindString(c.Image)+"@"+c.Digest, c.Command)
}

// Signatures of a revision's containers as their templates state them: what a revision
// that already runs in a gated namespace may go on with.
func Signatures(containers []v1alpha1.RevisionContainer) []string {
	signatures := make([]string, 0, len(containers))
	for _, c := range containers {
		if !tooLong(c) {
			signatures = append(signatures, taggedSignature(c))
		}
	}
	return signatures
}
