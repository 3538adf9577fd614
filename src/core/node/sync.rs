//! Anti-entropy: two extended peers find what differs and exchange only that.
//!
//! No state is kept between messages. A DIGEST gives the sums of the 16 parts of a part of the key
//! space; the receiver answers for each part whose sum differs with a DIGEST of that part, or, where
//! it is small, with ENTRIES: all keys, by their hashes, and stamps in it. The receiver of ENTRIES
//! sends what it holds newer and REQUESTs what it holds older. A message that is lost, or dropped
//! because a peer does not read, costs no more than the time until the next heartbeat.

use super::super::clock::{Now, Stamp, too_far_ahead};
use super::super::codec::{Digests, Entries, Entry, Hashes, PartEntries, Prefix};
use super::super::extension::Summary;
use super::super::feed::Slot;
use super::super::link::{Comparison, LinkId};
use super::super::records::{add_digest, add_entries, digest_frame, entries_frame, request_frame};
use super::super::store::State;
use super::{Frame, Node};
use std::collections::HashMap;

/// A part with about as many tuples as this is listed rather than divided.
const SMALL: usize = 8;
/// The same for the whole.
const SMALL_WHOLE: usize = 16;
/// Frames of lists are begun anew beyond this size.
const FULL: usize = 32 << 10;
/// Milliseconds before a comparison that led to nothing is repeated; doubles each time.
const FUTILE: u64 = 3000;

/// Collects parts into frames of a good size.
struct Frames {
    begin: fn() -> Vec<u8>,
    open: Option<Vec<u8>>,
    done: Vec<Frame>,
}

impl Frames {
    fn new(begin: fn() -> Vec<u8>) -> Frames {
        Frames { begin, open: None, done: Vec::new() }
    }

    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let frame = self.open.get_or_insert_with(self.begin);
        write(frame);
        if frame.len() >= FULL {
            self.done.extend(self.open.take().map(Frame::new));
        }
    }

    fn finish(mut self) -> Vec<Frame> {
        self.done.extend(self.open.take().map(Frame::new));
        self.done
    }
}

impl Node {
    /// Client: starts a comparison if the peer's tuples sum up to something else than ours.
    pub(super) fn compare(&mut self, id: LinkId, theirs: Summary, now: Now) {
        let ours = self.summary();
        let Some(link) = self.links.get_mut(&id) else { return };
        if ours == theirs {
            link.comparison = Comparison::default();
            return;
        }
        let roots = (ours.root, theirs.root);
        let last = &mut link.comparison;
        if last.roots == roots {
            if now.mono < last.again_at {
                return;
            }
            last.futile = (last.futile + 1).min(6);
        } else {
            last.futile = 0;
        }
        last.roots = roots;
        last.again_at = now.mono + (FUTILE << last.futile);
        let frame = if self.store.digest().count() <= SMALL_WHOLE {
            let mut frame = entries_frame();
            add_entries(&mut frame, Prefix::ALL, &self.entries(Prefix::ALL));
            frame
        } else {
            let mut frame = digest_frame();
            add_digest(&mut frame, Prefix::ALL, &self.store.digest().sums(Prefix::ALL));
            frame
        };
        self.control(id, Frame::new(frame));
    }

    fn entries(&self, prefix: Prefix) -> Vec<Entry> {
        let entry = |(slot, hash)| Entry { hash, stamp: self.store.held(slot).stamp };
        self.store.part(prefix).map(entry).collect()
    }

    pub(super) fn hear_digest(&mut self, id: LinkId, parts: Digests<'_>) {
        let (mut deeper, mut lists) = (Frames::new(digest_frame), Frames::new(entries_frame));
        let digest = self.store.digest();
        let list =
            |lists: &mut Frames, part| lists.add(|frame| add_entries(frame, part, &self.entries(part)));
        for (prefix, theirs) in parts.iter() {
            if digest.is_leaf(prefix) {
                list(&mut lists, prefix);
                continue;
            }
            for (index, (ours, theirs)) in digest.sums(prefix).into_iter().zip(theirs).enumerate() {
                let part = prefix.child(index);
                if ours == theirs {
                    continue;
                }
                if digest.is_leaf(part) || digest.estimate(part) <= SMALL {
                    list(&mut lists, part);
                } else {
                    deeper.add(|frame| add_digest(frame, part, &digest.sums(part)));
                }
            }
        }
        let frames: Vec<Frame> = deeper.finish().into_iter().chain(lists.finish()).collect();
        if let Some(link) = self.links.get_mut(&id).filter(|_| !frames.is_empty()) {
            link.passage.overtake();
        }
        frames.into_iter().for_each(|frame| self.control(id, frame));
    }

    pub(super) fn hear_entries(&mut self, id: LinkId, parts: Entries<'_>, now: Now) {
        let mut wanted = Vec::new();
        for (prefix, entries) in parts.iter() {
            self.hear_part(id, prefix, entries, &mut wanted, now);
        }
        for hashes in wanted.chunks(FULL / 8) {
            self.control(id, Frame::new(request_frame(hashes)));
        }
        self.mark_ready(id);
    }

    fn hear_part(
        &mut self,
        id: LinkId,
        prefix: Prefix,
        entries: PartEntries<'_>,
        wanted: &mut Vec<u64>,
        now: Now,
    ) {
        let mut theirs: HashMap<u64, Stamp, ahash::RandomState> =
            HashMap::with_hasher(ahash::RandomState::with_seeds(self.id, 5, 6, 7));
        theirs.extend(
            entries.iter().filter(|entry| prefix.contains(entry.hash)).map(|entry| (entry.hash, entry.stamp)),
        );
        let trusted = |stamp: Stamp| !too_far_ahead(stamp.time, now, self.settings.max_drift);
        let mut ahead: Vec<Slot> = Vec::new();
        for (slot, hash) in self.store.part(prefix) {
            let ours = self.store.held(slot).stamp;
            match theirs.remove(&hash) {
                Some(stamp) if stamp > ours => {
                    if trusted(stamp) {
                        wanted.push(hash);
                    }
                }
                Some(stamp) if stamp == ours => {}
                _ => ahead.push(slot),
            }
        }
        let mut missing: Vec<u64> =
            theirs.into_iter().filter(|&(_, stamp)| trusted(stamp)).map(|(hash, _)| hash).collect();
        missing.sort_unstable();
        wanted.append(&mut missing);
        let most = prefix == Prefix::ALL && ahead.len() > self.store.len() / 2;
        let Some(link) = self.links.get_mut(&id) else { return };
        if most {
            // Nearly everything: following the log from its start needs no list.
            link.cursor = 0;
            link.passage.overtake();
        } else {
            self.owe_all(id, ahead);
        }
    }

    pub(super) fn hear_request(&mut self, id: LinkId, hashes: Hashes<'_>) {
        let asked = hashes.iter().flat_map(|hash| self.store.with_hash(hash));
        let slots = asked.filter(|&slot| self.store.held(slot).state != State::Forgotten).collect();
        self.owe_all(id, slots);
    }

    /// Owes a peer these tuples, in the order in which they changed: a program that published two
    /// before it was connected is heard in that order.
    fn owe_all(&mut self, id: LinkId, mut slots: Vec<Slot>) {
        slots.sort_unstable_by_key(|&slot| self.store.feed.position(slot));
        if let Some(link) = self.links.get_mut(&id).filter(|_| !slots.is_empty()) {
            link.passage.overtake();
            slots.into_iter().for_each(|slot| link.owe(slot));
        }
        self.mark_ready(id);
    }
}
