//! WATCH: which keys an owner is told of, and when it knows that this is all so far.

use std::thread::sleep;

use super::network::shared;
use common::Lib::{self, Linked, Native, Preload, Stock};
use common::node::eventually;
use common::{LONG, Node, SHORT};

/// The lines of a node but those about itself and of the replies.
fn told(node: &Node) -> Vec<String> {
    let lines = node.lines().into_iter();
    lines.filter(|line| !line.starts_with('!') && !line.starts_with("STATUS ")).collect()
}

/// The lines so far, once the node has carried out its commands.
#[track_caller]
fn asked(node: &Node) -> Vec<String> {
    node.status();
    told(node)
}

fn a_node_alone(lib: Lib) {
    let node = Node::new(lib, "node");
    node.publish("a/1", "x");
    node.publish("b/1", "x");
    assert_eq!(asked(&node), ["DELIVER a/1 x", "DELIVER b/1 x"]);
    // What is held comes once more, and there is nobody to wait for
    node.send("WATCH b/");
    assert_eq!(asked(&node)[2..], ["DELIVER b/1 x", "SYNCED b/"]);
    node.publish("a/1", "y");
    node.publish("b/1", "y");
    node.publish("b", "y");
    node.publish("c/1", "y");
    assert_eq!(asked(&node)[4..], ["DELIVER b/1 y"]);
    // A key that two prefixes begin
    node.send("WATCH b/1");
    assert_eq!(asked(&node)[5..], ["DELIVER b/1 y", "SYNCED b/1"]);
    node.publish("b/1", "z");
    node.send("UNWATCH b/");
    node.publish("b/2", "z");
    node.publish("b/12", "z");
    assert_eq!(asked(&node)[7..], ["DELIVER b/1 z", "DELIVER b/12 z"]);
    // Removals, and what is no event about a key
    node.send("SET server/events 1");
    node.send("RETRACT b/2");
    node.send("RETRACT b/12");
    node.send("UNWATCH b/");
    assert_eq!(asked(&node)[9..], ["RETRACT b/12", "ERROR UNWATCH this%20prefix%20is%20not%20watched"]);
    node.send("UNWATCH b/1");
    node.publish("b/1", "last");
    assert_eq!(asked(&node).len(), 11, "nothing is watched");
    node.send("WATCH c");
    assert_eq!(asked(&node)[11..], ["DELIVER c/1 y", "SYNCED c"]);
    node.send("WATCH %_");
    let mut all = asked(&node)[13..].to_vec();
    assert_eq!(all.pop().as_deref(), Some("SYNCED %_"));
    all.sort();
    assert_eq!(all, ["DELIVER a/1 y", "DELIVER b y", "DELIVER b/1 last", "DELIVER c/1 y"]);
}

#[test]
fn only_watched_keys_are_delivered_and_those_that_are_held_at_once() {
    for lib in [Native, Preload, Linked] {
        a_node_alone(lib);
    }
}

const MANY: usize = 3000;

/// A leaf watches what a hub has held for long.
fn syncs(hub_lib: Lib, leaf_lib: Lib) {
    let hub = Node::new(hub_lib, "hub");
    hub.send(&format!("!fill other/ 0 {MANY} 100"));
    hub.send("!fill mine/ 0 20 100");
    let endpoint = hub.bind();
    assert_eq!(hub.status(), MANY + 20);
    let leaf = Node::new(leaf_lib, "leaf");
    // The whole state of a hub that stands still is not there
    hub.host.stop();
    leaf.connect(&endpoint);
    leaf.send("WATCH mine/");
    leaf.status();
    sleep(SHORT);
    let hub_was_silent = told(&leaf);
    hub.host.resume();
    let synced = || told(&leaf).iter().filter(|line| *line == "SYNCED mine/").count();
    assert!(eventually(LONG, || synced() > 0), "{hub_lib:?}: {:?}", told(&leaf));
    assert_eq!(hub_was_silent, [""; 0], "{hub_lib:?}");
    let lines = told(&leaf);
    assert_eq!(lines.len(), 21, "{hub_lib:?}: {lines:?}");
    assert_eq!(lines[20], "SYNCED mine/");
    assert!(lines[..20].iter().all(|line| line.starts_with("DELIVER mine/")));
    assert_eq!(leaf.status(), MANY + 20, "the node itself holds everything");
    // A late WATCH knows at once
    leaf.send("WATCH other/1");
    let lines = asked(&leaf);
    let begun = (0..MANY).filter(|key| key.to_string().starts_with('1')).count();
    assert_eq!(lines.len(), 21 + begun + 1);
    assert_eq!(lines.last().map(String::as_str), Some("SYNCED other/1"));
    // From then on each change comes once, and no prefix is synced again
    hub.publish("mine/new", "1");
    hub.publish("other/2", "2");
    hub.publish("mine/last", "1");
    assert!(leaf.holds("mine/last", "1", LONG));
    assert_eq!(told(&leaf)[21 + begun + 1..], ["DELIVER mine/new 1", "DELIVER mine/last 1"]);
}

#[test]
fn synced_comes_once_behind_the_whole_state_of_a_hub() {
    let _machine = shared();
    for hub in [Stock, Native, Preload] {
        for leaf in [Native, Preload] {
            syncs(hub, leaf);
        }
    }
}

#[test]
fn a_hub_is_synced_with_the_list_of_its_first_client() {
    let _machine = shared();
    for client_lib in [Stock, Native] {
        let [hub, client] = [(Native, "hub"), (client_lib, "client")].map(|(lib, name)| Node::new(lib, name));
        client.send(&format!("!fill key 0 {MANY} 100"));
        client.status();
        hub.send("SET server/events 1");
        client.connect(&hub.bind());
        assert!(eventually(LONG, || told(&hub).iter().any(|line| line.starts_with("JOIN "))));
        hub.send("WATCH key1");
        assert!(eventually(LONG, || told(&hub).iter().any(|line| line == "SYNCED key1")), "{client_lib:?}");
        // The end of a plain client's list is a pause, which a busy machine may make in its middle
        let is_whole = || hub.status() == MANY;
        assert!(if client_lib == Stock { eventually(LONG, is_whole) } else { is_whole() }, "{client_lib:?}");
    }
}

#[test]
fn a_hub_that_is_not_there_is_waited_for_until_another_peer_is() {
    let _machine = shared();
    let [node, other] = ["node", "other"].map(|name| Node::new(Native, name));
    node.connect("tcp://127.0.0.1:1");
    node.publish("own", "1");
    assert_eq!(asked(&node), ["DELIVER own 1"]);
    node.send("WATCH other");
    node.send("UNWATCH other");
    node.send("WATCH o");
    assert_eq!(asked(&node)[1..], ["DELIVER own 1"]);
    sleep(SHORT);
    assert_eq!(asked(&node).len(), 2);
    other.publish("other", "1");
    node.connect(&other.bind());
    let last = || told(&node).last().cloned();
    assert!(eventually(LONG, || last().as_deref() == Some("SYNCED o")), "{:?}", told(&node));
    assert_eq!(told(&node)[2..], ["DELIVER other 1", "SYNCED o"]);
}

/// Zyre ends the program on any message but DELIVER.
#[test]
fn who_does_not_watch_sees_nothing_new_beside_those_who_do() {
    let _machine = shared();
    for silent_lib in [Stock, Preload, Linked] {
        let [hub, watcher, silent] = [(Native, "hub"), (Preload, "watcher"), (silent_lib, "silent")]
            .map(|(lib, name)| Node::new(lib, name));
        let endpoint = hub.bind();
        hub.send("WATCH a");
        for node in [&watcher, &silent] {
            node.connect(&endpoint);
        }
        watcher.send("WATCH a");
        watcher.publish("a", "1");
        watcher.publish("b", "1");
        silent.publish("c", "1");
        for key in ["a", "b", "c"] {
            assert!(silent.holds(key, "1", LONG), "{silent_lib:?}: {key}");
        }
        watcher.send("UNWATCH a");
        watcher.publish("last", "1");
        assert!(silent.holds("last", "1", LONG));
        let lines = asked(&silent);
        assert!(lines.iter().all(|line| line.starts_with("DELIVER ")), "{silent_lib:?}: {lines:?}");
        assert_eq!(lines.len(), 4, "{silent_lib:?}: {lines:?}");
    }
}
