#!/usr/bin/env bash
# Measures the training of teachers and student beside PyTorch, one thread each, in one run, and prints the ratios:
# scripts/pytorch.sh DATA, the folder of MNIST's four files. PyTorch comes from PyPI (some gigabytes) into target/pytorch.
# Not part of the test command.
set -euo pipefail
here="$PWD"
data="${1:?usage: scripts/pytorch.sh DATA}"
case "$data" in /*) ;; *) data="$here/$data" ;; esac
cd "$(dirname "$0")/.."
./scripts/prepare.sh

environment="$PWD/target/pytorch"
if ! "$environment/bin/python" -c 'import torch' 2>/dev/null; then
    echo "psephos: fetching PyTorch (some minutes)" >&2
    python3 -m venv "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy
fi
cargo build --workspace --examples --locked --quiet
target="$(cargo metadata --no-deps --offline --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')"
export RAYON_NUM_THREADS=1 OMP_NUM_THREADS=1
ours="$("$target/debug/examples/learning_speed" "$data")"
theirs="$("$environment/bin/python" scripts/pytorch.py "$data")"
"$environment/bin/python" - "$ours" "$theirs" <<'PYTHON'
import json, sys
ours, theirs = map(json.loads, sys.argv[1:])
for what in ("teachers_cpu_s", "student_cpu_s"):
    print(f"{what}: ours {ours[what]:.1f}, PyTorch {theirs[what]:.1f}, ratio {theirs[what] / ours[what]:.2f}")
print(f"teacher accuracy: ours {ours['teacher_accuracy']:.3f}, PyTorch {theirs['teacher_accuracy']:.3f}")
PYTHON
