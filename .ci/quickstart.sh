#!/usr/bin/env bash
# Follows the README's first steps: the plan has changes, apply makes them, and then there is no drift.
#
#   .ci/quickstart.sh PROGRAM FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=$1 folder=$2

# Runs a command on the copied live state and expects exit status $1.
expect() {
  local expected=$1 code=0
  shift
  "$program" "$1" examples/quickstart/access --emulate "$folder/live.yaml" "${@:2}" || code=$?
  [ "$code" -eq "$expected" ] || { echo "$1: exit status $code, expected $expected" >&2; exit 1; }
}

rm -rf "$folder"
mkdir -p "$folder"
cp examples/quickstart/live.yaml "$folder/"
expect 0 plan
expect 2 drift
expect 0 apply --auto-approve
expect 0 drift
