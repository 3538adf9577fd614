//! Networks with names over real sockets: ours apart from each other, and CZMQ's nodes where they are let in.

use common::Lib::{Native, Stock};
use common::node::eventually;
use common::{LONG, Node};

/// Makes a native node of the network `name`.
fn of_network(node: &str, name: &str) -> Node {
    let node = Node::new(Native, node);
    node.send(&format!("SET zgossip/network {name}"));
    node
}

fn says(node: &Node, text: &str) -> bool {
    eventually(LONG, || node.host.stderr().contains(text))
}

/// A wrong CONNECT between two networks: nothing passes, both sides say so, and each network goes on.
#[test]
fn two_networks_stay_two_and_both_sides_say_why() {
    let hubs = ["one", "other"].map(|name| of_network(&format!("{name}-hub"), name));
    let leaves = ["one", "other"].map(|name| of_network(&format!("{name}-leaf"), name));
    let endpoints = hubs.each_ref().map(Node::bind);
    for (leaf, endpoint) in leaves.iter().zip(&endpoints) {
        leaf.connect(endpoint);
    }
    // By mistake, and at once: a node without a name, of version 1.0 perhaps.
    hubs[0].connect(&endpoints[1]);
    let unnamed = Node::new(Native, "unnamed");
    unnamed.connect(&endpoints[1]);
    assert!(
        says(&hubs[0], "which is of network 'other': this node is of network 'one'"),
        "{}",
        hubs[0].host.stderr()
    );
    assert!(
        says(&hubs[1], "which is of network 'one': this node is of network 'other'"),
        "{}",
        hubs[1].host.stderr()
    );
    assert!(says(&unnamed, "which is of network 'other': this node is of the network without a name"));
    for (index, name) in ["one", "other"].into_iter().enumerate() {
        leaves[index].publish(name, "leaf's");
        hubs[index].must_hold(name, "leaf's");
    }
    unnamed.publish("unnamed", "value");
    for (index, name) in ["one", "other"].into_iter().enumerate() {
        hubs[index].publish("last", name);
        leaves[index].must_hold("last", name);
    }
    for node in hubs.iter().chain(&leaves) {
        assert_eq!(node.status(), 2, "its network's two keys: {:?}", node.tuples());
    }
    assert_eq!(unnamed.status(), 1);
}

/// CZMQ's node knows no names. It is let in where that is said, and otherwise neither told anything nor believed.
#[test]
fn a_stock_node_is_let_into_a_network_with_a_name_where_that_is_said() {
    for takes in [false, true] {
        let hub = of_network("hub", "one");
        if takes {
            hub.send("SET zgossip/network/plain 1");
        }
        let endpoint = hub.bind();
        hub.publish("hub's", "value");
        let [stock, leaf] = [Node::new(Stock, "stock"), of_network("leaf", "one")];
        stock.connect(&endpoint);
        stock.publish("stock's", "value");
        if takes {
            hub.must_hold("stock's", "value");
            stock.must_hold("hub's", "value");
            continue;
        }
        assert!(says(&hub, "which is a CZMQ node: this node is of network 'one'"), "{}", hub.host.stderr());
        leaf.connect(&endpoint);
        leaf.publish("leaf's", "value");
        hub.must_hold("leaf's", "value");
        leaf.must_hold("hub's", "value");
        assert_eq!([&hub, &leaf, &stock].map(Node::status), [2, 2, 1]);
    }
}

/// With peers there, the name stays what it is, and the program is told so.
#[test]
fn the_name_is_set_before_there_are_peers() {
    let [hub, leaf] = ["hub", "leaf"].map(|name| of_network(name, "one"));
    leaf.connect(&hub.bind());
    hub.publish("key", "value");
    leaf.must_hold("key", "value");
    hub.send("SET server/events 1");
    hub.send("SET zgossip/network other");
    let error = "ERROR SET the%20network's%20name%20stays%20as%20it%20is%20once%20there%20are%20peers";
    assert!(eventually(LONG, || hub.lines().iter().any(|line| line.starts_with(error))), "{:?}", hub.lines());
    leaf.publish("key", "another");
    hub.must_hold("key", "another");
}
