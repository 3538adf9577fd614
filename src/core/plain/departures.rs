//! Departures of plain peers: what they hold when they return may be what was held here then.

use std::collections::VecDeque;

/// Departures that are kept apart; older ones are merged into one longer interval, which makes more values old than
/// need be. 64 are enough for a hub whose plain clients are restarted one after the other.
const MOST: usize = 64;

/// Intervals (ms of the monotonic clock) in which plain peers left. Each peer had adopted what was held here at the
/// beginning of its interval, and was known to be gone at the end.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Departures(VecDeque<(u64, u64)>);

impl Departures {
    /// Adds the departure of a peer that is known to have adopted our values of `confirmed` and before.
    pub(in crate::core) fn add(&mut self, confirmed: u64, now: u64) {
        self.0.push_back((confirmed, now));
        if self.0.len() > MOST
            && let (Some(one), Some(two)) = (self.0.pop_front(), self.0.pop_front())
        {
            self.0.push_front((one.0.min(two.0), one.1.max(two.1)));
        }
    }

    /// Forgets departures that were known before this time (ms).
    pub(in crate::core) fn forget_before(&mut self, time: u64) {
        while self.0.front().is_some_and(|&(_, gone)| gone < time) {
            self.0.pop_front();
        }
    }

    /// Returns whether a value that was held from `since` until it was replaced `at` may be what a peer left with. One
    /// that was replaced before the interval is not, for the peer had adopted what followed.
    pub(in crate::core) fn left_with(&self, since: u64, at: u64) -> bool {
        self.0.iter().any(|&(confirmed, gone)| since <= gone && at > confirmed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_may_have_left_with_what_was_current_when_it_left_and_with_nothing_else() {
        let mut departures = Departures::default();
        assert!(!departures.left_with(0, u64::MAX));
        departures.add(100, 200);
        assert!(
            departures.left_with(50, 150) && departures.left_with(150, 160) && departures.left_with(90, 900)
        );
        assert!(!departures.left_with(50, 100) && !departures.left_with(201, 300));
        for time in 1..1000 {
            departures.add(1000 * time, 1000 * time + 1);
        }
        assert!(departures.0.len() <= MOST && departures.left_with(50, 150));
        departures.forget_before(999_001);
        assert!(departures.left_with(999_000, 999_001) && departures.0.len() == 1);
    }
}
