//! The handshake of a client with a server whose protocol is not known yet: PING, HELLO, PING.
//!
//! A CZMQ hub answers anything but HELLO and PING from a client that it does not know with INVALID, and also a second
//! HELLO from one that it knows. Answers come in order. So the first PONG separates INVALIDs for what was sent before
//! HELLO from one for the HELLO itself, and the second PONG shows that the hub has taken the HELLO and sent its list.

/// Bytes of tuples that a server takes from a client before HELLO. A CZMQ client says HELLO first; before it comes only
/// what was queued for an earlier connection, a thousand tuples of usual size at most.
const BEFORE_HELLO: usize = 1 << 20;

/// State of the handshake on one link.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::core) struct Handshake {
    has_hello: bool,
    /// PONGs to come before the one that follows the answer to HELLO.
    pongs_before: u32,
    /// HELLO was answered with INVALID, and is to be sent again.
    refused: bool,
    /// Bytes of tuples that were taken before HELLO.
    before_hello: usize,
    backoff: HandshakeBackoff,
}

/// A plain server's reaction to HELLO.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::core) enum Outcome {
    Accepted,
    Refused,
}

impl Handshake {
    /// Returns whether the HELLO of this session was sent (client) or received (server).
    pub(in crate::core) fn has_hello(&self) -> bool {
        self.has_hello
    }

    /// Notes that HELLO was received. True if it was not the first of this session.
    pub(in crate::core) fn on_hello(&mut self) -> bool {
        self.before_hello = 0;
        std::mem::replace(&mut self.has_hello, true)
    }

    /// Returns whether a tuple of this many bytes is taken from a client that has yet to say HELLO.
    pub(in crate::core) fn takes_before_hello(&mut self, bytes: usize) -> bool {
        self.before_hello = self.before_hello.saturating_add(bytes);
        self.before_hello <= BEFORE_HELLO
    }

    /// Notes that PING, HELLO, PING are sent. `pongs_before`: how many PONGs come before that for the last PING.
    pub(in crate::core) fn begin(&mut self, pongs_before: u32) {
        (self.has_hello, self.pongs_before, self.refused) = (true, pongs_before, false);
    }

    /// Ends the session.
    pub(in crate::core) fn end(&mut self) {
        self.has_hello = false;
    }

    /// Returns the milliseconds to wait before the next handshake on the same connection.
    pub(in crate::core) fn backoff(&mut self, now: u64) -> u64 {
        self.backoff.next(now)
    }

    /// Counts a PONG. The one behind the answer to HELLO shows the outcome.
    pub(in crate::core) fn on_pong(&mut self) -> Option<Outcome> {
        if self.pongs_before > 0 {
            self.pongs_before -= 1;
            return None;
        }
        self.has_hello.then_some(if self.refused { Outcome::Refused } else { Outcome::Accepted })
    }

    /// Takes an INVALID: for what was sent before HELLO, which the server has not seen yet, or for the HELLO.
    pub(in crate::core) fn on_invalid(&mut self) {
        self.refused |= self.pongs_before == 0;
    }
}

/// Pauses between handshakes that follow each other on one connection.
///
/// Answers are told apart by counting PONGs. If the count is ever wrong (a DEALER may send on a new connection what
/// had waited on the old one), each handshake seems to be refused, and the hub sends all its tuples each time. A pause,
/// in which all answers come, sets the count right.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
struct HandshakeBackoff {
    /// Time (mono ms) at which the last handshake was made or is to be.
    last: u64,
    in_a_row: u32,
}

impl HandshakeBackoff {
    /// Milliseconds after which handshakes do not count as following each other.
    const INDEPENDENT: u64 = 5_000;
    /// Handshakes in a row that are made at once: one for a hub that forgot its client, one for a wrong count.
    const WITHOUT_PAUSE: u32 = 2;
    /// The unit of the pauses, in milliseconds: longer than a round trip on most networks; doubles up to 8 s.
    const PAUSE: u64 = 250;

    fn next(&mut self, now: u64) -> u64 {
        self.in_a_row = if now.saturating_sub(self.last) > Self::INDEPENDENT { 0 } else { self.in_a_row + 1 };
        let wait = match self.in_a_row.checked_sub(Self::WITHOUT_PAUSE) {
            None => 0,
            Some(more) => Self::PAUSE << more.clamp(1, 5),
        };
        self.last = now + wait;
        wait
    }
}

/// PINGs that were not answered yet. Answers come in order, so counting tells which PING a PONG belongs to.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::core) struct Pings {
    unanswered: u32,
    expected: u32,
    former: u32,
    /// Whether there has been a connection.
    connected: bool,
}

impl Pings {
    /// PINGs of the former connection that are reckoned with on a new one: a DEALER keeps at least one, and may have
    /// one more on its way; more than eight would delay the handshake for nothing.
    const FORMER: (u32, u32) = (2, 8);

    /// Notes a new connection. An extended peer ends a handshake by its introduction, so that no PONGs are counted.
    pub(in crate::core) fn on_connected(&mut self, to_extended: bool) {
        let former = self.unanswered.clamp(Self::FORMER.0, Self::FORMER.1);
        let former = if self.connected && !to_extended { former } else { 0 };
        *self = Pings { former, connected: true, ..Pings::default() };
    }

    /// Notes that PINGs are sent.
    pub(in crate::core) fn on_sent(&mut self, count: u32) {
        self.unanswered += count;
        self.expected += count;
    }

    /// Counts a PONG.
    pub(in crate::core) fn on_pong(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.expected = self.expected.saturating_sub(1);
    }

    /// PINGs without an answer, lost ones included: what was sent before the last of them has been taken when as many
    /// PONGs have come.
    pub(in crate::core) fn unanswered(&self) -> u32 {
        self.unanswered
    }

    /// PINGs whose answers are still waited for. An answer that is lost does not delay every later handshake.
    pub(in crate::core) fn expected(&self) -> u32 {
        self.expected
    }

    /// Takes the number of PINGs of the former connection that may be sent on this one and be answered.
    pub(in crate::core) fn take_former(&mut self) -> u32 {
        std::mem::take(&mut self.former)
    }

    /// Notes that all answers have come by now or will not.
    pub(in crate::core) fn expect_none(&mut self) {
        self.expected = 0;
    }

    /// Notes that the answers to all PINGs are lost.
    pub(in crate::core) fn forget_unanswered(&mut self) {
        self.unanswered = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_before_the_first_pong_does_not_refuse_hello() {
        for (invalid_after, outcome) in [(0, Outcome::Accepted), (1, Outcome::Refused)] {
            let mut handshake = Handshake::default();
            assert_eq!(handshake.on_pong(), None, "no HELLO was sent");
            handshake.begin(1);
            (0..invalid_after).for_each(|_| assert_eq!(handshake.on_pong(), None));
            handshake.on_invalid();
            (invalid_after..1).for_each(|_| assert_eq!(handshake.on_pong(), None));
            assert_eq!(handshake.on_pong(), Some(outcome));
        }
    }

    #[test]
    fn handshakes_in_a_row_are_made_with_growing_pauses() {
        let mut backoff = HandshakeBackoff::default();
        let mut now = 100_000;
        let mut pauses = Vec::new();
        for _ in 0..9 {
            let pause = backoff.next(now);
            pauses.push(pause);
            now += pause;
        }
        assert_eq!(pauses, [0, 0, 500, 500, 1000, 2000, 4000, 8000, 8000]);
        assert_eq!(backoff.next(now + 5_001), 0);
    }

    #[test]
    fn pings_of_the_former_connection_are_reckoned_with_once() {
        let mut pings = Pings::default();
        pings.on_connected(false);
        assert_eq!(pings.take_former(), 0, "there was no former connection");
        pings.on_sent(20);
        pings.on_connected(false);
        assert_eq!((pings.take_former(), pings.take_former(), pings.expected()), (8, 0, 0));
        pings.on_connected(true);
        assert_eq!(pings.take_former(), 0);
    }
}
