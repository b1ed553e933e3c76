#!/usr/bin/env bash
# Maintains one comment for each configuration on a pull request: creates it, later replaces its text.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"

check_config
number=$(event .pull_request.number)
if [ -z "$number" ]; then
  echo "Not a pull request: no comment."
  exit 0
fi
if from_fork; then
  echo "A run for a fork must not comment."
  exit 0
fi

marker="<!-- wabacl:$INPUT_CONFIG -->"
body=$(folder)/comment-body.md
{
  printf '%s\n' "$marker"
  cat "${COMMENT_FILE:?}"
  printf '\n<sub>%s, at %s, by [this run](%s)</sub>\n' "$INPUT_CONFIG" "$(reviewed_commit)" "$(run_url)"
} >"$body"

comments="repos/$GITHUB_REPOSITORY/issues/$number/comments"
id=$(gh api --paginate "$comments?per_page=100" | first_own "$marker" | jq -r .id)
if [ -n "$id" ]; then
  gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$body" >/dev/null
  echo "Comment $id updated."
else
  gh api --method POST "$comments" -F "body=@$body" >/dev/null
  echo "Commented on pull request $number."
fi
