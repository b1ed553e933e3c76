# The released program and nothing else: no shell, no package manager, no root.
#
# It is built from the static programs of a release, which lie in dist/amd64 and dist/arm64:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag wabacl .
FROM gcr.io/distroless/static-debian12:nonroot@sha256:afa5c872c891853ca7fcf1f12c3edb23f7eeef36189728842dd51042ff57f7ab
ARG TARGETARCH
COPY --chmod=0555 dist/${TARGETARCH}/wabacl /usr/local/bin/wabacl
# nonroot, as a number: Kubernetes cannot tell from a name that it is not root.
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/wabacl"]
