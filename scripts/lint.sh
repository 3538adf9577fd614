#!/bin/sh
# What can be checked without running anything: formatting, lints, documentation, dependencies.

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
RUSTDOCFLAGS='-D warnings' $cargo doc --quiet --no-deps --features internals --document-private-items
if $cargo deny --version > /dev/null 2>&1; then
    $cargo deny --log-level error check licenses bans sources
fi
