//! When plain peers left: what they hold when they return may be what was current then.

use std::collections::VecDeque;

/// Departures that are told apart; older ones are taken together.
const MOST: usize = 64;

/// The times (ms) between which peers left: each knew of the first, and was found to be gone at the
/// second.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Departures(VecDeque<(u64, u64)>);

impl Departures {
    /// A peer is gone that had come to what was ours at `knew`, as far as is known.
    pub(in crate::core) fn note(&mut self, knew: u64, now: u64) {
        self.0.push_back((knew, now));
        if self.0.len() > MOST
            && let (Some(one), Some(two)) = (self.0.pop_front(), self.0.pop_front())
        {
            self.0.push_front((one.0.min(two.0), one.1.max(two.1)));
        }
    }

    /// Forgets peers that left before this time.
    pub(in crate::core) fn forget_before(&mut self, time: u64) {
        while self.0.front().is_some_and(|&(_, gone)| gone < time) {
            self.0.pop_front();
        }
    }

    /// Whether a value that was current from `since` until it was replaced `at` may be what a peer left with.
    /// One that was replaced before is not: the peer knew.
    pub(in crate::core) fn left_with(&self, since: u64, at: u64) -> bool {
        self.0.iter().any(|&(knew, gone)| since <= gone && at > knew)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_may_have_left_with_what_was_current_when_it_left_and_with_nothing_else() {
        let mut departures = Departures::default();
        assert!(!departures.left_with(0, u64::MAX));
        departures.note(100, 200);
        assert!(
            departures.left_with(50, 150) && departures.left_with(150, 160) && departures.left_with(90, 900)
        );
        assert!(!departures.left_with(50, 100) && !departures.left_with(201, 300));
        for time in 1..1000 {
            departures.note(1000 * time, 1000 * time + 1);
        }
        assert!(departures.0.len() <= MOST && departures.left_with(50, 150));
        departures.forget_before(999_001);
        assert!(departures.left_with(999_000, 999_001) && departures.0.len() == 1);
    }
}
