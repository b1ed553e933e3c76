#!/usr/bin/env bash
# Functions that turn inputs into arguments of wabacl. An input can hold anything, also what somebody typed into a form:
# each line becomes one argument, and only known ones are taken.

# The codes of the guards that `--waive` takes.
readonly GUARDS="max-removals min-holders self protected-user not-permitted test no-new-access admin-row"

# Reads the non-blank lines of standard input into the array `lines`. (The bash of macOS has no mapfile.)
read_lines() {
  local line
  lines=()
  while IFS= read -r line; do
    [[ $line =~ ^[[:space:]]*$ ]] || lines+=("$line")
  done
}

# Prints the first 60 characters of a value for a message. 60 is a guess.
quoted() {
  printf '"%s"' "${1:0:60}"
}

# Reads the paths of the manifests into the array `paths`.
read_paths() {
  local path
  read_lines <<<"$INPUT_PATHS"
  [ "${#lines[@]}" -gt 0 ] || fail "paths: expected at least one path" 64
  for path in "${lines[@]}"; do
    [[ $path != -* ]] || fail "paths: expected a path, and not the option $(quoted "$path"); a path can begin with ./" 64
  done
  # shellcheck disable=SC2034 # run.sh passes them
  paths=("${lines[@]}")
}

# Fails for an option that `args` must not hold, and says why.
refuse_option() {
  case $1 in
    --waive) fail "args: $1 has an input of its own, waive" 64 ;;
    --emulate | --emulate-fresh) fail "args: $1 is not taken; to try things out, use the input emulate" 64 ;;
    --graph-url | --graph-version | --allow-host | --ca-file | --token-file | --app-secret-file)
      fail "args: $1 is not taken, because it chooses where the token goes or comes from" 64
      ;;
    --format | --out | --save | --state-dir | --state | --manifest | --reviewed | --newest | --previous | --since | \
      --auto-approve | --detailed-exitcode)
      fail "args: $1 is not taken, because the action sets it" 64
      ;;
    -*) fail "args: $(quoted "$1") is not an option that $INPUT_COMMAND takes here; docs/github.md lists those" 64 ;;
    *) fail "args: expected one option on each line, with its value after =, such as --waba=acme-*, and not $(quoted "$1")" 64 ;;
  esac
}

# Reads `args` and the emulator's file into the array `more`, and what only apply takes into `apply_only`. Takes only
# options that decide neither where requests and secrets go nor which files are read or written. An option that a later
# version adds is refused until it is listed here.
read_args() {
  local line
  more=() apply_only=()
  read_lines <<<"$INPUT_ARGS"
  for line in ${lines[@]+"${lines[@]}"}; do
    case $INPUT_COMMAND:${line%%=*} in
      *:--waba | *:--user | *:--only | *:--today | *:--now | *:--color | *:--verbose | *:-v | *:-vv) ;;
      *:--concurrency | *:--read-strategy | *:--waba-calls-per-hour | *:--max-wait | *:--timeout) ;;
      plan:--group-by | apply:--group-by | plan:--no-new-access | apply:--no-new-access | drift:--expiring) ;;
      apply:--grace | apply:--no-wait | apply:--max-plan-age | apply:--origin)
        apply_only+=("$line")
        continue
        ;;
      *) refuse_option "${line%%=*}" ;;
    esac
    more+=("$line")
  done
  [ -z "$INPUT_EMULATE" ] || more+=("--emulate=$INPUT_EMULATE")
}

# Appends what the run comes from to the array `apply_only`, unless `args` says so itself. The environment of the run tells
# wabacl the rest.
read_origin() {
  local entry
  for entry in "pull_request=$INPUT_PULL_REQUEST" "approver=$INPUT_APPROVER"; do
    [ -n "${entry#*=}" ] || continue
    [[ " ${apply_only[*]-}" == *" --origin=${entry%%=*}="* ]] || apply_only+=("--origin=$entry")
  done
}

# Appends `--previous` for each line of the list that base.sh wrote to the array `more`.
read_previous() {
  local path
  [ -n "$INPUT_PREVIOUS" ] || return 0
  while IFS= read -r path; do
    more+=(--previous "$path")
  done <"$INPUT_PREVIOUS"
}

# Reads the waivers, separated by lines or commas, and appends `--waive` for each to the array `more`.
read_waivers() {
  local waiver code LC_ALL=C
  read_lines < <(tr , '\n' <<<"$INPUT_WAIVE")
  [[ ${#lines[@]} -eq 0 || $INPUT_COMMAND =~ ^(plan|apply)$ ]] || fail "waive: only plan and apply have guards" 64
  for waiver in ${lines[@]+"${lines[@]}"}; do
    waiver=${waiver#"${waiver%%[! ]*}"}
    waiver=${waiver%"${waiver##*[! ]}"}
    [[ $waiver =~ ^[a-z-]+(=[A-Za-z0-9][A-Za-z0-9\ ._@-]{0,99})?$ ]] ||
      fail "waive: expected the code of a guard, or CODE=NAME with letters, digits, spaces and ._@- in the name (for other names, give the id), and not $(quoted "$waiver")" 64
    code=${waiver%%=*}
    [[ " $GUARDS " == *" $code "* ]] ||
      fail "waive: $(quoted "$code") is not a guard; the guards are ${GUARDS// /, }" 64
    more+=("--waive=$waiver")
  done
}
