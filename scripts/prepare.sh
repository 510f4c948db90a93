#!/usr/bin/env bash
# Makes sure that what the build needs beyond a Rust toolchain is there: a C compiler, pkg-config and OpenSSL's
# headers. Installs it where it may, and otherwise names it in one line.
set -euo pipefail

command -v cargo >/dev/null || {
    echo "psephos: cargo is missing: install Rust 1.95 or newer with rustup" >&2
    exit 4
}

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v pkg-config >/dev/null || missing+=(pkg-config)
pkg-config --exists openssl 2>/dev/null || missing+=(libssl-dev)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "psephos: installing ${missing[*]}" >&2
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >&2
else
    echo "psephos: please install: ${missing[*]} (Debian names), then run this again" >&2
    exit 4
fi
