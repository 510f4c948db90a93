#!/usr/bin/env bash
# What building costs, in CPU-seconds: the programs from nothing, and after a changed line in four rooms the programs and one unit
# test of that room. A table, or JSON with `--format json`. Works on a copy below target/, so that your tree and its build stay as
# they are. Takes about half an hour on two cores, so it is not part of the test command.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { echo "usage: scripts/build-times.sh [--format text|json] [--only-edits]"; }
format=text
only_edits=false
while [ $# -gt 0 ]; do
    case "$1" in
    --format)
        [ $# -ge 2 ] || { usage >&2; exit 4; }
        format="$2"
        shift
        ;;
    # Goes on with the build of an earlier run.
    --only-edits) only_edits=true ;;
    -h | --help) usage; exit 0 ;;
    *) echo "psephos: unknown option $1" >&2; usage >&2; exit 4 ;;
    esac
    shift
done
case "$format" in text | json) ;; *) echo "psephos: --format $format: use text or json" >&2; exit 4 ;; esac
./scripts/prepare.sh

place="$PWD/target/build-times"
tree="$place/tree"
export CARGO_TARGET_DIR="$place/target"
$only_edits || rm -rf "$place"
rm -rf "$tree"
mkdir -p "$tree"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --no-dereference --preserve=all -t "$tree"
cd "$tree"

say() { echo "psephos: $*" >&2; }

# Prints the CPU-seconds, user and system, of a command and all its children; fails if it fails.
cpu_of() {
    local spent TIMEFORMAT='%U %S'
    exec 3>&2
    spent=$({ time "$@" >&3 2>&3; } 2>&1) || return 1
    awk -v spent="$spent" 'BEGIN { split(spent, part, " "); printf "%.1f", part[1] + part[2] }'
}

programs() { cargo build --workspace --bins --locked --quiet; }
# A name that no test has would be found to pass.
unit_test() {
    cargo test --locked --package "$1" --lib -- --exact "$2" | tee "$place/tested" && grep -q "1 passed" "$place/tested"
}

# room, a file of it, its package, one of its unit tests
rooms=(
    "protocol|shared/protocol/src/wire/mod.rs|protocol|ballot::tests::a_ballot_gets_in_with_the_digest_of_its_bytes"
    "fhe|shared/fhe/src/sum.rs|fhe|tests::framing::a_key_of_any_other_length_is_refused"
    "api|coordinator/src/api/health.rs|coordinator|api::docs::tests::markup_in_a_document_is_shown_and_not_carried_out"
    "dashboard|coordinator/src/dashboard/frame.rs|coordinator|dashboard::words::tests::numbers_carry_their_units"
)

# Changes a file as an edit does: one more line, so that every line below it moves and all its code is made again.
edits=0
touch_one_line() {
    edits=$((edits + 1))
    awk -v line="// edit $edits" '{ print } !done && /^use / { held = 1 } held && !done && /;$/ { print line; done = 1 }' "$1" >"$place/edited"
    cmp -s "$1" "$place/edited" && { say "$1 was not changed"; exit 1; }
    cp "$place/edited" "$1"
}

declare -A cpu
if ! $only_edits; then
    say "building the programs from nothing"
    cpu[fresh]=$(cpu_of programs)
fi
for room in "${rooms[@]}"; do
    IFS='|' read -r name file package test <<<"$room"
    say "$name: building its unit tests once"
    programs >&2
    unit_test "$package" "$test" >&2
    say "$name: one line of $file"
    touch_one_line "$file"
    cpu[$name]=$(cpu_of programs)
    touch_one_line "$file"
    cpu[$name.test]=$(cpu_of unit_test "$package" "$test")
done

if [ "$format" = json ]; then
    slowest=$(for room in protocol fhe api dashboard; do echo "${cpu[$room.test]}"; done | sort -g | tail -1)
    printf '{"fresh_cpu_s":%s,"protocol_cpu_s":%s,"fhe_cpu_s":%s,"api_cpu_s":%s,"dashboard_cpu_s":%s,"unit_test_cpu_s":%s,' \
        "${cpu[fresh]:-null}" "${cpu[protocol]}" "${cpu[fhe]}" "${cpu[api]}" "${cpu[dashboard]}" "$slowest"
    printf '"unit_tests":{"protocol":%s,"fhe":%s,"api":%s,"dashboard":%s}}\n' \
        "${cpu[protocol.test]}" "${cpu[fhe.test]}" "${cpu[api.test]}" "${cpu[dashboard.test]}"
else
    echo "CPU-seconds                 programs   a unit test"
    printf '%-26s %9s\n' "from nothing" "${cpu[fresh]:--}"
    for room in protocol fhe api dashboard; do
        printf '%-26s %9s %12s\n' "a line of $room" "${cpu[$room]}" "${cpu[$room.test]}"
    done
fi
