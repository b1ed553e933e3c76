#!/usr/bin/env bash
# Writes a software bill of materials (CycloneDX) to FOLDER.
#
#   .github/release/sbom.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly CARGO_CYCLONEDX_VERSION=0.5.9

mkdir -p "$1"
version=$(sed -n '/^\[package\]/,/^\[[^p]/ s/^version = "\(.*\)"$/\1/p' Cargo.toml)
name=wabacl-$version.cdx
if ! cargo cyclonedx --version 2>/dev/null | grep -qF " $CARGO_CYCLONEDX_VERSION"; then
  cargo install cargo-cyclonedx --locked --version "$CARGO_CYCLONEDX_VERSION"
fi
cargo cyclonedx --format json --target all --override-filename "$name"
# Removes the path of the build.
sed "s|path+file://$PWD#|path+file:///wabacl#|g" "$name.json" >"$1/$name.json"
rm "$name.json"
jq -e '.bomFormat == "CycloneDX" and (.components | length > 0)' "$1/$name.json" >/dev/null
echo "$1/$name.json"
