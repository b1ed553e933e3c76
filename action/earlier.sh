#!/usr/bin/env bash
# Looks up what earlier runs left as artifacts: for apply the plan that was reviewed, for apply and drift the journal.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"

# Prints the id of the newest artifact named $1 whose run has $3 as its $2. Artifacts of forks never count: anybody
# can make those.
newest() {
  gh api "repos/$GITHUB_REPOSITORY/actions/artifacts?per_page=100&name=$1" |
    jq -r --arg field "$2" --arg wanted "$3" '
      [.artifacts[] | select(.expired | not)
        | select(.workflow_run.head_repository_id == .workflow_run.repository_id)
        | select(.workflow_run[$field] == $wanted)]
      | sort_by(.created_at) | last | .id // empty'
}

# Unpacks an artifact into a folder.
fetch() {
  local archive
  archive=$(folder)/$1.zip
  gh api "repos/$GITHUB_REPOSITORY/actions/artifacts/$1/zip" >"$archive"
  unzip -q -o "$archive" -d "$2"
  rm "$archive"
}

# Prints the commit whose plan was reviewed: after a merge the head of that pull request. A run that was started by
# hand applies the plan that a stopped run made for this very commit.
planned_commit() {
  if [ "${GITHUB_EVENT_NAME:?}" = push ]; then
    gh api "repos/$GITHUB_REPOSITORY/commits/$GITHUB_SHA/pulls" |
      jq -r --arg sha "$GITHUB_SHA" --arg here "$GITHUB_REPOSITORY" '
        [.[] | select(.merged_at != null and .merge_commit_sha == $sha and .base.repo.full_name == $here)]
        | first | .head.sha // empty'
  else
    printf '%s\n' "$GITHUB_SHA"
  fi
}

restore_journal() {
  local branch id
  branch=$(event .repository.default_branch)
  id=$(newest "wabacl-journal-$INPUT_CONFIG" head_branch "$branch")
  [ -n "$id" ] || return 0
  fetch "$id" "$state"
  echo "The journal of earlier runs is artifact $id."
}

find_plan() {
  local commit id=""
  commit=$(planned_commit)
  if [ -n "$commit" ]; then
    id=$(newest "wabacl-plan-$INPUT_CONFIG-$commit" head_sha "$commit")
  fi
  if [ -z "$id" ]; then
    notice "There is no reviewed plan for ${commit:-the commit $GITHUB_SHA, which no pull request brought}."
    return 0
  fi
  mkdir -p "$kept/reviewed"
  fetch "$id" "$kept/reviewed"
  echo "The plan that was reviewed is artifact $id, made for $commit."
  output plan-file "$kept/reviewed/plan.json"
}

check_config
kept=$(folder)
state=$kept/state
mkdir -p "$state"
chmod 700 "$state"
output state-dir "$state"
case $INPUT_COMMAND in
  drift) restore_journal ;;
  apply)
    restore_journal
    if [ -n "$INPUT_PLAN_FILE" ]; then
      output plan-file "$INPUT_PLAN_FILE"
    elif [ "$INPUT_AUTO_APPROVE" != true ]; then
      find_plan
    fi
    ;;
esac
