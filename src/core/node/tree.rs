//! Sending each tuple over few links: in a network with cycles it need cross each node once.
//!
//! After Plumtree (Leitão, Pereira, Rodrigues: "Epidemic Broadcast Trees", 2007). All links begin as
//! branches, over which tuples are pushed. A tuple that has come already over another branch shows
//! that a link closes a cycle: it is pruned, and from then on carries only announcements of keys and
//! stamps, a little later and many at once. A peer that misses what is announced asks for it and
//! grafts the link back. Both ends of a link treat it alike. Plain peers take no part.

use super::super::clock::{Now, too_far_ahead};
use super::super::codec::{Entry, Extension, MessageId, PartEntries, encode};
use super::super::link::LinkId;
use super::super::records::{add_entry, announce_frame, request_frame};
use super::super::store::State;
use super::{Frame, Node};

/// Changes are announced after this time (ms): by then they have come along the tree, mostly.
const ANNOUNCE_AFTER: u64 = 100;
/// A tuple that was asked for is not asked for elsewhere within this time (ms).
pub(super) const ANSWER: u64 = 1000;
/// Bytes in one announcement.
const FULL: usize = 16 << 10;

impl Node {
    /// A tuple has come by `id` that we have already, from `source`.
    pub(super) fn hear_redundant(&mut self, id: LinkId, source: Option<LinkId>) {
        let is_lazy = self.links.get(&id).is_none_or(|link| link.lazy);
        if source == Some(id) || is_lazy || !self.has_branch(source, id) {
            return;
        }
        if let Some(link) = self.links.get_mut(&id) {
            link.set_lazy(true);
        }
        self.say(id, MessageId::Prune);
    }

    /// Whether tuples can come over `source`, or over any link if none is named, other than `id`.
    fn has_branch(&self, source: Option<LinkId>, id: LinkId) -> bool {
        let mut branches = self
            .links
            .iter()
            .filter(|&(&other, link)| other != id && link.up && link.is_extended() && !link.lazy);
        match source {
            Some(source) => branches.any(|(&other, _)| other == source),
            None => branches.next().is_some(),
        }
    }

    pub(super) fn hear_prune(&mut self, id: LinkId) {
        if !self.has_branch(None, id) {
            // Our last branch: two peers may prune both sides of us at once.
            return self.graft(id);
        }
        if let Some(link) = self.links.get_mut(&id) {
            link.set_lazy(true);
        }
        self.mark_ready(id);
    }

    pub(super) fn hear_graft(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.set_lazy(false);
        }
        self.mark_ready(id);
    }

    fn graft(&mut self, id: LinkId) {
        self.hear_graft(id);
        self.say(id, MessageId::Graft);
    }

    fn say(&mut self, id: LinkId, message: MessageId) {
        self.control(id, Frame::new(encode(message, &Extension::default())));
    }

    /// What has changed at the other end of a lazy link.
    pub(super) fn hear_announce(&mut self, id: LinkId, entries: PartEntries<'_>, now: Now) {
        let mut wanted = Vec::new();
        for Entry { hash, stamp } in entries.iter() {
            let known = self.store.with_hash(hash).any(|slot| self.store.held(slot).stamp >= stamp);
            if known || too_far_ahead(stamp.time, now, self.settings.max_drift) {
                continue;
            }
            let asked = self.requested.entry(hash).or_insert(0);
            if *asked == 0 || now.mono >= *asked + ANSWER {
                *asked = now.mono;
                wanted.push(hash);
            }
        }
        if !wanted.is_empty() {
            self.graft(id);
            self.control(id, Frame::new(request_frame(&wanted)));
        }
    }

    /// A lazy link's time to announce may have come.
    pub(super) fn announce_due(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.lazy && !link.announce_now && link.announce_at.is_some_and(|at| at <= now.mono) {
            link.announce_now = true;
            self.mark_ready(id);
        }
    }

    /// The next announcement on a lazy link, or the time for it is set.
    pub(super) fn next_announcement(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let link = self.links.get_mut(&id)?;
        if !link.announce_now {
            if link.announce_at.is_none() {
                link.announce_at = Some(now.mono + ANNOUNCE_AFTER);
                self.schedule_link(id, now);
            }
            return None;
        }
        let end = self.store.feed.end();
        let mut frame = announce_frame();
        let empty = frame.len();
        while link.cursor < end && frame.len() < FULL {
            if let Some(slot) = self.store.feed.get(link.cursor) {
                let held = self.store.held(slot);
                if held.source() != Some(id) && matches!(held.state, State::Live | State::Tombstone) {
                    add_entry(&mut frame, &Entry { hash: held.key_hash(), stamp: held.stamp });
                }
            }
            link.cursor += 1;
        }
        if link.cursor >= end {
            link.announce_at = None;
            link.announce_now = false;
        }
        (frame.len() > empty).then(|| Frame::new(frame))
    }
}
