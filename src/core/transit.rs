//! How long frames are under way on a link, beyond the least time that any of them took.
//!
//! A time to live is told as what remained when a frame was made. A line that stands still, or a process
//! that is stopped, keeps the frame for longer. So a peer says now and then what its monotonic clock shows,
//! and always shortly before it tells times to live. Two clocks that run equally fast differ by what they
//! differ at the start and by how long the frame took; the smallest difference of the last minutes is that
//! of the frames that took least.

/// A link is told the sender's clock at least this often (ms) while anything is sent …
pub(super) const IDLE_INTERVAL: u64 = 30_000;
/// … and this often before tuples, while some have a time to live.
pub(super) const INTERVAL: u64 = 250;
/// What is less late than this (ms) is not late: turns of a busy node, jitter, and what lies between a frame
/// and the sender's clock.
const NEGLIGIBLE: u64 = 500;
/// The least differences are those of two spans of this length (ms). In the two of them clocks whose rates
/// differ by 500 millionths, as much as clocks are slewed by, come 0.1 s apart.
const SPAN: u64 = 120_000;

/// Lateness that changes by less (ms) from one saying to the next does not shrink, as it does when what was kept back
/// arrives: the way has become longer, or the sender's clock stood still with its machine.
const STEADY: u64 = 100;

/// What is known of a link's lateness.
#[derive(Clone, Debug, Default)]
pub(super) struct Transit {
    /// The sender's clock was said at this time (ms) last.
    said_at: Option<u64>,
    /// It is said next, though no tuples may wait.
    is_next: bool,
    /// The own clock less the sender's: the least in the span before this one, and in this one.
    least: [Option<i64>; 2],
    span_began: u64,
    /// The last one, and the own clock less it.
    last: Option<(u64, i64)>,
    /// By how much it was late, and when it was heard (ms).
    heard: Option<(u64, u64)>,
}

impl Transit {
    fn is_past(&self, interval: u64, now: u64) -> bool {
        self.said_at.is_none_or(|at| now >= at + interval)
    }

    /// Something else was said: the own clock comes next, if it was not said for long.
    pub(super) fn comes_next(&mut self, now: u64) {
        self.is_next |= self.is_past(IDLE_INTERVAL, now);
    }

    pub(super) fn is_next(&self) -> bool {
        self.is_next
    }

    /// Whether the own clock is to be said now; it is then taken to be said. `ages`: tuples with a time to live
    /// may follow.
    pub(super) fn is_due(&mut self, ages: bool, now: u64) -> bool {
        let due = self.is_next || self.is_past(if ages { INTERVAL } else { IDLE_INTERVAL }, now);
        if due {
            (self.is_next, self.said_at) = (false, Some(now));
        }
        due
    }

    /// The sender's clock, as it was when the frame was made.
    pub(super) fn hear(&mut self, sent: u64, now: u64) {
        let took = now.wrapping_sub(sent) as i64;
        let steady = |&(before, then): &(u64, i64)| {
            sent >= before.saturating_add(INTERVAL) && took.abs_diff(then) <= STEADY
        };
        if let Some((_, then)) = self.last.replace((sent, took)).filter(steady) {
            (self.least, self.span_began) = ([None, Some(then)], now);
        } else if now >= self.span_began + SPAN {
            (self.least, self.span_began) = ([self.least[1].or(self.least[0]), None], now);
        }
        self.least[1] = Some(self.least[1].map_or(took, |least| least.min(took)));
        let least = self.least.iter().flatten().min().copied().unwrap_or(took);
        let late = took.saturating_sub(least).max(0) as u64;
        self.heard = Some((late, now));
    }

    /// For how long (ms) a frame that is read now was at least under way beyond the usual.
    pub(super) fn lateness(&self, now: u64) -> u64 {
        let since_made = self.heard.map_or(0, |(late, at)| late.saturating_add(now.saturating_sub(at)));
        if since_made < NEGLIGIBLE { 0 } else { since_made - INTERVAL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The receiver's clock shows so much when the sender's is at 0.
    const APART: u64 = 1_000_000;

    fn heard(samples: &[(u64, u64)]) -> Transit {
        let mut transit = Transit::default();
        samples.iter().for_each(|&(sent, took)| transit.hear(sent, APART + sent + took));
        transit
    }

    #[test]
    fn a_frame_is_late_by_what_it_took_beyond_the_least() {
        let usual = heard(&[(1000, 40), (2000, 90), (3000, 35)]);
        assert_eq!(usual.lateness(APART + 3040), 0);
        let stopped = heard(&[(1000, 40), (2000, 90), (3000, 30_040)]);
        assert_eq!(stopped.lateness(APART + 33_040), 30_000 - INTERVAL);
        // The clock was read before the receiver was stopped, and the frame behind it afterwards.
        assert_eq!(usual.lateness(APART + 33_035), 30_000 - INTERVAL);
    }

    #[test]
    fn a_change_of_the_way_or_of_the_rate_is_not_taken_for_lateness_for_ever() {
        // Longer from now on, or the sender's machine stood still for so long: that is known at the second time.
        for more in [600, 20_000] {
            let mut samples: Vec<(u64, u64)> = (0..10).map(|beat| (30_000 * beat, 40)).collect();
            samples.extend((10..12).map(|beat| (30_000 * beat, 40 + more)));
            let at = |beat: u64| APART + 30_000 * beat + 40 + more;
            assert_eq!(heard(&samples[..11]).lateness(at(10)), more - INTERVAL);
            assert_eq!(heard(&samples).lateness(at(11)), 0);
        }
        // What was kept back and comes at once is late, each by less than the one before.
        let mut kept_back = heard(&[(0, 40), (30_000, 40)]);
        for sent in (31_000..60_000).step_by(INTERVAL as usize) {
            kept_back.hear(sent, APART + 61_040);
            let late = 61_000 - sent;
            assert_eq!(
                kept_back.lateness(APART + 61_040),
                if late < NEGLIGIBLE { 0 } else { late - INTERVAL }
            );
        }
        // The receiver's clock is fast by 500 millionths, for a day.
        let samples: Vec<(u64, u64)> = (0..2880).map(|beat| (30_000 * beat, 40 + 15 * beat)).collect();
        assert_eq!(heard(&samples).lateness(APART + 2879 * 30_000 + 40 + 2879 * 15), 0);
    }

    #[test]
    fn a_clock_that_lies_or_goes_back_breaks_nothing() {
        for sent in [0, 1, u64::MAX, u64::MAX / 2, 1 << 63] {
            let mut transit = heard(&[(1000, 40)]);
            transit.hear(sent, APART);
            transit.hear(!sent, APART + 1);
            let _ = transit.lateness(0).max(transit.lateness(u64::MAX));
        }
    }

    #[test]
    fn the_clock_is_said_before_what_ages_and_now_and_then() {
        let mut transit = Transit::default();
        let due = [(0, false), (1, true), (249, true), (250, true), (30_000, false), (30_250, false)];
        let said: Vec<bool> = due.map(|(at, ages)| transit.is_due(ages, at)).into();
        assert_eq!(said, [true, false, false, true, false, true]);
    }
}
