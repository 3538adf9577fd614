//! Nodes of ours whose line broke while a key was written or removed bring nothing old when they return.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use super::member::{agree, value};
use super::relay::{Line, Relay};
use common::Lib::{Native, Preload};
use common::node::eventually;
use common::{LONG, Node};

/// A hub and a leaf, and the line between them.
struct Pair {
    hub: Node,
    leaf: Node,
    relay: Relay,
}

impl Pair {
    #[track_caller]
    fn meet(line: Line) -> Pair {
        let (hub, leaf) = (Node::new(Native, "hub"), Node::new(Preload, "leaf"));
        let relay = Relay::slow(&hub.bind(), line);
        leaf.connect(&relay.endpoint);
        leaf.publish("met", "yes");
        hub.must_hold("met", "yes");
        Pair { hub, leaf, relay }
    }

    /// Publishes on both nodes a tuple that the other gets, and with it everything that was sent before.
    #[track_caller]
    fn talk(&self) {
        self.leaf.publish("from leaf", "again");
        self.hub.must_hold("from leaf", "again");
        self.hub.publish("from hub", "again");
        self.leaf.must_hold("from hub", "again");
        assert!(eventually(LONG, || agree(&[&self.hub, &self.leaf])), "hub and leaf agree");
    }

    #[track_caller]
    fn must_have_new(&self, case: &str) {
        for (name, node) in [("hub", &self.hub), ("leaf", &self.leaf)] {
            let (held, told) = (value(node, "k"), node.values_of("k"));
            assert_eq!(held.as_deref(), Some("new"), "{case}: the {name} was told {told:?}");
            assert_eq!(told, ["old", "new"], "{case}: the {name} was told each value once, in order");
        }
    }
}

/// The leaf wrote `old` long ago; its line breaks, the hub writes `new`, the line comes back.
#[track_caller]
fn the_older_value_loses(line: Line, hub_stops_for: Duration) {
    let case = format!("{line:?}, hub stopped for {hub_stops_for:?}");
    let pair = Pair::meet(line);
    pair.leaf.publish("k", "old");
    pair.hub.must_hold("k", "old");
    pair.relay.cut();
    pair.hub.publish("k", "new");
    pair.hub.must_hold("k", "new");
    let before = pair.relay.bytes()[1];
    pair.relay.restore();
    if !hub_stops_for.is_zero() {
        // The hub's sockets have shaken hands; what the leaf says then finds the hub stopped
        let shaken = eventually_at_once(|| pair.relay.bytes()[1] >= before + HANDSHAKE);
        assert!(shaken, "{case}: the leaf comes back");
        pair.hub.host.stop();
        sleep(hub_stops_for);
        pair.hub.host.resume();
    }
    pair.leaf.holds("k", "new", LONG);
    pair.talk();
    pair.must_have_new(&case);
}

/// Bytes of ZMTP's greeting and a part of the READY that follows: fewer than a whole handshake.
const HANDSHAKE: u64 = 64 + 20;

/// Looks more often than others need to.
fn eventually_at_once(mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > LONG {
            return false;
        }
        sleep(Duration::from_millis(1));
    }
    true
}

#[test]
fn a_leaf_that_returns_over_a_line_of_up_to_a_second_each_way_brings_no_older_value_back() {
    let failed = scope(|scope| {
        let cases = [150, 300, 600, 1000]
            .map(|ms| (ms, scope.spawn(move || the_older_value_loses(Line::delay(ms), Duration::ZERO))));
        cases.into_iter().filter_map(|(ms, case)| case.join().is_err().then_some(ms)).collect::<Vec<_>>()
    });
    assert!(failed.is_empty(), "failed with so many milliseconds each way: {failed:?}");
}

#[test]
fn a_leaf_that_returns_to_a_hub_that_is_stopped_brings_no_older_value_back() {
    let failed = scope(|scope| {
        let cases = [300, 500, 2000].map(|ms| {
            let stop = Duration::from_millis(ms);
            (ms, scope.spawn(move || the_older_value_loses(Line::delay(60), stop)))
        });
        cases.into_iter().filter_map(|(ms, case)| case.join().is_err().then_some(ms)).collect::<Vec<_>>()
    });
    assert!(failed.is_empty(), "failed with a hub that was stopped for so many milliseconds: {failed:?}");
}

/// A leaf returns over a slow line with the value of a key that was removed meanwhile.
#[test]
fn a_leaf_that_returns_over_a_slow_line_brings_no_removed_key_back() {
    let pair = Pair::meet(Line::delay(300));
    pair.leaf.publish("k", "older");
    pair.hub.must_hold("k", "older");
    pair.hub.publish("k", "old");
    pair.leaf.must_hold("k", "old");
    pair.relay.cut();
    pair.hub.publish("k", "last");
    pair.hub.must_hold("k", "last");
    pair.hub.send("RETRACT k");
    assert!(eventually(LONG, || value(&pair.hub, "k").is_none()), "the hub removes it");
    pair.relay.restore();
    eventually(LONG, || value(&pair.leaf, "k").is_none());
    pair.talk();
    for (name, node) in [("hub", &pair.hub), ("leaf", &pair.leaf)] {
        assert_eq!(value(node, "k"), None, "the {name} was told {:?}", node.values_of("k"));
    }
}

/// A time to live is kept when its tuple is sent over a slow line to a hub that starts anew.
#[test]
fn a_leaf_that_returns_over_a_slow_line_does_not_make_a_value_eternal() {
    let mut pair = Pair::meet(Line::delay(300));
    pair.leaf.send("PUBLISH k brief 6000");
    pair.hub.must_hold("k", "brief");
    let written = Instant::now();
    pair.hub.host.kill();
    pair.hub = Node::new(Native, "hub");
    pair.relay.retarget(&pair.hub.bind());
    pair.talk();
    let gone = || [&pair.hub, &pair.leaf].iter().all(|node| value(node, "k").is_none());
    assert!(eventually(LONG, gone), "hub or leaf hold it {:?} later", written.elapsed());
}

/// RETRACT is a write, also where the key is not known yet.
#[test]
fn a_node_that_is_cut_off_removes_a_key_that_it_does_not_hold() {
    let pair = Pair::meet(Line::default());
    let third = Node::new(Native, "third");
    let line = Relay::new(&pair.hub.bind());
    third.connect(&line.endpoint);
    third.must_hold("met", "yes");
    line.cut();
    pair.leaf.publish("k", "value");
    pair.hub.must_hold("k", "value");
    assert_eq!(value(&third, "k"), None);
    // Nodes that have not heard of each other's writes order them by clocks that count milliseconds
    sleep(Duration::from_millis(5));
    third.send("RETRACT k");
    // It is done before anything else is heard
    assert_eq!(value(&third, "k"), None);
    line.restore();
    third.publish("from third", "again");
    pair.hub.must_hold("from third", "again");
    let nodes = [&pair.hub, &pair.leaf, &third];
    assert!(eventually(LONG, || agree(&nodes)), "all agree");
    for node in nodes {
        assert_eq!(value(node, "k"), None, "it was told {:?}", node.values_of("k"));
    }
    // A later write is news again
    pair.leaf.publish("k", "later");
    for node in &nodes {
        node.must_hold("k", "later");
    }
}
