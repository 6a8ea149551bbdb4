#!/usr/bin/env bash
# Copyright The Rampart Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Generates everything that is generated and fails if that changes a file, so that it can be
# run on uncommitted work as well as in a clean clone; then checks the modules and lints.
# $1 lists the folders of the Go modules. Called by `make verify`, which builds the tools.
set -euo pipefail
cd "$(dirname "$0")/.."
modules=${1:?usage: verify.sh "MODULE_FOLDERS"}

# Names and contents of all files that git knows or would add.
snapshot() {
	git ls-files --cached --others --exclude-standard -z |
		while IFS= read -r -d '' file; do
			[ -f "$file" ] && printf '%s %s\n' "$(git hash-object "$file")" "$file"
		done | sort -u -k 2
}

say() { printf '\n==> %s\n' "$1"; }

say "Generated files"
before=$(snapshot)
make --no-print-directory generate manifests docs
after=$(snapshot)
if [ "$before" != "$after" ]; then
	echo "These generated files were out of date. They are written now: look at them and commit them."
	diff <(echo "$before") <(echo "$after") | sed -n 's/^[<>] [0-9a-f]* /  /p' | sort -u
	exit 1
fi

say "Modules"
for module in $modules; do
	(cd "$module" && GOWORK=off go mod tidy -diff) || {
		echo "$module/go.mod is not tidy (see above): run 'go mod tidy' in $module and commit the result."
		exit 1
	}
done

say "Image"
# The image is built from a few folders only: every package of the operator must be in one.
module=$(go list -m)
for folder in $(go list -deps ./cmd/rampart | sed -n "s#^$module/##p" | cut -d / -f 1 | sort -u); do
	grep -qx "COPY $folder/ $folder/" Dockerfile && grep -qx "!$folder/" .dockerignore || {
		echo "The operator imports packages of $folder/: copy it in the Dockerfile, and let .dockerignore pass it."
		exit 1
	}
done

say "Format and lint"
bin/golangci-lint fmt --diff || {
	echo "The code is not formatted (see above): run 'make fmt' and commit the result."
	exit 1
}
bin/golangci-lint run

say "Everything is up to date."
