//! A limit on how often something is reported.

/// Lets a report pass at most once in an interval. An interval that is followed at once by another report is doubled,
/// up to a longest one, so that trouble that persists or recurs is reported ever more rarely.
#[derive(Clone, Debug)]
pub(super) struct Throttle {
    /// The first interval (ms).
    shortest: u64,
    /// The longest interval (ms).
    longest: u64,
    /// The moment of the last report (mono ms), and the interval that it began (ms).
    last: Option<(u64, u64)>,
}

impl Throttle {
    /// A throttle whose intervals grow from `shortest` to `longest` (ms).
    pub(super) const fn growing(shortest: u64, longest: u64) -> Throttle {
        Throttle { shortest, longest, last: None }
    }

    /// A throttle whose intervals are all the same (ms).
    pub(super) const fn constant(interval: u64) -> Throttle {
        Throttle::growing(interval, interval)
    }

    /// Returns whether a report may pass now (mono ms). If it may, it counts as made.
    pub(super) fn pass(&mut self, now: u64) -> bool {
        let interval = match self.last {
            Some((at, interval)) if now < at + interval => return false,
            Some((at, interval)) if now < at + 2 * interval => (2 * interval).min(self.longest),
            _ => self.shortest,
        };
        self.last = Some((now, interval));
        true
    }

    /// The moment from which on the next report may pass (mono ms).
    pub(super) fn next(&self) -> u64 {
        self.last.map_or(0, |(at, interval)| at + interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_persists_or_recurs_is_reported_ever_more_rarely() {
        const MINUTE: u64 = 60_000;
        for every in [1000, 5000] {
            let mut throttle = Throttle::growing(MINUTE, 60 * MINUTE);
            let reports: Vec<u64> =
                (0..24 * 60 * MINUTE).step_by(every).filter(|&now| throttle.pass(now)).collect();
            assert_eq!(reports[..5], [0, MINUTE, 3 * MINUTE, 7 * MINUTE, 15 * MINUTE]);
            assert!(reports.len() < 32, "{} times a day", reports.len());
        }
        let mut throttle = Throttle::growing(MINUTE, 60 * MINUTE);
        assert!(throttle.pass(0) && throttle.pass(60 * MINUTE));
        assert_eq!(throttle.next(), 61 * MINUTE, "new trouble, after a long time");
    }
}
