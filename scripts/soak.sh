#!/usr/bin/env bash
# Kills the coordinator 200 times at random moments of small rounds, 200 times of small two-step rounds, and 200 times of
# rounds that three trustees tally together, every second time with one of them, and compares the ledger each time. Not
# part of the test command, which does the same 20, 10 and 10 times.
#
#   PSEPHOS_CRASHES=1000 scripts/soak.sh    another number of kills
#   PSEPHOS_SEED=42 scripts/soak.sh         the moments of an earlier run, which prints its seed
set -euo pipefail
cd "$(dirname "$0")/.."
export PSEPHOS_CRASHES="${PSEPHOS_CRASHES:-200}"
cargo build --workspace --bins --locked --quiet
exec cargo test --workspace --locked --test crashes -- --nocapture
