//! A node that is connected to itself, a copy of it, and a peer with two names.

use super::harness::{Node, PATIENCE, unique};
use common::node::eventually;
use zgossip::engine::{EngineSettings, raw};

const ITSELF: &str = "it is this node itself";

/// Nodes that are all given one list of peers: each is on its own list.
#[test]
fn a_node_that_is_told_to_connect_to_itself_says_so_and_has_no_peer_by_that() {
    for first in ["tcp://127.0.0.1:*", &unique("ipc"), &unique("inproc")] {
        let (node, peer) = (Node::new(), Node::new());
        let port = node.bind(first).unwrap();
        let own = first.replace('*', &port.to_string());
        let names = if port > 0 { vec![own.replace("127.0.0.1", "localhost"), own] } else { vec![own] };
        for name in &names {
            node.connect(name);
        }
        assert!(node.wait_for(PATIENCE, |_, _| node.unreachable.borrow().len() == names.len()), "{first}");
        for name in &names {
            assert!(node.unreachable.borrow().contains(&(name.clone(), ITSELF.to_owned())));
            assert_eq!(node.log.count(&format!("not connected to {name}: {ITSELF}")), 1);
        }
        peer.connect(&names[0]);
        peer.publish("key", "value");
        node.expect("key", "value");
        node.expect_peers(1);
        let agreed =
            || node.call(|engine| engine.node().agreement().agree + engine.node().agreement().differ);
        assert_eq!((agreed(), node.peers().len()), (1, 1), "{first}: the other one alone");
    }
}

/// A machine is copied while it runs. The two are told apart from one node, and still gossip.
#[test]
fn a_copy_of_a_node_is_not_taken_for_the_node_itself() {
    for endpoint in ["tcp://127.0.0.1:*", &unique("inproc")] {
        let settings = || EngineSettings { seed: Some(7), ..EngineSettings::default() };
        let [one, two] = [(); 2].map(|()| Node::with(raw::Context::global(), settings()));
        let endpoint = endpoint.replace('*', &one.bind(endpoint).unwrap().to_string());
        two.connect(&endpoint);
        two.publish("key", "value");
        one.expect("key", "value");
        let warning = format!("the peer at {endpoint} has this node's id");
        assert!(eventually(PATIENCE, || two.log.count(&warning) == 1));
        assert_eq!(two.unreachable.borrow().len(), 0);
    }
}

#[test]
fn two_names_of_one_peer_are_said_to_be_one_and_count_once() {
    let (hub, leaf) = (Node::new(), Node::new());
    let one = format!("tcp://127.0.0.1:{}", hub.listen());
    let two = one.replace("127.0.0.1", "localhost");
    for name in [&one, &two] {
        leaf.connect(name);
    }
    let said = || {
        leaf.log.count(&format!("{one} and {two} are one peer"))
            + leaf.log.count(&format!("{two} and {one} are one peer"))
    };
    leaf.expect_peers(2);
    assert!(eventually(PATIENCE, || said() == 1));
    leaf.publish("key", "value");
    hub.expect("key", "value");
    let barrier = leaf.call(|engine| engine.node().set_barrier());
    let acknowledged = move |engine: &mut zgossip::engine::Engine| {
        let node = engine.node();
        (node.count_lagging(barrier), node.count_acknowledged(barrier))
    };
    assert!(eventually(PATIENCE, || leaf.call(acknowledged).0 == 0));
    assert_eq!(leaf.call(acknowledged), (0, 1));
}
