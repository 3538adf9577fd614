//! Many nodes in one process, what each of them costs, and how soon one is
//! gone, whatever its peers do.

use std::time::Duration;

use common::build::czmq_program;
use common::net::free_port;
use common::{Finished, Host, LONG, Lib, Node, Process, Scratch, one_is_within, run};

fn swarm(lib: Lib, nodes: u32, tuples: u32, endpoint: &str) -> Finished {
    let mut command = czmq_program("swarm", lib);
    command.args([&nodes.to_string(), &tuples.to_string(), endpoint]);
    run(command, LONG * 4).check("the swarm")
}

/// The numbers on the line that begins with a word.
fn numbers(done: &Finished, word: &str) -> Vec<i64> {
    let line = done.out.lines().find(|line| line.starts_with(word)).expect("a line");
    line.split(' ').skip(1).map(|number| number.parse().expect("a number")).collect()
}

/// Longest time that the end of a node may take.
const SOON: Duration = Duration::from_millis(100);

fn hundred_nodes(endpoint: &str) {
    one_is_within(SOON, "the end of 95 of 100 nodes, each", || destroy_of_hundred_nodes(endpoint));
}

/// Returns the time in which the end of 95 of them returned.
fn destroy_of_hundred_nodes(endpoint: &str) -> Duration {
    let done = swarm(Lib::Preload, 100, 10, endpoint);
    assert!(done.out.contains("delivered all"), "{}", done.out);
    assert_eq!(numbers(&done, "status"), [1000, 1000], "{}", done.out);
    assert_eq!(numbers(&done, "deliveries"), [1000, 1000], "each tuple once: {}", done.out);
    // One for each of the 99 nodes started after the first was counted
    assert_eq!(numbers(&done, "threads"), [99], "{}", done.out);
    Duration::from_micros(numbers(&done, "destroy")[0] as u64)
}

#[test]
fn a_hundred_nodes_on_one_hub_over_tcp() {
    hundred_nodes("tcp://127.0.0.1:*");
}

#[test]
fn a_hundred_nodes_on_one_hub_over_ipc_and_inproc() {
    let scratch = Scratch::new();
    hundred_nodes(&scratch.ipc("hub"));
    hundred_nodes("inproc://hub");
}

/// Destroys until that took as long as it may.
#[track_caller]
fn soon_gone(what: &str, once: impl FnMut() -> Duration) {
    one_is_within(SOON, what, once);
}

/// A hub and a leaf of the node that will go.
fn with_peers(lib: Lib, peers: Lib) -> (Node, Node, Node) {
    let hub = Node::new(peers, "hub");
    let leaf = Node::new(peers, "leaf");
    let node = Node::new(lib, "node");
    node.connect(&hub.bind());
    leaf.connect(&node.bind());
    node.publish("key", "value");
    hub.must_hold("key", "value");
    leaf.must_hold("key", "value");
    (hub, leaf, node)
}

#[test]
fn destroy_is_soon_when_peers_are_well() {
    for lib in [Lib::Preload, Lib::Native] {
        soon_gone("peers are well", || with_peers(lib, Lib::Stock).2.destroy());
    }
}

#[test]
fn destroy_is_soon_when_peers_are_dead() {
    for lib in [Lib::Preload, Lib::Native] {
        soon_gone("peers are dead", || {
            let (hub, leaf, node) = with_peers(lib, Lib::Stock);
            hub.host.kill();
            leaf.host.kill();
            node.send("!fill key 0 500 100");
            node.destroy()
        });
    }
}

#[test]
fn destroy_is_soon_when_peers_are_stalled() {
    for lib in [Lib::Preload, Lib::Native] {
        soon_gone("peers are stalled", || {
            let (hub, leaf, node) = with_peers(lib, Lib::Preload);
            hub.host.stop();
            leaf.host.stop();
            // More than sockets hold
            node.send("!fill key 0 3000 3000");
            node.wait_for_line("!filled", LONG).expect("publishing is not blocked");
            node.destroy()
        });
    }
}

#[test]
fn destroy_is_soon_when_nobody_was_ever_there() {
    soon_gone("nobody there", || {
        let node = Node::new(Lib::Preload, "node");
        node.connect(&format!("tcp://127.0.0.1:{}", free_port()));
        node.connect("tcp://no-such-host.invalid:5555");
        node.connect("ipc:///tmp/no/such/place");
        node.connect("inproc://nowhere");
        node.send("!fill key 0 100 100");
        node.destroy()
    });
}

#[test]
fn destroy_is_soon_when_nothing_was_read() {
    soon_gone("nothing was read", || {
        let node = Node::new(Lib::Preload, "node");
        node.send("!pause");
        node.send("!fill key 0 20000 100");
        node.wait_for_line("!filled", LONG).expect("publishing is not blocked");
        node.destroy()
    });
}

/// A process ends when its nodes are gone, stalled peers or not.
#[test]
fn a_program_ends_whatever_its_peers_do() {
    for lib in [Lib::Preload, Lib::Native] {
        let (hub, leaf, node) = with_peers(lib, Lib::Preload);
        hub.host.stop();
        leaf.host.stop();
        node.send("!fill key 0 1000 1000");
        let host = node.host.clone();
        drop(node);
        let start = std::time::Instant::now();
        let done = host.quit().check("a program with stalled peers");
        assert!(done.success() && start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
}

/// Nodes come and go: nothing of them stays.
#[test]
fn nodes_that_are_gone_leave_nothing() {
    for lib in [Lib::Preload, Lib::Native] {
        let peer = Node::new(Lib::Preload, "peer");
        let endpoint = peer.bind();
        let host = Host::new(lib);
        let once = |round: u32| {
            let node = host.node("node");
            node.bind();
            node.connect(&endpoint);
            node.publish(&format!("key{round}"), "value");
            peer.must_hold(&format!("key{round}"), "value");
            node.destroy();
        };
        (0..3).for_each(once);
        let before = host.stats();
        (3..23).for_each(once);
        // libzmq closes what lingers a little later
        let settled = common::node::eventually(LONG, || {
            let now = host.stats();
            now[0] <= before[0] && now[1] <= before[1]
        });
        assert!(settled, "threads, descriptors, kB: {before:?} before, {:?} now", host.stats());
    }
}

/// A stopped peer costs its hub little memory, and gets what is current when
/// it goes on; everybody else goes on meanwhile.
#[test]
fn a_stalled_peer_stops_nobody_and_catches_up() {
    let hub = Node::new(Lib::Preload, "hub");
    let endpoint = hub.bind();
    let stalled = Node::new(Lib::Preload, "stalled");
    let reader = Node::new(Lib::Native, "reader");
    for leaf in [&stalled, &reader] {
        leaf.connect(&endpoint);
        leaf.publish("leaf", "there");
    }
    stalled.must_hold("leaf", "there");
    reader.must_hold("leaf", "there");
    hub.send("!fill key 0 200 500");
    reader.must_hold("key199", &padded(199, 500));
    stalled.host.stop();
    let before = hub.host.stats()[2];
    for round in 0..10 {
        hub.send("!fill key 0 200 500");
        hub.send(&format!("!update changing {} 5000", round * 5000));
    }
    reader.must_hold("changing", "49999");
    let grown = hub.host.stats()[2] - before;
    assert!(grown < 10_000, "{grown} kB for a stalled peer");
    stalled.host.resume();
    stalled.must_hold("changing", "49999");
    assert_eq!(stalled.status(), 202);
}

fn padded(number: u32, size: usize) -> String {
    let text = format!("{number:.<size$}");
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    if text.len() > 400 { format!("%#{}:{hash:016x}", text.len()) } else { text }
}

/// Promise of `Process` to all tests: no child survives its owner.
#[test]
fn a_stopped_process_is_killed_all_the_same() {
    let mut command = std::process::Command::new("sleep");
    command.arg("1000");
    let mut process = Process::spawn(command);
    process.stop();
    let id = process.id();
    drop(process);
    assert!(!std::path::Path::new(&format!("/proc/{id}/fd")).exists());
}
