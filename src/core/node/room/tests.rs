//! What a full node refuses, what makes room for it, and that nothing is held beyond the limit.

use super::*;
use crate::core::clock::Stamp;
use crate::core::codec::lists::BatchWriter;
use crate::core::codec::{Extension, MessageId, encode, encode_publish};
use crate::core::id::Role;
use crate::core::settings::Settings;
use crate::core::stats::Stats;

const EXTENDED: u64 = 1 << 63 | 9;

fn node(settings: Settings) -> Node {
    Node::new(settings, 1, Now::at(1))
}

fn limited(max_bytes: usize) -> Node {
    node(Settings { max_bytes, ..Settings::default() })
}

/// The link of a client that has said HELLO, as an extended one or as CZMQ does.
fn client(node: &mut Node, is_extended: bool) -> LinkId {
    let link = node.open_link(Role::Server, Now::at(1)).unwrap();
    let hello = Extension { node: is_extended.then_some(EXTENDED), ..Extension::default() };
    node.handle_frame(link, &encode(MessageId::Hello, &hello), Now::at(1));
    link
}

fn stamp(time: u64) -> Stamp {
    Stamp { time, origin: EXTENDED }
}

/// The node takes a tuple by a link, with a stamp.
fn take(node: &mut Node, link: LinkId, key: &str, value: &[u8], time: u64) {
    let frame = encode_publish(&Tuple::new(key.as_bytes(), value), 0, Some(stamp(time)));
    node.handle_frame(link, &frame, Now::at(2));
}

/// The node takes tombstones of unknown keys by a link.
fn take_tombstones(node: &mut Node, link: LinkId, keys: std::ops::Range<usize>) {
    for first in keys.clone().step_by(1000) {
        let mut batch = BatchWriter::new(1024);
        for key in first..keys.end.min(first + 1000) {
            batch.add(RecordKind::Tombstone, &tombstone(format!("gone {key}").as_bytes(), 1), 0, stamp(1));
        }
        node.handle_frame(link, &batch.finish(), Now::at(2));
    }
}

/// Number of the keys that are held.
fn held(node: &Node, keys: impl Iterator<Item = String>) -> usize {
    keys.filter(|key| node.get(key.as_bytes(), Now::at(2)).is_some()).count()
}

#[test]
fn whoever_writes_no_more_is_held_than_the_limit() {
    for (extended, owner) in [(true, false), (false, false), (false, true)] {
        let mut node = limited(1 << 20);
        let link = client(&mut node, extended);
        let mut refused = 0;
        for key in 0..100 {
            let (key, value) = (format!("key {key}"), vec![b'x'; 50_000]);
            if owner {
                refused += u64::from(node.publish(key.as_bytes(), &value, 0, Now::at(2)).is_err());
            } else if extended {
                take(&mut node, link, &key, &value, 1);
            } else {
                let frame = encode_publish(&Tuple::new(key.as_bytes(), &value), 0, None);
                node.handle_frame(link, &frame, Now::at(2));
            }
            node.count_links();
            let Stats { bytes, max_bytes, .. } = node.stats();
            assert!(bytes <= max_bytes, "{bytes}");
        }
        let stats = node.stats();
        assert!((17..20).contains(&stats.tuples), "{}", stats.tuples);
        assert_eq!(stats.refused + refused, 100 - stats.tuples);
    }
}

#[test]
fn the_owner_is_told_why_and_may_replace_a_value_by_one_that_is_no_longer() {
    let mut node = limited(100_000);
    node.publish(b"key", &[b'x'; 60_000], 0, Now::at(1)).unwrap();
    assert_eq!(node.publish(b"other", &[b'x'; 60_000], 0, Now::at(1)), Err(Refusal::TooManyBytes));
    assert_eq!(node.publish(b"key", &[b'x'; 99_000], 0, Now::at(1)), Err(Refusal::TooManyBytes));
    assert_eq!(node.publish(b"key", &[b'y'; 60_000], 0, Now::at(1)), Ok(()));
    assert_eq!(node.publish(b"key", b"short", 0, Now::at(1)), Ok(()));
    assert_eq!(node.publish(b"other", &[b'x'; 60_000], 0, Now::at(1)), Ok(()));
    assert_eq!(node.retract(b"other", Now::at(1)), Ok(true));
    assert!(node.stats().bytes < 2000, "{}", node.stats().bytes);
}

#[test]
fn what_was_refused_for_bytes_is_known_and_asked_for_again_when_there_is_room() {
    let mut node = limited(200_000);
    let link = client(&mut node, true);
    take(&mut node, link, "large", &[b'x'; 150_000], 1);
    take(&mut node, link, "second", &[b'x'; 50_000], 1);
    assert_eq!((node.stats().tuples, node.stats().refused), (1, 1));
    assert_eq!(node.store.count(State::Refused), 1);
    // There is room for something, but not for what was refused.
    take(&mut node, link, "small", b"value", 1);
    node.reconsider_some();
    assert_eq!((node.stats().tuples, node.store.count(State::Refused)), (2, 1));
    take(&mut node, link, "large", b"no longer", 2);
    node.reconsider_some();
    assert_eq!(node.store.count(State::Refused), 0);
    take(&mut node, link, "second", &[b'x'; 50_000], 1);
    assert_eq!(node.stats().tuples, 3);
}

#[test]
fn notes_of_refused_tuples_are_bounded_by_bytes() {
    let mut node = limited(1 << 20);
    let link = client(&mut node, true);
    for key in 0..10_000 {
        take(&mut node, link, &format!("{key:0250}"), &[b'x'; 2000], 1);
    }
    node.count_links();
    assert!(node.store.count(State::Refused) > 100);
    assert!(node.stats().bytes <= 1 << 20, "{}", node.stats().bytes);
}

#[test]
fn removed_keys_make_room_for_tuples_the_oldest_first() {
    let mut node = limited(1 << 20);
    let link = client(&mut node, true);
    take_tombstones(&mut node, link, 0..20_000);
    assert!(node.stats().tombstones > 3000, "{}", node.stats().tombstones);
    for key in 0..100 {
        node.publish(format!("key {key}").as_bytes(), &[b'x'; 1000], 0, Now::at(2)).unwrap();
    }
    assert!(node.store.find(b"gone 0").is_none() && node.store.find(b"gone 3000").is_some());
    // So many cannot be forgotten at once, and for what has no room without them none is.
    let before = node.stats().tombstones;
    assert_eq!(node.publish(b"large", &[b'x'; 2 << 20], 0, Now::at(2)), Err(Refusal::TooManyBytes));
    assert_eq!(node.stats().tombstones, before);
}

#[test]
fn a_flood_of_tombstones_takes_no_room_from_tuples() {
    let mut node = node(Settings { max_tuples: 1000, ..Settings::default() });
    let attacker = client(&mut node, true);
    take_tombstones(&mut node, attacker, 0..20_000);
    assert_eq!(node.stats().tombstones, 1000);
    node.close_link(attacker, Now::at(2));
    let link = client(&mut node, true);
    (0..900).for_each(|key| take(&mut node, link, &format!("theirs {key}"), b"value", 2));
    for key in 0..100 {
        node.publish(format!("own {key}").as_bytes(), b"value", 0, Now::at(2)).unwrap();
    }
    assert_eq!(held(&node, (0..900).map(|key| format!("theirs {key}"))), 900);
    assert_eq!((node.stats().tuples, node.stats().tombstones), (1000, 1000));
    assert_eq!(node.publish(b"one more", b"value", 0, Now::at(2)), Err(Refusal::TooManyTuples));
    // A removal of a tuple that is held is never refused: the oldest removal goes.
    assert_eq!(node.retract(b"own 0", Now::at(2)), Ok(true));
    assert_eq!((node.stats().tombstones, node.store.find(b"gone 0")), (1000, None));
    assert_eq!(node.retract(b"unknown", Now::at(2)), Ok(false));
    assert_eq!(node.stats().tombstones, 1000);
}

#[test]
fn hidden_values_make_room_and_never_for_themselves() {
    let mut node = limited(200_000);
    let link = client(&mut node, true);
    take(&mut node, link, "hidden", &[b'x'; 100_000], 1);
    assert!(node.unpublish(b"hidden", Now::at(2)));
    take(&mut node, link, "hidden", &[b'x'; 199_000], 2);
    assert!(node.get(b"hidden", Now::at(2)).is_none());
    let mut node = limited(200_000);
    let link = client(&mut node, true);
    take(&mut node, link, "hidden", &[b'x'; 100_000], 1);
    assert!(node.unpublish(b"hidden", Now::at(2)));
    node.publish(b"key", &[b'x'; 150_000], 0, Now::at(2)).unwrap();
    assert_eq!((node.stats().hidden, node.stats().tuples), (0, 1));
}

/// What a CZMQ client had queued for an earlier connection comes before its HELLO, and is taken; a flood is not.
#[test]
fn a_client_that_never_says_hello_costs_a_mebibyte_at_most() {
    let mut node = node(Settings::default());
    let link = node.open_link(Role::Server, Now::at(1)).unwrap();
    let publish = |node: &mut Node, key: usize, value: &[u8]| {
        let frame = encode_publish(&Tuple::new(format!("key {key}").as_bytes(), value), 0, None);
        node.handle_frame(link, &frame, Now::at(2));
    };
    (0..1000).for_each(|key| publish(&mut node, key, b"queued for an earlier connection"));
    assert_eq!((node.stats().tuples, node.stats().refused), (1000, 0));
    (1000..1082).for_each(|key| publish(&mut node, key, &[b'x'; 1 << 20]));
    assert_eq!((node.stats().tuples, node.stats().refused), (1000, 82));
    node.handle_frame(link, &encode(MessageId::Hello, &Extension::default()), Now::at(3));
    publish(&mut node, 1000, &[b'x'; 1 << 20]);
    assert_eq!(node.stats().tuples, 1001);
}

/// The accounts of the ledger after everything that changes them.
#[test]
fn the_ledger_agrees_with_a_count_of_all_that_is_held() {
    let mut node = limited(1 << 20);
    let link = client(&mut node, true);
    let mut random = fastrand::Rng::with_seed(7);
    for time in 1..20_000 {
        let key = format!("key {}", random.u32(..200));
        let value = vec![b'x'; random.usize(..12_000)];
        match random.u8(..6) {
            0 => take(&mut node, link, &key, &value, time),
            1 => _ = node.publish(key.as_bytes(), &value, random.u32(..2) * 1000, Now::at(time)),
            2 => _ = node.retract(key.as_bytes(), Now::at(time)),
            3 => _ = node.unpublish(key.as_bytes(), Now::at(time)),
            4 => node.handle_timeout(Now::at(time)),
            _ => take_tombstones(&mut node, link, random.usize(..300)..300),
        }
        while node.poll_event().is_some() {}
        while node.poll_transmit(link, Now::at(time)).is_some() {}
        if time % 1000 == 0 {
            let of = |account| {
                let of_account = node.store.iter().filter(|(_, held)| held.state.account() == account);
                of_account.map(|(_, held)| cost(&held.tuple)).sum::<usize>()
            };
            for account in [Account::Tuples, Account::Tombstones, Account::Refused] {
                assert_eq!(node.store.ledger.of(account), of(account), "{account:?}");
            }
        }
    }
}
