#!/bin/sh
# Runs the fuzzers, guided by coverage: libFuzzer, with the stable toolchain. What they find is kept in
# fuzz/failed/TARGET, where `cargo test` replays it from then on: commit it with the mend.
#
# LLVM's coverage instrumentation is a pass that the stable compiler takes by name; sanitizers are not needed for it.
# `cargo +nightly fuzz run TARGET` does the same, with the address sanitizer.
#
#   FUZZ_SECONDS=60   for each target
#   FUZZ_RUNS=N       executions of each target, instead
#   scripts/fuzz.sh [TARGET ...]

set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
seconds=${FUZZ_SECONDS:-60}
host=$(rustc -vV | sed -n 's/^host: //p')
target_dir=$(cd "${CARGO_TARGET_DIR:-target}" 2> /dev/null && pwd || echo "$PWD/target")/fuzz

coverage='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table --cfg fuzzing -Cdebug-assertions -Ccodegen-units=1'

# build FOLDER PROGRAM FLAGS. With a target named, build scripts and macros are built without these flags.
build() {
    RUSTFLAGS=$(echo $coverage $3) CARGO_TARGET_DIR=$1 ZGOSSIP_LIBZMQ=system \
        $cargo build --quiet --release --manifest-path fuzz/Cargo.toml --target "$host" --bin "$2"
}

[ $# -gt 0 ] || set -- $(ls fuzz/fuzz_targets | sed 's/\.rs$//')
for name in "$@"; do
    corpus=$target_dir/corpus/$name
    mkdir -p "$corpus" "fuzz/failed/$name"
    limit="-max_total_time=$seconds"
    [ -z "${FUZZ_RUNS:-}" ] || limit="-runs=$FUZZ_RUNS"
    case $name in
        # Its inputs are steps, not words that comparisons would give away; watching those takes more than half of the
        # time, and long inputs are many steps, which short ones find as well.
        node) folder=$target_dir/steps length=512 flags='-Cllvm-args=-sanitizer-coverage-level=3' ;;
        *) folder=$target_dir length=2048
           flags='-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-trace-compares' ;;
    esac
    build "$folder" "$name" "$flags"
    program=$folder/$host/release/$name
    echo "--- $program"
    # New inputs go to the first folder; the others are only read.
    "$program" "$limit" -timeout=20 -rss_limit_mb=2048 -max_len=$length -print_final_stats=1 \
        -verbosity=0 -artifact_prefix="fuzz/failed/$name/" "$corpus" "fuzz/seeds/$name" "fuzz/failed/$name"
done
echo "nothing found"
