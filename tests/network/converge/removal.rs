//! Tuples that are retracted, and tuples that live for a while.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::network::{ms, report, shared, stats, value};
use super::tap::Tap;
use common::Lib::{self, Linked, Native, Preload};
use common::net::{HELLO, RawClient, publish};
use common::node::eventually;
use common::{LONG, Node, Stopwatch};

const LIBS: [Lib; 6] = [Native, Preload, Linked, Native, Preload, Native];

/// A hub, three leaves, and two that are behind a tap each.
fn network() -> (Vec<Node>, Vec<Tap>, String) {
    let nodes: Vec<Node> =
        LIBS.iter().enumerate().map(|(i, &lib)| Node::new(lib, &format!("n{i}"))).collect();
    let endpoint = nodes[0].bind();
    nodes[1..4].iter().for_each(|node| node.connect(&endpoint));
    let taps = [Tap::counting(&endpoint), Tap::counting(&endpoint)];
    for (node, tap) in nodes[4..].iter().zip(&taps) {
        node.connect(&tap.endpoint);
    }
    (nodes, taps.into(), endpoint)
}

fn held_by(nodes: &[Node], key: &str) -> usize {
    nodes.iter().filter(|node| value(node, key).is_some()).count()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn a_removal_reaches_those_who_were_cut_off_and_plain_peers_cannot_undo_it() {
    let _machine = shared();
    let (nodes, taps, endpoint) = network();
    let cut_off = nodes[4].bind();
    for node in &nodes {
        node.send("SET server/events 1");
    }
    nodes[1].publish("key", "old");
    nodes[4].publish("stays", "here");
    for node in &nodes {
        node.must_hold("key", "old");
        node.must_hold("stays", "here");
    }
    let plain = [RawClient::connect(&endpoint), RawClient::connect(&cut_off)];
    for plain in &plain {
        plain.send(&[HELLO]);
    }
    let again = || plain.iter().for_each(|plain| plain.send(&[&publish(b"key", b"old")]));
    again();
    taps.iter().for_each(Tap::cut);
    for node in &nodes[4..] {
        let left = || node.lines().iter().any(|line| line.starts_with("LEAVE tcp:"));
        assert!(eventually(LONG, left), "they are cut off");
    }
    nodes[2].send("RETRACT key");
    let start = Instant::now();
    assert!(eventually(LONG, || held_by(&nodes[..4], "key") == 0));
    let near = start.elapsed();
    assert_eq!(held_by(&nodes[4..], "key"), 2, "they are cut off");
    again();
    sleep(Duration::from_millis(500));
    again();
    assert_eq!(held_by(&nodes[..4], "key"), 0, "a plain peer brought it back");
    taps.iter().for_each(Tap::restore);
    let start = Instant::now();
    assert!(eventually(LONG, || held_by(&nodes, "key") == 0), "{} still hold it", held_by(&nodes, "key"));
    let far = start.elapsed();
    // It comes again from those who know no better, also after they were away
    let late = RawClient::connect(&endpoint);
    late.send(&[HELLO]);
    for _ in 0..15 {
        again();
        late.send(&[&publish(b"key", b"old")]);
        sleep(Duration::from_millis(200));
        assert_eq!(held_by(&nodes, "key"), 0, "it came back");
    }
    for node in &nodes {
        assert_eq!(node.status(), 1);
        assert_eq!(stats(node)["tombstones"], 1);
        assert_eq!(value(node, "stays").as_deref(), Some("here"));
        assert_eq!(node.lines().iter().filter(|line| *line == "RETRACT key").count(), 1);
        assert_eq!(node.values_of("key"), ["old"]);
    }
    report("RETRACT", format_args!("near ones {}, those cut off {} after they are back", ms(near), ms(far)));
    // A new value is news, from a plain peer too, and a fresh publish of the old one
    plain[0].send(&[&publish(b"key", b"new")]);
    for node in &nodes {
        node.must_hold("key", "new");
    }
    nodes[5].send("RETRACT key");
    assert!(eventually(LONG, || held_by(&nodes, "key") == 0));
    nodes[3].publish("key", "old");
    assert!(eventually(LONG, || held_by(&nodes, "key") == nodes.len()));
}

/// A CZMQ leaf cannot be made to forget; its value does not come back by it, whatever it does.
#[test]
fn a_stock_leaf_that_still_holds_a_removed_tuple_does_not_bring_it_back() {
    let _machine = shared();
    let hub = Node::new(Native, "hub");
    let endpoint = hub.bind();
    let ours = Node::new(Preload, "ours");
    let stock = Node::new(Lib::Stock, "stock");
    let tap = Tap::counting(&endpoint);
    ours.connect(&endpoint);
    stock.connect(&tap.endpoint);
    stock.publish("key", "old");
    ours.must_hold("key", "old");
    ours.send("RETRACT key");
    assert!(eventually(LONG, || value(&hub, "key").is_none()));
    for round in 0..3 {
        tap.cut();
        sleep(Duration::from_millis(200));
        tap.restore();
        stock.publish(&format!("round{round}"), "there");
        ours.must_hold(&format!("round{round}"), "there");
        sleep(Duration::from_millis(700));
        assert_eq!((value(&hub, "key"), value(&ours, "key")), (None, None), "round {round}");
    }
    stock.publish("key", "new");
    ours.must_hold("key", "new");
}

const TTL: Duration = Duration::from_secs(2);
/// Time for the way of a tuple, and of a command and its answer.
const SLACK: Duration = Duration::from_millis(500);

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn a_tuple_expires_everywhere_unless_it_is_published_again() {
    let _machine = shared();
    let (nodes, taps, endpoint) = network();
    for node in &nodes {
        node.send("SET server/events 1");
    }
    nodes[1].publish("first", "there");
    for node in &nodes {
        node.must_hold("first", "there");
    }

    let start = Stopwatch::start();
    nodes[1].send("PUBLISH once value 2000");
    nodes[2].send("PUBLISH renewed value 2000");
    nodes[3].send("PUBLISH lasting value 2000");
    nodes[3].send("PUBLISH lasting value");
    for node in &nodes {
        node.must_hold("once", "value");
    }
    sleep(Duration::from_secs(1));
    nodes[2].send("PUBLISH renewed value 2000");
    // One that learns of it late gets the time that remains; one that is away lets it expire by itself
    let late = Node::new(Preload, "late");
    late.send("SET server/events 1");
    late.connect(&endpoint);
    late.must_hold("first", "there");
    taps[0].cut();
    let everyone: Vec<&Node> = nodes.iter().chain([&late]).collect();
    let early = everyone.iter().filter(|node| value(node, "once").is_none()).count();
    assert!(early == 0 || start.elapsed() > TTL, "{early} have lost it after {:?}", start.elapsed());
    let expired = |node: &&Node, key: &str| node.lines().contains(&format!("EXPIRE {key}"));
    assert!(eventually(LONG, || everyone.iter().all(|node| value(node, "once").is_none())));
    assert!(eventually(LONG, || nodes.iter().all(|node| expired(&node, "once"))));
    let took = start.elapsed();
    assert!(took >= TTL, "{took:?}");
    report("ttl of 2 s", format_args!("expired everywhere after {}", ms(took)));
    // Renewed each second until 7 s have passed
    while start.elapsed() < Duration::from_secs(7) {
        let renewed = Stopwatch::start();
        nodes[2].send("PUBLISH renewed value 2000");
        taps[0].restore();
        sleep(Duration::from_millis(950));
        let lost =
            everyone.iter().enumerate().filter(|&(i, node)| i != 4 && value(node, "renewed").is_none());
        let lost: Vec<usize> = lost.map(|(i, _)| i).collect();
        // On a machine that is too busy for this it may have expired in truth
        assert!(lost.is_empty() || renewed.elapsed() > TTL - SLACK, "nodes {lost:?} lost what was renewed");
    }
    let last = Stopwatch::start();
    assert!(eventually(LONG, || everyone.iter().all(|node| value(node, "renewed").is_none())));
    last.check(last.elapsed(), TTL + SLACK, "to expire after the last renewal");
    start.check(took, TTL + SLACK, "to expire everywhere");
    for node in &everyone {
        assert_eq!(value(node, "once"), None, "it came back");
        assert_eq!(value(node, "lasting").as_deref(), Some("value"));
        let again = node.values_of("renewed").len();
        assert!(again <= 2, "a renewal is no news: {again}");
    }
}
