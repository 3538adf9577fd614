#!/bin/sh
# Eight threads on one node under the thread sanitizer, the library's Rust and the program's C both instrumented.
#
# libzmq is the system's and is not: what it alone does is not reported (scripts/sanitize.supp). Rust's standard library
# comes compiled; what matters of it is generic, and compiled here. Needs a nightly toolchain of Rust.
#
#   scripts/sanitize.sh [seconds]

set -eu
cd "$(dirname "$0")/.."
seconds=${1:-10}
cargo=${CARGO:-cargo}
compiler=${CC:-cc}
target=$(rustc -vV | sed -n 's/^host: //p')
directory=${CARGO_TARGET_DIR:-target}/sanitize

CARGO_TARGET_DIR=$directory RUSTFLAGS='-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer' \
    "$cargo" +nightly build --lib --target "$target"
mkdir -p "$directory/include/zgossip"
cp include/zgossip.h "$directory/include/zgossip/"
for program in typed_threads typed; do
    "$compiler" -std=gnu11 -g -O1 -fsanitize=thread -I"$directory/include" -Ictests "ctests/$program.c" \
        -o "$directory/$program" "$directory/$target/debug/libzgossip.a" -lzmq -lpthread -lm -ldl -lrt
done
export TSAN_OPTIONS="suppressions=$PWD/scripts/sanitize.supp halt_on_error=0 exitcode=66 second_deadlock_stack=1"
"$directory/typed_threads" "$seconds"
"$directory/typed"
echo "no report that is ours"
