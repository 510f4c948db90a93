#!/usr/bin/env bash
# 250 participants label MNIST through the real coordinator, and a student learns; `scripts/mnist250.sh --help` lists the
# options. Takes about twenty minutes on two cores; not part of the test command.
set -euo pipefail
# Paths in the options are relative to where the caller stands.
here="$PWD"
cd "$(dirname "$0")/.."
./scripts/prepare.sh

if [ -z "${PSEPHOS_BUILT:-}" ]; then
    echo "psephos: building (the first time takes several minutes)" >&2
    cargo build --workspace --bins --locked --quiet >&2
fi
target="$(cargo metadata --no-deps --offline --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')"
cd "$here"
exec "$target/debug/mnist250" "$@"
