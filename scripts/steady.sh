#!/bin/sh
# Runs each test many times, alone and beside busy loops, and lists the tests that failed with how often they did.
#
#     scripts/steady.sh                   every test of every crate, 20 times each way
#     scripts/steady.sh network fleet::   the tests of tests/network whose names contain fleet::
#     scripts/steady.sh lib               the tests beside the code, in src
#
# RUNS=200       how often each way
# SECONDS_EACH=60  no further run of a test begins when its runs of one way have taken this long (no limit by default)
# BUSY=2         busy loops (as many as there are processors)
# OUTPUT=DIR     where what failed runs printed is kept (target/steady)
#
# Exits with 1 if a run failed. One test runs at a time: what fails beside others alone is seen by `make test`.

set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
runs=${RUNS:-20}
seconds=${SECONDS_EACH:-0}
busy=${BUSY:-$(getconf _NPROCESSORS_ONLN)}
output=${OUTPUT:-${CARGO_TARGET_DIR:-target}/steady}
crates=${1:-lib models sim abi product network}
filter=${2:-}
mkdir -p "$output"
report=$output/report.txt
: > "$report"

loops=
stop_loops () {
    # shellcheck disable=SC2086
    [ -z "$loops" ] || kill $loops 2> /dev/null || true
    loops=
}
start_loops () {
    number=0
    while [ "$number" -lt "$busy" ]; do
        (while :; do :; done) &
        loops="$loops $!"
        number=$((number + 1))
    done
}
trap stop_loops EXIT
trap 'exit 130' INT TERM

# The program of a test crate, built.
program () {
    case $1 in lib) which=--lib ;; *) which="--test $1" ;; esac
    # shellcheck disable=SC2086
    $cargo test --no-run $which 2>&1 | sed -n 's/.*(\(.*\/deps\/[^)]*\))$/\1/p'
}

# run_many WAY PROGRAM TEST: one line in the report
run_many () {
    name=$crate-$(echo "$3" | tr ':' '-')
    began=$(date +%s)
    done=0
    failed=0
    while [ "$done" -lt "$runs" ]; do
        done=$((done + 1))
        # Longer than the longest test; one that hangs has failed.
        if ! timeout 300 "$2" "$3" --exact --nocapture > "$output/now.txt" 2>&1 < /dev/null; then
            failed=$((failed + 1))
            mv "$output/now.txt" "$output/$name.$1.$done.txt"
        fi
        if [ "$seconds" -gt 0 ] && [ $(($(date +%s) - began)) -ge "$seconds" ]; then
            break
        fi
    done
    printf '%-5s %3d of %3d failed  %s\n' "$1" "$failed" "$done" "$3" | tee -a "$report"
}

CARGO_MANIFEST_DIR=$PWD
export CARGO_MANIFEST_DIR
for crate in $crates; do
    binary=$(program "$crate")
    [ -x "$binary" ] || { echo "no test crate $crate"; exit 2; }
    tests=$("$binary" --list --format terse 2> /dev/null | sed -n 's/: test$//p' | grep -F -- "$filter" || true)
    ignored=$("$binary" --list --format terse --ignored 2> /dev/null | sed -n 's/: test$//p')
    for test in $tests; do
        case "
$ignored
" in *"
$test
"*) continue ;; esac
        run_many quiet "$binary" "$test"
        start_loops
        run_many busy "$binary" "$test"
        stop_loops
    done
done
rm -f "$output/now.txt"

echo
if grep -v ' 0 of ' "$report"; then
    echo "What these printed is in $output."
    exit 1
fi
echo "no run failed"
