// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import "strings"

// Apart cuts a text that is compared with others to so many bytes, 48 at least. It then ends with
// a digest of it all, so that no two look alike. What is no text is replaced, as in JSON.
func Apart(text string, most int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= most {
		return text
	}
	digest := "…" + digestOf(text)[:templateDigestLength]
	return strings.ToValidUTF8(text[:most-len(digest)], "") + digest
}
