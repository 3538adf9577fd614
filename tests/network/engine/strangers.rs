//! Peers that are not nodes of ours: plain, slow, odd, hostile.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::harness::{Node, PATIENCE, unique};
use common::one_is_within;
use zgossip::core::MessageId;
use zgossip::core::codec::{Extension, encode};

const HELLO: &[u8] = b"\xAA\xA0\x01\x01";
const PING: &[u8] = b"\xAA\xA0\x03\x01";
const PONG: &[u8] = b"\xAA\xA0\x04\x01";

fn publish(key: &str, value: &str) -> Vec<u8> {
    let mut frame = b"\xAA\xA0\x02\x01".to_vec();
    frame.push(key.len() as u8);
    frame.extend_from_slice(key.as_bytes());
    frame.extend_from_slice(&(value.len() as u32).to_be_bytes());
    frame.extend_from_slice(value.as_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame
}

/// Key and value of a PUBLISH.
fn parse(frame: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let rest = frame.strip_prefix(b"\xAA\xA0\x02\x01")?;
    let (&len, rest) = rest.split_first()?;
    let (key, rest) = rest.split_at_checked(len.into())?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    Some((key.to_vec(), rest.get(..u32::from_be_bytes(*len) as usize)?.to_vec()))
}

struct Stranger {
    _context: zmq::Context,
    socket: zmq::Socket,
}

impl Stranger {
    fn new(port: u16, set: impl FnOnce(&zmq::Socket)) -> Stranger {
        let context = zmq::Context::new();
        let socket = context.socket(zmq::DEALER).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_rcvtimeo(PATIENCE.as_millis() as i32).unwrap();
        set(&socket);
        socket.connect(&format!("tcp://127.0.0.1:{port}")).unwrap();
        Stranger { _context: context, socket }
    }

    fn say(&self, frame: &[u8]) {
        self.socket.send(frame, 0).unwrap();
    }

    fn hear(&self) -> Vec<u8> {
        self.socket.recv_bytes(0).expect("an answer")
    }
}

#[test]
fn a_plain_client_is_served_as_czmq_would_serve_it() {
    let node = Node::new();
    node.publish("key", "value");
    let client = Stranger::new(node.listen(), |_| {});
    client.say(HELLO);
    let (key, value) = parse(&client.hear()).expect("a PUBLISH");
    assert_eq!((key, value), (b"key".to_vec(), b"value".to_vec()));
    client.say(PING);
    assert!(client.hear().starts_with(PONG));
    client.say(&publish("theirs", "1"));
    node.expect("theirs", "1");
}

#[test]
fn frames_before_the_message_are_skipped() {
    let node = Node::new();
    let client = Stranger::new(node.listen(), |_| {});
    for leading in [&[][..], &[&b"who"[..]], &[&b""[..], b"x", b"y"]] {
        for frame in leading {
            client.socket.send(*frame, zmq::SNDMORE).unwrap();
        }
        client.say(PING);
        assert!(client.hear().starts_with(PONG));
    }
}

#[test]
fn noise_is_dropped_and_the_link_lives_on() {
    let node = Node::new();
    let client = Stranger::new(node.listen(), |_| {});
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..2000 {
        let mut frame: Vec<u8> = (0..random.usize(..40)).map(|_| random.u8(..)).collect();
        if random.bool() {
            frame.splice(0..0, b"\xAA\xA0".iter().copied());
        }
        client.say(&frame);
    }
    client.say(&vec![0xAA; 20 << 20]);
    client.say(HELLO);
    client.say(&publish("still", "here"));
    node.expect("still", "here");
    let malformed = node.call(|engine| engine.node().stats().malformed);
    assert!(malformed > 1000, "{malformed}");
}

#[test]
fn what_is_far_too_large_costs_the_connection_and_no_more() {
    let node = Node::new();
    node.call(|engine| {
        let settings = zgossip::core::Settings { max_value: 1000, ..Default::default() };
        engine.set_settings(settings);
    });
    let port = node.listen();
    let client = Stranger::new(port, |_| {});
    client.say(&vec![0; 1 << 20]);
    let other = Stranger::new(port, |_| {});
    other.say(&publish("fine", "1"));
    node.expect("fine", "1");
}

#[test]
fn a_fixed_identity_may_come_back() {
    let node = Node::new();
    let port = node.listen();
    for round in ["1", "2", "3"] {
        let end = Instant::now() + PATIENCE;
        loop {
            // libzmq ignores a second connection with an identity while the first one is there, so that it may take
            // more than one try right after the other has gone. One that is not ignored hears the answer, and before
            // that perhaps that it is not known.
            let client = Stranger::new(port, |socket| {
                socket.set_identity(b"always me").unwrap();
                socket.set_rcvtimeo(500).unwrap();
            });
            client.say(&publish("round", round));
            client.say(PING);
            let mut answers = std::iter::from_fn(|| client.socket.recv_bytes(0).ok());
            if answers.any(|frame| frame.starts_with(PONG)) {
                node.expect("round", round);
                break;
            }
            assert!(Instant::now() < end, "round {round} is heard");
        }
    }
}

#[test]
fn a_client_that_does_not_read_slows_nobody_and_gets_everything_later() {
    const KEYS: usize = 20_000;
    let hub = Node::new();
    let port = hub.listen();
    let slow = Stranger::new(port, |socket| {
        socket.set_rcvhwm(1).unwrap();
        socket.set_rcvbuf(4096).unwrap();
    });
    slow.say(HELLO);
    hub.expect_peers(1);
    let leaf = Node::new();
    leaf.connect(&format!("tcp://127.0.0.1:{port}"));
    leaf.expect_peers(1);
    for round in 0..3 {
        hub.call(move |engine| {
            let now = engine.now();
            for key in 0..KEYS {
                let value = format!("{round}-{}", "x".repeat(100));
                engine.node().publish(format!("key {key}").as_bytes(), value.as_bytes(), 0, now).unwrap();
            }
        });
        hub.publish("round", &round.to_string());
        leaf.expect("round", &round.to_string());
    }
    leaf.expect_count(KEYS + 1);
    // The slow one reads at last, and sees the last value of every key.
    let mut seen: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
    let mut frames = 0;
    let end = Instant::now() + PATIENCE;
    let settled = |seen: &HashMap<Vec<u8>, Vec<u8>>| {
        seen.len() == KEYS + 1 && seen.values().filter(|value| value.starts_with(b"2")).count() == KEYS + 1
    };
    while !settled(&seen) {
        assert!(Instant::now() < end, "{} keys", seen.len());
        if let Some((key, value)) = parse(&slow.hear()) {
            seen.insert(key, value);
            frames += 1;
        }
    }
    assert!(frames < 2 * KEYS, "{frames} frames: what was replaced meanwhile is not sent");
}

#[test]
fn a_client_that_vanishes_is_noticed() {
    let node = Node::new();
    let port = node.listen();
    let client = Stranger::new(port, |_| {});
    client.say(HELLO);
    node.expect_peers(1);
    drop(client);
    // The node probes a silent client, and libzmq says that it is gone.
    node.expect_peers(0);
    assert_eq!(node.call(|engine| engine.node().stats().links_plain), 0);
}

/// A BATCH of one tuple.
fn batch(key: &str, value: &[u8], time: u64) -> Vec<u8> {
    let mut frame = b"\xAA\xA0\x10\x01\0".to_vec();
    frame.push(key.len() as u8);
    frame.extend_from_slice(key.as_bytes());
    frame.extend_from_slice(&time.to_be_bytes());
    frame.extend_from_slice(&(1 << 63 | 9u64).to_be_bytes());
    frame.extend_from_slice(&(value.len() as u32).to_be_bytes());
    frame.extend_from_slice(value);
    frame
}

#[test]
fn a_client_that_is_gone_is_heard_to_the_end_of_what_it_said() {
    const FRAMES: usize = 700;
    let node = Node::new();
    let port = node.listen();
    let client = Stranger::new(port, |socket| socket.set_linger(-1).unwrap());
    let hello = Extension { node: Some(1 << 63 | 9), ..Extension::default() };
    client.say(&encode(MessageId::Hello, &hello));
    node.expect_peers(1);
    // While the node is busy, more comes than it takes in one turn, and the client goes. Then it has something to say.
    let busy = node.keep_busy(|engine| {
        let now = engine.now();
        engine.node().publish(b"answer", b"value", 0, now).unwrap();
    });
    (0..FRAMES).for_each(|frame| client.say(&batch(&frame.to_string(), &[b'x'; 4000], 1 << 16)));
    drop(client);
    // Most likely libzmq knows then that it is gone.
    std::thread::sleep(Duration::from_millis(100));
    drop(busy);
    node.expect_count(FRAMES + 1);
    node.expect_peers(0);
}

#[test]
fn a_remote_that_is_no_hub_does_no_harm() {
    one_is_within(Duration::from_millis(100), "the end of a node with a mute hub", end_with_a_mute_hub);
}

fn end_with_a_mute_hub() -> Duration {
    // A hub that accepts connections, and never reads nor answers.
    let context = zmq::Context::new();
    let mute = context.socket(zmq::ROUTER).unwrap();
    mute.set_rcvhwm(1).unwrap();
    mute.set_linger(0).unwrap();
    mute.bind("tcp://127.0.0.1:*").unwrap();
    let endpoint = mute.get_last_endpoint().unwrap().unwrap();

    let (hub, node) = (Node::new(), Node::new());
    node.connect(&endpoint);
    node.connect(&format!("tcp://127.0.0.1:{}", hub.listen()));
    node.call(|engine| {
        let now = engine.now();
        for key in 0..5000 {
            engine.node().publish(format!("key {key}").as_bytes(), &[b'x'; 200], 0, now).unwrap();
        }
    });
    hub.expect_count(5000);
    node.end()
}

#[test]
fn a_hub_that_answers_nonsense_does_no_harm() {
    let context = zmq::Context::new();
    let odd = context.socket(zmq::ROUTER).unwrap();
    odd.set_linger(0).unwrap();
    odd.set_rcvtimeo(PATIENCE.as_millis() as i32).unwrap();
    odd.bind("tcp://127.0.0.1:*").unwrap();
    let endpoint = odd.get_last_endpoint().unwrap().unwrap();
    let node = Node::new();
    node.connect(&endpoint);
    let hello = odd.recv_multipart(0).unwrap();
    let replies: [&[&[u8]]; 6] =
        [&[b""], &[b"x"], &[b"", b"", b""], &[HELLO], &[&[0xFF; 100]], &[b"id", b"\xAA\xA0\x05\x01"]];
    for reply in replies {
        let parts = [&[&hello[0][..]], reply].concat();
        odd.send_multipart(parts, 0).unwrap();
    }
    odd.send_multipart([&hello[0][..], &publish("odd", "1")], 0).unwrap();
    node.expect("odd", "1");
}

#[test]
fn a_remote_of_ours_within_the_process_is_full_and_not_gone() {
    let endpoint = unique("inproc");
    let (hub, leaf) = (Node::new(), Node::new());
    hub.bind(&endpoint).unwrap();
    leaf.connect(&endpoint);
    leaf.call(|engine| {
        let now = engine.now();
        for key in 0..50_000 {
            engine.node().publish(format!("key {key}").as_bytes(), b"value", 0, now).unwrap();
        }
    });
    hub.expect_count(50_000);
    hub.expect_peers(1);
}
