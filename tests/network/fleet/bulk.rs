//! Large transfers on slow lines: what is written now overtakes them, nothing is sent twice, and a peer lives as
//! long as bytes pass.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::member::value;
use super::relay::{Line, Relay};
use common::Lib::{Native, Preload};
use common::node::eventually;
use common::{LONG, Node, Stopwatch};

#[test]
fn a_fresh_write_overtakes_what_a_newcomer_still_lacks() {
    const KEYS: usize = 20_000;
    const SIZE: usize = 300;
    let (hub, leaf, newcomer) =
        (Node::new(Native, "hub"), Node::new(Native, "leaf"), Node::new(Native, "newcomer"));
    for node in &[&hub, &leaf, &newcomer] {
        node.send("!mute");
    }
    let endpoint = hub.bind();
    leaf.connect(&endpoint);
    hub.send(&format!("!fill key 0 {KEYS} {SIZE}"));
    assert!(eventually(LONG, || leaf.status() == KEYS));
    let relay = Relay::slow(&endpoint, Line::delay(10).megabits(8.0));
    let sent = |node: &Node| node.counter("tuples_out");
    let before = sent(&hub);
    let watch = Stopwatch::start();
    newcomer.connect(&relay.endpoint);
    assert!(eventually(LONG, || newcomer.status() > 500), "the newcomer begins to receive");
    let mut slowest = Duration::ZERO;
    let mut writes = 0;
    while newcomer.status() < KEYS * 3 / 4 {
        writes += 1;
        let text = format!("{writes}");
        let written = Instant::now();
        leaf.publish("fresh", &text);
        let there = eventually(LONG, || value(&newcomer, "fresh").as_ref() == Some(&text));
        assert!(there, "the newcomer has {:?}", value(&newcomer, "fresh"));
        slowest = slowest.max(written.elapsed());
        sleep(Duration::from_millis(300));
    }
    assert!(eventually(LONG * 2, || newcomer.status() == KEYS + 1), "all arrive");
    let took = watch.elapsed();
    let twice = newcomer.counter("duplicates");
    let twice_at_leaf = leaf.counter("duplicates");
    let tuples = sent(&hub) - before;
    println!(
        "measured: {KEYS} tuples within {took:?}, fresh ones within {slowest:?}; {tuples} tuples sent, {twice} duplicates, {} bytes, \
         {} connections, the leaf got {} twice",
        relay.bytes()[1],
        relay.accepted(),
        twice_at_leaf,
    );
    assert!(writes >= 2, "{writes} writes while it received");
    watch.check(slowest, Duration::from_millis(1500), "a fresh write");
    let needed = KEYS as u64 + 2 * writes + 10;
    assert!(tuples <= needed + KEYS as u64 / 50, "{tuples} tuples sent, {needed} needed");
    assert!(twice <= KEYS as u64 / 50, "{twice} received twice");
    // The leaf was a newcomer, too, while the hub was filled.
    assert!(twice_at_leaf <= KEYS as u64 / 50, "{twice_at_leaf} received twice by the leaf");
}

/// A frame takes longer on the line than a silent peer is waited for.
#[test]
fn a_large_value_on_a_slow_line_arrives_and_what_is_behind_it() {
    for large_at_hub in [true, false] {
        let (hub, leaf) = (Node::new(Native, "hub"), Node::new(Preload, "leaf"));
        let relay = Relay::slow(&hub.bind(), Line::delay(20).megabits(4.0));
        let (writer, reader) = if large_at_hub { (&hub, &leaf) } else { (&leaf, &hub) };
        writer.send("PUBLISH large %*4000000:x");
        writer.publish("small", "one");
        let start = Instant::now();
        leaf.connect(&relay.endpoint);
        let there =
            reader.wait_tuples(LONG * 2, |held| held.contains_key("large") && held.contains_key("small"));
        let case = format!("large at the hub: {large_at_hub}, connections made: {}", relay.accepted());
        assert!(there, "{case}; there are {:?}", reader.tuples().keys());
        println!("measured: a value of 4 MB on 4 Mbit/s within {:?}; {case}", start.elapsed());
        assert_eq!(relay.accepted(), 1, "{case}");
    }
}
