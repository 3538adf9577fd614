//! Frames that no honest peer sends, to a node that is bound and to one that
//! is connected: they are dropped, the link lives on, the node answers.

use std::time::{Duration, Instant};
use zgossip::core::codec::encode_publish;
use zgossip::core::{Stamp, Tuple};

use common::attack::{Attacker, Spoiler};
use common::net::{HELLO, INVALID, PING, PONG, RawServer, publish};
use common::{LONG, Lib, Node, Tuples};

fn wrong_frames() -> Vec<(&'static str, Vec<u8>)> {
    let header = |id: u8| vec![0xAA, 0xA0, id, 1];
    let with = |id: u8, rest: &[u8]| [header(id), rest.to_vec()].concat();
    let mut long_value = with(2, b"\x03big");
    let size: u32 = 17 * 1024 * 1024;
    long_value.extend(size.to_be_bytes());
    long_value.resize(long_value.len() + size as usize + 4, b'x');
    vec![
        ("empty", vec![]),
        ("one byte", vec![0xAA]),
        ("half a signature", vec![0xAA, 0xA0]),
        ("no version", vec![0xAA, 0xA0, 1]),
        ("another signature", vec![0xAA, 0xA1, 1, 1]),
        ("a signature turned round", vec![0xA0, 0xAA, 1, 1]),
        ("id 0", header(0)),
        ("id 6", header(6)),
        ("id 255", header(255)),
        ("version 0", vec![0xAA, 0xA0, 2, 0, 1, b'k', 0, 0, 0, 1, b'v', 0, 0, 0, 0]),
        ("version 2", vec![0xAA, 0xA0, 2, 2, 1, b'k', 0, 0, 0, 1, b'v', 0, 0, 0, 0]),
        ("PUBLISH of nothing", header(2)),
        ("a key that ends early", with(2, b"\x05abc")),
        ("a key and no value", with(2, b"\x03abc")),
        ("half a value length", with(2, b"\x03abc\0\0")),
        ("a value that ends early", with(2, b"\x03abc\0\0\0\x05vw")),
        ("a value of 4 GB", with(2, b"\x03abc\xff\xff\xff\xffvw\0\0\0\0")),
        ("a value of 2 GB", with(2, b"\x03abc\x7f\xff\xff\xffvw\0\0\0\0")),
        ("no ttl", with(2, b"\x03abc\0\0\0\x01v")),
        ("half a ttl", with(2, b"\x03abc\0\0\0\x01v\0\0")),
        ("an empty key", with(2, b"\0\0\0\0\x01v\0\0\0\0")),
        ("NUL in a key", with(2, b"\x03a\0c\0\0\0\x01v\0\0\0\0")),
        ("NUL in a value", with(2, b"\x03abc\0\0\0\x03v\0w\0\0\0\0")),
        ("text", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("32 MB of nothing", vec![0; 32 * 1024 * 1024]),
        ("a value over server/max_value", long_value),
    ]
}

/// A connection with HELLO said, and its answer taken.
fn greeted_client(endpoint: &str) -> Attacker {
    let client = Attacker::connect(endpoint);
    client.hello();
    client.must_pong("HELLO");
    client
}

/// Checks that every wrong frame is counted, those over a limit as refused.
#[track_caller]
fn must_have_counted(node: &Node) {
    let counted = (node.counter("malformed"), node.counter("refused"));
    assert_eq!(counted, (wrong_frames().len() as u64 - 1, 1));
}

#[test]
fn a_bound_node_drops_wrong_frames() {
    for lib in [Lib::Preload, Lib::Native] {
        let hub = Node::new(lib, "hub");
        let endpoint = hub.bind();
        let client = greeted_client(&endpoint);
        for (what, frame) in wrong_frames() {
            client.say(&frame);
            client.must_pong(what);
        }
        assert_eq!(hub.status(), 0, "{:?}", hub.lines());
        must_have_counted(&hub);
        client.say(&publish(b"right", b"1"));
        hub.must_hold("right", "1");
        assert_eq!(hub.status(), 1);
    }
}

#[test]
fn a_connected_node_drops_wrong_frames() {
    for lib in [Lib::Preload, Lib::Native] {
        let server = RawServer::bind();
        let node = Node::new(lib, "node");
        node.connect(&server.endpoint);
        let peer = server.greet();
        for (i, (what, frame)) in wrong_frames().into_iter().enumerate() {
            server.send(&peer, &[&frame]);
            let key = format!("after{i}");
            server.send(&peer, &[&publish(key.as_bytes(), b"1")]);
            assert!(node.holds(&key, "1", LONG), "{what}");
        }
        assert_eq!(node.status(), wrong_frames().len(), "{:?}", node.lines());
        must_have_counted(&node);
        node.publish("mine", "2");
        let wanted = publish(b"mine", b"2");
        while !server.receive().expect("its tuple").1.starts_with(&wanted) {}
    }
}

/// Frames in front of the message: some clients put their identity there,
/// or an empty one, as a REQ does.
#[test]
fn frames_before_a_message_are_tolerated() {
    let hub = Node::new(Lib::Preload, "hub");
    let client = greeted_client(&hub.bind());
    client.say_parts(&[b"", &publish(b"one", b"1")]);
    client.say_parts(&[b"identity", &publish(b"two", b"2")]);
    client.say_parts(&[b"a", b"b", b"c", b"", &publish(b"three", b"3")]);
    for (key, value) in [("one", "1"), ("two", "2"), ("three", "3")] {
        hub.must_hold(key, value);
    }
    let many: Vec<&[u8]> = vec![b"x"; 1000];
    client.say_parts(&many);
    client.must_pong("a thousand frames");

    let server = RawServer::bind();
    let node = Node::new(Lib::Preload, "node");
    node.connect(&server.endpoint);
    let (peer, _) = server.receive().expect("HELLO");
    server.send(&peer, &[b"", &publish(b"one", b"1")]);
    server.send(&peer, &[b"x", b"y", &publish(b"two", b"2")]);
    server.send(&peer, &many);
    server.send(&peer, &[&publish(b"three", b"3")]);
    for (key, value) in [("one", "1"), ("two", "2"), ("three", "3")] {
        node.must_hold(key, value);
    }
}

/// A client may say things that only a server says, and the reverse.
#[test]
fn messages_of_the_other_role_are_harmless() {
    let hub = Node::new(Lib::Preload, "hub");
    let client = greeted_client(&hub.bind());
    for frame in [INVALID, &[0xAA, 0xA0, 4, 1], HELLO, HELLO] {
        client.say(frame);
        client.must_pong("a message of a server");
    }
    assert_eq!(hub.status(), 0);

    let server = RawServer::bind();
    let node = Node::new(Lib::Preload, "node");
    node.connect(&server.endpoint);
    let (peer, _) = server.receive().expect("HELLO");
    for frame in [HELLO, PING, &[0xAA, 0xA0, 4, 1]] {
        server.send(&peer, &[frame]);
    }
    server.send(&peer, &[&publish(b"key", b"1")]);
    node.must_hold("key", "1");
}

const MUTATIONS: usize = 10_000;

#[test]
fn a_bound_node_survives_spoilt_frames() {
    let mut spoiler = Spoiler::new("bound");
    let hub = Node::new(Lib::Preload, "hub");
    hub.publish("own", "1");
    let endpoint = hub.bind();
    // What a node of ours says to its hub is honest too
    let overheard = RawServer::bind();
    let talker = Node::new(Lib::Native, "talker");
    talker.publish("talk", "1");
    talker.connect(&overheard.endpoint);
    for _ in 0..6 {
        let (peer, frame) = overheard.receive().expect("a sign of life");
        if frame == PING {
            overheard.send(&peer, &[PONG]);
        }
        spoiler.learn(&frame);
    }
    let mut client = greeted_client(&endpoint);
    for step in 0..MUTATIONS {
        client.say(&spoiler.spoil());
        if step % 100 == 99 {
            client.must_pong("spoilt frames");
        }
        if step % 1000 == 999 {
            // Another link, which begins from nothing
            client = greeted_client(&endpoint);
        }
    }
    assert!(hub.status_within(LONG).is_some());
    let client = greeted_client(&endpoint);
    client.say(&publish(b"the end", b"of it"));
    hub.must_hold("the end", "of it");
}

#[test]
fn a_connected_node_survives_spoilt_frames() {
    let mut spoiler = Spoiler::new("connected");
    let server = RawServer::bind();
    let node = Node::new(Lib::Preload, "node");
    node.publish("own", "1");
    node.connect(&server.endpoint);
    let (mut peer, _) = server.receive().expect("HELLO");
    for step in 0..MUTATIONS {
        server.send(&peer, &[&spoiler.spoil()]);
        if step % 100 == 99 {
            // It is there, and has taken all of them. Its socket may be a
            // new one by now: what comes last is sent to where it is.
            let key = format!("step{step}");
            // With a stamp: a spoilt message may have introduced the server as one that knows them.
            let stamp = Some(Stamp { time: 1 << 16, origin: 1 << 63 });
            let tuple = encode_publish(&Tuple::new(key.as_bytes(), b"1"), 0, stamp);
            server.send(&peer, &[&tuple]);
            assert!(node.holds(&key, "1", LONG), "step {step}");
            while let Some((from, frame)) = server.receive_within(Duration::ZERO) {
                spoiler.learn(&frame);
                peer = from;
            }
        }
    }
    assert!(node.status_within(LONG).is_some());
}

/// A wire between a client and a hub that spoils what it carries.
struct Wire {
    front: zmq::Socket,
    /// A connection to the hub for each of the client's.
    connections: Vec<(Vec<u8>, zmq::Socket)>,
    context: zmq::Context,
    hub: String,
    carried: u32,
    spoilt: u32,
}

impl Wire {
    fn new(hub: &str) -> Wire {
        let context = zmq::Context::new();
        let front = context.socket(zmq::ROUTER).expect("a ROUTER");
        front.set_linger(0).expect("linger");
        front.bind("tcp://127.0.0.1:*").expect("bind");
        Wire { front, connections: vec![], context, hub: hub.to_owned(), carried: 0, spoilt: 0 }
    }

    fn endpoint(&self) -> String {
        self.front.get_last_endpoint().expect("endpoint").expect("text")
    }

    fn connection(&mut self, client: &[u8]) -> usize {
        if let Some(place) = self.connections.iter().position(|(id, _)| id == client) {
            return place;
        }
        let back = self.context.socket(zmq::DEALER).expect("a DEALER");
        back.set_linger(0).expect("linger");
        back.connect(&self.hub).expect("connect");
        self.connections.push((client.to_owned(), back));
        self.connections.len() - 1
    }

    /// Carries what comes for a while; spoils one message in `one_in`, or
    /// none if that is 0.
    fn carry(&mut self, spoiler: &mut Spoiler, one_in: u32, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let mut items = vec![self.front.as_poll_item(zmq::POLLIN)];
            items.extend(self.connections.iter().map(|(_, back)| back.as_poll_item(zmq::POLLIN)));
            zmq::poll(&mut items, 10).expect("poll");
            let ready: Vec<bool> = items.iter().map(zmq::PollItem::is_readable).collect();
            if ready[0] {
                let mut frames = self.front.recv_multipart(0).expect("a message");
                let message = frames.pop().expect("a frame");
                let message = self.spoil(spoiler, one_in, message);
                let place = self.connection(&frames[0]);
                self.connections[place].1.send(message, 0).expect("forwarded");
            }
            for place in (1..ready.len()).filter(|&place| ready[place]) {
                let message = self.connections[place - 1].1.recv_bytes(0).expect("a message");
                let message = self.spoil(spoiler, one_in, message);
                let client = &self.connections[place - 1].0;
                self.front.send_multipart([client.as_slice(), &message], 0).expect("forwarded");
            }
        }
    }

    fn spoil(&mut self, spoiler: &mut Spoiler, one_in: u32, message: Vec<u8>) -> Vec<u8> {
        self.carried += 1;
        if one_in == 0 || spoiler.random.u32(..one_in) != 0 {
            return message;
        }
        self.spoilt += 1;
        spoiler.learn(&message);
        spoiler.spoil_this(message)
    }
}

/// Two nodes of ours over a wire that spoils every third message: both live
/// on, and once the wire is good, what is written arrives and stays, also
/// where a spoilt message had written something else under a stamp of its own
/// making. (What was spoilt *within* a tuple and kept its stamp is, to all
/// that a node can tell, the same tuple; ZeroMQ's transports do not do that.)
#[test]
fn nodes_agree_once_a_bad_wire_is_good() {
    const ROUNDS: u32 = 40;
    let mut spoiler = Spoiler::new("wire");
    let hub = Node::new(Lib::Preload, "hub");
    let mut wire = Wire::new(&hub.bind());
    let leaf = Node::new(Lib::Native, "leaf");
    leaf.connect(&wire.endpoint());
    for round in 0..ROUNDS {
        for (node, name) in [(&hub, "hub"), (&leaf, "leaf")] {
            node.publish(&format!("{name}{round}"), "value");
            node.publish("changing", &format!("{name}{round}"));
            node.publish(&format!("{name}-large{round}"), &"x".repeat(300));
        }
        wire.carry(&mut spoiler, 3, Duration::from_millis(150));
    }
    assert!(wire.spoilt > 12, "{} of {} messages spoilt", wire.spoilt, wire.carried);

    // Where the greeting itself was spoilt, the two take each other for CZMQ
    // nodes, who never repeat what got lost: so they greet each other again
    leaf.connect(&wire.endpoint());
    let mut written = Tuples::new();
    for round in 0..ROUNDS {
        for (node, name, other) in [(&hub, "hub", "leaf"), (&leaf, "leaf", "hub")] {
            // Each writes keys of its own, and of the other one
            for key in [format!("{name}{round}"), format!("{other}-large{round}")] {
                node.publish(&key, &format!("{name} healed"));
                written.insert(key, format!("{name} healed"));
            }
        }
    }
    hub.publish("changing", "for the last time");
    written.insert("changing".to_owned(), "for the last time".to_owned());
    let agreed = |node: &Node| {
        let held = node.tuples();
        written.iter().all(|(key, value)| held.get(key) == Some(value))
    };
    let deadline = Instant::now() + LONG;
    while !(agreed(&hub) && agreed(&leaf)) && Instant::now() < deadline {
        wire.carry(&mut spoiler, 0, Duration::from_millis(300));
    }
    hub.must_hold_all(&written);
    leaf.must_hold_all(&written);
    assert!(hub.status() >= written.len() && leaf.status() >= written.len());
}
