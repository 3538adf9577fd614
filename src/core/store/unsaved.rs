//! What the file that keeps a store's content lacks.
//!
//! As for a link, nothing is queued: the file has an offset in the change log. Only what changes beside the log, because
//! peers need not hear of it, is noted by key.

use super::{Register, Store};
use crate::core::id::Slot;
use std::collections::BTreeSet;

/// Keys that may be noted. With more of them the file is written anew: it was not written for long.
const MOST_NOTED: usize = 65_536;

/// What the file lacks.
#[derive(Clone, Debug)]
pub(in crate::core) struct Unsaved {
    /// Offset in the change log up to which the file has what the log has.
    pub(super) cursor: u32,
    /// Keys that were removed, hidden or replaced by a tombstone.
    noted: BTreeSet<Box<[u8]>>,
    /// Whether the file is to be written anew.
    all: bool,
    /// Number of notes that were ever made.
    number: u64,
}

impl Unsaved {
    fn note(&mut self, key: &[u8]) {
        self.number += 1;
        if self.all && self.cursor == 0 {
            return;
        }
        if self.noted.len() < MOST_NOTED {
            self.noted.insert(key.into());
        } else {
            (self.noted, self.all, self.cursor) = (BTreeSet::new(), true, 0);
        }
    }
}

/// A change that the file lacks.
pub(in crate::core) enum Change<'a> {
    /// Nothing that it has counts any more.
    Clear,
    /// A key is in this state.
    Put(Slot, &'a Register),
    /// A key is gone.
    Gone(Box<[u8]>),
}

impl Store {
    /// Begins to note what a file lacks: everything if `all`, and what the file has is to be dropped; otherwise nothing.
    pub(in crate::core) fn begin_saving(&mut self, all: bool) {
        let cursor = if all { 0 } else { self.changes.end() };
        self.unsaved = Some(Box::new(Unsaved { cursor, noted: BTreeSet::new(), all, number: 0 }));
    }

    /// Notes that the key in a slot changes, and the log does not say so.
    pub(super) fn note_unsaved(&mut self, slot: Slot) {
        if let Some(unsaved) = &mut self.unsaved
            && let Some(held) = self.registers[slot as usize].as_ref()
        {
            unsaved.note(held.tuple.key());
        }
    }

    /// A number that grows with each change that is to be saved; 0 if none are.
    pub(in crate::core) fn save_number(&self) -> u64 {
        self.unsaved.as_ref().map_or(0, |unsaved| self.changes.version() + unsaved.number)
    }

    /// Returns whether the file lacks something.
    pub(in crate::core) fn is_unsaved(&self) -> bool {
        let end = self.changes.end();
        self.unsaved.as_ref().is_some_and(|it| it.all || it.cursor < end || !it.noted.is_empty())
    }

    /// Hands over changes that the file lacks, until `take` returns false: then those that were not handed over remain.
    pub(in crate::core) fn take_unsaved(&mut self, mut take: impl FnMut(&Store, Change<'_>) -> bool) {
        let Some(mut unsaved) = self.unsaved.take() else { return };
        let mut goes_on = true;
        if std::mem::take(&mut unsaved.all) {
            goes_on = take(self, Change::Clear);
        }
        while goes_on && let Some(key) = unsaved.noted.pop_first() {
            goes_on = match self.find(&key) {
                Some(slot) => take(self, Change::Put(slot, self.held(slot))),
                None => take(self, Change::Gone(key)),
            };
        }
        while goes_on && unsaved.cursor < self.changes.end() {
            if let Some(slot) = self.changes.get(unsaved.cursor) {
                goes_on = take(self, Change::Put(slot, self.held(slot)));
            }
            unsaved.cursor += 1;
        }
        self.unsaved = Some(unsaved);
    }
}
