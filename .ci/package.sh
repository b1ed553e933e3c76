#!/usr/bin/env bash
# Builds a static program and packs it as a release does, then runs the packed program.
#
#   .ci/package.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$1

rm -rf "$folder"
STATIC=1 .github/release/package.sh "$(rustc -vV | sed -n 's/^host: //p')" "$folder"
.github/release/checksums.sh "$folder"
tar -xzf "$folder"/wabacl-*.tar.gz -C "$folder"
program=$(find "$folder" -path '*/wabacl-*/wabacl')
"$program" --version
"$program" validate examples/quickstart/access
