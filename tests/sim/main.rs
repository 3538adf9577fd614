//! The core without sockets: a simulated network, every order of events in small ones, and records of real nodes.
//!
//! A simulated network is deterministic: the state machine and the bytes are the real ones, everything else is made up.
//! One number, the seed, decides all that happens, so a run that failed can be run again and examined. Time is virtual
//! and jumps to the next event. Nodes are driven exactly as the engine drives them: an input, then the outputs until
//! there are none. After every input the invariants of `ours` are checked. At the end of a run the faults stop, and
//! within a stated time all nodes have to agree and fall silent.
//!
//! | file | concern |
//! | --- | --- |
//! | `simulator` | random faults in simulated networks, for a number of seeds |
//! | `walk` | everything that can happen in small networks, in every order |
//! | `stock_model` | the model of CZMQ's node answers as CZMQ's own does |
//! | `replay` | the flight recorder in real nodes: its record replays to the same bytes |
//! | `net` | time, events, nodes |
//! | `wire` | connections and what happens to them |
//! | `watch` | what can be seen of a run: counts, values, a trace |
//! | `ours` | a zgossip node, its driver, and what must hold after every step |
//! | `stock` | a model of a CZMQ node |
//! | `mixed` | how one key settles among zgossip nodes and CZMQ nodes |
//! | `faults` | the options of a run and the faults that it schedules |
//! | `worse` | more faults: lines, processes, clocks, settings |
//! | `scenarios`, `stock_scenarios` | what is promised, one case each, without and with CZMQ nodes |
//! | `owner` | commands of owners |
//! | `oracle`, `judge` | what owners wrote, and which value is the right one |
//! | `truth` | whether `agreement` and barriers tell the truth |
//! | `record` | each node's record replays to the same bytes |
//! | `rights` | worlds in which hubs have rules of who may read and write what |
//! | `right_value`, `refusal`, `clocks`, `wan` | more promises: the value that stays, limits, clocks, long lines |
//! | `churn` | nodes that come and go for good, by the thousand |
//! | `warnings` | what nodes warn of, and that they do not where nothing is wrong |
//! | `verdict` | whether all nodes agree and the network is silent |
//! | `arrivals` | when each tuple came to each node |
//! | `delivery` | the tree against flooding, under faults |
//! | `turns` | the work of single calls where there are very many tuples and links |
//! | `scale` | time and messages in networks of up to 10 000 nodes |
//! | `print` | a fingerprint of each run, to compare two builds |
//! | `fuzz` | the inputs that the fuzzers keep |
//! | `report` | the tables of `delivery` and `scale`, in doc/benchmarks |

mod arrivals;
mod churn;
mod clocks;
mod delivery;
mod faults;
mod fuzz;
mod judge;
mod mixed;
mod net;
mod oracle;
mod ours;
mod owner;
mod print;
mod record;
mod refusal;
mod replay;
mod report;
mod right_value;
mod rights;
mod scale;
mod scenarios;
mod simulator;
mod stock;
mod stock_model;
mod stock_scenarios;
mod topology;
mod truth;
mod turns;
mod verdict;
mod walk;
mod wan;
mod warnings;
mod watch;
mod wire;
mod worse;

use net::{MS, SECOND};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs a test for a number of seeds. `ZGOSSIP_SIM_SEED` runs a single one, `ZGOSSIP_SIM_SEEDS` more or fewer of them;
/// after `ZGOSSIP_SIM_FAILURES` failures the test ends. Each seed that fails is named in one line, with the command that
/// runs it again.
#[track_caller]
fn for_seeds<T>(test: &str, count: u64, run: impl Fn(u64) -> T) -> Vec<T> {
    let enough = number("ZGOSSIP_SIM_FAILURES").unwrap_or(5) as usize;
    let seeds = match number("ZGOSSIP_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = number("ZGOSSIP_SIM_FIRST").unwrap_or(0);
            first..first + number("ZGOSSIP_SIM_SEEDS").unwrap_or(count)
        }
    };
    let (mut results, mut failed) = (Vec::new(), Vec::new());
    for seed in seeds {
        match catch_unwind(AssertUnwindSafe(|| run(seed))) {
            Ok(result) => results.push(result),
            Err(_) => {
                eprintln!(
                    "simulation failed; again with: ZGOSSIP_SIM_SEED={seed} cargo test --test sim -- \
                     --include-ignored --nocapture {test}"
                );
                failed.push(seed);
            }
        }
        if failed.len() == enough {
            break;
        }
    }
    assert!(failed.is_empty(), "seeds {failed:?} failed, {} did not", results.len());
    results
}

/// Runs jobs, as many at a time as there are processors. The results are in the order of the jobs.
fn in_parallel<J: Sync, T: Send>(jobs: &[J], run: impl Fn(&J) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let work = || {
        while let Some((number, job)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|number| Some((number, jobs.get(number)?)))
        {
            let result = run(job);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((number, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|&(number, _)| number);
    results.into_iter().map(|(_, result)| result).collect()
}
