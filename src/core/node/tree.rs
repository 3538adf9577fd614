//! Routes the messages of the broadcast trees to their machine, [`plumtree::State`](crate::core::plumtree::State), and
//! sends the results.

use super::Node;
use crate::core::anti_entropy::{Local, Portion, Position};
use crate::core::clock::Now;
use crate::core::codec::lists::{add_entry, announce_frame, origins_frame, request_frame};
use crate::core::codec::{Entry, EntryList, Hashes, MessageId};
use crate::core::frame::Frame;
use crate::core::id::LinkId;
use crate::core::link::Link;
use crate::core::plumtree::Output;
use crate::core::store;

/// Size (bytes) up to which a PRUNE or GRAFT that waits for its socket is made longer: 2 048 origins, the size of a
/// full batch of tuples.
const MAX_JOINED: usize = 16 << 10;
/// Tuples in one ANNOUNCE: 24 bytes each, 16 KiB in all, the size of a full batch of tuples.
const MAX_ANNOUNCED: usize = 680;
/// Number of changes, the last ones, by which the links are known that bring the tuples of each origin when there is a
/// second link. Of what changed before, both may bring the next change, and one is then pruned.
const NEWEST: usize = 16_384;
/// Cost of a PRUNE or GRAFT, in visits to tuples.
const ORIGINS_COST: usize = 8;
/// Origins in a PRUNE or GRAFT that cost as much as a visit to a tuple.
const ORIGINS_A_VISIT: usize = 2;

impl Node {
    /// Remembers from now on by which link tuples come: there is a second one.
    pub(super) fn keep_parents(&mut self) {
        let links = &self.links;
        let held = self.store.newest().take(NEWEST);
        let brought = held.filter_map(|held| Some((held.stamp, held.source()?)));
        self.tree.keep_parents(brought.filter(|(_, link)| links.contains_key(link)));
    }

    /// Queues the messages that the tree wants to be sent.
    pub(super) fn send_tree_messages(&mut self) {
        while let Some(message) = self.tree.poll_output() {
            match message {
                Output::Prune(link, origins) => self.send_origins(link, MessageId::Prune, &origins),
                Output::Graft(link, origins) => self.send_origins(link, MessageId::Graft, &origins),
                Output::Request(link, hashes) => self.queue_control(link, Frame::new(request_frame(&hashes))),
            }
        }
    }

    /// Queues PRUNE or GRAFT, in one frame with the last message of the queue if both are of the same kind.
    fn send_origins(&mut self, id: LinkId, kind: MessageId, origins: &[u64]) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let joins = |last: &[u8]| last.get(2) == Some(&(kind as u8)) && last.len() < MAX_JOINED;
        let add = |last: &mut Vec<u8>| {
            for origin in origins {
                last.extend_from_slice(&origin.to_be_bytes());
            }
        };
        if !link.outbox.extend_last(joins, add) {
            self.queue_control(id, Frame::new(origins_frame(kind, origins)));
        }
    }

    /// PRUNE: the peer gets these origins' tuples elsewhere.
    pub(super) fn on_prune(&mut self, id: LinkId, origins: Hashes<'_>, now: Now) {
        if let Some(link) = self.links.get_mut(&id) {
            link.sync.charge(ORIGINS_COST + origins.iter().count() / ORIGINS_A_VISIT);
            self.tree.on_prune(id, &mut link.lazy_push, origins.iter(), now);
            self.send_tree_messages();
        }
    }

    /// GRAFT: the peer wants these origins' tuples again.
    pub(super) fn on_graft(&mut self, id: LinkId, origins: Hashes<'_>) {
        if let Some(link) = self.links.get_mut(&id) {
            link.sync.charge(ORIGINS_COST + origins.iter().count() / ORIGINS_A_VISIT);
            self.tree.on_graft(id, &mut link.lazy_push, origins.iter());
            self.send_tree_messages();
        }
    }

    /// ANNOUNCE, Plumtree's IHAVE: keys that have changed at the peer, of origins that it was sent PRUNE for. Takes a
    /// portion, and returns where to go on.
    pub(super) fn on_announce(
        &mut self,
        id: LinkId,
        entries: EntryList<'_>,
        portion: Portion,
        now: Now,
    ) -> Option<Position> {
        let (room, latest) = (self.room_for_news() > 0, self.latest_believed(now));
        let Link { sync, lazy_push, rights, .. } = self.links.get_mut(&id)?;
        let (store, mut unknown) = (&self.store, Vec::new());
        let facet = rights.facet(store);
        let local = Local { facet, seed: self.id, now: now.mono, portion };
        let rest = sync.for_each(local, entries.iter().map(|entry| (entry.hash, entry)), |_, entry| {
            let Entry { hash, stamp } = entry;
            let mut new = true;
            let mut known = false;
            for slot in facet.with_hash(hash) {
                let held = store.held(slot).stamp;
                new = false;
                known |= held >= stamp;
                if held == stamp {
                    lazy_push.on_announced(slot, stamp);
                }
            }
            // Where searches do not find all keys, a comparison is to.
            if !known && stamp.wall() <= latest && (room || !new) && !facet.hides(hash) {
                unknown.push(entry);
            }
        });
        let unknown = self.without_denied(id, unknown);
        let missing: Vec<Entry> =
            unknown.into_iter().filter(|&entry| self.may_request(id, entry, now)).collect();
        self.tree.on_ihave(id, &missing, now);
        self.send_tree_messages();
        rest
    }

    /// The time to announce on a link may have come.
    pub(super) fn announce_due(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.lazy_push.on_time(now);
        if link.lazy_push.is_due() {
            self.mark_ready(id);
        }
    }

    /// Makes the next ANNOUNCE on a link, if one is due.
    pub(super) fn next_announcement(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let link = self.links.get_mut(&id).filter(|link| link.lazy_push.is_due())?;
        let Link { lazy_push: push, rights, .. } = link;
        let mut frame = announce_frame();
        let empty = frame.len();
        while push.is_due() && frame.len() == empty {
            for slot in push.drain(MAX_ANNOUNCED, now) {
                let Some(held) = self.store.get(slot) else { continue };
                let known = held.source() == Some(id)
                    || push.was_announced(slot, held.stamp)
                    || !rights.may_read(held.tuple.key());
                if !known && (held.state.has_value() || held.state == store::State::Retracted) {
                    add_entry(&mut frame, &Entry { hash: held.key_hash(), stamp: held.stamp });
                }
            }
        }
        if push.is_empty() {
            push.forget_announced();
        }
        self.schedule_link(id, now);
        (frame.len() > empty).then(|| Frame::new(frame))
    }
}

#[cfg(test)]
mod tests;
