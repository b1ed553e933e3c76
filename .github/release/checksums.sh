#!/usr/bin/env bash
# Writes the checksums of all files in FOLDER to FOLDER/SHA256SUMS and verifies them.
#
#   .github/release/checksums.sh FOLDER
set -euo pipefail
cd "$1"
rm -f SHA256SUMS
# The name starts with a dot so that find does not list the file itself.
find . -maxdepth 1 -type f ! -name '.*' -printf '%f\0' | LC_ALL=C sort -z | xargs -0 -r sha256sum >.SHA256SUMS
[ -s .SHA256SUMS ] || { echo "no files in $1" >&2; exit 1; }
mv .SHA256SUMS SHA256SUMS
sha256sum --check --strict SHA256SUMS
