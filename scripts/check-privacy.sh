#!/usr/bin/env bash
# Compares the privacy figures of `coordinator federation plan` with Google's dp-accounting and with published values.
# Where Python or the package is missing it says so and succeeds, unless --require is given.
set -euo pipefail
cd "$(dirname "$0")/.."

require=no
for argument in "$@"; do
    case "$argument" in
        --require) require=yes ;;
        *) echo "usage: scripts/check-privacy.sh [--require]" >&2; exit 4 ;;
    esac
done

if ! python="${PSEPHOS_PYTHON:-$(./scripts/python.sh)}" || [ -z "$python" ]; then
    echo "psephos: the privacy check against dp-accounting did not run" >&2
    if [ "$require" = yes ]; then exit 1; fi
    exit 0
fi

# The test command has built the programs already.
if [ -z "${PSEPHOS_BUILT:-}" ]; then cargo build --workspace --bins --locked --quiet; fi
target="$(cargo metadata --no-deps --offline --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')"
exec "$python" scripts/check_privacy.py "$target/debug/coordinator"
