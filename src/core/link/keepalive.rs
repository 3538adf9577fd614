//! Keeping a client's session with a CZMQ hub alive, and finding out whether the hub has forgotten the client.

/// Milliseconds of idleness after which a CZMQ hub is sent a sign of life. It forgets a client after its
/// `server/timeout`, 1 s by default, and one sign in three may be late.
pub(in crate::core) const KEEPALIVE: u64 = 300;
/// The shortest keep-alive interval (ms), for hubs that forget sooner.
const SHORTEST: u64 = 20;
/// Milliseconds after which an interval that INVALID has made shorter is made longer again: something may just have
/// been late. Doubles with each INVALID, up to [`LONGEST_RELAX`].
const FIRST_RELAX: u64 = 5_000;
/// The longest wait (ms) before a shortened interval is made longer again.
const LONGEST_RELAX: u64 = 3_600_000;

/// The keep-alive interval of a client at a plain hub. All times are milliseconds of the monotonic clock.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct KeepAlive {
    interval: u64,
    relax_at: u64,
    relax_wait: u64,
    check: SessionCheck,
}

impl Default for KeepAlive {
    fn default() -> KeepAlive {
        KeepAlive { interval: KEEPALIVE, relax_at: 0, relax_wait: 0, check: SessionCheck::default() }
    }
}

impl KeepAlive {
    /// Notes a new connection.
    pub(in crate::core) fn on_connected(&mut self) {
        self.interval = KEEPALIVE;
    }

    /// The interval, in milliseconds.
    pub(in crate::core) fn interval(&self) -> u64 {
        self.interval
    }

    /// Shortens the interval: the hub had forgotten this client. It has a shorter timeout, or something was late.
    pub(in crate::core) fn on_forgotten(&mut self, now: u64) {
        self.interval = (self.interval / 2).max(SHORTEST);
        self.relax_wait = (2 * self.relax_wait).clamp(FIRST_RELAX, LONGEST_RELAX);
        self.relax_at = now + self.relax_wait;
    }

    /// Lengthens the interval again if the hub has not forgotten this client for a long time.
    pub(in crate::core) fn relax(&mut self, now: u64) {
        if self.interval < KEEPALIVE && now >= self.relax_at {
            self.interval = (2 * self.interval).min(KEEPALIVE);
            self.relax_at = now + self.relax_wait;
        }
    }

    /// Notes that PINGs alone are sent, after `gap` milliseconds without anything.
    pub(in crate::core) fn on_ping(&mut self, gap: u64) {
        self.check.on_sent_after(gap, self.interval);
    }

    /// Notes a PONG.
    pub(in crate::core) fn on_pong(&mut self, now: u64) {
        self.check.on_pong(now, self.interval);
    }

    /// Notes that the hub is sent a tuple: if it has forgotten this client, it answers INVALID.
    pub(in crate::core) fn on_tuple(&mut self) {
        self.check.settle();
    }

    /// Returns whether HELLO is to be sent again now, because the hub may have forgotten this client.
    pub(in crate::core) fn is_check_due(&mut self, now: u64) -> bool {
        self.check.is_due(now)
    }
}

/// The check whether a CZMQ hub has forgotten a client that has no tuple of its own to ask with.
///
/// The hub goes on answering PINGs of clients that it has forgotten. But it forgets nobody whose PINGs come in time, so
/// a check is needed only after a gap between two frames to it, or between two PONGs.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
struct SessionCheck {
    wanted: bool,
    /// Time of the last PONG, if only PINGs were sent since.
    pong_at: Option<u64>,
    /// Time before which no HELLO is sent for a check, because HELLO makes the hub send everything.
    not_before: u64,
    /// Milliseconds between two HELLOs for checks. Doubles each time, because it may be load that makes the gaps.
    wait: u64,
}

impl SessionCheck {
    const FIRST_WAIT: u64 = 2000;
    const LONGEST_WAIT: u64 = 120_000;

    /// Returns the shortest gap (ms) that raises doubt where a PING is sent each `interval`: less than the hub's
    /// timeout, and more than what a busy machine or network delays.
    fn gap(interval: u64) -> u64 {
        2 * interval + 300
    }

    fn on_sent_after(&mut self, gap: u64, interval: u64) {
        self.wanted |= gap >= Self::gap(interval);
    }

    fn on_pong(&mut self, now: u64, interval: u64) {
        self.wanted |= self.pong_at.is_some_and(|last| now - last >= Self::gap(interval));
        self.pong_at = Some(now);
    }

    fn is_due(&mut self, now: u64) -> bool {
        if !self.wanted || now < self.not_before {
            return false;
        }
        let independent = now - self.not_before > Self::LONGEST_WAIT;
        self.wait = if independent {
            Self::FIRST_WAIT
        } else {
            (2 * self.wait).clamp(Self::FIRST_WAIT, Self::LONGEST_WAIT)
        };
        self.not_before = now + self.wait;
        true
    }

    fn settle(&mut self) {
        (self.wanted, self.pong_at) = (false, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_that_forgets_sooner_is_sent_signs_of_life_more_often_for_a_while() {
        let mut keepalive = KeepAlive::default();
        (0..10).for_each(|_| keepalive.on_forgotten(1000));
        assert_eq!(keepalive.interval(), SHORTEST);
        keepalive.relax(1000 + keepalive.relax_wait - 1);
        assert_eq!(keepalive.interval(), SHORTEST);
        keepalive.relax(1000 + keepalive.relax_wait);
        assert_eq!(keepalive.interval(), 2 * SHORTEST);
    }

    #[test]
    fn a_session_is_checked_after_a_gap_and_more_rarely_each_time() {
        let mut check = SessionCheck::default();
        check.on_pong(1000, KEEPALIVE);
        check.on_pong(1300, KEEPALIVE);
        assert!(!check.is_due(1300));
        check.on_pong(2300, KEEPALIVE);
        assert!(check.is_due(2300));
        assert!(!check.is_due(4299) && check.is_due(4300));
        assert!(!check.is_due(8299) && check.is_due(8300));
        check.settle();
        assert!(!check.is_due(100_000));
    }
}
