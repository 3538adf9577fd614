//! Limits: which key makes room for another one, and which tuples are refused.

use super::Node;
use crate::core::clock::Now;
use crate::core::codec::{Record, RecordKind};
use crate::core::event::Event;
use crate::core::id::{LinkId, Slot};
use crate::core::settings::Refusal;
use crate::core::store::{Lookup, NO_VALUE, Register, State, tombstone};
use crate::core::tuple::{key_hash, value_hash};

/// Number of refused tuples whose key and stamp are kept: some 10 MB with keys of usual length.
const MOST_REFUSED: usize = 65_536;
/// Number of removed keys that are examined to find one that can be forgotten. Removals are mostly sent within moments,
/// so that the first key will do.
const TRIES: usize = 8;
/// Number of refused keys that are forgotten at a time when there is room again, so that their tuples are requested
/// anew: what one comparison brings in a moment.
const RETRY: usize = 4096;

impl Node {
    /// Returns whether one more key may be held.
    fn has_room(&self) -> bool {
        self.store.places() < self.settings.max_tuples
    }

    /// Number of new keys that may be requested: as many as there is room for, and as can be remembered as refused.
    pub(super) fn room_for_news(&self) -> usize {
        let places = self.settings.max_tuples.saturating_sub(self.store.places());
        places + MOST_REFUSED.saturating_sub(self.store.count(State::Refused))
    }

    /// Makes room for one more key, if there is none: the key that was removed longest ago is forgotten, or the one
    /// that was hidden longest ago is no longer kept for peers.
    pub(super) fn make_room(&mut self) -> Result<(), Refusal> {
        if self.has_room() {
            return Ok(());
        }
        for _ in 0..TRIES {
            let Some(slot) = self.store.oldest_removed() else { break };
            if self.is_unsaid(slot) {
                self.store.note_removed(slot);
                continue;
            }
            self.forget_slot(slot);
            self.watch.tombstones_forgotten += 1;
            return Ok(());
        }
        match self.store.oldest_suppressed() {
            Some(slot) if self.store.count(State::Refused) < MOST_REFUSED => {
                // Other nodes keep a tombstone for a while after it has expired.
                let forgotten_at = self.store.deadline(slot).map(|ends| ends + self.settings.tombstone);
                self.set_slot_deadline(slot, forgotten_at);
                self.store.replace_by_tombstone(slot, State::Refused, forgotten_at);
                Ok(())
            }
            Some(slot) => {
                self.forget_slot(slot);
                Ok(())
            }
            None => Err(Refusal::TooManyTuples),
        }
    }

    /// Returns whether the owner's own write in this slot has yet to be sent to a peer.
    fn is_unsaid(&self, slot: Slot) -> bool {
        let (own, offset) = (self.store.held(slot).source().is_none(), self.store.changes.offset(slot));
        own && self.links.values().any(|link| link.is_up() && link.is_unsent(slot, offset))
    }

    /// Reason why a stamped write from a peer cannot be stored, if there is one. Room is made if that is possible.
    pub(super) fn refusal(&mut self, found: Lookup, record: &Record<'_>) -> Option<Refusal> {
        let is_live = record.kind == RecordKind::Live;
        if is_live && record.value.len() > self.settings.max_value {
            return Some(Refusal::ValueTooLong);
        }
        let takes_place = found.slot.is_none_or(|slot| self.store.held(slot).state == State::Refused);
        if !takes_place || self.has_room() {
            return None;
        }
        // No tombstone is forgotten for another one: it would be requested again, and another one forgotten, without
        // end. A tombstone for what was refused keeps older values away as well.
        if is_live { self.make_room().err() } else { Some(Refusal::TooManyTuples) }
    }

    /// Notes the key of a refused stamped write as refused: it is not requested again, and the key has no value any
    /// more, for that would be an older one.
    pub(super) fn refuse_record(&mut self, found: Lookup, record: &Record<'_>, refusal: Refusal, now: Now) {
        self.refused_for_room |= refusal == Refusal::TooManyTuples;
        self.anti_entropy.settle(key_hash(record.key), record.stamp);
        if found.slot.is_none() && self.store.count(State::Refused) >= MOST_REFUSED {
            self.watch.refused_forgotten += 1;
            return;
        }
        let value = if record.kind == RecordKind::Live { value_hash(record.value) } else { NO_VALUE };
        let held = Register::new(tombstone(record.key, value), record.stamp, None, State::Refused, false);
        let (slot, old) = self.put(found, held);
        // Other nodes keep a tombstone for a while after a tuple has expired.
        let after = if record.kind == RecordKind::Live { self.settings.tombstone } else { 0 };
        let forgotten_at = (record.ttl > 0).then(|| now.mono + u64::from(record.ttl) + after);
        self.set_slot_deadline(slot, forgotten_at);
        if let Some(was) = old.filter(Register::is_live) {
            self.note_replaced(slot, was.value_hash(), was.source(), now);
            self.events.push_back(Event::Retract(was.tuple));
        }
        self.tidy();
    }

    /// Refuses a plain peer's value that is over a limit. True if it was refused.
    pub(super) fn refuse_plain(&mut self, id: LinkId, value: &[u8], is_new: bool) -> bool {
        let room = if value.len() > self.settings.max_value {
            Err(Refusal::ValueTooLong)
        } else if is_new {
            self.make_room()
        } else {
            Ok(())
        };
        let Err(refusal) = room else { return false };
        self.refuse(id, refusal);
        true
    }

    /// Counts a tuple that came by a link and is refused for a limit.
    pub(super) fn refuse(&mut self, id: LinkId, refusal: Refusal) {
        self.count_refused(id);
        self.tally(id, |tally| match refusal {
            Refusal::ValueTooLong => tally.too_long += 1,
            _ => tally.no_room += 1,
        });
    }

    /// Counts a tuple that came by a link and is refused.
    pub(super) fn count_refused(&mut self, id: LinkId) {
        self.counters.refused += 1;
        if let Some(link) = self.links.get_mut(&id) {
            link.traffic.on_refused();
        }
    }

    /// Forgets up to `most` refused tuples: the next comparison finds that they are missing.
    fn forget_refused(&mut self, most: usize) {
        let mut forgotten = 0;
        while forgotten < most
            && let Some(slot) = self.store.oldest_refused()
        {
            self.forget_slot(slot);
            forgotten += 1;
        }
        if forgotten > 0 {
            self.compare_anew();
        }
    }

    /// Forgets all refused tuples, because limits have changed.
    pub(super) fn reconsider_all(&mut self) {
        self.forget_refused(usize::MAX);
        self.compare_anew();
    }

    /// Forgets some refused tuples, if there is room again.
    pub(super) fn reconsider_some(&mut self) {
        if self.refused_for_room && self.has_room() {
            let room = self.settings.max_tuples - self.store.places();
            self.forget_refused(room.min(RETRY));
            self.refused_for_room = self.store.count(State::Refused) > 0;
        }
    }
}
