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
/// So many may be waited for; what is announced beyond that, comparing digests brings.
const MOST_REQUESTED: usize = 65_536;
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
        let room = self.check_room().is_ok();
        for Entry { hash, stamp } in entries.iter() {
            let mut held = self.store.with_hash(hash).map(|slot| self.store.held(slot).stamp).peekable();
            let new = held.peek().is_none();
            if held.any(|held| held >= stamp) || too_far_ahead(stamp.time, now, self.settings.max_drift) {
                continue;
            }
            let asked = self.requested.get(&hash).copied();
            let wait = asked.is_some_and(|at| now.mono < at + ANSWER);
            let many = asked.is_none() && self.requested.len() >= MOST_REQUESTED;
            if !(wait || many || new && !room) {
                self.requested.insert(hash, now.mono);
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

#[cfg(test)]
mod tests {
    use super::super::super::clock::Stamp;
    use super::super::super::link::{Kind, Role};
    use super::super::Settings;
    use super::*;

    fn now(mono: u64) -> Now {
        Now { mono, wall: 1_800_000_000_000 + mono }
    }

    fn client(node: &mut Node) -> LinkId {
        let link = node.open_link(Role::Server, now(1)).unwrap();
        let hello = Extension { node: Some(1 << 63 | 9), ..Extension::default() };
        node.handle_frame(link, &encode(MessageId::Hello, &hello), now(1));
        assert!(node.is_extended(link));
        link
    }

    fn announcement(hashes: std::ops::Range<u64>) -> Vec<u8> {
        let mut frame = announce_frame();
        let stamp = Stamp { time: 1 << 16, origin: 1 << 63 };
        hashes.for_each(|hash| add_entry(&mut frame, &Entry { hash, stamp }));
        frame
    }

    #[test]
    fn announcements_of_what_never_comes_are_not_all_remembered() {
        let mut node = Node::new(Settings::default(), 1, now(1));
        let link = client(&mut node);
        for round in 0..20 {
            node.handle_frame(link, &announcement(round * 50_000..(round + 1) * 50_000), now(2));
        }
        assert!(node.requested.len() <= MOST_REQUESTED, "{}", node.requested.len());
        assert!(node.requested.capacity() <= 2 * MOST_REQUESTED);
    }

    #[test]
    fn what_there_is_no_room_for_is_not_asked_for() {
        let mut node = Node::new(Settings { max_tuples: 2, ..Settings::default() }, 1, now(1));
        let link = client(&mut node);
        node.publish(b"a", b"1", 0, now(1)).unwrap();
        node.publish(b"b", b"1", 0, now(1)).unwrap();
        node.handle_frame(link, &announcement(0..10), now(2));
        assert!(node.requested.is_empty());
    }

    #[test]
    fn a_peer_that_turns_out_to_be_plain_later_is_no_lazy_one() {
        let mut node = Node::new(Settings::default(), 1, now(1));
        let (one, two) = (client(&mut node), client(&mut node));
        node.handle_frame(two, &encode(MessageId::Prune, &Extension::default()), now(2));
        node.publish(b"a", b"1", 0, now(2)).unwrap();
        for link in [one, two] {
            while node.poll_transmit(link, now(2)).is_some() {}
        }
        node.handle_frame(two, &encode(MessageId::Hello, &Extension::default()), now(3));
        assert_eq!(node.links[&two].kind, Kind::Plain);
        assert_eq!(
            node.poll_transmit(two, now(3)).map(|frame| frame.bytes()[2]),
            Some(MessageId::Publish as u8)
        );
    }
}
