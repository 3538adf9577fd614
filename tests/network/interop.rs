//! Networks of our nodes and CZMQ's in separate processes: hub and leaf, tcp
//! and ipc, silence, restarts of either side.

use std::thread::sleep;
use std::time::{Duration, Instant};

use common::net::{HELLO, INVALID, PING, PONG, RawClient, RawServer, free_port, publish};
use common::{Host, LONG, Lib, Node, SHORT, Scratch, Tuples};

/// A hub, its endpoint, and leaves, each with a name of its own.
struct Network {
    hub_lib: Lib,
    bind_to: String,
    connect_to: String,
    hub: Node,
    leaves: Vec<Node>,
    all: Tuples,
    round: u32,
}

impl Network {
    fn new(hub_lib: Lib, leaf_libs: &[Lib], bind_to: &str, connect_to: &str) -> Network {
        let hub = Node::new(hub_lib, "hub");
        hub.bind_to(bind_to);
        let leaves: Vec<Node> =
            leaf_libs.iter().enumerate().map(|(i, &lib)| Node::new(lib, &format!("leaf{i}"))).collect();
        let mut network = Network {
            hub_lib,
            bind_to: bind_to.to_owned(),
            connect_to: connect_to.to_owned(),
            hub,
            leaves,
            all: Tuples::new(),
            round: 0,
        };
        // Some tuples are there before anybody is connected
        network.publish_everywhere();
        for leaf in &network.leaves {
            leaf.connect(connect_to);
        }
        network
    }

    fn publish_everywhere(&mut self) {
        self.round += 1;
        let round = self.round;
        let publish = |node: &Node, name: &str, all: &mut Tuples| {
            for i in 0..3 {
                let (key, value) = (format!("{name}-{round}-{i}"), format!("of {name}"));
                node.publish(&key, &value);
                all.insert(key, value);
            }
        };
        publish(&self.hub, "hub", &mut self.all);
        for (i, leaf) in self.leaves.iter().enumerate() {
            publish(leaf, &format!("leaf{i}"), &mut self.all);
        }
    }

    #[track_caller]
    fn must_agree(&self) {
        self.hub.must_hold_all(&self.all);
        for leaf in &self.leaves {
            leaf.must_hold_all(&self.all);
        }
        assert_eq!(self.hub.status(), self.all.len());
        for leaf in &self.leaves {
            assert_eq!(leaf.status(), self.all.len());
        }
    }

    /// SIGKILL, and a new hub that knows nothing at the same place.
    fn restart_hub(&mut self) {
        self.hub.host.kill();
        self.hub = Node::new(self.hub_lib, "hub");
        self.hub.bind_to(&self.bind_to);
    }

    fn restart_leaf(&mut self, index: usize, lib: Lib) {
        self.leaves[index].host.kill();
        let leaf = Node::new(lib, &format!("leaf{index}"));
        leaf.connect(&self.connect_to);
        self.leaves[index] = leaf;
    }
}

/// Meeting of a hub with leaves: all tuples in both directions, then five seconds of silence, then all of it again.
fn meet(hub: Lib, leaves: &[Lib], bind_to: &str, connect_to: &str) {
    let mut network = Network::new(hub, leaves, bind_to, connect_to);
    network.must_agree();
    network.publish_everywhere();
    network.must_agree();
    sleep(Duration::from_secs(5));
    network.publish_everywhere();
    network.must_agree();
}

fn tcp() -> String {
    format!("tcp://127.0.0.1:{}", free_port())
}

#[test]
fn our_leaves_on_a_stock_hub_over_tcp() {
    let endpoint = tcp();
    meet(Lib::Stock, &[Lib::Preload, Lib::Native, Lib::Linked], &endpoint, &endpoint);
}

#[test]
fn our_leaves_on_a_stock_hub_over_ipc() {
    let scratch = Scratch::new();
    let endpoint = scratch.ipc("hub");
    meet(Lib::Stock, &[Lib::Preload, Lib::Native], &endpoint, &endpoint);
}

#[test]
fn stock_leaves_on_our_hub_over_tcp() {
    let endpoint = tcp();
    let mut network =
        Network::new(Lib::Preload, &[Lib::Stock, Lib::Stock, Lib::Native], &endpoint, &endpoint);
    network.must_agree();
    sleep(Duration::from_secs(5));
    // A stock leaf loses no tuple on a hub of ours, however quiet it was
    network.publish_everywhere();
    network.must_agree();
}

#[test]
fn stock_leaves_on_our_hub_over_ipc() {
    let scratch = Scratch::new();
    let endpoint = scratch.ipc("hub");
    meet(Lib::Native, &[Lib::Stock, Lib::Stock], &endpoint, &endpoint);
}

#[test]
fn our_leaves_reach_a_stock_hub_by_name() {
    let port = free_port();
    meet(
        Lib::Stock,
        &[Lib::Preload, Lib::Native],
        &format!("tcp://127.0.0.1:{port}"),
        &format!("tcp://localhost:{port}"),
    );
}

/// The hub is killed and comes back empty, three times, in the last round
/// with tuples published while it was away.
fn hub_restarts(mut network: Network) {
    network.must_agree();
    for round in 0..3 {
        if round == 2 {
            network.hub.host.kill();
            for (i, leaf) in network.leaves.iter().enumerate() {
                let (key, value) = (format!("away{i}"), "nobody there".to_owned());
                leaf.publish(&key, &value);
                network.all.insert(key, value);
            }
        }
        network.restart_hub();
        let key = format!("reborn{round}");
        network.hub.publish(&key, "hub");
        network.all.insert(key, "hub".to_owned());
        network.must_agree();
    }
    network.publish_everywhere();
    network.must_agree();
}

#[test]
fn a_stock_hub_restarts_under_our_leaves() {
    let endpoint = tcp();
    hub_restarts(Network::new(Lib::Stock, &[Lib::Preload, Lib::Native], &endpoint, &endpoint));
}

#[test]
fn a_stock_hub_restarts_under_our_leaves_that_know_its_name() {
    let port = free_port();
    let (bind_to, by_name) = (format!("tcp://127.0.0.1:{port}"), format!("tcp://localhost:{port}"));
    hub_restarts(Network::new(Lib::Stock, &[Lib::Preload, Lib::Native], &bind_to, &by_name));
}

#[test]
fn a_stock_hub_restarts_under_our_leaves_over_ipc() {
    let scratch = Scratch::new();
    let endpoint = scratch.ipc("hub");
    hub_restarts(Network::new(Lib::Stock, &[Lib::Preload, Lib::Native], &endpoint, &endpoint));
}

#[test]
fn stock_leaves_find_our_restarted_hub_again() {
    // By number: by name, a stock leaf aborts
    let endpoint = tcp();
    hub_restarts(Network::new(Lib::Preload, &[Lib::Stock, Lib::Native], &endpoint, &endpoint));
}

#[test]
fn our_hub_restarts_under_our_leaves_that_know_its_name() {
    let port = free_port();
    let (bind_to, by_name) = (format!("tcp://127.0.0.1:{port}"), format!("tcp://localhost:{port}"));
    hub_restarts(Network::new(Lib::Native, &[Lib::Preload, Lib::Native], &bind_to, &by_name));
}

#[test]
fn leaves_find_our_restarted_hub_again_over_ipc() {
    let scratch = Scratch::new();
    let endpoint = scratch.ipc("hub");
    hub_restarts(Network::new(Lib::Preload, &[Lib::Native], &endpoint, &endpoint));
}

/// Leaves are killed one after the other and come back empty.
fn leaves_restart(hub: Lib, libs: &[Lib]) {
    let endpoint = tcp();
    let mut network = Network::new(hub, libs, &endpoint, &endpoint);
    network.must_agree();
    for (index, &lib) in libs.iter().enumerate() {
        network.restart_leaf(index, lib);
        let key = format!("reborn{index}");
        network.leaves[index].publish(&key, "leaf");
        network.all.insert(key, "leaf".to_owned());
        network.must_agree();
    }
}

#[test]
fn leaves_that_restart_on_a_stock_hub_have_all_tuples_again() {
    leaves_restart(Lib::Stock, &[Lib::Preload, Lib::Native]);
}

#[test]
fn leaves_that_restart_on_our_hub_have_all_tuples_again() {
    leaves_restart(Lib::Preload, &[Lib::Stock, Lib::Native, Lib::Preload]);
}

/// stock - ours - stock - ours, each linked to the next: tuples pass through
/// every kind of node.
#[test]
fn tuples_pass_through_a_chain_of_both_kinds() {
    let libs = [Lib::Stock, Lib::Preload, Lib::Stock, Lib::Native, Lib::Preload];
    let nodes: Vec<Node> =
        libs.iter().enumerate().map(|(i, &lib)| Node::new(lib, &format!("node{i}"))).collect();
    for i in 1..nodes.len() {
        let endpoint = nodes[i - 1].bind();
        nodes[i].connect(&endpoint);
    }
    let mut all = Tuples::new();
    for (i, node) in nodes.iter().enumerate() {
        node.publish(&format!("key{i}"), &format!("value{i}"));
        all.insert(format!("key{i}"), format!("value{i}"));
    }
    for node in &nodes {
        node.must_hold_all(&all);
    }
}

/// A client that says HELLO and then nothing at all is no dead client.
#[test]
fn a_silent_client_is_not_dropped() {
    let hub = Node::new(Lib::Preload, "hub");
    hub.send("SET server/timeout 100");
    let client = RawClient::connect(&hub.bind());
    client.send(&[HELLO]);
    client.send(&[PING]);
    assert!(client.receive().is_some());
    sleep(Duration::from_secs(3));
    hub.publish("late", "1");
    let wanted = publish(b"late", b"1");
    // It may be asked meanwhile whether it is there
    let got = (0..100).find_map(|_| client.receive().filter(|frame| frame.starts_with(&wanted)));
    assert!(got.is_some());
}

/// Clients of CZMQ before 4.2.1 publish to a restarted hub without HELLO:
/// the tuple is taken, and INVALID makes them say HELLO.
#[test]
fn a_tuple_without_hello_is_taken_and_answered() {
    let hub = Node::new(Lib::Preload, "hub");
    let client = RawClient::connect(&hub.bind());
    client.send(&[&publish(b"key", b"value")]);
    hub.must_hold("key", "value");
    assert_eq!(client.receive().as_deref(), Some(INVALID));
}

/// A hub that has forgotten us says INVALID: HELLO and every tuple again.
#[test]
fn invalid_is_answered_with_hello_and_all_tuples() {
    let server = RawServer::bind();
    let node = Node::new(Lib::Preload, "node");
    node.publish("one", "1");
    node.publish("two", "2");
    node.connect(&server.endpoint);
    let conversation = |what: &str| {
        let mut missing = vec![HELLO.to_vec(), publish(b"one", b"1"), publish(b"two", b"2")];
        let mut from = None;
        while !missing.is_empty() {
            let (peer, frame) = server.receive().unwrap_or_else(|| panic!("{what}: {missing:?} missing"));
            // What is said may carry more than CZMQ's; nothing before HELLO
            // counts, for that may be from keeping the link alive
            if frame == PING {
                server.send(&peer, &[PONG]);
            } else if from.is_some() || frame.starts_with(HELLO) {
                missing.retain(|wanted| !frame.starts_with(wanted));
                from = Some(peer);
            }
        }
        from.expect("HELLO")
    };
    let peer = conversation("at first");
    server.send(&peer, &[INVALID]);
    conversation("after INVALID");
}

/// CZMQ's hub forgets a client after a second: ours says something before,
/// and what it says has to be more than PING, or INVALID would not come.
#[test]
fn a_quiet_client_keeps_its_link_alive() {
    let server = RawServer::bind();
    let node = Node::new(Lib::Preload, "node");
    node.publish("key", "value");
    node.connect(&server.endpoint);
    let tuple = publish(b"key", b"value");
    let mut times = Vec::new();
    while times.len() < 6 {
        let (peer, frame) = server.receive().expect("a sign of life");
        if frame == PING {
            server.send(&peer, &[PONG]);
        }
        if frame.starts_with(&tuple) {
            times.push(Instant::now());
        }
    }
    // A client that speaks too rarely does so each time, one on a busy machine now and then
    let between = times.windows(2).map(|pair| pair[1] - pair[0]).min().expect("some");
    assert!(between < Duration::from_secs(1), "{times:?}");
}

/// UNPUBLISH is local: the node forgets, the others do not, nothing brings
/// the tuple back but a fresh publish.
fn unpublish_is_local(hub_lib: Lib) {
    let port = free_port();
    let endpoint = format!("tcp://127.0.0.1:{port}");
    let hub = Node::new(hub_lib, "hub");
    hub.bind_to(&endpoint);
    let leaf = Node::new(Lib::Preload, "leaf");
    leaf.connect(&endpoint);
    hub.publish("key", "value");
    hub.publish("other", "value");
    leaf.must_hold("key", "value");
    leaf.must_hold("other", "value");

    leaf.send("UNPUBLISH key");
    leaf.send("UNPUBLISH unknown");
    assert_eq!(leaf.status(), 1);
    assert_eq!(hub.status(), 2);
    // Connecting again exchanges everything again
    leaf.connect(&endpoint);
    hub.publish("third", "value");
    leaf.must_hold("third", "value");
    sleep(SHORT);
    assert_eq!(leaf.status(), 2, "it stays forgotten");
    assert_eq!(leaf.values_of("key").len(), 1);

    leaf.publish("key", "value");
    assert_eq!(leaf.status(), 3);
    assert_eq!(leaf.values_of("key"), ["value", "value"], "a fresh publish is delivered");
}

#[test]
fn unpublish_is_local_on_our_hub() {
    unpublish_is_local(Lib::Preload);
}

#[test]
fn unpublish_is_local_on_a_stock_hub() {
    unpublish_is_local(Lib::Stock);
}

/// The last tuple before the end still reaches those who are connected.
#[test]
fn a_tuple_published_just_before_destroy_arrives() {
    for hub_lib in [Lib::Preload, Lib::Stock] {
        let hub = Node::new(hub_lib, "hub");
        let endpoint = hub.bind();
        let host = Host::new(Lib::Preload);
        for round in 0..5 {
            let leaf = host.node(&format!("leaf{round}"));
            leaf.connect(&endpoint);
            leaf.publish(&format!("first{round}"), "1");
            hub.must_hold(&format!("first{round}"), "1");
            leaf.publish(&format!("last{round}"), "2");
            leaf.destroy();
            hub.must_hold(&format!("last{round}"), "2");
        }
    }
}

/// A node that binds at many places, over all transports at once.
#[test]
fn a_node_serves_several_endpoints_and_transports_at_once() {
    let scratch = Scratch::new();
    let host = Host::new(Lib::Preload);
    let hub = host.node("hub");
    let (first, second) = (hub.bind(), hub.bind());
    assert_ne!(first, second);
    hub.bind_to(&scratch.ipc("hub"));
    hub.bind_to("inproc://hub");
    let inside = host.node("inside");
    inside.connect("inproc://hub");
    let leaves =
        [Node::new(Lib::Stock, "one"), Node::new(Lib::Native, "two"), Node::new(Lib::Preload, "three")];
    for (leaf, endpoint) in leaves.iter().zip([&first, &second, &scratch.ipc("hub")]) {
        leaf.connect(endpoint);
    }
    let mut all = Tuples::new();
    for (i, node) in leaves.iter().chain([&hub, &inside]).enumerate() {
        node.publish(&format!("key{i}"), "value");
        all.insert(format!("key{i}"), "value".to_owned());
    }
    for node in leaves.iter().chain([&hub, &inside]) {
        node.must_hold_all(&all);
    }
}

/// IPv6 is on where the endpoint has brackets.
#[test]
fn an_ipv6_address_in_brackets_is_bound_and_connected() {
    if std::net::TcpListener::bind(("::1", 0)).is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    let port = free_port();
    let endpoint = format!("tcp://[::1]:{port}");
    let hub = Node::new(Lib::Preload, "hub");
    hub.bind_to(&endpoint);
    assert_eq!(hub.port(), i32::from(port));
    let leaf = Node::new(Lib::Native, "leaf");
    leaf.connect(&endpoint);
    leaf.publish("key", "six");
    hub.must_hold("key", "six");
}

/// Values of any bytes but NUL, empty and large ones, through a stock hub.
#[test]
fn values_of_any_bytes_and_sizes_arrive_unchanged() {
    let hub = Node::new(Lib::Stock, "hub");
    let endpoint = hub.bind();
    let (from, to) = (Node::new(Lib::Preload, "from"), Node::new(Lib::Native, "to"));
    from.connect(&endpoint);
    to.connect(&endpoint);
    let bytes: Vec<u8> = (1..=255).collect();
    from.send_pieces(&[b"PUBLISH", &bytes, &bytes]);
    from.send("PUBLISH empty %_");
    from.send("PUBLISH large %*3000000:z");
    from.publish("end", "of it");
    to.must_hold("end", "of it");
    to.must_hold("empty", "");
    // A hub may pass a tuple on before its own program has read of it.
    for node in [&to, &hub, &from] {
        assert!(node.wait_tuples(LONG, |held| held.len() == 4), "{:?}", node.tuples().keys());
    }
    assert_eq!(to.tuples(), hub.tuples());
    assert_eq!(to.tuples(), from.tuples());
    assert!(to.tuples()["large"].starts_with("%#3000000:"), "{:?}", to.tuples()["large"]);
}
