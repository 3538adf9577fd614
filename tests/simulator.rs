//! The gossip protocol in a simulated network, in virtual time.

#[path = "sim/mod.rs"]
mod sim;

use sim::faults::{self, Options};
use sim::mixed::{Trial, WORKLOADS, Workload, topologies, trial};
use sim::{SECOND, for_seeds};

fn ours(nodes: usize, seed: u64) -> faults::Outcome {
    let options = Options::draw(nodes, 0, &mut fastrand::Rng::with_seed(!seed));
    faults::run(seed, &options, 30 * SECOND)
}

#[test]
fn our_nodes_agree_and_fall_silent_when_the_faults_end() {
    let outcomes =
        for_seeds("our_nodes_agree_and_fall_silent_when_the_faults_end", 30, |seed| ours(30, seed));
    let most = outcomes.iter().map(|o| o.settled).max().unwrap_or(0);
    println!("longest {} ms, steps {}", most / 1000, outcomes.iter().map(|o| o.steps).sum::<u64>());
}

#[test]
fn our_nodes_and_stock_nodes_agree_when_the_faults_end() {
    let outcomes = for_seeds("our_nodes_and_stock_nodes_agree_when_the_faults_end", 30, |seed| {
        let options = Options::draw(20, 6, &mut fastrand::Rng::with_seed(!seed));
        faults::run(seed, &options, 60 * SECOND)
    });
    let most = outcomes.iter().map(|o| o.settled).max().unwrap_or(0);
    println!("longest {} ms, steps {}", most / 1000, outcomes.iter().map(|o| o.steps).sum::<u64>());
}

/// Every topology and workload of the mixed model, with the real state machine.
fn mixed(test: &str, seeds: u64, turned: bool) {
    println!(
        "{:46}{:14}{:>9}{:>9}{:>10}{:>9}{:>9}",
        "topology", "workload", "disagree", "endless", "last lost", "messages", "silence"
    );
    let mut bad = 0;
    for topology in topologies() {
        for workload in WORKLOADS {
            if workload == Workload::StockWriter && topology.plain == 0 {
                continue;
            }
            let rows = for_seeds(test, seeds, |seed| (seed, trial(&topology, workload, seed, turned)));
            let failed = |test: fn(&Trial) -> bool| rows.iter().filter(|(_, row)| test(row)).count();
            let most = |number: fn(&Trial) -> u64| rows.iter().map(|(_, row)| number(row)).max().unwrap_or(0);
            println!(
                "{:46}{:14}{:9}{:9}{:10}{:9}{:8.1}s",
                topology.name,
                format!("{workload:?}"),
                failed(|row| row.disagree.is_some()),
                failed(|row| row.endless),
                failed(|row| row.lost),
                most(|row| row.messages),
                most(|row| row.silence) as f64 / SECOND as f64
            );
            for (seed, row) in
                rows.iter().filter(|(_, row)| row.disagree.is_some() || row.endless || row.lost)
            {
                bad += 1;
                if bad < 10 {
                    println!("    ZGOSSIP_SIM_SEED={seed}: {row:?}");
                }
            }
        }
    }
    assert_eq!(bad, 0, "runs that did not settle");
}

#[test]
fn one_key_settles_among_our_nodes_and_stock_nodes() {
    mixed("one_key_settles_among_our_nodes_and_stock_nodes", 20, false);
}

#[test]
fn one_key_settles_whoever_connects_to_whom() {
    mixed("one_key_settles_whoever_connects_to_whom", 20, true);
}
