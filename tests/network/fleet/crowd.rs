//! A hub restarts under many leaves while each key is written once more.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::member::{agree, values};
use common::Lib::Native;
use common::net::free_port;
use common::node::eventually;
use common::{Host, LONG, Node};

const LEAVES: usize = 240;
const PER_PROCESS: usize = 60;
const KEYS: usize = 2400;

#[test]
fn a_hub_that_restarts_under_many_leaves_brings_no_older_value_back() {
    let endpoint = format!("tcp://127.0.0.1:{}", free_port());
    let hub = Node::new(Native, "hub");
    hub.send("!mute");
    hub.bind_to(&endpoint);
    let hosts: Vec<Host> = (0..LEAVES / PER_PROCESS).map(|_| Host::new(Native)).collect();
    let leaves: Vec<Node> =
        (0..LEAVES).map(|i| hosts[i % hosts.len()].silent_node(&format!("leaf{i}"))).collect();
    for leaf in &leaves {
        leaf.send("!mute");
        leaf.connect(&endpoint);
    }
    let write = |round: usize, keys: std::ops::Range<usize>| {
        for key in keys {
            leaves[(key + round * 7) % LEAVES].publish(&format!("key{key}"), &format!("{round}"));
        }
    };
    write(1, 0..KEYS);
    let everywhere = || leaves.iter().chain([&hub]).all(|node| node.status() == KEYS);
    assert!(eventually(LONG * 2, everywhere), "all hold all");
    assert!(eventually(LONG * 2, || agree(&leaves.iter().chain([&hub]).collect::<Vec<_>>())));

    hub.host.kill();
    write(2, 0..KEYS / 2);
    let hub = Node::new(Native, "hub");
    hub.send("!mute");
    hub.bind_to(&endpoint);
    let start = Instant::now();
    write(2, KEYS / 2..KEYS);
    // A machine that has other things to do: the hub answers late, and not all at once
    for _ in 0..6 {
        sleep(Duration::from_millis(60));
        hub.host.stop();
        sleep(Duration::from_millis(350));
        hub.host.resume();
    }
    let nodes: Vec<&Node> = leaves.iter().chain([&hub]).collect();
    let keys: Vec<String> = (0..KEYS).map(|key| format!("key{key}")).collect();
    // What was written first may still be on its way where all agree for a moment
    let right = || values(&hub, &keys).iter().all(|value| value.as_deref() == Some("2"));
    let settled = eventually(LONG * 2, || {
        sleep(Duration::from_millis(200));
        hub.status() == KEYS && agree(&nodes)
    });
    println!("measured: {LEAVES} leaves agree {:?} after the hub's restart", start.elapsed());
    let older = values(&hub, &keys).iter().filter(|value| value.as_deref() != Some("2")).count();
    assert!(settled && right(), "all agree: {settled}; {older} of {KEYS} keys are at the older value");
}
