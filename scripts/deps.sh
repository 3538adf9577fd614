#!/bin/sh
# Make sure that what the tests and the demo need is installed; where it is not, install it (Debian and its like, as
# root or with sudo), or say what is missing.
#
#     scripts/deps.sh         Rust, and the packages
#     scripts/deps.sh rust    Rust alone

set -eu

say () {
    echo "zgossip: $*" >&2
}

# Rust comes from its own installer as a rule, which changes PATH only for new shells.
need_rust () {
    # CARGO may have options behind the command: cargo --offline, cargo +nightly.
    cargo=${CARGO:-cargo}
    cargo=${cargo%% *}
    if command -v "$cargo" > /dev/null 2>&1; then
        return
    fi
    if [ "$cargo" != cargo ]; then
        say "there is no command $cargo (CARGO=$CARGO)"
    elif [ -x "$HOME/.cargo/bin/cargo" ]; then
        say "Rust is installed, but not on this shell's PATH. Run: . \"\$HOME/.cargo/env\""
    else
        say "Rust (1.88 or later) is missing. Get it from https://rustup.rs, or from your system's packages."
    fi
    exit 1
}

# What to look for, and the Debian package that has it.
missing_packages () {
    has_header () { printf '#include <%s>\n' "$1" | ${CC:-cc} -E - > /dev/null 2>&1; }
    has () { command -v "$1" > /dev/null 2>&1; }

    has gcc || echo gcc
    has g++ || echo g++
    has pkg-config || echo pkg-config
    has python3 || echo python3
    has valgrind || echo valgrind
    has nm || echo binutils
    has ip || echo iproute2
    { has cc && has_header stdio.h; } || echo libc6-dev
    has_header zmq.h || echo libzmq3-dev
    has_header czmq.h || echo libczmq-dev
}

as_root () {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

need_packages () {
    missing=$(missing_packages | tr '\n' ' ')
    if [ -z "$missing" ]; then
        return
    fi
    if ! command -v apt-get > /dev/null 2>&1; then
        say "please install what Debian calls: $missing"
        exit 1
    fi
    if [ "$(id -u)" != 0 ] && ! sudo -n true > /dev/null 2>&1; then
        say "please run: sudo apt-get install $missing"
        exit 1
    fi
    say "installing: $missing"
    export DEBIAN_FRONTEND=noninteractive
    # The package lists may be missing or old.
    # shellcheck disable=SC2086
    as_root apt-get install -y --no-install-recommends $missing > /dev/null 2>&1 || {
        as_root apt-get update -q > /dev/null
        as_root apt-get install -y --no-install-recommends $missing > /dev/null
    }
    still=$(missing_packages | tr '\n' ' ')
    if [ -n "$still" ]; then
        say "still missing after the installation: $still"
        exit 1
    fi
}

need_rust
if [ "${1:-}" != rust ]; then
    need_packages
fi
