#!/usr/bin/env bash
# Prints the path of a Python that has what the checks and examples need, from PyPI, in a virtual environment below
# `target`. Where that cannot be had it says why on standard error, in one line, and fails.
set -euo pipefail
cd "$(dirname "$0")/.."

# Fixed, so that a difference is one of ours.
packages=(dp-accounting==0.4.4 scikit-learn==1.9.1)
environment="$PWD/target/python"
python="$environment/bin/python"

fail() {
    echo "psephos: $1" >&2
    exit 1
}

is_complete() { "$python" -c 'import dp_accounting, sklearn' 2>/dev/null; }

if ! is_complete; then
    command -v python3 >/dev/null || fail "python3 is missing"
    rm -rf "$environment"
    mkdir -p target
    python3 -m venv "$environment" >/dev/null 2>&1 || fail "python3 cannot make a virtual environment (python3-venv)"
    "$python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 "${packages[@]}" \
        >/dev/null 2>&1 || fail "${packages[*]} cannot be installed from PyPI"
    is_complete || fail "${packages[*]} do not work with this Python"
fi
echo "$python"
