//! A clock that cannot be right follows the network.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use super::member::value;
use common::Lib::Native;
use common::build::native_program;
use common::node::eventually;
use common::{Compile, Host, LONG, Node, Tuples};

const HOUR: i64 = 3_600_000;

fn since_1970() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64
}

fn skewed(ms: i64, name: &str) -> Node {
    let shim = Compile::ctest("skew.c").warnings().flags(&["-shared", "-fPIC"]).build();
    let mut command: Command = native_program("native_node");
    command.env("LD_PRELOAD", shim).env("SKEW_MS", ms.to_string());
    Host::run(command).node(name)
}

/// Three nodes in a row or around a hub; the wrong one is the hub or a leaf. Every node gets every tuple, and what
/// is written last stays.
#[track_caller]
fn passes_everything(ms: i64, wrong_hub: bool) {
    let case = format!("{ms} ms, hub: {wrong_hub}");
    let name = ["hub", "one", "two"];
    let nodes: Vec<Node> = (0..3)
        .map(
            |i| if wrong_hub == (i == 0) && i < 2 { skewed(ms, name[i]) } else { Node::new(Native, name[i]) },
        )
        .collect();
    let endpoint = nodes[0].bind();
    // Written before they meet, and after
    let mut all = Tuples::new();
    let mut publish_some = |when: &str| {
        for (i, node) in nodes.iter().enumerate() {
            for key in 0..15 {
                let (key, value) = (format!("{when} {i} {key}"), format!("by {i}"));
                node.publish(&key, &value);
                all.insert(key, value);
            }
        }
        all.clone()
    };
    publish_some("before");
    nodes[1..].iter().for_each(|node| node.connect(&endpoint));
    let early = publish_some("after");
    let complete = |node: &Node| early.iter().all(|tuple| node.tuples().get(tuple.0) == Some(tuple.1));
    let all_complete = eventually(LONG, || nodes.iter().all(complete));
    let held: Vec<usize> = nodes.iter().map(|node| node.tuples().len()).collect();
    assert!(all_complete, "{case}: hub, one and two hold {held:?} of {}", early.len());
    // Later writes win, whoever wrote
    for round in 0..3 {
        for (writer, node) in nodes.iter().enumerate() {
            let text = format!("{round} by {writer}");
            node.publish("key", &text);
            for (i, node) in nodes.iter().enumerate() {
                let held = node.holds("key", &text, LONG);
                assert!(held, "{case}: node {i} holds {:?}, not {text}", value(node, "key"));
            }
        }
    }
    nodes[2].send("RETRACT key");
    let gone = eventually(LONG, || nodes.iter().all(|node| value(node, "key").is_none()));
    assert!(gone, "{case}: removed everywhere");
}

#[test]
fn a_hub_whose_clock_says_1970_passes_everything_on() {
    passes_everything(-since_1970(), true);
}

#[test]
fn a_hub_whose_clock_is_two_hours_slow_passes_everything_on() {
    passes_everything(-2 * HOUR, true);
}

#[test]
fn a_leaf_whose_clock_says_1970_holds_everything() {
    passes_everything(-since_1970(), false);
}

#[test]
fn a_leaf_whose_clock_is_two_hours_slow_holds_everything() {
    passes_everything(-2 * HOUR, false);
}
