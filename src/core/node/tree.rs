//! Sending each tuple over few links: in a network with cycles it need cross each node once.
//!
//! After Plumtree (Leitão, Pereira, Rodrigues: "Epidemic Broadcast Trees", 2007), with a tree for each
//! origin. A tuple is pushed over all links at first. One that comes when it has come already over
//! another link shows that there is a ring; equal digests, where tuples come by others, too, that there
//! may be one. The peer is then asked to prune the link for every origin whose tuples come otherwise, and from
//! then on announces their keys and stamps only, a little later and many at once. Who misses what is
//! announced asks for it and grafts the link back. A node that loses a link grafts the others for what
//! came by it, and its peers that took that from it do the same. Nobody is sent what it wrote itself.
//! Plain peers take no part, nor do values taken from them, whose origin nobody knows.

use super::Node;
use super::requests::Asked;
use crate::core::clock::{Now, Stamp};
use crate::core::codec::lists::{add_entry, announce_frame, origins_frame, request_frame};
use crate::core::codec::{Entry, Hashes, MessageId, PartEntries};
use crate::core::frame::Frame;
use crate::core::id::LinkId;
use crate::core::link::Link;
use crate::core::store::State;

/// Frames of origins that wait are made longer up to this size.
const MOST_JOINED: usize = 16 << 10;
/// Tuples in one announcement.
const FULL: usize = 680;

impl Node {
    /// There is a second link: by which the tuples have come matters from now on.
    pub(super) fn keep_origins(&mut self) {
        if self.origins.keep() {
            for (_, held) in self.store.iter() {
                let source = held.source().filter(|link| self.links.contains_key(link));
                if let Some(link) = source.filter(|_| !held.stamp.is_synthetic()) {
                    if self.origins.is_full() {
                        self.origins.make_room();
                    }
                    self.origins.arrived(held.stamp, link);
                }
            }
            for (&id, link) in self.links.iter().filter(|(_, link)| link.up && link.is_extended()) {
                link.peer.into_iter().for_each(|peer| {
                    self.origins.met(peer, id);
                });
            }
        }
    }

    /// The peer at the other end of a link is known: its own tuples come straight from it, as far as is known.
    pub(super) fn meet_origin(&mut self, id: LinkId, now: Now) {
        let peer = self.links.get(&id).and_then(|link| link.peer);
        if let Some(origin) = peer.filter(|&origin| self.origins.met(origin, id)) {
            self.decline_elsewhere(id, origin, now);
        }
    }

    /// A tuple has come by `id` that is news.
    pub(super) fn hear_news(&mut self, id: LinkId, stamp: Stamp, now: Now) {
        let declined = |link: &Link| link.branches.has_declined(stamp.origin);
        if stamp.is_synthetic() || self.links.get(&id).is_none_or(declined) {
            return;
        }
        if self.origins.is_full() && self.origins.link(stamp.origin).is_none() {
            let forgotten = self.origins.make_room();
            self.graft(None, &forgotten);
        }
        if self.origins.arrived(stamp, id) {
            self.decline_elsewhere(id, stamp.origin, now);
        }
    }

    /// An origin's tuples come by `id` from now on: what is known to be part of a ring need not bring them.
    fn decline_elsewhere(&mut self, id: LinkId, origin: u64, now: Now) {
        if !self.origins.may_tell(now.mono) {
            return;
        }
        let rings = self.links.iter().filter(|&(&other, link)| other != id && link.branches.is_in_ring());
        let rings: Vec<LinkId> = rings.map(|(&other, _)| other).collect();
        for other in rings {
            self.decline(other, &[origin], now);
        }
    }

    /// A tuple has come by `id` that has come already by `source`: one of the two is not needed for it.
    pub(super) fn hear_redundant(&mut self, id: LinkId, source: Option<LinkId>, stamp: Stamp, now: Now) {
        if stamp.is_synthetic() || source == Some(id) {
            return;
        }
        let needed = self.origins.link(stamp.origin);
        for link in [Some(id), source].into_iter().flatten().filter(|&link| Some(link) != needed) {
            self.close_ring(link, now);
            self.decline(link, &[stamp.origin], now);
        }
    }

    /// A link is known to be part of a ring: what we get elsewhere we need not get by it.
    pub(super) fn close_ring(&mut self, id: LinkId, now: Now) {
        if self.links.get_mut(&id).is_some_and(|link| link.branches.close_ring()) {
            let all = self.origins.all();
            self.decline(id, &all, now);
        }
    }

    /// Asks a peer not to send tuples of these origins, but for those that do not come otherwise.
    fn decline(&mut self, id: LinkId, origins: &[u64], now: Now) {
        let origins: Vec<u64> = origins
            .iter()
            .copied()
            .filter(|&origin| origin == self.id || self.has_branch(origin, id))
            .collect();
        let Some(link) = self.links.get_mut(&id).filter(|link| link.up && link.is_extended()) else { return };
        let origins: Vec<u64> =
            origins.into_iter().filter(|&origin| link.branches.decline(origin, now.mono)).collect();
        if !origins.is_empty() {
            self.say_origins(id, MessageId::Prune, &origins);
        }
    }

    /// Whether an origin's tuples come by another link than `id`.
    fn has_branch(&self, origin: u64, id: LinkId) -> bool {
        let branch = self.origins.link(origin).filter(|&branch| branch != id);
        branch
            .and_then(|branch| self.links.get(&branch))
            .is_some_and(|link| link.up && link.is_extended() && !link.branches.has_declined(origin))
    }

    /// Links were lost, and with them branches: the others bring those origins' tuples again, until it is
    /// known anew which of them are needed.
    pub(super) fn regrow(&mut self) {
        let mut origins = Vec::new();
        for lost in std::mem::take(&mut self.lost) {
            origins.append(&mut self.origins.lose(lost));
        }
        self.graft(None, &origins);
    }

    /// Asks all peers, but for one, for tuples of these origins again.
    fn graft(&mut self, but: Option<LinkId>, origins: &[u64]) {
        if origins.is_empty() {
            return;
        }
        let accept = |link: &mut Link| link.branches.accept(origins);
        let others = self.links.iter_mut().filter(|&(&id, _)| Some(id) != but);
        let grafts: Vec<_> = others.map(|(&id, link)| (id, accept(link))).collect();
        for (id, origins) in grafts.into_iter().filter(|(_, origins)| !origins.is_empty()) {
            self.say_origins(id, MessageId::Graft, &origins);
        }
    }

    pub(super) fn hear_prune(&mut self, id: LinkId, origins: Hashes<'_>, now: Now) {
        if let Some(link) = self.links.get_mut(&id) {
            origins.iter().for_each(|origin| link.branches.cut(origin));
            self.close_ring(id, now);
        }
    }

    /// A peer wants an origin's tuples again. If it is the one that brought them, it has lost its own
    /// branch: they must come by others from now on.
    pub(super) fn hear_graft(&mut self, id: LinkId, origins: Hashes<'_>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        origins.iter().for_each(|origin| link.branches.mend(origin));
        let lost: Vec<u64> = origins.iter().filter(|&origin| self.origins.forget(origin, id)).collect();
        self.graft(Some(id), &lost);
    }

    /// What has changed at the peer, of origins that were pruned.
    pub(super) fn hear_announce(&mut self, id: LinkId, entries: PartEntries<'_>, now: Now) {
        let (mut wanted, mut origins) = (Vec::new(), Vec::new());
        let room = self.room_for_news() > 0;
        let latest = self.latest_believed(now);
        for Entry { hash, stamp } in entries.iter() {
            let mut new = true;
            let mut known = false;
            for slot in self.store.with_hash(hash) {
                let held = self.store.held(slot).stamp;
                new = false;
                known |= held >= stamp;
                if let Some(link) = self.links.get_mut(&id).filter(|_| held == stamp) {
                    link.branches.hear(slot, stamp);
                }
            }
            if known || stamp.wall() > latest {
                continue;
            }
            if (room || !new) && self.ask_for(id, hash, stamp, now) == Asked::Now {
                wanted.push(hash);
                origins.push(stamp.origin);
            }
        }
        if wanted.is_empty() {
            return;
        }
        origins.sort_unstable();
        origins.dedup();
        if let Some(link) = self.links.get_mut(&id) {
            for &origin in &origins {
                link.branches.graft(origin, now.mono);
            }
        }
        self.say_origins(id, MessageId::Graft, &origins);
        self.queue_control(id, Frame::new(request_frame(&wanted)));
    }

    /// The time to announce on a link may have come.
    pub(super) fn announce_due(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.branches.wait(link.role, now.mono);
        if link.branches.is_due() {
            self.mark_ready(id);
        }
    }

    /// The next announcement on a link, if it is time for one.
    pub(super) fn next_announcement(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let link = self.links.get_mut(&id).filter(|link| link.branches.is_due())?;
        let mut frame = announce_frame();
        let empty = frame.len();
        while link.branches.is_due() && frame.len() == empty {
            for slot in link.branches.take(FULL, link.role, now.mono) {
                let Some(held) = self.store.get(slot) else { continue };
                let known = held.source() == Some(id) || link.branches.has_heard(slot, held.stamp);
                if !known && (held.state.has_value() || held.state == State::Retracted) {
                    add_entry(&mut frame, &Entry { hash: held.key_hash(), stamp: held.stamp });
                }
            }
        }
        if link.branches.is_empty() {
            link.branches.rest();
        }
        self.schedule_link(id, now);
        (frame.len() > empty).then(|| Frame::new(frame))
    }

    /// Says PRUNE or GRAFT, with the one that waits already, if there is one.
    fn say_origins(&mut self, id: LinkId, kind: MessageId, origins: &[u64]) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let joins = |last: &[u8]| last.get(2) == Some(&(kind as u8)) && last.len() < MOST_JOINED;
        let add = |last: &mut Vec<u8>| {
            for origin in origins {
                last.extend_from_slice(&origin.to_be_bytes());
            }
        };
        if !link.outbox.extend_last(joins, add) {
            self.queue_control(id, Frame::new(origins_frame(kind, origins)));
        }
    }
}

#[cfg(test)]
mod tests;
