#!/usr/bin/env bash
# Checks the Prometheus metrics of drift with promtool: first with drift, then without.
#
#   .ci/metrics.sh PROGRAM FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=$1 folder=$2

# Writes the metrics, expects exit status $1 of drift, and checks the metrics.
check_metrics() {
  local code=0
  "$program" drift examples/quickstart/access --emulate "$folder/live.yaml" --expiring 14d \
    --format prometheus --out "$folder/wabacl.prom" || code=$?
  [ "$code" -eq "$1" ] || { echo "drift: exit status $code, expected $1" >&2; exit 1; }
  promtool check metrics <"$folder/wabacl.prom"
}

rm -rf "$folder"
mkdir -p "$folder"
cp examples/quickstart/live.yaml "$folder/"
check_metrics 2
"$program" apply examples/quickstart/access --emulate "$folder/live.yaml" --auto-approve
check_metrics 0
