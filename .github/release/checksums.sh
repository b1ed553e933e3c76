#!/usr/bin/env bash
# Lists the checksums of all that a release consists of, in FOLDER/SHA256SUMS, and reads the list back.
#
#   .github/release/checksums.sh FOLDER
set -euo pipefail
cd "$1"
rm -f SHA256SUMS
# Into a file that the list does not look at: it must not hold itself.
find . -maxdepth 1 -type f ! -name '.*' -printf '%f\0' | LC_ALL=C sort -z | xargs -0 -r sha256sum >.SHA256SUMS
[ -s .SHA256SUMS ] || { echo "there is nothing in $1" >&2; exit 1; }
mv .SHA256SUMS SHA256SUMS
sha256sum --check --strict SHA256SUMS
