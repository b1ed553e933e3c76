#!/usr/bin/env bash
# Downloads artifacts of earlier runs: for apply the reviewed plan, for apply and drift the journal.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"

# Prints the id of the newest artifact with name $1 whose run has value $3 in field $2. Ignores artifacts from forks,
# because anybody can create those.
newest() {
  gh api "repos/$GITHUB_REPOSITORY/actions/artifacts?per_page=100&name=$1" |
    jq -r --arg field "$2" --arg value "$3" '
      [.artifacts[] | select(.expired | not)
        | select(.workflow_run.head_repository_id == .workflow_run.repository_id)
        | select(.workflow_run[$field] == $value)]
      | sort_by(.created_at) | last | .id // empty'
}

# Downloads artifact $1 and unpacks it into folder $2.
fetch() {
  local archive
  archive=$(folder)/$1.zip
  gh api "repos/$GITHUB_REPOSITORY/actions/artifacts/$1/zip" >"$archive"
  unzip -q -o "$archive" -d "$2"
  rm "$archive"
}

# Prints the commit whose plan was reviewed. After a merge, that is the head of the pull request. A manual run applies
# the plan that an earlier, refused run created for the same commit.
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
  echo "Restored the journal from artifact $id."
}

find_plan() {
  local commit id=""
  commit=$(planned_commit)
  if [ -n "$commit" ]; then
    id=$(newest "wabacl-plan-$INPUT_CONFIG-$commit" head_sha "$commit")
  fi
  if [ -z "$id" ]; then
    notice "No reviewed plan found for ${commit:-commit $GITHUB_SHA, which belongs to no merged pull request}."
    return 0
  fi
  mkdir -p "$files/reviewed"
  fetch "$id" "$files/reviewed"
  echo "Found the reviewed plan of $commit: artifact $id."
  output plan-file "$files/reviewed/plan.json"
}

check_config
files=$(folder)
state=$files/state
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
