#!/usr/bin/env bash
# Keeps one issue for each configuration: drift opens it or brings it up to date, its end closes it. A run that could
# not tell leaves it as it is.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"

check_config
marker="<!-- wabacl-drift:$INPUT_CONFIG -->"
issues="repos/$GITHUB_REPOSITORY/issues"
body=$(folder)/issue-body.md
open=$(gh api --paginate "$issues?state=open&per_page=100" | ours "$marker" | jq -r .number)

write_body() {
  printf '%s\n' "$marker"
  cat "${ISSUE_FILE:?}"
  printf '\n<sub>%s, at %s, by [this run](%s)</sub>\n' "$INPUT_CONFIG" "$GITHUB_SHA" "$(run_url)"
}

case ${EXIT_CODE:-} in
  2)
    write_body >"$body"
    if [ -n "$open" ]; then
      gh api --method PATCH "$issues/$open" -F "body=@$body" >/dev/null
      echo "Issue $open is up to date."
    else
      gh api --method POST "$issues" -f "title=Access drifted: $INPUT_CONFIG" -F "body=@$body" >/dev/null
      echo "An issue is open."
    fi
    ;;
  0)
    if [ -n "$open" ]; then
      gh api --method POST "$issues/$open/comments" -f "body=The drift is gone: $(run_url)" >/dev/null
      gh api --method PATCH "$issues/$open" -f state=closed -f state_reason=completed >/dev/null
      echo "Issue $open is closed."
    else
      echo "No drift, and no open issue."
    fi
    ;;
  *) echo "The run could not tell whether there is drift: the issue, if any, stays as it is." ;;
esac
