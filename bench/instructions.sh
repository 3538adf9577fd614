#!/usr/bin/env bash
# Count the instructions that a tuple costs, with callgrind, and compare with doc/benchmarks/instructions.txt, so that
# a change cannot slow the hot paths unseen. Times vary from machine to machine and from hour to hour; these counts
# vary by less than a percent, but with the versions of compiler, libc and libzmq too.
#
#     bench/instructions.sh           compare; fails if a count is TOLERANCE (5) percent higher than recorded
#     bench/instructions.sh record    write the file
#
# The library must be built: `make instructions` does that first.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

recorded=doc/benchmarks/instructions.txt
build=build/bench
tuples=5000
BENCH=build bench/run.sh > /dev/null

count () { # program, tuples: instructions of the whole run
    local out
    out=$(LD_PRELOAD=${preload:-} valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$build/$1" "$2" 2>&1 > /dev/null)
    sed -n 's/.*Collected : *//p' <<< "$out"
}

measure () { # name, program: instructions for each tuple, without what start and end take
    local none many
    none=$(count "$2" 0)
    many=$(count "$2" $tuples)
    echo "$1 $(((many - none) / tuples))"
}

measure_all () {
    preload=$(realpath $build/libzgossip.so.1) measure publish-preloaded publish
    measure publish-native publish-native
    measure pair-native pair-native
}

if [ "${1:-}" = record ]; then
    mkdir -p "$(dirname "$recorded")"
    {
        echo '# Instructions for each tuple, by callgrind (bench/instructions.sh record), all threads and libraries:'
        echo '# one node, PUBLISH to DELIVER, through CZMQ and natively; from node to node over tcp.'
        echo "# $(rustc --version); $(${CC:-cc} -dumpfullversion) ($(uname -m));" \
             "libzmq $(pkg-config --modversion libzmq); $(ldd --version | sed -n '1s/.* /libc /p')"
        measure_all
    } | tee "$recorded.new"
    mv "$recorded.new" "$recorded"
    exit
fi

slower=0
while read -r name now; do
    before=$(sed -n "s/^$name //p" "$recorded")
    if [ -z "$before" ]; then
        echo "$name: $now, not recorded"
        continue
    fi
    percent=$(((now - before) * 100 / before))
    echo "$name: $now instructions a tuple, recorded $before ($percent %)"
    if ((percent > ${TOLERANCE:-5})); then slower=1; fi
done < <(measure_all)
if [ $slower = 1 ]; then
    echo 'More instructions than recorded. If that is as it should be: bench/instructions.sh record' >&2
    exit 1
fi
