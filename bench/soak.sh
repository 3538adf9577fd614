#!/bin/sh
# A long run: what `make test` leaves out because it takes long, then real networks again and again.
#
#     ROUNDS=10 bench/soak.sh     so many times (3)
#     HOURS=8 bench/soak.sh       fleets of processes on bad lines for so long at the end (1)

set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
rounds=${ROUNDS:-3}
hours=${HOURS:-1}

began=$(date +%s)
say () {
    echo "soak: $(($(date +%s) - began)) s: $*"
}

say "the simulator: thousands of seeds"
$cargo test --release --test sim -- --ignored --nocapture simulator::soak_
say "everything that can happen in small networks"
$cargo test --release --test sim -- --ignored --nocapture walk::soak_
say "real networks: long partitions, long silences"
$cargo test --release --test network -- --ignored --nocapture converge::
round=1
while [ "$round" -le "$rounds" ]; do
    say "real networks: round $round of $rounds"
    $cargo test --release --test network -- --nocapture converge::
    round=$((round + 1))
done
say "fleets: real processes on bad lines, $hours h"
end=$(($(date +%s) + hours * 3600))
failed=0
while [ "$(date +%s)" -lt "$end" ]; do
    # Each time from a seed on that the clock gives; a failure is told with its seed, and the others go on
    $cargo test --release --test network -- --ignored --nocapture fleets_of_a_seed || failed=$((failed + 1))
done
say "done; rounds of fleets that failed: $failed"
[ "$failed" -eq 0 ]
