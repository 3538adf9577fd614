//! Tuples that outlive their node: real processes that are killed, files that are damaged, locked, full or somebody else's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::Lib::{Native, Stock};
use common::build::native_program;
use common::node::{Host, escape, eventually};
use common::{LONG, Node};

/// A directory that goes with its test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("zgossip-store-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes a node that keeps its tuples in a file.
fn keeper(name: &str, file: &Path) -> Node {
    let node = Node::new(Native, name);
    node.send("SET server/events 1");
    node.send(&format!("SET server/store {}", escape(file.as_os_str().as_encoded_bytes())));
    node
}

fn sync(node: &Node) {
    node.send("STORE%20SYNC");
    assert_eq!(node.wait_for_line("STORE%20SYNC", LONG).as_deref(), Some("0"), "{}", node.host.stderr());
}

fn says(node: &Node, text: &str) -> bool {
    eventually(LONG, || node.host.stderr().contains(text))
}

/// A node is killed again and again while it writes. What was synced before is there each time, with its last value or a
/// later one, and what was removed is not.
#[test]
fn a_killed_node_has_all_that_was_synced() {
    let directory = Directory::new("killed");
    let file = directory.file("tuples");
    let rounds = if std::env::var_os("ZGOSSIP_SOAK").is_some() { 500 } else { 12 };
    let mut synced = 0;
    for round in 1..=rounds {
        let node = keeper("node", &file);
        node.status();
        for key in 0..20 {
            let value =
                node.tuples().get(&format!("k{key}")).map_or(0, |value| value.parse().expect("a number"));
            assert!(value >= synced, "k{key} has {value} in round {round}, and {synced} was synced");
        }
        assert!(!node.tuples().contains_key("removed"), "round {round}");
        for key in 0..20 {
            node.publish(&format!("k{key}"), &round.to_string());
        }
        node.publish("removed", &round.to_string());
        node.send("RETRACT removed");
        sync(&node);
        synced = round;
        // These may be lost, or not.
        (0..round % 7 * 50).for_each(|number| node.publish("k3", &(round + number).to_string()));
        node.host.kill();
    }
}

/// All nodes of a network are switched off, in no order, and on again: it has its tuples, and nobody publishes them.
#[test]
fn a_network_that_is_switched_off_and_on_has_its_tuples() {
    let directory = Directory::new("off");
    let names = ["hub", "one", "other"];
    let files = names.map(|name| directory.file(name));
    let start = || -> [Node; 3] { std::array::from_fn(|place| keeper(names[place], &files[place])) };
    {
        let nodes = start();
        let endpoint = nodes[0].bind();
        nodes[1..].iter().for_each(|leaf| leaf.connect(&endpoint));
        for (node, name) in nodes.iter().zip(names) {
            node.publish(name, "value");
            node.publish("shared", name);
            node.publish("removed", name);
        }
        for node in &nodes {
            for name in names {
                node.must_hold(name, "value");
            }
        }
        nodes[1].send("RETRACT removed");
        for node in &nodes {
            assert!(eventually(LONG, || node.status() == 4), "{:?}", node.tuples());
            sync(node);
            node.host.kill();
        }
    }
    let nodes = start();
    let endpoint = nodes[0].bind();
    nodes[1..].iter().for_each(|leaf| leaf.connect(&endpoint));
    let newcomer = Node::new(Native, "newcomer");
    newcomer.connect(&endpoint);
    for node in nodes.iter().chain([&newcomer]) {
        for name in names {
            node.must_hold(name, "value");
        }
        assert!(!node.tuples().contains_key("removed") && node.status() == 4, "{:?}", node.tuples());
    }
}

/// What a hub with a file has is right against what a CZMQ client brings back from before.
#[test]
fn a_stock_client_brings_back_nothing_that_the_hub_has_replaced_or_removed() {
    let directory = Directory::new("stock");
    let file = directory.file("hub");
    let endpoint = format!("ipc://{}", directory.file("socket").display());
    let hub = keeper("hub", &file);
    hub.bind_to(&endpoint);
    let stock = Node::new(Stock, "stock");
    stock.connect(&endpoint);
    hub.publish("replaced", "old");
    hub.publish("removed", "old");
    stock.publish("stock's", "value");
    stock.must_hold("removed", "old");
    hub.must_hold("stock's", "value");
    stock.host.stop();
    hub.publish("replaced", "new");
    hub.send("RETRACT removed");
    sync(&hub);
    hub.host.kill();
    let hub = keeper("hub", &file);
    hub.bind_to(&endpoint);
    stock.host.resume();
    hub.publish("marker", "value");
    stock.must_hold("marker", "value");
    stock.must_hold("replaced", "new");
    stock.publish("last", "value");
    hub.must_hold("last", "value");
    assert_eq!(hub.tuples().get("replaced").map(String::as_str), Some("new"));
    assert!(!hub.tuples().contains_key("removed"), "{:?}", hub.tuples());
}

#[test]
fn a_file_that_cannot_be_used_is_refused_or_set_aside_and_the_node_goes_on() {
    let directory = Directory::new("bad");
    let file = directory.file("tuples");
    let first = keeper("first", &file);
    first.publish("key", "value");
    sync(&first);
    // Another process has it.
    let second = keeper("second", &file);
    assert!(says(&second, "another node keeps its tuples there"));
    second.publish("works", "still");
    assert_eq!(second.status(), 1);
    second.send("STORE%20SYNC");
    assert_eq!(second.wait_for_line("STORE%20SYNC", LONG).as_deref(), Some("-1"));
    first.host.kill();
    // Something else is there, which stays as it is.
    let letter = directory.file("letter");
    fs::write(&letter, "Dear Madam").unwrap();
    assert!(says(&keeper("third", &letter), "is something else than a store"));
    assert_eq!(fs::read(&letter).unwrap(), b"Dear Madam");
    assert!(says(&keeper("fourth", &directory.0), "cannot keep tuples"));
    // The file is garbled from its middle on, cut off, or all zeros: set aside, and nothing crashes.
    let good = fs::read(&file).unwrap();
    for (round, damage) in ["header", "half", "zeros"].into_iter().enumerate() {
        let mut bytes = good.clone();
        match damage {
            "header" => bytes[16..4096].fill(0xA5),
            "half" => bytes.truncate(good.len() / 2 + 100),
            _ => bytes.fill(0),
        }
        fs::write(&file, bytes).unwrap();
        let node = keeper("fifth", &file);
        assert!(says(&node, "is damaged and was renamed to"), "{damage}: {}", node.host.stderr());
        node.publish("key", damage);
        sync(&node);
        node.host.kill();
        let node = keeper("sixth", &file);
        node.must_hold("key", damage);
        assert!(directory.file(&format!("tuples.damaged-{}", round + 1)).exists());
        node.host.kill();
    }
}

#[test]
fn a_file_is_set_before_there_are_peers() {
    let directory = Directory::new("late");
    let hub = Node::new(Native, "hub");
    let endpoint = hub.bind();
    let node = keeper("node", &directory.file("one"));
    node.connect(&endpoint);
    node.publish("key", "value");
    hub.must_hold("key", "value");
    for (node, name) in [(&node, "other"), (&hub, "hub")] {
        let other = directory.file(name);
        node.send(&format!("SET server/store {}", escape(other.as_os_str().as_encoded_bytes())));
        assert!(
            says(node, "the store is set once, before BIND, CONNECT and ANNOUNCE"),
            "{}",
            node.host.stderr()
        );
        assert!(!other.exists());
    }
    sync(&node);
}

/// The disk is full for a while: the node says so and goes on, and its file has everything when there is room again.
#[test]
fn a_full_disk_holds_up_nobody_and_the_file_catches_up() {
    let directory = Directory::new("full");
    let mut command = Command::new("unshare");
    let prepare =
        "mount -t tmpfs -o size=4m none \"$0\" && head -c 2500k /dev/zero > \"$0/ballast\" && exec \"$@\"";
    let program = native_program("native_node");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", prepare])
        .arg(&directory.0)
        .arg(program.get_program());
    let node = Host::run(command).node("node");
    let file = directory.file("tuples");
    node.send(&format!("SET server/store {}", escape(file.as_os_str().as_encoded_bytes())));
    let value = "x".repeat(100_000);
    (0..20).for_each(|key| node.publish(&format!("k{key}"), &value));
    assert!(says(&node, "it is tried again"), "{}", node.host.stderr());
    assert_eq!(node.status(), 20);
    let ballast = format!("/proc/{}/root{}", node.host.id(), directory.file("ballast").display());
    fs::remove_file(ballast).unwrap();
    sync(&node);
    assert!(says(&node, "has everything again"), "{}", node.host.stderr());
}
