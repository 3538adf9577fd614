//! Which value of a key stays: the one with the larger stamp.

use super::Node;
use crate::core::clock::{Now, Stamp};
use crate::core::codec::{Record, RecordKind};
use crate::core::event::Event;
use crate::core::id::{LinkId, Slot};
use crate::core::link::Link;
use crate::core::store::{Lookup, Register, State, tombstone};
use crate::core::timers::Timer;
use crate::core::tuple::{Tuple, key_hash, value_hash};

/// A removal that is remembered for no longer than this (ms) tells nothing to a node that does not know the key.
/// Taken, passed on and forgotten by one node after the other it would go round rings for ever.
const FADING: u32 = 2000;

impl Node {
    pub(super) fn hear_stamped(
        &mut self,
        id: LinkId,
        key: &[u8],
        value: &[u8],
        ttl: u32,
        stamp: Stamp,
        now: Now,
    ) {
        self.hear_record(id, &Record { kind: RecordKind::Live, key, value, ttl, stamp }, now);
    }

    /// A stamped tuple has come.
    pub(super) fn hear_record(&mut self, id: LinkId, record: &Record<'_>, now: Now) {
        let &Record { kind, key, value, mut ttl, stamp } = record;
        let mut ended = false;
        if let Some(link) = self.links.get_mut(&id) {
            link.progress_at = now.mono;
            if kind == RecordKind::Live && ttl > 0 {
                // What remained when the frame was made is over by as much as the frame was under way.
                let late = link.transit.lateness(now.mono);
                ended = late >= ttl.into();
                ttl = ttl.saturating_sub(late.try_into().unwrap_or(u32::MAX));
            }
        }
        if self.is_too_far_ahead(stamp.time, now) {
            self.counters.refused += 1;
            self.drift_refused_at = Some(now.mono);
            self.requests.remove(key_hash(key), stamp);
            return self.warn("stamp", || {
                "zgossip: dropped a tuple stamped further ahead than server/max_drift".into()
            });
        }
        self.clock.observe(stamp.time);
        let found = self.store.look_up(key);
        if let Some(slot) = found.slot {
            let held = self.store.held(slot);
            if stamp <= held.stamp {
                let redundant = (stamp.origin == held.stamp.origin).then_some(held.source());
                let differs = held.is_live() && held.tuple.value() != value;
                if differs && kind == RecordKind::Live && stamp < held.stamp && !stamp.is_synthetic() {
                    self.note_replaced(slot, value_hash(value), Some(id), now);
                }
                self.counters.duplicates += 1;
                if let Some(source) = redundant {
                    self.hear_redundant(id, source, stamp, now);
                }
                return;
            }
        }
        if found.slot.is_none() && kind == RecordKind::Tombstone && (1..FADING).contains(&ttl) {
            self.counters.duplicates += 1;
            self.requests.remove(key_hash(key), stamp);
            return;
        }
        if let Some(refusal) = self.refusal(found, record) {
            return self.refuse_record(found, record, refusal, now);
        }
        let (state, tuple) = match kind {
            RecordKind::Live if ended => (State::Expired, tombstone(key, value_hash(value))),
            RecordKind::Live => (State::Live, Tuple::new(key, value)),
            RecordKind::Tombstone => (State::Retracted, Tuple::new(key, value)),
        };
        self.hold_at(found, tuple, stamp, Some(id), state, ttl, now);
        self.hear_news(id, stamp, now);
    }

    /// The key takes this value and stamp: stored, told to the owner, owed to every link but `source`.
    ///
    /// `ttl` of a tombstone is how much longer the peer remembers it, and so do we, whatever is set here: that is
    /// for what is removed here. So nodes forget a removal at about the same time, whatever their clocks say, and
    /// what is given back to one that forgot sooner dies out.
    pub(super) fn hold(
        &mut self,
        tuple: Tuple,
        stamp: Stamp,
        source: Option<LinkId>,
        state: State,
        ttl: u32,
        now: Now,
    ) -> Slot {
        let found = self.store.look_up(tuple.key());
        self.hold_at(found, tuple, stamp, source, state, ttl, now)
    }

    /// The same where the key was looked for already.
    #[expect(clippy::too_many_arguments)]
    pub(super) fn hold_at(
        &mut self,
        found: Lookup,
        tuple: Tuple,
        stamp: Stamp,
        source: Option<LinkId>,
        state: State,
        ttl: u32,
        now: Now,
    ) -> Slot {
        let deadline = match state {
            _ if state.has_value() => (ttl > 0).then(|| now.mono + u64::from(ttl)),
            _ if ttl > 0 => Some(now.mono + u64::from(ttl)),
            _ => Some(now.mono + self.settings.tombstone),
        };
        if state.has_value()
            && let Some(deadline) = deadline
        {
            self.ages_until = self.ages_until.max(deadline);
        }
        let defer_to_plain =
            source.is_some_and(|id| self.is_extended(id)) && self.may_be_overtaken(found, stamp);
        let (slot, old) = self.put(found, Register::new(tuple.clone(), stamp, source, state, defer_to_plain));
        self.set_slot_deadline(slot, deadline);
        if old.is_none() && self.store.was_recycled(slot) {
            self.forget_plain(slot, now);
        }
        let unheard = old.is_none() && !self.store.has_removed();
        if self.keeps_history(now) {
            let had = old.as_ref().filter(|old| old.state.has_value());
            let same = state == State::Live && had.is_some_and(|had| had.tuple.value() == tuple.value());
            if !same {
                let replaced = had.map(|had| (had.value_hash(), had.source()));
                self.note_change(slot, replaced, now);
            }
        }
        let was = old.filter(Register::is_live);
        match (state, was) {
            (State::Live, None) if unheard => self.events.push_back(Event::First(tuple)),
            (State::Live, Some(was)) if was.tuple.value() == tuple.value() => {}
            (State::Live, _) => self.events.push_back(Event::Deliver(tuple)),
            (_, Some(was)) => self.events.push_back(Event::Retract(was.tuple)),
            (_, None) => {}
        }
        if !self.requests.is_empty() {
            let asked = self.requests.remove(self.store.held(slot).key_hash(), stamp);
            if let Some(link) = asked.and_then(|link| self.links.get_mut(&link)) {
                link.comparison.useful = true;
            }
        }
        self.tidy();
        if self.may_be_idle {
            self.end_idle(now);
        }
        slot
    }

    /// Stores what a key holds from now on. What it held, and was not sent yet, never is.
    pub(super) fn put(&mut self, found: Lookup, held: Register) -> (Slot, Option<Register>) {
        let before =
            found.slot.filter(|_| !self.barrier_links.is_empty()).map(|slot| self.store.changes.offset(slot));
        let (slot, old) = self.store.put(found, held);
        if let Some(before) = before {
            self.defer_barriers(slot, before);
        }
        (slot, old)
    }

    /// Whether plain peers may hold something newer than a value with this stamp, that an extended peer sends: that
    /// has been said by a plain peer somewhere, or one has spoken here since it was written. Then it comes from a
    /// peer that was away, say, and what replaced it follows. Told at once, a plain peer would go back to it and tell
    /// it everywhere.
    fn may_be_overtaken(&self, found: Lookup, stamp: Stamp) -> bool {
        let history = || found.slot.and_then(|slot| self.history.get(&slot));
        stamp.is_synthetic() || history().is_some_and(|history| history.is_overtaken(stamp))
    }

    pub(super) fn tidy(&mut self) {
        self.store.tidy(self.links.values_mut().flat_map(Link::offsets));
    }

    pub(super) fn set_slot_deadline(&mut self, slot: Slot, deadline: Option<u64>) {
        let before = self.store.set_deadline(slot, deadline);
        self.timers.set(Timer::Slot(slot), before, deadline);
    }

    /// A slot's deadline has come: a tuple expires, or what was removed is forgotten.
    pub(super) fn end_slot(&mut self, slot: Slot, now: Now) {
        let Some(held) = self.store.get(slot) else { return };
        if !held.state.has_value() {
            // While nobody is there, nothing that was removed is forgotten: others may have to hear of it yet.
            let alone = self.met_anybody && !self.links.values().any(|link| link.up);
            if alone && held.state == State::Retracted {
                return self.set_slot_deadline(slot, Some(now.mono + self.settings.tombstone.max(1000)));
            }
            return self.forget_slot(slot);
        }
        let was_live = held.is_live();
        let ends = now.mono + self.settings.tombstone;
        if let Some(tuple) = self.store.replace_by_tombstone(slot, State::Expired, None) {
            self.set_slot_deadline(slot, Some(ends));
            if was_live {
                self.events.push_back(Event::Expire(tuple));
            }
        }
    }

    /// Forgets all about a key.
    pub(super) fn forget_slot(&mut self, slot: Slot) {
        self.set_slot_deadline(slot, None);
        self.store.remove(slot);
        self.forget_history(slot);
    }
}
