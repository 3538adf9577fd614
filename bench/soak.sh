#!/bin/sh
# A long run: what `make test` leaves out because it takes long, then real networks again and again.
#
#     ROUNDS=10 bench/soak.sh     so many times (3)

set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
rounds=${ROUNDS:-3}

began=$(date +%s)
say () {
    echo "soak: $(($(date +%s) - began)) s: $*"
}

say "the simulator: thousands of seeds"
$cargo test --release --test simulator -- --ignored --nocapture soak_
say "everything that can happen in small networks"
$cargo test --release --test walk -- --ignored --nocapture soak_
say "real networks: long partitions, long silences"
$cargo test --release --test converge -- --ignored --nocapture
round=1
while [ "$round" -le "$rounds" ]; do
    say "real networks: round $round of $rounds"
    $cargo test --release --test converge -- --nocapture
    round=$((round + 1))
done
say "done"
