//! Values that a plain peer was sent and has yet to repeat, although the key was sent again after them.
//!
//! A CZMQ node takes what it is sent in order, and repeats each change in order. So a word of the peer that equals such
//! a value is the repetition of it, however long the line is: no news. Once the peer has repeated something that was
//! sent later, it has passed the value, and will not repeat it any more. Times are milliseconds of the monotonic clock.

use crate::core::id::Slot;

/// Number of values that are remembered for one peer: what a hub writes again in a minute or so while the peer's line
/// stands still. They are 24 bytes each, and most lists are empty: a value is here only if the key was sent again within
/// a round trip.
const MOST: usize = 2048;
/// Longest time (ms) for which a value may be under way to a peer and back, for one that was seen to repeat what it is
/// sent and for one that was not: a longer silence ends the connection, and a peer that never repeats anything is not
/// to be taken at its word for too long.
const LONGEST_MS: u64 = 30_000;
const LONGEST_UNSEEN_MS: u64 = 10_000;

/// The last span of time in which nothing at all came from a peer, although such peers give a sign of life every second:
/// the line stood still, or the peer did. Echoes that were under way are later by as much.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub(in crate::core) struct Silence {
    pub(in crate::core) from: u64,
    pub(in crate::core) to: u64,
}

impl Silence {
    /// Milliseconds from `at` to `now` in which the peer could be heard.
    fn audible(self, at: u64, now: u64) -> u64 {
        now.saturating_sub(at).saturating_sub(self.to.saturating_sub(self.from.max(at)))
    }

    /// Returns whether a value that was sent at `at` may yet be under way to the peer and back. `echoes`: the peer was
    /// seen to repeat what it is sent.
    pub(super) fn may_be_under_way(self, at: u64, echoes: bool, now: u64) -> bool {
        self.audible(at, now) < if echoes { LONGEST_MS } else { LONGEST_UNSEEN_MS }
    }
}

/// A value that was sent.
#[derive(Copy, Clone, Debug, PartialEq)]
struct Sent {
    slot: Slot,
    hash: u64,
    at: u64,
}

/// Values that a peer has yet to repeat, besides the last of each key.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlight {
    sent: Vec<Sent>,
    /// The peer has come to what it was sent at this time, and past what it was sent before.
    passed: u64,
}

impl InFlight {
    /// Notes that a key is sent again whose value, sent at `at`, was not repeated.
    pub(super) fn add(&mut self, slot: Slot, hash: u64, at: u64, now: u64) {
        if self.sent.len() >= MOST {
            self.sent.retain(|sent| now.saturating_sub(sent.at) < LONGEST_MS);
        }
        if self.sent.len() >= MOST {
            self.sent.remove(0);
        }
        self.sent.push(Sent { slot, hash, at });
    }

    /// The peer sent a value. Returns when it had been sent that, if it had and this is the repetition: if what was sent
    /// then may yet be under way.
    pub(super) fn take(&mut self, slot: Slot, hash: u64, is_under_way: impl Fn(u64) -> bool) -> Option<u64> {
        let at = self.find(slot, hash, is_under_way)?;
        self.sent.retain(|sent| *sent != Sent { slot, hash, at });
        self.pass(at);
        Some(at)
    }

    /// Returns whether the peer may have yet to come to what it was sent at `at`.
    pub(super) fn has_yet_to_come_to(&self, at: u64) -> bool {
        at >= self.passed
    }

    /// Returns whether the value is one that the peer has yet to repeat.
    pub(super) fn has(&self, slot: Slot, hash: u64, is_under_way: impl Fn(u64) -> bool) -> bool {
        self.find(slot, hash, is_under_way).is_some()
    }

    fn find(&self, slot: Slot, hash: u64, is_under_way: impl Fn(u64) -> bool) -> Option<u64> {
        let is_it = |sent: &&Sent| sent.slot == slot && sent.hash == hash && is_under_way(sent.at);
        self.sent.iter().find(is_it).map(|sent| sent.at)
    }

    /// The peer has come to what it was sent at `at`: what was sent before is not under way any more.
    pub(super) fn pass(&mut self, at: u64) {
        self.passed = self.passed.max(at);
        if self.sent.is_empty() {
            return;
        }
        self.sent.retain(|sent| sent.at >= at);
        if self.sent.is_empty() {
            self.sent = Vec::new();
        }
    }

    /// Bytes of the list.
    pub(super) fn bytes(&self) -> usize {
        self.sent.capacity() * size_of::<Sent>()
    }

    /// Forgets the values of a slot, which another key uses from now on.
    pub(super) fn forget(&mut self, slot: Slot) {
        self.sent.retain(|sent| sent.slot != slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl InFlight {
        fn take_at(&mut self, slot: Slot, hash: u64, echoes: bool, now: u64) -> Option<u64> {
            self.take(slot, hash, |at| Silence::default().may_be_under_way(at, echoes, now))
        }
    }

    #[test]
    fn a_value_is_repeated_once_and_until_the_peer_has_passed_it() {
        let mut values = InFlight::default();
        values.add(1, 10, 100, 100);
        values.add(1, 11, 200, 200);
        values.add(2, 20, 200, 200);
        assert_eq!(values.take_at(1, 12, true, 300), None, "the peer was never sent that");
        assert_eq!(values.take_at(2, 10, true, 300), None, "another key");
        assert_eq!(values.take_at(1, 10, true, 300), Some(100));
        assert_eq!(values.take_at(1, 10, true, 300), None, "the peer sets it again");
        values.pass(200);
        assert_eq!(values.take_at(1, 11, true, 300), Some(200), "it was sent no later");
        values.pass(201);
        assert_eq!(values.take_at(2, 20, true, 300), None, "the peer has passed it");
    }

    #[test]
    fn a_repetition_shows_that_what_was_sent_before_was_taken() {
        let mut values = InFlight::default();
        values.add(1, 10, 100, 100);
        values.add(2, 20, 200, 200);
        assert_eq!(values.take_at(2, 20, false, 300), Some(200));
        assert_eq!(values.take_at(1, 10, false, 300), None);
    }

    #[test]
    fn it_is_bounded_in_number_and_time() {
        let mut values = InFlight::default();
        for number in 0..2 * MOST as u64 {
            values.add(1, number, number, number);
        }
        assert_eq!(values.sent.len(), MOST);
        assert_eq!(values.take_at(1, 0, true, 600), None);
        let last = 2 * MOST as u64 - 1;
        assert_eq!(values.take_at(1, last, false, last + LONGEST_UNSEEN_MS), None);
        assert_eq!(values.take_at(1, last, true, last + LONGEST_UNSEEN_MS), Some(last));
        values.add(3, 1, 700, 700);
        values.forget(3);
        assert_eq!(values.take_at(3, 1, true, 700), None);
    }

    #[test]
    fn a_line_that_stood_still_makes_echoes_late() {
        let silence = Silence { from: 1_000, to: 60_000 };
        assert!(silence.may_be_under_way(900, false, 60_100), "sent just before the line stood still");
        assert!(silence.may_be_under_way(30_000, false, 60_100), "and while it did");
        assert!(
            !silence.may_be_under_way(900, false, 60_000 + LONGEST_UNSEEN_MS),
            "and was heard since for long"
        );
        assert!(!Silence::default().may_be_under_way(900, true, 60_100), "it did not stand still");
    }
}
