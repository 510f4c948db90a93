#!/usr/bin/env bash
# One round of 10 000 instances and 250 ballots through the real coordinator, with its time and its memory;
# `scripts/throughput.sh --help` lists the options. Takes a quarter of an hour on two cores; not part of the test
# command.
set -euo pipefail
exec "$(dirname "$0")/run.sh" throughput "$@"
