#!/usr/bin/env bash
# Makes sure that what the build needs beyond a Rust toolchain is there: a C compiler, pkg-config and OpenSSL's
# headers. Installs it where it may, and otherwise names it in one line. With --browser also Chromium and its driver, which
# the tests of the dashboard need; where they cannot be had it says so and succeeds.
set -euo pipefail

# The version of Rust is pinned in one place, rust-version in Cargo.toml.
rust="$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$(dirname "$0")/../Cargo.toml")"
command -v cargo >/dev/null || {
    echo "psephos: cargo is missing: install Rust $rust or newer with rustup" >&2
    exit 4
}
found="$(cargo --version | cut -d ' ' -f 2)"
[ "$(printf '%s\n' "$rust" "$found" | sort -V | head -n 1)" = "$rust" ] || {
    echo "psephos: this is Rust $found: install Rust $rust or newer with rustup" >&2
    exit 4
}

can_install() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }
install() {
    echo "psephos: installing $*" >&2
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v pkg-config >/dev/null || missing+=(pkg-config)
pkg-config --exists openssl 2>/dev/null || missing+=(libssl-dev)
if [ ${#missing[@]} -gt 0 ]; then
    if ! can_install; then
        echo "psephos: please install: ${missing[*]} (Debian names), then run this again" >&2
        exit 4
    fi
    install "${missing[@]}"
fi

if [ "${1:-}" = --browser ]; then
    if ! { command -v chromedriver && { command -v chromium || command -v google-chrome; }; } >/dev/null; then
        { can_install && install chromium chromium-driver; } ||
            echo "psephos: chromium and chromium-driver (Debian names) are missing: the dashboard's browser tests will not run" >&2
    fi
fi
