//! The times at which the keys of a plain peer are checked.

use crate::core::id::Slot;
use std::collections::{BTreeSet, VecDeque};

/// Time (ms) without a change after which a key is quiet and is checked: four tenths of a second are more than an
/// echo takes in a network at rest. As much again, at random, spreads the checks of many nodes.
pub(in crate::core) const QUIET_MS: u64 = 400;

/// Scheduled checks of keys, by time. A key is scheduled once at most; whether it is, the caller knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks {
    /// First checks, which are added nearly in order of time: only the first is looked at.
    first: VecDeque<(u64, Slot)>,
    /// Checks that wait for longer because others of the same key had no effect.
    backed_off: BTreeSet<(u64, Slot)>,
    /// Random time (ms, 0 to [`QUIET_MS`]) by which checks are later that are added from now on.
    jitter: u64,
}

impl Checks {
    /// Bytes of all scheduled checks.
    pub(super) fn bytes(&self) -> usize {
        2 * (self.first.len() + self.backed_off.len()) * size_of::<(u64, Slot)>()
    }

    /// Adds a check of a key. After the second of its `tries` each waits for twice as long as the one before.
    pub(super) fn add(&mut self, slot: Slot, tries: u8, now: u64) {
        let backoff = if tries < 2 { 0 } else { QUIET_MS << (tries - 1) };
        let due = now + QUIET_MS + self.jitter + backoff;
        if backoff == 0 {
            self.first.push_back((due, slot));
        } else {
            self.backed_off.insert((due, slot));
        }
    }

    /// Returns the time at which the next check is due (ms).
    pub(super) fn next_at(&self) -> Option<u64> {
        let next = self.first.front().into_iter().chain(self.backed_off.first());
        next.map(|&(due, _)| due).min()
    }

    /// Takes out the next check that is due. `jitter` (0 to [`QUIET_MS`]) is for those that are added from now on.
    pub(super) fn pop(&mut self, now: u64, jitter: u64) -> Option<Slot> {
        let is_due = |check: Option<&(u64, Slot)>| check.is_some_and(|&(due, _)| due <= now);
        let (_, slot) = if is_due(self.first.front()) {
            self.first.pop_front()?
        } else if is_due(self.backed_off.first()) {
            self.backed_off.pop_first()?
        } else {
            return None;
        };
        self.jitter = jitter;
        Some(slot)
    }

    /// Drops all checks. The jitter stays.
    pub(super) fn clear(&mut self) {
        self.first.clear();
        self.backed_off.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_due_after_a_quiet_time_and_later_ones_back_off() {
        let mut checks = Checks::default();
        for (slot, tries) in [(1, 0), (2, 1), (3, 2), (4, 3), (5, 6)] {
            checks.add(slot, tries, 1000);
        }
        let mut due = Vec::new();
        while let Some(at) = checks.next_at() {
            assert_eq!(checks.pop(at - 1, 0), None);
            due.push((checks.pop(at, 0).expect("it is due"), at - 1000));
        }
        assert_eq!(due, [(1, 400), (2, 400), (3, 1200), (4, 2000), (5, 13_200)]);
    }

    #[test]
    fn jitter_is_for_checks_that_are_added_after_it_was_drawn() {
        let mut checks = Checks::default();
        checks.add(1, 0, 0);
        assert_eq!(checks.pop(QUIET_MS, 123), Some(1));
        checks.add(2, 0, 0);
        assert_eq!(checks.next_at(), Some(QUIET_MS + 123));
        checks.clear();
        checks.add(3, 0, 0);
        assert_eq!(checks.next_at(), Some(QUIET_MS + 123));
    }
}
