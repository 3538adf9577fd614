#!/bin/sh
# A long run: what `make test` leaves out because it takes long, then real networks again and again.
#
#     ROUNDS=10 bench/soak.sh     so many times (3)
#     HOURS=8 bench/soak.sh       fleets of processes on bad lines for so long at the end (1)
#     ZGOSSIP_SIM_SEEDS=5         so many seeds of the simulator, instead of thousands
#     SOAK=quick                  a little of each kind, in a minute or two, to see that a long run would run
#
# A part that fails is told at the end, and the others run all the same.

set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
rounds=${ROUNDS:-3}
hours=${HOURS:-1}

began=$(date +%s)
failed=
say () {
    echo "soak: $(($(date +%s) - began)) s: $*"
}
# run NAME ARGUMENTS: tests of one kind, all that cargo and the test program are told.
run () {
    name=$1
    shift
    say "$name"
    $cargo test --release "$@" || failed="$failed
    $name"
}
finish () {
    say "done; failed: ${failed:-nothing}"
    [ -z "$failed" ]
    exit
}

if [ "${SOAK:-}" = quick ]; then
    # All parts but those of which even one seed, or one network, takes minutes.
    export ZGOSSIP_SIM_SEEDS=1 ZGOSSIP_FLEET_RUNS=1 ZGOSSIP_FLEET_SECONDS=5
    say "building"
    $cargo test --release --no-run --test sim --test network
    began=$(date +%s)
    run "the simulator: one seed of each kind" --test sim -- --ignored --nocapture simulator::soak_ \
        --skip soak_twenty_seeds_of_a_thousand_nodes
    run "everything that can happen in a small network" --test sim -- --ignored --nocapture \
        walk::soak_three_of_ours_in_a_chain
    run "real networks: peers that come and go" --test network -- --ignored --nocapture \
        soak_what_is_published_last_reaches_those_who_are_there
    run "fleets: one for 5 seconds" --test network -- --ignored --nocapture fleets_of_a_seed
    finish
fi

run "the simulator: thousands of seeds" --test sim -- --ignored --nocapture simulator::soak_
run "everything that can happen in small networks" --test sim -- --ignored --nocapture walk::soak_
# One of those that are left out is a fleet, and the other counts processor time, of which there is none to spare here.
run "real networks: long partitions, long silences, slow lines" --test network -- --ignored --nocapture \
    --skip fleets_of_a_seed --skip a_hub_with_40_descriptors
round=1
while [ "$round" -le "$rounds" ]; do
    run "real networks: round $round of $rounds" --test network -- --nocapture converge::
    round=$((round + 1))
done
end=$(($(date +%s) + hours * 3600))
fleet=1
while [ "$(date +%s)" -lt "$end" ]; do
    # Each time from a seed on that the clock gives, which a failure prints.
    run "fleets: real processes on bad lines, for $hours h, number $fleet" --test network -- --ignored --nocapture \
        fleets_of_a_seed
    fleet=$((fleet + 1))
done
finish
