#!/usr/bin/env bash
# Writes what `wabacl init` writes for several repositories into folders below FOLDER, and validates the manifests.
#
#   .ci/init.sh PROGRAM FOLDER
#
# new: an empty repository. several: one with two businesses and a third set. vault and aws: with a secret manager.
set -euo pipefail
program=$1 folder=$2

rm -rf "$folder"
for name in emea apac emea-sales; do
  mkdir -p "$folder/several/access/$name"
  printf 'version: 1\nbusiness: %s\n' "$([ "$name" = apac ] && echo 200 || echo 100)" >"$folder/several/access/$name/access.yaml"
done
printf 'version: 1\nset: sales\n' >"$folder/several/access/emea-sales/set.yaml"
cp -R "$folder/several" "$folder/before"
"$program" init "$folder/new" --github --gitlab
"$program" init "$folder/several" --github --gitlab
for manager in vault aws; do
  "$program" init "$folder/$manager" --github --gitlab --token-from "$manager"
done
"$program" validate "$folder/new/access"
diff -r "$folder/before/access" "$folder/several/access"
rm -r "$folder/before"
# A second run changes nothing.
"$program" init "$folder/several" --github --gitlab | diff <(printf 'unchanged: %s\n' "$folder"/several/.github/workflows/wabacl-{plan,apply,drift,sets,notify}.yml "$folder"/several/.gitlab-ci.yml "$folder"/several/.gitlab/wabacl.yml) -
