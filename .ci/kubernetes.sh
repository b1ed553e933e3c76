#!/usr/bin/env bash
# Checks deploy/kubernetes as it is here, with a placeholder for the image, and as a release packs it.
#
#   .ci/kubernetes.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$1
zeros=sha256:$(printf '0%.0s' {1..64})
example=sha256:$(printf 'an example' | sha256sum | cut -d ' ' -f 1)

rm -rf "$folder"
IMAGE=ghcr.io/acme/wabacl DIGEST=$example .github/release/kubernetes.sh "$folder"
tar -xzf "$folder"/wabacl-*-kubernetes.tar.gz -C "$folder"
# Nobody has pulled the image of a release that does not exist: a digest in this repository would be invented.
python .ci/kubernetes.py deploy/kubernetes "ghcr.io/OWNER/REPOSITORY@$zeros" \
  "$folder"/wabacl-*-kubernetes "ghcr.io/acme/wabacl@$example"
