#!/usr/bin/env bash
# Runs wabacl, writes the summary of the job, and sets the outputs. The exit status of wabacl is one of the outputs:
# the step itself succeeds, so later steps upload the plan and the journal, and comment, in any case.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"

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

# Prints a file as an indented Markdown code block, cut after 2,000 lines: GitHub limits a summary to 1 MiB, and 2,000
# is a guess that stays below.
block() {
  sed -e '/^::/d' -e 's/^/    /' -e '2000q' "$1"
  [ "$(wc -l <"$1")" -le 2000 ] || printf '\nThe log shows the rest.\n'
  echo
}

# Reads the non-blank lines of standard input into the array `lines`. (The bash of macOS has no mapfile.)
read_lines() {
  local line
  lines=()
  while IFS= read -r line; do
    [[ $line =~ ^[[:space:]]*$ ]] || lines+=("$line")
  done
}

# Sets the outputs for the counts in a JSON document of plan or drift.
output_counts() {
  local name
  for name in assign change revoke; do
    output "$name" "$(jq -r ".summary.$name" "$1")"
  done
  output violations "$(jq -r '.violations | length' "$1")"
  output has-changes "$(jq -r '.summary | .assign + .change + .revoke > 0' "$1")"
}

# Writes a comment that the head of the pull request has no plan: the plan of an earlier push would mislead.
no_plan() {
  {
    echo "### No plan for $(reviewed_commit)"
    echo
    echo "wabacl exited with $1: see [the run]($(run_url))."
  } >"$files/comment.md"
}

run_validate() {
  wabacl validate "${paths[@]}" --format github || code=$?
  wabacl validate "${paths[@]}" --format text >"$files/validate.txt" 2>&1 || true
  block "$files/validate.txt" | summary
}

# Creates a plan, saves it to file $1, shows it, and sets `ended` to the exit status of wabacl.
plan_into() {
  ended=0
  rm -f "$1"
  wabacl plan "${paths[@]}" --state-dir "$state" --out "$1" --detailed-exitcode ${more[@]+"${more[@]}"} || ended=$?
  if [ -f "$1" ]; then
    wabacl show "$1" --format json >"$files/plan-document.json"
    wabacl show "$1" --format github
    wabacl show "$1" --format markdown | tee "$files/comment.md" | summary
    output_counts "$files/plan-document.json"
    output plan-file "$1"
    output plan-artifact "wabacl-plan-$INPUT_CONFIG-$(reviewed_commit)"
  else
    no_plan "$ended"
    summary <"$files/comment.md"
  fi
}

run_plan() {
  plan_into "$files/plan.json"
  code=$ended
  output comment-file "$files/comment.md"
}

# Runs `wabacl apply` and sets `code` to its exit status. Writes the report and the messages to files too. A runner
# that cancels the job signals only this shell, which forwards the signal: wabacl then finishes the calls in flight.
apply() {
  local child logger signalled
  exec 4> >(tee "$files/messages.txt" >&2)
  logger=$!
  wabacl apply "$@" --state-dir "$state" ${more[@]+"${more[@]}"} >"$files/report.txt" 2>&4 &
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
  code=$ended
  wait "$logger" || true
}

# Applies the reviewed plan. If there is none, or it is refused, creates a new plan and applies nothing.
run_apply() {
  local arguments=("${paths[@]}" --auto-approve)
  if [ -n "$INPUT_PLAN_FILE" ]; then
    arguments=("$INPUT_PLAN_FILE" --manifest "${paths[@]}")
  elif [ "$INPUT_AUTO_APPROVE" != true ]; then
    code=3
    echo "There is no reviewed plan, so nothing is applied. The new plan follows." | summary
  fi
  if [ "$code" -eq 0 ]; then
    apply "${arguments[@]}"
    cat "$files/report.txt"
    # The summary has the messages only if apply was refused or failed.
    [ "$code" -eq 0 ] || block "$files/messages.txt" | summary
    block "$files/report.txt" | summary
  fi
  # Drift needs the plan that was applied last to tell drift from work in progress. It is kept with the journal.
  if [ "$code" -eq 0 ]; then
    rm -f "$applied"
    [ -z "$INPUT_PLAN_FILE" ] || cp "$INPUT_PLAN_FILE" "$applied"
  fi
  if [ "$code" -eq 3 ]; then
    echo "Nothing was written. A new plan follows: review it, then start this workflow manually to apply it." | summary
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
  if [ -f "$applied" ]; then
    printf '%s\n' "$applied"
  else
    wabacl journal --state-dir "$state" --format json |
      jq -r '[.journals[].runs[]] | sort_by(.at) | last | .plan_digest // empty'
  fi
}

run_drift() {
  local document=$files/drift.json since
  # The baseline: changes to the manifests since then are work in progress, not drift.
  since=$(last_applied)
  [ -z "$since" ] || more+=(--since "$since")
  wabacl drift "${paths[@]}" --state-dir "$state" --format json ${more[@]+"${more[@]}"} >"$document" || code=$?
  case $code in
    0 | 2 | 4)
      output_counts "$document"
      # A second run renders Markdown. It makes API calls only if there is something to show.
      if [ "$code" -ne 0 ]; then
        wabacl drift "${paths[@]}" --state-dir "$state" --format markdown ${more[@]+"${more[@]}"} >"$files/comment.md" || true
        cat "$files/comment.md"
      else
        echo "No drift. Live access matches the manifests." | tee "$files/comment.md"
      fi
      ;;
    *) no_plan "$code" ;;
  esac
  summary <"$files/comment.md"
  output comment-file "$files/comment.md"
}

check_config
take_secrets
files=$(folder)
state=$files/state
applied=$state/applied-$INPUT_CONFIG.json
code=0
read_lines <<<"$INPUT_ARGS"
more=(${lines[@]+"${lines[@]}"})
read_lines <<<"$INPUT_PATHS"
[ "${#lines[@]}" -gt 0 ] || fail "paths: expected at least one path"
paths=("${lines[@]}")

if [ "$INPUT_COMMAND" != validate ] && from_fork; then
  notice "Pull requests from forks get no secrets: the manifests are validated, but not planned."
  echo "Validated, but not planned: pull requests from forks get no secrets." | summary
  unset WABACL_TOKEN WABACL_APP_SECRET
  INPUT_COMMAND=validate
fi
case $INPUT_COMMAND in
  validate) run_validate ;;
  plan) run_plan ;;
  apply) run_apply ;;
  drift) run_drift ;;
  *) fail "command: expected validate, plan, apply or drift" 64 ;;
esac
output exit-code "$code"
