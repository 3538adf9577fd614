//! Tuples that are owed to a peer beside the changes of the moment, and the window of bytes that may be under way.
//!
//! A newcomer, or a peer that was away, lacks many tuples. They wait behind everything that changes now, and no more of
//! them is handed to the socket than the peer takes within a short time, so that a fresh write never stands in a queue
//! behind them. The size of that window follows from acknowledgements: questions are sent between the tuples, and the
//! answers show how long everything before them was under way. The rule is that of LEDBAT (RFC 6817): the window grows
//! while the delay is hardly longer than the shortest ever seen, and shrinks when the delay grows.

use crate::core::id::Slot;
use std::collections::{HashSet, VecDeque};

/// Bit in the number of a question by which a window's questions differ from probes.
pub(super) const BULK: u64 = 1 << 63;

/// Bytes of the first window: 100 ms on a line of 20 Mbit/s.
const INITIAL: u64 = 256 << 10;
/// Bytes of the smallest window: four batches, so that a question still finds something to be about.
const SMALLEST: u64 = 64 << 10;
/// Bytes of the largest window: 1 Gbit/s is filled up to a round trip of 64 ms, and the socket's queue stays bounded.
const LARGEST: u64 = 8 << 20;
/// Milliseconds of delay beyond the shortest seen up to which the window grows: LEDBAT's largest target (RFC 6817).
const SHORT: u64 = 100;
/// Milliseconds of delay beyond the shortest seen from which the window is halved: a fresh write waits that long.
const LONG: u64 = 300;
/// Milliseconds, or four times the shortest round trip if that is more, after which an answer counts as missing: longer
/// than a full window delays it.
const MISSING: u64 = 2000;

/// Question that was sent between tuples, and not answered yet.
#[derive(Copy, Clone, Debug)]
struct Asked {
    number: u64,
    /// Bytes sent before the question.
    sent: u64,
    /// Time at which the question was sent (monotonic ms).
    at: u64,
}

/// Window of the bytes that may be under way to one peer.
#[derive(Clone, Debug)]
struct Window {
    /// Bytes that may be under way.
    size: u64,
    /// Bytes sent, in all.
    sent: u64,
    /// Bytes that the peer has shown to have taken, in all.
    acknowledged: u64,
    /// Unanswered questions, oldest first.
    asked: VecDeque<Asked>,
    /// Number of the last question.
    number: u64,
    /// Shortest time from a question to its answer (ms).
    shortest: Option<u64>,
    /// Bytes sent when the window was last halved. The delay of earlier bytes says nothing about the smaller window.
    shrunk_at: u64,
    /// Whether the window no longer bounds anything.
    lifted: bool,
}

impl Default for Window {
    fn default() -> Window {
        Window {
            size: INITIAL,
            sent: 0,
            acknowledged: 0,
            asked: VecDeque::new(),
            number: 0,
            shortest: None,
            shrunk_at: 0,
            lifted: false,
        }
    }
}

impl Window {
    /// Returns whether more may be sent.
    fn is_open(&self) -> bool {
        self.lifted || self.sent - self.acknowledged < self.size
    }

    /// Bytes sent since the last question.
    fn unasked(&self) -> u64 {
        self.sent - self.asked.back().map_or(self.acknowledged, |last| last.sent)
    }

    /// Number of the question that is sent now.
    fn ask(&mut self, now: u64) -> u64 {
        self.number += 1;
        self.asked.push_back(Asked { number: self.number, sent: self.sent, at: now });
        self.number | BULK
    }

    /// Takes an answer, and adjusts the window to the delay that it shows.
    fn answer(&mut self, number: u64, now: u64) {
        while let Some(&Asked { number: asked, sent, at }) = self.asked.front() {
            if asked > number {
                return;
            }
            self.asked.pop_front();
            if asked < number {
                continue;
            }
            let (took, more) = (now.saturating_sub(at), sent.saturating_sub(self.acknowledged));
            self.acknowledged = self.acknowledged.max(sent);
            let shortest = self.shortest.map_or(took, |shortest| shortest.min(took));
            self.shortest = Some(shortest);
            if took - shortest <= SHORT {
                self.size = (self.size + more).min(LARGEST);
            } else if took - shortest >= LONG && sent >= self.shrunk_at {
                self.size = (self.size / 2).max(SMALLEST);
                self.shrunk_at = self.sent;
            }
        }
    }

    /// Returns the time at which the answer to the last question counts as missing (monotonic ms).
    fn missing_at(&self) -> Option<u64> {
        let wait = MISSING.max(4 * self.shortest.unwrap_or(0));
        self.asked.back().map(|asked| asked.at + wait)
    }
}

/// Tuples that are owed to one peer in bulk.
#[derive(Clone, Debug, Default)]
pub(super) struct Bulk {
    /// Single tuples, in the order in which they are to be sent, each once.
    owed: VecDeque<Slot>,
    /// Set of the single tuples, for lookup.
    owed_set: HashSet<Slot>,
    /// Range of the change log that is owed: from the first offset to before the second.
    backlog: (u32, u32),
    window: Window,
}

impl Bulk {
    /// Bytes of what is owed, and of the window.
    pub(super) fn bytes(&self) -> usize {
        // Queues and tables have room for twice as much at most.
        let owed = self.owed.len() + 2 * self.owed_set.len();
        2 * (owed * size_of::<Slot>() + self.window.asked.len() * size_of::<Asked>())
    }

    /// Drops everything that is owed: the connection is gone, or the session starts anew.
    pub(super) fn clear(&mut self) {
        *self = Bulk::default();
    }

    /// Adds a tuple.
    pub(super) fn owe(&mut self, slot: Slot) {
        if self.owed_set.insert(slot) {
            self.owed.push_back(slot);
        }
    }

    /// Adds everything in the change log before `offset`.
    pub(super) fn owe_all_before(&mut self, offset: u32) {
        self.backlog = (0, offset);
    }

    /// The next single tuple, which stays owed.
    pub(super) fn peek(&self) -> Option<Slot> {
        self.owed.front().copied()
    }

    /// Removes the next single tuple.
    pub(super) fn pop(&mut self) -> Option<Slot> {
        let slot = self.owed.pop_front()?;
        self.owed_set.remove(&slot);
        Some(slot)
    }

    /// Lifts the window: all that is owed may be sent, and no questions are asked about it.
    pub(super) fn lift(&mut self) {
        self.window.lifted = true;
    }

    /// Range of the change log that is owed.
    pub(super) fn backlog(&self) -> (u32, u32) {
        self.backlog
    }

    /// Bytes that were sent and that the peer has not yet shown to have taken.
    pub(super) fn unacknowledged(&self) -> u64 {
        self.window.sent - self.window.acknowledged
    }

    /// Notes that the range was sent up to `offset`.
    pub(super) fn advance(&mut self, offset: u32) {
        self.backlog.0 = offset.min(self.backlog.1);
    }

    /// Removes the next offset of the range.
    pub(super) fn next_offset(&mut self) -> Option<u32> {
        let (at, end) = self.backlog;
        (at < end).then(|| {
            self.backlog.0 += 1;
            at
        })
    }

    /// The debt's offsets in the change log, to be moved when the log is compacted.
    pub(super) fn offsets(&mut self) -> impl Iterator<Item = &mut u32> {
        [&mut self.backlog.0, &mut self.backlog.1].into_iter()
    }

    /// Returns whether nothing is owed.
    pub(super) fn is_empty(&self) -> bool {
        self.owed.is_empty() && self.backlog.0 >= self.backlog.1
    }

    /// Returns whether the tuple in `slot`, whose latest change is at `offset`, is owed.
    pub(super) fn owes(&self, slot: Slot, offset: u32) -> bool {
        (self.backlog.0..self.backlog.1).contains(&offset) || self.owed_set.contains(&slot)
    }

    /// Number of tuples that are owed.
    pub(super) fn len(&self) -> usize {
        self.owed.len() + (self.backlog.1.saturating_sub(self.backlog.0)) as usize
    }

    /// Returns whether all that was owed was sent, and the peer has shown that it took it.
    pub(super) fn is_settled(&self) -> bool {
        self.is_empty() && self.window.sent == self.window.acknowledged
    }

    /// Returns whether something is owed that may be sent now.
    pub(super) fn may_send(&self) -> bool {
        !self.is_empty() && self.window.is_open()
    }

    /// Takes note that a frame was sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.window.sent += bytes as u64;
    }

    /// Returns whether a question is to be sent now: a quarter of the window was sent since the last one, so that
    /// answers come before the window is used up, or everything was.
    pub(super) fn may_ask(&self) -> bool {
        let unasked = self.window.unasked();
        !self.window.lifted && (unasked >= self.window.size / 4 || unasked > 0 && self.is_empty())
    }

    /// Number of the question that is sent now.
    pub(super) fn ask(&mut self, now: u64) -> u64 {
        self.window.ask(now)
    }

    /// Takes the peer's answer to a question.
    pub(super) fn answer(&mut self, number: u64, now: u64) {
        self.window.answer(number & !BULK, now);
    }

    /// Returns the time at which the answer to the last question counts as lost (monotonic ms).
    pub(super) fn missing_at(&self) -> Option<u64> {
        self.window.missing_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends as much as the window allows over a line of `rate` bytes a millisecond and `length` ms each way, until
    /// `bytes` bytes are through. Returns the time (ms) that took, and the longest time that a byte stood in the line's
    /// queue.
    fn send(bytes: u64, rate: u64, length: u64) -> (u64, u64) {
        const FRAME: u64 = 16 << 10;
        let mut bulk = Bulk::default();
        bulk.owe(1);
        let (mut sent, mut free_at, mut longest, mut now) = (0, 0, 0, 0);
        let mut answers: VecDeque<(u64, u64)> = VecDeque::new();
        while bulk.window.acknowledged < bytes {
            while sent < bytes && bulk.may_send() {
                bulk.sent(FRAME as usize);
                sent += FRAME;
                free_at = now.max(free_at) + FRAME / rate;
                longest = longest.max(free_at - now);
                if bulk.may_ask() || sent >= bytes {
                    let number = bulk.ask(now);
                    answers.push_back((free_at + 2 * length, number));
                }
            }
            let (at, number) = answers.pop_front().expect("a question is under way");
            now = now.max(at);
            bulk.answer(number, now);
        }
        (now, longest)
    }

    #[test]
    fn a_slow_line_has_a_short_queue_and_a_fast_one_is_filled() {
        // 20 Mbit/s, 5 ms
        let (took, longest) = send(20 << 20, 2_500, 5);
        assert!(took < 10_000 && longest < 700, "{took} {longest}");
        // 1 Gbit/s, 300 ms each way
        let (took, _) = send(100 << 20, 125_000, 300);
        assert!(took < 12_000, "{took}");
        // Within the machine
        let (took, _) = send(100 << 20, 1 << 20, 0);
        assert!(took < 250, "{took}");
    }

    #[test]
    fn answers_that_come_twice_or_not_at_all_do_no_harm() {
        let mut bulk = Bulk::default();
        bulk.owe(1);
        bulk.sent(100_000);
        let (first, second) = (bulk.ask(0), bulk.ask(10));
        bulk.answer(first, 20);
        bulk.answer(first, 20);
        bulk.sent(100);
        let third = bulk.ask(30);
        bulk.answer(third, 40);
        bulk.answer(second, 50);
        assert_eq!(bulk.pop(), Some(1));
        assert!(bulk.is_settled() && bulk.missing_at().is_none());
    }
}
