#!/usr/bin/env bash
# Keeps one comment for each configuration on a pull request: the first plan opens it, later ones replace its text.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"

check_config
number=$(event .pull_request.number)
if [ -z "$number" ]; then
  echo "No pull request: nothing to comment on."
  exit 0
fi
if from_fork; then
  echo "A run for a fork may not comment."
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
id=$(gh api --paginate "$comments?per_page=100" | ours "$marker" | jq -r .id)
if [ -n "$id" ]; then
  gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$body" >/dev/null
  echo "Comment $id is up to date."
else
  gh api --method POST "$comments" -F "body=@$body" >/dev/null
  echo "The plan is a comment on pull request $number."
fi
