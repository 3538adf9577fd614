//! Networks that fall apart, go on by themselves, and meet again; nodes that come back to a network that went on.

use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::namespace::Hosts;
use super::network::{alone, ms, report, stats};
use super::tap::Tap;
use common::Lib::{Linked, Native, Preload};
use common::node::eventually;
use common::{LONG, Node, Stopwatch};

const EACH: usize = 10;
const BASE: u64 = 9000;
const KEYS: u64 = 1000;

fn roots(nodes: &[Node]) -> Vec<u64> {
    nodes.iter().map(|node| stats(node)["root"]).collect()
}

fn agree(nodes: &[Node]) -> bool {
    let roots = roots(nodes);
    roots.windows(2).all(|pair| pair[0] == pair[1])
}

/// Waits until nodes agree that hold this many tuples.
#[track_caller]
fn must_agree(nodes: &[Node], tuples: u64, limit: Duration) {
    let done = || stats(&nodes[0])["tuples"] == tuples && agree(nodes);
    assert!(eventually(limit, done), "{:?} tuples, roots {:x?}", stats(&nodes[0])["tuples"], roots(nodes));
}

/// Twice ten processes lose sight of each other for a while and write the same keys.
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn partition(time: Duration) {
    let _machine = alone();
    let hosts = match Hosts::new() {
        Ok(hosts) => hosts,
        Err(why) => {
            // Past the harness, which shows the output of failed tests only
            let _ = writeln!(std::io::stderr(), "skipped: no network namespaces here ({why})");
            return;
        }
    };
    let nodes: Vec<Node> = (0..2 * EACH)
        .map(|i| hosts.run(i / EACH, if i % 3 == 0 { Linked } else { Native }).node(&format!("n{i}")))
        .collect();
    for node in &nodes {
        node.send("!mute");
    }
    let endpoint = |side| format!("tcp://{}:5670", Hosts::address(side));
    for side in 0..2 {
        nodes[side * EACH].bind_to("tcp://0.0.0.0:5670");
        nodes[side * EACH + 1..(side + 1) * EACH].iter().for_each(|node| node.connect(&endpoint(side)));
    }
    must_agree(&nodes[..EACH], 0, LONG);
    nodes[3].send(&format!("!fill base 0 {BASE} 60"));
    must_agree(&nodes[..EACH], BASE, LONG);
    // What an exchange of everything costs
    let before = hosts.bytes();
    nodes[EACH].connect(&endpoint(0));
    must_agree(&nodes, BASE, LONG);
    let full = hosts.bytes() - before;
    // More ways between the two, and back
    nodes[5].connect(&endpoint(1));
    nodes[EACH + 5].connect(&endpoint(0));
    sleep(Duration::from_secs(3));
    must_agree(&nodes, BASE, LONG);

    hosts.part();
    let start = Instant::now();
    for round in 0..4 {
        sleep((time.mul_f64(0.05 + 0.3 * f64::from(round))).saturating_sub(start.elapsed()));
        for (i, node) in nodes.iter().enumerate() {
            let part = KEYS / EACH as u64;
            let first = part * (i % EACH) as u64;
            // Sizes tell who wrote it and when
            node.send(&format!("!fill key {first} {part} {}", 20 + 2 * round + (i / EACH) as u32));
        }
    }
    for side in nodes.chunks(EACH) {
        must_agree(side, BASE + KEYS, LONG);
    }
    assert!(!agree(&nodes), "they cannot see each other");
    sleep(time.saturating_sub(start.elapsed()));

    let before = hosts.bytes();
    hosts.join();
    let healed = Stopwatch::start();
    must_agree(&nodes, BASE + KEYS, LONG);
    let took = healed.elapsed();
    sleep(Duration::from_secs(3));
    let bytes = hosts.bytes() - before;
    must_agree(&nodes, BASE + KEYS, LONG);
    report(
        &format!("partition of 2 x {EACH} processes for {time:?}"),
        format_args!(
            "equal after {}; {bytes} bytes for {KEYS} keys that differ, {full} for all {BASE} at first",
            ms(took)
        ),
    );
    healed.check(took, Duration::from_secs(3), "agreement");
    let tuple = full as f64 / BASE as f64;
    let differ = 2.0 * KEYS as f64 * tuple;
    assert!((bytes as f64) < 3.0 * differ, "{bytes} bytes where {differ} differ");
}

#[test]
fn two_halves_that_meet_again_agree() {
    partition(Duration::from_secs(10));
}

#[test]
#[ignore = "long"]
fn two_halves_that_meet_again_after_a_minute_agree() {
    partition(Duration::from_secs(60));
}

/// A leaf is away for a short while and lacks a few of very many tuples.
fn rejoin(all: u64, lacking: u64) {
    let _machine = alone();
    let hub = Node::new(Native, "hub");
    let leaf = Node::new(Preload, "leaf");
    hub.send("!mute");
    leaf.send("!mute");
    let tap = Tap::counting(&hub.bind());
    hub.send(&format!("!fill key 0 {all} 63"));
    let hub_and_leaf = [hub, leaf];
    let [hub, leaf] = &hub_and_leaf;
    leaf.connect(&tap.endpoint);
    must_agree(&hub_and_leaf, all, LONG * 2);
    let full = tap.bytes();
    tap.cut();
    hub.send(&format!("!fill late 0 {lacking} 63"));
    hub.status();
    let before = (tap.bytes(), stats(hub), stats(leaf));
    tap.restore();
    let start = Instant::now();
    must_agree(&hub_and_leaf, all + lacking, LONG);
    let took = start.elapsed();
    let bytes = tap.bytes() - before.0;
    let counted =
        stats(hub)["bytes_out"] - before.1["bytes_out"] + stats(leaf)["bytes_out"] - before.2["bytes_out"];
    report(
        &format!("a leaf that lacks {lacking} of {all}"),
        format_args!(
            "{bytes} bytes, {counted} in messages, {full} for all of them: {:.3} %; equal after {}",
            bytes as f64 * 100.0 / full as f64,
            ms(took)
        ),
    );
    assert!(bytes * 100 < full, "{bytes} of {full}");
}

#[test]
fn a_leaf_that_lacks_a_few_of_very_many() {
    rejoin(100_000, 100);
}

/// A wire that carries nothing for a while, without a word to either end; and one that is changed for another.
#[test]
fn a_frozen_connection_is_found_out() {
    let _machine = super::network::shared();
    let hub = Node::new(Native, "hub");
    let leaf = Node::new(Preload, "leaf");
    let tap = Tap::recording(&hub.bind());
    leaf.connect(&tap.endpoint);
    leaf.publish("key", "before");
    hub.must_hold("key", "before");
    tap.freeze();
    leaf.publish("key", "by the leaf");
    leaf.must_hold("key", "by the leaf");
    // Later by the clock on the wall, which counts milliseconds
    sleep(Duration::from_millis(20));
    hub.publish("key", "by the hub");
    sleep(Duration::from_secs(8));
    assert_eq!(leaf.values_of("key").len(), 2, "nothing comes through");
    tap.restore();
    let start = Instant::now();
    leaf.must_hold("key", "by the hub");
    report("a connection frozen for 8 s", format_args!("equal after {}", ms(start.elapsed())));
    assert_eq!(hub.values_of("key").pop().as_deref(), Some("by the hub"));
}
