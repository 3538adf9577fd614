//! A hub restarts under many leaves while each key is written once more.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::member::{agree, values};
use common::Lib::Native;
use common::net::free_port;
use common::node::eventually;
use common::{Host, LONG, Node};

const PER_PROCESS: usize = 60;

#[test]
fn a_hub_that_restarts_under_many_leaves_brings_no_older_value_back() {
    restart_under(240, 2400);
}

#[test]
#[ignore = "a minute on two processors"]
fn soak_a_hub_that_restarts_under_800_leaves() {
    restart_under(800, 3000);
}

/// Lets leaves write each of `count` keys while their hub restarts: all nodes end with what was written last.
fn restart_under(leaf_count: usize, count: usize) {
    let endpoint = format!("tcp://127.0.0.1:{}", free_port());
    let hub = Node::new(Native, "hub");
    hub.send("!mute");
    hub.bind_to(&endpoint);
    let hosts: Vec<Host> = (0..leaf_count.div_ceil(PER_PROCESS)).map(|_| Host::new(Native)).collect();
    let leaves: Vec<Node> =
        (0..leaf_count).map(|i| hosts[i % hosts.len()].silent_node(&format!("leaf{i}"))).collect();
    for leaf in &leaves {
        leaf.send("!mute");
        leaf.connect(&endpoint);
    }
    let write = |round: usize, keys: std::ops::Range<usize>| {
        for key in keys {
            leaves[(key + round * 7) % leaf_count].publish(&format!("key{key}"), &format!("{round}"));
        }
    };
    write(1, 0..count);
    let everywhere = || leaves.iter().chain([&hub]).all(|node| node.status() == count);
    assert!(eventually(LONG * 2, everywhere), "all hold all");
    assert!(eventually(LONG * 2, || agree(&leaves.iter().chain([&hub]).collect::<Vec<_>>())));

    hub.host.kill();
    write(2, 0..count / 2);
    let hub = Node::new(Native, "hub");
    hub.send("!mute");
    hub.bind_to(&endpoint);
    let start = Instant::now();
    write(2, count / 2..count);
    // A machine that has other things to do: the hub answers late, and not all at once
    for _ in 0..6 {
        sleep(Duration::from_millis(60));
        hub.host.stop();
        sleep(Duration::from_millis(350));
        hub.host.resume();
    }
    let nodes: Vec<&Node> = leaves.iter().chain([&hub]).collect();
    let keys: Vec<String> = (0..count).map(|key| format!("key{key}")).collect();
    // What was written first may still be on its way where all agree for a moment
    let right = || values(&hub, &keys).iter().all(|value| value.as_deref() == Some("2"));
    let settled = eventually(LONG * 2, || {
        sleep(Duration::from_millis(200));
        hub.status() == count && agree(&nodes)
    });
    println!("measured: {leaf_count} leaves agree {:?} after the hub's restart", start.elapsed());
    let older = values(&hub, &keys).iter().filter(|value| value.as_deref() != Some("2")).count();
    assert!(settled && right(), "all agree: {settled}; {older} of {count} keys are at the older value");
}
