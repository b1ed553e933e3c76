#!/usr/bin/env bash
# Runs wabacl once, writes the summary of the job, and sets the outputs. What wabacl ended with is an output too: the
# step itself goes on, so that plan, journal and comment are kept whatever happened.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"

# Takes the secrets out of the inputs: into the environment of wabacl alone, and out of the log.
take_secrets() {
  if [ -n "$INPUT_TOKEN" ]; then
    command_of_runner add-mask "$INPUT_TOKEN"
    export WABACL_TOKEN=$INPUT_TOKEN
  fi
  if [ -n "$INPUT_APP_SECRET" ]; then
    command_of_runner add-mask "$INPUT_APP_SECRET"
    export WABACL_APP_SECRET=$INPUT_APP_SECRET
  fi
  unset INPUT_TOKEN INPUT_APP_SECRET
}

# Shows a file as a block of code in which nothing is markup. A summary has a limit, so what is long is cut.
block() {
  sed -e '/^::/d' -e 's/^/    /' -e '2000q' "$1"
  [ "$(wc -l <"$1")" -le 2000 ] || printf '\nThe log has the rest.\n'
  echo
}

# Reads lines into the array `lines`, empty ones left out. (The bash of macOS has no mapfile.)
read_lines() {
  local line
  lines=()
  while IFS= read -r line; do
    [[ $line =~ ^[[:space:]]*$ ]] || lines+=("$line")
  done
}

# Sets the outputs that count, from a document of `--format json`.
outputs_of() {
  local of
  for of in assign change revoke; do
    output "$of" "$(jq -r ".summary.$of" "$1")"
  done
  output violations "$(jq -r '.violations | length' "$1")"
  output has-changes "$(jq -r '.summary | .assign + .change + .revoke > 0' "$1")"
}

# Tells on the pull request that there is no plan for its head: the one of an earlier push would mislead.
no_plan() {
  {
    echo "### No plan for $(reviewed_commit)"
    echo
    echo "wabacl ended with $1: see [the run]($(run_url))."
  } >"$kept/comment.md"
}

run_validate() {
  wabacl validate "${paths[@]}" --format github || code=$?
  wabacl validate "${paths[@]}" --format text >"$kept/validate.txt" 2>&1 || true
  block "$kept/validate.txt" | summary
}

# Makes and saves a plan, shows it, and leaves in `ended` what wabacl ended with. $1: the file.
plan_into() {
  ended=0
  rm -f "$1"
  wabacl plan "${paths[@]}" --state-dir "$state" --out "$1" --detailed-exitcode ${more[@]+"${more[@]}"} || ended=$?
  if [ -f "$1" ]; then
    wabacl show "$1" --format json >"$kept/plan-document.json"
    wabacl show "$1" --format github
    wabacl show "$1" --format markdown | tee "$kept/comment.md" | summary
    outputs_of "$kept/plan-document.json"
    output plan-file "$1"
    output plan-artifact "wabacl-plan-$INPUT_CONFIG-$(reviewed_commit)"
  else
    no_plan "$ended"
    summary <"$kept/comment.md"
  fi
}

run_plan() {
  plan_into "$kept/plan.json"
  code=$ended
  output comment-file "$kept/comment.md"
}

# Runs `wabacl apply` and leaves in `code` what it ended with; the report and what was said go to files as well. A
# runner that breaks off tells only this shell, so what it tells is handed on: wabacl then lets finish what is in flight.
apply() {
  local child said broken_off
  exec 4> >(tee "$kept/talk.txt" >&2)
  said=$!
  wabacl apply "$@" --state-dir "$state" ${more[@]+"${more[@]}"} >"$kept/report.txt" 2>&4 &
  child=$!
  exec 4>&-
  trap 'broken_off=yes; kill -TERM "$child" || true' INT TERM
  # A signal ends the wait, not the child.
  broken_off=yes
  while [ -n "$broken_off" ]; do
    broken_off="" ended=0
    wait "$child" || ended=$?
  done
  trap - INT TERM
  code=$ended
  wait "$said" || true
}

# Applies the plan that was reviewed. Where that is refused, or there is none, a fresh one is made and nothing done.
run_apply() {
  local ran=("${paths[@]}" --auto-approve)
  if [ -n "$INPUT_PLAN_FILE" ]; then
    ran=("$INPUT_PLAN_FILE" --manifest "${paths[@]}")
  elif [ "$INPUT_AUTO_APPROVE" != true ]; then
    code=3
    echo "No plan was reviewed: nothing is applied. This is what there is to do." | summary
  fi
  if [ "$code" -eq 0 ]; then
    apply "${ran[@]}"
    cat "$kept/report.txt"
    # What was said is worth a line in the summary where it was refused or failed.
    [ "$code" -eq 0 ] || block "$kept/talk.txt" | summary
    block "$kept/report.txt" | summary
  fi
  # Drift is told from work in progress by the plan that was applied last: it goes with the journal.
  if [ "$code" -eq 0 ]; then
    rm -f "$applied"
    [ -z "$INPUT_PLAN_FILE" ] || cp "$INPUT_PLAN_FILE" "$applied"
  fi
  if [ "$code" -eq 3 ]; then
    echo "Nothing was written. A fresh plan follows; review it, and start this workflow by hand to apply it." | summary
    plan_into "$kept/plan.json"
    if [ "$ended" -eq 0 ]; then
      notice "Nothing is left to do: live access is as the manifests say."
      code=0
      # What changes nothing is not worth keeping.
      output plan-file ""
    fi
  fi
}

# Prints the plan that was applied last: its file, or its digest as the journal has it, or nothing.
last_applied() {
  if [ -f "$applied" ]; then
    printf '%s\n' "$applied"
  else
    wabacl journal --state-dir "$state" --format json |
      jq -r '[.journals[].runs[]] | sort_by(.at) | last | .plan_digest // empty'
  fi
}

run_drift() {
  local document=$kept/drift.json since
  # Tells what moved from what the manifests ask for only since.
  since=$(last_applied)
  [ -z "$since" ] || more+=(--since "$since")
  wabacl drift "${paths[@]}" --state-dir "$state" --format json ${more[@]+"${more[@]}"} >"$document" || code=$?
  case $code in
    0 | 2 | 4)
      outputs_of "$document"
      # Read again for people; it costs calls only where there is something to show.
      if [ "$code" -ne 0 ]; then
        wabacl drift "${paths[@]}" --state-dir "$state" --format markdown ${more[@]+"${more[@]}"} >"$kept/comment.md" || true
        cat "$kept/comment.md"
      else
        echo "No drift. Live access matches the manifests." | tee "$kept/comment.md"
      fi
      ;;
    *) no_plan "$code" ;;
  esac
  summary <"$kept/comment.md"
  output comment-file "$kept/comment.md"
}

check_config
take_secrets
kept=$(folder)
state=$kept/state
applied=$state/applied-$INPUT_CONFIG.json
code=0
read_lines <<<"$INPUT_ARGS"
more=(${lines[@]+"${lines[@]}"})
read_lines <<<"$INPUT_PATHS"
[ "${#lines[@]}" -gt 0 ] || fail "paths: name at least one"
paths=("${lines[@]}")

if [ "$INPUT_COMMAND" != validate ] && from_fork; then
  notice "This pull request comes from a fork, which gets no secrets: its manifests are validated, not planned."
  echo "Validated only: pull requests from forks get no secrets." | summary
  unset WABACL_TOKEN WABACL_APP_SECRET
  INPUT_COMMAND=validate
fi
case $INPUT_COMMAND in
  validate) run_validate ;;
  plan) run_plan ;;
  apply) run_apply ;;
  drift) run_drift ;;
  *) fail "command: validate, plan, apply or drift" 64 ;;
esac
output exit-code "$code"
