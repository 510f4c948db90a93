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

not_run() {
    echo "psephos: the privacy check against dp-accounting did not run: $1" >&2
    if [ "$require" = yes ]; then exit 1; fi
    exit 0
}

# Fixed, so that a difference is one of ours.
package=dp-accounting==0.4.4
environment=target/privacy-venv
python="$environment/bin/python"

if ! "$python" -c 'import dp_accounting' 2>/dev/null; then
    command -v python3 >/dev/null || not_run "python3 is missing"
    rm -rf "$environment"
    mkdir -p target
    python3 -m venv "$environment" >/dev/null 2>&1 || not_run "python3 cannot make a virtual environment (python3-venv)"
    "$python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 \
        "$package" >/dev/null 2>&1 \
        || not_run "$package cannot be installed from PyPI"
    "$python" -c 'import dp_accounting' 2>/dev/null || not_run "$package does not work with this Python"
fi

# The test command has built the programs already.
if [ -z "${PSEPHOS_BUILT:-}" ]; then cargo build --workspace --bins --locked --quiet; fi
target="$(cargo metadata --no-deps --offline --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')"
exec "$python" scripts/check_privacy.py "$target/debug/coordinator"
