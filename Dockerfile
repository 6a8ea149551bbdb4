# Copyright The Rampart Authors.
# SPDX-License-Identifier: Apache-2.0

# The build runs on the machine's own platform and cross-compiles: no emulation.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api/ api/
COPY cmd/ cmd/
COPY config/ config/
COPY controllers/ controllers/
COPY internal/ internal/
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w" -o /rampart ./cmd/rampart

FROM gcr.io/distroless/static:nonroot
COPY --from=build /rampart /rampart
USER 65532:65532
ENTRYPOINT ["/rampart"]
