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

/// Work that one peer may still cause, counted in visits to tuples.
#[derive(Copy, Clone, Debug, Default)]
pub(in crate::core) struct Budget {
    /// Start of the current window (monotonic ms).
    since: u64,
    /// Visits charged in the current window.
    spent: usize,
}

impl Budget {
    /// Number of visits that remain in the current window, on a node that holds `held` tuples.
    pub(in crate::core) fn remaining(&mut self, held: usize, now: u64) -> usize {
        if now >= self.since + WINDOW {
            *self = Budget { since: now, spent: 0 };
        }
        (VISITS_PER_TUPLE * held + FREE_VISITS).saturating_sub(self.spent)
    }

    /// Charges `visits` to the current window.
    pub(in crate::core) fn charge(&mut self, visits: usize) {
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
        assert_eq!(budget.remaining(10, 1000), FREE_VISITS + 40);
    }
}
