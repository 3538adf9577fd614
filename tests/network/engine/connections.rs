//! Nodes find each other, lose each other, and find each other again.

use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::one_is_within;

use super::harness::{Node, PATIENCE, unique};

/// Longest time that a node may take to end, whatever its peers do.
const FAREWELL: Duration = Duration::from_millis(100);

fn exchange(one: &Node, two: &Node, round: &str) {
    one.publish(&format!("one-{round}"), round);
    two.publish(&format!("two-{round}"), round);
    one.expect(&format!("two-{round}"), round);
    two.expect(&format!("one-{round}"), round);
}

/// An endpoint whose port was free a moment ago.
fn free_tcp() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("tcp://127.0.0.1:{port}")
}

#[test]
fn tuples_travel_both_ways_over_every_transport() {
    for endpoint in [free_tcp(), unique("ipc"), unique("inproc")] {
        let (hub, leaf) = (Node::new(), Node::new());
        hub.publish("before", "1");
        leaf.publish("too", "2");
        hub.bind(&endpoint).unwrap();
        leaf.connect(&endpoint);
        hub.expect("too", "2");
        leaf.expect("before", "1");
        exchange(&hub, &leaf, "x");
        hub.expect_peers(1);
        leaf.expect_peers(1);
        assert_eq!(leaf.peers(), [endpoint.as_str()]);
        assert!(!hub.peers()[0].is_empty());
    }
}

/// A remote that cannot be reached is reported once, with what is known, and again when it can be reached.
#[test]
fn who_cannot_be_reached_is_named_and_why_and_when_it_is_there() {
    let (closed, nobody) = (free_tcp(), unique("ipc"));
    let name = "tcp://no-such-host.invalid:5670".to_string();
    let leaf = Node::new();
    for endpoint in [&closed, &nobody, &name] {
        leaf.connect(endpoint);
    }
    assert!(leaf.wait_for(PATIENCE, |_, _| leaf.unreachable.borrow().len() == 3), "all are told");
    let why = |endpoint: &String| {
        let all = leaf.unreachable.borrow();
        let (_, why) = all.iter().find(|(other, _)| other == endpoint).expect("each is named");
        assert_eq!(leaf.log.count(&format!("cannot connect to {endpoint}: {why}")), 1);
        why.clone()
    };
    assert_eq!(why(&closed), "nobody accepts connections there");
    assert_eq!(why(&nobody), "there is no such socket");
    // The rest is the system's word.
    assert!(why(&name).starts_with("its name has no address: "), "{}", why(&name));
    let hub = Node::new();
    hub.bind(&closed).unwrap();
    leaf.expect_peers(1);
    assert_eq!(leaf.log.count(&format!("connected to {closed}")), 1);
}

#[test]
fn connecting_may_come_before_binding() {
    for endpoint in [free_tcp(), unique("ipc"), unique("inproc")] {
        let (hub, leaf) = (Node::new(), Node::new());
        leaf.connect(&endpoint);
        leaf.publish("early", "1");
        hub.bind(&endpoint).unwrap();
        hub.expect("early", "1");
        exchange(&hub, &leaf, "x");
    }
}

/// A hub ends, and others take its place.
fn restart(bound: &str, connected: &str) {
    let leaf = Node::new();
    leaf.publish("leaf", "1");
    leaf.connect(connected);
    for round in ["first", "second", "third"] {
        let hub = Node::new();
        hub.bind_again(bound);
        leaf.expect_peers(1);
        hub.expect("leaf", "1");
        exchange(&hub, &leaf, round);
        // The last words of a hub count, too.
        hub.publish("goodbye", round);
        drop(hub);
        leaf.expect("goodbye", round);
        leaf.expect_peers(0);
    }
}

#[test]
fn a_restarted_hub_is_found_again_by_number() {
    let endpoint = free_tcp();
    restart(&endpoint, &endpoint);
}

#[test]
fn a_restarted_hub_is_found_again_by_name() {
    let endpoint = free_tcp();
    restart(&endpoint, &endpoint.replace("127.0.0.1", "localhost"));
}

#[test]
fn a_restarted_hub_is_found_again_over_ipc() {
    let endpoint = unique("ipc");
    restart(&endpoint, &endpoint);
}

#[test]
fn a_restarted_hub_is_found_again_within_the_process() {
    let endpoint = unique("inproc");
    restart(&endpoint, &endpoint);
}

#[test]
fn a_restarted_leaf_is_met_again() {
    for endpoint in [free_tcp(), unique("ipc"), unique("inproc")] {
        let hub = Node::new();
        hub.publish("hub", "1");
        hub.bind(&endpoint).unwrap();
        for round in ["first", "second"] {
            let leaf = Node::new();
            leaf.connect(&endpoint);
            leaf.expect("hub", "1");
            exchange(&hub, &leaf, round);
            // Ending at once loses nothing of what was said to a peer that is there.
            leaf.publish("goodbye", round);
            drop(leaf);
            hub.expect("goodbye", round);
        }
    }
}

#[test]
fn many_remotes_share_a_socket_and_are_told_apart() {
    let hubs: Vec<(Node, String)> = (0..5)
        .map(|_| {
            let (hub, endpoint) = (Node::new(), free_tcp());
            hub.bind(&endpoint).unwrap();
            (hub, endpoint)
        })
        .collect();
    let leaf = Node::new();
    for (_, endpoint) in &hubs {
        leaf.connect(endpoint);
    }
    leaf.expect_peers(5);
    for (number, (hub, endpoint)) in hubs.into_iter().enumerate() {
        drop(hub);
        leaf.expect_peers(4);
        assert!(!leaf.peers().contains(&endpoint));
        let hub = Node::new();
        hub.bind_again(&endpoint);
        leaf.expect_peers(5);
        exchange(&leaf, &hub, &number.to_string());
        std::mem::forget(hub); // stays for the rest of the test
    }
}

#[test]
fn connecting_twice_greets_again_over_the_same_connection() {
    let (hub, leaf) = (Node::new(), Node::new());
    let endpoint = format!("tcp://127.0.0.1:{}", hub.listen());
    for round in 0..3 {
        leaf.connect(&endpoint);
        leaf.expect_peers(1);
        exchange(&hub, &leaf, &round.to_string());
    }
    hub.expect_peers(1);
}

#[test]
fn what_is_disconnected_stays_disconnected() {
    for endpoint in [free_tcp(), unique("inproc")] {
        let (hub, leaf) = (Node::new(), Node::new());
        hub.bind(&endpoint).unwrap();
        leaf.connect(&endpoint);
        exchange(&hub, &leaf, "x");
        leaf.expect_peers(1);
        let bytes = endpoint.clone().into_bytes();
        leaf.call(move |engine| engine.disconnect(&bytes)).unwrap();
        leaf.expect_peers(0);
        let bytes = endpoint.clone().into_bytes();
        leaf.call(move |engine| engine.disconnect(&bytes)).unwrap_err();
        // And can be connected again.
        leaf.connect(&endpoint);
        leaf.expect_peers(1);
        exchange(&hub, &leaf, "y");
    }
}

#[test]
fn a_circle_of_nodes_agrees_and_falls_silent() {
    let nodes: Vec<Node> = (0..6).map(|_| Node::new()).collect();
    let endpoints: Vec<String> =
        nodes.iter().map(|node| format!("tcp://127.0.0.1:{}", node.listen())).collect();
    for (place, node) in nodes.iter().enumerate() {
        node.connect(&endpoints[(place + 1) % endpoints.len()]);
        node.publish(&format!("key {place}"), "1");
    }
    for node in &nodes {
        node.expect_count(6);
    }
    let turns = || nodes.iter().map(|node| node.turns.load(Ordering::Relaxed)).sum::<usize>();
    // Heartbeats remain: a few a second on each link.
    let before = turns();
    nodes[0].wait_for(Duration::from_secs(1), |_, _| false);
    let spent = turns() - before;
    assert!(spent < 600, "{spent} turns of 6 idle nodes in a second");
}

#[test]
fn ending_takes_no_time_whatever_the_peers_do() {
    one_is_within(FAREWELL, "the end of a node with odd peers", end_with_odd_peers);
}

fn end_with_odd_peers() -> Duration {
    let node = Node::new();
    let port = node.listen();
    for number in 0..2000 {
        node.publish(&format!("key {number}"), &"x".repeat(1000));
    }
    // A peer that says HELLO and never reads.
    let context = zmq::Context::new();
    let stalled = context.socket(zmq::DEALER).unwrap();
    stalled.set_rcvhwm(1).unwrap();
    stalled.set_linger(0).unwrap();
    stalled.connect(&format!("tcp://127.0.0.1:{port}")).unwrap();
    stalled.send(&b"\xAA\xA0\x01\x01"[..], 0).unwrap();
    node.expect_peers(1);
    // One that accepts and says nothing, and one that is not there; within the process the same.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    node.connect(&format!("tcp://127.0.0.1:{}", mute.local_addr().unwrap().port()));
    node.connect(&free_tcp());
    node.connect("tcp://no-such-host.invalid:1");
    node.connect(&unique("inproc"));
    node.connect(&unique("ipc"));
    node.end()
}

#[test]
fn a_thousand_tuples_arrive_at_twenty_leaves() {
    let hub = Node::new();
    let endpoint = format!("tcp://127.0.0.1:{}", hub.listen());
    let leaves: Vec<Node> = (0..20).map(|_| Node::new()).collect();
    for leaf in &leaves {
        leaf.connect(&endpoint);
    }
    let start = Instant::now();
    for (number, leaf) in leaves.iter().enumerate() {
        leaf.call(move |engine| {
            let now = engine.now();
            for tuple in 0..50 {
                engine.node().publish(format!("{number}/{tuple}").as_bytes(), b"value", 0, now).unwrap();
            }
        });
    }
    for node in leaves.iter().chain([&hub]) {
        node.expect_count(1000);
    }
    assert!(start.elapsed() < PATIENCE);
}

/// 20 000 tuples of a node that is ended in the same breath, and whose hub is ended right after it. All arrive, or the
/// owner of the node that ended is told that they did not. Returns the longer of the two ends.
fn publish_and_end() -> Duration {
    const KEYS: usize = 20_000;
    let hub = Node::new();
    let endpoint = format!("tcp://127.0.0.1:{}", hub.listen());
    let (leaf, other) = (Node::new(), Node::new());
    leaf.connect(&endpoint);
    other.connect(&endpoint);
    leaf.expect_peers(1);
    other.expect_peers(1);
    leaf.call(|engine| {
        let now = engine.now();
        for key in 0..KEYS {
            engine.node().publish(format!("key {key}").as_bytes(), &[b'x'; 60], 0, now).unwrap();
        }
    });
    let logs = [&leaf, &hub].map(|node| node.log.clone());
    let end_of_leaf = leaf.end();
    if logs[0].count("unsent") > 0 {
        return end_of_leaf;
    }
    hub.expect_count(KEYS);
    let end_of_hub = hub.end();
    if logs[1].count("unsent") == 0 {
        other.expect_count(KEYS);
    }
    end_of_leaf.max(end_of_hub)
}

#[test]
fn what_is_published_last_reaches_those_who_are_there() {
    (0..2).for_each(|_| _ = publish_and_end());
    one_is_within(FAREWELL, "the end of a node that has published", publish_and_end);
}

#[test]
#[ignore = "takes a while"]
fn soak_what_is_published_last_reaches_those_who_are_there() {
    (0..40).for_each(|_| _ = publish_and_end());
}

#[test]
fn the_owner_is_told_how_much_peers_did_not_take_before_the_end() {
    one_is_within(FAREWELL, "the end of a node whose peers do not read", end_with_peers_that_do_not_read);
}

fn end_with_peers_that_do_not_read() -> Duration {
    const KEYS: usize = 20_000;
    let node = Node::new();
    let port = node.listen();
    let context = zmq::Context::new();
    // Two of which one never reads.
    let peers = [1, 0].map(|queue| {
        let peer = context.socket(zmq::DEALER).unwrap();
        peer.set_rcvhwm(queue).unwrap();
        peer.set_linger(0).unwrap();
        peer.connect(&format!("tcp://127.0.0.1:{port}")).unwrap();
        peer.send(&b"\xAA\xA0\x01\x01"[..], 0).unwrap();
        peer
    });
    node.expect_peers(2);
    node.call(|engine| {
        let now = engine.now();
        for key in 0..KEYS {
            engine.node().publish(format!("key {key}").as_bytes(), &[b'x'; 1000], 0, now).unwrap();
        }
    });
    let log = node.log.clone();
    let taken = node.end();
    assert_eq!(log.count("test: the node has ended with tuples unsent: "), 1);
    drop(peers);
    taken
}

/// Frames that a hub has handed over linger on the connections that it accepted.
#[test]
fn the_last_words_of_a_hub_reach_all_who_take_them() {
    one_is_within(FAREWELL, "the end of a hub that has published", hub_publishes_and_ends);
}

fn hub_publishes_and_ends() -> Duration {
    const KEYS: usize = 20_000;
    let hub = Node::new();
    let endpoint = format!("tcp://127.0.0.1:{}", hub.listen());
    let leaves = [Node::new(), Node::new()];
    for leaf in &leaves {
        leaf.connect(&endpoint);
        leaf.expect_peers(1);
    }
    hub.expect_peers(2);
    hub.call(|engine| {
        let now = engine.now();
        for key in 0..KEYS {
            engine.node().publish(format!("key {key}").as_bytes(), &[b'x'; 1000], 0, now).unwrap();
        }
    });
    // One who has come only now lacks everything.
    let newcomer = Node::new();
    newcomer.connect(&endpoint);
    newcomer.expect_peers(1);
    hub.expect_peers(3);
    let log = hub.log.clone();
    let taken = hub.end();
    // On a machine that has too much else to do some may be left, but then the owner knows.
    if log.count("tuples unsent") == 0 {
        leaves.iter().chain([&newcomer]).for_each(|node| node.expect_count(KEYS));
    }
    taken
}

#[test]
fn a_node_may_connect_to_itself() {
    for endpoint in [free_tcp(), unique("inproc")] {
        let (node, other) = (Node::new(), Node::new());
        node.bind(&endpoint).unwrap();
        node.connect(&endpoint);
        other.connect(&endpoint);
        node.expect_peers(1); // the other alone
        exchange(&node, &other, "x");
        let turns = node.turns.load(Ordering::Relaxed);
        node.wait_for(Duration::from_millis(500), |_, _| false);
        assert!(node.turns.load(Ordering::Relaxed) - turns < 100);
    }
}
