#!/usr/bin/env bash
# Copyright The Rampart Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Removes the operator and everything that it made, in an order in which nothing is left
# that refuses a request, whether the operator still runs or not.
set -euo pipefail
cd "$(dirname "$0")/.."
kubectl=${KUBECTL:-kubectl}
made="app.kubernetes.io/managed-by=rampart"

# While the operator runs it takes its annotations off the Namespaces.
if $kubectl get -f config/crd/rampart.dev_environmentpolicies.yaml >/dev/null 2>&1; then
	$kubectl delete --all --timeout=120s environmentpolicies.rampart.dev
	for _ in $(seq 30); do
		joined=$($kubectl get namespaces -o jsonpath='{range .items[*]}{.metadata.annotations.rampart\.dev/joined}{end}')
		[ -z "$joined" ] && break
		sleep 1
	done
fi
# Without its rights an operator that is still ending, or runs outside of the cluster, cannot
# bring back what is deleted next.
$kubectl delete --ignore-not-found -k config/secret-watcher
$kubectl delete --ignore-not-found -k config/default

# What baselines state in objects that are not Rampart's is under a field manager of its own:
# to apply nothing under it takes that back, where the operator could not any more. Their own
# objects are owned by the policies and go with them.
baseline=rampart-baseline
stated='{{range .items}}{{$m := .metadata}}{{range .metadata.managedFields}}{{if eq .manager "'$baseline'"}}{{$m.name}} {{or $m.namespace "-"}}{{"\n"}}{{end}}{{end}}{{end}}'
state_nothing() { # kind name namespace
	printf 'apiVersion: v1\nkind: %s\nmetadata:\n  name: %s\n' "$1" "$2" |
		$kubectl apply --server-side --field-manager="$baseline" ${3:+--namespace="$3"} -f - >/dev/null
}
while read -r name _; do
	state_nothing Namespace "$name"
done < <($kubectl get namespaces -o go-template="$stated")
while read -r name namespace; do
	state_nothing ServiceAccount "$name" "$namespace"
done < <($kubectl get serviceaccounts --all-namespaces --field-selector=metadata.name=default -o go-template="$stated")

# What isolates failing workloads is owned by them, and would stay as long as they do.
$kubectl delete --ignore-not-found --all-namespaces -l "$made,rampart.dev/isolates" networkpolicies.networking.k8s.io

# Bindings first: a binding is what puts a policy in force.
served=$($kubectl api-resources --api-group=admissionregistration.k8s.io -o name)
for kind in validatingadmissionpolicybindings validatingadmissionpolicies mutatingadmissionpolicybindings mutatingadmissionpolicies; do
	if grep -q "^$kind\." <<<"$served"; then
		$kubectl delete --ignore-not-found -l "$made" "$kind.admissionregistration.k8s.io"
	fi
done
$kubectl delete --ignore-not-found --all-namespaces -l "$made" controllerrevisions.apps

left=$($kubectl get namespaces -o jsonpath='{range .items[*]}{.metadata.annotations.rampart\.dev/joined}{end}')
if [ -n "$left" ]; then
	echo "The operator did not run any more: annotations of rampart.dev are left on Namespaces. Nothing reads them."
fi
echo "Rampart is gone. Left on purpose: the annotation rampart.dev/spec-author on workloads, which nothing reads."
