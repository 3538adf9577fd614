//! Two CZMQ nodes that were linked to each other, and sent one key round and round.
//!
//! Nobody can stop them. Our nodes beside them have to settle all the same.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::network::{alone, monotonic, ms, processor_time, report, stats};
use super::tap::Tap;
use common::Lib::{Native, Preload, Stock};
use common::net::{HELLO, PING, RawClient};
use common::node::eventually;
use common::{Compile, LONG, Node, Process};
use zgossip::core::codec::{Message, decode};

/// Messages that a node's program has received.
fn heard(node: &Node) -> u64 {
    node.send("!heard");
    let text = node.wait_for_line("!heard", LONG).expect("an answer");
    text.parse().expect("a number")
}

/// A process that only receives.
struct Sink(Process, String);

impl Sink {
    fn new() -> Sink {
        let program = Compile::ctest("sink.c").flags(&["-std=gnu11"]).warnings().libs(&["-lzmq"]);
        let process = Process::spawn(Command::new(program.build()));
        let (_, endpoint) = process.wait_line(0, LONG, |_| true).expect("an endpoint");
        Sink(process, endpoint)
    }

    fn received(&mut self) -> u64 {
        let from = self.0.printed();
        self.0.tell("");
        let (_, count) = self.0.wait_line(from, LONG, |_| true).expect("a count");
        count.parse().expect("a number")
    }
}

/// Makes two CZMQ nodes loop on a key, and waits until they do.
fn start_loop(pair: [&Node; 2]) {
    for attempt in 0..20 {
        let start = monotonic() + 30_000;
        for node in pair {
            node.host.tell(&format!("* !until {start}"));
        }
        pair[0].send(&format!("!update loop {} 5", attempt * 20));
        pair[1].send(&format!("!update loop {} 5", attempt * 20 + 10));
        sleep(Duration::from_millis(200));
        let before = heard(pair[0]);
        sleep(Duration::from_millis(200));
        // One write is heard a few times, a loop thousands of times; hundreds on a busy machine
        if heard(pair[0]) - before > 100 {
            return;
        }
    }
    panic!("two CZMQ nodes do not loop any more");
}

/// Tuples that a CZMQ node sends to a newcomer.
fn value_at(endpoint: &str, key: &[u8]) -> String {
    let client = RawClient::connect(endpoint);
    client.send(&[HELLO]);
    client.send(&[PING]);
    let mut value = String::new();
    loop {
        let frame = client.receive().expect("a CZMQ node answers");
        match decode(&frame) {
            Ok(Message::Publish { key: k, value: v, .. }) if k == key => {
                value = String::from_utf8_lossy(v).into();
            }
            Ok(Message::Pong(_)) => return value,
            _ => {}
        }
    }
}

/// `inward`: the CZMQ node connects to our hub, not the hub to it.
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn beside_a_loop(inward: bool) {
    let _machine = alone();
    let pair = [Node::new(Stock, "one"), Node::new(Stock, "other")];
    let hub = Node::new(Native, "hub");
    let leaves = [Node::new(Preload, "leaf0"), Node::new(Native, "leaf1")];
    let hub_endpoint = hub.bind();
    let pair_endpoint = pair[0].bind();
    let taps: Vec<Tap> = leaves.iter().map(|_| Tap::recording(&hub_endpoint)).collect();
    for (leaf, tap) in leaves.iter().zip(&taps) {
        leaf.connect(&tap.endpoint);
    }
    for node in &pair {
        node.send("!mute");
    }
    pair[1].connect(&pair_endpoint);
    if inward {
        pair[0].connect(&hub_endpoint);
    } else {
        hub.connect(&pair_endpoint);
    }
    let mut sink = Sink::new();
    pair[0].connect(&sink.1);
    pair[1].publish("other", "there");
    for leaf in &leaves {
        leaf.must_hold("other", "there");
    }

    start_loop([&pair[0], &pair[1]]);
    let ours = [&hub, &leaves[0], &leaves[1]];
    let delivered = || ours.map(|node| node.values_of("loop").len());
    let spent = || ours.map(|node| processor_time(node.host.id()));
    let forwarded = || taps.iter().map(|tap| tap.seen().iter().filter(|seen| seen.is_news()).count());
    let (start, before, used, sent) = (Instant::now(), delivered(), spent(), forwarded().max());
    let looped = heard(&pair[0]);
    let (frames, sunk) = (stats(&hub)["frames_in"], sink.received());
    let sink_used = processor_time(sink.0.id());
    sleep(Duration::from_secs(5));
    let seconds = start.elapsed().as_secs_f64();
    let (after, used_after, sent_after) = (delivered(), spent(), forwarded().max());
    let looped = heard(&pair[0]) - looped;
    let (frames, sunk) = (stats(&hub)["frames_in"] - frames, sink.received() - sunk);
    let sink_used = processor_time(sink.0.id()) - sink_used;
    assert!(looped > 5000, "they went on: {looped}");

    let rate = |now: usize, then: usize| (now - then) as f64 / seconds;
    let deliveries: Vec<f64> = after.iter().zip(before).map(|(&now, then)| rate(now, then)).collect();
    let forwards = rate(sent_after.unwrap_or(0), sent.unwrap_or(0));
    let load: Vec<f64> =
        used_after.iter().zip(used).map(|(&now, then)| (now - then).as_secs_f64() / seconds).collect();
    let receiving = sink_used.as_secs_f64() / sunk as f64 * frames as f64 / seconds;
    report(
        &format!("beside a loop, inward {inward}"),
        format_args!(
            "{:.0} messages/s in the loop, {:.0}/s at our hub; deliveries/s {deliveries:.1?}, forwards/s to a \
             leaf {forwards:.1}, shares of a core {load:.3?}, of the first {receiving:.3} for receiving",
            looped as f64 / seconds,
            frames as f64 / seconds,
        ),
    );
    assert!(deliveries.iter().all(|&rate| rate <= 5.0), "{deliveries:?}");
    assert!(forwards <= 5.0, "{forwards}");
    assert!(load[1] < 0.05 && load[2] < 0.05, "{load:?}");
    // Where nothing is optimized and the machine is shared, some more for each message
    let bound = 0.05 + 6e-6 * frames as f64 / seconds;
    assert!(load[0] - receiving < bound, "{load:?}, {receiving} for receiving");

    // One of the pair dies: the loop ends, and all agree with the other
    pair[1].host.kill();
    let end = Instant::now();
    pair[0].publish("after", "the loop");
    for leaf in &leaves {
        leaf.must_hold("after", "the loop");
    }
    let values = || ours.map(|node| node.values_of("loop").pop());
    let agree = || {
        let theirs = Some(value_at(&pair_endpoint, b"loop"));
        values().iter().all(|value| *value == theirs)
    };
    let quiet = || taps.iter().filter_map(Tap::last_news).all(|last| last.elapsed() > Duration::from_secs(3));
    let settled = eventually(LONG, || quiet() && agree());
    assert!(settled, "{:?}, the CZMQ node has {}", values(), value_at(&pair_endpoint, b"loop"));
    let last = taps.iter().filter_map(Tap::last_news).max().expect("tuples travelled");
    report("after the loop", format_args!("last tuple {}", ms(last.saturating_duration_since(end))));
}

#[test]
fn our_hub_connected_to_a_looping_pair() {
    beside_a_loop(false);
}

#[test]
fn a_looping_pair_connected_to_our_hub() {
    beside_a_loop(true);
}
