//! Acknowledgements of a node's barriers by its peers.
//!
//! A barrier is an offset in the change log. When everything before it has been sent on a link, the peer is
//! probed there. Frames keep their order, so the peer's answer means that it has taken what came before the
//! probe. One probe is under way at a time; barriers that are set meanwhile share the next one.

/// Acknowledgements of one peer.
#[derive(Clone, Debug, Default)]
pub(super) struct AckTracker {
    /// The last barrier that the peer has acknowledged.
    acknowledged: u64,
    current: Option<Probe>,
    next: Option<Span>,
}

/// Consecutive barriers that share one probe.
#[derive(Copy, Clone, Debug)]
struct Span {
    first: u64,
    last: u64,
    /// Offset in the change log behind everything that was held at the last barrier.
    offset: u32,
}

#[derive(Copy, Clone, Debug)]
struct Probe {
    span: Span,
    state: State,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    /// The probe is to be sent as soon as everything before the span's end is sent.
    Due,
    /// The probe is to be sent again, not before this time (mono ms).
    Waiting(u64),
    /// Sent, and not answered yet.
    Sent {
        /// PONGs still to come, the last of which is the answer; 0 for peers that answer by a HEARTBEAT.
        pongs: u32,
        /// Whether the peer has turned out, since the probe was sent, to lack something older, which the answer does
        /// not cover.
        overtaken: bool,
    },
}

impl AckTracker {
    /// Adds a barrier at an offset of the change log.
    pub(super) fn set(&mut self, barrier: u64, offset: u32) {
        let alone = Span { first: barrier, last: barrier, offset };
        match (&self.current, &mut self.next) {
            (None, _) => self.current = Some(Probe { span: alone, state: State::Due }),
            (Some(_), Some(next)) => (next.last, next.offset) = (barrier, offset),
            (Some(_), next) => *next = Some(alone),
        }
    }

    /// Returns whether a barrier waits for this peer's acknowledgement.
    pub(super) fn is_open(&self) -> bool {
        self.current.is_some()
    }

    /// Returns whether a barrier that waits covers the change at this offset.
    pub(super) fn covers(&mut self, offset: u32) -> bool {
        self.offsets().any(|end| offset < *end)
    }

    /// Moves barriers that cover the change at `offset` to `end`: that change will not be sent, its successor stands
    /// just before `end`.
    pub(super) fn defer(&mut self, offset: u32, end: u32) {
        self.offsets().filter(|covered| offset < **covered).for_each(|covered| *covered = end);
    }

    /// Returns whether a probe is to be sent when everything before `cursor` has been sent.
    pub(super) fn may_probe(&self, cursor: u32) -> bool {
        self.current.is_some_and(|probe| probe.state == State::Due && cursor >= probe.span.offset)
    }

    /// Notes that the probe is sent, and returns its number. `pongs`: see [`State::Sent`].
    pub(super) fn on_sent(&mut self, pongs: u32) -> Option<u64> {
        let probe = self.current.as_mut()?;
        probe.state = State::Sent { pongs, overtaken: false };
        Some(probe.span.last)
    }

    /// Makes a probe that was sent due again: the session starts anew, so its answer will not come or not mean the
    /// same.
    pub(super) fn probe_again(&mut self) {
        if let Some(probe) = &mut self.current {
            probe.state = State::Due;
        }
    }

    /// Notes that something older than the barrier is sent, or may be, behind the probe.
    pub(super) fn overtake(&mut self) {
        if let Some(Probe { state: State::Sent { overtaken, .. }, .. }) = &mut self.current {
            *overtaken = true;
        }
    }

    /// Counts a PONG. True if it was the answer to the probe.
    pub(super) fn on_pong(&mut self) -> bool {
        match &mut self.current {
            Some(Probe { state: State::Sent { pongs: 1, .. }, .. }) => {
                self.acknowledge();
                true
            }
            Some(Probe { state: State::Sent { pongs, .. }, .. }) => {
                *pongs = pongs.saturating_sub(1);
                false
            }
            _ => false,
        }
    }

    /// Takes the answer to probe `number`. It counts if it is `complete` (the peer lacks nothing) and nothing has
    /// overtaken the probe; returns whether it does. An incomplete one is asked for again from `retry_at` (mono ms) on.
    pub(super) fn on_answer(&mut self, number: u64, complete: bool, retry_at: u64) -> bool {
        let Some(probe) = &mut self.current else { return false };
        let State::Sent { pongs: 0, overtaken } = probe.state else { return false };
        if probe.span.last != number {
            return false;
        }
        match (overtaken, complete) {
            (true, _) => probe.state = State::Due,
            (false, false) => probe.state = State::Waiting(retry_at),
            (false, true) => self.acknowledge(),
        }
        !overtaken && complete
    }

    /// Notes that the peer has taken everything before the barriers of the current probe.
    pub(super) fn acknowledge(&mut self) {
        if let Some(probe) = self.current.take() {
            self.acknowledged = probe.span.last;
        }
        self.current = self.next.take().map(|span| Probe { span, state: State::Due });
    }

    /// Returns the time (mono ms) at which a waiting probe is to be sent again.
    pub(super) fn retry_at(&self) -> Option<u64> {
        match self.current?.state {
            State::Waiting(until) => Some(until),
            _ => None,
        }
    }

    /// Returns whether the peer was asked to acknowledge this barrier and has not done so.
    pub(super) fn lags(&self, barrier: u64) -> bool {
        self.current.is_some_and(|probe| probe.span.first <= barrier) && self.acknowledged < barrier
    }

    /// Returns whether the peer has acknowledged this barrier or a later one.
    pub(super) fn has_acknowledged(&self, barrier: u64) -> bool {
        self.acknowledged >= barrier
    }

    /// The tracker's offsets in the change log, to be adjusted when the log is compacted.
    pub(super) fn offsets(&mut self) -> impl Iterator<Item = &mut u32> {
        let current = self.current.as_mut().map(|probe| &mut probe.span);
        current.into_iter().chain(self.next.as_mut()).map(|span| &mut span.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barriers_set_while_a_probe_is_under_way_share_the_next_probe() {
        let mut acks = AckTracker::default();
        acks.set(1, 10);
        assert!(!acks.may_probe(9) && acks.may_probe(10));
        assert_eq!(acks.on_sent(0), Some(1));
        acks.set(2, 20);
        acks.set(3, 30);
        assert!([1, 2, 3].iter().all(|&barrier| acks.lags(barrier)));
        acks.on_answer(1, true, 0);
        assert!(acks.has_acknowledged(1) && !acks.lags(1));
        assert!(acks.lags(2) && acks.lags(3));
        assert!(!acks.may_probe(29) && acks.may_probe(30));
        assert_eq!(acks.on_sent(0), Some(3));
        acks.on_answer(3, true, 0);
        assert!(acks.has_acknowledged(3) && !acks.lags(2));
    }

    #[test]
    fn an_answer_that_was_overtaken_or_is_bad_does_not_count() {
        let mut acks = AckTracker::default();
        acks.set(1, 0);
        acks.on_sent(0);
        acks.overtake();
        acks.on_answer(1, true, 0);
        assert!(acks.lags(1) && acks.may_probe(0));
        acks.on_sent(0);
        acks.on_answer(7, true, 0);
        assert!(acks.lags(1), "an answer to another probe");
        acks.on_answer(1, false, 50);
        assert!(acks.lags(1) && !acks.may_probe(0));
        assert_eq!(acks.retry_at(), Some(50));
        acks.probe_again();
        assert!(acks.may_probe(0));
        acks.on_sent(2);
        acks.on_answer(1, true, 0);
        assert!(acks.lags(1), "PONGs are awaited");
        assert!(!acks.on_pong() && acks.on_pong() && acks.has_acknowledged(1));
    }

    #[test]
    fn a_link_without_barriers_neither_lags_nor_has_acknowledged_any() {
        let mut acks = AckTracker::default();
        assert!(!acks.lags(1) && !acks.has_acknowledged(1));
        acks.set(5, 0);
        assert!(!acks.lags(4), "the link did not exist when that barrier was set");
    }
}
