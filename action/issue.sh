#!/usr/bin/env bash
# Maintains one issue for each configuration: drift opens or updates it, no drift closes it. A run that found none but
# could not read everything leaves it unchanged.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"

check_config
marker="<!-- wabacl-drift:$INPUT_CONFIG -->"
issues="repos/$GITHUB_REPOSITORY/issues"
body=$(folder)/issue-body.md
open=$(gh api --paginate "$issues?state=open&per_page=100" | first_own "$marker" | jq -r .number)

write_body() {
  printf '%s\n' "$marker"
  cat "${ISSUE_FILE:?}"
  printf '\n<sub>%s, at %s, by [this run](%s)</sub>\n' "$INPUT_CONFIG" "$GITHUB_SHA" "$(run_url)"
}

case ${HAS_CHANGES:-}-${EXIT_CODE:-} in
  true-*)
    write_body >"$body"
    if [ -n "$open" ]; then
      gh api --method PATCH "$issues/$open" -F "body=@$body" >/dev/null
      echo "Issue $open updated."
    else
      gh api --method POST "$issues" -f "title=Access drifted: $INPUT_CONFIG" -F "body=@$body" >/dev/null
      echo "Opened an issue."
    fi
    ;;
  false-0)
    if [ -n "$open" ]; then
      gh api --method POST "$issues/$open/comments" -f "body=No more drift: $(run_url)" >/dev/null
      gh api --method PATCH "$issues/$open" -f state=closed -f state_reason=completed >/dev/null
      echo "Issue $open closed."
    else
      echo "No drift, and no open issue."
    fi
    ;;
  *) echo "The run could not detect drift: issues stay unchanged." ;;
esac
