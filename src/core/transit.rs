//! Lateness of the frames on a link, beyond the least time that any of them took.
//!
//! A frame carries the time to live that remained when the frame was made. A line that stands still, or a process that
//! is stopped, delays it. So a peer sends its monotonic clock now and then, and always shortly before times to live.
//! The difference between the receiver's clock and the one received is constant, as far as both run equally fast, plus
//! the time that the frame took; the smallest difference of the last minutes is that of the frames that took least.

/// Milliseconds between two frames with the sender's clock while anything is sent: several in each [`SPAN`].
pub(super) const IDLE_INTERVAL: u64 = 30_000;
/// Milliseconds between two frames with the sender's clock while tuples with a time to live are sent: this is how
/// exactly the lateness of the frames behind it is known.
pub(super) const INTERVAL: u64 = 250;
/// Milliseconds of lateness that do not count: turns of a busy node, jitter, and the time between a frame and the frame
/// with the clock before it.
const NEGLIGIBLE: u64 = 500;
/// Milliseconds of one of the two spans over which the least difference is taken. In two spans, clocks whose rates
/// differ by 500 millionths, as much as clocks are slewed by, come 0.1 s apart.
const SPAN: u64 = 120_000;

/// Milliseconds by which lateness may change from one clock frame to the next and count as steady. Lateness shrinks
/// from frame to frame when frames that were held up arrive; where it is steady, the way has become longer, or the
/// sender's machine, and its clock with it, stood still.
const STEADY: u64 = 100;

/// Lateness of the frames on one link. Times are milliseconds of the monotonic clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Transit {
    /// Time at which this node's clock was last sent.
    clock_sent_at: Option<u64>,
    /// The node's clock is to be sent next, whether or not tuples wait.
    is_next: bool,
    /// The node's clock less the sender's: the least difference of the former span, and of this one.
    least: [Option<i64>; 2],
    span_began: u64,
    /// The last clock received, and its difference to this node's.
    last: Option<(u64, i64)>,
    /// Milliseconds by which the last clock frame was late, and the time at which it came.
    lateness: Option<(u64, u64)>,
}

impl Transit {
    fn is_past(&self, interval: u64, now: u64) -> bool {
        self.clock_sent_at.is_none_or(|at| now >= at + interval)
    }

    /// Notes that another frame is sent: this node's clock follows it, if it was not sent for [`IDLE_INTERVAL`].
    pub(super) fn on_other_frame(&mut self, now: u64) {
        self.is_next |= self.is_past(IDLE_INTERVAL, now);
    }

    /// Returns whether this node's clock is to be sent next.
    pub(super) fn is_next(&self) -> bool {
        self.is_next
    }

    /// Returns whether this node's clock is to be sent now; it then counts as sent. `ages`: tuples with a time to live
    /// may follow.
    pub(super) fn is_due(&mut self, ages: bool, now: u64) -> bool {
        let due = self.is_next || self.is_past(if ages { INTERVAL } else { IDLE_INTERVAL }, now);
        if due {
            (self.is_next, self.clock_sent_at) = (false, Some(now));
        }
        due
    }

    /// Takes the sender's clock, as it was when the frame was made.
    pub(super) fn on_clock(&mut self, sent: u64, now: u64) {
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
        self.lateness = Some((late, now));
    }

    /// Milliseconds by which a frame that is read now is late, at least.
    pub(super) fn lateness(&self, now: u64) -> u64 {
        let since_made = self.lateness.map_or(0, |(late, at)| late.saturating_add(now.saturating_sub(at)));
        if since_made < NEGLIGIBLE { 0 } else { since_made - INTERVAL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time of the receiver's clock when the sender's is at 0.
    const APART: u64 = 1_000_000;

    fn receive(samples: &[(u64, u64)]) -> Transit {
        let mut transit = Transit::default();
        for &(sent, took) in samples {
            transit.on_clock(sent, APART + sent + took);
        }
        transit
    }

    #[test]
    fn a_frame_is_late_by_what_it_took_beyond_the_least() {
        let usual = receive(&[(1000, 40), (2000, 90), (3000, 35)]);
        assert_eq!(usual.lateness(APART + 3040), 0);
        let stopped = receive(&[(1000, 40), (2000, 90), (3000, 30_040)]);
        assert_eq!(stopped.lateness(APART + 33_040), 30_000 - INTERVAL);
        // The clock was read before the receiver was stopped, and the frame behind it afterwards.
        assert_eq!(usual.lateness(APART + 33_035), 30_000 - INTERVAL);
    }

    #[test]
    fn a_change_of_the_way_or_of_the_rate_is_not_taken_for_lateness_for_ever() {
        // Longer from now on, or the sender's machine stood still for as long: that is known at the second time.
        for more in [600, 20_000] {
            let mut samples: Vec<(u64, u64)> = (0..10).map(|beat| (30_000 * beat, 40)).collect();
            samples.extend((10..12).map(|beat| (30_000 * beat, 40 + more)));
            let at = |beat: u64| APART + 30_000 * beat + 40 + more;
            assert_eq!(receive(&samples[..11]).lateness(at(10)), more - INTERVAL);
            assert_eq!(receive(&samples).lateness(at(11)), 0);
        }
        // What was kept back and comes at once is late, each by less than the one before.
        let mut kept_back = receive(&[(0, 40), (30_000, 40)]);
        for sent in (31_000..60_000).step_by(INTERVAL as usize) {
            kept_back.on_clock(sent, APART + 61_040);
            let late = 61_000 - sent;
            assert_eq!(
                kept_back.lateness(APART + 61_040),
                if late < NEGLIGIBLE { 0 } else { late - INTERVAL }
            );
        }
        // The receiver's clock is fast by 500 millionths, for a day.
        let samples: Vec<(u64, u64)> = (0..2880).map(|beat| (30_000 * beat, 40 + 15 * beat)).collect();
        assert_eq!(receive(&samples).lateness(APART + 2879 * 30_000 + 40 + 2879 * 15), 0);
    }

    #[test]
    fn a_clock_that_lies_or_goes_back_breaks_nothing() {
        for sent in [0, 1, u64::MAX, u64::MAX / 2, 1 << 63] {
            let mut transit = receive(&[(1000, 40)]);
            transit.on_clock(sent, APART);
            transit.on_clock(!sent, APART + 1);
            let _ = transit.lateness(0).max(transit.lateness(u64::MAX));
        }
    }

    #[test]
    fn the_clock_is_sent_before_times_to_live_and_now_and_then() {
        let mut transit = Transit::default();
        let due = [(0, false), (1, true), (249, true), (250, true), (30_000, false), (30_250, false)];
        let sent: Vec<bool> = due.map(|(at, ages)| transit.is_due(ages, at)).into();
        assert_eq!(sent, [true, false, false, true, false, true]);
    }
}
