//! BIND and CONNECT: what is accepted, and what is refused.

use std::collections::HashMap;
use std::net::TcpListener;
use std::time::Duration;

use zgossip::engine::{EngineSettings, raw};

use super::harness::{Node, unique};

#[test]
fn ports_are_given_as_zsock_bind_gives_them() {
    let node = Node::new();
    let one = node.bind("tcp://127.0.0.1:*").unwrap();
    let two = node.bind("tcp://127.0.0.1:!").unwrap();
    assert!(one > 0 && two > 0 && one != two);
    let given = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(node.bind(&format!("tcp://127.0.0.1:{given}")).unwrap(), given);
    let taken = node.bind(&format!("tcp://127.0.0.1:{given}")).unwrap_err();
    assert_eq!(taken.errno(), libc::EADDRINUSE);
    assert_eq!(taken.to_string(), "Address already in use");
    let next = node.bind(&format!("tcp://127.0.0.1:*[{given}-]")).unwrap();
    assert!(next > given);
    let random = node.bind("tcp://127.0.0.1:![50000-]").unwrap();
    assert!(random >= 50000);
    assert!(node.bind(&format!("tcp://127.0.0.1:*[{given}-{given}]")).is_err());
    assert_eq!(node.bind(&unique("ipc")).unwrap(), 0);
    assert_eq!(node.bind(&unique("inproc")).unwrap(), 0);

    // All of them lead to the node.
    for port in [one, two, given, next, random] {
        let leaf = Node::new();
        leaf.publish(&format!("port {port}"), "1");
        leaf.connect(&format!("tcp://127.0.0.1:{port}"));
        node.expect(&format!("port {port}"), "1");
    }
}

#[test]
fn an_endpoint_can_be_given_back() {
    let node = Node::new();
    let port = node.listen();
    let endpoint = format!("tcp://127.0.0.1:{port}");
    let bytes = endpoint.clone().into_bytes();
    node.call(move |engine| engine.unbind(&bytes)).unwrap();
    let bytes = endpoint.clone().into_bytes();
    node.call(move |engine| engine.unbind(&bytes)).unwrap_err();
    Node::new().bind_again(&endpoint);
}

/// Endpoints of a node that has ended can be bound at the first try, by anybody; unless the machine is so busy that
/// nothing is done in the time that the end of a node may take.
#[test]
fn the_endpoints_of_a_node_are_free_when_it_has_ended() {
    for endpoint in ["tcp://127.0.0.1:*", "tcp://*:*", &unique("ipc"), &unique("inproc")] {
        let (node, leaf) = (Node::new(), Node::new());
        let port = node.bind(endpoint).unwrap();
        let endpoint = endpoint.replace(":*", &format!(":{port}")).replace("//*", "//127.0.0.1");
        leaf.connect(&endpoint);
        leaf.expect_peers(1);
        let taken = node.end();
        let socket = raw::Socket::new(raw::Context::global(), zmq::ROUTER).unwrap();
        if let Err(error) = socket.bind(&endpoint) {
            assert!(taken >= Duration::from_millis(90), "{endpoint}: {error} after {taken:?}");
        }
    }
}

#[test]
fn ipv6_is_on_where_the_endpoint_has_brackets() {
    if TcpListener::bind("[::1]:0").is_err() {
        return; // this machine has none
    }
    let (hub, leaf) = (Node::new(), Node::new());
    let port = hub.bind("tcp://[::1]:*").unwrap();
    leaf.publish("six", "6");
    leaf.connect(&format!("tcp://[::1]:{port}"));
    hub.expect("six", "6");
    assert_eq!(hub.peers().len().max(1), 1);
    // And off elsewhere: the next bind is IPv4 again.
    let port = hub.bind("tcp://*:*").unwrap();
    assert!(TcpListener::bind(("::1", port)).is_ok());
    assert!(TcpListener::bind(("127.0.0.1", port)).is_err());
}

#[test]
fn nonsense_is_refused_and_does_no_harm() {
    let node = Node::new();
    let nonsense = [
        "",
        " ",
        "x",
        "tcp",
        "tcp:",
        "tcp://",
        "tcp://x",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://127.0.0.1:x",
        "tcp://127.0.0.1:99999",
        "tcp://127.0.0.1:-1",
        "tcp://:::",
        "udp://127.0.0.1:1",
        "nosuch://x",
        "ipc://",
        "inproc://",
        "tcp://127.0.0.1:*[",
        "\u{1F600}",
        "tcp://\u{1F600}:1",
        "pgm://x:1",
    ];
    for endpoint in nonsense {
        let error = node.bind(endpoint).expect_err(endpoint);
        assert!(!error.to_string().is_empty());
        assert_ne!(error.errno(), 0);
    }
    for endpoint in nonsense {
        node.try_connect(endpoint, None).expect_err(endpoint);
    }
    for bytes in [&b"tcp://127.0.0.1:1\0"[..], b"\xFF\xFE", b"tcp://\xC3\x28:1"] {
        node.call(move |engine| {
            engine.bind(bytes).unwrap_err();
            engine.connect(bytes, None).unwrap_err();
            engine.unbind(bytes).unwrap_err();
            engine.disconnect(bytes).unwrap_err();
        });
    }
    let long = format!("inproc://{}", "x".repeat(100_000));
    node.bind(&long).unwrap();
    let long = format!("ipc:///tmp/{}", "x".repeat(100_000));
    node.bind(&long).unwrap_err();
    node.listen();
}

#[test]
fn clients_beyond_the_limit_are_turned_away_and_the_others_are_not() {
    let mut settings = EngineSettings::default();
    settings.core.max_clients = 2;
    let hub = Node::with(zgossip::engine::raw::Context::global(), settings);
    let endpoint = format!("tcp://127.0.0.1:{}", hub.listen());
    let leaves: Vec<Node> = (0..2).map(|_| Node::new()).collect();
    for leaf in &leaves {
        leaf.connect(&endpoint);
    }
    hub.expect_peers(2);
    let late = Node::new();
    late.connect(&endpoint);
    late.publish("late", "1");
    leaves[0].publish("early", "1");
    hub.expect("early", "1");
    leaves[1].expect("early", "1");
    let let_in = |held: &HashMap<Vec<u8>, Vec<u8>>, peers: &[String]| {
        peers.len() > 2 || held.contains_key(&b"late"[..])
    };
    assert!(!hub.wait_for(Duration::from_millis(300), let_in));
    assert_eq!(hub.log.count("max_clients"), 1);
    // There is room again when one has gone.
    drop(leaves);
    hub.expect("late", "1");
}

#[test]
fn an_endpoint_that_cannot_be_is_refused_with_the_reason() {
    let node = Node::new();
    let name = node.bind("tcp://localhost:*").unwrap_err();
    assert_eq!(name.to_string(), "BIND takes an address of this machine, an interface or *, no host name");
    let nowhere = node.try_connect("tcp://127.0.0.1:0", None).unwrap_err();
    assert_eq!((nowhere.errno(), node.peers().len()), (libc::EINVAL, 0));
    assert!(node.try_connect("ipc://*", None).is_err() && node.bind("tcp://127.0.0.1:* ").is_err());
}

#[test]
fn the_socket_of_a_living_node_is_not_taken() {
    let endpoint = unique("ipc");
    let path = endpoint.strip_prefix("ipc://").expect("a path");
    let (hub, thief, leaf) = (Node::new(), Node::new(), Node::new());
    hub.bind(&endpoint).unwrap();
    let error = thief.bind(&endpoint).expect_err("a hub listens there");
    assert_eq!(
        (error.errno(), &*error.to_string()),
        (libc::EADDRINUSE, "another socket listens at this path")
    );
    thief.end();
    leaf.connect(&endpoint);
    leaf.publish("key", "value");
    hub.expect("key", "value");
    // The next node takes the path at once.
    hub.end();
    assert!(!std::path::Path::new(path).exists());
    let next = Node::new();
    next.bind(&endpoint).unwrap();
    next.expect("key", "value");
    next.call({
        let endpoint = endpoint.clone();
        move |engine| engine.unbind(endpoint.as_bytes()).unwrap()
    });
    assert!(!std::path::Path::new(path).exists());
}

#[test]
fn a_file_that_is_no_socket_is_kept() {
    let endpoint = unique("ipc");
    let path = endpoint.strip_prefix("ipc://").expect("a path");
    std::fs::write(path, "a user's").unwrap();
    let error = Node::new().bind(&endpoint).expect_err("a file is there");
    assert_eq!(error.errno(), libc::EADDRINUSE);
    assert_eq!(error.to_string(), "the path holds a file that is no socket, and it is kept");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "a user's");
    std::fs::remove_file(path).unwrap();
}
