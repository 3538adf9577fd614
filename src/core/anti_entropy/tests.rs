//! The machine alone: pairs of stores, whose messages arrive in order and at once.

use super::*;
use crate::core::codec::lists::FANOUT;
use crate::core::codec::{Message, decode};
use crate::core::id::Slot;
use crate::core::store::{Register, State, Store};
use crate::core::tuple::Tuple;
use std::collections::VecDeque;

/// Name of the one link, on both ends.
const LINK: LinkId = LinkId(1);
const NODE_BIT: u64 = 1 << 63;
/// Messages are handled at once.
const WHOLE: Portion = Portion { from: Position { item: 0, hash: 0 }, visits: usize::MAX };

fn stamp(time: u64) -> Stamp {
    Stamp { time: time << 16, origin: NODE_BIT }
}

/// Progress of links that are up, and have shown none.
fn none_yet(_: LinkId) -> Option<u64> {
    Some(0)
}

/// Stands in for a node.
struct Side {
    store: Store,
    anti_entropy: AntiEntropy,
    peer: Peer,
    /// Number of new keys that the node has room for.
    room: usize,
    /// Number of tuples that were sent.
    sent: usize,
}

impl Side {
    fn new(seed: u64) -> Side {
        let mut peer = Peer::default();
        peer.begin_session(0);
        let (store, anti_entropy) = (Store::new(seed), AntiEntropy::new(seed));
        Side { store, anti_entropy, peer, room: usize::MAX, sent: 0 }
    }

    fn write(&mut self, key: usize, time: u64) {
        self.write_as(key, time, State::Live);
    }

    fn write_as(&mut self, key: usize, time: u64, state: State) {
        self.put(Tuple::new(key.to_string().as_bytes(), b"value"), stamp(time), state);
    }

    fn put(&mut self, tuple: Tuple, stamp: Stamp, state: State) {
        let found = self.store.look_up(tuple.key());
        if found.slot.is_none_or(|slot| stamp.wins_over(self.store.held(slot).stamp)) {
            self.store.put(found, Register::new(tuple, stamp, None, state, false));
        }
    }

    fn summary(&self) -> Summary {
        Summary { root: self.store.digest().root(), count: self.store.digest().count() as u64 }
    }

    /// Requests what is wanted, and returns the messages.
    fn request(&mut self, wanted: Vec<Entry>, now: u64) -> Vec<Frame> {
        let latest_believed = stamp(1000).wall();
        let view =
            View { facet: Facet::whole(&self.store), latest_believed, room: self.room, progress: none_yet };
        let requested = self.anti_entropy.request(LINK, wanted, view, now);
        self.peer.on_requested(requested.last, requested.is_cut);
        requested.frames
    }

    /// Slots of all in the change log before an offset.
    fn before(&self, offset: Option<u32>) -> Vec<Slot> {
        (0..offset.unwrap_or(0)).filter_map(|offset| self.store.changes.get(offset)).collect()
    }

    /// Takes a message. Returns what is sent: messages, and the slots of tuples.
    fn take(&mut self, frame: &Frame, now: u64) -> (Vec<Frame>, Vec<Slot>) {
        let local = Local { facet: Facet::whole(&self.store), seed: 1, now, portion: WHOLE };
        match decode(frame.bytes()).unwrap() {
            Message::Digest(subtrees) => {
                let (bounds, cursor) = (Bounds { first: 3, room: 1 << 20 }, self.store.changes.end());
                let answer = self.peer.on_digest(local, subtrees, bounds, cursor);
                (answer.frames, self.before(answer.lacks_all_before))
            }
            Message::Entries(subtrees) => {
                let cursor = self.store.changes.end();
                let difference = self.peer.on_entries(local, subtrees, cursor);
                let mut slots = self.before(difference.lacks_all_before);
                slots.extend(difference.owed);
                let offers = offers(Facet::whole(&self.store), &difference.ahead);
                let mut frames = self.request(difference.wanted, now);
                frames.extend(offers);
                (frames, slots)
            }
            Message::Offer(entries) => {
                let (wanted, _) = self.peer.on_offer(local, entries);
                (self.request(wanted, now), Vec::new())
            }
            Message::Request(hashes) => (Vec::new(), self.peer.on_request(local, hashes).0),
            other => panic!("{other:?}"),
        }
    }
}

mod twins;

/// A client and a server.
struct Pair {
    sides: [Side; 2],
    /// Bytes of all messages, without the tuples.
    bytes: usize,
}

impl Pair {
    /// Makes two sides that hold the same `keys` tuples.
    fn new(keys: usize) -> Pair {
        let mut sides = [1, 2].map(Side::new);
        for side in &mut sides {
            (0..keys).for_each(|key| side.write(key, 1));
            // The session begins now: what is held was not sent.
            side.peer.begin_session(side.store.changes.end());
        }
        Pair { sides, bytes: 0 }
    }

    /// Compares once, and delivers all messages and tuples that follow from the comparison. False if nothing was
    /// compared.
    fn compare(&mut self, now: u64) -> bool {
        let summary = self.sides[1].summary();
        let Side { store, anti_entropy, peer, .. } = &mut self.sides[0];
        peer.on_summary(summary, None);
        let partner = anti_entropy.partner(LINK, none_yet, now);
        let Comparison::Begun(frame) = anti_entropy.compare(partner, peer, Facet::whole(store), now) else {
            return false;
        };
        peer.close_gap();
        let mut wire = VecDeque::from([(1, frame)]);
        while let Some((to, frame)) = wire.pop_front() {
            self.bytes += frame.bytes().len();
            let (frames, slots) = self.sides[to].take(&frame, now);
            wire.extend(frames.into_iter().map(|frame| (1 - to, frame)));
            for slot in slots {
                self.send(to, slot);
            }
        }
        true
    }

    fn send(&mut self, from: usize, slot: Slot) {
        let held = self.sides[from].store.held(slot).clone();
        self.sides[from].sent += 1;
        let other = &mut self.sides[1 - from];
        other.put(held.tuple.clone(), held.stamp, held.state);
        if other.anti_entropy.settle(held.key_hash(), held.stamp).is_some() {
            other.peer.on_useful();
        }
    }

    fn sent(&self) -> [usize; 2] {
        [0, 1].map(|side| self.sides[side].sent)
    }

    fn is_equal(&self) -> bool {
        self.sides[0].summary() == self.sides[1].summary()
    }
}

#[test]
fn only_what_differs_is_sent_and_one_comparison_finds_all_of_it() {
    let mut random = fastrand::Rng::with_seed(1);
    for keys in [0, 1, 10, 100, 1000, 20_000] {
        let mut pair = Pair::new(keys);
        // Each side has newer writes of some keys, and some keys alone: fewer than those that are equal.
        let expected = [0, 1].map(|side| {
            let of_side = (0..keys).filter(|key| key % 2 == side);
            let mut different: Vec<usize> = random.choose_multiple(of_side, keys.min(9) / 4);
            different.extend((0..keys / 100).map(|key| 100_000 * (1 + side) + key));
            for &key in &different {
                pair.sides[side].write(key, 2);
            }
            different.len()
        });
        assert_eq!(pair.compare(1), expected != [0, 0], "{keys} keys");
        assert!(pair.is_equal(), "{keys} keys");
        assert_eq!(pair.sent(), expected, "{keys} keys");
        assert!(!pair.compare(10_000) && !pair.sides[0].anti_entropy.awaits_any());
    }
}

#[test]
fn a_difference_of_one_tuple_is_found_by_few_bytes() {
    let mut pair = Pair::new(20_000);
    pair.sides[1].write(77, 2);
    assert!(pair.compare(1) && pair.is_equal());
    assert_eq!(pair.sent(), [0, 1]);
    assert!(pair.bytes < 1500, "{} bytes", pair.bytes);
}

#[test]
fn a_newcomer_is_sent_everything_at_once_and_asked_for_what_it_has() {
    let mut pair = Pair::new(0);
    (0..5000).for_each(|key| pair.sides[1].write(key, 1));
    // The session begins when all of it is there.
    let end = pair.sides[1].store.changes.end();
    pair.sides[1].peer.begin_session(end);
    pair.sides[0].write(7, 2);
    pair.sides[0].write(9999, 1);
    assert!(pair.compare(1) && pair.is_equal());
    assert_eq!(pair.sent(), [2, 5000]);
    assert!(pair.bytes < 150, "a list of two, and a request: {} bytes", pair.bytes);
}

#[test]
fn what_was_sent_in_the_session_is_not_missing_in_the_first_list() {
    let mut side = Side::new(1);
    (0..100).for_each(|key| side.write(key, 1));
    side.peer.begin_session(100);
    (100..120).for_each(|key| side.write(key, 1));
    let list = list_all(Facet::whole(&Store::new(2)));
    assert_eq!(side.take(&list, 1).1.len(), 100);
    // A list that comes later shows what the peer has refused or lost since.
    assert_eq!(side.take(&list, 2000).1.len(), 120);
}

#[test]
fn refused_tuples_are_neither_listed_nor_offered_nor_given() {
    let mut pair = Pair::new(100);
    pair.sides[1].write_as(200, 1, State::Refused);
    assert!(pair.compare(1) && !pair.is_equal());
    assert_eq!(pair.sent(), [0, 0]);
    let hash = crate::core::tuple::key_hash(b"200");
    let request = &frames::requests(&[hash, crate::core::tuple::key_hash(b"7")])[0];
    assert_eq!(pair.sides[1].take(request, 2).1.len(), 1);
}

#[test]
fn tuples_without_room_or_with_a_stamp_that_is_not_believed_are_not_requested() {
    let mut pair = Pair::new(100);
    (200..205).for_each(|key| pair.sides[1].write(key, 1));
    pair.sides[1].write(7, 5000);
    pair.sides[1].write(8, 2);
    pair.sides[0].room = 3;
    pair.compare(1);
    assert_eq!(pair.sent(), [0, 4], "three new ones, and one that replaces another");
    assert!(pair.sides[0].anti_entropy.refuses(DRIFT_MEMORY) && !pair.sides[0].anti_entropy.awaits_any());
    assert!(!pair.sides[0].anti_entropy.refuses(1 + DRIFT_MEMORY));
}

#[test]
fn a_node_that_refuses_stamps_does_not_list_everything_again_and_again() {
    let mut pair = Pair::new(0);
    (0..2000).for_each(|key| pair.sides[1].write(key, 1));
    pair.sides[0].anti_entropy.on_drift_refused(1);
    let Side { store, anti_entropy, peer, .. } = &mut pair.sides[0];
    peer.on_summary(Summary { root: 1, count: 2000 }, None);
    let partner = anti_entropy.partner(LINK, none_yet, 2);
    let Comparison::Begun(frame) = anti_entropy.compare(partner, peer, Facet::whole(store), 2) else {
        panic!()
    };
    assert!(matches!(decode(frame.bytes()), Ok(Message::Digest(_))));
}

#[test]
fn a_server_that_was_restarted_asks_one_client_at_a_time_for_everything() {
    let [one, two] = [1, 2].map(LinkId);
    let (store, mut anti_entropy) = (Store::new(1), AntiEntropy::new(1));
    let mut peers = [Peer::default(), Peer::default()];
    for peer in &mut peers {
        peer.on_summary(Summary { root: 1, count: 1 + MANY }, None);
    }
    // Both links show progress until then.
    let until = |time| move |_: LinkId| Some(time);
    let partner = anti_entropy.partner(one, until(0), 10);
    assert!(matches!(
        anti_entropy.recover(partner, &mut peers[0], Facet::whole(&store), 10),
        Recovery::Begun(_)
    ));
    let partner = anti_entropy.partner(two, until(10), 9 + SOLE);
    assert!(matches!(
        anti_entropy.recover(partner, &mut peers[1], Facet::whole(&store), 9 + SOLE),
        Recovery::Postponed
    ));
    assert!(peers[1].has_gap() && !peers[0].has_gap());
    let partner = anti_entropy.partner(two, until(10), 10 + SOLE);
    assert!(matches!(
        anti_entropy.recover(partner, &mut peers[1], Facet::whole(&store), 10 + SOLE),
        Recovery::Begun(_)
    ));
    let gone = |_| None;
    let partner = anti_entropy.partner(one, gone, 11 + SOLE);
    assert!(matches!(
        anti_entropy.recover(partner, &mut peers[0], Facet::whole(&store), 11 + SOLE),
        Recovery::Begun(_)
    ));
    peers[0].on_summary(Summary { root: 1, count: MANY }, None);
    let partner = anti_entropy.partner(one, gone, 12 + SOLE);
    assert!(matches!(
        anti_entropy.recover(partner, &mut peers[0], Facet::whole(&store), 12 + SOLE),
        Recovery::NotNeeded
    ));
}

#[test]
fn an_answer_has_no_more_bytes_than_there_is_room_for_and_leaves_a_gap() {
    let mut pair = Pair::new(20_000);
    let mut frame = digest_frame();
    for child in 0..FANOUT {
        add_digest(&mut frame, Prefix::ALL.child(child), &[1; FANOUT]);
    }
    let (side, room) = (&mut pair.sides[1], 5000);
    side.peer.close_gap();
    let Ok(Message::Digest(subtrees)) = decode(&frame) else { panic!() };
    let local = Local { facet: Facet::whole(&side.store), seed: 1, now: 1, portion: WHOLE };
    let answer = side.peer.on_digest(local, subtrees, Bounds { first: 0, room }, 0);
    let bytes: usize = answer.frames.iter().map(|frame| frame.bytes().len()).sum();
    // The last subtree is answered for whole: 16 digests.
    assert!(bytes >= room && bytes < room + 16 * 140, "{bytes} bytes");
    assert!(side.peer.has_gap() && !answer.closes_gap);
}
