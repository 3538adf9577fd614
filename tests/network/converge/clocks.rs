//! Clocks that are wrong, by mistake or on purpose.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use super::network::{report, shared, stats, value};
use common::Lib::{Native, Preload};
use common::build::{artifacts, czmq_program, native_program};
use common::net::{PING, RawClient};
use common::{Compile, Host, LONG, Node, run};
use zgossip::core::Stamp;
use zgossip::core::codec::{Extension, Message, MessageId, Summary, decode, encode, encode_publish};

const MINUTE: i64 = 60_000;

fn skewed(mut command: Command, ms: i64, preload: Option<&str>) -> Command {
    let shim = Compile::ctest("skew.c").warnings().flags(&["-shared", "-fPIC"]).build();
    let shim = shim.to_str().expect("plain path");
    let libraries: Vec<&str> = [shim].into_iter().chain(preload).collect();
    command.env("LD_PRELOAD", libraries.join(":")).env("SKEW_MS", ms.to_string());
    command
}

fn skewed_node(native: bool, ms: i64, name: &str) -> Node {
    let command = if native {
        skewed(native_program("native_node"), ms, None)
    } else {
        let ours = artifacts().shared.to_str().expect("plain path");
        skewed(czmq_program("node", Preload), ms, Some(ours))
    };
    Host::run(command).node(name)
}

fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64
}

/// The rest of this file would be worth nothing if the clock was right after all.
#[test]
fn the_preloaded_clock_is_off_by_what_a_test_says() {
    for skew in [-10 * MINUTE, 10 * MINUTE + 1] {
        let mut date = Command::new("date");
        date.arg("+%s%3N");
        let said: i64 = run(skewed(date, skew, None), LONG).check("date").out.parse().expect("a number");
        let off = said - wall() as i64;
        assert!((off - skew).abs() < 5000, "{off} instead of {skew}");
    }
    // And in the library: what it says of its clock
    let hub = skewed_node(true, 10 * MINUTE, "hub");
    let peer = Stranger::connect(&hub.bind(), 0);
    assert!(peer.clock.abs_diff(wall() + 600_000) < 5000, "{}", peer.clock);
}

#[test]
fn later_writes_win_whoever_has_a_wrong_clock() {
    let _machine = shared();
    for skew in [-10 * MINUTE, 10 * MINUTE] {
        let nodes = [
            Node::new(Native, "hub"),
            skewed_node(true, skew, "native"),
            skewed_node(false, skew, "preload"),
            Node::new(Preload, "right"),
        ];
        let endpoint = nodes[0].bind();
        nodes[1..].iter().for_each(|node| node.connect(&endpoint));
        for round in 0..5 {
            for (writer, node) in nodes.iter().enumerate() {
                let value = format!("{round} by {writer}");
                node.publish("key", &value);
                for node in &nodes {
                    node.must_hold("key", &value);
                }
            }
        }
        for node in &nodes {
            let values = node.values_of("key");
            let wanted: Vec<String> =
                (0..5).flat_map(|round| (0..4).map(move |writer| format!("{round} by {writer}"))).collect();
            assert_eq!(values, wanted, "each value once, in order, none back");
        }
        // Removal and time to live are no different
        nodes[3].send("PUBLISH brief value 1500");
        nodes[1].send("PUBLISH short value 1500");
        nodes[2].send("RETRACT key");
        for node in &nodes {
            node.must_hold("brief", "value");
        }
        let gone = |node: &Node| ["key", "brief", "short"].iter().all(|key| value(node, key).is_none());
        assert!(common::node::eventually(LONG, || nodes.iter().all(gone)));
        nodes[0].publish("key", "again");
        for node in &nodes {
            node.must_hold("key", "again");
        }
    }
}

/// An extended peer that stamps as it likes.
struct Stranger {
    client: RawClient,
    /// Reads the clock that the server sent, in milliseconds since 1970.
    clock: u64,
    ahead: u64,
    id: u64,
}

impl Stranger {
    fn connect(endpoint: &str, ahead: u64) -> Stranger {
        let client = RawClient::connect(endpoint);
        let id = 1 << 63 | fastrand::u64(..);
        let clock = Some((wall() + ahead) << 16);
        let summary = Some(Summary::default());
        let hello =
            Extension { node: Some(id), capabilities: Some(0), clock, summary, ..Extension::default() };
        client.send(&[&encode(MessageId::Hello, &hello)]);
        let frame = client.receive().expect("an answer to HELLO");
        let Ok(Message::Pong(extension)) = decode(&frame) else { panic!("{frame:?} is no PONG") };
        let clock = extension.clock.expect("a clock") >> 16;
        Stranger { client, clock, ahead, id }
    }

    fn publish(&self, key: &str, value: &str) {
        let stamp = Stamp { time: (wall() + self.ahead) << 16, origin: self.id };
        let tuple = zgossip::core::Tuple::new(key.as_bytes(), value.as_bytes());
        self.client.send(&[&encode_publish(&tuple, 0, Some(stamp))]);
    }

    /// Waits until everything sent was handled.
    fn flush(&self) {
        self.client.send(&[PING]);
        let is_pong = |frame: Vec<u8>| matches!(decode(&frame), Ok(Message::Pong(_)));
        while !is_pong(self.client.receive().expect("a PONG")) {}
    }
}

#[test]
fn a_peer_that_stamps_with_the_year_2100_poisons_nothing() {
    let _machine = shared();
    let hub = Node::new(Native, "hub");
    let leaf = Node::new(Preload, "leaf");
    let endpoint = hub.bind();
    leaf.connect(&endpoint);
    leaf.publish("key", "true");
    hub.must_hold("key", "true");
    let until_2100 = 4_102_444_800_000 - wall();
    let stranger = Stranger::connect(&endpoint, until_2100);
    stranger.publish("key", "poison");
    stranger.publish("new", "poison");
    stranger.flush();
    assert_eq!(value(&hub, "key").as_deref(), Some("true"));
    assert_eq!(value(&hub, "new"), None);
    assert!(hub.host.wait_stderr(LONG, "max_drift"), "{}", hub.host.stderr());
    assert!(stats(&hub)["refused"] >= 2);
    // Its clock was not taken over: what is written now has a stamp of now
    leaf.publish("key", "later");
    hub.must_hold("key", "later");
    let witness = Stranger::connect(&endpoint, 0);
    assert!(witness.clock.abs_diff(wall()) < 5000, "the hub's clock is {}", witness.clock);
    hub.publish("key", "latest");
    leaf.must_hold("key", "latest");
}

/// A stamp that is ahead, but within `server/max_drift`, is trusted, and the clocks follow: later writes still win.
#[test]
fn a_peer_that_is_nearly_an_hour_ahead_is_followed() {
    let _machine = shared();
    let hub = Node::new(Native, "hub");
    let leaf = Node::new(Preload, "leaf");
    let endpoint = hub.bind();
    leaf.connect(&endpoint);
    let ahead = Stranger::connect(&endpoint, 59 * 60_000);
    ahead.publish("key", "ahead");
    leaf.must_hold("key", "ahead");
    leaf.publish("key", "by the leaf");
    hub.must_hold("key", "by the leaf");
    hub.publish("key", "by the hub");
    leaf.must_hold("key", "by the hub");
    // Even one who has yet to hear of it: a new node meets the network before its tuples do
    let fresh = Node::new(Native, "fresh");
    fresh.connect(&endpoint);
    fresh.must_hold("key", "by the hub");
    fresh.publish("key", "by a new one");
    leaf.must_hold("key", "by a new one");
    // Where less is trusted, less is taken; one peer's clock against two is no reason to trust it
    let strict = Node::new(Native, "strict");
    strict.send(&format!("SET server/max_drift {}", 10 * MINUTE));
    let endpoint = strict.bind();
    let _right = Stranger::connect(&endpoint, 0);
    let stranger = Stranger::connect(&endpoint, 11 * 60_000);
    stranger.publish("key", "too far");
    stranger.flush();
    assert_eq!(value(&strict, "key"), None);
    report("clocks", format_args!("{} refused", stats(&strict)["refused"]));
}
