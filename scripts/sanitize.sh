#!/bin/sh
# Eight threads on one node under the thread sanitizer: the library's Rust, Rust's own library and the program's C are
# all instrumented. libzmq is the system's and is not; reports that are about it alone are left out (sanitize.supp).
#
# Needs a nightly toolchain: rustup toolchain install nightly --component rust-src
#
#   scripts/sanitize.sh [seconds]

set -eu
cd "$(dirname "$0")/.."
seconds=${1:-10}
cargo=${CARGO:-cargo}
compiler=${CC:-gcc}
target=$(rustc +nightly -vV | sed -n 's/^host: //p')
runtime=$(rustc +nightly --print sysroot)/lib/rustlib/$target/lib/librustc-nightly_rt.tsan.a
directory=${CARGO_TARGET_DIR:-target}/sanitize

CARGO_TARGET_DIR=$directory RUSTFLAGS=-Zsanitizer=thread RUSTUP_TOOLCHAIN=nightly \
    $cargo build -Zbuild-std --lib --target "$target"
mkdir -p "$directory/include/zgossip"
cp include/zgossip.h "$directory/include/zgossip/"
for program in typed_threads typed; do
    "$compiler" -std=gnu11 -g -O1 -fsanitize=thread -I"$directory/include" -Ictests \
        -c "ctests/$program.c" -o "$directory/$program.o"
    # The runtime is Rust's, whichever compiler the C is for: there must be one.
    "$compiler" "$directory/$program.o" -o "$directory/$program" "$directory/$target/debug/libzgossip.a" \
        -Wl,--whole-archive "$runtime" -Wl,--no-whole-archive -Wl,--export-dynamic \
        -lzmq -lgcc_s -lpthread -lm -ldl -lrt
done
export TSAN_OPTIONS="suppressions=$PWD/scripts/sanitize.supp exitcode=66"
"$directory/typed_threads" "$seconds"
"$directory/typed"
echo "no report"
