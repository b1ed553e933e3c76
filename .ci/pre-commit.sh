#!/usr/bin/env bash
# Runs the pre-commit hook that uses the installed program in a sample repository: it must pass good manifests and
# fail for bad ones.
#
#   .ci/pre-commit.sh PROGRAM FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=$1 folder=$2

run_hook() {
  (cd "$folder/sample" && PATH="$(dirname "$program"):$PATH" PRE_COMMIT_HOME="$folder/home" \
    pre-commit try-repo ../hooks wabacl-validate-system --all-files 2>&1)
}

rm -rf "$folder"
mkdir -p "$folder/hooks" "$folder/sample/access" "$folder/home"
cp .pre-commit-hooks.yaml "$folder/hooks/"
cp examples/quickstart/access/*.yaml "$folder/sample/access/"
for repository in hooks sample; do
  git -C "$folder/$repository" init --quiet
  git -C "$folder/$repository" add --all
  git -C "$folder/$repository" -c user.name=Ana -c user.email=ana@example.com commit --quiet --message "Initial commit"
done

pre-commit validate-manifest .pre-commit-hooks.yaml
output=$(run_hook) || { echo "$output" >&2; exit 1; }
grep -q Passed <<<"$output"

sed -i 's/template-editor, VIEW_COST/template-editor, VIEW_COSTS/' "$folder/sample/access/access.yaml"
! output=$(run_hook) || { printf 'a bad manifest passed:\n%s\n' "$output" >&2; exit 1; }
printf '%s\n' "$output"
grep -q unknown-role <<<"$output"
