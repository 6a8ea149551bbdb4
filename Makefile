# Copyright The Rampart Authors.
# SPDX-License-Identifier: Apache-2.0

# Needs Go, git and make. Everything else is built from pinned sources into bin/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# IMG is the operator's image, for docker-build and deploy. No image is published under this name yet,
# so that deploy wants one that you name.
IMG ?= ghcr.io/rampart-dev/rampart:latest
# KUBECTL works on the cluster that your kubeconfig names.
KUBECTL ?= kubectl
# NAME is what the kubeconfig of `make run` calls the cluster, its user and the context. It does
# not come from the environment, where some systems have a NAME already.
NAME := rampart
# TESTFLAGS are passed to `go test`, for example TESTFLAGS="-race -run TestName".
TESTFLAGS ?=
# NODE is a script that joins a real node to the embedded cluster: see CONTRIBUTING.md.
NODE ?=
# CTR is the client of that node's containerd with its flags, for example CTR="ctr --address /run/containerd.sock".
CTR ?=
# BENCHFLAGS are passed to the benchmarks, for example BENCHFLAGS="-rounds 40".
BENCHFLAGS ?=

# The modules: the operator and, apart from it, what builds and checks it.
MODULES := . hack/controlplane hack/lint hack/tools

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN { FS = ":.*## "; printf "Usage: make <target>\n" } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Try it

.PHONY: demo
demo: controlplane bin/rampart ## Walk through development, staging and production on an embedded cluster (KEEP=1 leaves it up).
	@go build -o bin/demo ./hack/demo && KEEP=$(KEEP) exec bin/demo

.PHONY: run
run: controlplane bin/rampart ## Run the operator against an embedded cluster until Ctrl-C (NAME=staging names its context).
	@go build -o bin/run ./hack/run && exec bin/run -name='$(NAME)'

##@ Build

.PHONY: build
build: bin/rampart bin/kubectl-rampart ## Build the operator and the kubectl plugin into bin/.

.PHONY: controlplane
controlplane: ## Build the embedded control plane into bin/controlplane (minutes the first time), unless KUBEBUILDER_ASSETS is set.
	@if [ -n "$${KUBEBUILDER_ASSETS:-}" ]; then \
		echo "Using the control plane in KUBEBUILDER_ASSETS=$$KUBEBUILDER_ASSETS."; \
	else \
		hack/controlplane/build.sh bin/controlplane; \
	fi

.PHONY: tools
tools: bin/controller-gen bin/crd-ref-docs bin/golangci-lint ## Build the pinned tools into bin/.

.PHONY: docker-build
docker-build: ## Build the operator's image as IMG.
	docker build --tag $(IMG) .

.PHONY: clean
clean: ## Remove everything that was built.
	find bin -mindepth 1 -not -name .gitignore -delete

##@ Change it

.PHONY: generate
generate: bin/controller-gen ## Generate the deep copies of the API types.
	bin/controller-gen object:headerFile=hack/boilerplate.go.txt paths=./api/...

.PHONY: manifests
manifests: bin/controller-gen ## Generate the CRDs and the operator's role from the markers in the code.
	bin/controller-gen crd paths=./api/... output:crd:dir=config/crd
	bin/controller-gen rbac:roleName=rampart-manager paths=./controllers/... output:rbac:dir=config/rbac

.PHONY: docs
docs: bin/crd-ref-docs ## Generate the API reference and the reference of the catalogue.
	bin/crd-ref-docs --source-path=api --config=hack/tools/crd-ref-docs.yaml --renderer=markdown --output-path=docs/reference/api.md --log-level=ERROR
	go run ./hack/catalogue > docs/reference/catalogue.md

.PHONY: fmt
fmt: bin/golangci-lint ## Format the code.
	bin/golangci-lint fmt

.PHONY: lint
lint: bin/golangci-lint ## Run the linters.
	bin/golangci-lint run

##@ Check it

.PHONY: verify
verify: tools ## Check that generated files, modules and format are up to date, and lint.
	@hack/verify.sh "$(MODULES)"

.PHONY: test
test: controlplane ## Run all tests: unit, API server and end to end.
	go test -timeout 40m $(TESTFLAGS) ./...

.PHONY: test-unit
test-unit: ## Run the tests that need no control plane.
	go list -f '{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}' ./... \
		| grep -v -e '/internal/testenv' -e '/envtest' -e '/test/' | cut -d' ' -f1 \
		| xargs go test $(TESTFLAGS)

.PHONY: test-e2e
test-e2e: controlplane ## Run the end-to-end tests on the embedded cluster.
	go test -timeout 40m -count=1 -v $(TESTFLAGS) ./test/e2e/...

.PHONY: e2e-node
e2e-node: controlplane ## Play the episodes on a real node: NODE=path/to/script joins it (see CONTRIBUTING.md).
	@if [ -z "$(NODE)" ]; then \
		echo "Set NODE to a script that joins a real node to the embedded cluster. It needs root, a kubelet and containerd: CONTRIBUTING.md says what it has to do."; \
		exit 2; \
	fi
	RAMPART_NODE="$(abspath $(NODE))" RAMPART_CTR="$(CTR)" go test -timeout 20m -count=1 -v $(TESTFLAGS) ./test/node/...

.PHONY: bench
bench: controlplane ## Measure what guardrails cost, into docs/benchmarks.md (minutes; leave the machine alone meanwhile).
	go run ./test/bench $(BENCHFLAGS)

##@ Install it (on the cluster of your kubeconfig)

.PHONY: install
install: ## Install the CRDs.
	$(KUBECTL) apply --server-side -k config/crd

.PHONY: uninstall
uninstall: ## Remove the CRDs, and with them every policy, gate, guardrail and report.
	$(KUBECTL) delete --ignore-not-found -k config/crd

.PHONY: deploy
deploy: ## Install the CRDs, the operator (IMG=its image in your registry) and the catalogue of guardrails.
	@if [ "$(origin IMG)" = file ] || [ -z "$(IMG)" ]; then \
		echo "No image is published yet. Build one with make docker-build IMG=registry.example/rampart:dev, push it to a registry that the cluster pulls from, and name it here: make deploy IMG=registry.example/rampart:dev" >&2; \
		exit 2; \
	fi
	$(KUBECTL) kustomize config/default | sed 's|image: ghcr.io/rampart-dev/rampart:latest|image: $(IMG)|' \
		| $(KUBECTL) apply --server-side -f -
	$(KUBECTL) wait --for=condition=Established --timeout=60s -f config/crd/rampart.dev_guardrails.yaml
	$(KUBECTL) apply --server-side -k config/guardrails
	@$(KUBECTL) -n rampart-system rollout status deployment/rampart-controller-manager --timeout=2m || { \
		echo "Everything is applied, but the operator is not ready. Its Pods and their events say why: kubectl -n rampart-system get pods,events" >&2; \
		exit 1; \
	}

.PHONY: undeploy
undeploy: ## Remove it all: also your policies, gates, guardrails, and the Secrets of connections to other clusters.
	@KUBECTL="$(KUBECTL)" hack/undeploy.sh

# The tools. A change of their pins rebuilds them.

bin/controller-gen: TOOL := sigs.k8s.io/controller-tools/cmd/controller-gen
bin/crd-ref-docs: TOOL := github.com/elastic/crd-ref-docs
bin/controller-gen bin/crd-ref-docs: hack/tools/go.mod hack/tools/go.sum
	@echo "Building $@."
	@cd hack/tools && GOWORK=off CGO_ENABLED=0 go build -trimpath -o ../../$@ $(TOOL) && touch ../../$@

bin/golangci-lint: hack/lint/go.mod hack/lint/go.sum hack/lint/main.go
	@echo "Building $@ (about a minute the first time)."
	@cd hack/lint && GOWORK=off CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o ../../$@ . && touch ../../$@

# Go knows better than make what is out of date.
.PHONY: bin/rampart bin/kubectl-rampart
bin/rampart bin/kubectl-rampart:
	CGO_ENABLED=0 go build -trimpath -o $@ ./cmd/$(@F)
