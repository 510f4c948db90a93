#!/usr/bin/env bash
# One round of 10 000 instances and 250 ballots through the real coordinator, with its time and its memory;
# `scripts/throughput.sh --help` lists the options. Took half an hour on two cores that other work shared; not part of the test
# command.
set -euo pipefail
exec "$(dirname "$0")/run.sh" throughput "$@"
