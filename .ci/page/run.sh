#!/usr/bin/env bash
# Renders HTML plans of the quickstart, of 1,000 and 10,000 WABAs, and of hostile names, and reports on access of all but the
# largest, and tests them in Chromium.
#
#   .ci/page/run.sh PROGRAM FOLDER
#
# Screenshots are written to FOLDER/screenshots.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
program=$1 folder=$2

# Renders the plan of a manifest as HTML. A plan that a guard refuses (exit status 3) is rendered too.
render() {
  local code=0
  "$program" plan "$1" --emulate "$2" --emulate-fresh --format html || code=$?
  [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || { echo "plan of $1: exit status $code" >&2; exit 1; }
}

rm -rf "$folder"
mkdir -p "$folder/quickstart"
cp -r examples/quickstart/. "$folder/quickstart/"
node .ci/page/world.mjs 1000 "$folder/large"
node .ci/page/world.mjs 10000 "$folder/huge"
node .ci/page/world.mjs 20 "$folder/hostile" --hostile
for name in quickstart large huge hostile; do
  render "$folder/$name/access" "$folder/$name/live.yaml" >"$folder/$name.html"
done
# The limit is a guess: what still opens quickly.
[ "$(wc -c <"$folder/large.html")" -lt 2000000 ] || { echo "the page of 1,000 WABAs has 2 MB or more" >&2; exit 1; }
for name in quickstart large hostile; do
  "$program" report "$folder/$name/access" --emulate "$folder/$name/live.yaml" --format html --out "$folder/report-$name.html"
done
node .ci/page/report.mjs --browser "$(command -v chromium)" --screenshots "$folder/screenshots" \
  --hostile "$folder/report-hostile.html" "$folder/report-quickstart.html" "$folder/report-large.html"
node .ci/page/check.mjs --browser "$(command -v chromium)" --screenshots "$folder/screenshots" \
  --hostile "$folder/hostile.html" --huge "$folder/huge.html" "$folder/quickstart.html" "$folder/large.html"
