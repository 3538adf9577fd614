//! Hubs that are killed and come back empty, again and again, while their leaves publish.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use super::network::{ms, report, shared};
use common::Lib::{self, Native, Preload, Stock};
use common::net::free_port;
use common::node::eventually;
use common::{LONG, Node, Stopwatch, Tuples};

/// Times (ms) for which the hub lives: some are shorter than it needs to be there, others longer than its leaves need
/// to come back.
const LIVES: [u64; 10] = [700, 50, 300, 1500, 0, 900, 120, 400, 20, 600];

/// Time after the last restart of a hub within which all are equal.
const SOON: Duration = Duration::from_secs(3);

fn ten_restarts(hub_lib: Lib, leaf_libs: &[Lib], by_name: bool) {
    let port = free_port();
    let hub_endpoint = format!("tcp://127.0.0.1:{port}");
    let endpoint = if by_name { format!("tcp://localhost:{port}") } else { hub_endpoint.clone() };
    let mut hub = Node::new(hub_lib, "hub");
    hub.bind_to(&hub_endpoint);
    let leaves: Vec<Node> =
        leaf_libs.iter().enumerate().map(|(i, &lib)| Node::new(lib, &format!("leaf{i}"))).collect();
    for leaf in &leaves {
        leaf.connect(&endpoint);
    }
    let (mut all, mut number) = (Tuples::new(), 0);
    let mut publish = |all: &mut Tuples| {
        let leaf = number % leaves.len();
        let (key, value) = (format!("key{number}"), format!("by leaf{leaf}"));
        leaves[leaf].publish(&key, &value);
        all.insert(key, value);
        number += 1;
    };
    for life in LIVES {
        let end = Instant::now() + Duration::from_millis(life);
        while Instant::now() < end {
            publish(&mut all);
            sleep(Duration::from_millis(10));
        }
        hub.host.kill();
        (0..10).for_each(|_| publish(&mut all));
        hub = Node::new(hub_lib, "hub");
        hub.bind_to(&hub_endpoint);
    }
    let restarted = Stopwatch::start();
    // A client of CZMQ's learns that its hub has changed when it says something
    (0..leaves.len()).for_each(|_| publish(&mut all));
    let everyone: Vec<&Node> = leaves.iter().chain([&hub]).collect();
    let complete = |node: &&Node| all.iter().all(|pair| node.tuples().get(pair.0) == Some(pair.1));
    let equal = eventually(LONG, || everyone.iter().all(complete));
    let took = restarted.elapsed();
    for (i, node) in everyone.iter().enumerate() {
        let held = node.tuples();
        let lacking: Vec<_> = all.iter().filter(|pair| held.get(pair.0) != Some(pair.1)).collect();
        assert!(
            lacking.is_empty(),
            "node {i} of {leaf_libs:?} and {hub_lib:?} lacks {lacking:?} of {}",
            all.len()
        );
    }
    assert!(equal);
    report(
        &format!("10 restarts of a {hub_lib:?} hub, leaves {leaf_libs:?}, by name {by_name}"),
        format_args!("{} tuples, all equal {} after the last", all.len(), ms(took)),
    );
    restarted.check(took, SOON, "agreement after the last restart");
}

#[track_caller]
fn at_once(runs: &[(Lib, [Lib; 3], bool)]) {
    let _machine = shared();
    scope(|scope| {
        for &(hub, leaves, by_name) in runs {
            scope.spawn(move || ten_restarts(hub, &leaves, by_name));
        }
    });
}

#[test]
fn all_tuples_are_back_each_of_ten_times_that_our_hub_restarts() {
    at_once(&[
        (Native, [Preload, Native, Preload], true),
        (Preload, [Native, Preload, Native], false),
        // By number: by name, CZMQ's client aborts
        (Native, [Stock, Preload, Native], false),
    ]);
}

#[test]
fn all_tuples_are_back_each_of_ten_times_that_a_stock_hub_restarts() {
    at_once(&[(Stock, [Preload, Native, Preload], true), (Stock, [Native, Preload, Native], false)]);
}

/// A node that comes back without memory and gives its old key a new value wins over its former self.
#[test]
fn a_node_wins_over_its_former_self() {
    let _machine = shared();
    let hub = Node::new(Native, "hub");
    let endpoint = hub.bind();
    let other = Node::new(Preload, "other");
    other.connect(&endpoint);
    for life in 0..5 {
        let node = Node::new(if life % 2 == 0 { Preload } else { Native }, "node");
        // Before it can have heard of the old value, and after
        let value = format!("of life {life}");
        if life < 3 {
            node.publish("key", &value);
            node.connect(&endpoint);
        } else {
            node.connect(&endpoint);
            node.publish("key", &value);
        }
        for node in &[&hub, &other, &node] {
            node.must_hold("key", &value);
        }
        sleep(Duration::from_millis(300));
        for node in [&hub, &other, &node] {
            assert_eq!(node.values_of("key").pop().as_ref(), Some(&value));
        }
        node.host.kill();
    }
}
