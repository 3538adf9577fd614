//! A clock that stands still while the process does.
//!
//! A process that was stopped for a minute has heard nobody for that minute, and nobody is to blame. So leases are measured
//! by time in which the process ran: from one look at the clock to the next no more than [`MOST_GAP_MS`] count.

/// Milliseconds between two looks at the clock while leases run: a node looks around as often anyway.
pub(super) const LOOK_MS: u64 = 1000;
/// Milliseconds that count between two looks at most: more than a loaded machine takes.
const MOST_GAP_MS: u64 = 2 * LOOK_MS;

/// Milliseconds for which the process was awake.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Awake {
    /// When the clock was looked at last (monotonic ms).
    seen: u64,
    /// Milliseconds that do not count.
    asleep: u64,
}

impl Awake {
    /// Looks at the clock, which shows `now` (monotonic ms). `counts`: leases run, so it was to be looked at. Returns also
    /// whether the process stood.
    pub(super) fn at(&mut self, now: u64, counts: bool) -> (u64, bool) {
        let gap = now.saturating_sub(self.seen);
        let stood = counts && gap > MOST_GAP_MS;
        if stood {
            self.asleep += gap - LOOK_MS;
        }
        self.seen = self.seen.max(now);
        (self.seen - self.asleep, stood)
    }

    /// The same without looking.
    pub(super) fn last(&self) -> u64 {
        self.seen - self.asleep
    }

    /// When a moment of this clock comes, by the monotonic one, if the process stays awake.
    pub(super) fn mono(&self, awake: u64) -> u64 {
        awake.saturating_add(self.asleep)
    }

    /// When the clock is to be looked at next (monotonic ms).
    pub(super) fn look_at(&self) -> u64 {
        self.seen + LOOK_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_which_the_process_stood_does_not_count() {
        let mut awake = Awake::default();
        assert_eq!(awake.at(10_000, false), (10_000, false));
        assert_eq!(awake.at(10_000 + MOST_GAP_MS, true), (10_000 + MOST_GAP_MS, false));
        let before = awake.last();
        assert_eq!(awake.at(awake.seen + 60_000, true), (before + LOOK_MS, true));
        assert_eq!(awake.mono(awake.last()), awake.seen);
        assert_eq!(awake.at(0, true), (awake.last(), false), "a clock never runs backwards");
    }
}
