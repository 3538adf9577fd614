//! Pace of the heartbeats that a client sends to an extended server with the same tuples.

use crate::core::codec::Summary;

/// Heartbeats of the server that may replace the client's own, in a row: the server may have missed the last one.
const MOST_REPLACED: u32 = 8;

#[derive(Copy, Clone, Debug, Default)]
pub(in crate::core) struct Pace {
    /// Summary in the last heartbeat that was sent on the link, and the number of hidden tuples.
    sent: (Summary, usize),
    /// Number of heartbeats in a row that the server has sent since, with the same summary.
    replaced: u32,
}

impl Pace {
    /// Notes that a heartbeat with this summary and number of hidden tuples is sent.
    pub(in crate::core) fn on_sent(&mut self, summary: Summary, hidden: usize) {
        *self = Pace { sent: (summary, hidden), replaced: 0 };
    }

    /// Ends the idle interval. True if there was one.
    pub(in crate::core) fn end_idle(&mut self) -> bool {
        std::mem::take(&mut self.replaced) > 0
    }

    /// Takes a heartbeat of a server that holds `ours`, as this node does. True if the next heartbeat may wait for the
    /// idle interval, because the server has been sent the same summary before.
    pub(in crate::core) fn may_idle(&mut self, ours: Summary, hidden: usize) -> bool {
        let may = self.sent == (ours, hidden) && self.replaced < MOST_REPLACED;
        self.replaced += u32::from(may);
        may
    }
}
