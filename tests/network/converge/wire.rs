//! Messages as a plain peer sees them: HELLO and PUBLISH have something behind them, and nothing else is new.

use std::time::{Duration, Instant};

use super::network::{Network, report, shared};
use super::tap;
use common::Lib::{self, Native, Preload, Stock};
use common::net::{self, INVALID, PING, PONG, RawClient, RawServer, publish};
use common::{LONG, Node};
use zgossip::core::codec::{Extension, Message, decode};

/// Makes a node do everything that it may, a second of rest included.
fn be_busy(node: &Node) {
    let commands = "PUBLISH a 1|PUBLISH key value|PUBLISH key other|PUBLISH brief value 400|PUBLISH gone value|\
                    RETRACT gone|PUBLISH forgotten value|UNPUBLISH forgotten|PUBLISH key third|PUBLISH empty %_";
    commands.split('|').for_each(|command| node.send(command));
    node.status();
}

/// Values that the node may have sent of the key.
fn tuples() -> Vec<Vec<u8>> {
    let pairs =
        "a=1 a=theirs key=value key=other key=third brief=value gone=value forgotten=value empty= late=value";
    let pairs = pairs.split(' ').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| publish(key.as_bytes(), value.as_bytes())).collect()
}

/// A frame as a plain peer reads it: behind a PUBLISH is its stamp, and nothing else.
#[track_caller]
fn plainly(frame: &[u8]) -> Vec<u8> {
    let Ok(Message::Publish { key, value, ttl, extension }) = decode(frame) else { return frame.to_vec() };
    let stamp = extension.stamp;
    assert!(
        ttl == 0 && stamp.is_some() && extension == Extension { stamp, ..Extension::default() },
        "{frame:02X?}"
    );
    let plain = publish(key, value);
    assert!(frame.starts_with(&plain) && frame[plain.len()..].starts_with(b"ZG\0\x12"), "{frame:02X?}");
    plain
}

#[track_caller]
fn check(frames: &[Vec<u8>], control: &[&[u8]]) {
    let tuples = tuples();
    let frames: Vec<Vec<u8>> = frames.iter().map(|frame| plainly(frame)).collect();
    for frame in &frames {
        let known = control.contains(&frame.as_slice()) || tuples.contains(frame);
        assert!(known, "a plain peer was sent {frame:02X?}");
    }
    for wanted in [publish(b"key", b"third"), publish(b"empty", b""), publish(b"late", b"value")] {
        assert!(frames.contains(&wanted), "{wanted:02X?} is missing");
    }
}

/// HELLO with an extension, and nothing but that.
#[track_caller]
fn is_our_hello(frame: &[u8]) {
    assert!(frame.starts_with(net::HELLO), "{frame:02X?}");
    let Ok(Message::Hello(extension)) = decode(frame) else { panic!("{frame:02X?}") };
    assert!(extension.node.is_some() && extension.stamp.is_none(), "{extension:?}");
    assert_eq!(&frame[4..6], b"ZG");
    let size = usize::from(u16::from_be_bytes([frame[6], frame[7]]));
    assert_eq!(frame.len(), 8 + size);
}

fn to_a_plain_server(lib: Lib) {
    let server = RawServer::bind();
    let node = Node::new(lib, "node");
    be_busy(&node);
    node.connect(&server.endpoint);
    let (mut frames, mut hellos) = (Vec::new(), 0);
    let start = Instant::now();
    let (mut said, mut forgotten) = (false, false);
    // For four seconds, and until all is there that has to be
    let late = publish(b"late", b"value");
    let complete =
        |frames: &[Vec<u8>], hellos| hellos >= 2 && frames.iter().any(|frame| frame.starts_with(&late));
    while start.elapsed() < Duration::from_secs(4) || !complete(&frames, hellos) && start.elapsed() < LONG {
        if start.elapsed() > Duration::from_secs(1) && !said {
            said = true;
            be_busy(&node);
            node.publish("late", "value");
        }
        let Some((peer, frame)) = server.receive_within(Duration::from_millis(100)) else { continue };
        if frame == PING {
            server.send(&peer, &[PONG]);
        }
        // It changes its mind, says something of its own, and forgets the client
        if start.elapsed() > Duration::from_secs(2) && !forgotten {
            forgotten = true;
            server.send(&peer, &[&publish(b"a", b"theirs")]);
            server.send(&peer, &[&publish(b"a", b"1")]);
            server.send(&peer, &[INVALID]);
        }
        if frame.starts_with(net::HELLO) {
            is_our_hello(&frame);
            hellos += 1;
        } else {
            frames.push(frame);
        }
    }
    assert_eq!(hellos, 2);
    check(&frames, &[PING]);
}

fn to_a_plain_client(lib: Lib) {
    let node = Node::new(lib, "node");
    // So that it asks soon whether a silent client is still there
    node.send("SET server/timeout 200");
    be_busy(&node);
    let client = RawClient::connect(&node.bind());
    // A tuple from a stranger, then all that it may say, twice
    client.send(&[&publish(b"a", b"1")]);
    let mut frames: Vec<Vec<u8>> = client.receive().into_iter().collect();
    client.send(&[PING]);
    frames.extend(client.receive());
    assert_eq!(frames, [INVALID, PONG]);
    for round in 0..2 {
        client.send(&[net::HELLO]);
        client.send(&[&publish(b"a", b"1")]);
        client.send(&[PING]);
        if round == 1 {
            be_busy(&node);
            node.publish("late", "value");
        }
        let start = Instant::now();
        let late = publish(b"late", b"value");
        let answers = |frames: &[Vec<u8>]| frames.iter().filter(|frame| *frame == PONG).count();
        let complete = |frames: &[Vec<u8>]| {
            answers(frames) >= 2 + round
                && (round == 0 || frames.iter().any(|frame| frame.starts_with(&late)))
        };
        while start.elapsed() < Duration::from_secs(2) || !complete(&frames) && start.elapsed() < LONG {
            frames.extend(client.receive_within(Duration::from_millis(100)));
        }
        assert!(answers(&frames) >= 2 + round, "PING is answered: {frames:02X?}");
    }
    assert_eq!(frames.iter().filter(|frame| *frame == INVALID).count(), 1);
    check(&frames, &[PONG, INVALID]);
}

#[test]
fn plain_peers_see_only_what_czmq_would_send() {
    let _machine = shared();
    for lib in [Native, Preload] {
        to_a_plain_server(lib);
        to_a_plain_client(lib);
    }
}

/// Links with CZMQ's own nodes, in both roles, carry nothing else either.
#[test]
fn stock_peers_see_only_what_czmq_would_send() {
    let _machine = shared();
    let network = Network::new(&[Stock, Preload, Stock, Native], &[(1, 0), (2, 1), (3, 1)]);
    be_busy(&network.nodes[1]);
    for node in &network.nodes {
        node.must_hold("key", "third");
    }
    network.nodes[2].publish("from", "stock");
    network.nodes[0].must_hold("from", "stock");
    network.nodes[3].publish("late", "value");
    network.nodes.iter().for_each(|node| node.must_hold("late", "value"));
    std::thread::sleep(Duration::from_secs(2));
    // Our client on CZMQ's hub, CZMQ's client on our hub
    let (client, server) = (network.taps[0].seen(), network.taps[1].seen());
    let mut counts = [0; 3];
    let ours =
        client.iter().filter(|seen| seen.to_server).chain(server.iter().filter(|seen| !seen.to_server));
    for seen in ours {
        match seen.kind() {
            tap::HELLO => {
                is_our_hello(&seen.frame);
                counts[0] += 1;
            }
            tap::PUBLISH => {
                let Ok(Message::Publish { key, value, .. }) = decode(&seen.frame) else { panic!("{seen:?}") };
                assert_eq!(plainly(&seen.frame), publish(key, value));
                counts[1] += 1;
            }
            _ => {
                assert!([PING, PONG, INVALID].contains(&seen.frame.as_slice()), "{:02X?}", seen.frame);
                counts[2] += 1;
            }
        }
    }
    report("to CZMQ's nodes", format_args!("{counts:?} HELLO, PUBLISH, others"));
    assert!(counts[0] >= 1 && counts[1] > 10);
    // CZMQ's HELLO is four bytes, and CZMQ is never told INVALID on a connection that is well
    assert!(server.iter().any(|seen| seen.to_server && seen.frame == net::HELLO));
    assert!(!client.iter().chain(&server).any(|seen| seen.frame == INVALID), "INVALID was said");
    // The link of two nodes of ours is another
    let extended = network.taps[2].seen();
    assert!(extended.iter().any(|seen| seen.kind() > 5));
}
