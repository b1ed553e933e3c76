#!/usr/bin/env bash
# Ends the action as wabacl ended, after all else is done.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"

case $INPUT_COMMAND-${EXIT_CODE:-1} in
  *-0 | plan-2) exit 0 ;;
  drift-2)
    [ "$INPUT_FAIL_ON_DRIFT" = true ] || exit 0
    fail "Live access has drifted from the manifests." 2
    ;;
  *-2) fail "wabacl ended with 2: there are changes." 2 ;;
  *-3) fail "Refused: a guard, or a plan that is not what is true now. Nothing was written." 3 ;;
  *-4) fail "Done in part: see what could not be read or written." 4 ;;
  *-75) fail "Meta asks to wait; nothing was written. Run it again later." 75 ;;
  *) fail "wabacl ended with ${EXIT_CODE:-nothing}." "${EXIT_CODE:-1}" ;;
esac
