#!/usr/bin/env bash
# Checks that diagnostics of good and bad manifests conform to the SARIF schema of code scanning services.
#
#   .ci/sarif.sh PROGRAM FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=$1 folder=$2

rm -rf "$folder"
mkdir -p "$folder"
"$program" validate examples/quickstart/access --format sarif >"$folder/good.sarif"
"$program" test examples/tests/access --format sarif >"$folder/tests.sarif"
sed 's/reason: OPS-1233//' examples/tests/access/access.yaml >"$folder/access.yaml"
"$program" test "$folder/access.yaml" examples/tests/access/tests.yaml --format sarif >"$folder/failed-tests.sarif" || true
for file in tests/manifests/bad/schema/*.yaml; do
  "$program" validate "$file" --format sarif >"$folder/$(basename "$file").sarif" || true
done
# One pattern of the schema is valid only for Python's regular expressions.
check-jsonschema --regex-variant python \
  --schemafile "$WABACL_NODE_MODULES/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json" "$folder"/*.sarif
