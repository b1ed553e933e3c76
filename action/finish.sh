#!/usr/bin/env bash
# Fails the action if wabacl failed, after all other steps.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"

case $INPUT_COMMAND-${EXIT_CODE:-1} in
  *-0 | plan-2) exit 0 ;;
  drift-2)
    [ "$INPUT_FAIL_ON_DRIFT" = true ] || exit 0
    fail "Live access has drifted from the manifests." 2
    ;;
  drift-3) fail "A test of the manifests fails on live access." 3 ;;
  *-2) fail "wabacl exited with 2: there are changes." 2 ;;
  *-3) fail "Refused by a guard, or because the plan is out of date. Nothing was written." 3 ;;
  *-4) fail "Partly done: some assignments could not be read or written. See the report." 4 ;;
  *-75) fail "Throttled by Meta; nothing was written. Run it again later." 75 ;;
  *) fail "wabacl exited with ${EXIT_CODE:-no exit status}." "${EXIT_CODE:-1}" ;;
esac
