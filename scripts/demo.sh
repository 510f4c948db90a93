#!/usr/bin/env bash
# Builds the programs and runs a whole federation on this machine; `scripts/demo.sh --help` lists the options.
set -euo pipefail
exec "$(dirname "$0")/run.sh" demo "$@"
