//! Answers to DIGEST, ENTRIES, OFFER and REQUEST, made from the store and the state of the peer alone.

use super::frames::Frames;
use super::peer::Peer;
use crate::core::clock::Stamp;
use crate::core::codec::lists::{
    FANOUT, add_digest, add_entries, add_entry, digest_frame, entries_frame, offer_frame,
};
use crate::core::codec::{Digests, Entries, Entry, EntryList, Hashes, Prefix};
use crate::core::frame::Frame;
use crate::core::id::Slot;
use crate::core::store::{State, Store};
use std::collections::HashMap;

/// Estimated number of tuples up to which a subtree is listed rather than digested further: entries of 24 bytes for
/// each of them are about as long as the 128 bytes of a DIGEST, and save a round trip.
const SMALL: usize = 8;
/// Number of tuples that are visited to find one by its hash: a leaf of the trie holds about this many at most. Where
/// this node holds more than this many times the peer's tuples, those are looked up key by key.
pub(super) const FEW: usize = 32;

/// The node as the maker of an answer sees it.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct Local<'a> {
    pub(in crate::core) store: &'a Store,
    /// Seed of hash tables, which differs between nodes.
    pub(in crate::core) seed: u64,
    /// Monotonic ms.
    pub(in crate::core) now: u64,
}

/// Bounds of an answer to a DIGEST.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct Bounds {
    /// The child with which to begin, 0 to 15. It is to be drawn anew each time: if there is no room to answer for
    /// all, it should not always be the same ones that are left out.
    pub(in crate::core) first: usize,
    /// Bytes after which no further subtree is answered for.
    pub(in crate::core) room: usize,
}

/// Answer to a DIGEST.
#[derive(Debug)]
pub(in crate::core) struct Answer {
    /// DIGESTs and ENTRIES to send.
    pub(in crate::core) frames: Vec<Frame>,
    /// Whether a comparison begins with the message that is answered, and closes a gap.
    pub(in crate::core) closes_gap: bool,
}

/// Tuples in which a peer that sent ENTRIES differs from this node.
#[derive(Debug, Default)]
pub(in crate::core) struct Difference {
    /// Tuples that the peer has, or has newer.
    pub(in crate::core) wanted: Vec<Entry>,
    /// Tuples that this node has, or has newer.
    pub(in crate::core) ahead: Vec<Slot>,
    /// Offset in the change log before which the peer is to be sent everything, if it lacks most of that.
    pub(in crate::core) lacks_all_before: Option<u32>,
    /// Whether a comparison begins with the message that is answered, and closes a gap.
    pub(in crate::core) closes_gap: bool,
}

impl Peer {
    /// Takes a DIGEST. The answer to it is, for each child that differs, its digest, or, if it is small, its entries.
    pub(in crate::core) fn on_digest(
        &mut self,
        local: Local<'_>,
        subtrees: Digests<'_>,
        bounds: Bounds,
    ) -> Answer {
        self.on_answered();
        let mut closes_gap = false;
        if subtrees.iter().any(|(prefix, _)| prefix == Prefix::ALL) {
            closes_gap = self.close_gap();
            self.end_first_comparison();
        }
        let (store, digest) = (local.store, local.store.digest());
        let (mut deeper, mut lists) = (Frames::new(digest_frame), Frames::new(entries_frame));
        let list = |lists: &mut Frames, prefix| {
            let entries = entries(store, prefix);
            lists.add(|frame| add_entries(frame, prefix, &entries));
            entries.len()
        };
        for (prefix, theirs) in subtrees.iter() {
            let is_full = deeper.bytes() + lists.bytes() >= bounds.room;
            if is_full || self.visits_left(store.len(), local.now) == 0 {
                self.leave_gap();
                break;
            }
            self.charge(digest.cost(prefix));
            if digest.is_leaf(prefix) {
                self.charge(list(&mut lists, prefix));
                continue;
            }
            let ours = digest.children(prefix);
            let order = (bounds.first..FANOUT).chain(0..bounds.first);
            let differing = order.filter(|&child| ours[child] != theirs[child]);
            for child in differing.map(|child| prefix.child(child)) {
                if digest.is_leaf(child) || digest.estimate(child) <= SMALL {
                    self.charge(list(&mut lists, child));
                } else {
                    deeper.add(|frame| add_digest(frame, child, &digest.children(child)));
                }
            }
        }
        Answer { frames: deeper.finish().into_iter().chain(lists.finish()).collect(), closes_gap }
    }

    /// Takes ENTRIES. What was sent since `cursor`, an offset in the change log, or since the session began, is not
    /// taken to be missing in a list of everything: frames keep their order, so the list was made without that.
    pub(in crate::core) fn on_entries(
        &mut self,
        local: Local<'_>,
        subtrees: Entries<'_>,
        cursor: u32,
    ) -> Difference {
        self.on_answered();
        let (mut difference, mut lacks_all) = (Difference::default(), false);
        let is_whole = subtrees.iter().any(|(prefix, _)| prefix == Prefix::ALL);
        difference.closes_gap = is_whole && self.close_gap();
        for (prefix, entries) in subtrees.iter() {
            if self.visits_left(local.store.len(), local.now) == 0 {
                self.leave_gap();
                break;
            }
            let entries = entries.iter().filter(|entry| prefix.contains(entry.hash));
            let mut theirs = HashMap::with_hasher(ahash::RandomState::with_seeds(local.seed, 5, 6, 7));
            theirs.extend(entries.map(|entry| (entry.hash, entry.stamp)));
            let (visits, lacks_most) = difference.add(local.store, prefix, theirs);
            self.charge(visits);
            lacks_all |= lacks_most;
        }
        if lacks_all {
            difference.lacks_all_before = Some(self.session_from().unwrap_or(cursor));
            self.on_progress(local.now);
            self.on_useful();
        }
        if is_whole {
            self.end_first_comparison();
        }
        difference
    }

    /// Takes an OFFER. Returns those of its tuples that are missing or older here.
    pub(in crate::core) fn on_offer(&mut self, local: Local<'_>, entries: EntryList<'_>) -> Vec<Entry> {
        let left = self.visits_left(local.store.len(), local.now);
        if entries.iter().nth(left).is_some() {
            self.leave_gap();
        }
        let mut wanted = Vec::new();
        for entry in entries.iter().take(left) {
            self.charge(1);
            let wins = |slot| entry.stamp.wins_over(local.store.held(slot).stamp);
            if local.store.with_hash(entry.hash).all(wins) {
                wanted.push(entry);
            }
        }
        wanted
    }

    /// Takes a REQUEST. Returns the slots of the tuples that it asks for.
    pub(in crate::core) fn on_request(&mut self, local: Local<'_>, hashes: Hashes<'_>) -> Vec<Slot> {
        let left = self.visits_left(local.store.len(), local.now);
        let hashes = hashes.iter().take(left).inspect(|_| self.charge(1));
        let requested = hashes.flat_map(|hash| local.store.with_hash(hash));
        let slots: Vec<Slot> = requested.filter(|&slot| is_given(local.store, slot)).collect();
        if !slots.is_empty() {
            self.on_useful();
            self.on_progress(local.now);
        }
        slots
    }
}

/// Stamps of keys, by the keys' hashes.
type Stamps = HashMap<u64, Stamp, ahash::RandomState>;

impl Difference {
    /// Adds one subtree, of which the peer has listed all keys with their stamps. Returns the number of tuples visited,
    /// and whether the peer lacks so much that it is to be sent everything.
    fn add(&mut self, store: &Store, prefix: Prefix, mut theirs: Stamps) -> (usize, bool) {
        let (listed, is_whole) = (theirs.len(), prefix == Prefix::ALL);
        if is_whole && listed < store.len() / FEW {
            // Everything is sent: only what the peer lists need be looked up.
            self.look_up_each(store, &mut theirs);
            self.add_missing(theirs);
            // The others are visited all the same when they are sent.
            return (1 + listed + listed * FEW + store.len(), true);
        }
        let (before, mut visits) = (self.ahead.len(), 1 + listed);
        for (slot, hash) in store.subtree(prefix) {
            visits += 1;
            let ours = store.held(slot).stamp;
            match theirs.remove(&hash) {
                Some(stamp) if stamp.wins_over(ours) => self.wanted.push(Entry { hash, stamp }),
                Some(stamp) if stamp == ours => {}
                _ => self.ahead.push(slot),
            }
        }
        self.add_missing(theirs);
        let lacks_most = is_whole && self.ahead.len() > store.len() / 2;
        if lacks_most {
            // Following the change log from its start needs no list.
            self.ahead.truncate(before);
        }
        (visits, lacks_most)
    }

    /// Looks up each key that the peer lists. Those that are not held remain in `theirs`.
    fn look_up_each(&mut self, store: &Store, theirs: &mut Stamps) {
        theirs.retain(|&hash, &mut stamp| {
            let ours = store.with_hash(hash).map(|slot| store.held(slot).stamp).max();
            if ours.is_some_and(|ours| stamp.wins_over(ours)) {
                self.wanted.push(Entry { hash, stamp });
            }
            ours.is_none()
        });
    }

    /// Adds keys that are not held at all, in an order that depends on nothing but their hashes.
    fn add_missing(&mut self, theirs: Stamps) {
        let mut missing: Vec<Entry> = theirs.into_iter().map(|(hash, stamp)| Entry { hash, stamp }).collect();
        missing.sort_unstable_by_key(|entry| entry.hash);
        self.wanted.append(&mut missing);
    }
}

/// Makes OFFERs of the tuples in these slots.
pub(in crate::core) fn offers(store: &Store, slots: &[Slot]) -> Vec<Frame> {
    let mut frames = Frames::new(offer_frame);
    for held in slots.iter().filter(|&&slot| is_given(store, slot)).map(|&slot| store.held(slot)) {
        frames.add(|frame| add_entry(frame, &Entry { hash: held.key_hash(), stamp: held.stamp }));
    }
    frames.finish()
}

/// Makes ENTRIES of everything that is held.
pub(super) fn list_all(store: &Store) -> Frame {
    let mut frame = entries_frame();
    add_entries(&mut frame, Prefix::ALL, &entries(store, Prefix::ALL));
    Frame::new(frame)
}

/// Entries of the tuples in a subtree that this node can give.
fn entries(store: &Store, prefix: Prefix) -> Vec<Entry> {
    let given = store.subtree(prefix).filter(|&(slot, _)| is_given(store, slot));
    given.map(|(slot, hash)| Entry { hash, stamp: store.held(slot).stamp }).collect()
}

/// Returns whether this node can give what a slot holds: all but a refused tuple, of which it has the stamp alone.
fn is_given(store: &Store, slot: Slot) -> bool {
    store.held(slot).state != State::Refused
}
