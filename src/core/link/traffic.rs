//! Counters of one link, and its round-trip time: what the owner may see of the traffic with a peer.

/// Counters of one link since it was made, whatever connections it has had.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages received from the peer.
    pub frames_in: u64,
    /// Messages made for the peer.
    pub frames_out: u64,
    /// Bytes of the messages received.
    pub bytes_in: u64,
    /// Bytes of the messages made.
    pub bytes_out: u64,
    /// Tuples that were received from the peer and refused, for a limit or a time stamp too far ahead.
    pub refused: u64,
}

impl Traffic {
    /// Counts a frame from the peer.
    #[inline]
    pub(in crate::core) fn on_received(&mut self, bytes: usize) {
        self.frames_in += 1;
        self.bytes_in += bytes as u64;
    }

    /// Counts a frame to the peer.
    #[inline]
    pub(in crate::core) fn on_sent(&mut self, bytes: usize) {
        self.frames_out += 1;
        self.bytes_out += bytes as u64;
    }

    /// Counts a tuple of the peer's that is refused.
    pub(in crate::core) fn on_refused(&mut self) {
        self.refused += 1;
    }
}

/// Measurement of the round-trip time by questions that are asked for other reasons. One question is timed at a time;
/// the peer answers in order, so the first answer is that to the first question.
#[derive(Copy, Clone, Debug, Default)]
pub(in crate::core) struct RoundTrip {
    /// Time (mono ms) at which the question that is timed was asked.
    asked_at: Option<u64>,
    /// Milliseconds from the last question that was timed to its answer.
    last: Option<u64>,
}

impl RoundTrip {
    /// Notes that the peer is asked something; a question that is timed already goes on.
    pub(in crate::core) fn on_asked(&mut self, now: u64) {
        self.asked_at.get_or_insert(now);
    }

    /// Notes an answer.
    pub(in crate::core) fn on_answer(&mut self, now: u64) {
        if let Some(asked_at) = self.asked_at.take() {
            self.last = Some(now.saturating_sub(asked_at));
        }
    }

    /// Notes that the connection is lost: neither an answer nor the time measured is that of the next one.
    pub(in crate::core) fn on_disconnected(&mut self) {
        *self = RoundTrip::default();
    }

    /// Milliseconds from a question to its answer, measured last on this connection.
    pub(in crate::core) fn last(self) -> Option<u64> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_is_that_to_the_first_question() {
        let mut time = RoundTrip::default();
        time.on_answer(5);
        assert_eq!(time.last(), None, "nothing was asked");
        time.on_asked(10);
        time.on_asked(20);
        time.on_answer(40);
        time.on_answer(90);
        assert_eq!(time.last(), Some(30));
        time.on_asked(100);
        time.on_disconnected();
        time.on_answer(300);
        assert_eq!(time.last(), None);
    }
}
