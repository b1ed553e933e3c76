#!/usr/bin/env bash
# What the parts of the action share: how they speak to the runner, and where they keep files.

# Sets an output of the step. Values of more than one line would need another form, and none here has one.
output() {
  printf '%s=%s\n' "$1" "${2//$'\n'/ }" >>"$GITHUB_OUTPUT"
}

# Prints a workflow command. The text may hold anything.
command_of_runner() {
  local text=${2//'%'/%25}
  text=${text//$'\r'/%0D}
  printf '::%s::%s\n' "$1" "${text//$'\n'/%0A}"
}

notice() { command_of_runner notice "$1"; }
warning() { command_of_runner warning "$1"; }

# Ends the step with an error that stands on the run's page.
fail() {
  command_of_runner error "$1"
  exit "${2:-1}"
}

# Puts text into the summary of the job.
summary() {
  cat >>"${GITHUB_STEP_SUMMARY:?}"
}

# Makes sure that the name of the configuration can be part of a marker, a file and an artifact.
check_config() {
  [[ $INPUT_CONFIG =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]] ||
    fail "config: letters, digits, dots, dashes and underscores, up to 64"
}

# Prints the folder for what this configuration keeps during the job.
folder() {
  local folder=${RUNNER_TEMP:?}/wabacl/$INPUT_CONFIG
  mkdir -p "$folder"
  printf '%s\n' "$folder"
}

# Prints a field of the event, or nothing.
event() {
  jq -r "$1 // empty" "${GITHUB_EVENT_PATH:?}"
}

# Tells whether this is a pull request whose code is from elsewhere, so that no secret may come near it.
from_fork() {
  [ -n "$(event .pull_request.number)" ] &&
    [ "$(event .pull_request.head.repo.full_name)" != "${GITHUB_REPOSITORY:?}" ]
}

# Prints the commit that people see: the head of the pull request, not the merge that GitHub made of it.
reviewed_commit() {
  local head
  head=$(event .pull_request.head.sha)
  printf '%s\n' "${head:-${GITHUB_SHA:?}}"
}

# Prints the address of this run.
run_url() {
  printf '%s/%s/actions/runs/%s\n' "${GITHUB_SERVER_URL:?}" "$GITHUB_REPOSITORY" "${GITHUB_RUN_ID:?}"
}

# Prints the first entry of a list from the API that this action wrote for this configuration.
# $1 is the marker; the list comes in, page by page.
ours() {
  jq -s --arg marker "$1" --arg author "$INPUT_COMMENT_AUTHOR" '
    [.[][] | select(.pull_request == null and .user.login == $author)
           | select((.body // "") | gsub("\r"; "") | startswith($marker + "\n"))]
    | sort_by(.number // .id) | first // empty'
}
