#!/usr/bin/env bash
# Takes files from artifacts of earlier runs: for apply the reviewed plan, for apply and drift the journal, for a plan
# without a token the snapshot. With a state that machines share, plan and journal are there.
#
# A fork's pull request and a branch can upload artifacts with any name and content. An artifact counts only if the run
# that made it ran in this repository, of the expected workflow file, for the expected event and commit. Only files with
# expected names are taken, and their content is copied: nothing else in an archive reaches the disk.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"

# The highest size of an artifact, and of a file in it. A guess: a plan for 10,000 WABAs has about 50 MB.
readonly SIZE_LIMIT=$((256 * 1024 * 1024))
# The highest number of plans of one commit, and of journals, that are looked at. A guess.
readonly COUNT_LIMIT=20

api() {
  gh api "repos/$GITHUB_REPOSITORY/$1"
}

# Reads all pages of a list. Prints one JSON document for each.
pages() {
  gh api --paginate "repos/$GITHUB_REPOSITORY/$1"
}

# Prints the name of the file of the workflow that is running.
own_workflow() {
  local path=${GITHUB_WORKFLOW_REF:?}
  path=${path%%@*}
  printf '%s\n' "${path##*/}"
}

# Fails unless a workflow is named by its file in .github/workflows. $1 is the input that names it.
check_workflow() {
  [[ $2 =~ ^[A-Za-z0-9][A-Za-z0-9._-]*\.ya?ml$ ]] || fail "$1: expected the name of a file in .github/workflows" 64
}

# Sets `id` to the id of the workflow in file $1.
find_workflow() {
  id=$(api "actions/workflows/$1" | jq -er .id) ||
    fail "There is no workflow in .github/workflows/$1. The inputs plan-workflow, apply-workflow and snapshot-workflow name the files."
}

# A jq function that selects the runs of workflow $file with id $id for one of $events, in this repository and not in
# a fork.
# shellcheck disable=SC2016 # variables of jq
readonly TRUSTED='
  def trusted: select(
    (.path | sub("@.*"; "")) == ".github/workflows/" + $file and .workflow_id == $id
    and (.event | IN($events | split(" ")[]))
    and .repository.full_name == $here and .head_repository.id == .repository.id);'

# Runs jq with program $4 on standard input, with `trusted` for workflow file $1, its id $2 and events $3.
select_runs() {
  jq -r --arg file "$1" --argjson id "$2" --arg events "$3" --arg here "$GITHUB_REPOSITORY" \
    --arg branch "$branch" --arg commit "$commit" "${@:5}" "$TRUSTED $4"
}

# Downloads artifact $1 of $2 bytes into file $3, and fails unless all entries are regular files.
download() {
  local entries files
  [ "$2" -le "$SIZE_LIMIT" ] || fail "Artifact $1 is larger than $SIZE_LIMIT bytes: delete it, and run this again."
  api "actions/artifacts/$1/zip" | head -c "$SIZE_LIMIT" >"$3" || fail "Artifact $1 could not be downloaded."
  entries=$(unzip -Z -1 "$3" </dev/null | wc -l) || fail "Artifact $1 cannot be unpacked."
  # In the long listing, only the lines of regular files begin with a dash.
  files=$(unzip -Z -s "$3" </dev/null | grep -c '^-' || true)
  [ "$entries" -eq "$files" ] ||
    fail "Artifact $1 holds more than regular files, so this action did not make it: delete it, and run this again."
}

# Copies the content of entry $2 of archive $1 into the new file $3.
take() {
  mkdir -p "${3%/*}"
  unzip -p "$1" "$2" </dev/null | head -c "$((SIZE_LIMIT + 1))" >"$3"
  [ "$(wc -c <"$3")" -le "$SIZE_LIMIT" ] || fail "$2 in an artifact is larger than $SIZE_LIMIT bytes."
}

# Prints the commit whose plan was reviewed, and the number of its pull request if that is known. After a merge, the commit
# is the head of the pull request. A manual run applies the plan that an earlier, refused run created for the same commit.
planned_commit() {
  if [ "${GITHUB_EVENT_NAME:?}" = push ]; then
    api "commits/$GITHUB_SHA/pulls" |
      jq -r --arg sha "$GITHUB_SHA" --arg here "$GITHUB_REPOSITORY" '
        [.[] | select(.merged_at != null and .merge_commit_sha == $sha and .base.repo.full_name == $here)]
        | first | select(.) | "\(.head.sha) \(.number)"'
  else
    printf '%s\n' "$GITHUB_SHA"
  fi
}

# Prints who approved pull request $1, separated by commas: those whose last decision is an approval.
approvers() {
  pages "pulls/$1/reviews?per_page=100" | jq -rs '
    [.[][] | select(.state | IN("APPROVED", "CHANGES_REQUESTED", "DISMISSED"))] | group_by(.user.login)
    | [.[] | last | select(.state == "APPROVED") | .user.login] | .[:10] | join(", ")'
}

# Sets the outputs that say where the commit comes from, for the journal. They are no part of the decision.
find_origin() {
  local pull=$1 approver
  [[ $pull =~ ^[1-9][0-9]{0,9}$ ]] || return 0
  output pull-request "${GITHUB_SERVER_URL:?}/$GITHUB_REPOSITORY/pull/$pull"
  approver=$(approvers "$pull") || warning "The reviews of pull request $pull could not be read, so the journal does not name who approved it."
  output approver "$approver"
}

# Sets `runs` to the ids of the runs that may have made the reviewed plan, the newest first.
find_planning_runs() {
  local workflow=$INPUT_PLAN_WORKFLOW events=pull_request id here=true
  if [ "$GITHUB_EVENT_NAME" != push ]; then
    workflow=$(own_workflow)
    events="push workflow_dispatch"
    # shellcheck disable=SC2016 # a variable of jq
    here='.head_branch == $branch'
  fi
  check_workflow plan-workflow "$workflow"
  find_workflow "$workflow"
  runs=$(pages "actions/workflows/$workflow/runs?per_page=100&head_sha=$commit" |
    select_runs "$workflow" "$id" "$events" "
      .workflow_runs[] | trusted | select(.head_sha == \$commit and $here) | .id" | sort -rn)
}

# Prints artifact, size, run and attempt of the plans of run $1, the newest first.
plans_of() {
  pages "actions/runs/$1/artifacts?per_page=100" |
    jq -r --arg name "wabacl-plan-$INPUT_CONFIG-$commit-" '
      .artifacts[] | select(.expired | not) | select(.name | startswith($name))
      | (.name | ltrimstr($name)) as $attempt | select($attempt | test("^[0-9]{1,9}$"))
      | "\(.id) \(.size_in_bytes) \(.workflow_run.id) \($attempt)"' | sort -rn -k 4,4
}

# Prints what a plan changes, to be compared with another plan's.
essence() {
  wabacl show "$1" --format json |
    jq -cS '{business, changes: [.changes[] | {action, waba: .waba.id, user: .user.id, before, after}]}' ||
    fail "Artifact $2 is no plan that this version of wabacl can read: delete it, or push a commit to plan again."
}

# Downloads the plan of the reviewed commit. A pull request that was planned more than once, say because somebody ran the
# job again, must have the same plan each time: nobody knows which of them was reviewed. Of the plans of manual runs, which
# are made to replace another, the newest counts.
find_plan() {
  local artifact size run attempt found file first="" runs plans="" looked_at=0
  find_planning_runs
  for run in $runs; do
    found=$(plans_of "$run")
    plans+=$found$'\n'
  done
  while read -r artifact size run attempt; do
    [ -n "$artifact" ] || continue
    looked_at=$((looked_at + 1))
    [ "$looked_at" -le "$COUNT_LIMIT" ] ||
      fail "There are more than $COUNT_LIMIT plans of $commit: push a commit to its branch to plan again."
    file=$files/reviewed/$artifact.json
    download "$artifact" "$size" "$files/artifact.zip"
    [ "$(unzip -Z -1 "$files/artifact.zip")" = plan.json ] ||
      fail "Artifact $artifact of run $run is not a plan that this action uploaded: delete it, and run this again."
    take "$files/artifact.zip" plan.json "$file"
    found=$(essence "$file" "$artifact")
    if [ -z "$first" ]; then
      first=$found plan=$file
      echo "Found the reviewed plan of $commit: artifact $artifact of attempt $attempt of run $run."
      [ "$GITHUB_EVENT_NAME" = push ] || return 0
    elif [ "$found" != "$first" ]; then
      plan=""
      warning "Commit $commit was planned more than once, and the plans differ: artifact $artifact of attempt $attempt of run $run is not what a later attempt or run made. Which one was reviewed is not known, so none is applied."
      return 0
    fi
  done <<<"$plans"
}

reviewed_plan() {
  local plan="" pull="" planned
  planned=$(planned_commit)
  read -r commit pull <<<"$planned"
  if [ -z "$commit" ]; then
    notice "No reviewed plan found: commit $GITHUB_SHA belongs to no merged pull request."
    return 0
  fi
  if shared_state; then
    output plan-name "$(plan_name "$commit" reviewed)"
    find_origin "$pull"
    return 0
  fi
  find_plan
  find_origin "$pull"
  if [ -n "$plan" ]; then
    output plan-file "$plan"
  else
    notice "No reviewed plan found for $commit."
  fi
}

# Prints id, size and run of the artifacts named $1 that can be of the default branch, the newest first. Whoever can push may
# upload artifacts too, so the run is checked later.
artifacts_named() {
  pages "actions/artifacts?per_page=100&name=$1" |
    jq -rs --arg branch "$branch" '
      [.[].artifacts[] | select(.expired | not) | select(.workflow_run.head_branch == $branch)
        | select(.workflow_run.head_repository_id == .workflow_run.repository_id)]
      | sort_by([.created_at, .id]) | reverse[] | "\(.id) \(.size_in_bytes) \(.workflow_run.id)"'
}

# Downloads the newest artifact named $1 that a run of workflow file $2 for one of events $3 made on the default branch to
# $files/artifact.zip, and sets `artifact` and `run`; `artifact` is empty if there is none. $4 names such a run.
download_newest() {
  local id="" list size looked_at=0
  list=$(artifacts_named "$1")
  while read -r artifact size run; do
    [ -n "$artifact" ] || continue
    looked_at=$((looked_at + 1))
    [ "$looked_at" -le "$COUNT_LIMIT" ] ||
      fail "More than $COUNT_LIMIT artifacts are named $1, but no $4 of $2 made them: delete them."
    [ -n "$id" ] || find_workflow "$2"
    ran_on_default_branch "$run" "$2" "$id" "$3" || continue
    download "$artifact" "$size" "$files/artifact.zip"
    return 0
  done <<<"$list"
}

# Succeeds if run $1 of workflow file $2 with id $3 ran for one of events $4 and a commit of the default branch. A tag can
# have the branch's name, so the name does not suffice.
ran_on_default_branch() {
  local sha
  # shellcheck disable=SC2016 # a variable of jq
  sha=$(api "actions/runs/$1" | select_runs "$2" "$3" "$4" '
    trusted | select(.head_branch == $branch) | .head_sha') || fail "Run $1 could not be read."
  [[ $sha =~ ^[0-9a-f]{40,64}$ ]] || return 1
  api "compare/$sha...$branch?per_page=1" | jq -e '.status | IN("ahead", "identical")' >/dev/null
}

# Takes the journal, the inventories, the counts of calls and the plan that was applied last from archive $1.
take_state() {
  local name names
  names=$(unzip -Z -1 "$1" </dev/null)
  [ -z "$(sort <<<"$names" | uniq -d)" ] || fail "The artifact has two files of one name: delete it."
  while read -r name; do
    if [ "$name" = "applied-$INPUT_CONFIG.json" ] ||
      [[ $name =~ ^[1-9][0-9]{0,19}/(journal\.jsonl|calls-[0-9]{1,12}\.log|inventory\.[A-Za-z0-9._-]{1,80}\.json)$ ]]; then
      take "$1" "$name" "$state/$name"
    fi
  done <<<"$names"
}

restore_journal() {
  local workflow=$INPUT_APPLY_WORKFLOW artifact run
  if compgen -G "$state/*/journal.jsonl" >/dev/null; then
    echo "Continuing the journal of this job."
    return 0
  fi
  [ "$INPUT_COMMAND" != apply ] || workflow=$(own_workflow)
  check_workflow apply-workflow "$workflow"
  download_newest "wabacl-journal-$INPUT_CONFIG" "$workflow" "push workflow_dispatch schedule" run
  if [ -z "$artifact" ]; then
    echo "There is no journal of an earlier run."
    return 0
  fi
  take_state "$files/artifact.zip"
  rm "$files/artifact.zip"
  echo "Restored the journal from artifact $artifact of run $run."
}

# Fails unless the repository is known to be private: a snapshot, and a plan made from it, name customers.
require_private() {
  local visibility
  visibility=$(gh api "repos/$GITHUB_REPOSITORY" | jq -r '.visibility // empty') ||
    fail "Whether this repository is public could not be read, so there are no snapshots."
  [[ $visibility == private || $visibility == internal ]] ||
    fail "There are no snapshots in a public repository: they name customers, and everybody can read its artifacts and comments." 64
}

# Fails unless a snapshot may be taken here: by a scheduled run, which is one of the default branch.
check_snapshot() {
  [ "$GITHUB_EVENT_NAME" = schedule ] ||
    fail "command: a snapshot is taken by a scheduled run only, because those run on the default branch" 64
  require_private
}

# Takes the newest snapshot that a scheduled run of the default branch made.
find_snapshot() {
  local workflow=$INPUT_SNAPSHOT_WORKFLOW artifact run
  require_private
  check_workflow snapshot-workflow "$workflow"
  download_newest "wabacl-snapshot-$INPUT_CONFIG" "$workflow" schedule "scheduled run"
  if [ -z "$artifact" ]; then
    notice "There is no token, and no snapshot of a scheduled run of $workflow."
    return 0
  fi
  [ "$(unzip -Z -1 "$files/artifact.zip")" = snapshot.yaml ] ||
    fail "Artifact $artifact of run $run is not a snapshot that this action uploaded: delete it, and run this again."
  take "$files/artifact.zip" snapshot.yaml "$files/snapshot.yaml"
  rm "$files/artifact.zip"
  echo "Found the snapshot: artifact $artifact of run $run."
  output snapshot-file "$files/snapshot.yaml"
}

umask 077
has_token=${INPUT_TOKEN:+yes}
unset INPUT_TOKEN
check_config
files=$(folder)
state=$files/state
branch=$(event .repository.default_branch)
commit=""
mkdir -p "$state"
chmod 700 "$state"
# A shared state is no artifact.
shared_state || output state-dir "$state"
case $INPUT_COMMAND in
  snapshot) check_snapshot ;;
  plan)
    # The author of a fork could read the snapshot.
    if [ "$INPUT_SNAPSHOT" = on ] && [ -z "$has_token" ] && ! from_fork; then
      find_snapshot
    fi
    ;;
  drift) shared_state || restore_journal ;;
  apply)
    shared_state || restore_journal
    if [ -n "$INPUT_PLAN_FILE" ]; then
      output plan-file "$INPUT_PLAN_FILE"
    elif [ "$INPUT_AUTO_APPROVE" != true ]; then
      reviewed_plan
    fi
    ;;
esac
