#!/bin/sh
# Everything that is tested, quick failures first. Ends with cargo's own summary lines.

set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}

scripts/lint.sh
# Most tests wait for other processes more than they compute.
RUST_TEST_THREADS=${RUST_TEST_THREADS:-4} $cargo test --no-fail-fast
