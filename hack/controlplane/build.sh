#!/usr/bin/env bash
# Copyright The Rampart Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Builds the pinned control plane (etcd, kube-apiserver, kube-controller-manager,
# kube-scheduler, kubectl, kwok) from source into the folder given as $1.
# Does nothing while the pins and the Go toolchain are those of the last build.
set -euo pipefail

out=${1:?usage: build.sh OUTPUT_FOLDER}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "$0")"

# A go.work or GOFLAGS=-mod=vendor of the user's must not change what is pinned here.
export GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0

pins=$(cat go.mod go.sum etcd/main.go build.sh; go env GOVERSION GOOS GOARCH)
stamp=$(printf '%s' "$pins" | cksum)
if [ -f "$out/.pins" ] && [ "$(cat "$out/.pins")" = "$stamp" ]; then
	exit 0
fi

kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
kwok=$(go list -m -f '{{.Version}}' sigs.k8s.io/kwok)
minor=${kubernetes#v1.}
version=k8s.io/component-base/version
flags="-s -w
	-X $version.gitMajor=1 -X $version.gitMinor=${minor%%.*} -X $version.gitVersion=$kubernetes
	-X sigs.k8s.io/kwok/pkg/consts.Version=$kwok"

commands=(
	./etcd
	k8s.io/kubernetes/cmd/kube-apiserver
	k8s.io/kubernetes/cmd/kube-controller-manager
	k8s.io/kubernetes/cmd/kube-scheduler
	k8s.io/kubernetes/cmd/kubectl
	sigs.k8s.io/kwok/cmd/kwok
)

echo "Building a Kubernetes $kubernetes control plane from source into $out."
echo "The first build takes about six minutes on two cores; later ones seconds."
rm -f "$out/.pins"
began=$SECONDS
for i in "${!commands[@]}"; do
	command=${commands[$i]}
	name=$(basename "$command")
	started=$SECONDS
	printf '  [%d/%d] %-24s ' "$((i + 1))" "${#commands[@]}" "$name"
	go build -trimpath -ldflags "$(tr '\n\t' '  ' <<<"$flags")" -o "$out/$name.new" "$command"
	mv "$out/$name.new" "$out/$name"
	printf '%3ds\n' "$((SECONDS - started))"
done
printf '%s' "$stamp" >"$out/.pins"
echo "Built in $((SECONDS - began))s."
