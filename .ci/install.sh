#!/usr/bin/env bash
# Installs tools that the checks need, pinned, below target/ci. Returns at once for those that are installed.
#
#   .ci/install.sh TOOL...     just, cargo-deny, python, node, servers, promtool, chromium, lintian or ruby
#
# promtool, Chromium, lintian and Ruby are Debian packages: root installs them, and so does sudo where CI=true.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly JUST_VERSION=1.59.0
readonly CARGO_DENY_VERSION=0.20.2
readonly TOOLS=$PWD/target/ci
export PATH="$TOOLS/cargo/bin:$PATH"
export PIP_DISABLE_PIP_VERSION_CHECK=1
mkdir -p "$TOOLS"

# Installs version $2 of crate $1 unless the program prints exactly that version.
crate() {
  [[ "$("$1" --version 2>/dev/null)" != *" $2" ]] || return 0
  cargo install "$1" --quiet --locked --version "$2" --root "$TOOLS/cargo" --target-dir "$TOOLS/build"
  rm -rf "$TOOLS/build"
  "$1" --version
}

# Installs the packages that .ci/requirements.txt pins into a virtual environment.
python_packages() {
  local venv=$TOOLS/venv
  ! cmp -s .ci/requirements.txt "$venv/installed.txt" || return 0
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --requirement .ci/requirements.txt
  "$venv/bin/python" -m pip check
  cp .ci/requirements.txt "$venv/installed.txt"
}

# Installs the packages that .ci/npm/package-lock.json pins, without their install scripts.
node_packages() {
  local folder=$TOOLS/npm
  ! cmp -s .ci/npm/package-lock.json "$folder/installed.json" || return 0
  mkdir -p "$folder"
  cp .ci/npm/package.json .ci/npm/package-lock.json "$folder/"
  npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund
  cp .ci/npm/package-lock.json "$folder/installed.json"
}

# Installs the emulators of object stores, which have many dependencies, in an environment of their own.
servers() {
  local folder=$TOOLS/servers
  ! cmp -s .ci/servers.txt "$folder/installed.txt" || return 0
  rm -rf "$folder"
  python3 -m venv "$folder/venv"
  "$folder/venv/bin/python" -m pip install --quiet "moto[server]==$(sed -n 's/^moto //p' .ci/servers.txt)"
  npm install --prefix "$folder/npm" --ignore-scripts --no-audit --no-fund --silent \
    "azurite@$(sed -n 's/^azurite //p' .ci/servers.txt)"
  cp .ci/servers.txt "$folder/installed.txt"
}

# Installs Debian package $2 unless program $1 is on the path.
debian_package() {
  local as_root=()
  ! command -v "$1" >/dev/null || return 0
  if [ "$(id -u)" -ne 0 ]; then
    [ "${CI:-}" = true ] || { echo "$1 is missing: install the Debian package $2" >&2; exit 1; }
    as_root=(sudo --non-interactive)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "$2" >/dev/null
  "$1" --version
}

for tool in "$@"; do
  case $tool in
    just) crate just "$JUST_VERSION" ;;
    cargo-deny) crate cargo-deny "$CARGO_DENY_VERSION" ;;
    python) python_packages ;;
    node) node_packages ;;
    servers) servers ;;
    promtool) debian_package promtool prometheus ;;
    chromium) debian_package chromium chromium ;;
    lintian) debian_package lintian lintian ;;
    ruby) debian_package ruby ruby ;;
    *) echo "unknown tool: $tool" >&2; exit 64 ;;
  esac
done
