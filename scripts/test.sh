#!/usr/bin/env bash
# The test command: format, lints with warnings denied, all tests, the privacy figures against another accountant, the
# demo on a small input.
# Everything is built in one profile, with one set of features, so that nothing is built twice.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/prepare.sh --browser

step() { printf '\n== %s\n' "$*"; }

step "format"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

# Licences, banned crates and sources, by deny.toml.
step "dependencies"
if cargo deny --version >/dev/null 2>&1; then
    cargo deny --locked check bans licenses sources
else
    echo "not run: cargo-deny is not installed"
fi

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

# Programs and tests in one build: the tests' own dependencies switch features of others on, and a build without them
# would compile those a second time.
step "build"
cargo build --workspace --bins --tests --locked --quiet
export PSEPHOS_BUILT=1

# For the story of a mixed federation and for the privacy figures; where it cannot be had, both say that they did not run.
PSEPHOS_PYTHON="$(./scripts/python.sh || true)"
export PSEPHOS_PYTHON

step "tests"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --locked
else
    # The stories start whole federations; one after the other they do not fight for the cores.
    cargo test --workspace --lib --bins --tests --locked -- --test-threads=2
fi

step "examples in the documentation"
cargo test --workspace --doc --locked --quiet

# Part of the test command where Python and PyPI are there; says so where they are not.
step "privacy figures against dp-accounting"
./scripts/check-privacy.sh

# In both forms: three trustees tally on shares, a sole one opens what was tallied under encryption.
for trustees in 3,1 1,0; do
    step "demo on a small input, trustees $trustees"
    ./scripts/demo.sh --trustees "$trustees" --participants 3 --teachers 5 --instances 24 --noise participants --sigma 8 \
        --format json
done
