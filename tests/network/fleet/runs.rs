//! Runs of fleets. A seed decides all but the timing of the machine, so a run that failed fails again often, not
//! always.
//!
//!     ZGOSSIP_FLEET_SEED=7 ZGOSSIP_FLEET_RUNS=1 make fleet     one seed again
//!     ZGOSSIP_FLEET_SECONDS=60                                 longer trouble (20)
//!     ZGOSSIP_FLEET_JOBS=4                                     runs at the same time (2)

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::plan::Plan;
use super::run::{Outcome, Run};
use common::Lib;

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
}

/// Goes through seeds, some at a time, and prints each that failed; then fails if any did.
#[track_caller]
fn run_seeds(seeds: &[u64], span: Duration, jobs: u64) {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            let ended = thread::Builder::new()
                .name(format!("fleet {seed}"))
                .spawn(move || Run::of(&Plan::new(seed, span)))
                .expect("a thread")
                .join();
            if !tell(seed, ended) {
                failed.lock().unwrap_or_else(|poison| poison.into_inner()).push(seed);
            }
        }
    };
    thread::scope(|scope| (0..jobs).for_each(|_| drop(scope.spawn(work))));
    let mut failed = failed.into_inner().unwrap_or_else(|poison| poison.into_inner());
    failed.sort_unstable();
    println!("measured: fleets: {} runs of {span:?}, {} failed", seeds.len(), failed.len());
    assert!(failed.is_empty(), "{} of {} runs failed; seeds {failed:?}", failed.len(), seeds.len());
}

/// Prints a run's failure, if it failed, and returns whether it went well.
fn tell(seed: u64, ended: thread::Result<Outcome>) -> bool {
    let Ok(outcome) = ended else {
        println!("seed {seed}: FAILED: the run itself came to no end");
        return false;
    };
    let (settled, writes) = (outcome.settled, outcome.writes);
    if outcome.failures.is_empty() {
        println!("seed {seed}: ok, {writes} writes, agreed within {settled:?}");
        return true;
    }
    let failures: Vec<String> = outcome.failures.iter().map(|failure| format!("    {failure}")).collect();
    println!(
        "seed {seed}: FAILED, {writes} writes, agreed within {settled:?}; {}\n{}",
        outcome.about,
        failures.join("\n")
    );
    false
}

/// Fleets of nodes of ours alone: where stock nodes take part an older value may stay, because their protocol has no
/// stamps.
#[test]
fn fleets_in_trouble_end_with_the_right_values() {
    let span = Duration::from_secs(5);
    let ours = (1..).filter(|&seed| !Plan::new(seed, span).libs.contains(&Lib::Stock));
    run_seeds(&ours.take(4).collect::<Vec<_>>(), span, 4);
}

/// Fleets of a seed, any number of runs, each with another one.
#[test]
#[ignore = "minutes: make fleet"]
fn fleets_of_a_seed_end_with_the_right_values() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let first = setting("ZGOSSIP_FLEET_SEED").unwrap_or(now.as_secs() % 1_000_000 * 1000);
    let count = setting("ZGOSSIP_FLEET_RUNS").unwrap_or(20);
    let span = Duration::from_secs(setting("ZGOSSIP_FLEET_SECONDS").unwrap_or(20));
    run_seeds(
        &(first..first + count).collect::<Vec<_>>(),
        span,
        setting("ZGOSSIP_FLEET_JOBS").unwrap_or(2).max(1),
    );
}
