//! CURVE between nodes, with CZMQ's zauth deciding, and what happens when the
//! keys are wrong: nothing goes in clear.

use std::fs;
use std::time::Duration;

use common::net::{HELLO, PING, RawClient, RawServer, free_port};
use common::{Host, LONG, Lib, Node, SHORT, Scratch};

struct Keys {
    public: String,
    secret: String,
}

impl Keys {
    fn new() -> Keys {
        let pair = zmq::CurveKeyPair::new().expect("libzmq has CURVE");
        let text = |key: &[u8]| zmq::z85_encode(key).expect("Z85");
        Keys { public: text(&pair.public_key), secret: text(&pair.secret_key) }
    }

    fn set(&self, node: &Node) {
        node.send_pieces(&[b"SET PUBLICKEY", self.public.as_bytes()]);
        node.send_pieces(&[b"SET SECRETKEY", self.secret.as_bytes()]);
    }
}

fn connect_with(node: &Node, endpoint: &str, server: &str) {
    node.send_pieces(&[b"CONNECT", endpoint.as_bytes(), server.as_bytes()]);
}

/// A hub with keys in a process with zauth, as the manual page has it.
fn secure_hub(keys: &Keys) -> (Node, String) {
    let host = Host::new(Lib::Preload);
    host.tell("* !auth 127.0.0.1");
    let hub = host.node("hub");
    keys.set(&hub);
    hub.send_pieces(&[b"ZAP DOMAIN", b"TEST"]);
    let endpoint = hub.bind();
    (hub, endpoint)
}

#[test]
fn nodes_with_keys_meet_and_others_stay_out() {
    let server = Keys::new();
    let (hub, endpoint) = secure_hub(&server);
    hub.publish("hub", "secret");

    let with_keys = Node::new(Lib::Preload, "with-keys");
    Keys::new().set(&with_keys);
    connect_with(&with_keys, &endpoint, &server.public);
    with_keys.publish("one", "1");
    let native = Node::new(Lib::Native, "native");
    Keys::new().set(&native);
    connect_with(&native, &endpoint, &server.public);
    native.publish("two", "2");
    // No keys of its own: a fresh pair for this connection
    let without = Node::new(Lib::Preload, "without");
    connect_with(&without, &endpoint, &server.public);
    without.publish("three", "3");

    for node in [&hub, &with_keys, &native, &without] {
        for (key, value) in [("hub", "secret"), ("one", "1"), ("two", "2"), ("three", "3")] {
            node.must_hold(key, value);
        }
    }

    // Without a server key, with the wrong one, and with a bad one
    let clear = Node::new(Lib::Preload, "clear");
    clear.connect(&endpoint);
    clear.publish("clear", "text");
    let stock = Node::new(Lib::Stock, "stock");
    stock.connect(&endpoint);
    stock.publish("clear", "stock");
    let wrong = Node::new(Lib::Preload, "wrong");
    connect_with(&wrong, &endpoint, &Keys::new().public);
    wrong.publish("wrong", "key");
    let raw = RawClient::connect(&endpoint);
    raw.send(&[HELLO]);
    raw.send(&[PING]);
    assert_eq!(raw.receive_within(SHORT), None);
    for outside in [&clear, &stock, &wrong] {
        assert!(!outside.holds("hub", "secret", Duration::from_millis(300)));
    }
    assert_eq!(hub.status(), 4);
}

#[test]
fn a_bind_with_unusable_keys_fails() {
    let good = Keys::new();
    let cases: [(&str, &str); 5] = [
        (&good.public, "too short"),
        ("too short", &good.secret),
        ("", ""),
        (&good.public, "................................~~~~~~~~"),
        // Half a pair is no pair
        (&good.public, "-"),
    ];
    for (public, secret) in cases {
        let node = Node::new(Lib::Preload, "node");
        node.send_pieces(&[b"SET PUBLICKEY", public.as_bytes()]);
        if secret != "-" {
            node.send_pieces(&[b"SET SECRETKEY", secret.as_bytes()]);
        }
        node.send("BIND tcp://127.0.0.1:*");
        assert_eq!(node.port(), -1, "{public:?} {secret:?}");
        if secret.len() > 8 {
            assert!(!node.host.stderr().contains(secret), "a secret in the log");
        }
    }
}

/// Tuples that a connection in clear would bring to a server that listens in clear.
#[test]
fn a_connect_with_unusable_keys_says_nothing() {
    let good = Keys::new();
    for (own, server_key) in [
        (None, "no key at all"),
        (None, ""),
        (Some(("bad", "bad")), good.public.as_str()),
        (Some((good.public.as_str(), "bad")), good.public.as_str()),
        (None, good.public.as_str()),
        // Own keys are set, and there is no key of the server: never in clear
        (Some((good.public.as_str(), good.secret.as_str())), "-"),
    ] {
        let server = RawServer::bind();
        let node = Node::new(Lib::Preload, "node");
        if let Some((public, secret)) = own {
            node.send_pieces(&[b"SET PUBLICKEY", public.as_bytes()]);
            node.send_pieces(&[b"SET SECRETKEY", secret.as_bytes()]);
        }
        node.publish("secret", "value");
        match server_key {
            "-" => node.connect(&server.endpoint),
            key => connect_with(&node, &server.endpoint, key),
        }
        let heard = server.receive_within(SHORT);
        // A plain CONNECT of a node with keys is CZMQ's own behaviour
        if server_key != "-" {
            assert_eq!(heard, None, "{own:?} {server_key}");
        }
        assert_eq!(node.status(), 1);
    }
}

/// The keys come from a file: `zgossip/security` with a certificate.
#[test]
fn a_configuration_file_turns_curve_on() {
    let scratch = Scratch::new();
    let keys = Keys::new();
    let certificate = scratch.path("hub.cert");
    let text = format!(
        "#   ZeroMQ CURVE certificate\nmetadata\n    name = \"hub\"\ncurve\n    public-key = \"{}\"\n    secret-key = \"{}\"\n",
        keys.public, keys.secret
    );
    fs::write(&certificate, text).expect("a certificate");
    let port = free_port();
    let config = scratch.path("hub.cfg");
    fs::write(
        &config,
        format!(
            "zgossip\n    security\n        mechanism = \"curve\"\n        secret-key = \"{certificate}\"\n    bind\n        endpoint = \"tcp://127.0.0.1:{port}\"\n"
        ),
    )
    .expect("a file");

    let host = Host::new(Lib::Preload);
    host.tell("* !auth 127.0.0.1");
    let hub = host.node("hub");
    hub.send(&format!("LOAD {config}"));
    assert_eq!(hub.port(), i32::from(port), "{}", host.stderr());
    let endpoint = format!("tcp://127.0.0.1:{port}");
    let leaf = Node::new(Lib::Native, "leaf");
    connect_with(&leaf, &endpoint, &keys.public);
    leaf.publish("key", "value");
    hub.must_hold("key", "value");
    let raw = RawClient::connect(&endpoint);
    raw.send(&[HELLO]);
    raw.send(&[PING]);
    assert_eq!(raw.receive_within(SHORT), None);
    assert!(!host.stderr().contains(&keys.secret), "a secret in the log");

    // The certificate is missing: no bind at all
    fs::remove_file(&certificate).expect("remove");
    let other = Node::new(Lib::Preload, "other");
    fs::write(
        &config,
        fs::read_to_string(&config).expect("a file").replace(&port.to_string(), &free_port().to_string()),
    )
    .expect("a file");
    other.send(&format!("LOAD {config}"));
    assert!(other.port() <= 0);
    assert!(other.host.wait_stderr(LONG, "hub.cert"), "it says why: {}", other.host.stderr());
}
