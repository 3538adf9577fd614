//! Limits: which key makes room for another one, and which tuples are refused.

use super::Node;
use super::presence::Mark;
use crate::core::clock::Now;
use crate::core::codec::{Record, RecordKind};
use crate::core::event::ChangeKind;
use crate::core::id::{LinkId, Slot};
use crate::core::ledger::{Account, cost, cost_of};
use crate::core::link::Link;
use crate::core::settings::Refusal;
use crate::core::store::{Lookup, NO_VALUE, Register, State, tombstone};
use crate::core::timers::Timer;
use crate::core::tuple::{Tuple, key_hash, value_hash};
use crate::core::visits::visit;

/// Number of refused tuples whose key and stamp are kept: some 10 MB with keys of usual length.
const MOST_REFUSED: usize = 65_536;
/// Number of keys that one tuple may push out: a long value must not cost a turn of the loop.
const TRIES: usize = 1024;
/// Number of removed keys that one more removal may push out. Removals are mostly sent within moments, so that the
/// first key will do.
const TOMBSTONE_TRIES: usize = 8;
/// Number of refused keys that are forgotten at a time when there is room again, so that their tuples are requested
/// anew: what one comparison brings in a moment.
const RETRY: usize = 4096;
/// Milliseconds between two such portions where limits have changed, and all are forgotten.
const RETRY_INTERVAL_MS: u64 = 5;
/// Bytes that a tuple of usual size costs, to reckon bytes in tuples.
const USUAL: usize = 256;

/// What was refused for want of room since refused tuples were last reconsidered.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Refused {
    /// A tuple was refused because there were too many.
    for_tuples: bool,
    /// The least number of bytes that a refused tuple would have needed.
    least_bytes: Option<usize>,
    /// Number of tuples that are yet to be forgotten, because limits have changed.
    outdated: usize,
}

/// Room that a write needs.
#[derive(Copy, Clone, Debug)]
pub(super) struct Need {
    /// Slot of the key that is written, if it has one: it does not make room for itself.
    slot: Option<Slot>,
    /// Whether the key has no value yet.
    is_new: bool,
    /// Bytes by which the ledger grows.
    bytes: usize,
}

impl Node {
    /// Bytes that may still be taken for tuples.
    pub(super) fn free_bytes(&mut self) -> usize {
        let ledger = &mut self.store.ledger;
        ledger.set(Account::Plain, self.memory.bytes());
        ledger.set(Account::Requests, self.anti_entropy.bytes());
        ledger.set(Account::Presence, self.presence.bytes());
        ledger.room(self.settings.max_bytes)
    }

    /// Enters what is kept for links into the ledger.
    pub(super) fn count_links(&mut self) {
        let bytes = self.bytes_of_links();
        self.store.ledger.set(Account::Links, bytes);
    }

    /// Bytes that are kept for links.
    fn bytes_of_links(&self) -> usize {
        self.links.values().map(Link::bytes).sum::<usize>() + self.store.bytes_of_views()
    }

    /// Bytes that are held now.
    pub(super) fn bytes(&self) -> usize {
        let mut ledger = self.store.ledger.clone();
        ledger.set(Account::Plain, self.memory.bytes());
        ledger.set(Account::Requests, self.anti_entropy.bytes());
        ledger.set(Account::Presence, self.presence.bytes());
        ledger.set(Account::Links, self.bytes_of_links());
        ledger.total()
    }

    /// Number of new keys that may be requested: as many as there is room for, and as can be remembered as refused.
    pub(super) fn room_for_news(&mut self) -> usize {
        let places = self.settings.max_tuples.saturating_sub(self.store.places());
        let notes = MOST_REFUSED.saturating_sub(self.store.count(State::Refused));
        let bytes_of_notes = self.store.ledger.room_for_notes(self.settings.max_bytes);
        places.min(self.free_bytes() / USUAL) + notes.min(bytes_of_notes / USUAL)
    }

    /// The room that a value of this length needs for a key whose lookup is `found`.
    pub(super) fn need(&self, found: Option<Slot>, key: &[u8], value: usize) -> Need {
        let bytes = cost_of(key, value);
        let Some(slot) = found else { return Need { slot: None, is_new: true, bytes } };
        let held = self.store.held(slot);
        // A note of a refused tuple has room of its own.
        let before = if held.state == State::Refused { 0 } else { cost(&held.tuple) };
        let is_new = !held.state.has_value();
        Need { slot: Some(slot), is_new, bytes: bytes.saturating_sub(before) }
    }

    /// Makes room for a value, if there is none. Keys that were removed longest ago are forgotten, and those that were
    /// hidden longest ago are no longer kept for peers.
    pub(super) fn make_room(&mut self, need: Need) -> Result<(), Refusal> {
        if need.is_new && self.store.places() >= self.settings.max_tuples && !self.give_up_hidden(need.slot) {
            self.refused.for_tuples = true;
            return Err(Refusal::TooManyTuples);
        }
        let free = self.free_bytes();
        if need.bytes <= free || self.free(need, free) {
            return Ok(());
        }
        let least = self.refused.least_bytes.map_or(need.bytes, |least| least.min(need.bytes));
        self.refused.least_bytes = Some(least);
        Err(Refusal::TooManyBytes)
    }

    /// Forgets keys until there are bytes for a value where `free` are not enough. False if that cannot be.
    fn free(&mut self, need: Need, free: usize) -> bool {
        let hidden = if self.store.count(State::Suppressed) > 0 { usize::MAX } else { 0 };
        if free.saturating_add(self.store.ledger.of(Account::Tombstones)).saturating_add(hidden) < need.bytes
        {
            return false;
        }
        for _ in 0..TRIES {
            if !self.forget_removed(need.slot) && !self.give_up_hidden(need.slot) {
                return false;
            }
            if need.bytes <= self.free_bytes() {
                return true;
            }
        }
        false
    }

    /// Forgets the key that was removed longest ago, but not `kept`, and none that peers have yet to be sent. False if
    /// there is none.
    fn forget_removed(&mut self, kept: Option<Slot>) -> bool {
        for _ in 0..TOMBSTONE_TRIES {
            let Some(slot) = self.store.oldest_removed() else { return false };
            if Some(slot) == kept || self.is_unsaid(slot) {
                self.store.note_removed(slot);
                continue;
            }
            self.forget_slot(slot);
            self.watch.tombstones_forgotten += 1;
            return true;
        }
        false
    }

    /// Keeps the number of removed keys that are remembered at that of the tuples that are allowed: the oldest make room
    /// for that in `slot`.
    pub(super) fn limit_tombstones(&mut self, slot: Slot) {
        if self.store.removed() > self.settings.max_tuples.max(1) {
            self.forget_removed(Some(slot));
        }
    }

    /// No longer keeps for peers the value that was hidden longest ago, but not that in `kept`. False if there is none.
    fn give_up_hidden(&mut self, kept: Option<Slot>) -> bool {
        let Some(slot) = self.store.oldest_suppressed() else { return false };
        if Some(slot) == kept {
            self.store.hide(slot);
            return false;
        }
        let note = cost_of(self.store.held(slot).tuple.key(), size_of::<u64>());
        if self.may_note(note) {
            // Other nodes keep a tombstone for a while after it has expired.
            let forgotten_at = self.store.deadline(slot).map(|ends| ends + self.settings.tombstone);
            self.set_slot_deadline(slot, forgotten_at);
            self.store.replace_by_tombstone(slot, State::Refused, forgotten_at);
        } else {
            self.forget_slot(slot);
        }
        true
    }

    /// Returns whether one more refused tuple may be remembered, by a note of this many bytes.
    fn may_note(&self, bytes: usize) -> bool {
        self.store.count(State::Refused) < MOST_REFUSED
            && bytes <= self.store.ledger.room_for_notes(self.settings.max_bytes)
    }

    /// Returns whether the owner's own write in this slot has yet to be sent to a peer.
    fn is_unsaid(&self, slot: Slot) -> bool {
        let (own, offset) = (self.store.held(slot).source().is_none(), self.store.changes.offset(slot));
        own && self.links.values().any(|link| link.is_up() && link.is_unsent(slot, offset))
    }

    /// Reason why a stamped write from a peer cannot be stored, if there is one. Room is made if that is possible.
    pub(super) fn refusal(&mut self, found: Lookup, record: &Record<'_>) -> Option<Refusal> {
        if record.kind == RecordKind::Live {
            if record.value.len() > self.settings.max_value {
                return Some(Refusal::ValueTooLong);
            }
            return self.make_room(self.need(found.slot, record.key, record.value.len())).err();
        }
        if found.slot.is_some_and(|slot| self.store.held(slot).state != State::Refused) {
            return None;
        }
        // No tombstone is forgotten for another one: it would be requested again, and another one forgotten, without
        // end. A tombstone for what was refused keeps older values away as well.
        if self.store.removed() >= self.settings.max_tuples {
            Some(Refusal::TooManyTuples)
        } else if cost_of(record.key, record.value.len()) > self.free_bytes() {
            Some(Refusal::TooManyBytes)
        } else {
            None
        }
    }

    /// Makes room for the owner's removal of a key that is not known: the oldest removal is forgotten.
    pub(super) fn make_tombstone_room(&mut self, key: &[u8]) -> Result<(), Refusal> {
        if self.store.removed() >= self.settings.max_tuples && !self.forget_removed(None) {
            return Err(Refusal::TooManyTuples);
        }
        self.make_room(Need { slot: None, is_new: false, bytes: cost_of(key, size_of::<u64>()) })
    }

    /// Notes the key of a refused stamped write as refused: it is not requested again, and the key has no value any
    /// more, for that would be an older one.
    pub(super) fn refuse_record(&mut self, found: Lookup, record: &Record<'_>, refusal: Refusal, now: Now) {
        self.refused.for_tuples |= refusal == Refusal::TooManyTuples;
        self.anti_entropy.settle(key_hash(record.key), record.stamp);
        if found.slot.is_none() && !self.may_note(cost_of(record.key, size_of::<u64>())) {
            self.watch.refused_forgotten += 1;
            return;
        }
        let value = if record.kind == RecordKind::Live { value_hash(record.value) } else { NO_VALUE };
        let held = Register::new(tombstone(record.key, value), record.stamp, None, State::Refused, false);
        let held = held.announced(record.announced);
        let (slot, old) = self.put(found, held);
        let old_mark = Mark::of(old.as_ref());
        // Other nodes keep a tombstone for a while after a tuple has expired.
        let after = if record.kind == RecordKind::Live { self.settings.tombstone } else { 0 };
        let forgotten_at = (record.ttl > 0).then(|| now.mono + u64::from(record.ttl) + after);
        self.set_slot_deadline(slot, forgotten_at);
        if let Some(was) = old.filter(Register::is_live) {
            self.note_replaced(slot, was.value_hash(), was.source(), now);
            self.push_gone(ChangeKind::Retract, was.tuple, record.stamp);
        }
        self.note_presence(slot, old_mark, now);
        self.tidy();
    }

    /// Refuses a plain peer's value that is over a limit: the value of `tuple` for the key in `slot`, if the key has one.
    /// True if it was refused.
    pub(super) fn refuse_plain(&mut self, id: LinkId, tuple: &Tuple, slot: Option<Slot>) -> bool {
        let room = if tuple.value().len() > self.settings.max_value {
            Err(Refusal::ValueTooLong)
        } else {
            self.make_room(self.need(slot, tuple.key(), tuple.value().len()))
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
            Refusal::TooManyBytes => tally.no_bytes += 1,
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

    /// Forgets up to `most` refused tuples: the next comparison finds that they are missing. Returns how many there were.
    fn forget_refused(&mut self, most: usize) -> usize {
        let mut forgotten = 0;
        while forgotten < most
            && let Some(slot) = self.store.oldest_refused()
        {
            self.forget_slot(slot);
            forgotten += 1;
        }
        visit(forgotten);
        if forgotten > 0 {
            self.compare_anew();
        }
        forgotten
    }

    /// Forgets all refused tuples, because limits have changed: some at once, and the others within moments.
    pub(super) fn reconsider_all(&mut self, now: Now) {
        self.refused = Refused { outdated: self.store.count(State::Refused), ..Refused::default() };
        self.compare_anew();
        self.reconsider_more(now);
    }

    /// Forgets some of the refused tuples that were refused before limits changed.
    pub(super) fn reconsider_more(&mut self, now: Now) {
        let most = self.refused.outdated.min(RETRY);
        let forgotten = self.forget_refused(most);
        self.refused.outdated = if forgotten < most { 0 } else { self.refused.outdated - most };
        let next = (self.refused.outdated > 0).then_some(now.mono + RETRY_INTERVAL_MS);
        self.timers.schedule(Timer::Reconsider, &mut self.reconsider_deadline, next);
    }

    /// Forgets some refused tuples, if there is room again.
    pub(super) fn reconsider_some(&mut self) {
        let Refused { for_tuples, least_bytes, .. } = self.refused;
        if !for_tuples && least_bytes.is_none() {
            return;
        }
        let places = self.settings.max_tuples.saturating_sub(self.store.places());
        let places = if for_tuples { places } else { usize::MAX };
        let by_bytes = least_bytes.map_or(usize::MAX, |least| self.free_bytes() / least.max(1));
        let count = places.min(by_bytes).min(RETRY);
        if count > 0 {
            self.forget_refused(count);
            // What does not fit is refused again, and then shows how much it needs.
            self.refused.for_tuples = self.store.count(State::Refused) > 0;
            self.refused.least_bytes = None;
        }
    }
}

#[cfg(test)]
mod tests;
