//! Faults of CZMQ's zgossip, each as one body that runs on both
//! libraries: CZMQ's must show the fault, ours must not.

use std::thread::sleep;
use std::time::Duration;

use common::net::{HELLO, PING, RawClient, RawServer, free_port};
use common::{Host, LONG, Lib, Node, SHORT};

/// Longest time for a right answer: longer for ours, which must give one, than for CZMQ's, which does not.
fn patience(lib: Lib) -> Duration {
    if lib == Lib::Stock { Duration::from_secs(3) } else { LONG }
}

/// A hub that stays up and two leaves that say nothing for longer than
/// `server/timeout`, then one of them publishes.
fn publishes_after_silence(lib: Lib) -> bool {
    let hub = Node::new(lib, "hub");
    let endpoint = hub.bind();
    let leaves = [Node::new(lib, "left"), Node::new(lib, "right")];
    for leaf in &leaves {
        leaf.connect(&endpoint);
    }
    leaves[0].publish("before", "1");
    leaves[1].must_hold("before", "1");

    sleep(Duration::from_millis(2500));
    leaves[0].publish("after", "2");
    hub.holds("after", "2", patience(lib)) && leaves[1].holds("after", "2", patience(lib))
}

#[test]
fn a_tuple_published_after_silence_arrives() {
    assert!(!publishes_after_silence(Lib::Stock), "CZMQ loses it");
    assert!(publishes_after_silence(Lib::Preload));
}

/// A hub gets one frame that is no message, from a client of its own.
fn hub_survives_garbage(lib: Lib) -> bool {
    let hub = Node::new(lib, "hub");
    let client = RawClient::connect(&hub.bind());
    client.send(&[HELLO]);
    client.send(&[b"garbage"]);
    // The answer to what is sent behind the frame proves that the hub has seen it
    client.send(&[PING]);
    if client.receive_within(patience(lib)).is_none() {
        return false;
    }
    let leaf = Node::new(lib, "leaf");
    leaf.publish("key", "value");
    leaf.connect(&client.endpoint);
    let arrived = hub.holds("key", "value", patience(lib));
    arrived && hub.status_within(patience(lib)) == Some(1)
}

#[test]
fn a_malformed_frame_does_not_end_a_hub() {
    assert!(!hub_survives_garbage(Lib::Stock), "CZMQ's actor ends");
    assert!(hub_survives_garbage(Lib::Preload));
}

/// A client gets one frame that is no message, from its hub.
fn client_survives_garbage(lib: Lib) -> bool {
    let server = RawServer::bind();
    let node = Node::new(lib, "client");
    node.connect(&server.endpoint);
    let (peer, _) = server.receive().expect("a client says HELLO");
    server.send(&peer, &[b"garbage"]);
    node.publish("key", "value");
    // The frame is behind it once something sent later has arrived
    server.send(&peer, &[&common::net::publish(b"other", b"thing")]);
    node.holds("other", "thing", patience(lib)) && node.status_within(patience(lib)) == Some(2)
}

#[test]
fn a_malformed_frame_does_not_end_a_client() {
    assert!(!client_survives_garbage(Lib::Stock), "CZMQ's actor ends");
    assert!(client_survives_garbage(Lib::Preload));
}

/// A hub whose program reads nothing, with a publisher on one side and a
/// reader on the other. Returns whether the publisher got rid of all its
/// tuples and the reader got them.
fn forwards_while_unread(lib: Lib) -> (bool, bool) {
    const COUNT: usize = 12_000;
    let hub = Node::new(lib, "hub");
    let endpoint = hub.bind();
    hub.send("!pause");
    let reader = Node::new(lib, "reader");
    reader.connect(&endpoint);
    reader.publish("reader", "is there");
    let publisher = Node::new(lib, "publisher");
    publisher.connect(&endpoint);
    publisher.must_hold("reader", "is there");

    publisher.send(&format!("!fill key 0 {COUNT} 100"));
    let published = publisher.wait_for_line("!filled", patience(lib)).is_some();
    let all = reader.wait_tuples(patience(lib), |held| held.len() == COUNT + 1);
    (published, all)
}

#[test]
fn a_program_that_does_not_read_stops_nobody() {
    let (_, all) = forwards_while_unread(Lib::Stock);
    assert!(!all, "CZMQ's node stops forwarding");
    assert_eq!(forwards_while_unread(Lib::Preload), (true, true));
}

/// A program that publishes and does not read what its own node delivers.
fn publishes_without_reading(lib: Lib) -> bool {
    let node = Node::new(lib, "node");
    node.send("!pause");
    node.send("!fill key 0 12000 100");
    node.wait_for_line("!filled", patience(lib)).is_some()
}

#[test]
fn a_publisher_that_does_not_read_is_not_blocked() {
    assert!(!publishes_without_reading(Lib::Stock), "CZMQ blocks the program");
    assert!(publishes_without_reading(Lib::Preload));
}

/// A leaf that connected by host name, and a hub that is restarted. Returns
/// whether the leaf's process survived and whether the network healed.
fn survives_restart_by_name(lib: Lib) -> (bool, bool) {
    let port = free_port();
    let endpoint = format!("tcp://127.0.0.1:{port}");
    let hub = Node::new(lib, "hub");
    hub.bind_to(&endpoint);
    let leaf = Node::new(lib, "leaf");
    leaf.connect(&format!("tcp://localhost:{port}"));
    leaf.publish("leaf", "1");
    hub.must_hold("leaf", "1");

    hub.host.kill();
    let hub = Node::new(lib, "hub");
    hub.bind_to(&endpoint);
    hub.publish("hub", "2");
    let healed = leaf.holds("hub", "2", patience(lib)) && hub.holds("leaf", "1", patience(lib));
    (leaf.host.wait_end(SHORT).is_none(), healed)
}

#[test]
fn a_hub_connected_by_name_may_restart() {
    assert_eq!(survives_restart_by_name(Lib::Stock), (false, false), "CZMQ asserts");
    assert_eq!(survives_restart_by_name(Lib::Preload), (true, true));
}

/// Sends one command with too little in it, and asks for STATUS.
fn answers_after(lib: Lib, command: &str) -> bool {
    let node = Node::new(lib, "node");
    node.send(command);
    node.status_within(patience(lib)) == Some(0)
}

#[test]
fn commands_without_arguments_do_not_crash() {
    for command in ["PUBLISH key", "PUBLISH", "CONNECT", "LOAD", "CONFIGURE", "SET", "SET path"] {
        let stock = answers_after(Lib::Stock, command);
        let ours = answers_after(Lib::Preload, command);
        eprintln!("{command:12} CZMQ answers: {stock:5}  ours: {ours}");
        assert!(ours, "{command}");
    }
    for command in ["PUBLISH key", "PUBLISH", "CONNECT", "LOAD", "SET"] {
        assert!(!answers_after(Lib::Stock, command), "CZMQ crashes at {command}");
    }
}

/// A key of 300 bytes published on a hub with a leaf: how many tuples the leaf
/// and the hub hold once one of 1 byte, sent behind it, is there.
fn long_key(lib: Lib) -> (usize, usize) {
    let hub = Node::new(lib, "hub");
    let leaf = Node::new(lib, "leaf");
    leaf.publish("leaf", "is there");
    leaf.connect(&hub.bind());
    hub.must_hold("leaf", "is there");
    hub.send("PUBLISH %*300:k one");
    hub.publish("z", "1");
    leaf.must_hold("z", "1");
    (leaf.tuples().len(), hub.status())
}

#[test]
fn a_long_key_is_refused_and_not_cut() {
    assert_eq!(long_key(Lib::Stock).0, 3, "CZMQ delivers a key cut short");
    assert_eq!(long_key(Lib::Preload), (2, 2));
}

/// Threads and descriptors that ten CONNECTs cost, and whether they lead
/// anywhere.
fn cost_of_connects(lib: Lib) -> (i64, i64) {
    let others = Host::new(lib);
    let hubs: Vec<Node> = (0..10).map(|i| others.node(&format!("hub{i}"))).collect();
    let endpoints: Vec<String> = hubs.iter().map(Node::bind).collect();
    let host = Host::new(lib);
    let node = host.node("node");
    node.publish("key", "value");
    node.must_hold("key", "value");
    let before = host.stats();
    for endpoint in &endpoints {
        node.connect(endpoint);
    }
    for hub in &hubs {
        hub.must_hold("key", "value");
    }
    let after = host.stats();
    (after[0] - before[0], after[1] - before[1])
}

#[test]
fn a_connect_costs_no_thread_and_few_descriptors() {
    let (threads, descriptors) = cost_of_connects(Lib::Stock);
    assert!(threads >= 10 && descriptors >= 50, "CZMQ: {threads} threads, {descriptors} descriptors");
    let (threads, descriptors) = cost_of_connects(Lib::Preload);
    assert_eq!(threads, 0);
    assert!(descriptors <= 25, "ours: {descriptors} descriptors");
}

/// A node publishes, unpublishes, and is asked what it holds.
fn forgets(lib: Lib) -> bool {
    let node = Node::new(lib, "node");
    node.publish("key", "value");
    node.must_hold("key", "value");
    node.send("UNPUBLISH key");
    node.status() == 0
}

#[test]
fn a_tuple_can_be_unpublished() {
    assert!(!forgets(Lib::Stock), "CZMQ 4.2.1 knows no UNPUBLISH");
    assert!(forgets(Lib::Preload));
}
