#!/usr/bin/env bash
# Builds the container image from the static programs in FOLDER and pushes it as IMAGE with the version of TAG.
#
#   ACTOR=... IMAGE=... REGISTRY_TOKEN=... TAG=v1.2.3 .github/release/image.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${ACTOR:?}" "${IMAGE:?}" "${REGISTRY_TOKEN:?}" "${TAG:?}"
version=${TAG#v}
# Image names must be lower case.
image=$(tr '[:upper:]' '[:lower:]' <<<"$IMAGE")
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

for pair in amd64:x86_64 arm64:aarch64; do
  name=wabacl-$version-${pair#*:}-unknown-linux-musl
  mkdir -p "$context/dist/${pair%:*}"
  tar -xzf "$1/$name.tar.gz" -C "$context/dist/${pair%:*}" --strip-components=1 "$name/wabacl"
done
printf '%s' "$REGISTRY_TOKEN" | docker login "${image%%/*}" --username "$ACTOR" --password-stdin
docker buildx create --use >/dev/null
docker buildx build --platform linux/amd64,linux/arm64 --file Dockerfile --tag "$image:$version" --push \
  --metadata-file "$context/pushed.json" "$context"
{
  echo "name=$image"
  echo "digest=$(jq -r '."containerimage.digest"' "$context/pushed.json")"
} >>"$GITHUB_OUTPUT"
