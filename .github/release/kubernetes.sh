#!/usr/bin/env bash
# Packs deploy/kubernetes with the image of the release in place of the placeholder.
#
#   IMAGE=ghcr.io/acme/wabacl DIGEST=sha256:... .github/release/kubernetes.sh FOLDER
#
# Writes FOLDER/wabacl-VERSION-kubernetes.tar.gz.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${IMAGE:?}" "${DIGEST:?}"
readonly PLACEHOLDER=ghcr.io/OWNER/REPOSITORY
[[ $DIGEST =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "not a digest: $DIGEST" >&2; exit 1; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
version=$(sed -n '/^\[package\]/,/^\[[^p]/ s/^version = "\(.*\)"$/\1/p' Cargo.toml)
name=wabacl-$version-kubernetes
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp -R deploy/kubernetes "$work/$name"
mapfile -t files < <(grep -rlF "$PLACEHOLDER" "$work/$name" --include='*.yaml')
sed -i "s#$PLACEHOLDER@sha256:0\{64\}#$IMAGE@$DIGEST#; s#\(name\|newName\): $PLACEHOLDER\$#\1: $IMAGE#; s#sha256:0\{64\}#$DIGEST#" \
  "${files[@]}"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" -cf - "$name" |
  gzip -n -9 >"$out/$name.tar.gz"
echo "$out/$name.tar.gz"
