#!/usr/bin/env bash
# Functions that the action's scripts share: communication with the runner, and the event.

# Sets an output of the step. Line breaks in the value become spaces.
output() {
  printf '%s=%s\n' "$1" "${2//$'\n'/ }" >>"$GITHUB_OUTPUT"
}

# Prints a workflow command. Escapes the text.
workflow_command() {
  local text=${2//'%'/%25}
  text=${text//$'\r'/%0D}
  printf '::%s::%s\n' "$1" "${text//$'\n'/%0A}"
}

notice() { workflow_command notice "$1"; }
warning() { workflow_command warning "$1"; }

# Fails the step with an error message on the run's page. The default exit status is 1.
# The message goes to stderr, so it is not taken for the output of a function.
fail() {
  workflow_command error "$1" >&2
  exit "${2:-1}"
}

# Prints standard input to the log as mere text. It can hold names from anywhere, and the runner takes `##[COMMAND]` in the
# middle of a line for a workflow command.
inert() {
  local token
  token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  workflow_command stop-commands "$token"
  cat
  echo
  workflow_command "$token" ""
}

# Copies lines, and makes all workflow commands inert but those that begin a line: wabacl writes these, with their text
# escaped.
defuse() {
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    [[ $line == ::* ]] || line=${line//'##['/'# #['}
    [[ ! $line =~ ^[[:space:]]+:: ]] || line="|$line"
    printf '%s\n' "$line"
  done
}

# Appends standard input to the summary of the job.
summary() {
  cat >>"${GITHUB_STEP_SUMMARY:?}"
}

# Prints file $1 as a Markdown code block that nothing in the file can end, without workflow commands. Cuts it after
# 400,000 bytes: GitHub limits a summary to 1 MiB, and two blocks must fit (a guess).
block() {
  local text fence='```'
  text=$(head -c 400000 "$1" | sed '/^[[:space:]]*::/d')
  while [[ $text == *"$fence"* ]]; do
    fence+='`'
  done
  printf '\n%stext\n%s\n%s\n\n' "$fence" "$text" "$fence"
  [ "$(wc -c <"$1")" -le 400000 ] || printf 'The log shows the rest.\n\n'
}

# Fails unless the configuration's name can be part of a marker, a file name and an artifact name.
check_config() {
  [[ $INPUT_CONFIG =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]] ||
    fail "config: expected up to 64 letters, digits, dots, dashes and underscores, starting with a letter or digit"
}

# Succeeds if machines share the state: then it holds the journal, the inventories and the plans, and no artifact does.
shared_state() {
  case ${WABACL_STATE:-} in
    "" | file:*) false ;;
    *) true ;;
  esac
}

# Prints the name under which the state keeps the plan of commit $1. A run that is not for a pull request plans to replace a refused
# plan of the same commit.
plan_name() {
  local again=""
  case ${GITHUB_EVENT_NAME:?} in
    pull_request | merge_group) ;;
    push) [ "${2:-}" = reviewed ] || again=-again ;;
    *) again=-again ;;
  esac
  printf '%s-%s%s\n' "$INPUT_CONFIG" "$1" "$again"
}

# Creates and prints the folder for this configuration's files during the job.
folder() {
  local folder=${RUNNER_TEMP:?}/wabacl/$INPUT_CONFIG
  mkdir -p "$folder"
  printf '%s\n' "$folder"
}

# Prints a field of the event, or nothing if it is missing.
event() {
  jq -r "$1 // empty" "${GITHUB_EVENT_PATH:?}"
}

# Succeeds if this is a pull request from a fork. Its code must not see secrets.
from_fork() {
  [ -n "$(event .pull_request.number)" ] &&
    [ "$(event .pull_request.head.repo.full_name)" != "${GITHUB_REPOSITORY:?}" ]
}

# Prints the head commit of the pull request rather than GitHub's test merge; else the commit of the run.
reviewed_commit() {
  local head
  head=$(event .pull_request.head.sha)
  printf '%s\n' "${head:-${GITHUB_SHA:?}}"
}

# Prints the URL of this run.
run_url() {
  printf '%s/%s/actions/runs/%s\n' "${GITHUB_SERVER_URL:?}" "$GITHUB_REPOSITORY" "${GITHUB_RUN_ID:?}"
}

# Reads pages of comments or issues and prints the first that this action wrote with marker $1.
first_own() {
  jq -s --arg marker "$1" --arg author "$INPUT_COMMENT_AUTHOR" '
    [.[][] | select(.pull_request == null and .user.login == $author)
           | select((.body // "") | gsub("\r"; "") | startswith($marker + "\n"))]
    | sort_by(.number // .id) | first // empty'
}
