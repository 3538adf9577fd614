//! Peers that stand still, and what they cost the others.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::network::{memory, ms, report, shared};
use common::Lib::{self, Native, Preload, Stock};
use common::{LONG, Node, Tuples};

const KEYS: usize = 1000;
const ROUNDS: usize = 100;

fn tuples(round: usize) -> Tuples {
    (0..KEYS).map(|key| (format!("key{key}"), format!("{key:.<width$}", width = 20 + round))).collect()
}

/// A peer stands still for a while; 1 000 keys change 100 000 times meanwhile.
#[track_caller]
fn stands_still(peer: Lib, peer_is_hub: bool, time: Duration) {
    let _machine = shared();
    let node = Node::new(Native, "node");
    let stopped = Node::new(peer, "stopped");
    let reader = Node::new(Native, "reader");
    reader.connect(&node.bind());
    if peer_is_hub {
        node.connect(&stopped.bind());
    } else {
        stopped.connect(&node.bind());
    }
    // What the keys and the first burst take is not what the peer costs
    for round in 0..20 {
        node.send(&format!("!fill key 0 {KEYS} {}", 20 + round));
    }
    stopped.must_hold_all(&tuples(19));
    reader.must_hold_all(&tuples(19));
    stopped.host.stop();
    let start = Instant::now();
    let before = memory(node.host.id());
    let mut most = 0;
    for round in 0..ROUNDS {
        node.send(&format!("!fill key 0 {KEYS} {}", 40 + round));
        let due = time.mul_f64(round as f64 / ROUNDS as f64);
        sleep(due.saturating_sub(start.elapsed()));
        most = most.max(memory(node.host.id()) - before);
    }
    let last = tuples(20 + ROUNDS - 1);
    reader.must_hold_all(&last);
    sleep(time.saturating_sub(start.elapsed()));
    most = most.max(memory(node.host.id()) - before);
    let told = stopped.delivered().len();
    let known = reader.delivered().len();
    stopped.host.resume();
    let resumed = Instant::now();
    stopped.must_hold_all(&last);
    let took = resumed.elapsed();
    let told = stopped.delivered().len() - told;
    // What it repeats late is older than what the others hold, and nobody takes it for news.
    node.must_hold_all(&last);
    assert_eq!(reader.delivered()[known..], [], "nobody else sees an older value");
    report(
        &format!("{peer:?} stopped for {time:?}, a hub: {peer_is_hub}"),
        format_args!(
            "{most} kB for {} updates; caught up in {} with {told} deliveries",
            KEYS * ROUNDS,
            ms(took)
        ),
    );
    assert!(most < 10_000, "{most} kB");
    assert!(took < LONG);
}

const SHORT: Duration = Duration::from_secs(6);
const LONGER: Duration = Duration::from_secs(30);

#[test]
fn a_leaf_of_ours_that_stands_still_holds_up_nobody() {
    stands_still(Preload, false, SHORT);
}

#[test]
fn a_hub_of_ours_that_stands_still_catches_up() {
    stands_still(Native, true, SHORT);
}

#[test]
fn a_stock_leaf_that_stands_still_holds_up_nobody() {
    stands_still(Stock, false, SHORT);
}

#[test]
#[ignore = "long"]
fn peers_stand_still_for_half_a_minute() {
    for peer in [Preload, Native, Stock] {
        for is_hub in [false, true] {
            stands_still(peer, is_hub, LONGER);
        }
    }
}
