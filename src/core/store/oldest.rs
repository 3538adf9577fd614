//! Slots in the order in which something became of them, so that the oldest can make room.

use crate::core::id::Slot;
use std::collections::{HashSet, VecDeque};

/// How many notes there may be for each slot that they are about.
const NOTES: usize = 2;

/// Notes of slots, oldest first. Some of them are in other use by now: whoever takes one looks.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Oldest {
    notes: VecDeque<Slot>,
}

impl Oldest {
    /// Notes a slot. `count` slots are meant, those for which `is_meant` says so.
    pub(in crate::core) fn note(&mut self, slot: Slot, count: usize, is_meant: impl Fn(Slot) -> bool) {
        if self.notes.len() > 1024 + NOTES * count {
            let mut seen = HashSet::with_capacity(count);
            self.notes.retain(|&slot| is_meant(slot) && seen.insert(slot));
        }
        self.notes.push_back(slot);
    }

    /// Takes the oldest slot that is still meant.
    pub(in crate::core) fn pop(&mut self, is_meant: impl Fn(Slot) -> bool) -> Option<Slot> {
        std::iter::from_fn(|| self.notes.pop_front()).find(|&slot| is_meant(slot))
    }

    /// How many notes are kept.
    #[cfg(test)]
    pub(in crate::core) fn len(&self) -> usize {
        self.notes.len()
    }
}
