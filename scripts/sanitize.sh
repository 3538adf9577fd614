#!/bin/sh
# Programs in C on the library under the sanitizers that this machine's toolchains have. Each part that cannot be had is
# named, with what it lacks.
#
# | part | needs |
# | --- | --- |
# | address, undefined and leaks: the C programs, and what the library gives them and frees | any toolchain |
# | address: the library's Rust, too | nightly Rust |
# | threads: eight of them on one node | nightly Rust with rust-src |
# | Miri: unsafe code that needs no libzmq | nightly Rust with miri and rust-src |
#
# libzmq is the system's and is not instrumented; what the thread sanitizer says about it alone is left out
# (sanitize.supp). Valgrind watches the C programs in `cargo test --test product memory`.
#
#   scripts/sanitize.sh [seconds of the programs that take long]

set -eu
cd "$(dirname "$0")/.."
seconds=${1:-10}
cargo=${CARGO:-cargo}
compiler=${CC:-gcc}
target=${CARGO_TARGET_DIR:-target}
directory=$target/sanitize
libraries='-lzmq -lgcc_s -lutil -lrt -lpthread -lm -ldl'
nightly=$(rustc +nightly --print sysroot 2> /dev/null || true)
host=$(rustc -vV | sed -n 's/^host: //p')

mkdir -p "$directory/include/zgossip"
cp include/zgossip.h "$directory/include/zgossip/"

has_rust_src() {
    [ -n "$nightly" ] && [ -d "$nightly/lib/rustlib/src/rust/library" ]
}

# Compiles a program for a sanitizer, against a library, with more for the linker.
program() {
    sanitizer=$1 name=$2 library=$3
    shift 3
    "$compiler" -std=gnu11 -g -O1 "-fsanitize=$sanitizer" -fno-sanitize-recover=undefined -I"$directory/include" \
        -Ictests -c "ctests/$name.c" -o "$directory/$name.o"
    "$compiler" "$directory/$name.o" -o "$directory/$name" "$library" "$@" $libraries
}

watch() {
    echo "    $1"
    if ! (cd "$directory" && "./$@" > "$1.log" 2>&1); then
        cat "$directory/$1.log" >&2
        echo "sanitize: $1 failed" >&2
        exit 1
    fi
}

echo "--- address, undefined, leaks: C programs over the library as it is built"
$cargo build --lib
for name in arguments native selftest typed typed_threads; do
    program address,undefined "$name" "$target/debug/libzgossip.a" -fsanitize=address,undefined
    watch "$name" "$seconds"
done
# Without an argument: with one it leaves nodes alive, and the slot of each is reported, as it is to be.
program address,undefined late "$target/debug/libzgossip.a" -fsanitize=address,undefined
watch late

echo "--- address: the library's Rust, too"
if [ -n "$nightly" ]; then
    CARGO_TARGET_DIR=$directory/address RUSTFLAGS=-Zsanitizer=address RUSTUP_TOOLCHAIN=nightly \
        $cargo build --lib --target "$host"
    for name in arguments native typed typed_threads; do
        # The runtime is Rust's, whichever compiler the C is for: there must be one.
        program address "$name" "$directory/address/$host/debug/libzgossip.a" -Wl,--whole-archive \
            "$nightly/lib/rustlib/$host/lib/librustc-nightly_rt.asan.a" -Wl,--no-whole-archive -Wl,--export-dynamic
        watch "$name" "$seconds"
    done
else
    echo "skipped: no nightly Rust (rustup toolchain install nightly)"
fi

echo "--- threads: eight on one node"
if has_rust_src; then
    # Rust's own library synchronises, too: it is built with the sanitizer.
    CARGO_TARGET_DIR=$directory RUSTFLAGS=-Zsanitizer=thread RUSTUP_TOOLCHAIN=nightly \
        $cargo build -Zbuild-std --lib --target "$host"
    export TSAN_OPTIONS="suppressions=$PWD/scripts/sanitize.supp exitcode=66"
    for name in typed_threads typed; do
        program thread "$name" "$directory/$host/debug/libzgossip.a" -Wl,--whole-archive \
            "$nightly/lib/rustlib/$host/lib/librustc-nightly_rt.tsan.a" -Wl,--no-whole-archive -Wl,--export-dynamic
        watch "$name" "$seconds"
    done
else
    echo "skipped: no nightly Rust with rust-src (rustup toolchain install nightly --component rust-src)"
fi

echo "--- Miri: unsafe code that needs no libzmq"
if has_rust_src && [ -x "$nightly/bin/cargo-miri" ]; then
    # What libzmq, a thread of the engine or a signal takes part in is out of Miri's reach.
    CARGO_TARGET_DIR=$directory/miri RUSTUP_TOOLCHAIN=nightly $cargo miri test --lib -- \
        ffi::node::slot ffi::node::frames ffi::node::events ffi::msg::tests
else
    echo "skipped: no nightly Rust with miri and rust-src (rustup toolchain install nightly --component miri,rust-src)"
fi
echo "no report"
