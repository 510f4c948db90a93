#!/usr/bin/env bash
# Compares so many random histograms per (n, t) with a tally in the clear, ties and thresholds among them: 100 000 by default.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo run --quiet -p tally --example histograms -- "${1:-100000}"
