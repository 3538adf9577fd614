//! Routes anti-entropy's messages to its machine, [`AntiEntropy`](crate::core::anti_entropy::AntiEntropy) and the
//! state of each peer, and sends the results.

use super::Node;
use crate::core::anti_entropy::{
    Answer, Asked, Bounds, Comparison, Difference, Local, Portion, Position, Recovery, View, offers,
};
use crate::core::clock::Now;
use crate::core::codec::lists::FANOUT;
use crate::core::codec::{Digests, Entries, Entry, EntryList, Hashes};
use crate::core::frame::Frame;
use crate::core::id::{LinkId, Role, Slot};
use crate::core::link::Link;
use std::collections::BTreeMap;

/// Time at which a link's peer last made progress (monotonic ms); `None` for a link that is not up.
fn progress(links: &BTreeMap<LinkId, Link>) -> impl Fn(LinkId) -> Option<u64> + '_ {
    |id| links.get(&id).filter(|link| link.is_up()).map(|link| link.sync.progress_at())
}

impl Node {
    /// Client: whether it is time to compare with a peer whose heartbeat has come.
    pub(super) fn may_compare(&mut self, id: LinkId, now: Now) -> bool {
        let awaited = self.anti_entropy.awaits_from(id, progress(&self.links), now.mono);
        let end = self.store.changes.end();
        let Some(link) = self.links.get_mut(&id) else { return false };
        let is_busy = awaited || !link.bulk.is_settled();
        let has_unsent = link.cursor() < end || !link.outbox.is_empty();
        link.sync.may_compare(is_busy, has_unsent, now.mono)
    }

    /// Client: begins a comparison with a peer whose summary has come, if the two differ.
    pub(super) fn compare(&mut self, id: LinkId, now: Now) {
        let partner = self.anti_entropy.partner(id, progress(&self.links), now.mono);
        let Some(link) = self.links.get_mut(&id) else { return };
        let facet = link.rights.facet(&self.store);
        match self.anti_entropy.compare(partner, &mut link.sync, facet, now.mono) {
            Comparison::Equal => {
                self.close_gap(id);
                self.on_state_taken(id);
                // The peer may get by another link, too, what this node does.
                self.tree.on_equal_digests(id, now);
                self.send_tree_messages();
            }
            Comparison::Postponed => {}
            Comparison::Begun(frame) => {
                self.close_gap(id);
                self.queue_control(id, frame);
            }
        }
    }

    /// Makes the next comparison with each peer follow at once: it may lead to something that the last one did not.
    pub(super) fn compare_anew(&mut self) {
        self.anti_entropy.forget_refusals();
        for link in self.links.values_mut() {
            link.sync.forget_comparisons();
        }
    }

    /// Closes a link's gap, because a comparison begins, or both sides hold the same tuples.
    pub(super) fn close_gap(&mut self, id: LinkId) {
        if self.links.get_mut(&id).is_some_and(|link| link.sync.close_gap()) {
            self.on_gap_closed(id);
        }
    }

    /// Lets a link's probe be sent, which waited for a comparison to begin. The answer to one that was sent before does
    /// not cover what the comparison finds.
    fn on_gap_closed(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.acks.overtake();
            self.mark_ready(id);
        }
    }

    /// Leaves a gap on the link of an extended peer: a message to it was dropped.
    pub(super) fn leave_gap(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id).filter(|link| link.is_extended()) {
            link.sync.leave_gap();
        }
    }

    /// Takes a portion of a DIGEST. Returns where to go on.
    pub(super) fn on_digest(
        &mut self,
        id: LinkId,
        subtrees: Digests<'_>,
        portion: Portion,
        now: Now,
    ) -> Option<Position> {
        if self.recovers(id, now) {
            return None;
        }
        let first = self.random.usize(0..FANOUT);
        let link = self.links.get_mut(&id)?;
        let facet = link.rights.facet(&self.store);
        let local = Local { facet, seed: self.id, now: now.mono, portion };
        let bounds = Bounds { first, room: link.outbox.room() };
        let Answer { frames, lacks_all_before, closes_gap, rest } =
            link.sync.on_digest(local, subtrees, bounds, link.cursor());
        self.owe_all_before(id, lacks_all_before);
        if closes_gap {
            self.on_gap_closed(id);
        }
        self.queue_answers(id, frames);
        rest
    }

    /// Server: whether a client that compares is asked for everything, now or later, instead of being answered.
    fn recovers(&mut self, id: LinkId, now: Now) -> bool {
        let partner = self.anti_entropy.partner(id, progress(&self.links), now.mono);
        let Some(link) = self.links.get_mut(&id).filter(|link| link.role() == Role::Server) else {
            return false;
        };
        let facet = link.rights.facet(&self.store);
        match self.anti_entropy.recover(partner, &mut link.sync, facet, now.mono) {
            Recovery::NotNeeded => return false,
            Recovery::Postponed => link.acks.overtake(),
            Recovery::Begun(frame) => self.queue_answers(id, vec![frame]),
        }
        true
    }

    /// Queues messages of a comparison. What they lead to comes behind a probe that was sent before.
    fn queue_answers(&mut self, id: LinkId, frames: Vec<Frame>) {
        if let Some(link) = self.links.get_mut(&id).filter(|_| !frames.is_empty()) {
            link.acks.overtake();
        }
        for frame in frames {
            self.queue_control(id, frame);
        }
    }

    /// Takes a portion of ENTRIES. The peer is offered what it lacks, or sent it, if it understands no OFFER or lacks
    /// nearly everything. Returns where to go on.
    pub(super) fn on_entries(
        &mut self,
        id: LinkId,
        subtrees: Entries<'_>,
        portion: Portion,
        now: Now,
    ) -> Option<Position> {
        if portion.is_first() {
            self.drop_denied(id, subtrees);
        }
        let link = self.links.get_mut(&id)?;
        let facet = link.rights.facet(&self.store);
        let local = Local { facet, seed: self.id, now: now.mono, portion };
        let Difference { wanted, ahead, mut owed, lacks_all_before, closes_gap, rest, .. } =
            link.sync.on_entries(local, subtrees, link.cursor());
        let offers = if link.offers() { offers(facet, &ahead) } else { Vec::new() };
        let offers_known = link.offers();
        self.owe_all_before(id, lacks_all_before);
        if closes_gap {
            self.on_gap_closed(id);
        }
        self.request(id, wanted, now);
        if offers_known {
            self.queue_answers(id, offers);
        } else {
            owed.extend(ahead);
        }
        self.owe_all(id, owed);
        rest
    }

    /// Owes a peer everything in the change log before an offset.
    fn owe_all_before(&mut self, id: LinkId, offset: Option<u32>) {
        let Some((link, offset)) = self.links.get_mut(&id).zip(offset) else { return };
        link.bulk.owe_all_before(offset);
        link.acks.overtake();
        self.mark_ready(id);
    }

    /// Takes a portion of an OFFER. Returns where to go on.
    pub(super) fn on_offer(
        &mut self,
        id: LinkId,
        entries: EntryList<'_>,
        portion: Portion,
        now: Now,
    ) -> Option<Position> {
        let link = self.links.get_mut(&id)?;
        let facet = link.rights.facet(&self.store);
        let local = Local { facet, seed: self.id, now: now.mono, portion };
        let (wanted, rest) = link.sync.on_offer(local, entries);
        self.request(id, wanted, now);
        rest
    }

    /// Requests tuples of a peer, as far as they would be accepted and are not on their way.
    fn request(&mut self, id: LinkId, wanted: Vec<Entry>, now: Now) {
        let wanted = self.without_denied(id, wanted);
        // Keys without room are requested all the same, once: as many can be remembered as refused.
        let (latest_believed, room) = (self.latest_believed(now), self.room_for_news());
        let Some(link) = self.links.get(&id) else { return };
        let facet = link.rights.facet(&self.store);
        let view = View { facet, latest_believed, room, progress: progress(&self.links) };
        let requested = self.anti_entropy.request(id, wanted, view, now.mono);
        let Some(link) = self.links.get_mut(&id) else { return };
        link.sync.on_requested(requested.last, requested.is_cut);
        if !requested.frames.is_empty() {
            link.sync.on_progress(now.mono);
        }
        for frame in requested.frames {
            self.queue_control(id, frame);
        }
    }

    /// Returns whether to request a tuple that a peer has announced.
    pub(super) fn may_request(&mut self, id: LinkId, announced: Entry, now: Now) -> bool {
        let asked = self.anti_entropy.ask(id, announced, progress(&self.links), now.mono);
        if let Some(link) = self.links.get_mut(&id) {
            link.sync.on_asked(asked);
        }
        matches!(asked, Asked::Now(_))
    }

    /// Gives up requests that were not answered in time. That leaves a gap on the link of each peer that has announced
    /// one of the tuples.
    pub(super) fn give_up_requests(&mut self, now: Now) {
        if let Some(first) = self.anti_entropy.give_up_requests(progress(&self.links), now.mono) {
            for link in self.links.values_mut() {
                link.sync.on_given_up(first);
            }
        }
    }

    /// Takes a portion of a REQUEST. Returns where to go on.
    pub(super) fn on_request(
        &mut self,
        id: LinkId,
        hashes: Hashes<'_>,
        portion: Portion,
        now: Now,
    ) -> Option<Position> {
        let link = self.links.get_mut(&id)?;
        let facet = link.rights.facet(&self.store);
        let local = Local { facet, seed: self.id, now: now.mono, portion };
        let (slots, rest) = link.sync.on_request(local, hashes);
        if let Some(denied) = &mut link.rights.denied {
            // What the peer asks for it does not hold.
            hashes.iter().for_each(|hash| denied.forget(hash));
        }
        self.owe_all(id, slots);
        rest
    }

    /// Owes a peer some tuples, in the order in which they changed: what a program published before it was connected
    /// arrives in the order in which it was published.
    fn owe_all(&mut self, id: LinkId, mut slots: Vec<Slot>) {
        slots.sort_unstable_by_key(|&slot| self.store.changes.offset(slot));
        if let Some(link) = self.links.get_mut(&id).filter(|_| !slots.is_empty()) {
            link.acks.overtake();
            for slot in slots {
                link.bulk.owe(slot);
            }
        }
        self.mark_ready(id);
    }
}

#[cfg(test)]
mod tests;
