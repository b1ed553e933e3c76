#!/usr/bin/env bash
# Finds wabacl: the program on the path if no version is requested, else the release for this runner, whose checksum
# and provenance are verified.
set -euo pipefail
# shellcheck source=action/common.sh
source "${ACTION:?}/action/common.sh"

# Prints the Rust target of this runner, as release files name it.
target() {
  case "${RUNNER_OS:?}-${RUNNER_ARCH:?}" in
    Linux-X64) echo x86_64-unknown-linux-musl ;;
    Linux-ARM64) echo aarch64-unknown-linux-musl ;;
    macOS-X64) echo x86_64-apple-darwin ;;
    macOS-ARM64) echo aarch64-apple-darwin ;;
    Windows-X64) echo x86_64-pc-windows-msvc ;;
    *) fail "no release for $RUNNER_OS on $RUNNER_ARCH: put wabacl on the path" ;;
  esac
}

# Prints the version of wabacl in this action's repository.
own_version() {
  sed -n '/^\[package\]/,/^\[[^p]/ s/^version = "\(.*\)"$/\1/p' "$ACTION/Cargo.toml"
}

# Compares a file in this folder with its line in the list of checksums. Fails if it has no line.
verify_checksum() {
  local line
  line=$(grep -E "^[0-9a-f]{64} [ *]$1\$" SHA256SUMS) || fail "the release has no checksum for $1"
  if command -v sha256sum >/dev/null; then
    sha256sum --check --strict - <<<"$line"
  else
    shasum -a 256 --check --strict - <<<"$line"
  fi
}

if [ -z "$INPUT_VERSION" ] && command -v wabacl >/dev/null; then
  echo "Using $(command -v wabacl): $(wabacl --version)"
  exit 0
fi

version=${INPUT_VERSION:-$(own_version)}
version=${version#v}
repository=${INPUT_REPOSITORY:-${ACTION_REPOSITORY:-}}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+([-.+][0-9A-Za-z.-]+)?$ ]] || fail "version: expected a version such as 1.2.3"
[ -n "$repository" ] || fail "repository: name the repository of the releases, or put wabacl on the path"

name=wabacl-$version-$(target)
mkdir -p "${RUNNER_TEMP:?}/wabacl-$version"
cd "$RUNNER_TEMP/wabacl-$version"
gh release download "v$version" --repo "$repository" --pattern "$name.tar.gz" --pattern SHA256SUMS --clobber
verify_checksum "$name.tar.gz" || fail "the checksum of $name.tar.gz is wrong"
# Whoever can replace the file can replace its checksum too. The provenance proves who built it from which commit.
gh attestation verify "$name.tar.gz" --repo "$repository" \
  --signer-workflow "$repository/.github/workflows/release.yml" --source-ref "refs/tags/v$version" ||
  fail "the provenance of $name.tar.gz could not be verified"
tar -xzf "$name.tar.gz"
printf '%s\n' "$PWD/$name" >>"${GITHUB_PATH:?}"
echo "Using $("$PWD/$name/wabacl" --version) of $repository"
