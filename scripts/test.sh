#!/bin/sh
# Everything that is tested, quick failures first. Ends with cargo's own summary lines.

set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}

if $cargo fmt --version > /dev/null 2>&1; then
    $cargo fmt --all --check
fi
if $cargo clippy --version > /dev/null 2>&1; then
    $cargo clippy --workspace --all-targets -- -D warnings
    # The library alone: what only tests use is dead code here.
    $cargo clippy --lib -- -D warnings
fi
# Most tests wait for other processes more than they compute.
RUST_TEST_THREADS=${RUST_TEST_THREADS:-4} $cargo test --no-fail-fast
