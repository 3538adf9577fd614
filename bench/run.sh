#!/usr/bin/env bash
# Measure zgossip side by side with CZMQ's own, and write doc/benchmarks/ (results.md, results.json, *.svg).
#
#     bench/run.sh                everything, in about 10 minutes on two cores
#     bench/run.sh WORD ...       only the lines whose title has one of the words; written to build/bench
#     BENCH=quick bench/run.sh    a look, in three to four minutes; written to build/bench
#     BENCH=build bench/run.sh    only make the programs
#
# The library must be built: `make bench` does that first. All traffic stays on the loopback interface.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}${CARGO_BUILD_TARGET:+/$CARGO_BUILD_TARGET}
library=$(realpath "$target/release/libzgossip.so")
build=build/bench
mkdir -p "$build"

# A copy under the name that programs look for, which a build that goes on meanwhile does not change.
cp "$library" "$build/libzgossip.so.1"
ln -sf libzgossip.so.1 "$build/libzgossip.so"

flags="-O2 -g -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror"
for program in publish pair late memory chain threads idle rejoin startstop converge; do
    extra=
    if [ $program = converge ]; then extra="bench/wire.c -rdynamic"; fi
    # shellcheck disable=SC2086
    ${CC:-cc} $flags -o "$build/$program" "bench/$program.c" $extra -lczmq -lzmq -ldl -lpthread
    # shellcheck disable=SC2086
    ${CC:-cc} $flags -DBENCH_NATIVE -Iinclude -o "$build/$program-native" "bench/$program.c" $extra \
        -L"$build" -Wl,-rpath,"$(realpath "$build")" -lzgossip -lzmq -ldl -lpthread
done
# shellcheck disable=SC2086
${CC:-cc} $flags -o "$build/raw" bench/raw.c -lczmq -lzmq -lpthread

if [ "${BENCH:-full}" = build ]; then
    exit
fi
python3 bench/bench.py "$build" "${BENCH:-full}" "$@"

if [ "${BENCH:-full}" = quick ] || [ $# -gt 0 ]; then
    echo "written: $build/results.md"
else
    ${CARGO:-cargo} run --quiet --release --manifest-path bench/plot/Cargo.toml --target-dir "$build/plot" \
        -- doc/benchmarks/results.json doc/benchmarks
    echo 'written: doc/benchmarks'
fi
