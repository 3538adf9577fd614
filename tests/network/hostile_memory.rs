//! What peers make a node hold, queue and receive has a bound in bytes, and an honest pair beside the attack is served.
//!
//! The peak of the hub's process is what is judged: with libzmq's queues, copies, and what the allocator keeps.

use std::time::{Duration, Instant};

use common::attack::{Attacker, LIMIT, RawLink, Record, Victim, frames, must_mostly_serve, must_serve, peer};
use common::node::eventually;
use common::{Host, LONG, Lib, Node};

const MIB: u64 = 1 << 20;

/// A hub with this budget, and what is resident before anything happens.
fn victim(max_bytes: u64) -> (Victim, u64) {
    let victim = Victim::with(Lib::Native, &[], &[&format!("SET server/max_bytes {max_bytes}")]);
    victim.hub.publish("begin", "1");
    assert_eq!(victim.hub.status(), 1);
    victim.hub.send("!mute");
    let before = victim.memory().resident;
    (victim, before)
}

/// A stamp of now, by an attacker.
fn stamped(key: &str, value: &[u8], number: u64) -> Vec<u8> {
    frames::stamped(
        key.as_bytes(),
        value,
        frames::hybrid(frames::wall()) + number,
        frames::node_id(number + 1),
    )
}

/// Nothing of the honest pair's was lost, it was served as if nothing were, and the hub's peak was no more than `most`
/// above what it was.
#[track_caller]
fn must_stay_below(victim: &Victim, before: u64, most: u64, what: &str, attack: impl FnMut()) {
    must_serve(victim, LIMIT, what, attack);
    must_have_stayed_below(victim, before, most, what);
}

/// The same while the pair is sent the tuples with which the hub is flooded.
#[track_caller]
fn must_pass_on_below(victim: &Victim, before: u64, most: u64, what: &str, attack: impl FnMut()) {
    must_mostly_serve(victim, LIMIT, what, attack);
    must_have_stayed_below(victim, before, most, what);
}

#[track_caller]
fn must_have_stayed_below(victim: &Victim, before: u64, most: u64, what: &str) {
    let memory = victim.memory();
    eprintln!("{what}: peak {} MiB above {} MiB", (memory.peak - before) / MIB, before / MIB);
    assert!(memory.peak < before + most, "{what}: {memory:?}, before: {before}");
    victim.must_live();
}

#[test]
fn values_beyond_the_budget_are_refused_and_the_pair_is_served() {
    let (victim, before) = victim(64 * MIB);
    must_pass_on_below(&victim, before, 128 * MIB, "300 MB of values for 64 MiB", || {
        let attacker = Attacker::connect(&victim.endpoint);
        attacker.meet(frames::node_id(7));
        // What is left when no further one fits is enough for the small tuples of the pair.
        let value = vec![b'x'; 1_000_000];
        for key in 0..300 {
            attacker.say(&stamped(&format!("key {key}"), &value, key));
            if key % 10 == 9 {
                attacker.must_pong("ten values");
            }
        }
        assert!(
            victim.hub.host.wait_stderr(LONG, "server/max_bytes reached"),
            "{}",
            victim.hub.host.stderr()
        );
    });
    assert!(victim.hub.counter("bytes") <= 64 * MIB && victim.hub.counter("refused") > 200);
}

#[test]
fn a_client_that_never_says_hello_costs_next_to_nothing() {
    let (victim, before) = victim(1024 * MIB);
    must_stay_below(&victim, before, 256 * MIB, "82 values of 16 MB before HELLO", || {
        let attacker =
            Attacker::with(&victim.endpoint, |socket| socket.set_sndhwm(1).expect("high water mark"));
        let value = vec![b'x'; 15 << 20];
        let mut said = 0;
        // The hub may end the connection; libzmq makes another.
        let deadline = Instant::now() + LONG;
        while said < 82 && Instant::now() < deadline {
            let frame = frames::stamped(format!("key {said}").as_bytes(), &value, 1, frames::node_id(7));
            said += u32::from(attacker.socket.send(frame, 0).is_ok());
        }
        assert_eq!(said, 82);
        let other = Attacker::connect(&victim.endpoint);
        other.must_pong("the values of another");
    });
    assert!(victim.hub.counter("bytes") < 8 * MIB, "{}", victim.hub.counter("bytes"));
}

/// The clients say six bytes, and read nothing: they wait for the same values, which are encoded once.
#[test]
fn clients_that_read_nothing_share_what_waits_for_them() {
    let (victim, before) = victim(1024 * MIB);
    let clients = peer::crowd_with(&victim.endpoint, 20, peer::set_deaf);
    clients.iter().for_each(Attacker::hello);
    assert!(eventually(LONG, || victim.hub.counter("links_plain") == 20));
    must_pass_on_below(&victim, before, 400 * MIB, "20 silent clients and 100 values of 1 MB", || {
        let writer = Attacker::connect(&victim.endpoint);
        writer.meet(frames::node_id(7));
        let value = vec![b'x'; 1 << 20];
        (0..100).for_each(|key| writer.say(&stamped(&format!("key {key}"), &value, key)));
        writer.must_pong("the values");
        assert!(eventually(LONG, || victim.hub.status() >= 101));
        std::thread::sleep(Duration::from_secs(1));
    });
    drop(clients);
}

/// Each link sends faster than its tuples can be taken.
#[test]
fn batches_that_wait_to_be_read_have_a_bound() {
    let (victim, before) = victim(256 * MIB);
    let (tuples, size, rounds) = (10_000, 3_000, 30);
    must_pass_on_below(&victim, before, (256 + 64) * MIB, "BATCHes of 30 MB on 4 links", || {
        std::thread::scope(|scope| {
            for link in 0..4 {
                let endpoint = &victim.endpoint;
                scope.spawn(move || flood_with_batches(endpoint, link, (tuples, size, rounds)));
            }
        });
    });
}

fn flood_with_batches(endpoint: &str, link: u64, (tuples, size, rounds): (usize, usize, usize)) {
    let attacker = Attacker::with(endpoint, |socket| {
        socket.set_sndhwm(2).expect("high water mark");
        socket.set_sndtimeo(2000).expect("send time-out");
    });
    attacker.introduce(frames::node_id(link + 1));
    let value = vec![b'x'; size];
    // Each key is written again and again.
    let most_keys = (30 << 20) / size;
    let all_keys: Vec<String> = (0..most_keys).map(|key| format!("{link} {key}")).collect();
    let mut keys = all_keys.iter().cycle();
    for round in 0..rounds {
        let records: Vec<Record<'_>> = (&mut keys)
            .take(tuples)
            .map(|key| Record {
                key: key.as_bytes(),
                value: Some(&value),
                time: frames::hybrid(frames::wall()) + round as u64,
                origin: frames::node_id(link + 1),
                ttl: 0,
            })
            .collect();
        let frame = frames::batch(&records);
        // An ended connection is made again by libzmq, and what waits goes there.
        let _ = attacker.socket.send(frame, 0);
    }
}

/// The same, from somebody of whom the hub knows nothing, while nothing else happens.
#[test]
fn a_first_message_without_end_costs_its_connection() {
    let (victim, before) = victim(1024 * MIB);
    let mut link = RawLink::connect(&victim.endpoint).expect("a connection");
    link.handshake().expect("an honest handshake");
    let taken = link.endless(1 << 20, 8 << 30);
    assert!(taken < 8 << 30, "{taken} bytes");
    assert!(link.is_cut_within(LONG));
    assert!(
        victim.hub.host.wait_stderr(LONG, "more came than could be read"),
        "{}",
        victim.hub.host.stderr()
    );
    let memory = victim.memory();
    eprintln!("peak {} MiB above {} MiB", (memory.peak - before) / MIB, before / MIB);
    assert!(memory.peak < before + 1024 * MIB, "{memory:?}, before: {before}");
    assert!(victim.shrinks_to(before + 64 * MIB, Duration::from_secs(30)), "{:?}", victim.memory());
}

#[test]
fn a_message_without_end_costs_its_connection() {
    let (victim, before) = victim(1024 * MIB);
    must_stay_below(&victim, before, 1024 * MIB, "a message without end", || {
        let mut link = RawLink::connect(&victim.endpoint).expect("a connection");
        link.handshake().expect("an honest handshake");
        link.part(frames::HELLO, false).expect("HELLO");
        let taken = link.endless(1 << 20, 8 << 30);
        assert!(taken < 8 << 30, "{taken} bytes");
        assert!(link.is_cut_within(LONG));
    });
    assert!(victim.shrinks_to(before + 64 * MIB, Duration::from_secs(30)), "{:?}", victim.memory());
}

/// Where the process may not have more memory, what peers send is refused, and the program's own values, too.
#[test]
fn memory_that_ends_does_not_end_the_process() {
    let limited = Victim::with(Lib::Native, &["--as=500000000"], &[]);
    let attacker = Attacker::connect(&limited.endpoint);
    attacker.meet(frames::node_id(7));
    let value = vec![b'x'; 15 << 20];
    for key in 0..40 {
        // The connection may be ended and made again.
        let _ = attacker.socket.send(stamped(&format!("key {key}"), &value, key), 0);
    }
    let other: Node = Host::new(Lib::Native).node("other");
    other.connect(&limited.endpoint);
    other.publish("small", "value");
    limited.hub.must_hold("small", "value");
    for key in 0..20 {
        limited.hub.publish(&format!("own {key}"), &"y".repeat(15 << 20));
    }
    limited.must_live();
    limited.hub.publish("end", "reached");
    other.must_hold("end", "reached");
}
