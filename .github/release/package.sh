#!/usr/bin/env bash
# Builds the program for a target and packs it, as the release does.
#
#   .github/release/package.sh TARGET FOLDER
#
# FOLDER gets wabacl-VERSION-TARGET.tar.gz. On Linux, STATIC=1 links the C library in, which musl always does; the
# program that comes of it must then need no other file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)

version=$(sed -n '/^\[package\]/,/^\[[^p]/ s/^version = "\(.*\)"$/\1/p' Cargo.toml)
name=wabacl-$version-$target
program=wabacl
[[ $target != *-windows-* ]] || program=wabacl.exe

# Two builds of the same commit are to be the same: no path of this machine, no time.
flags="--remap-path-prefix=$PWD=. --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
[ "${STATIC:-}" != 1 ] || flags+=" -C target-feature=+crt-static"
RUSTFLAGS="${RUSTFLAGS:-} $flags" cargo build --release --locked --target "$target" --bin wabacl

built=${CARGO_TARGET_DIR:-target}/$target/release/$program
if [ "${STATIC:-}" = 1 ] || [[ $target == *-musl ]]; then
  # `ldd` tells that there is nothing to load by its exit status and by its words, which differ from libc to libc.
  if ldd "$built" 2>/dev/null | grep -q '=>'; then
    echo "$built is not static" >&2
    exit 1
  fi
fi

rm -rf "${out:?}/$name"
mkdir "$out/$name"
cp "$built" README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$out/$name/"
if tar --version | grep -q GNU; then
  tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" |
    gzip -n -9 >"$out/$name.tar.gz"
else
  tar -C "$out" -czf "$out/$name.tar.gz" "$name"
fi
rm -r "${out:?}/$name"
echo "$out/$name.tar.gz"
