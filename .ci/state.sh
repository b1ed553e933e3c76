#!/usr/bin/env bash
# Applies with a shared state on real stores while processes are killed and stopped.
#
#   .ci/state.sh PROGRAM FOLDER ROUNDS STORE...     stores: folder, s3 (moto), az (azurite)
#
# In each round an apply is killed or stopped at some moment, and another one takes its lease over. Afterwards nothing may be
# in flight or drift, and a process that goes on must notice that it lost the lease. PROGRAM is a debug build: its leases are
# 20 times shorter, or as many times as WABACL_TEST_LEASE_SPEED says: a slow machine needs longer ones.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=$1 folder=$2 rounds=$3
shift 3
readonly SERVERS=$PWD/target/ci/servers
export WABACL_TEST_LEASE_SPEED=${WABACL_TEST_LEASE_SPEED:-20} WABACL_TOKEN=quickstart-not-a-secret NO_COLOR=1
export XDG_STATE_HOME=$folder/machine
export AWS_ENDPOINT=http://127.0.0.1:5101 AWS_ALLOW_HTTP=true AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AZURE_STORAGE_USE_EMULATOR=true
started=()
trap 'kill "${started[@]}" 2>/dev/null || true' EXIT
rm -rf "$folder"
mkdir -p "$folder/access"
cp examples/quickstart/live.yaml "$folder/"

fail() {
  echo "$store, round $round: $1" >&2
  cat "$folder"/*.log >&2
  exit 1
}

# Waits until a command succeeds, for 20 seconds at most.
until_ok() {
  for _ in $(seq 200); do
    ! "$@" >/dev/null 2>&1 || return 0
    sleep 0.1
  done
  echo "never succeeded: $*" >&2
  return 1
}

# Starts the store of kind $1 and prints its URL into `url`.
start_store() {
  case $1 in
    folder) url=objects://$folder/objects ;;
    s3)
      "${SERVERS}/venv/bin/moto_server" -H 127.0.0.1 -p 5101 >"$folder/moto.out" 2>&1 &
      started+=($!)
      until_ok curl -sf -X PUT http://127.0.0.1:5101/state
      url=s3://state/access
      ;;
    az)
      node "${SERVERS}/npm/node_modules/azurite/dist/src/blob/main.js" --silent --location "$folder/azurite" \
        --blobHost 127.0.0.1 --blobPort 10000 --skipApiVersionCheck >"$folder/azurite.out" 2>&1 &
      started+=($!)
      until_ok python3 .ci/azure_container.py state
      url=az://state/access
      ;;
    *) echo "unknown store: $1" >&2; exit 64 ;;
  esac
}

# Starts the emulator with some latency, so that processes are killed in the middle.
"$program" emulator --world "$folder/live.yaml" --ephemeral --latency 60 >"$folder/graph-url" 2>/dev/null &
started+=($!)
until_ok test -s "$folder/graph-url"
graph=$(head -n 1 "$folder/graph-url")

# Writes the manifests of a round: the campaigns of one round are revoked in the next.
manifests() {
  cp examples/quickstart/access/*.yaml "$folder/access/"
  if [ $(($1 % 2)) -eq 1 ]; then
    sed -i '/name: campaigns/,$d' "$folder/access/access.yaml"
    sed -i '/min_holders/d' "$folder/access/access.yaml"
  fi
}

# Becomes the program, so that a signal to the subshell in which this is called is one to the program.
run() {
  exec "$program" "$@" "$folder/access" --graph-url "$graph" --state "$url" --today 2026-11-23 --concurrency 1 \
    --read-strategy direct --waba-calls-per-hour 100000
}

# Returns whether a write is in the journal as in flight, or process $1 has ended.
writes_or_ended() {
  [[ "$(ps -o stat= -p "$1")" =~ ^(Z|$) ]] || "$program" journal --last 1 --state "$url" | grep -q "in flight since"
}

for store in "$@"; do
  round=0 settled=0
  start_store "$store"
  for round in $(seq "$rounds"); do
    manifests "$round"
    run apply --auto-approve --waive max-removals >"$folder/first.log" 2>&1 &
    first=$!
    # Most of them are in the middle of their writes then.
    until_ok writes_or_ended "$first"
    sleep "0.$((RANDOM % 6))"
    signal=$([ $((round % 3)) -eq 0 ] && echo STOP || echo KILL)
    kill -"$signal" "$first" 2>/dev/null || true
    [ "$signal" = STOP ] || wait "$first" 2>/dev/null || true
    (run apply --auto-approve --waive max-removals) >"$folder/second.log" 2>&1 || fail "the second apply failed"
    ! grep -q "An earlier apply left" "$folder/second.log" || settled=$((settled + 1))
    if [ "$signal" = STOP ]; then
      kill -CONT "$first" 2>/dev/null || true
      code=0
      wait "$first" || code=$?
      case $code in
        0 | 1 | 4) ;;
        *) fail "the stopped apply ended with $code" ;;
      esac
      # It may only end well if it had ended before it was stopped.
      [ "$code" -eq 0 ] || grep -q "another run has taken the lease" "$folder/first.log" ||
        fail "the stopped apply does not say why it ended"
    fi
    (run plan --detailed-exitcode) >"$folder/plan.log" 2>&1 || fail "something is left to do"
    "$program" journal --state "$url" >"$folder/journal.log" 2>&1
    ! grep -q "in flight since" "$folder/journal.log" || fail "a write is in flight to the end"
  done
  echo "$store: $rounds rounds, $settled with writes left in flight; $("$program" journal --state "$url" | tail -n 1)"
done
