//! The order in which links send.
//!
//! A link that has something to send is *ready* and waits for its turn. A link whose peer's queue is full is *blocked*
//! and is tried again when its socket may have room, or after a short while.

use std::collections::VecDeque;

use crate::core::LinkId;

/// Bounds of the wait between two tries of blocked links (ms).
const SHORTEST_RETRY: u64 = 5;
const LONGEST_RETRY: u64 = 50;

/// Number of blocked links up to which they are tried whenever there may be room; more are tried once in a
/// millisecond.
const FEW: usize = 16;

/// Number of links from which on a round is followed by a pause.
///
/// One change for a thousand peers is a thousand frames and a thousand wake-ups, tens of milliseconds' work for the
/// machine; changes that come meanwhile are better sent together than each by itself. A round that took long shows
/// that the machine has more to do than it can, and makes for a longer pause. With fewer peers, or with changes now
/// and then, nobody ever waits.
const MANY: usize = 64;

/// Number of links in a round for each millisecond of the pause. (Measured: a thousand nodes that start at once agree
/// in a third of the time that they need without a pause; 32 and 64 are less steady on a busy machine.)
const LINKS_PER_MS: usize = 16;

/// The longest pause (ms).
const LONGEST_PAUSE: u64 = 100;

/// The links that have something to send, in the order of their turns. All times are in milliseconds of
/// [`Now::mono`](crate::core::Now::mono).
#[derive(Default)]
pub(super) struct SendQueue {
    ready: VecDeque<LinkId>,
    blocked: VecDeque<LinkId>,
    round: Round,
    /// Time before which the next round does not begin.
    paused_until: u64,
    /// Time at which blocked links are tried again, whatever happens.
    retry_at: u64,
    /// The moment of the last try.
    tried_at: u64,
    /// The wait after a try that came to nothing (ms).
    retry_interval: u64,
    /// Whether a socket was used or had events since the last try, so that there may be room.
    may_have_room: bool,
    /// Whether a link was blocked since the sockets were asked last, and its queue may have drained while others sent.
    is_newly_blocked: bool,
}

/// A round of turns.
#[derive(Default)]
struct Round {
    /// The number of links that were ready when the round began.
    size: usize,
    /// Number of links that have not had their turn in this round.
    left: usize,
    /// The moment when the round began.
    begun: u64,
}

/// A try of the links that are blocked.
pub(super) struct Retry {
    /// The number of links that are tried.
    pub(super) count: usize,
    /// The wait was over, and no socket gave a reason.
    is_due: bool,
}

impl SendQueue {
    /// Adds a link that has something to send.
    pub(super) fn push(&mut self, id: LinkId) {
        self.ready.push_back(id);
    }

    /// Adds a link whose peer's queue is full; `has_sent` if it had room for some frames of the same turn.
    pub(super) fn block(&mut self, id: LinkId, has_sent: bool, now: u64) {
        self.is_newly_blocked |= has_sent;
        if self.blocked.is_empty() {
            self.retry_interval = SHORTEST_RETRY;
            self.retry_at = now + SHORTEST_RETRY;
        }
        self.blocked.push_back(id);
    }

    /// Returns whether any link waits for its turn.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Returns whether any link waits for room.
    pub(super) fn has_blocked(&self) -> bool {
        !self.blocked.is_empty()
    }

    /// Notes that a socket was used or had events.
    pub(super) fn note_room(&mut self) {
        self.may_have_room = true;
    }

    /// Notes that sockets are asked for their events, which resets what libzmq signals. True if a link was blocked
    /// since they were asked last: libzmq would not signal again that there is room for it.
    pub(super) fn take_newly_blocked(&mut self) -> bool {
        let is_newly_blocked = std::mem::take(&mut self.is_newly_blocked);
        self.may_have_room |= is_newly_blocked;
        is_newly_blocked
    }

    /// Lets all links have their turn at once: the node ends.
    pub(super) fn skip_waits(&mut self) {
        self.paused_until = 0;
        self.retry_at = 0;
    }

    /// Begins a try of the blocked links, if that makes sense now. The caller takes each by
    /// [`next_blocked`](SendQueue::next_blocked) and ends the try by [`end_retry`](SendQueue::end_retry).
    pub(super) fn begin_retry(&mut self, now: u64) -> Option<Retry> {
        let may_have_room = std::mem::take(&mut self.may_have_room);
        let count = self.blocked.len();
        if count == 0 {
            self.retry_interval = SHORTEST_RETRY;
            return None;
        }
        let is_due = now >= self.retry_at;
        let is_likely = may_have_room && (count <= FEW || now > self.tried_at);
        (is_due || is_likely).then_some(Retry { count, is_due })
    }

    /// Takes the blocked link that waits longest.
    pub(super) fn next_blocked(&mut self) -> Option<LinkId> {
        self.blocked.pop_front()
    }

    /// Ends a try. If no link could send, the wait before the next one is doubled.
    pub(super) fn end_retry(&mut self, retry: &Retry, now: u64) {
        self.tried_at = now;
        if self.blocked.len() < retry.count {
            self.retry_interval = SHORTEST_RETRY;
        } else if retry.is_due {
            self.retry_interval = (self.retry_interval * 2).clamp(SHORTEST_RETRY, LONGEST_RETRY);
        }
        self.retry_at = now + self.retry_interval;
    }

    /// Begins a round of turns or goes on with the present one. False during a pause.
    pub(super) fn begin_round(&mut self, now: u64) -> bool {
        if self.round.left > 0 {
            return true;
        }
        if now < self.paused_until {
            return false;
        }
        self.round = Round { size: self.ready.len(), left: self.ready.len(), begun: now };
        true
    }

    /// Takes the link whose turn is next in this round.
    pub(super) fn next_ready(&mut self) -> Option<LinkId> {
        self.round.left = self.round.left.checked_sub(1)?;
        let next = self.ready.pop_front();
        if next.is_none() {
            self.round.left = 0;
        }
        next
    }

    /// Returns whether the round is over and was so large that a pause follows.
    pub(super) fn needs_pause(&self) -> bool {
        self.round.left == 0 && self.round.size >= MANY
    }

    /// Begins the pause after a large round that ended now.
    pub(super) fn pause(&mut self, now: u64) {
        let pause = (self.round.size / LINKS_PER_MS) as u64;
        let pause = pause.max(2 * (now - self.round.begun)).min(LONGEST_PAUSE);
        self.paused_until = now + pause;
    }

    /// The moment when a link may send, or is to be tried again.
    pub(super) fn next_turn(&self) -> Option<u64> {
        let in_round = if self.round.left > 0 { 0 } else { self.paused_until };
        let ready = self.has_ready().then_some(in_round);
        let blocked = self.has_blocked().then_some(self.retry_at);
        [ready, blocked].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Node, Now, Role, Settings};

    fn links(count: usize) -> Vec<LinkId> {
        let now = Now { mono: 1, wall: 1 };
        let mut node = Node::new(Settings::default(), 1, now);
        (0..count).map(|_| node.open_link(Role::Client, now).unwrap()).collect()
    }

    #[test]
    fn small_rounds_follow_each_other_and_large_ones_after_a_pause() {
        for (count, pause) in [(MANY - 1, 0), (MANY, (MANY / LINKS_PER_MS) as u64)] {
            let mut queue = SendQueue::default();
            let links = links(count);
            for &id in &links {
                queue.push(id);
            }
            assert!(queue.begin_round(10));
            for &id in &links {
                assert_eq!(queue.next_ready(), Some(id));
                queue.push(id); // it has more to send, in the next round
            }
            assert_eq!(queue.next_ready(), None);
            assert_eq!(queue.needs_pause(), pause > 0);
            if queue.needs_pause() {
                queue.pause(10);
                assert_eq!(queue.next_turn(), Some(10 + pause));
                assert!(!queue.begin_round(10 + pause - 1));
            }
            assert!(queue.begin_round(10 + pause));
        }
    }

    #[test]
    fn blocked_links_are_tried_when_there_may_be_room_and_else_ever_more_rarely() {
        let mut queue = SendQueue::default();
        let id = links(1)[0];
        queue.block(id, true, 100);
        assert!(queue.begin_retry(100).is_none());
        assert!(queue.take_newly_blocked() && !queue.take_newly_blocked());
        let mut now = 100;
        for wait in [0, 5, 10, 20, 40, 50, 50] {
            now += wait;
            let retry = queue.begin_retry(now).expect("it is time");
            assert_eq!(queue.next_blocked(), Some(id));
            queue.block(id, false, now);
            queue.end_retry(&retry, now);
            assert!(queue.begin_retry(now).is_none());
        }
    }
}
