#!/usr/bin/env bash
# Copies the manifests of the base commit out of Git, for `--previous`: system users that were declared there and are no
# longer lose what they hold. The base is what was reviewed before: the merge base of a pull request, or what a push
# or a merge group followed. It counts only if the checked-out commit descends from it.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"
# shellcheck source=action/arguments.sh
source "$ACTION/action/arguments.sh"

# Ends the step without a base.
no_base() {
  warning "No base commit: $1. System users that the manifests no longer declare lose their access only if the journal's artifact lists them."
  exit 0
}

is_commit() {
  git cat-file -e "$1^{commit}" 2>/dev/null
}

# Ends the step unless the clone has commit $1.
require_commit() {
  is_commit "$1" || no_base "this clone does not have commit $1; set fetch-depth: 0 for actions/checkout"
}

# Sets `base` to the merge base of the pull request.
base_of_pull_request() {
  local onto head
  onto=$(event .pull_request.base.sha)
  head=$(event .pull_request.head.sha)
  require_commit "$onto"
  require_commit "$head"
  base=$(git merge-base "$onto" "$head") ||
    no_base "the pull request and its base branch have no commit in common; in a shallow clone, set fetch-depth: 0"
}

# Sets `base` to the commit that the branch had before the push.
base_of_push() {
  base=$(event .before)
  [ "$(event .forced)" != true ] || no_base "the push was forced"
  [[ ! $base =~ ^0*$ ]] || no_base "the push made a new branch"
}

# Sets `base` to the chosen commit, or to what the event says. Ends the step if the event has none: a schedule compares
# with the state, not with a commit.
choose_base() {
  if [ -n "$INPUT_BASE" ]; then
    base=$INPUT_BASE
    [[ $base =~ ^[0-9a-f]{40}([0-9a-f]{24})?$ ]] || fail "base: expected all digits of a commit, and not $(quoted "$base")" 64
  elif [ "$INPUT_COMMAND" = drift ]; then
    exit 0
  elif [ -n "$(event .pull_request.number)" ]; then
    base_of_pull_request
  elif [ "${GITHUB_EVENT_NAME:?}" = push ]; then
    base_of_push
  elif [ "$GITHUB_EVENT_NAME" = merge_group ]; then
    base=$(event .merge_group.base_sha)
  elif [ "$INPUT_COMMAND" = apply ]; then
    # Started by hand, after the merge. `^` is the first parent.
    base=$(git rev-parse --quiet --verify "HEAD^") ||
      no_base "this clone does not have the parent of the commit; set fetch-depth: 0 for actions/checkout"
  else
    exit 0
  fi
}

# Copies the regular files of tree listing $1 (NUL-separated, with paths from the top) below folder $2. $3 is a file that
# is meant alone: then only tables of WABAs, which it can name, are copied with it.
copy_files() {
  local entry mode object name
  while IFS= read -r -d '' entry; do
    read -r mode _ object <<<"${entry%%$'\t'*}"
    name=${entry#*$'\t'}
    [[ $mode == 100644 || $mode == 100755 ]] || continue
    [[ ! /$name/ =~ /\.\.?/ ]] || continue
    [[ -z $3 || $name == "$3" || $name == *.[cC][sS][vV] ]] || continue
    mkdir -p "$(dirname "$2/$name")"
    git cat-file blob "$object" >"$2/$name"
  done <"$1"
}

# Copies manifest path $1 of the base into folder $2, and appends it to the list of previous paths.
copy_path() {
  local path=$1 listing=$files/listing entry="" mode="" name="" only="" folder
  while [[ $path == */ && $path != / ]]; do path=${path%/}; done
  if [[ $path == . || $path == .. || $path == */. || $path == */.. ]]; then
    mode=040000
    name=$(cd "$path" && git rev-parse --show-prefix)
    name=${name%/}
  elif git ls-tree -z --full-name "$base" -- "$path" >"$listing" 2>/dev/null; then
    IFS= read -r -d '' entry <"$listing" || true
    mode=${entry%% *}
    name=${entry#*$'\t'}
  fi
  folder=$name
  case $mode in
    040000) ;;
    100644 | 100755)
      only=$name
      folder=""
      [[ $name != */* ]] || folder=${name%/*}
      ;;
    *)
      notice "Commit $base has no file or folder $path, so it says nothing about who was declared there."
      return 0
      ;;
  esac
  git ls-tree -r -z --full-tree "$base" ${folder:+-- "$folder"} >"$listing"
  copy_files "$listing" "$2" "$only"
  # A folder without regular files is not copied.
  [ ! -e "$2/$name" ] || printf '%s\n' "$2/$name" >>"$previous"
}

umask 077
case $INPUT_COMMAND in
  plan | apply | drift) ;;
  *) exit 0 ;;
esac
check_config
files=$(folder)
previous=$files/previous.txt
base=""
rm -rf "$files/previous"
: >"$previous"
if from_fork; then
  exit 0
fi
head=$(git rev-parse --verify "HEAD^{commit}" 2>/dev/null) || no_base "the manifests are not in a Git repository that git can read"
choose_base
require_commit "$base"
git merge-base --is-ancestor "$base" "$head" ||
  no_base "the checked-out commit $head does not descend from $base; in a shallow clone, set fetch-depth: 0"
read_paths
number=0
for path in "${paths[@]}"; do
  number=$((number + 1))
  copy_path "$path" "$files/previous/$number"
done
echo "The base is commit $base."
output base "$base"
output previous "$previous"
