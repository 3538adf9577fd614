//! What a node warns of: how long something has to last before it is worth a line, and how rarely it is said again.
//!
//! | file | concern |
//! | --- | --- |
//! | this file | what is remembered of each link |
//! | `limiter` | each warning is said at once, and again every ten minutes at most |
//! | `clocks` | whose clock is wrong |

pub(super) mod clocks;
pub(super) mod limiter;

use crate::core::codec::Summary;
use crate::core::rights::Access;

/// Milliseconds between two looks at all peers. Nothing here is more urgent than a few seconds.
pub(super) const INTERVAL: u64 = 1000;
/// Milliseconds for which clocks have to differ before that is said: a message that was delayed makes a clock look slow
/// until the next heartbeat, which comes after five seconds at most.
pub(super) const CLOCK_LASTS: u64 = 20_000;
/// Milliseconds for which two nodes have to differ, without anything that changes, before that is said. Heartbeats find
/// and repair a difference within seconds.
const DISAGREEMENT_LASTS: u64 = 60_000;
/// Milliseconds for which a peer has to lack the same tuples before that is said: its count may be on its way.
const REFUSAL_LASTS: u64 = 5000;
/// Milliseconds by which a logical clock is ahead of wall clocks for that to be said: as for wall clocks that differ.
pub(super) const FAR_AHEAD: u64 = clocks::APART.cast_unsigned();

/// Counts what happens on a link, until it is said.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Writes that no rule allows, and the last of them: its key, and what it needed.
    pub(super) denied: u64,
    pub(super) last_denied: Option<(Box<[u8]>, Access)>,
    /// Tuples refused for want of room.
    pub(super) no_room: u64,
    /// Tuples refused for want of bytes.
    pub(super) no_bytes: u64,
    /// Tuples refused for the length of their values.
    pub(super) too_long: u64,
    /// Tuples and clocks refused for their time.
    pub(super) drift: u64,
    /// The most milliseconds by which such a time was ahead of the clocks known here.
    pub(super) furthest: u64,
    /// Times that this node's logical clock followed far ahead of the wall clocks known here, and by how many
    /// milliseconds at most.
    pub(super) leads: u64,
    pub(super) lead: u64,
}

/// What a comparison of two nodes depends on. While none of it changes, nothing is under way.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) ours: Summary,
    pub(super) theirs: Summary,
    /// Tuples that the peer is still to be sent, and those that it has announced.
    pub(super) unsent: u64,
    pub(super) awaited: u64,
}

/// Since when something is so.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Since(Option<u64>);

impl Since {
    /// Notes whether it is so now (mono ms). Returns for how many milliseconds it has been.
    pub(super) fn note(&mut self, is: bool, now: u64) -> Option<u64> {
        self.0 = is.then(|| self.0.unwrap_or(now));
        self.0.map(|since| now - since)
    }
}

/// What is remembered of one link, to find out what lasts. Times are milliseconds of the monotonic clock.
#[derive(Clone, Debug, Default)]
pub(super) struct LinkWatch {
    pub(super) tally: Tally,
    /// Since when the peer's clock has looked wrong, with how this was judged.
    clock: Since,
    judged: Option<clocks::Verdict>,
    /// Since when both nodes have differed, and since when nothing has changed that.
    differs: Since,
    standing: Option<(Standing, u64)>,
    /// Since when the peer has lacked this number of tuples.
    refusal: (u64, Since),
}

impl LinkWatch {
    /// Notes how a peer's clock is judged now. Returns the verdict if it has lasted.
    pub(super) fn on_clock(&mut self, verdict: Option<clocks::Verdict>, now: u64) -> Option<clocks::Verdict> {
        if verdict != self.judged {
            (self.judged, self.clock) = (verdict, Since::default());
        }
        self.clock.note(verdict.is_some(), now).filter(|&lasts| lasts >= CLOCK_LASTS).and(verdict)
    }

    /// Notes how both nodes stand. Returns for how many milliseconds they have differed, and whether nothing has changed
    /// that for long.
    pub(super) fn on_standing(&mut self, standing: Standing, now: u64) -> (u64, bool) {
        let lasts = self.differs.note(standing.ours.root != standing.theirs.root, now);
        let since = match self.standing {
            Some((before, since)) if before == standing => since,
            _ => now,
        };
        self.standing = Some((standing, since));
        (lasts.unwrap_or(0), lasts.is_some_and(|lasts| lasts.min(now - since) >= DISAGREEMENT_LASTS))
    }

    /// Notes how many tuples the peer refuses. Returns the number once it is steady.
    pub(super) fn on_refusals(&mut self, count: u64, now: u64) -> Option<u64> {
        if self.refusal.0 != count {
            self.refusal = (count, Since::default());
        }
        self.refusal.1.note(true, now).filter(|&lasts| lasts >= REFUSAL_LASTS).map(|_| count)
    }

    /// Notes that the session is over: what lasted does not last any more.
    pub(super) fn end_session(&mut self) {
        *self = LinkWatch { tally: std::mem::take(&mut self.tally), ..LinkWatch::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(ours: u64, theirs: u64, unsent: u64) -> Standing {
        let [ours, theirs] = [ours, theirs].map(|root| Summary { root, count: root });
        Standing { ours, theirs, unsent, awaited: 0 }
    }

    #[test]
    fn a_difference_is_worth_a_warning_after_a_minute_without_progress() {
        let mut watch = LinkWatch::default();
        for now in (0..120_000).step_by(1000) {
            let (lasts, is_stuck) = watch.on_standing(standing(1, 2, now), now);
            assert_eq!((lasts, is_stuck), (now, false), "something is sent");
        }
        for now in (120_000..300_000).step_by(1000) {
            let (lasts, is_stuck) = watch.on_standing(standing(1, 2, 7), now);
            assert_eq!((lasts, is_stuck), (now, now >= 180_000));
        }
        assert_eq!(watch.on_standing(standing(2, 2, 0), 300_000), (0, false));
        assert_eq!(watch.on_standing(standing(1, 2, 0), 400_000), (0, false));
    }

    #[test]
    fn a_clock_and_a_refusal_have_to_last_and_a_new_session_begins_anew() {
        let verdict = Some(clocks::Verdict::Peer);
        let mut watch = LinkWatch::default();
        assert_eq!((watch.on_clock(verdict, 0), watch.on_clock(verdict, 19_999)), (None, None));
        assert_eq!(watch.on_clock(verdict, 20_000), verdict);
        assert_eq!((watch.on_refusals(3, 0), watch.on_refusals(3, 5000)), (None, Some(3)));
        assert_eq!(watch.on_refusals(4, 6000), None);
        watch.end_session();
        assert_eq!((watch.on_clock(verdict, 20_001), watch.on_refusals(3, 20_001)), (None, None));
    }
}
