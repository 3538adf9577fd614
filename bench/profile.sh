#!/usr/bin/env bash
# Where the time goes on the hottest paths: instructions by layer, counted by callgrind; time by thread and layer,
# sampled by perf; system calls, counted by perf. Tables for doc/benchmarks/PROFILE.md on stdout.
#
#     bench/profile.sh                    everything, in two minutes
#     bench/profile.sh publish late ...   of these paths only: publish, pair, late, swarm
#
# The library must be built: `make profile` does that first. Counts of instructions vary by a percent from run to run,
# shares of time by several. Without perf, or the right to use it (root, or /proc/sys/kernel/perf_event_paranoid at -1),
# only instructions are counted.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

BENCH=build bench/run.sh > /dev/null
exec python3 bench/profile.py build/bench "$@"
