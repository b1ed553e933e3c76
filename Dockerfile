# The released program and nothing else: no shell, no package manager, no root.
#
# It is built from the static programs of a release, which lie in dist/amd64 and dist/arm64:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag wabacl .
FROM gcr.io/distroless/static-debian12:nonroot
ARG TARGETARCH
COPY --chmod=0555 dist/${TARGETARCH}/wabacl /usr/local/bin/wabacl
USER nonroot:nonroot
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/wabacl"]
