//! CURVE: had when asked for, refused when it cannot be had.

use std::time::Duration;

use super::harness::{Node, PATIENCE};
use common::node::eventually;
use zgossip::engine::{Mechanism, raw::curve};

struct Pair {
    public: String,
    secret: String,
}

fn pair() -> Pair {
    let pair = zmq::CurveKeyPair::new().unwrap();
    Pair {
        public: zmq::z85_encode(&pair.public_key).unwrap(),
        secret: zmq::z85_encode(&pair.secret_key).unwrap(),
    }
}

fn set_keys(node: &Node, public: Option<&str>, secret: Option<&str>) {
    let (public, secret) = (public.map(String::from), secret.map(String::from));
    node.call(move |engine| {
        if let Some(key) = &public {
            engine.set_public_key(key.as_bytes());
        }
        if let Some(key) = &secret {
            engine.set_secret_key(key.as_bytes());
        }
    });
}

/// A CURVE hub, its endpoint, its public key.
fn hub() -> (Node, String, Pair) {
    let (hub, keys) = (Node::new(), pair());
    set_keys(&hub, Some(&keys.public), Some(&keys.secret));
    hub.call(|engine| engine.set_zap_domain(b"TEST"));
    let endpoint = format!("tcp://127.0.0.1:{}", hub.listen());
    hub.publish("hub", "secret");
    (hub, endpoint, keys)
}

#[test]
fn a_connection_with_keys_is_encrypted() {
    if !curve::available() {
        return;
    }
    let (hub, endpoint, keys) = hub();
    let named = endpoint.replace("127.0.0.1", "localhost");
    // With keys of its own, and with none.
    for (endpoint, own) in [(&endpoint, Some(pair())), (&endpoint, None), (&named, None)] {
        let leaf = Node::new();
        if let Some(own) = own {
            set_keys(&leaf, Some(&own.public), Some(&own.secret));
        }
        leaf.try_connect(endpoint, Some(&keys.public)).unwrap();
        leaf.expect("hub", "secret");
        leaf.publish("leaf", "1");
        hub.expect("leaf", "1");
    }
    assert_eq!(hub.log.count(&keys.secret), 0);
}

#[test]
fn one_node_may_have_encrypted_and_clear_remotes() {
    if !curve::available() {
        return;
    }
    let (secret, endpoint, keys) = hub();
    let clear = Node::new();
    let leaf = Node::new();
    leaf.try_connect(&endpoint, Some(&keys.public)).unwrap();
    leaf.connect(&format!("tcp://127.0.0.1:{}", clear.listen()));
    leaf.expect_peers(2);
    clear.expect("hub", "secret");
    clear.publish("clear", "1");
    secret.expect("clear", "1");
}

#[test]
fn a_peer_without_the_right_key_stays_outside() {
    if !curve::available() {
        return;
    }
    let (hub, endpoint, _) = hub();
    let open = Node::new();
    let open_endpoint = format!("tcp://127.0.0.1:{}", open.listen());
    open.publish("open", "1");

    let in_clear = Node::new();
    in_clear.connect(&endpoint);
    let wrong_key = Node::new();
    wrong_key.try_connect(&endpoint, Some(&pair().public)).unwrap();
    let too_safe = Node::new();
    too_safe.try_connect(&open_endpoint, Some(&pair().public)).unwrap();

    for node in [&in_clear, &wrong_key, &too_safe] {
        node.publish("stranger", "1");
    }
    assert!(!hub.wait_for(Duration::from_millis(500), |held, _| held.contains_key(&b"stranger"[..])));
    for node in [&in_clear, &wrong_key, &too_safe, &open] {
        assert!(!node.wait_for(Duration::ZERO, |held, _| held.contains_key(&b"hub"[..])));
    }
    assert!(!too_safe.wait_for(Duration::ZERO, |held, _| held.contains_key(&b"open"[..])));
    // Whoever runs such a node is told.
    for node in [&in_clear, &wrong_key, &too_safe] {
        let end = std::time::Instant::now() + PATIENCE;
        while node.log.count("cannot connect") == 0 {
            assert!(std::time::Instant::now() < end, "a failing handshake is logged");
            node.wait_for(Duration::from_millis(50), |_, _| false);
        }
    }
    assert_eq!(wrong_key.log.count("wrong server key"), 1);
}

#[test]
fn with_unusable_keys_bind_and_connect_are_refused() {
    if !curve::available() {
        return;
    }
    let (good, other) = (pair(), pair());
    let cases = [
        (Some(good.public.as_str()), None),
        (None, Some(good.secret.as_str())),
        (Some(""), Some("")),
        (Some(good.public.as_str()), Some(other.secret.as_str())),
        (Some(good.public.as_str()), Some("not a key")),
        (Some("not a key"), Some(good.secret.as_str())),
        (
            Some("\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""),
            Some(good.secret.as_str()),
        ),
    ];
    for (public, secret) in cases {
        let node = Node::new();
        set_keys(&node, public, secret);
        let refusals = [
            node.bind("tcp://127.0.0.1:*").unwrap_err(),
            node.try_connect("tcp://127.0.0.1:1", None).unwrap_err(),
            node.try_connect("tcp://127.0.0.1:1", Some(&other.public)).unwrap_err(),
        ];
        for refusal in refusals {
            assert_eq!(refusal.errno(), libc::EACCES);
            for key in [&good.secret, &other.secret] {
                assert!(!refusal.to_string().contains(key.as_str()));
            }
        }
        // The right ones mend it.
        set_keys(&node, Some(&good.public), Some(&good.secret));
        node.bind("tcp://127.0.0.1:*").unwrap();
        node.connect("tcp://127.0.0.1:1");
        assert_eq!(node.log.count("in clear"), 1);
    }
    let node = Node::new();
    node.try_connect("tcp://127.0.0.1:1", Some("not a key")).unwrap_err();
    node.try_connect("tcp://127.0.0.1:1", Some("")).unwrap_err();
}

#[test]
fn a_mechanism_is_never_less_than_what_was_asked_for() {
    let node = Node::new();
    node.call(|engine| engine.set_mechanism(Mechanism::Curve));
    node.bind("tcp://127.0.0.1:*").unwrap_err();
    if curve::available() {
        let keys = pair();
        set_keys(&node, Some(&keys.public), Some(&keys.secret));
        node.bind("tcp://127.0.0.1:*").unwrap();
        node.call(|engine| engine.set_mechanism(Mechanism::Plain));
        node.bind("tcp://127.0.0.1:*").unwrap_err();
    }
    // PLAIN: nobody gets in without a password.
    let plain = Node::new();
    plain.call(|engine| engine.set_mechanism(Mechanism::Plain));
    let endpoint = format!("tcp://127.0.0.1:{}", plain.listen());
    let leaf = Node::new();
    leaf.connect(&endpoint);
    leaf.publish("leaf", "1");
    assert!(!plain.wait_for(Duration::from_millis(300), |held, _| !held.is_empty()));
}

#[test]
fn another_key_for_the_same_endpoint_connects_afresh() {
    if !curve::available() {
        return;
    }
    let (_hub, endpoint, keys) = hub();
    let leaf = Node::new();
    leaf.connect(&endpoint);
    leaf.try_connect(&endpoint, Some("nonsense")).unwrap_err();
    leaf.try_connect(&endpoint, Some(&keys.public)).unwrap();
    leaf.expect("hub", "secret");
}

#[test]
fn keys_that_are_set_after_bind_are_said_to_come_too_late() {
    const LATE: &str = "keys, mechanism or ZAP domain set after BIND: ";
    let (keys, other) = (pair(), pair());
    let node = Node::new();
    set_keys(&node, Some(&keys.public), Some(&keys.secret));
    if !curve::available() {
        return;
    }
    let port = node.listen();
    assert_eq!(node.log.count(LATE), 0);
    // The same keys again, as when a file is loaded again.
    set_keys(&node, Some(&keys.public), Some(&keys.secret));
    node.call(|_| ());
    assert_eq!(node.log.count(LATE), 0);
    set_keys(&node, Some(&other.public), Some(&other.secret));
    assert!(eventually(PATIENCE, || node.log.count(LATE) > 0));
    assert_eq!(node.log.count(LATE), 1);
    assert_eq!(node.log.count(&format!("{LATE}tcp://127.0.0.1:{port} stays as it was bound")), 1);
    // At once, before the node has had its turn.
    let node = Node::new();
    let last = node.call(move |engine| {
        engine.bind(b"tcp://127.0.0.1:*").unwrap();
        engine.set_public_key(other.public.as_bytes());
        engine.set_secret_key(other.secret.as_bytes());
        engine.bind(b"tcp://127.0.0.1:*").map(drop)
    });
    assert_eq!((last, node.log.count(LATE)), (Ok(()), 1));
}
