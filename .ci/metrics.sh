#!/usr/bin/env bash
# Checks the Prometheus metrics with promtool: of drift, first with drift and then without, and of a reconciler.
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

# A reconciler with a plan to apply, and one round later.
rm -rf "$folder"/live.state*
exec 3< <("$program" reconcile examples/quickstart/access --emulate "$folder/live.yaml" --mode apply --interval 1s \
  --listen 127.0.0.1:0 2>&1)
reconciler=$!
trap 'kill "$reconciler" 2>/dev/null || true' EXIT
address=
while read -r line <&3; do
  case $line in
  'Listening on '*) address=${line#Listening on } ;;
  *'in-sync'*) break ;;
  esac
done
curl --silent --fail "$address/metrics" >"$folder/reconcile.prom"
promtool check metrics <"$folder/reconcile.prom"
grep -q '^wabacl_reconcile_rounds_total{end="applied"} 1$' "$folder/reconcile.prom"
