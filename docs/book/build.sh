#!/usr/bin/env bash
# Builds the documentation site in FOLDER/html: the pages of this repository, and a reference that is written from the
# program's help and schemas each time, so that it is never out of date.
#
#   docs/book/build.sh PROGRAM FOLDER
#
# Needs mdbook and Python 3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
program=$1 folder=$2

rm -rf "$folder"
mkdir -p "$folder/src/docs" "$folder/src/examples"
cp docs/book/book.toml docs/book/site.css "$folder/"
# Links between files of the repository are the same in the book.
cp ./*.md LICENSE-* action.yml justfile "$folder/src/"
cp docs/*.md "$folder/src/docs/"
cp -R examples/quickstart "$folder/src/examples/"
python3 docs/book/reference.py "$program" docs/book/SUMMARY.md "$folder/src"
# mdBook makes index.html of README.md, but leaves links to it.
find "$folder/src" -name README.md -execdir mv {} index.md ';'
find "$folder/src" -name '*.md' -exec sed -i 's#](\([^):]*\)README\.md#](\1index.md#g' {} +
# A site has no listing of a folder, and no files but those of the book.
find "$folder/src" -name '*.md' -exec sed -i 's#\[\([^]]*\)\](\(\.\./\)*\(examples/[a-z]*/\?\|deploy/[a-z/]*\(index\.md\)\?\))#\1#g' {} +
for page in docs/*.md ./*.md; do
  grep -qF "](${page#./})" docs/book/SUMMARY.md || { echo "$page is not in docs/book/SUMMARY.md" >&2; exit 1; }
done
mdbook build "$folder" --dest-dir "$(cd "$folder" && pwd)/html"
python3 docs/book/links.py "$folder/html"
