//! Receipts of plain servers for what was sent to them.
//!
//! CZMQ's server handles what it is sent in order, so its answer to a PING behind the last tuple shows that it has
//! adopted that: what it sends before the answer, it sent without knowing. That holds however long the line is, and
//! needs no guess at a time. A plain client answers nothing; only what it repeats shows how far it is. Times are
//! milliseconds of the monotonic clock.

/// Time (ms) after which an answer that has not come is lost: the same silence for which a connection is given up.
const LOST_MS: u64 = 10_000;

/// Receipts of a plain server for what was sent to it: one PING at a time, and what its answer will confirm.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::core) struct Receipts {
    /// A tuple was sent since the last PING.
    is_due: bool,
    /// Number of PONGs up to the one that answers the last PING, and the time (ms) up to which it confirms what was
    /// sent.
    asked: Option<(u32, u64)>,
    /// Time up to which everything that was sent has been adopted.
    confirmed: u64,
}

impl Receipts {
    /// A tuple was sent to the server.
    pub(in crate::core) fn on_sent(&mut self, now: u64) {
        self.is_due = true;
        // What is sent in the same millisecond, but after the PING, is for the next one.
        self.asked = self.asked.map(|(pongs, at)| (pongs, at.min(now.saturating_sub(1))));
    }

    /// Stops waiting for an answer that is lost. Returns whether it was: then the count of outstanding PONGs is wrong.
    pub(in crate::core) fn give_up(&mut self, now: u64) -> bool {
        self.asked.take_if(|(_, at)| now >= *at + LOST_MS).is_some()
    }

    /// Returns whether a PING is to follow what was sent.
    pub(in crate::core) fn is_ping_due(&self) -> bool {
        self.is_due && self.asked.is_none()
    }

    /// Notes that a PING was sent, which the last of `pongs` PONGs answers.
    pub(in crate::core) fn on_ping_sent(&mut self, pongs: u32, now: u64) {
        (self.is_due, self.asked) = (false, Some((pongs, now)));
    }

    /// A PONG arrived.
    pub(in crate::core) fn on_pong(&mut self) {
        self.asked = match self.asked {
            Some((1, at)) => {
                self.confirmed = at;
                None
            }
            asked => asked.map(|(pongs, at)| (pongs.saturating_sub(1), at)),
        };
    }

    /// Returns whether the server may not have adopted yet what it was sent at a time of which the lower 32 bits are
    /// given.
    pub(in crate::core) fn is_outstanding(&self, sent_at: u32, now: u64) -> bool {
        let ago = u64::from((now as u32).wrapping_sub(sent_at));
        let is_confirmed = now.saturating_sub(ago) <= self.confirmed;
        !is_confirmed && ago < LOST_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_confirms_what_was_sent_before_its_ping() {
        let mut receipts = Receipts::default();
        assert!(!receipts.is_ping_due());
        receipts.on_sent(100);
        assert!(receipts.is_ping_due() && receipts.is_outstanding(100, 150));
        receipts.on_ping_sent(2, 100);
        receipts.on_sent(200);
        assert!(!receipts.is_ping_due(), "one at a time");
        receipts.on_pong();
        assert!(receipts.is_outstanding(100, 300), "an earlier PING was answered");
        receipts.on_pong();
        assert!(!receipts.is_outstanding(100, 300) && receipts.is_outstanding(200, 300));
        assert!(receipts.is_ping_due());
    }

    #[test]
    fn what_is_sent_in_the_millisecond_of_the_ping_is_for_the_next_one() {
        let mut receipts = Receipts::default();
        receipts.on_sent(100);
        receipts.on_ping_sent(1, 100);
        receipts.on_sent(100);
        receipts.on_pong();
        assert!(receipts.is_outstanding(100, 101) && receipts.is_ping_due());
    }

    #[test]
    fn an_answer_is_lost_after_ten_seconds() {
        let mut receipts = Receipts::default();
        receipts.on_sent(100);
        receipts.on_ping_sent(1, 100);
        assert!(receipts.is_outstanding(100, 99 + LOST_MS) && !receipts.is_outstanding(100, 100 + LOST_MS));
        assert!(!receipts.give_up(99 + LOST_MS) && receipts.give_up(100 + LOST_MS));
        receipts.on_sent(20_000);
        assert!(receipts.is_ping_due());
    }
}
