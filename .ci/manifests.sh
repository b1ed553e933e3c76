#!/usr/bin/env bash
# Checks that a validator accepts all good manifests and rejects all that the schema rules out.
#
#   .ci/manifests.sh check-jsonschema|yaml-language-server
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly SCHEMA=schema/manifest.schema.json

# Prints the files among the arguments that check-jsonschema rejects.
rejected_by_check-jsonschema() {
  local file output
  for file in "$@"; do
    if output=$(check-jsonschema --schemafile "$SCHEMA" "$file" 2>&1); then continue; fi
    # Any other failure, such as a file that cannot be read, is not a rejection.
    grep -q 'Schema validation errors' <<<"$output" || { echo "$output" >&2; exit 1; }
    echo "$file"
  done
}

# Prints the files among the arguments for which yaml-language-server reports diagnostics.
rejected_by_yaml-language-server() {
  node .ci/yaml-language-server.mjs --modules "$WABACL_NODE_MODULES" --schema "$SCHEMA" "$@" |
    awk -F '\t' '$2 != 0 { print $1 }'
}

mapfile -t good < <(find examples/*/access tests/manifests/good -name '*.yaml' | LC_ALL=C sort)
# check-jsonschema reads only the first document of a file.
[ "$1" != check-jsonschema ] || mapfile -t good < <(grep -L '^---' "${good[@]}")
mapfile -t bad < <(find tests/manifests/bad/schema -name '*.yaml' | LC_ALL=C sort)
rejected=$("rejected_by_$1" "${good[@]}")
[ -z "$rejected" ] || { printf 'must be accepted:\n%s\n' "$rejected" >&2; exit 1; }
accepted=$("rejected_by_$1" "${bad[@]}" | diff <(printf '%s\n' "${bad[@]}") -) ||
  { printf 'must be rejected:\n%s\n' "$accepted" >&2; exit 1; }
echo "$1: ${#good[@]} manifests accepted, ${#bad[@]} rejected"
