#!/usr/bin/env bash
# Runs the checks of the justfile's groups, goes on after a failure, and prints a summary.
#
#   .ci/checks.sh [GROUP...]     all groups by default
#
# What each check prints is kept in target/ci/logs too, and the ends of those that failed are printed once more below the
# summary. The last line is `checks: N passed, N failed`; the exit status is 0 if none failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Prints the recipes of a group, in the order of the justfile.
recipes_of() {
  just --list --unsorted --group "$1" --list-heading '' --list-prefix '' | awk 'NF && !/^\[/ { print $1 }'
}

groups=("$@")
[ $# -gt 0 ] || mapfile -t groups < <(just --groups --unsorted | sed -n 's/^    //p')
checks=()
for group in "${groups[@]}"; do
  mapfile -t -O "${#checks[@]}" checks < <(recipes_of "$group")
done
[ "${#checks[@]}" -gt 0 ] || { echo "no checks in: ${groups[*]}" >&2; exit 64; }

logs=target/ci/logs
mkdir -p "$logs"
summary=()
failed=()
for check in "${checks[@]}"; do
  printf '\n==> %s\n' "$check"
  start=$SECONDS
  if just "$check" 2>&1 | tee "$logs/$check.log"; then
    result=ok
  else
    result=FAILED
    failed+=("$check")
  fi
  summary+=("$(printf '%-6s  %4s s  %s' "$result" $((SECONDS - start)) "$check")")
done

printf '\n==> summary, after %s s\n' "$SECONDS"
printf '%s\n' "${summary[@]}"
for check in "${failed[@]}"; do
  printf '\n==> the end of what %s printed\n' "$check"
  tail -n 40 "$logs/$check.log"
done
printf 'checks: %s passed, %s failed\n' $((${#checks[@]} - ${#failed[@]})) "${#failed[@]}"
[ "${#failed[@]}" -eq 0 ]
