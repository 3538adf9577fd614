//! Anti-entropy of whole nodes.

use super::*;
use crate::core::clock::Stamp;
use crate::core::codec::lists::{
    add_digest, add_entries, add_entry, announce_frame, digest_frame, entries_frame,
};
use crate::core::codec::{
    Answer, Extension, Message, MessageId, Prefix, Summary, decode, encode, encode_publish,
};
use crate::core::settings::Settings;
use crate::core::tuple::{Tuple, key_hash};
use std::time::{Duration, Instant};

/// A node with `tuples` tuples, and the link of an extended client.
fn server(tuples: usize, settings: Settings) -> (Node, LinkId) {
    let mut node = Node::new(settings, 1, Now::at(1));
    for key in 0..tuples {
        node.publish(format!("key {key}").as_bytes(), b"value", 0, Now::at(1)).unwrap();
    }
    let link = node.open_link(Role::Server, Now::at(1)).unwrap();
    let hello = Extension { node: Some(1 << 63 | 9), ..Extension::default() };
    node.handle_frame(link, &encode(MessageId::Hello, &hello), Now::at(1));
    assert!(node.is_extended(link));
    sent(&mut node, link);
    (node, link)
}

/// The frames that the node sends.
fn sent(node: &mut Node, link: LinkId) -> Vec<Frame> {
    std::iter::from_fn(|| node.poll_transmit(link, Now::at(2))).collect()
}

/// Messages that ask for the same subtree again and again: answered to its end, each would make the node visit all its
/// tuples some ten thousand times.
#[test]
fn a_message_that_asks_for_the_same_again_and_again_is_not_answered_to_its_end() {
    let (mut node, link) = server(20_000, Settings::default());
    let mut entries = entries_frame();
    (0..10_000).for_each(|_| add_entries(&mut entries, Prefix::ALL, &[]));
    let mut other = digest_frame();
    (0..900).for_each(|_| add_digest(&mut other, Prefix::ALL, &[1; FANOUT]));
    let mut same = digest_frame();
    let children = node.store.digest().children(Prefix::ALL);
    (0..900).for_each(|_| add_digest(&mut same, Prefix::ALL, &children));
    for frame in [entries, other, same] {
        for _ in 0..5 {
            let begun = Instant::now();
            node.handle_frame(link, &frame, Now::at(2));
            assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
        }
        assert!(sent(&mut node, link).iter().map(|frame| frame.bytes().len()).sum::<usize>() < 4 << 20);
    }
    // A peer that means well is answered all the same, a moment later.
    (3..1100).for_each(|mono| node.handle_timeout(Now::at(mono)));
    sent(&mut node, link);
    let mut frame = digest_frame();
    add_digest(&mut frame, Prefix::ALL, &[1; FANOUT]);
    node.handle_frame(link, &frame, Now::at(2200));
    assert_eq!(sent(&mut node, link).len(), 1);
}

#[test]
fn a_link_that_is_never_idle_is_compared_all_the_same() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let link = node.open_link(Role::Client, Now::at(1)).unwrap();
    node.link_up(link, Now::at(1));
    let summary = Some(Summary { root: 1, count: 1 });
    let pong = Extension { node: Some(1 << 63 | 9), summary, ..Extension::default() };
    node.handle_frame(link, &encode(MessageId::Pong, &pong), Now::at(1));
    sent(&mut node, link);
    let mut comparisons = 0;
    for beat in 1..=12 {
        node.publish(b"busy", beat.to_string().as_bytes(), 0, Now::at(1000 * beat)).unwrap();
        let heartbeat = Extension { summary, ..Extension::default() };
        node.handle_frame(link, &encode(MessageId::Heartbeat, &heartbeat), Now::at(1000 * beat));
        let kinds = [MessageId::Digest as u8, MessageId::Entries as u8];
        comparisons += sent(&mut node, link).iter().filter(|frame| kinds.contains(&frame.bytes()[2])).count();
    }
    assert!((2..=4).contains(&comparisons), "{comparisons}");
}

/// A difference lasts, for example, where one side has refused a newer value, which has ended with its writer.
#[test]
fn a_difference_that_lasts_is_compared_rarely_and_at_once_when_something_changes() {
    let (mut node, _) = server(100, Settings::default());
    let link = node.open_link(Role::Client, Now::at(1)).unwrap();
    node.link_up(link, Now::at(1));
    let told = |root| Extension { summary: Some(Summary { root, count: 100 }), ..Extension::default() };
    let pong = Extension { node: Some(1 << 63 | 9), ..told(1) };
    node.handle_frame(link, &encode(MessageId::Pong, &pong), Now::at(1));
    let mut compared = Vec::new();
    // The peer answers with the keys that it lists, all of which are held here.
    let mut answer = entries_frame();
    add_entries(&mut answer, Prefix::ALL.child(3), &[]);
    for second in 1..=1000 {
        let root = if second < 850 { 1 } else { 2 };
        node.handle_frame(link, &encode(MessageId::Heartbeat, &told(root)), Now::at(1000 * second));
        let frames: Vec<Frame> =
            std::iter::from_fn(|| node.poll_transmit(link, Now::at(1000 * second))).collect();
        let is_comparison = |frame: &Frame| frame.bytes()[2] == MessageId::Digest as u8;
        if frames.iter().any(is_comparison) {
            compared.push(second);
            node.handle_frame(link, &answer, Now::at(1000 * second));
        }
    }
    let (before, after): (Vec<u64>, Vec<u64>) = compared.into_iter().partition(|&second| second < 850);
    assert!((4..=6).contains(&before.len()) && before[2] < 30, "{before:?} {after:?}");
    assert!(after.len() >= 3 && after[2] < 900, "{after:?}");
}

#[test]
fn a_peer_that_has_next_to_nothing_gets_all_and_is_asked_for_what_it_has() {
    let (mut node, link) = server(1000, Settings::default());
    let (newest, old) = (Stamp { time: 1_900_000_000_000 << 16, origin: 1 << 63 }, Stamp::default());
    let entries = [(key_hash(b"key 1"), newest), (key_hash(b"key 2"), old), (7, newest), (8, old)]
        .map(|(hash, stamp)| Entry { hash, stamp });
    let mut frame = entries_frame();
    add_entries(&mut frame, Prefix::ALL, &entries);
    let later = Now { mono: 2, wall: 1_900_000_000_000 };
    node.handle_frame(link, &frame, later);
    let (mut asked, mut told) = (Vec::new(), 0);
    while let Some(frame) = node.poll_transmit(link, later) {
        match decode(frame.bytes()).unwrap() {
            Message::Request(hashes) => asked.extend(hashes.iter()),
            Message::Batch(batch) => told += batch.iter().count(),
            Message::Heartbeat(extension) => assert!(extension.question.is_some(), "how far it has come"),
            other => panic!("{other:?}"),
        }
    }
    asked.sort_unstable();
    let mut wanted = [7, 8, key_hash(b"key 1")];
    wanted.sort_unstable();
    assert_eq!((asked.as_slice(), told), (&wanted[..], 1000));
}

/// A newcomer's list, made before the newcomer received what was written after its HELLO.
#[test]
fn what_is_written_while_a_newcomer_introduces_itself_is_sent_once() {
    let (mut node, link) = server(1000, Settings::default());
    let count = |frames: Vec<Frame>| -> usize {
        let tuples = |frame: &Frame| match decode(frame.bytes()) {
            Ok(Message::Batch(batch)) => batch.iter().count(),
            Ok(Message::Publish { .. }) => 1,
            _ => 0,
        };
        frames.iter().map(tuples).sum()
    };
    for key in 1000..2500 {
        node.publish(format!("key {key}").as_bytes(), b"value", 0, Now::at(2)).unwrap();
    }
    // One of those that were held before changes, too.
    node.publish(b"key 7", b"other", 0, Now::at(2)).unwrap();
    assert_eq!(count(sent(&mut node, link)), 1501);
    let mut nothing = entries_frame();
    add_entries(&mut nothing, Prefix::ALL, &[]);
    node.handle_frame(link, &nothing, Now::at(3));
    node.shutdown(Now::at(3));
    assert_eq!(count(sent(&mut node, link)), 999);
    // A list that comes later shows what the peer has refused or lost since.
    node.handle_frame(link, &nothing, Now::at(2000));
    node.shutdown(Now::at(2000));
    assert_eq!(count(sent(&mut node, link)), 2500);
}

#[test]
fn a_node_that_ends_sends_all_that_is_owed_without_waiting_for_answers() {
    const TUPLES: usize = 50_000;
    let (mut node, link) = server(TUPLES, Settings::default());
    let mut all = entries_frame();
    add_entries(&mut all, Prefix::ALL, &[]);
    node.handle_frame(link, &all, Now::at(2));
    let tuples = |frames: Vec<Frame>| -> usize {
        let count = |frame: &Frame| match decode(frame.bytes()) {
            Ok(Message::Batch(batch)) => batch.iter().count(),
            _ => 0,
        };
        frames.iter().map(count).sum()
    };
    let before = tuples(sent(&mut node, link));
    assert!(before > 0 && before < TUPLES, "as much as may be under way: {before}");
    node.shutdown(Now::at(3));
    assert_eq!(node.unsent().collect::<Vec<_>>(), [(link, (TUPLES - before) as u64)]);
    assert_eq!(before + tuples(sent(&mut node, link)), TUPLES);
    assert_eq!(node.unsent().count(), 0);
}

#[test]
fn more_than_can_be_remembered_as_refused_is_not_asked_for() {
    let (mut node, link) = server(10, Settings { max_tuples: 15, ..Settings::default() });
    let stamp = Stamp { time: 1 << 16, origin: 1 << 63 };
    let mut requested = 0;
    for part in 0..100 {
        let entries: Vec<_> = (1000 * part..1000 * (part + 1)).map(|hash| Entry { hash, stamp }).collect();
        let mut frame = entries_frame();
        add_entries(&mut frame, Prefix::ALL, &entries);
        node.handle_frame(link, &frame, Now::at(2 + part));
        node.handle_timeout(Now::at(2 + part));
        let frames = sent(&mut node, link);
        let requests = frames.iter().filter(|frame| frame.bytes()[2] == MessageId::Request as u8);
        requested += requests.map(|frame| (frame.bytes().len() - 4) / 8).sum::<usize>();
    }
    assert!((10_000..=65_541).contains(&requested), "{requested}");
}

fn stamp(time: u64) -> Stamp {
    Stamp { time: time << 16, origin: 1 << 63 }
}

/// The link of an extended client that has compared digests, which were equal.
fn client(node: &mut Node, id: u64) -> LinkId {
    let link = node.open_link(Role::Server, Now::at(1)).unwrap();
    let hello = Extension { node: Some(1 << 63 | id), ..Extension::default() };
    node.handle_frame(link, &encode(MessageId::Hello, &hello), Now::at(1));
    compare(node, link);
    link
}

fn compare(node: &mut Node, link: LinkId) {
    let mut frame = digest_frame();
    add_digest(&mut frame, Prefix::ALL, &node.store.digest().children(Prefix::ALL));
    node.handle_frame(link, &frame, Now::at(1));
    sent(node, link);
}

/// Returns whether the node requests the key when it is announced.
fn asks(node: &mut Node, link: LinkId, stamp: Stamp) -> bool {
    let mut frame = announce_frame();
    add_entry(&mut frame, &Entry { hash: key_hash(b"key"), stamp });
    node.handle_frame(link, &frame, Now::at(2));
    sent(node, link).iter().any(|frame| frame.bytes()[2] == MessageId::Request as u8)
}

/// Number of tuples that the node awaits, by its answer to a question.
fn awaited(node: &mut Node, link: LinkId) -> u32 {
    let question = Extension { question: Some(1), ..Extension::default() };
    node.handle_frame(link, &encode(MessageId::Heartbeat, &question), Now::at(2));
    let frames = sent(node, link);
    let answer = frames.iter().find_map(|frame| match decode(frame.bytes()) {
        Ok(Message::Heartbeat(Extension { answer: Some(Answer { awaited, .. }), .. })) => Some(awaited),
        _ => None,
    });
    answer.expect("an answer")
}

#[test]
fn a_newer_one_is_asked_for_although_an_older_one_is_on_its_way() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let (one, two) = (client(&mut node, 1), client(&mut node, 2));
    assert!(asks(&mut node, one, stamp(1)));
    assert_eq!([one, two].map(|link| awaited(&mut node, link)), [1, 0]);
    assert!(asks(&mut node, two, stamp(2)));
    assert!(!asks(&mut node, one, stamp(2)), "that one is on its way now");
    let publish = |node: &mut Node, link, stamp| {
        node.handle_frame(link, &encode_publish(&Tuple::new(b"key", b"value"), 0, Some(stamp)), Now::at(2));
    };
    publish(&mut node, one, stamp(1));
    assert_eq!([one, two].map(|link| awaited(&mut node, link)), [1, 1]);
    publish(&mut node, two, stamp(2));
    assert_eq!([one, two].map(|link| awaited(&mut node, link)), [0, 0]);
}

#[test]
fn what_has_not_come_is_lacking_until_the_next_comparison_begins() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let (one, two) = (client(&mut node, 1), client(&mut node, 2));
    assert!(asks(&mut node, one, stamp(1)));
    node.give_up_requests(Now::at(5000));
    assert!(!node.anti_entropy.awaits_any());
    assert_eq!([one, two].map(|link| awaited(&mut node, link)), [1, 0]);
    compare(&mut node, one);
    assert_eq!(awaited(&mut node, one), 0);
}
