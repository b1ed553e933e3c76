#!/usr/bin/env bash
# Builds a static program and packs it as a release does, then installs each package into a clean folder and follows the
# quickstart with it.
#
#   .ci/packages/run.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=.ci/packages folder=$1
venv=$(dirname "$WABACL_PYTHON")/..

# Runs the quickstart with program $2, the one that package $1 installed, and names both.
follow() {
  local version
  version=$("$2" --version)
  [ "$version" = "wabacl $release" ] || { echo "$1: $version, expected wabacl $release" >&2; exit 1; }
  .ci/quickstart.sh "$2" "$work/quickstart-$1" >"$work/$1.txt" 2>&1 || { cat "$work/$1.txt" >&2; exit 1; }
  echo "$1: ok, $2"
}

# Runs a command as root, with what the checks of this machine are allowed to.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo --non-interactive "$@"; fi
}

# The layout that `cargo binstall` expects of an archive.
try_archive() {
  "$WABACL_PYTHON" $here/binstall.py "$folder"/wabacl-*.tar.gz
  mkdir "$work/archive"
  tar -xzf "$folder"/wabacl-*.tar.gz -C "$work/archive" --strip-components=1
  follow archive "$work/archive/wabacl"
}

# W007: the wheel has no Python code.
try_wheel() {
  "$WABACL_PYTHON" $here/wheel.py "$folder"/pypi/*.whl
  "$venv/bin/check-wheel-contents" --ignore W007 "$folder"/pypi/*.whl
  python3 -m venv "$work/pip"
  "$work/pip/bin/python" -m pip install --quiet --no-index --find-links "$folder/pypi" wabacl
  follow pip "$work/pip/bin/wabacl"
  UV_CACHE_DIR=$work/uv UV_TOOL_DIR=$work/tools UV_TOOL_BIN_DIR=$work/uv-bin "$venv/bin/uv" tool install --quiet \
    --no-index --find-links "$folder/pypi" wabacl
  follow uv "$work/uv-bin/wabacl"
}

try_npm() {
  "$WABACL_PYTHON" $here/npm.py "$folder/npm" "$work/npm" >"$work/npm.txt"
  cat "$work/npm.txt"
  follow npm "$work/npm/fast/node_modules/.bin/wabacl"
  follow npm-launcher "$work/npm/plain/node_modules/.bin/wabacl"
}

try_deb() {
  local root=$work/deb
  lintian --allow-root --fail-on error,warning "$folder"/*.deb
  mkdir -p "$root/var/lib/dpkg"
  touch "$root/var/lib/dpkg/status"
  # The dependency on ca-certificates is outside of the folder.
  as_root dpkg --root="$root" --log=/dev/null --force-depends --install "$folder"/*.deb >/dev/null
  as_root dpkg --root="$root" --verify wabacl
  bash -n "$root/usr/share/bash-completion/completions/wabacl"
  gzip -t "$root"/usr/share/man/man1/wabacl-{plan,apply,drift}.1.gz
  follow deb "$root/usr/bin/wabacl"
}

try_formula() {
  ruby $here/formula.rb "$folder/wabacl.rb" "$folder" "$work/homebrew"
  test -s "$work/homebrew/share/man/man1/wabacl-plan.1"
  test -s "$work/homebrew/etc/bash_completion.d/wabacl"
  follow formula "$work/homebrew/bin/wabacl"
}

# The image contains the program and what its base has. Of that, the program needs only the CA certificates.
try_image() {
  local root=$work/image certificates=etc/ssl/certs/ca-certificates.crt
  mkdir -p "$root/usr/local/bin" "$root/manifests" "$root/tmp" "$root/${certificates%/*}"
  cp "/$certificates" "$root/$certificates"
  cp "$work/archive/wabacl" "$root/usr/local/bin/"
  cp -R examples/quickstart/. "$root/manifests/"
  printf '#!/bin/sh\nexec %s chroot "%s" /usr/local/bin/wabacl "$@"\n' "$([ "$(id -u)" -eq 0 ] || echo "sudo --non-interactive")" "$root" >"$work/in-image"
  chmod +x "$work/in-image"
  for verb in plan "apply --auto-approve" drift; do
    # shellcheck disable=SC2086 # an option
    "$work/in-image" ${verb%% *} /manifests/access --emulate /manifests/live.yaml ${verb#"${verb%% *}"} >"$work/image.txt" 2>"$work/image-messages.txt"
  done
  grep -q '^No drift' "$work/image.txt"
  echo "image: ok, with CA certificates and no other file"
}

rm -rf "$folder"
STATIC=1 .github/release/package.sh "$(rustc -vV | sed -n 's/^host: //p')" "$folder"
.github/release/packages/pack "$folder"
.github/release/checksums.sh "$folder"
work=$(cd "$folder" && pwd)/try
mkdir "$work"
folder=$(cd "$folder" && pwd)
release=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
"$WABACL_PYTHON" $here/platforms.py "$work/platforms"
for package in archive wheel npm deb formula image; do
  "try_$package"
done
