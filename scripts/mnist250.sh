#!/usr/bin/env bash
# 250 participants label MNIST through the real coordinator, and a student learns; `scripts/mnist250.sh --help` lists the
# options. Takes about twenty minutes on two cores; not part of the test command.
set -euo pipefail
exec "$(dirname "$0")/run.sh" mnist250 "$@"
