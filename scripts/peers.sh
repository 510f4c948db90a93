#!/usr/bin/env bash
# What a label costs with Psephos and with what users might pick instead, in one run: a table, or JSON with `--format json`;
# a drawing in target/peers.svg. Builds tfhe with its high-level integers once more (about ten minutes), so it is not part
# of the test command; takes some minutes more to run. The machine should do nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/prepare.sh
cargo bench --workspace --profile dev --locked --quiet --no-run --bench argmax
cargo build --release --locked --quiet --manifest-path benches/peers/Cargo.toml --target-dir target/peers
exec ./target/peers/release/peers "$@"
