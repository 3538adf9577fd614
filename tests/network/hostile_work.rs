//! Peers that cause as much work as they can by messages of a few bytes: others do not wait for it.

use std::time::{Duration, Instant};
use xxhash_rust::xxh3::xxh3_64;

use common::attack::LIMIT;
use common::net::{RawClient, publish};
use common::node::eventually;
use common::{LONG, Lib, Node, SHORT};
use zgossip::core::keys_of_hash;

/// Times that an attack may be repeated before what the pair notices is its fault.
const TRIES: usize = 3;

fn message(id: u8, fields: &[u8]) -> Vec<u8> {
    [&[0xAA, 0xA0, id, 1], fields].concat()
}

/// HELLO of an extended peer. `capabilities` are those of version 1.0, which has none, or others.
fn hello(number: u64, capabilities: Option<u32>) -> Vec<u8> {
    let mut fields = vec![1, 8];
    fields.extend((1 << 63 | number).to_be_bytes());
    if let Some(bits) = capabilities {
        fields.extend([2, 4]);
        fields.extend(bits.to_be_bytes());
    }
    message(1, &[b"ZG\0", &[fields.len() as u8][..], &fields].concat())
}

fn extended(endpoint: &str, number: u64) -> RawClient {
    let client = RawClient::connect(endpoint);
    client.send(&[&hello(number, None)]);
    assert!(client.receive().is_some(), "the hub introduces itself");
    client
}

/// A key of 8 bytes whose XXH3 is `hash`, if such a key has no NUL: each step of the function can be undone.
fn key_of(hash: u64) -> Option<[u8; 8]> {
    const FACTOR: u64 = 0x9FB2_1C65_1E98_DF25;
    let inverse = (0..6).fold(FACTOR, |x, _| x.wrapping_mul(2u64.wrapping_sub(FACTOR.wrapping_mul(x))));
    let mut h = hash ^ hash >> 28 ^ hash >> 56;
    h = h.wrapping_mul(inverse);
    h ^= (h >> 35).wrapping_add(8);
    h = h.wrapping_mul(inverse);
    // Applied 64 times, this step changes nothing.
    for _ in 0..63 {
        h ^= h.rotate_left(49) ^ h.rotate_left(24);
    }
    h ^= 0x1CAD_21F7_2C81_017C ^ 0xDB97_9083_E96D_D4DE;
    let key = h.rotate_left(32).to_le_bytes();
    (!key.contains(&0)).then_some(key)
}

/// Keys that fall on one leaf of the digest by XXH3.
fn ground_keys(count: usize) -> Vec<[u8; 8]> {
    let keys: Vec<_> =
        (0..).filter_map(|low: u64| key_of(0xABCD_E000_0000_0000 | low << 8)).take(count).collect();
    assert!(keys.iter().all(|key| xxh3_64(key) >> 44 == 0xABCDE));
    keys
}

/// Sends tuples with these keys, in BATCHes of a usual size.
fn send_tuples<'a>(client: &RawClient, keys: impl Iterator<Item = &'a [u8]>) {
    let records: Vec<Vec<u8>> = keys.zip(1 << 16..).map(|(key, time)| record(key, time)).collect();
    records.chunks(400).for_each(|records| client.send(&[&message(16, &records.concat())]));
}

fn record(key: &[u8], time: u64) -> Vec<u8> {
    let stamp = [time, 1 << 63 | 77].map(u64::to_be_bytes).concat();
    [&[0, key.len() as u8], key, &stamp, &1u32.to_be_bytes(), b"x"].concat()
}

fn requests(keys: &[[u8; 8]]) -> Vec<u8> {
    message(20, &keys.iter().flat_map(|key| xxh3_64(key).to_be_bytes()).collect::<Vec<u8>>())
}

/// An ANNOUNCE of `count` entries, or an OFFER of them: of these keys, with stamps that are not newer.
fn announcement(id: u8, keys: &[[u8; 8]], count: usize) -> Vec<u8> {
    let entry = |key: &[u8; 8]| [xxh3_64(key), 1, 1 << 63 | 77].map(u64::to_be_bytes).concat();
    message(id, &keys.iter().cycle().take(count).flat_map(entry).collect::<Vec<u8>>())
}

fn subtree(depth: u8, bits: u64) -> Vec<u8> {
    [&[depth], &bits.to_be_bytes()[..]].concat()
}

/// A DIGEST of the whole trie, again and again, in which everything differs.
fn digests(count: usize) -> Vec<u8> {
    let one = [subtree(0, 0), [7; 128].to_vec()].concat();
    message(18, &one.repeat(count))
}

/// An ENTRIES of nothing in each subtree of the first level, again and again.
fn empty_lists(count: usize) -> Vec<u8> {
    let list = |item: usize| [subtree(1, (item as u64 % 16) << 60), vec![0; 4]].concat();
    message(19, &(0..count).flat_map(list).collect::<Vec<u8>>())
}

/// Two extended clients of a hub, one of which publishes what the other is to receive.
struct Pair {
    from: RawClient,
    to: RawClient,
    count: u64,
    /// Times that updates have taken.
    took: Vec<Duration>,
}

impl Pair {
    fn new(endpoint: &str) -> Pair {
        let [from, to] = [1, 2].map(|number| extended(endpoint, number));
        let mut pair = Pair { from, to, count: 0, took: Vec::new() };
        pair.update();
        pair.took.clear();
        pair
    }

    /// Publishes a value and waits until it has arrived.
    #[track_caller]
    fn update(&mut self) {
        self.count += 1;
        let mut frame = publish(b"honest", self.count.to_string().as_bytes());
        frame.extend(b"ZG\0\x12\x05\x10");
        let stamp = [(1 << 16) + self.count, 1 << 63 | 1].map(u64::to_be_bytes).concat();
        frame.extend(&stamp);
        let begun = Instant::now();
        self.from.send(&[&frame]);
        // It may come among others.
        while !self.to.receive().expect("an update").windows(16).any(|bytes| bytes == stamp) {}
        self.took.push(begun.elapsed());
    }

    /// Number of updates, the time of 99 in 100, and the longest; the next ones are counted anew.
    fn take(&mut self) -> (usize, Duration, Duration) {
        let mut took = std::mem::take(&mut self.took);
        took.sort_unstable();
        (took.len(), took[(took.len() * 99).div_ceil(100) - 1], *took.last().expect("updates"))
    }
}

/// A pair that talks over a hub, and another over a hub that is left alone.
struct Pairs {
    pair: Pair,
    control: Pair,
    _other: Node,
}

impl Pairs {
    fn new(endpoint: &str) -> Pairs {
        let other = Node::new(Lib::Native, "other");
        let (pair, control) = (Pair::new(endpoint), Pair::new(&other.bind()));
        Pairs { pair, control, _other: other }
    }

    /// Updates until `until` is true, and at least 100 times. Returns whether 99 in 100 took no more than `limit` longer
    /// than one took elsewhere.
    fn are_served(&mut self, limit: Duration, what: &str, mut until: impl FnMut() -> bool) -> bool {
        while !until() || self.pair.took.len() < 100 {
            self.pair.update();
            self.control.update();
        }
        let ((count, p99, most), (_, _, control)) = (self.pair.take(), self.control.take());
        println!("{what}: {count} updates, p99 {p99:?}, at most {most:?}; elsewhere at most {control:?}");
        p99 < limit + control
    }

    /// Sends a hub a number of frames by `send`, three times at most, and panics unless the pair was served once.
    #[track_caller]
    fn must_be_served(&mut self, hub: &Node, what: &str, frames: u64, send: impl Fn()) {
        let once = |_| {
            let before = hub.counter("frames_in");
            send();
            self.are_served(LIMIT, what, || hub.counter("frames_in") >= before + frames)
        };
        assert!((0..TRIES).any(once), "{what}: p99 is over {LIMIT:?} each time");
    }
}

#[test]
fn keys_chosen_to_fall_on_one_leaf_delay_nobody() {
    let hub = Node::new(Lib::Native, "hub");
    let endpoint = hub.bind();
    let mut pairs = Pairs::new(&endpoint);
    let client = extended(&endpoint, 77);
    let keys = ground_keys(100_000);
    send_tuples(&client, keys.iter().map(|key| &key[..]));
    assert!(eventually(LONG, || hub.counter("tuples") > 100_000), "chosen keys are keys");
    pairs.pair.update();
    pairs.pair.took.clear();

    let malformed = hub.counter("malformed");
    let floods = [
        ("REQUEST of 160 kB", requests(&keys[..20_000]), 1),
        ("REQUEST of 3.6 MB", requests(&keys.repeat(5)[..450_000]), 1),
        ("ANNOUNCE of 33 MB", announcement(21, &keys, 1_375_000), 1),
        ("REQUESTs of 128 kB", requests(&keys[..16_000]), 100),
        ("ANNOUNCEs of 128 kB", announcement(21, &keys, 5_400), 100),
        ("OFFERs of 128 kB", announcement(24, &keys, 5_400), 100),
        ("ENTRIES of 128 kB", empty_lists(10_000), 20),
        ("DIGESTs of 128 kB", digests(950), 20),
    ];
    for (what, frame, count) in floods {
        pairs.must_be_served(&hub, what, count, || (0..count).for_each(|_| client.send(&[&frame])));
    }
    let malformed = hub.counter("malformed") - malformed;
    assert!((3..=3 * TRIES as u64).contains(&malformed), "what no peer sends is not looked at: {malformed}");
}

#[test]
fn two_hundred_links_that_ask_for_much_delay_nobody() {
    let hub = Node::new(Lib::Native, "hub");
    let endpoint = hub.bind();
    for key in 0..50_000 {
        hub.publish(&format!("key {key}"), "value");
    }
    let mut pairs = Pairs::new(&endpoint);
    let clients: Vec<RawClient> = (0..200).map(|number| extended(&endpoint, 1000 + number)).collect();
    for (what, frame) in [("DIGEST", digests(200)), ("ENTRIES", empty_lists(500))] {
        pairs.must_be_served(&hub, &format!("200 links with {what}"), 1000, || {
            (0..5).for_each(|_| clients.iter().for_each(|client| client.send(&[&frame])));
        });
    }
}

/// Two hubs have missed some of each other's tuples, most of which have one hash, the honest one among them.
#[test]
fn keys_that_all_have_one_hash_delay_nobody_and_all_agree() {
    let hubs = ["one", "two"].map(|name| Node::new(Lib::Native, name));
    let endpoints = hubs.each_ref().map(Node::bind);
    let mut pairs = Pairs::new(&endpoints[0]);
    let keys: Vec<Vec<u8>> = keys_of_hash(xxh3_64(b"honest twin")).take(100_000).collect();
    for (hub, (endpoint, keys)) in endpoints.iter().zip([&keys[..75_000], &keys[25_000..]]).enumerate() {
        let client = extended(endpoint, 77 + hub as u64);
        send_tuples(&client, keys.iter().map(|key| &key[..]));
        assert!(eventually(LONG, || hubs[hub].counter("tuples") >= 75_000), "chosen keys are keys");
        (0..100).for_each(|key| hubs[hub].publish(&format!("{hub} {key}"), "value"));
    }
    hubs[0].publish("honest twin", "value");
    pairs.pair.update();
    pairs.pair.took.clear();
    hubs[1].connect(&endpoints[0]);
    let tuples = || hubs.each_ref().map(|hub| hub.counter("tuples"));
    let wanted = 100_000 + 200 + 2;
    let begun = Instant::now();
    // It happens once, so what else the machine does may be its fault.
    let are_equal = || tuples() == [wanted; 2] || begun.elapsed() > LONG;
    assert!(pairs.are_served(Duration::from_secs(1), "two hubs that compare", are_equal));
    println!("they agree after {:?}", begun.elapsed());
    assert_eq!(tuples(), [wanted; 2]);
    hubs[1].must_hold("honest twin", "value");
    let agree = || {
        hubs[1].send("PEERS");
        let peers = hubs[1].wait_for_line("PEERS", LONG).expect("a node answers PEERS");
        peers.contains("direction=out") && peers.contains("equal=yes")
    };
    assert!(eventually(LONG, agree), "the hubs know that they agree");
    let sent = || hubs.iter().map(|hub| hub.counter("bytes_out")).sum::<u64>();
    let is_silent = || {
        let before = sent();
        std::thread::sleep(SHORT);
        sent() - before < 100_000
    };
    assert!(eventually(LONG, is_silent), "the hubs go on sending");
}
