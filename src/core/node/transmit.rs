//! The next frame of each link: answers first, then changes of the moment, then what is owed in bulk.
//!
//! A frame is made from current values when the socket has room for it. On an extended link many tuples that wait go
//! into one frame; a lone one goes at once, alone.

use super::Node;
use crate::core::clock::{Now, Stamp};
use crate::core::codec::lists::BatchWriter;
use crate::core::codec::{Extension, MessageId, Record, RecordKind, encode};
use crate::core::encodings::Encodings;
use crate::core::frame::Frame;
use crate::core::id::{LinkId, Slot};
use crate::core::link::{Ends, Link};
use crate::core::store::{Register, State};
use crate::core::tuple::{Tuple, value_hash};
use crate::core::visits::visit;

/// Bytes from which on a batch is closed, so that a slow socket's queue stays small.
const FULL: usize = 16 << 10;

/// The last batch that was made: all links at the same offset of the change log share it.
#[derive(Clone, Debug, Default)]
pub(super) struct BatchCache {
    version: u64,
    start: u32,
    end: u32,
    /// Links by which some tuple of the batch came: these need a batch without it.
    sources: Vec<LinkId>,
    /// Origins of the batch's tuples: links that are lazy for one of them need a batch without it, too.
    origins: Vec<u64>,
    tuples: u64,
    /// Time (mono ms) at which the batch was made, if some tuple in it has a time to live.
    ages_from: Option<u64>,
    frame: Option<Frame>,
}

impl BatchCache {
    /// Returns whether a batch that is made now, from offset `start` on, would be the same.
    fn is_fresh(&self, version: u64, start: u32, now: Now) -> bool {
        let ages = self.ages_from.is_none_or(|made_at| made_at == now.mono);
        self.version == version && self.start == start && ages
    }

    /// Returns whether all its tuples are for this link: none came by it, and none reaches the peer over another link.
    fn suits(&self, id: LinkId, link: &Link) -> bool {
        let wanted = |origin: &u64| link.peer() != Some(*origin) && !link.lazy_push.is_lazy(*origin);
        link.rights.view.is_none() && !self.sources.contains(&id) && self.origins.iter().all(wanted)
    }
}

impl Node {
    /// Takes a link that has something to send. It is not returned again until there is something new.
    pub fn poll_ready(&mut self) -> Option<LinkId> {
        self.tree.repair();
        self.send_tree_messages();
        if self.announced != self.store.changes.version() {
            self.announced = self.store.changes.version();
            self.enqueue_links();
        }
        if self.presence.is_untold() {
            self.enqueue_links();
        }
        let id = self.ready.pop_front()?;
        if let Some(link) = self.links.get_mut(&id) {
            link.dequeue();
        }
        Some(id)
    }

    /// Puts the links that have something to send among those that are ready.
    fn enqueue_links(&mut self) {
        visit(self.links.len());
        let ends = self.ends();
        for (&id, link) in &mut self.links {
            if link.has_output(ends) && link.enqueue() {
                self.ready.push_back(id);
            }
        }
    }

    /// Where what may be sent to peers ends.
    pub(super) fn ends(&self) -> Ends {
        Ends { log: self.store.changes.end(), members: self.presence.due() }
    }

    pub(super) fn mark_ready(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id)
            && link.enqueue()
        {
            self.ready.push_back(id);
        }
    }

    /// Makes the next frame for a link whose socket has room; `None` when nothing more is to be sent now.
    pub fn poll_transmit(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let frame = self.next_frame(id, now)?;
        self.counters.frames_out += 1;
        self.counters.bytes_out += frame.bytes().len() as u64;
        if let Some(link) = self.links.get_mut(&id) {
            link.liveness.on_sent(now.mono);
            link.traffic.on_sent(frame.bytes().len());
        }
        Some(frame)
    }

    fn next_frame(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let ends = self.ends();
        let link = self.links.get_mut(&id).filter(|link| link.has_output(ends))?;
        if let Some(frame) = link.outbox.pop() {
            link.transit.on_other_frame(now.mono);
            return Some(frame);
        }
        // Before tuples: who receives the end of a tuple knows then whose end that is.
        if let Some(frame) = self.next_members(id) {
            return Some(frame);
        }
        if let Some(frame) = self.next_time(id, now) {
            return Some(frame);
        }
        // A probe is tried before and after, because the tuples that wait may all turn out not to be for this peer.
        self.next_probe(id, now).or_else(|| self.next_tuples(id, now)).or_else(|| self.next_probe(id, now))
    }

    /// Makes a heartbeat with this node's monotonic clock. It goes before frames that carry times to live, and every 30
    /// seconds in any case. See [`Transit`](crate::core::transit::Transit).
    fn next_time(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let ages = now.mono < self.ages_until;
        let link = self.links.get_mut(&id).filter(|link| link.is_extended() && link.offers())?;
        let time = Extension { sent: Some(now.mono), ..Extension::default() };
        link.transit.is_due(ages, now.mono).then(|| Frame::new(encode(MessageId::Heartbeat, &time)))
    }

    fn next_tuples(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        if self.is_extended(id) {
            return self.next_batch(id, now);
        }
        let Some(frame) = self.next_plain(id, now) else { return self.next_receipt(id, now) };
        // A hub that has forgotten this node answers a tuple with INVALID.
        if let Some(link) = self.links.get_mut(&id) {
            link.keepalive.on_tuple();
            link.on_plain_sent(now.mono);
        }
        Some(frame)
    }

    /// Makes the PING behind everything that a plain server was sent. Its answer shows that the server has taken it.
    fn next_receipt(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let link = self.links.get_mut(&id).filter(|link| link.is_receipt_ping_due())?;
        link.on_ping_sent(now.mono);
        link.receipts.on_ping_sent(link.pings.unanswered(), now.mono);
        Some(Frame::new(encode(MessageId::Ping, &Extension::default())))
    }

    /// Makes the next frame for a plain link: one tuple.
    fn next_plain(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        loop {
            let link = self.links.get_mut(&id)?;
            let is_plain = link.is_plain();
            let listens = link.list_wait.is_open();
            if let Some(slot) = link.bulk.peek().filter(|_| !listens) {
                link.bulk.pop();
                link.plain.on_told(now.mono);
                let is_sent = |held: &&Register| held.is_live() && link.rights.may_read(held.tuple.key());
                if let Some(held) = self.store.get(slot).filter(is_sent) {
                    link.plain.on_sent(slot, value_hash(held.tuple.value()), now.mono);
                    self.counters.tuples_out += 1;
                    return Some(self.single(slot, is_plain, now));
                }
                continue;
            }
            let offset = link.cursor();
            let offset = if offset < self.store.changes.end() {
                link.set_cursor(offset + 1);
                offset
            } else if listens {
                return None;
            } else {
                let offset = link.bulk.next_offset()?;
                link.plain.on_told(now.mono);
                offset
            };
            let Some(slot) = self.store.changes.get(offset) else { continue };
            let held = self.store.held(slot);
            // A tuple that came from the peer on this connection is not sent back.
            if !held.is_live()
                || held.source() == Some(id) && link.plain.last_received(slot).is_some()
                || !link.rights.may_read(held.tuple.key())
            {
                continue;
            }
            if link.plain.holds(slot, value_hash(held.tuple.value())) {
                link.plain.on_adopted(slot, now.mono);
                continue;
            }
            link.plain.on_changed(slot, !held.defers_to_plain(), now.mono);
            if !held.defers_to_plain() {
                link.plain.on_sent(slot, value_hash(held.tuple.value()), now.mono);
            }
            let frame = (!held.defers_to_plain()).then(|| self.single(slot, is_plain, now));
            self.schedule_link(id, now);
            if frame.is_some() {
                self.counters.tuples_out += 1;
                return frame;
            }
        }
    }

    /// Makes a PUBLISH. The stamp goes to every peer: a plain one ignores it, and an extended one that was taken for
    /// plain never judges the value without it. A peer that is known to be plain is sent no time to live, because CZMQ
    /// would repeat it with other tuples.
    fn single(&mut self, slot: Slot, is_plain: bool, now: Now) -> Frame {
        let ttl = if is_plain { 0 } else { remaining(self.store.deadline(slot), now) };
        let held = self.store.held(slot);
        self.encodings.publish(&held.tuple, ttl, held.stamp, held.is_announced())
    }

    /// Makes the next frame with tuples for an extended link.
    fn next_batch(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        // The change log may hold nothing for this link but tuples that are announced only.
        self.followed_batch(id, now)
            .or_else(|| self.next_announcement(id, now))
            .or_else(|| self.next_bulk(id, now))
    }

    /// Makes the next frame of what is owed in bulk, or a question how far the peer has come with it.
    fn next_bulk(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let link = self.links.get_mut(&id)?;
        if link.bulk.may_ask() {
            let question = Some(link.bulk.ask(now.mono));
            link.round_trip.on_asked(now.mono);
            self.schedule_link(id, now);
            return Some(self.heartbeat(id, Extension { question, ..Extension::default() }, now));
        }
        if !link.bulk.may_send() {
            return None;
        }
        let frame = self.owed_batch(id, now).or_else(|| self.backlog_batch(id, now));
        let link = self.links.get_mut(&id)?;
        match frame {
            Some(frame) => {
                link.bulk.sent(frame.bytes().len());
                Some(frame)
            }
            // The tuples that were owed are gone. A question about those before them may be due.
            None if link.bulk.may_ask() => self.next_bulk(id, now),
            None => None,
        }
    }

    /// Makes a batch of the changes from the link's cursor on, without tuples that came from the peer or reach it over
    /// another link.
    fn followed_batch(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let link = self.links.get_mut(&id)?;
        let (start, version) = (link.cursor(), self.store.changes.version());
        if self.batches.is_fresh(version, start, now)
            && self.batches.suits(id, link)
            && let Some(frame) = &self.batches.frame
        {
            link.set_cursor(self.batches.end);
            self.counters.tuples_out += self.batches.tuples;
            return Some(frame.clone());
        }
        let mut batch = Collector::default();
        let (mut sources, mut origins) = (Vec::new(), Vec::new());
        let (mut excluded, mut timed) = (false, false);
        let mut offset = start;
        while offset < self.store.changes.end() && !batch.is_full() {
            if let Some(slot) = self.store.changes.get(offset) {
                let held = self.store.held(slot);
                let origin = held.stamp.origin;
                if held.source() == Some(id) || !link.rights.may_read(held.tuple.key()) {
                    excluded = true;
                } else if link.peer() == Some(origin) || link.lazy_push.is_lazy(origin) {
                    // The writer has it; a copy of the writer, with the same identity, learns by the announcement.
                    excluded = true;
                    timed |= link.lazy_push.queue(slot, now);
                } else if batch.closes_before(held) {
                    break;
                } else if batch.add(held, remaining(self.store.deadline(slot), now)) {
                    sources.extend(held.source().filter(|source| sources.last() != Some(source)));
                    origins.extend(Some(origin).filter(|origin| origins.last() != Some(origin)));
                }
            }
            offset += 1;
        }
        link.set_cursor(offset);
        if timed {
            self.schedule_link(id, now);
        }
        let tuples = batch.count() as u64;
        let ages_from = batch.ages.then_some(now.mono);
        let frame = batch.finish(&mut self.encodings)?;
        self.counters.tuples_out += tuples;
        if !excluded {
            let (end, frame) = (offset, Some(frame.clone()));
            self.batches = BatchCache { version, start, end, sources, origins, tuples, ages_from, frame };
        }
        Some(frame)
    }

    /// Makes a batch of tuples that the peer has requested.
    fn owed_batch(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let mut batch = Collector::default();
        let link = self.links.get_mut(&id)?;
        while !batch.is_full() {
            let Some(slot) = link.bulk.peek() else { break };
            if let Some(held) = self.store.get(slot).filter(|held| link.rights.may_read(held.tuple.key())) {
                if batch.closes_before(held) {
                    break;
                }
                batch.add(held, remaining(self.store.deadline(slot), now));
            }
            link.bulk.pop();
        }
        self.counters.tuples_out += batch.count() as u64;
        batch.finish(&mut self.encodings)
    }

    /// Makes the next batch of everything, for a peer that holds next to nothing. No tuple is left out, wherever it
    /// came from.
    fn backlog_batch(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let link = self.links.get_mut(&id)?;
        let ((start, stop), version) = (link.bulk.backlog(), self.store.changes.version());
        let cache = &self.backlogs;
        if link.rights.view.is_none()
            && cache.is_fresh(version, start, now)
            && cache.end <= stop
            && let Some(frame) = &cache.frame
        {
            link.bulk.advance(cache.end);
            self.counters.tuples_out += cache.tuples;
            return Some(frame.clone());
        }
        let mut batch = Collector::default();
        let is_shared = link.rights.view.is_none();
        let mut offset = start;
        while offset < stop && !batch.is_full() {
            let held = self.store.changes.get(offset).map(|slot| (slot, self.store.held(slot)));
            if let Some((slot, held)) = held.filter(|(_, held)| link.rights.may_read(held.tuple.key())) {
                if batch.closes_before(held) {
                    break;
                }
                batch.add(held, remaining(self.store.deadline(slot), now));
            }
            offset += 1;
        }
        link.bulk.advance(offset);
        let tuples = batch.count() as u64;
        let ages_from = batch.ages.then_some(now.mono);
        let frame = batch.finish(&mut self.encodings)?;
        self.counters.tuples_out += tuples;
        if is_shared {
            let kept = Some(frame.clone());
            let (sources, origins) = Default::default();
            self.backlogs =
                BatchCache { version, start, end: offset, sources, origins, tuples, ages_from, frame: kept };
        }
        Some(frame)
    }
}

/// Collects tuples for one frame, in order. The first is kept apart, because it becomes a PUBLISH if it stays alone.
#[derive(Default)]
struct Collector {
    /// The batch's only tuple so far, with its time to live, its stamp, and whether it was announced.
    first: Option<(Tuple, u32, Stamp, bool)>,
    batch: Option<BatchWriter>,
    /// Whether some tuple has a time to live.
    ages: bool,
}

impl Collector {
    fn is_full(&self) -> bool {
        let waiting = self.first.as_ref().map_or(0, |(tuple, ..)| tuple.value().len());
        self.batch.as_ref().map_or(waiting, BatchWriter::len) >= FULL
    }

    /// Returns whether the frame is to be closed before this tuple: a large one travels alone, so that no other waits
    /// for it.
    fn closes_before(&self, held: &Register) -> bool {
        held.tuple.value().len() >= FULL && self.count() > 0
    }

    fn count(&self) -> usize {
        self.batch.as_ref().map_or(0, |batch| batch.count) + usize::from(self.first.is_some())
    }

    /// Adds a tuple or a tombstone; false if it is refused here, so that peers are not sent it.
    fn add(&mut self, held: &Register, ttl: u32) -> bool {
        let kind = match held.state {
            State::Live | State::Suppressed | State::Absent => RecordKind::Live,
            // A peer that was away may hold an older value, which the expired one has replaced.
            State::Retracted | State::Expired => RecordKind::Tombstone,
            State::Refused => return false,
        };
        self.ages |= ttl > 0;
        if kind == RecordKind::Live && self.batch.is_none() && self.first.is_none() {
            self.first = Some((held.tuple.clone(), ttl, held.stamp, held.is_announced()));
            return true;
        }
        let batch = self.batch.get_or_insert_with(|| BatchWriter::new(FULL + 512));
        let mut add = |kind, tuple: &Tuple, ttl, stamp, announced| {
            let (key, value) = (tuple.key(), tuple.value());
            batch.add_record(&Record { kind, key, value, ttl, stamp, announced });
        };
        if let Some((tuple, ttl, stamp, announced)) = self.first.take() {
            add(RecordKind::Live, &tuple, ttl, stamp, announced);
        }
        add(kind, &held.tuple, ttl, held.stamp, held.is_announced());
        true
    }

    fn finish(self, encodings: &mut Encodings) -> Option<Frame> {
        match (self.first, self.batch) {
            (Some((tuple, ttl, stamp, announced)), _) => {
                Some(encodings.publish(&tuple, ttl, stamp, announced))
            }
            (None, batch) => Some(Frame::new(batch?.finish())),
        }
    }
}

/// Milliseconds until a deadline, as the wire has them: at least 1, and 0 for none. Until then a tuple lives, or its
/// tombstone is kept.
pub(super) fn remaining(deadline: Option<u64>, now: Now) -> u32 {
    deadline.map_or(0, |deadline| deadline.saturating_sub(now.mono).clamp(1, u32::MAX.into()) as u32)
}
