#!/usr/bin/env bash
# Runs the tests of our own kernel under AddressSanitizer, with everything below them compiled for it. Needs a nightly
# compiler; builds for half an hour in a folder of its own, then takes five minutes. Not part of the test command.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/prepare.sh
if ! rustc +nightly --version >/dev/null 2>&1; then
    echo "sanitize: needs a nightly compiler, the only one with -Zsanitizer: rustup toolchain install nightly" >&2
    exit 1
fi
export RUSTFLAGS="-Zsanitizer=address"
# Blobs of C in dependencies are not instrumented, and the allocator of the program under test is the system's.
exec cargo +nightly test --package shared --lib --locked --target x86_64-unknown-linux-gnu --target-dir target/sanitizer \
    -- fhe::kernel fhe::tests::kernel "$@"
