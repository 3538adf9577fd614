#!/bin/sh
# Simulate networks in virtual time, and write doc/benchmarks/simulated.md and simulated.svg. The same sources give the
# same files everywhere. Takes five to six minutes of one processor, shared among all that there are, and 1.5 GB.

set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}

$cargo test --quiet --release --test sim -- --ignored --exact --nocapture simulator::simulate
$cargo run --quiet --release --manifest-path bench/plot/Cargo.toml --target-dir build/bench/plot \
    -- build/simulated.json doc/benchmarks
echo 'written: doc/benchmarks/simulated.svg'
