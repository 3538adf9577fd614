#!/bin/sh
# Builds the library in two folders with different names, and compares: the bytes must be the same, and no path of this
# machine may be inside.

set -eu
cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
unset CARGO_TARGET_DIR

for folder in first "another folder"; do
    mkdir "$place/$folder"
    git ls-files -z | tar -c --null -T - | tar -x -C "$place/$folder"
    make -s -C "$place/$folder" all
    make -s -C "$place/$folder" install DESTDIR="$place/$folder/stage" PREFIX=/usr
done
for file in target/release/libzgossip.so target/release/libzgossip.a stage/usr/lib/libzgossip.a \
    "stage/usr/lib/libzgossip.so.$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)"; do
    cmp "$place/first/$file" "$place/another folder/$file"
    for path in "$place" "$HOME" "${CARGO_HOME:-$HOME/.cargo}"; do
        if grep -aqF "$path" "$place/first/$file"; then
            echo "$file names $path" >&2
            exit 1
        fi
    done
    echo "the same, $(wc -c < "$place/first/$file") bytes: $file"
done
