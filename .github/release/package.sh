#!/usr/bin/env bash
# Builds the program for a Rust target and packs it.
#
#   .github/release/package.sh TARGET FOLDER
#
# Writes FOLDER/wabacl-VERSION-TARGET.tar.gz. On Linux, STATIC=1 links the C library statically, as musl targets always
# do, and the script fails if the program still needs a shared library.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)

version=$(sed -n '/^\[package\]/,/^\[[^p]/ s/^version = "\(.*\)"$/\1/p' Cargo.toml)
name=wabacl-$version-$target
program=wabacl
[[ $target != *-windows-* ]] || program=wabacl.exe

# Two builds of a commit must be identical, so paths and timestamps of the build are removed.
flags="--remap-path-prefix=$PWD=. --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
[ "${STATIC:-}" != 1 ] || flags+=" -C target-feature=+crt-static"
# Without symbols the program is a fifth smaller. Set for the program alone: the crates need not be built again.
RUSTFLAGS="${RUSTFLAGS:-} $flags" cargo rustc --release --locked --target "$target" --bin wabacl -- -C strip=symbols

built=${CARGO_TARGET_DIR:-target}/$target/release/$program
if [ "${STATIC:-}" = 1 ] || [[ $target == *-musl ]]; then
  # The exit status and the messages of `ldd` for static programs differ between C libraries.
  if ldd "$built" 2>/dev/null | grep -q '=>'; then
    echo "$built is not static" >&2
    exit 1
  fi
fi

rm -rf "${out:?}/$name"
mkdir "$out/$name"
cp "$built" README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$out/$name/"
# The program runs here: each target is built on its own system.
"$built" man "$out/$name/man" 2>/dev/null
mkdir "$out/$name/completions"
for shell in bash zsh fish powershell; do
  "$built" completions "$shell" >"$out/$name/completions/wabacl.$shell"
done
if tar --version | grep -q GNU; then
  tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" |
    gzip -n -9 >"$out/$name.tar.gz"
else
  tar -C "$out" -czf "$out/$name.tar.gz" "$name"
fi
rm -r "${out:?}/$name"
echo "$out/$name.tar.gz"
