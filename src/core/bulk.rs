//! What is owed to a peer beside the changes of the moment, and how much of it may be under way.
//!
//! A newcomer, or a peer that was away, lacks many tuples. They wait behind everything that changes now, and
//! no more of them is handed to the socket than the peer takes within a short time, so that a fresh write never
//! stands in a queue behind them. How much that is, acknowledgements tell: questions are sent between the
//! tuples, and their answers show how long everything before them was on its way. The rule is that of
//! LEDBAT (RFC 6817): more while the delay is hardly longer than the shortest ever seen, less when it grows.

use crate::core::id::Slot;
use std::collections::{HashSet, VecDeque};

/// Marks the number of a question as one of this file's.
pub(super) const BULK: u64 = 1 << 63;

/// Bytes that may be under way: at first, at least and at most.
const FIRST: u64 = 256 << 10;
const LEAST: u64 = 64 << 10;
const MOST: u64 = 8 << 20;
/// Milliseconds of delay beyond the shortest seen below which more may be under way …
const SHORT: u64 = 100;
/// … and above which it must be less.
const LONG: u64 = 300;
/// An answer is missing when it has not come within this time (ms), or four times the shortest seen.
const MISSING: u64 = 2000;

/// A question that was asked between tuples.
#[derive(Copy, Clone, Debug)]
struct Asked {
    number: u64,
    /// Bytes sent before it.
    sent: u64,
    /// When (ms).
    at: u64,
}

/// How many bytes may be under way to one peer.
#[derive(Clone, Debug)]
struct Window {
    size: u64,
    sent: u64,
    acknowledged: u64,
    asked: VecDeque<Asked>,
    number: u64,
    /// The shortest time from a question to its answer (ms).
    shortest: Option<u64>,
    /// What was sent before the window was last made smaller tells nothing about the smaller one.
    shrunk_at: u64,
    /// It does not count any more.
    lifted: bool,
}

impl Default for Window {
    fn default() -> Window {
        Window {
            size: FIRST,
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
    fn is_open(&self) -> bool {
        self.lifted || self.sent - self.acknowledged < self.size
    }

    /// Bytes sent since the last question.
    fn unasked(&self) -> u64 {
        self.sent - self.asked.back().map_or(self.acknowledged, |last| last.sent)
    }

    fn ask(&mut self, now: u64) -> u64 {
        self.number += 1;
        self.asked.push_back(Asked { number: self.number, sent: self.sent, at: now });
        self.number | BULK
    }

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
                self.size = (self.size + more).min(MOST);
            } else if took - shortest >= LONG && sent >= self.shrunk_at {
                self.size = (self.size / 2).max(LEAST);
                self.shrunk_at = self.sent;
            }
        }
    }

    fn missing_at(&self) -> Option<u64> {
        let wait = MISSING.max(4 * self.shortest.unwrap_or(0));
        self.asked.back().map(|asked| asked.at + wait)
    }
}

/// What is owed to one peer in bulk.
#[derive(Clone, Debug, Default)]
pub(super) struct Bulk {
    /// Single tuples, each once.
    owed: VecDeque<Slot>,
    owed_set: HashSet<Slot>,
    /// A stretch of the change log: from the first offset to before the second.
    backlog: (u32, u32),
    window: Window,
}

impl Bulk {
    /// Drops all that is owed: the connection is gone, or the session starts anew.
    pub(super) fn clear(&mut self) {
        *self = Bulk::default();
    }

    /// Owes a tuple.
    pub(super) fn owe(&mut self, slot: Slot) {
        if self.owed_set.insert(slot) {
            self.owed.push_back(slot);
        }
    }

    /// Owes everything in the log before this offset.
    pub(super) fn owe_all_before(&mut self, offset: u32) {
        self.backlog = (0, offset);
    }

    /// The next single tuple, which stays.
    pub(super) fn peek(&self) -> Option<Slot> {
        self.owed.front().copied()
    }

    /// Takes the next single tuple.
    pub(super) fn pop(&mut self) -> Option<Slot> {
        let slot = self.owed.pop_front()?;
        self.owed_set.remove(&slot);
        Some(slot)
    }

    /// No more is to be known of what arrives: all that is owed may be sent, and nothing is asked about it.
    pub(super) fn lift(&mut self) {
        self.window.lifted = true;
    }

    /// The stretch of the log that is owed.
    pub(super) fn backlog(&self) -> (u32, u32) {
        self.backlog
    }

    /// The stretch is sent up to this offset.
    pub(super) fn advance(&mut self, offset: u32) {
        self.backlog.0 = offset.min(self.backlog.1);
    }

    /// The next offset of the stretch.
    pub(super) fn next_offset(&mut self) -> Option<u32> {
        let (at, end) = self.backlog;
        (at < end).then(|| {
            self.backlog.0 += 1;
            at
        })
    }

    /// The offsets in the change log that are kept here.
    pub(super) fn offsets(&mut self) -> impl Iterator<Item = &mut u32> {
        [&mut self.backlog.0, &mut self.backlog.1].into_iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.owed.is_empty() && self.backlog.0 >= self.backlog.1
    }

    /// Whether this tuple, whose latest change is at `offset`, is owed.
    pub(super) fn owes(&self, slot: Slot, offset: u32) -> bool {
        (self.backlog.0..self.backlog.1).contains(&offset) || self.owed_set.contains(&slot)
    }

    /// How many tuples are owed.
    pub(super) fn len(&self) -> usize {
        self.owed.len() + (self.backlog.1.saturating_sub(self.backlog.0)) as usize
    }

    /// Whether all that was owed is sent, and the peer has shown that it took it.
    pub(super) fn is_settled(&self) -> bool {
        self.is_empty() && self.window.sent == self.window.acknowledged
    }

    /// Whether there is something to send that may be sent now.
    pub(super) fn may_send(&self) -> bool {
        !self.is_empty() && self.window.is_open()
    }

    /// A frame was sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.window.sent += bytes as u64;
    }

    /// Whether a question is to be asked: often enough that answers come before the window is used up.
    pub(super) fn may_ask(&self) -> bool {
        let unasked = self.window.unasked();
        !self.window.lifted && (unasked >= self.window.size / 4 || unasked > 0 && self.is_empty())
    }

    /// The number of the question that is asked now.
    pub(super) fn ask(&mut self, now: u64) -> u64 {
        self.window.ask(now)
    }

    /// The peer answers a question.
    pub(super) fn answer(&mut self, number: u64, now: u64) {
        self.window.answer(number & !BULK, now);
    }

    /// When the answer to the last question must be taken to be lost.
    pub(super) fn missing_at(&self) -> Option<u64> {
        self.window.missing_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends as much as may be sent at once over a line that takes so many bytes a millisecond and is so long
    /// (ms), until so many bytes are through. Returns the time that took, and the longest time that anything
    /// stood in a queue.
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
