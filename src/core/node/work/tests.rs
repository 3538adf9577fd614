use super::*;
use crate::core::clock::Stamp;
use crate::core::codec::lists::{
    BatchWriter, FANOUT, add_digest, add_entries, add_entry, announce_frame, digest_frame, entries_frame,
    offer_frame, request_frame,
};
use crate::core::codec::{Entry, Extension, MessageId, OFFERS, Prefix, RecordKind, encode};
use crate::core::id::Role;
use crate::core::settings::Settings;
use crate::core::tuple::{Tuple, key_hash};

fn now(mono: u64) -> Now {
    Now::at(mono)
}

/// Opens the link of an extended client.
fn client(node: &mut Node, number: u64) -> LinkId {
    let link = node.open_link(Role::Server, now(1)).unwrap();
    let capabilities = Some(OFFERS);
    let hello = Extension { node: Some(1 << 63 | number), capabilities, ..Extension::default() };
    node.handle_frame(link, &encode(MessageId::Hello, &hello), now(1));
    while node.poll_transmit(link, now(1)).is_some() {}
    link
}

/// A node with `tuples` tuples and links of `clients` extended clients.
fn server(tuples: usize, clients: u64) -> (Node, Vec<LinkId>) {
    let mut node = Node::new(Settings::default(), 1, now(1));
    for key in 0..tuples {
        node.publish(format!("key {key}").as_bytes(), b"value", 0, now(1)).unwrap();
    }
    let links = (0..clients).map(|number| client(&mut node, 7 + number)).collect();
    (node, links)
}

fn digests(count: usize) -> Vec<u8> {
    let mut frame = digest_frame();
    (0..count).for_each(|_| add_digest(&mut frame, Prefix::ALL, &[1; FANOUT]));
    frame
}

/// ENTRIES of nothing in subtrees of the first level: each makes a node visit a sixteenth of its tuples.
fn empty_lists(count: usize) -> Vec<u8> {
    let mut frame = entries_frame();
    (0..count).for_each(|item| add_entries(&mut frame, Prefix::ALL.child(item % FANOUT), &[]));
    frame
}

fn requests(count: usize) -> Vec<u8> {
    let hashes: Vec<u64> = (0..count).map(|key| key_hash(format!("key {key}").as_bytes())).collect();
    request_frame(&hashes)
}

fn entries(mut frame: Vec<u8>, count: usize) -> Vec<u8> {
    for key in 0..count {
        let hash = key_hash(format!("key {key}").as_bytes());
        add_entry(&mut frame, &Entry { hash, stamp: Stamp { time: 1, origin: 1 << 63 } });
    }
    frame
}

/// Visits that a node makes in one millisecond, at most, when frames come and timers fire.
fn most_visits(node: &mut Node, from: u64, until: u64, mut input: impl FnMut(&mut Node, Now)) -> usize {
    let mut most = 0;
    for mono in from..until {
        let before = node.work.made;
        input(node, now(mono));
        node.handle_timeout(now(mono));
        most = most.max(node.work.made - before);
    }
    most
}

#[test]
fn two_hundred_links_that_ask_for_much_cause_no_more_work_at_a_time_than_one() {
    let (mut node, links) = server(100_000, 200);
    let frames = [
        digests(200),
        empty_lists(1000),
        requests(4000),
        entries(offer_frame(), 1300),
        entries(announce_frame(), 1300),
    ];
    for (kind, frame) in frames.iter().enumerate() {
        let from = 1000 + 3000 * kind as u64;
        let most = most_visits(&mut node, from, from + 30, |node, now| {
            for &link in &links {
                node.handle_frame(link, frame, now);
            }
        });
        assert!(most > 0 && most <= 2 * BURST as usize, "{most} visits by message {kind}");
        assert!(node.work.bytes <= MOST_BYTES);
        // What was not dropped is worked off, and nothing is left of it.
        most_visits(&mut node, from + 30, from + 3000, |node, now| {
            for &link in &links {
                while node.poll_transmit(link, now).is_some() {}
            }
        });
        for &link in &links {
            node.drop_waiting(link);
        }
        assert_eq!((node.work.bytes, node.work.waiting.len()), (0, 0));
    }
}

#[test]
fn a_peer_that_asks_for_little_is_answered_before_those_that_ask_for_much() {
    let (mut node, links) = server(50_000, 50);
    let frame = empty_lists(1000);
    let quiet = client(&mut node, 1);
    let mut waited = Vec::new();
    let mut asked_at = None;
    most_visits(&mut node, 1000, 2000, |node, now| {
        for &link in &links {
            node.handle_frame(link, &frame, now);
        }
        let answers = std::iter::from_fn(|| node.poll_transmit(quiet, now));
        let answered = answers.filter(|frame| frame.bytes()[2] == MessageId::Digest as u8).count();
        if answered > 0 {
            waited.push(now.mono - asked_at.take().expect("a question"));
        }
        if asked_at.is_none() && now.mono.is_multiple_of(50) {
            node.handle_frame(quiet, &digests(1), now);
            asked_at = Some(now.mono);
        }
    });
    // Until the first portions were handled nobody was known to ask for much.
    assert!(waited.len() >= 15 && waited.iter().skip(1).all(|&ms| ms <= 10), "{waited:?}");
}

#[test]
fn a_question_is_answered_when_what_came_before_it_is_done() {
    let (mut node, links) = server(50_000, 2);
    // Everything that may be done at once is used up.
    while node.work.waiting.is_empty() {
        node.handle_frame(links[0], &empty_lists(1000), now(1000));
    }
    let announced = Entry { hash: 77, stamp: Stamp { time: 1, origin: 1 << 63 } };
    let mut frame = announce_frame();
    add_entry(&mut frame, &announced);
    node.handle_frame(links[1], &frame, now(1000));
    let question = Extension { question: Some(5), ..Extension::default() };
    node.handle_frame(links[1], &encode(MessageId::Heartbeat, &question), now(1000));
    let sent = |node: &mut Node, mono| {
        let frames = std::iter::from_fn(|| node.poll_transmit(links[1], now(mono)));
        frames.map(|frame| frame.bytes()[2]).collect::<Vec<u8>>()
    };
    assert_eq!(sent(&mut node, 1000), []);
    let answer = (1001..1100).find_map(|mono| {
        node.handle_timeout(now(mono));
        Some(sent(&mut node, mono)).filter(|sent| !sent.is_empty())
    });
    let expected = [MessageId::Graft, MessageId::Request, MessageId::Heartbeat].map(|id| id as u8);
    assert_eq!(answer.as_deref(), Some(&expected[..]));
}

#[test]
fn a_message_in_portions_is_answered_as_one_at_once_would_be() {
    let answer = |is_short: bool| {
        let (mut node, links) = server(30_000, 2);
        if is_short {
            (node.work.allowance, node.work.at) = (0, 1000);
        }
        node.handle_frame(links[0], &requests(4000), now(1000));
        node.handle_frame(links[0], &empty_lists(16), now(1000));
        assert_eq!(node.work.waiting.len(), 1);
        (1001..1400).for_each(|mono| node.handle_timeout(now(mono)));
        let owed = node.unsent_on(&node.links[&links[0]]);
        let offers = std::iter::from_fn(|| node.poll_transmit(links[0], now(1400)))
            .filter(|frame| frame.bytes()[2] == MessageId::Offer as u8)
            .map(|frame| (frame.bytes().len() - 4) / 24)
            .sum::<usize>();
        (owed, offers)
    };
    assert_eq!([false, true].map(answer), [(4000, 30_000); 2]);
}

#[test]
fn keys_of_one_hash_cost_a_search_no_more_than_a_crowded_leaf() {
    let (mut node, links) = server(10, 1);
    // XXH3 multiplies 8 bytes of a long key by zero if the 8 before them are the first of its secret.
    let same = |number: u64| {
        [&b"\xb8\xfe\x6c\x39\x23\xa4\x4b\xbe"[..], format!("{number:08}................").as_bytes()].concat()
    };
    assert_eq!(key_hash(&same(1)), key_hash(&same(2)));
    for number in (0..20_000u64).step_by(100) {
        let mut batch = BatchWriter::new(1 << 14);
        for number in number..number + 100 {
            let stamp = Stamp { time: 1 << 16, origin: 1 << 63 | 7 };
            batch.add(RecordKind::Live, &Tuple::new(&same(number), b"x"), 0, stamp);
        }
        node.handle_frame(links[0], &batch.finish(), now(1000));
    }
    assert_eq!(node.count(), 20_010);
    let before = node.work.made;
    node.handle_frame(links[0], &request_frame(&vec![key_hash(&same(1)); 200]), now(2000));
    let visits = node.work.made - before;
    assert!(visits <= 200 * 66, "{visits} visits");
    for number in 0..20_000 {
        node.retract(&same(number), now(3000)).unwrap();
    }
    assert_eq!(node.count(), 10);
}
