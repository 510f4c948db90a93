#!/usr/bin/env bash
# What the tests of the trustees' engine do in short, in long. Not part of the test command.
#
#   scripts/tally-long.sh                  100 000 histograms per (n, t), 2 000 seeds of chaos, 64 000 triples
#   scripts/tally-long.sh 5000 200 20      another number of histograms, of seeds, of parts of 1.2 votes
#
# 1. Random histograms against a tally in the clear, ties and thresholds among them.
# 2. Chaos in attempts, in ceremonies and over many attempts: messages are dropped, repeated and reordered, machines restart,
#    coalitions lie. A seed that fails is named.
# 3. All triples of fractional counts of so many parts, in one level and in two: exactly one class wins.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo run --quiet --locked -p tally --example histograms -- "${1:-100000}"
CHAOS="${2:-2000}" TRIPLES="${3:-40}" cargo test --quiet --locked -p tally --lib -- --nocapture --test-threads 2 \
    chaos turns fractional_triples
