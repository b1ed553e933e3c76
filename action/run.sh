#!/usr/bin/env bash
# Runs wabacl, writes the summary of the job, and sets the outputs. The exit status of wabacl is one of the outputs:
# the step itself succeeds, so later steps upload the plan and the journal, and comment, in any case.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"
# shellcheck source=action/arguments.sh
source "$ACTION/action/arguments.sh"

# Moves the secrets from the inputs to the variables that wabacl reads, and masks them in the log.
take_secrets() {
  if [ -n "$INPUT_TOKEN" ]; then
    workflow_command add-mask "$INPUT_TOKEN"
    export WABACL_TOKEN=$INPUT_TOKEN
  fi
  if [ -n "$INPUT_APP_SECRET" ]; then
    workflow_command add-mask "$INPUT_APP_SECRET"
    export WABACL_APP_SECRET=$INPUT_APP_SECRET
  fi
  unset INPUT_TOKEN INPUT_APP_SECRET
}

# Sets the outputs for the counts in a JSON document of plan or drift.
output_counts() {
  local name
  for name in assign change revoke undeclared; do
    output "$name" "$(jq -r ".summary.$name" "$1")"
  done
  output violations "$(jq -r '.violations | length' "$1")"
}

# Writes a comment that the head of the pull request has no plan: the plan of an earlier push would mislead.
no_plan() {
  {
    echo "### No plan for $(reviewed_commit)"
    echo
    echo "wabacl exited with $1: see [the run]($(run_url))."
  } >"$files/comment.md"
}

# Runs wabacl with the arguments from $2 on and sets `ended` to its exit status. Its output goes to file $1, its
# messages to the log and to a file. A runner that cancels the job signals only this shell, which forwards the signal:
# wabacl then finishes the calls in flight.
run_wabacl() {
  local out=$1 child logger signalled
  shift
  exec 4> >(defuse | tee "$files/messages.txt" >&2)
  logger=$!
  wabacl "$@" >"$out" 2>&4 &
  child=$!
  exec 4>&-
  trap 'signalled=yes; kill -TERM "$child" || true' INT TERM
  # A signal interrupts the wait but not the child.
  signalled=yes
  while [ -n "$signalled" ]; do
    signalled="" ended=0
    wait "$child" || ended=$?
  done
  trap - INT TERM
  wait "$logger" || true
}

run_validate() {
  run_wabacl "$files/annotations.txt" validate "${paths[@]}" --format github
  code=$ended
  cat "$files/annotations.txt"
  wabacl validate "${paths[@]}" --format text >"$files/validate.txt" 2>&1 || true
  block "$files/validate.txt" | summary
}

# Creates a plan, saves it to file $1, shows it, and sets `ended` to the exit status of wabacl.
plan_into() {
  rm -f "$1"
  local save=()
  # What is made from a snapshot cannot be applied, so it is not kept.
  if shared_state && [ -z "$INPUT_SNAPSHOT_FILE" ]; then
    save=(--save "$(plan_name "$(reviewed_commit)")")
  fi
  run_wabacl "$files/plan.txt" plan "${paths[@]}" "${where[@]}" --out "$1" ${save[@]+"${save[@]}"} --detailed-exitcode \
    ${more[@]+"${more[@]}"}
  inert <"$files/plan.txt"
  if [ -f "$1" ]; then
    wabacl show "$1" --format json >"$files/plan-document.json"
    wabacl show "$1" --format github
    wabacl show "$1" --format markdown >"$files/comment.md"
    output_counts "$files/plan-document.json"
    output has-changes "$(jq -r '.changes != []' "$files/plan-document.json")"
    # What is made from a snapshot cannot be applied, so it is not kept as a reviewed plan.
    [ -n "$INPUT_SNAPSHOT_FILE" ] || output plan-file "$1"
    # Attempts of a run have plans of their own: a later attempt replaces none that was reviewed.
    shared_state || output plan-artifact "wabacl-plan-$INPUT_CONFIG-$(reviewed_commit)-${GITHUB_RUN_ATTEMPT:?}"
  else
    no_plan "$ended"
  fi
  summary <"$files/comment.md"
}

run_plan() {
  plan_into "$files/plan.json"
  code=$ended
  if [ "$GITHUB_RUN_ATTEMPT" -gt 1 ]; then
    printf '\n%s\n' "This commit was planned $GITHUB_RUN_ATTEMPT times. If the plans differ, none of them is applied after the merge: push a commit to replace them." \
      | tee -a "$files/comment.md" | summary
  fi
  output comment-file "$files/comment.md"
}

# Says how a plan is applied that replaces a refused one. A manual run takes the first parent as the base.
how_to_apply() {
  echo "Nothing was written. A new plan follows: review it, then start this workflow manually to apply it."
  if [ -n "$INPUT_BASE" ] && [ "$INPUT_BASE" != "$(git rev-parse "HEAD^" 2>/dev/null)" ]; then
    echo "Enter $INPUT_BASE as the base: the push had several commits."
  fi
}

# Applies the reviewed plan. If there is none, or it is refused, creates a new plan and applies nothing.
run_apply() {
  local arguments=("${paths[@]}" --auto-approve)
  if [ -n "$INPUT_PLAN_FILE" ]; then
    arguments=("$INPUT_PLAN_FILE" --manifest "${paths[@]}")
  elif [ -n "${INPUT_PLAN_NAME:-}" ]; then
    arguments=("${paths[@]}" --reviewed "$INPUT_PLAN_NAME")
    # Of the plans that are made to replace another, the newest counts.
    [[ $INPUT_PLAN_NAME != *-again ]] || arguments+=(--newest)
  elif [ "$INPUT_AUTO_APPROVE" != true ]; then
    code=3
    echo "There is no reviewed plan, so nothing is applied. The new plan follows." | summary
  fi
  if [ "$code" -eq 0 ]; then
    run_wabacl "$files/report.txt" apply "${arguments[@]}" "${where[@]}" ${more[@]+"${more[@]}"} \
      ${apply_only[@]+"${apply_only[@]}"}
    code=$ended
    inert <"$files/report.txt"
    # The summary has the messages only if apply was refused or failed.
    [ "$code" -eq 0 ] || block "$files/messages.txt" | summary
    block "$files/report.txt" | summary
  fi
  # Drift needs the plan that was applied last to tell drift from work in progress. It is kept with the journal. A run that
  # applies only a kind of changes (`--only`) leaves that plan as it is.
  if [ "$code" -eq 0 ] && ! shared_state && [[ " ${more[*]-} " != *" --only="* ]]; then
    rm -f "$applied"
    [ -z "$INPUT_PLAN_FILE" ] || cp "$INPUT_PLAN_FILE" "$applied"
  fi
  if [ "$code" -eq 3 ]; then
    how_to_apply | summary
    plan_into "$files/plan.json"
    if [ "$ended" -eq 0 ]; then
      notice "Nothing to do: live access matches the manifests."
      code=0
      # An empty plan is not uploaded.
      output plan-file ""
    fi
  fi
}

# Prints the file of the plan that was applied last, else its digest from the journal, else nothing.
last_applied() {
  # A shared state has the plan itself.
  ! shared_state || return 0
  if [ -f "$applied" ]; then
    printf '%s\n' "$applied"
  else
    wabacl journal --state-dir "$state" --format json |
      jq -r '[.journals[].runs[]] | sort_by(.at) | last | .plan_digest // empty'
  fi
}

# Succeeds if drift, whose JSON document is file $1 and whose exit status is $2, found a difference. With WABAs that
# could not be read, the exit status does not say.
has_drifted() {
  case $2 in
    2 | 3) true ;;
    4) jq -e '.changes != [] or (.undeclared == "drift" and .summary.undeclared > 0)' "$1" >/dev/null ;;
    *) false ;;
  esac
}

# Succeeds if drift, as in has_drifted, found no difference and nothing that it allows.
nothing_to_show() {
  [ "$2" -eq 0 ] && jq -e '.changes + .notices + .kept + .left == [] and .summary.undeclared == 0' "$1" >/dev/null
}

run_drift() {
  local document=$files/drift.json since drifted=false
  # The baseline: changes to the manifests since then are work in progress, not drift.
  since=$(last_applied)
  [ -z "$since" ] || more+=(--since "$since")
  run_wabacl "$document" drift "${paths[@]}" "${where[@]}" --format json ${more[@]+"${more[@]}"}
  code=$ended
  if [ -s "$document" ]; then
    if nothing_to_show "$document" "$code"; then
      echo "No drift. Live access matches the manifests." >"$files/comment.md"
    else
      # A second run renders Markdown.
      wabacl drift "${paths[@]}" "${where[@]}" --format markdown ${more[@]+"${more[@]}"} \
        >"$files/comment.md" 2>/dev/null || true
    fi
    inert <"$files/comment.md"
    output_counts "$document"
    ! has_drifted "$document" "$code" || drifted=true
    output has-changes "$drifted"
  else
    no_plan "$code"
  fi
  summary <"$files/comment.md"
  output comment-file "$files/comment.md"
}

# Takes a snapshot without the names of people.
run_snapshot() {
  local out=$files/snapshot.yaml
  [ "${GITHUB_EVENT_NAME:?}" = schedule ] || fail "command: a snapshot is taken by a scheduled run only" 64
  [[ $INPUT_BUSINESS =~ ^[1-9][0-9]{0,19}$ ]] || fail "business: expected the id of a business" 64
  rm -f "$out"
  run_wabacl "$files/snapshot.txt" snapshot --business "$INPUT_BUSINESS" --out "$out" --without-names \
    "${where[@]}" ${more[@]+"${more[@]}"}
  code=$ended
  block "$files/messages.txt" | summary
  [ ! -f "$out" ] || output snapshot "$out"
}

check_config
take_secrets
files=$(folder)
state=$files/state
applied=$state/applied-$INPUT_CONFIG.json
where=(--state-dir "$state")
! shared_state || where=(--state "$WABACL_STATE")
code=0
read_paths
read_args
read_origin
read_previous
read_waivers
if [ "$INPUT_COMMAND" != validate ] && from_fork; then
  notice "Pull requests from forks get no secrets: the manifests are validated, but not planned."
  echo "Validated, but not planned: pull requests from forks get no secrets." | summary
  unset WABACL_TOKEN WABACL_APP_SECRET
  INPUT_COMMAND=validate
fi
if [ -n "$INPUT_SNAPSHOT_FILE" ]; then
  notice "There is no token: this is planned on the snapshot of the last scheduled run, and cannot be applied."
  more+=("--emulate=$INPUT_SNAPSHOT_FILE")
fi
case $INPUT_COMMAND in
  validate) run_validate ;;
  plan) run_plan ;;
  apply) run_apply ;;
  drift) run_drift ;;
  snapshot) run_snapshot ;;
  *) fail "command: expected validate, plan, apply, drift or snapshot" 64 ;;
esac
output exit-code "$code"
