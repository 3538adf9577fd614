//! Announced tuples: the node's own, and what becomes of those of others.

use super::{Act, Mark, PORTION, Task};
use crate::core::announcements::Announcements;
use crate::core::clock::{Now, Stamp};
use crate::core::event::ChangeKind;
use crate::core::id::{LinkId, Slot};
use crate::core::members::{DEFAULT_LEASE_MS, LEAST_LEASE_MS};
use crate::core::node::Node;
use crate::core::node::converge::Write;
use crate::core::rights::Access;
use crate::core::settings::Refusal;
use crate::core::store::{State, tombstone};
use crate::core::tuple::{Tuple, check_key, is_text};
use crate::core::visits::visit;

impl Node {
    /// Writes a tuple that lives as long as this node: see [`publish`](Node::publish). When the node ends it is withdrawn
    /// everywhere; when the node is gone otherwise, others notice within `ttl` milliseconds: 0 for the default of ten
    /// seconds, at least half a second. Should another node's value of the key end, this one's is there again.
    pub fn announce(&mut self, key: &[u8], value: &[u8], ttl: u32, now: Now) -> Result<(), Refusal> {
        check_key(key)?;
        if value.len() > self.settings.max_value {
            return Err(Refusal::ValueTooLong);
        }
        if !is_text(value) {
            return Err(Refusal::NulByte);
        }
        let lease_ms = if ttl == 0 { DEFAULT_LEASE_MS } else { ttl.max(LEAST_LEASE_MS) };
        let found = self.store.find(key);
        let is_said = found.is_some_and(|slot| self.is_announced_here(slot, value));
        if !is_said {
            self.make_room(self.need(found, key, value.len()))?;
        }
        let tuple = Tuple::new(key, value);
        self.presence.own.set(tuple.clone(), lease_ms, now.mono);
        self.take_part(now);
        if !is_said {
            self.write_announced(tuple, now);
        }
        Ok(())
    }

    /// Returns whether the slot has this value, which this node has announced.
    fn is_announced_here(&self, slot: Slot, value: &[u8]) -> bool {
        let held = self.store.held(slot);
        held.is_live() && held.is_announced() && held.stamp.origin == self.id && held.tuple.value() == value
    }

    fn write_announced(&mut self, tuple: Tuple, now: Now) {
        let found = self.store.look_up(tuple.key());
        if let Some(slot) = found.slot {
            self.clock.observe(self.store.held(slot).stamp.time);
        }
        let (stamp, size) = (self.stamp_of(true, now), tuple.key().len() + tuple.value().len());
        let write = Write { tuple, stamp, source: None, state: State::Live, ttl: 0, announced: true };
        let slot = self.write_at(found, write, now);
        self.note_smallest(slot, size);
    }

    /// Forgets that this node has announced a key: its program writes something else there.
    pub(in crate::core::node) fn withdraw(&mut self, key: &[u8], now: Now) {
        if self.presence.own.remove(key) {
            self.take_part(now); // with the lease that is left
        }
    }

    /// Ends what this node has announced, and says that it leaves.
    pub(in crate::core::node) fn end_presence(&mut self, now: Now) {
        self.presence.members.leave(now.mono);
        let keys: Vec<Box<[u8]>> = self.presence.own.keys().map(Box::from).collect();
        self.presence.own = Announcements::default();
        for key in keys {
            if let Some(slot) = self.store.find(&key) {
                self.end_announced(slot, None, now);
            }
        }
    }

    /// Notes that the register in a slot has replaced another one.
    pub(in crate::core::node) fn note_presence(&mut self, slot: Slot, was: Mark, now: Now) {
        let held = self.store.held(slot);
        self.presence.forget(slot, was);
        let (origin, has_value) = (held.stamp.origin, held.state.has_value());
        if held.is_announced() && has_value && origin != self.id {
            self.presence.held.insert((origin, slot));
        }
        let is_own = origin == self.id && has_value;
        if !is_own && !self.presence.own.is_empty() {
            self.presence.own.on_write(self.id, was.stamp, held);
            self.schedule_presence(now);
        }
    }

    /// Returns whether a peer may say that a tuple was announced, which lets it end: not without the right to write such a
    /// tuple, and not of what this node has written and knows better.
    pub(in crate::core::node) fn may_mark(&self, id: LinkId, slot: Slot) -> bool {
        let held = self.store.held(slot);
        let table = self.links.get(&id).and_then(|link| link.rights.table.as_ref());
        held.state.has_value()
            && held.stamp.origin != self.id
            && table.is_none_or(|table| table.access(held.tuple.key()).allows(Access::ANNOUNCE))
    }

    /// Marks a tuple as announced: it was held as an ordinary one, because it came by a node that does not know better.
    pub(in crate::core::node) fn mark_announced(&mut self, id: LinkId, slot: Slot, now: Now) {
        self.store.mark_announced(slot);
        self.counters.duplicates += 1;
        let origin = self.store.held(slot).stamp.origin;
        self.note_presence(slot, Mark::default(), now);
        if !self.is_heard_of(origin, id, now) {
            self.hide_announced(slot, now);
        }
    }

    /// Denies the end of a tuple that this node has announced, and announces: it lives. Returns whether it has done so. Who
    /// held the tuple all the time notices nothing.
    pub(in crate::core::node) fn denies_end(&mut self, key: &[u8], end: Stamp, now: Now) -> bool {
        if end.origin != self.id || self.presence.own.is_empty() {
            return false;
        }
        let is_current = |slot: &Slot| {
            let held = self.store.held(*slot);
            held.is_live() && held.is_announced() && held.stamp.origin == self.id && held.stamp < end
        };
        let Some((tuple, _)) = self.presence.own.ready(key, now.mono) else { return false };
        if self.store.find(key).filter(is_current).is_none() {
            return false;
        }
        self.clock.observe(end.time);
        self.announce_again(tuple, now);
        true
    }

    fn announce_again(&mut self, tuple: Tuple, now: Now) {
        let Some((_, lease_ms)) = self.presence.own.get(tuple.key()) else { return };
        self.presence.own.set(tuple.clone(), lease_ms, now.mono);
        self.write_announced(tuple, now);
    }

    /// Announces again what is due, unless it has a value meanwhile.
    pub(super) fn announce_anew(&mut self, now: Now) {
        for _ in 0..PORTION {
            let Some((tuple, _)) = self.presence.own.pop_due(now.mono) else { break };
            let is_there = self.store.find(tuple.key()).is_some_and(|slot| self.store.held(slot).is_live());
            if !is_there {
                self.announce_again(tuple, now);
            }
        }
    }

    /// Hides, shows or ends some tuples of an origin; the rest in the next turn.
    pub(super) fn do_portion(&mut self, origin: u64, task: Task, now: Now) {
        let slots: Vec<Slot> = self.presence.held_of(origin, task.from).take(PORTION).collect();
        visit(slots.len());
        for &slot in &slots {
            match task.act {
                Act::Hide => self.hide_announced(slot, now),
                Act::Show => self.show_announced(slot),
                Act::End => self.end_announced(slot, task.source, now),
            }
        }
        if let Some(&last) = slots.last().filter(|_| slots.len() == PORTION) {
            self.presence.tasks.insert(origin, Task { from: last + 1, ..task });
        }
    }

    fn hide_announced(&mut self, slot: Slot, now: Now) {
        let held = self.store.held(slot);
        if held.is_live() {
            self.push_gone(ChangeKind::Retract, held.tuple.clone(), held.stamp);
            self.store.set_absent(slot, true);
            self.note_presence(slot, Mark::of(self.store.get(slot)), now);
        }
    }

    fn show_announced(&mut self, slot: Slot) {
        let held = self.store.held(slot);
        if held.state == State::Absent {
            self.push_tuple_event(ChangeKind::Deliver, held.tuple.clone(), None, held.stamp);
            self.store.set_absent(slot, false);
        }
    }

    /// Ends an announced tuple: by a tombstone that all nodes make alike. `source` is the link that told of the end.
    fn end_announced(&mut self, slot: Slot, source: Option<LinkId>, now: Now) {
        let held = self.store.held(slot);
        let may_end = |link: LinkId| {
            let table = self.links.get(&link).and_then(|link| link.rights.table.as_ref());
            held.source() == Some(link)
                || table.is_none_or(|table| table.access(held.tuple.key()).allows(Access::RETRACT))
        };
        if !held.is_announced() || !held.state.has_value() || source.is_some_and(|link| !may_end(link)) {
            return;
        }
        let stamp = Stamp { time: held.stamp.time + 1, origin: held.stamp.origin };
        let (tuple, source) = (tombstone(held.tuple.key(), held.value_hash()), source.or(held.source()));
        self.write(Write { tuple, stamp, source, state: State::Retracted, ttl: 0, announced: true }, now);
    }
}
