#!/usr/bin/env bash
# Lists the checksums of all that a release consists of, in FOLDER/SHA256SUMS, and reads the list back.
#
#   .github/release/checksums.sh FOLDER
set -euo pipefail
cd "$1"
rm -f SHA256SUMS
find . -maxdepth 1 -type f ! -name '.*' ! -name 'SHA256SUMS*' -printf '%f\0' | LC_ALL=C sort -z |
  xargs -0 sha256sum >"$PWD/SHA256SUMS.new"
mv SHA256SUMS.new SHA256SUMS
sha256sum --check --strict SHA256SUMS
