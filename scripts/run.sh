#!/usr/bin/env bash
# Builds everything and runs one of the programs in tests/src/bin: scripts/run.sh NAME [OPTIONS].
set -euo pipefail
# Paths in the options are relative to where the caller stands.
here="$PWD"
cd "$(dirname "$0")/.."
./scripts/prepare.sh

# PSEPHOS_PROFILE=release runs what is installed instead of what is developed with.
profile="${PSEPHOS_PROFILE:-dev}"
folder="$profile"
[ "$profile" != dev ] || folder=debug

# The test command has built the programs already.
if [ -z "${PSEPHOS_BUILT:-}" ]; then
    echo "psephos: building (the first time takes several minutes)" >&2
    cargo build --workspace --bins --locked --quiet --profile "$profile" >&2
fi
target="$(cargo metadata --no-deps --offline --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')"
name="$1"
shift
cd "$here"
exec "$target/$folder/$name" "$@"
