//! The states of the keys of a store: how many are in each, which has been in one for longest, and changes of states.

use super::{Register, State, Store, tombstone};
use crate::core::id::Slot;
use crate::core::ledger::cost;
use crate::core::tuple::Tuple;

impl Store {
    /// Number of keys whose values the owner may read.
    pub(in crate::core) fn live(&self) -> usize {
        self.count(State::Live)
    }

    /// Number of keys in a state.
    pub(in crate::core) fn count(&self, state: State) -> usize {
        self.counts[state as usize]
    }

    /// Number of keys with a value, hidden ones included: those that count against `server/max_tuples`.
    pub(in crate::core) fn places(&self) -> usize {
        self.count(State::Live) + self.count(State::Suppressed) + self.count(State::Absent)
    }

    /// Number of removed keys that are remembered.
    pub(in crate::core) fn removed(&self) -> usize {
        self.count(State::Retracted) + self.count(State::Expired)
    }

    /// Enters a register that comes into the store.
    pub(super) fn enter(&mut self, held: &Register) {
        self.counts[held.state as usize] += 1;
        self.ledger.add(held.state.account(), cost(&held.tuple));
        if held.state == State::Refused {
            Store::count_refused(&mut self.views, held.tuple.key(), true);
        }
    }

    /// Strikes out a register that leaves the store.
    pub(super) fn strike(&mut self, held: &Register) {
        self.counts[held.state as usize] -= 1;
        self.ledger.remove(held.state.account(), cost(&held.tuple));
        if held.state == State::Refused {
            Store::count_refused(&mut self.views, held.tuple.key(), false);
        }
    }

    /// Replaces a value by a tombstone, with the stamp that it has: no change that peers need to hear of. `state` is
    /// one without a value, `deadline` the time (monotonic ms) at which the tombstone is dropped. Returns the tuple.
    pub(in crate::core) fn replace_by_tombstone(
        &mut self,
        slot: Slot,
        state: State,
        deadline: Option<u64>,
    ) -> Option<Tuple> {
        debug_assert!(!state.has_value());
        self.note_unsaved(slot);
        let held = self.registers[slot as usize].as_mut()?;
        let left = tombstone(held.tuple.key(), held.value_hash());
        self.ledger.remove(held.state.account(), cost(&held.tuple));
        self.ledger.add(held.state.account(), cost(&left));
        let tuple = std::mem::replace(&mut held.tuple, left);
        self.set_state(slot, state);
        self.set_deadline(slot, deadline);
        Some(tuple)
    }

    /// Hides a value from the owner. Its stamp, its deadline and what peers are given stay.
    pub(in crate::core) fn hide(&mut self, slot: Slot) {
        self.note_unsaved(slot);
        self.set_state(slot, State::Suppressed);
    }

    /// Hides a value from the owner until its writer is heard of again, or shows it again.
    pub(in crate::core) fn set_absent(&mut self, slot: Slot, is_absent: bool) {
        self.set_state(slot, if is_absent { State::Absent } else { State::Live });
    }

    /// Marks a value as announced: a peer has told that it is.
    pub(in crate::core) fn mark_announced(&mut self, slot: Slot) {
        let held = self.registers[slot as usize].take();
        self.registers[slot as usize] = held.map(|held| held.announced(true));
    }

    fn set_state(&mut self, slot: Slot, state: State) {
        if let Some(held) = self.registers[slot as usize].as_mut() {
            let bytes = cost(&held.tuple);
            self.counts[held.state as usize] -= 1;
            self.ledger.remove(held.state.account(), bytes);
            self.counts[state as usize] += 1;
            self.ledger.add(state.account(), bytes);
            if held.state == State::Refused || state == State::Refused {
                let is_more = state == State::Refused;
                if is_more != (held.state == State::Refused) {
                    Store::count_refused(&mut self.views, held.tuple.key(), is_more);
                }
            }
            held.state = state;
            self.note(slot, state);
        }
    }

    /// Adds a slot to the list of those in its state, from which the oldest make room.
    pub(super) fn note(&mut self, slot: Slot, state: State) {
        let (order, group): (_, &[State]) = match state {
            State::Live | State::Absent => return,
            State::Suppressed => (&mut self.suppressed, &[State::Suppressed]),
            State::Refused => (&mut self.refused, &[State::Refused]),
            State::Retracted | State::Expired => (&mut self.removed, &[State::Retracted, State::Expired]),
        };
        let count = group.iter().map(|&state| self.counts[state as usize]).sum();
        order.note(slot, count, is_any_of(&self.registers, group));
    }

    /// Counts a removed key as the one removed last, so that it is kept a while longer.
    pub(in crate::core) fn note_removed(&mut self, slot: Slot) {
        self.note(slot, State::Retracted);
    }

    /// Slot of the key that was retracted or expired longest ago. It is named once.
    pub(in crate::core) fn oldest_removed(&mut self) -> Option<Slot> {
        self.removed.pop(is_any_of(&self.registers, &[State::Retracted, State::Expired]))
    }

    /// Slot of the key that was hidden longest ago. It is named once.
    pub(in crate::core) fn oldest_suppressed(&mut self) -> Option<Slot> {
        self.suppressed.pop(is_any_of(&self.registers, &[State::Suppressed]))
    }

    /// Slot of the key that was refused longest ago. It is named once.
    pub(in crate::core) fn oldest_refused(&mut self) -> Option<Slot> {
        self.refused.pop(is_any_of(&self.registers, &[State::Refused]))
    }
}

/// Returns whether a slot holds a key in one of these states.
fn is_any_of<'a>(held: &'a [Option<Register>], states: &'a [State]) -> impl Fn(Slot) -> bool + 'a {
    |slot| held[slot as usize].as_ref().is_some_and(|held| states.contains(&held.state))
}
