//! Limits to the work that a peer may cause by anti-entropy.
//!
//! A few bytes of a DIGEST or ENTRIES can make a node walk through all of its tuples. A peer that means well names
//! each part of the key space once in a comparison, and begins one at a heartbeat, so a whole comparison costs about
//! one visit to each tuple that is held. Work far beyond that is not done: every message of a comparison may be
//! lost, and the next comparison makes up for it.

/// Length (ms) of the time in which visits are counted: about one heartbeat, and so one comparison.
const WINDOW: u64 = 1000;
/// Visits allowed in a window for each tuple held: a whole comparison, and three times as much to spare.
const VISITS_PER_TUPLE: usize = 4;
/// Visits allowed in a window in any case, so that a node with few tuples answers a peer with many: some
/// milliseconds of work.
const FREE_VISITS: usize = 50_000;

/// Position in a message that is handled in portions.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::core) struct Position {
    /// Number of items of the message's list that are done.
    pub(in crate::core) item: usize,
    /// In a subtree of an ENTRIES: the key hash from which on it is to be compared, or 0.
    pub(in crate::core) hash: u64,
}

impl Position {
    /// The position before an item.
    pub(in crate::core) fn item(item: usize) -> Position {
        Position { item, hash: 0 }
    }
}

/// Part of a message that is handled at a time, so that others have their turn.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct Portion {
    /// Where it begins.
    pub(in crate::core) from: Position,
    /// Number of visits after which it ends.
    pub(in crate::core) visits: usize,
}

impl Portion {
    /// Returns whether the message begins with it.
    pub(in crate::core) fn is_first(&self) -> bool {
        self.from == Position::default()
    }
}

/// Work that one peer may still cause, counted in visits to tuples.
#[derive(Copy, Clone, Debug, Default)]
pub(in crate::core) struct Budget {
    /// Start of the current window (monotonic ms).
    since: u64,
    /// Visits charged in the current window.
    spent: usize,
    /// Visits charged in the window before.
    spent_before: usize,
    /// Visits made since the link began.
    made: usize,
}

impl Budget {
    /// Number of visits that remain in the current window, on a node that holds `held` tuples.
    pub(in crate::core) fn remaining(&mut self, held: usize, now: u64) -> usize {
        self.advance(now);
        (VISITS_PER_TUPLE * held + FREE_VISITS).saturating_sub(self.spent)
    }

    /// Number of visits that were charged in the current window and the one before.
    pub(in crate::core) fn recent(&mut self, now: u64) -> usize {
        self.advance(now);
        self.spent.saturating_add(self.spent_before)
    }

    /// Begins a new window, if it is time to.
    fn advance(&mut self, now: u64) {
        if now >= self.since + WINDOW {
            self.spent_before = if now >= self.since + 2 * WINDOW { 0 } else { self.spent };
            (self.since, self.spent) = (now, 0);
        }
    }

    /// Number of visits that were made since the link began, to tell how many a portion took.
    pub(in crate::core) fn made(&self) -> usize {
        self.made
    }

    /// Charges `visits` to the current window.
    pub(in crate::core) fn charge(&mut self, visits: usize) {
        self.made = self.made.wrapping_add(visits);
        self.charge_ahead(visits);
    }

    /// Charges a search for a key by its hash, which makes `visits`. The window counts one: a comparison may name each
    /// key once.
    pub(in crate::core) fn charge_search(&mut self, visits: usize) {
        self.made = self.made.wrapping_add(visits);
        self.charge_ahead(1);
    }

    /// Charges `visits` that are not made now.
    pub(in crate::core) fn charge_ahead(&mut self, visits: usize) {
        self.spent = self.spent.saturating_add(visits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_charged_comes_back_with_time() {
        let mut budget = Budget::default();
        assert_eq!(budget.remaining(10, 5), FREE_VISITS + 40);
        budget.charge(FREE_VISITS + 39);
        assert_eq!(budget.remaining(10, 900), 1);
        budget.charge(usize::MAX);
        assert_eq!(budget.remaining(10, 999), 0);
        assert_eq!((budget.remaining(10, 1005), budget.recent(1005)), (FREE_VISITS + 40, usize::MAX));
        budget.charge(7);
        assert_eq!((budget.recent(2005), budget.recent(4100)), (7, 0));
    }
}
