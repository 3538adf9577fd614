//! Writes: each key is a last-writer-wins register, ordered by (hybrid logical time, origin).
//!
//! A write whose stamp [wins](Stamp::wins_over) over that of the register replaces what the register has, on every
//! node and in whatever order writes arrive; a write that does not win changes nothing. Thus all nodes that have seen
//! the same writes have the same state.

use super::Node;
use super::presence::Mark;
use crate::core::clock::{Now, Stamp};
use crate::core::codec::{Record, RecordKind};
use crate::core::event::ChangeKind;
use crate::core::id::{LinkId, Slot};
use crate::core::link::Link;
use crate::core::store::{Lookup, Register, State, tombstone};
use crate::core::timers::Timer;
use crate::core::tuple::{Tuple, key_hash, value_hash};

/// Remaining time (ms) below which a tombstone is not given to a node that does not know the key. Accepted, passed on
/// and dropped by one node after the other, such a tombstone would go round a ring for ever. The time is longer than
/// a message takes to go round.
const FADING: u32 = 2000;

/// A write to a key.
#[derive(Debug)]
pub(super) struct Write {
    /// Key and value; without a value, the tuple of a [`tombstone`].
    pub(super) tuple: Tuple,
    pub(super) stamp: Stamp,
    /// The link that the write came by; `None` for the owner's own.
    pub(super) source: Option<LinkId>,
    pub(super) state: State,
    /// Milliseconds that a value has to live, 0 for ever; or that a tombstone is kept, 0 for as long as this node
    /// keeps its own. A peer's tombstone is kept as long as the peer keeps it, so that nodes drop it at about the same
    /// time, whatever their clocks show, and a value that is given back to one that dropped it sooner dies out.
    pub(super) ttl: u32,
    /// Whether the value lives as long as the node that wrote it, or the tombstone is that of such a value.
    pub(super) announced: bool,
}

impl Node {
    /// Takes a stamped write of a peer.
    pub(super) fn on_record(&mut self, id: LinkId, record: &Record<'_>, now: Now) {
        let &Record { kind, key, value, stamp, announced, .. } = record;
        let (ttl, is_over) = self.remaining_on_arrival(id, record, now);
        if self.rights.is_some() && self.is_denied(id, record) {
            return;
        }
        if self.is_too_far_ahead(stamp.time, now) {
            return self.refuse_stamp(id, key, stamp, now);
        }
        // The time behind that of an announced tuple is the time of its end.
        self.follow(stamp.time + u64::from(announced && kind == RecordKind::Live), now);
        if kind == RecordKind::Tombstone && self.denies_end(key, stamp, now) {
            return;
        }
        let found = self.store.look_up(key);
        if let Some(slot) = found.slot
            && !stamp.wins_over(self.store.held(slot).stamp)
        {
            return self.on_loser(id, slot, record, now);
        }
        if found.slot.is_none() && kind == RecordKind::Tombstone && (1..FADING).contains(&ttl) {
            self.counters.duplicates += 1;
            self.anti_entropy.settle(key_hash(key), stamp);
            return;
        }
        if let Some(refusal) = self.refusal(found, record) {
            if kind == RecordKind::Live {
                self.refuse(id, refusal);
            }
            return self.refuse_record(found, record, refusal, now);
        }
        let (state, tuple) = match kind {
            RecordKind::Live if is_over => (State::Expired, tombstone(key, value_hash(value))),
            RecordKind::Live if announced && !self.is_heard_of(stamp.origin, id, now) => {
                (State::Absent, Tuple::new(key, value))
            }
            RecordKind::Live => (State::Live, Tuple::new(key, value)),
            RecordKind::Tombstone => (State::Retracted, Tuple::new(key, value)),
        };
        self.write_at(found, Write { tuple, stamp, source: Some(id), state, ttl, announced }, now);
        self.tree.on_news(id, stamp, now);
        self.send_tree_messages();
    }

    /// The time to live (ms) that remains of a record's, and whether the tuple's life is over already. What remained
    /// when the frame was made is less by as much as the frame was delayed.
    fn remaining_on_arrival(&mut self, id: LinkId, record: &Record<'_>, now: Now) -> (u32, bool) {
        let Some(link) = self.links.get_mut(&id) else { return (record.ttl, false) };
        link.sync.on_progress(now.mono);
        if record.kind != RecordKind::Live || record.ttl == 0 {
            return (record.ttl, false);
        }
        let late = link.transit.lateness(now.mono);
        let remaining = record.ttl.saturating_sub(late.try_into().unwrap_or(u32::MAX));
        (remaining, late >= record.ttl.into())
    }

    /// Drops a peer's write whose stamp is further ahead than is believed.
    fn refuse_stamp(&mut self, id: LinkId, key: &[u8], stamp: Stamp, now: Now) {
        self.count_refused(id);
        self.anti_entropy.on_drift_refused(now.mono);
        self.anti_entropy.settle(key_hash(key), stamp);
        self.tally_drift(id, stamp.time, now);
    }

    /// Takes a peer's write that the register in `slot` has already, or an older one.
    fn on_loser(&mut self, id: LinkId, slot: Slot, record: &Record<'_>, now: Now) {
        let &Record { kind, value, stamp, announced, .. } = record;
        let held = self.store.held(slot);
        if announced && stamp == held.stamp && !held.is_announced() && self.may_mark(id, slot) {
            return self.mark_announced(id, slot, now);
        }
        let same_origin = (stamp.origin == held.stamp.origin).then_some(held.source());
        let differs = held.is_live() && held.tuple.value() != value;
        if differs && kind == RecordKind::Live && stamp < held.stamp && !stamp.is_synthetic() {
            self.note_replaced(slot, value_hash(value), Some(id), now);
        }
        self.counters.duplicates += 1;
        if let Some(source) = same_origin {
            self.tree.on_redundant(id, source, stamp, now);
            self.send_tree_messages();
        }
    }

    /// Writes to a key: see [`write_at`](Node::write_at).
    pub(super) fn write(&mut self, write: Write, now: Now) -> Slot {
        let found = self.store.look_up(write.tuple.key());
        self.write_at(found, write, now)
    }

    /// Writes to the key whose lookup is `found`: the write is stored, an event is queued for the owner, and every
    /// link but the write's source owes it to its peer.
    pub(super) fn write_at(&mut self, found: Lookup, write: Write, now: Now) -> Slot {
        let Write { tuple, stamp, source, state, ttl, announced } = write;
        let deadline = match state {
            _ if ttl > 0 => Some(now.mono + u64::from(ttl)),
            _ if state.has_value() => None,
            _ => Some(now.mono + self.settings.tombstone),
        };
        if let Some(deadline) = deadline.filter(|_| state.has_value()) {
            self.ages_until = self.ages_until.max(deadline);
        }
        let defer_to_plain =
            source.is_some_and(|id| self.is_extended(id)) && self.may_be_overtaken(found, stamp);
        let register = Register::new(tuple.clone(), stamp, source, state, defer_to_plain);
        let (slot, old) = self.put(found, register.announced(announced));
        self.note_presence(slot, Mark::of(old.as_ref()), now);
        self.set_slot_deadline(slot, deadline);
        if old.is_none() && self.store.was_recycled(slot) {
            self.forget_plain(slot, now);
        }
        if self.memory.is_needed(now) {
            let had = old.as_ref().filter(|old| old.state.has_value());
            let same = state == State::Live && had.is_some_and(|had| had.tuple.value() == tuple.value());
            if !same {
                let replaced = had.map(|had| (had.value_hash(), had.source()));
                self.note_change(slot, replaced, now);
            }
        }
        self.tell_owner(tuple, stamp, state, old);
        if !state.has_value() {
            self.limit_tombstones(slot);
        }
        self.settle_request(slot, stamp);
        self.tidy();
        if self.may_be_idle {
            self.end_idle(now);
        }
        slot
    }

    /// Queues the event for the owner, if a write has changed what the owner can read: `tuple` in `state` has replaced
    /// `old`.
    fn tell_owner(&mut self, tuple: Tuple, stamp: Stamp, state: State, old: Option<Register>) {
        let is_first = old.is_none() && !self.store.has_removed();
        let was = old.filter(Register::is_live).map(|was| was.tuple);
        match (state, was.or_else(|| self.past.take_dropped(tuple.key()))) {
            (State::Live, None) if is_first => self.push_tuple_event(ChangeKind::First, tuple, None, stamp),
            (State::Live, Some(was)) if was.value() == tuple.value() => {}
            (State::Live, was) => self.push_tuple_event(ChangeKind::Deliver, tuple, was, stamp),
            (_, Some(was)) => self.push_gone(ChangeKind::Retract, was, stamp),
            (_, None) => {}
        }
    }

    /// Ends the request for the tuple in `slot`, if that is what was asked for.
    fn settle_request(&mut self, slot: Slot, stamp: Stamp) {
        if !self.anti_entropy.awaits_any() {
            return;
        }
        let asked = self.anti_entropy.settle(self.store.held(slot).key_hash(), stamp);
        if let Some(link) = asked.and_then(|link| self.links.get_mut(&link)) {
            link.sync.on_useful();
        }
    }

    /// Stores a register. Peers that have not been sent the content that it replaces never will be.
    pub(super) fn put(&mut self, found: Lookup, held: Register) -> (Slot, Option<Register>) {
        let before = found
            .slot
            .filter(|_| !self.barriers.links.is_empty())
            .map(|slot| self.store.changes.offset(slot));
        let (slot, old) = self.store.put(found, held);
        if let Some(before) = before {
            self.defer_barriers(slot, before);
        }
        (slot, old)
    }

    /// Returns whether plain peers may hold something newer than a value with this stamp that an extended peer sends:
    /// because a plain peer wrote the value, on whatever node, or because a plain peer has written here since. For
    /// example, the sender was away, and what replaced the value follows. A plain peer that was sent the value at once
    /// would go back to it, and send it to everybody.
    fn may_be_overtaken(&self, found: Lookup, stamp: Stamp) -> bool {
        let history = || found.slot.and_then(|slot| self.memory.history(slot));
        stamp.is_synthetic() || history().is_some_and(|history| history.is_overtaken(stamp))
    }

    /// Compacts the change log, if it is time to.
    pub(super) fn tidy(&mut self) {
        self.store.tidy(self.links.values_mut().flat_map(Link::offsets));
    }

    /// Sets when (monotonic ms) the tuple in a slot expires, or its tombstone is dropped.
    pub(super) fn set_slot_deadline(&mut self, slot: Slot, deadline: Option<u64>) {
        let before = self.store.set_deadline(slot, deadline);
        self.timers.set(Timer::Slot(slot), before, deadline);
    }

    /// Handles the deadline of a slot: its tuple expires, or its tombstone is dropped.
    pub(super) fn end_slot(&mut self, slot: Slot, now: Now) {
        let Some(held) = self.store.get(slot) else { return };
        if !held.state.has_value() {
            // While no peer is connected, no retraction is forgotten: peers may have to be sent it yet.
            let alone = self.met_anybody && !self.links.values().any(|link| link.is_up());
            if alone && held.state == State::Retracted {
                return self.set_slot_deadline(slot, Some(now.mono + self.settings.tombstone.max(1000)));
            }
            return self.forget_slot(slot);
        }
        let (was_live, stamp) = (held.is_live(), held.stamp);
        let ended = (held.value_hash(), held.source());
        let ends = now.mono + self.settings.tombstone;
        let mark = Mark::of(self.store.get(slot));
        if let Some(tuple) = self.store.replace_by_tombstone(slot, State::Expired, None) {
            self.note_presence(slot, mark, now);
            self.set_slot_deadline(slot, Some(ends));
            if self.memory.is_needed(now) {
                // A plain peer holds the value for ever.
                self.note_change(slot, Some(ended), now);
            }
            if was_live {
                self.push_gone(ChangeKind::Expire, tuple, stamp);
            }
            self.limit_tombstones(slot);
        }
    }

    /// Removes a key, with everything that is known of it.
    pub(super) fn forget_slot(&mut self, slot: Slot) {
        self.set_slot_deadline(slot, None);
        let gone = self.store.remove(slot);
        self.presence.forget(slot, Mark::of(gone.as_ref()));
        if let Some(held) = gone.filter(|held| held.state == State::Retracted) {
            self.past.on_forgotten(held.stamp);
        }
        self.memory.forget(slot, &mut self.timers);
    }
}
