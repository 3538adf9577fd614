//! Who goes first where a flood is passed on.
//!
//! Changes are sent in the order of the change log. Beside a peer that writes more than others can take, everybody's
//! changes would wait behind its own: in the log, and in the sockets of those that it is too much for. So a writer that
//! writes much within a short time is *heavy*. As long as others write, too, a link that lags behind the log is sent
//! what these have written first, by the *express*; and what the heavy one has written is sent no faster than the peer
//! acknowledges it. Where nobody is heavy, or nobody else writes, the log alone decides.
//!
//! The express is a second way to what the log has, and nothing depends on it: what it loses comes by the log.

use super::clock::Stamp;
use super::id::{LinkId, Slot};
use std::collections::{BTreeMap, VecDeque};

/// Bytes that a writer may send at once and not count as heavy: the whole of a usual network's tuples.
const BURST: u64 = 256 << 10;
/// Bytes in a millisecond that a writer may send for ever and not count as heavy.
const RATE: u64 = 4 << 10;
/// Milliseconds for which a writer stays heavy after it was last so.
const HEAVY_FOR: u64 = 1000;
/// Milliseconds for which somebody who has written a little counts as one who writes.
const LIGHT_FOR: u64 = 2000;
/// Changes in the express, and on a link those that were sent by it before the log's turn.
const MOST: usize = 4096;

/// How much a writer has sent of late.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Flow {
    /// Bytes, less those that its time allowed for.
    level: u64,
    /// The moment of the last bytes (mono ms).
    at: u64,
    /// The moment until which the writer is heavy (mono ms).
    heavy_until: u64,
}

impl Flow {
    /// Counts bytes that were sent now (mono ms).
    #[inline]
    pub(super) fn on_sent(&mut self, bytes: usize, now: u64) {
        let allowed = now.saturating_sub(self.at).saturating_mul(RATE);
        self.at = now;
        self.level = self.level.saturating_sub(allowed).saturating_add(bytes as u64);
        if self.level > BURST {
            // No more is remembered, so that it ends.
            self.level = BURST + 1;
            self.heavy_until = now + HEAVY_FOR;
        }
    }

    /// Returns whether the writer is heavy.
    #[inline]
    pub(super) fn is_heavy(&self, now: u64) -> bool {
        now < self.heavy_until
    }
}

/// The writers of a node, and the express.
#[derive(Clone, Debug, Default)]
pub(super) struct Lanes {
    /// What the owner has written of late.
    pub(super) own: Flow,
    /// Whether the peer is heavy whose frame is handled now.
    pub(super) is_peer_heavy: bool,
    /// The moment until which some writer is heavy (mono ms).
    heavy_until: u64,
    /// The last writer that was not, and the moment until which it counts (mono ms).
    light: Option<(Option<LinkId>, u64)>,
    /// Keys that light writers have changed beside a heavy one.
    express: VecDeque<Slot>,
    /// Number of all changes that were ever in the express.
    end: u64,
}

impl Lanes {
    /// Notes a change by a peer, or by the owner, at this moment (mono ms).
    #[inline]
    pub(super) fn on_change(&mut self, slot: Slot, writer: Option<LinkId>, now: u64) {
        let is_heavy = if writer.is_some() { self.is_peer_heavy } else { self.own.is_heavy(now) };
        if is_heavy {
            self.heavy_until = now + HEAVY_FOR;
            // It was light until now.
            self.light = self.light.filter(|(light, _)| *light != writer);
            return;
        }
        self.light = Some((writer, now + LIGHT_FOR));
        if now < self.heavy_until {
            if self.express.len() == MOST {
                self.express.pop_front();
            }
            self.express.push_back(slot);
            self.end += 1;
        }
    }

    /// Returns whether somebody writes beside a heavy writer.
    #[inline]
    pub(super) fn are_contended(&self, now: u64) -> bool {
        now < self.heavy_until && self.light.is_some_and(|(_, until)| now < until)
    }

    /// Returns the next change of the express for a link.
    pub(super) fn peek(&self, ahead: &Ahead) -> Option<Slot> {
        let first = self.end - self.express.len() as u64;
        let next = ahead.next.max(first);
        self.express.get((next - first) as usize).copied()
    }

    /// Notes that a link has been given the next change of the express.
    pub(super) fn advance(&self, ahead: &mut Ahead) {
        ahead.next = ahead.next.max(self.end - self.express.len() as u64) + 1;
    }
}

/// What a link was sent by the express, before the log's turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Ahead {
    /// Number of the next change of the express.
    next: u64,
    /// Stamps that were sent of keys that are still owed by the log.
    sent: BTreeMap<Slot, Stamp>,
}

impl Ahead {
    /// Returns whether nothing was sent before its turn.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Returns whether no more may be sent before its turn.
    pub(super) fn is_full(&self) -> bool {
        self.sent.len() >= MOST
    }

    /// Notes that a key's value is sent before its turn. False if that was so already.
    pub(super) fn send(&mut self, slot: Slot, stamp: Stamp) -> bool {
        self.sent.insert(slot, stamp) != Some(stamp)
    }

    /// Takes the log's turn of a key. Returns whether this value was sent before.
    pub(super) fn was_sent(&mut self, slot: Slot, stamp: Stamp) -> bool {
        self.sent.remove(&slot) == Some(stamp)
    }

    /// Notes that all is sent that the log has, or that there is a new session.
    pub(super) fn clear(&mut self) {
        self.sent.clear();
    }

    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        2 * self.sent.len() * size_of::<(Slot, Stamp)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: [Option<LinkId>; 2] = [Some(LinkId(1)), Some(LinkId(2))];

    #[test]
    fn who_writes_much_at_once_is_heavy_and_who_does_so_in_a_long_time_is_not() {
        let mut flow = Flow::default();
        for now in 0..10_000 {
            flow.on_sent(RATE as usize, now);
            assert!(!flow.is_heavy(now));
        }
        flow.on_sent(100 << 20, 10_000);
        assert!(flow.is_heavy(10_000) && flow.is_heavy(10_000 + HEAVY_FOR - 1));
        flow.on_sent(1, 10_000 + HEAVY_FOR);
        assert!(!flow.is_heavy(10_000 + HEAVY_FOR));
    }

    #[test]
    fn it_takes_two_to_contend() {
        let mut lanes = Lanes::default();
        lanes.on_change(1, LINK[0], 100);
        lanes.is_peer_heavy = true;
        lanes.on_change(2, LINK[0], 101);
        assert!(!lanes.are_contended(101), "the light writer has become the heavy one");
        lanes.on_change(3, None, 102);
        assert!(lanes.are_contended(102));
        assert_eq!(lanes.peek(&Ahead::default()), Some(3));
        assert!(!lanes.are_contended(101 + HEAVY_FOR));
        lanes.on_change(4, LINK[1], 2000);
        assert!(!lanes.are_contended(2000 + LIGHT_FOR));
    }

    #[test]
    fn the_express_forgets_its_oldest_and_sends_each_once() {
        let mut lanes = Lanes { is_peer_heavy: true, ..Lanes::default() };
        lanes.on_change(0, LINK[0], 1);
        lanes.is_peer_heavy = false;
        let count = MOST as Slot + 10;
        (0..count).for_each(|slot| lanes.on_change(slot, LINK[1], 2));
        let mut ahead = Ahead::default();
        let mut seen = Vec::new();
        while let Some(slot) = lanes.peek(&ahead) {
            lanes.advance(&mut ahead);
            seen.push(slot);
        }
        assert_eq!(seen, (10..count).collect::<Vec<_>>());
        let (one, other) = (Stamp { time: 1, origin: 1 }, Stamp { time: 2, origin: 1 });
        assert!(ahead.send(7, one) && !ahead.send(7, one) && ahead.send(7, other));
        assert!(!ahead.was_sent(7, one) && !ahead.was_sent(7, other), "it has changed since");
    }
}
