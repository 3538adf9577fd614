#!/usr/bin/env bash
# Three processes over tcp discover each other's services. One of them is a
# stock CZMQ node. The one in the middle is killed and comes back.
#
# Ends with 0 when everybody learned everything, with 1 when something did not
# arrive. Takes a few seconds, and never more than half a minute.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

built=${BUILT:-${CARGO_TARGET_DIR:-target}/release}
if [ ! -e "$built/libzgossip.so" ]; then
    echo "demo: no library in $built; run make first" >&2
    exit 1
fi
work=$(mktemp -d)
pids=()

finish () {
    for pid in "${pids[@]}"; do
        kill -9 "$pid" 2> /dev/null || true
    done
    wait 2> /dev/null || true
    rm -rf "$work"
}
trap finish EXIT

# The names under which an installed library is found
mkdir -p "$work/lib" "$work/include"
ln -s "$(realpath "$built")/libzgossip.so" "$work/lib/libzgossip.so.1"
ln -s libzgossip.so.1 "$work/lib/libzgossip.so"
ln -s "$PWD/include" "$work/include/zgossip"

cc -Wall -Wextra -o "$work/registry" demo/registry.c \
    -I"$work/include" -L"$work/lib" -Wl,-rpath,"$work/lib" -lzgossip
cc -Wall -Wextra -o "$work/service" demo/service.c -lczmq -lzmq

# Output of a process goes to its own file, and to the screen
start () {
    local name=$1
    shift
    mkfifo "$work/$name.in"
    : > "$work/$name.out"
    "$@" < "$work/$name.in" > "$work/$name.out" 2>&1 &
    pids+=($!)
    started=$!
    disown "$started"
}

# Shows what a process has printed since this was last asked, in columns
declare -A shown=()
show () {
    local name line
    for name in registry camera printer; do
        [ -e "$work/$name.out" ] || continue
        while IFS= read -r line; do
            shown[$name]=$((${shown[$name]:-0} + 1))
            printf '  %-9s %s\n' "${line%% *}" "${line#* }"
        done < <(tail -n +$((${shown[$name]:-0} + 1)) "$work/$name.out")
    done
}

# Waits until a process has printed a line; gives up after ten seconds
await () {
    local name=$1 line=$2
    for _ in $(seq 200); do
        if grep -qF -- "$line" "$work/$name.out"; then
            return
        fi
        sleep 0.05
    done
    show
    echo "demo: $name did not print in time: $line" >&2
    exit 1
}

everyone_learns () {
    local name
    for name in registry camera printer; do
        await "$name" "$name learns service/$1"
    done
}

printf '%s\n' \
    'A network of three processes over tcp' \
    '  registry  a C program on zgossip.h, our library' \
    '  camera    a CZMQ program, our library preloaded' \
    '  printer   the same CZMQ program, with CZMQ'"'"'s own zgossip' ''

echo 'They find each other.'
start registry "$work/registry" 'tcp://127.0.0.1:*'
registry=$started
exec 3> "$work/registry.in"
await registry 'registry listens at'
endpoint=$(sed -n 's/^registry listens at //p' "$work/registry.out")
start camera env LD_PRELOAD="$work/lib/libzgossip.so.1" "$work/service" camera "$endpoint"
exec 4> "$work/camera.in"
start printer "$work/service" printer "$endpoint"
exec 5> "$work/printer.in"
echo 'service/camera rtsp://10.0.0.7:554' >&4
echo 'service/printer ipp://10.0.0.8:631' >&5
for service in registry camera printer; do
    everyone_learns "$service"
done
show

echo
echo 'The registry is killed. The camera has news meanwhile, which nobody can hear.'
kill -9 "$registry"
exec 3>&-
while kill -0 "$registry" 2> /dev/null; do sleep 0.02; done
echo 'service/recording rtsp://10.0.0.7:555' >&4
await camera 'camera learns service/recording'
show

echo
echo 'The registry starts again, with nothing in its memory.'
rm "$work/registry.in"
shown[registry]=0
start registry "$work/registry" "$endpoint"
exec 3> "$work/registry.in"
for service in registry camera printer recording; do
    everyone_learns "$service"
done
show

echo
echo 'Everybody knows everything again, the CZMQ node included.'
