//! Slots in the order in which they came into a state, so that the oldest can make room.

use crate::core::id::Slot;
use std::collections::{HashSet, VecDeque};

/// Number of notes for each slot in the state, on average, beyond which outdated notes are swept out.
const NOTES: usize = 2;
/// Notes that are kept in any case, so that few slots are not swept again and again.
const SLACK: usize = 1024;

/// Notes of slots that came into a state, oldest first. A slot may have left the state since, so notes are checked
/// when they are taken.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Oldest {
    notes: VecDeque<Slot>,
}

impl Oldest {
    /// Adds a note of a slot. `count` slots are in the state now, those for which `is_meant` is true.
    pub(in crate::core) fn note(&mut self, slot: Slot, count: usize, is_meant: impl Fn(Slot) -> bool) {
        if self.notes.len() > SLACK + NOTES * count {
            let mut seen = HashSet::with_capacity(count);
            self.notes.retain(|&slot| is_meant(slot) && seen.insert(slot));
        }
        self.notes.push_back(slot);
    }

    /// Takes the oldest slot that is still in the state.
    pub(in crate::core) fn pop(&mut self, is_meant: impl Fn(Slot) -> bool) -> Option<Slot> {
        std::iter::from_fn(|| self.notes.pop_front()).find(|&slot| is_meant(slot))
    }

    /// Number of notes.
    #[cfg(test)]
    pub(in crate::core) fn len(&self) -> usize {
        self.notes.len()
    }
}
