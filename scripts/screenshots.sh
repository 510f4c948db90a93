#!/usr/bin/env bash
# Takes pictures of every page of the dashboard, light and dark, at desktop and phone width, of a federation of real
# processes: scripts/screenshots.sh OUT. `--readme docs/img/dashboard.png` makes the README's picture too. Needs Chromium
# and its driver.
set -euo pipefail
"$(dirname "$0")/prepare.sh" --browser
exec "$(dirname "$0")/run.sh" screenshots "$@"
