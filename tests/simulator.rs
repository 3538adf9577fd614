//! The gossip protocol in a simulated network, in virtual time.

#[path = "sim/mod.rs"]
mod sim;

use sim::faults::{self, Options};
use sim::{SECOND, for_seeds};

fn ours(nodes: usize, seed: u64) -> faults::Outcome {
    let options = Options::draw(nodes, 0, &mut fastrand::Rng::with_seed(!seed));
    faults::run(seed, &options, 30 * SECOND)
}

#[test]
fn our_nodes_agree_and_fall_silent_when_the_faults_end() {
    let outcomes = for_seeds("our_nodes_agree_and_fall_silent_when_the_faults_end", 30, |seed| ours(30, seed));
    let most = outcomes.iter().map(|o| o.settled).max().unwrap_or(0);
    println!("longest {} ms, steps {}", most / 1000, outcomes.iter().map(|o| o.steps).sum::<u64>());
}
