//! Answers to DIGEST, ENTRIES, OFFER and REQUEST, made from the store and the state of the peer alone.

use super::budget::{Portion, Position};
use super::frames::Frames;
use super::listed::{Part, Subtree};
use super::peer::Peer;
use crate::core::codec::lists::{
    FANOUT, add_digest, add_entries, add_entry, digest_frame, entries_frame, offer_frame,
};
use crate::core::codec::{Digests, Entries, Entry, EntryList, Hashes, Prefix};
use crate::core::frame::Frame;
use crate::core::id::Slot;
use crate::core::store::Facet;

/// Estimated number of tuples up to which a subtree is listed rather than digested further: entries of 24 bytes for
/// each of them are about as long as the 128 bytes of a DIGEST, and save a round trip.
const SMALL: usize = 8;

/// The node as the maker of an answer sees it.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct Local<'a> {
    /// What is held here, as the peer is shown it.
    pub(in crate::core) facet: Facet<'a>,
    /// Seed of hash tables, which differs between nodes.
    pub(in crate::core) seed: u64,
    /// Monotonic ms.
    pub(in crate::core) now: u64,
    /// Which part of the message is to be handled.
    pub(in crate::core) portion: Portion,
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
    /// Offset in the change log before which the peer is to be sent everything, if no list names what it may lack.
    pub(in crate::core) lacks_all_before: Option<u32>,
    /// Whether a comparison begins with the message that is answered, and closes a gap.
    pub(in crate::core) closes_gap: bool,
    /// Where the message is to be gone on with.
    pub(in crate::core) rest: Option<Position>,
}

/// Tuples in which a peer that sent ENTRIES differs from this node.
#[derive(Debug, Default)]
pub(in crate::core) struct Difference {
    /// Tuples that the peer has, or has newer.
    pub(in crate::core) wanted: Vec<Entry>,
    /// Tuples that this node has, or has newer.
    pub(in crate::core) ahead: Vec<Slot>,
    /// Tuples that the peer is to be sent without an OFFER, by which it could not tell which of several keys is meant.
    pub(in crate::core) owed: Vec<Slot>,
    /// Whether the peer may differ in a place that has more keys than lists name.
    pub(super) is_crowded: bool,
    /// Offset in the change log before which the peer is to be sent everything, if it lacks most of that, or no list names
    /// what it may lack.
    pub(in crate::core) lacks_all_before: Option<u32>,
    /// Whether a comparison begins with the message that is answered, and closes a gap.
    pub(in crate::core) closes_gap: bool,
    /// Where the message is to be gone on with.
    pub(in crate::core) rest: Option<Position>,
}

impl Peer {
    /// Takes a DIGEST. The answer to it is, for each child that differs, its digest, or, if it is small, its entries.
    /// `cursor` is the offset in the change log from which on the peer has yet to be sent changes.
    pub(in crate::core) fn on_digest(
        &mut self,
        local: Local<'_>,
        subtrees: Digests<'_>,
        bounds: Bounds,
        cursor: u32,
    ) -> Answer {
        self.on_answered();
        let (mut closes_gap, mut is_crowded, mut rest) = (false, false, None);
        let (portion, before) = (local.portion, self.work());
        if portion.is_first() && subtrees.iter().any(|(prefix, _)| prefix == Prefix::ALL) {
            closes_gap = self.close_gap();
            self.end_first_comparison();
        }
        let facet = local.facet;
        let (mut deeper, mut lists) = (Frames::new(digest_frame), Frames::new(entries_frame));
        let list = |lists: &mut Frames, prefix| {
            let entries = facet.entries(prefix);
            lists.add(|frame| add_entries(frame, prefix, &entries));
            entries.len()
        };
        for (item, (prefix, theirs)) in subtrees.iter().enumerate().skip(portion.from.item) {
            let is_full = deeper.bytes() + lists.bytes() >= bounds.room;
            if is_full || self.visits_left(facet.len(), local.now) == 0 {
                self.leave_gap();
                break;
            }
            if self.work() - before >= portion.visits {
                rest = Some(Position::item(item));
                break;
            }
            self.charge(facet.cost(prefix));
            if facet.is_leaf(prefix) {
                self.charge(list(&mut lists, prefix));
                continue;
            }
            let ours = facet.children(prefix);
            let order = (bounds.first..FANOUT).chain(0..bounds.first);
            let differing = order.filter(|&child| ours[child] != theirs[child]);
            for child in differing.map(|child| prefix.child(child)) {
                if facet.is_leaf(child) || facet.is_small(child, SMALL) {
                    self.charge(list(&mut lists, child));
                    is_crowded |= child.depth == Prefix::DEEPEST && facet.hides(child.bits);
                } else {
                    self.charge(facet.cost(child));
                    deeper.add(|frame| add_digest(frame, child, &facet.children(child)));
                }
            }
        }
        let frames = deeper.finish().into_iter().chain(lists.finish()).collect();
        let lacks_all_before = self.owes_all(is_crowded, local).then_some(cursor);
        Answer { frames, lacks_all_before, closes_gap, rest }
    }

    /// Returns whether to send a peer everything that differs in a place with more keys than lists name. All of it is
    /// visited when it is sent.
    fn owes_all(&mut self, is_crowded: bool, local: Local<'_>) -> bool {
        let owes = is_crowded && self.may_send_all(local.now);
        if owes {
            self.charge_ahead(local.facet.len());
            self.on_progress(local.now);
        }
        owes
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
        let (portion, before) = (local.portion, self.work());
        let is_whole = portion.is_first() && subtrees.iter().any(|(prefix, _)| prefix == Prefix::ALL);
        difference.closes_gap = is_whole && self.close_gap();
        for (item, (prefix, entries)) in subtrees.iter().enumerate().skip(portion.from.item) {
            if self.visits_left(local.facet.len(), local.now) == 0 {
                self.leave_gap();
                break;
            }
            let left = portion.visits.saturating_sub(self.work() - before);
            if left == 0 {
                difference.rest = Some(Position::item(item));
                break;
            }
            let is_begun = item == portion.from.item && portion.from.hash > 0;
            let from = if is_begun { portion.from.hash } else { prefix.bits };
            let subtree = Subtree { prefix, entries, from, visits: left };
            let Part { visits, lacks_most, next } = difference.add(local, &subtree);
            self.charge(visits);
            if lacks_most {
                // All of them are visited when they are sent.
                self.charge_ahead(local.facet.len());
                lacks_all = true;
            }
            if let Some(hash) = next {
                difference.rest = Some(Position { item, hash });
                break;
            }
        }
        // Each is looked for again when it is requested.
        self.charge(difference.wanted.len());
        if lacks_all {
            difference.lacks_all_before = Some(self.session_from().unwrap_or(cursor));
            self.on_progress(local.now);
            self.on_useful();
        }
        if difference.lacks_all_before.is_none() && self.owes_all(difference.is_crowded, local) {
            difference.lacks_all_before = Some(cursor);
        }
        if is_whole {
            self.end_first_comparison();
        }
        difference
    }

    /// Takes an OFFER. Returns those of its tuples that are missing or older here, and where to go on with the message.
    pub(in crate::core) fn on_offer(
        &mut self,
        local: Local<'_>,
        entries: EntryList<'_>,
    ) -> (Vec<Entry>, Option<Position>) {
        let mut wanted = Vec::new();
        let facet = local.facet;
        let rest = self.for_each(local, entries.iter().map(|entry| (entry.hash, entry)), |_, entry| {
            let wins = |slot| entry.stamp.wins_over(facet.store.held(slot).stamp);
            if facet.with_hash(entry.hash).all(wins) && !facet.hides(entry.hash) {
                wanted.push(entry);
            }
        });
        (wanted, rest)
    }

    /// Takes a REQUEST. Returns the slots of the tuples that it asks for, and where to go on with the message.
    pub(in crate::core) fn on_request(
        &mut self,
        local: Local<'_>,
        hashes: Hashes<'_>,
    ) -> (Vec<Slot>, Option<Position>) {
        let (mut slots, mut is_useful) = (Vec::new(), false);
        let facet = local.facet;
        let rest = self.for_each(local, hashes.iter().map(|hash| (hash, hash)), |_, hash| {
            let before = slots.len();
            slots.extend(facet.with_hash(hash).filter(|&slot| facet.is_given(slot)));
            // Of several keys with one hash most are sent in vain, and may be again and again.
            is_useful |= slots.len() == before + 1;
        });
        if is_useful {
            self.on_useful();
        }
        if !slots.is_empty() {
            self.on_progress(local.now);
        }
        (slots, rest)
    }

    /// Does something for each item of a list, which names a key by its hash, as far as the peer's budget and the
    /// portion reach. Returns where to go on.
    pub(in crate::core) fn for_each<T>(
        &mut self,
        local: Local<'_>,
        items: impl Iterator<Item = (u64, T)>,
        mut each: impl FnMut(&mut Peer, T),
    ) -> Option<Position> {
        let (portion, before) = (local.portion, self.work());
        let mut left = self.visits_left(local.facet.len(), local.now);
        for (number, (hash, item)) in items.enumerate().skip(portion.from.item) {
            if left == 0 {
                self.leave_gap();
                return None;
            }
            if self.work() - before >= portion.visits {
                return Some(Position::item(number));
            }
            self.charge_search(local.facet.cost_of_hash(hash));
            left -= 1;
            each(self, item);
        }
        None
    }
}

/// Makes OFFERs of the tuples in these slots.
pub(in crate::core) fn offers(facet: Facet<'_>, slots: &[Slot]) -> Vec<Frame> {
    let mut frames = Frames::new(offer_frame);
    for held in slots.iter().filter(|&&slot| facet.is_given(slot)).map(|&slot| facet.store.held(slot)) {
        frames.add(|frame| add_entry(frame, &Entry { hash: held.key_hash(), stamp: held.stamp }));
    }
    frames.finish()
}

/// Makes ENTRIES of everything that is held.
pub(super) fn list_all(facet: Facet<'_>) -> Frame {
    let mut frame = entries_frame();
    add_entries(&mut frame, Prefix::ALL, &facet.entries(Prefix::ALL));
    Frame::new(frame)
}
