//! Tuples that a neighbour asked not to be sent, and their announcements.

use super::MAX_ORIGINS;
use crate::core::clock::{Now, Stamp};
use crate::core::id::{Role, Slot};
use std::collections::{HashMap, HashSet};

/// Time (ms) within which a server announces changes, but not before half of it: by then they have come along the
/// tree, also on busy machines.
const SERVER_WAITS_MS: u64 = 150;
/// Time (ms) within which a client announces changes, which is longer than a server takes: it leaves out what the
/// server has announced meanwhile, so that each tuple is announced in one direction only.
const CLIENT_WAITS_MS: u64 = 250;
/// Number of queued announcements at which they wait no longer, so that the queue stays small; they fill six frames.
const MANY: usize = 4096;

/// The sending side of a link to an extended peer: the origins that the peer is lazy for, as it sent PRUNE for them,
/// and a queue of their tuples, which are announced (ANNOUNCE, Plumtree's IHAVE) instead of pushed.
///
/// A node asks [`is_lazy`](LazyPush::is_lazy) for each tuple and link, so this is kept with the link.
#[derive(Clone, Debug)]
pub(in crate::core) struct LazyPush {
    /// Origins that the peer sent PRUNE for, and no GRAFT since.
    lazy: HashSet<u64>,
    /// Tuples that were queued since half of the wait began: they may still be on their way along the tree.
    recent: Vec<Slot>,
    /// Tuples that have waited for longer: once the next half is over, they are announced.
    waiting: Vec<Slot>,
    /// `waiting` is in order, each tuple once.
    sorted: bool,
    /// Tuples that the peer has announced itself, and their stamps.
    announced_by_peer: HashMap<Slot, Stamp>,
    /// Half of the wait, in milliseconds.
    half_wait_ms: u64,
    /// Time at which half of the wait is over (monotonic ms); `None` while nothing is queued.
    half_over_at: Option<u64>,
    /// `waiting` is to be announced now.
    due: bool,
    /// Whether announcements no longer wait: all is to be announced now.
    flushed: bool,
}

impl LazyPush {
    /// A link that is eager for all origins. `role` is this node's on the link.
    pub(in crate::core) fn new(role: Role) -> LazyPush {
        let wait_ms = if role == Role::Server { SERVER_WAITS_MS } else { CLIENT_WAITS_MS };
        LazyPush {
            lazy: HashSet::new(),
            recent: Vec::new(),
            waiting: Vec::new(),
            sorted: false,
            announced_by_peer: HashMap::new(),
            half_wait_ms: wait_ms / 2,
            half_over_at: None,
            due: false,
            flushed: false,
        }
    }

    /// Bytes of the queue, and of what the peer has announced and asked not to be sent.
    pub(in crate::core) fn bytes(&self) -> usize {
        let announced = self.announced_by_peer.len() * size_of::<(Slot, Stamp)>();
        let queued = (self.recent.len() + self.waiting.len()) * size_of::<Slot>();
        // Queues and tables have room for twice as much at most.
        2 * (announced + queued + self.lazy.len() * size_of::<u64>())
    }

    /// Returns whether tuples of `origin` are to be announced to the peer and not pushed.
    pub(in crate::core) fn is_lazy(&self, origin: u64) -> bool {
        !self.lazy.is_empty() && self.lazy.contains(&origin)
    }

    /// Makes the link lazy for `origin`: the peer sent PRUNE. Beyond [`MAX_ORIGINS`] it stays eager, which costs
    /// duplicates.
    pub(super) fn make_lazy(&mut self, origin: u64) {
        if self.lazy.len() < MAX_ORIGINS {
            self.lazy.insert(origin);
        }
    }

    /// Makes the link eager for `origin` again: the peer sent GRAFT.
    pub(super) fn make_eager(&mut self, origin: u64) {
        self.lazy.remove(&origin);
    }

    /// Queues a tuple to be announced. True when [`half_over_at`](LazyPush::half_over_at) was set by this.
    pub(in crate::core) fn queue(&mut self, slot: Slot, now: Now) -> bool {
        self.recent.push(slot);
        if self.recent.len() >= MANY {
            self.end_half();
        }
        let first = self.half_over_at.is_none();
        self.half_over_at.get_or_insert(now.mono + self.half_wait_ms);
        first
    }

    /// Ends half of the wait: what had waited when it began is due, what was queued meanwhile waits for another half.
    fn end_half(&mut self) {
        if self.waiting.is_empty() {
            self.waiting = std::mem::take(&mut self.recent);
            self.sorted = false;
        } else {
            self.due = true;
        }
    }

    /// Lets time pass.
    pub(in crate::core) fn on_time(&mut self, now: Now) {
        if self.half_over_at().is_some_and(|at| at <= now.mono) {
            self.end_half();
            self.half_over_at = Some(now.mono + self.half_wait_ms);
        }
    }

    /// Returns the time at which [`on_time`](LazyPush::on_time) is to be called (monotonic ms), if at all.
    pub(in crate::core) fn half_over_at(&self) -> Option<u64> {
        self.half_over_at.filter(|_| !self.due)
    }

    /// Takes note that the peer has announced a tuple that is held with this stamp: it need not be announced to it.
    pub(in crate::core) fn on_announced(&mut self, slot: Slot, stamp: Stamp) {
        if self.announced_by_peer.len() < self.len() {
            self.announced_by_peer.insert(slot, stamp);
        }
    }

    /// Returns whether the peer has announced this tuple; asked once, and then forgotten.
    pub(in crate::core) fn was_announced(&mut self, slot: Slot, stamp: Stamp) -> bool {
        self.announced_by_peer.remove(&slot) == Some(stamp)
    }

    /// Forgets what the peer has announced.
    pub(in crate::core) fn forget_announced(&mut self) {
        self.announced_by_peer = HashMap::new();
    }

    /// Announces what is queued without waiting: the owner wants to know that peers have everything.
    pub(in crate::core) fn flush(&mut self) {
        self.flushed = true;
    }

    /// Returns whether something is to be announced now.
    pub(in crate::core) fn is_due(&self) -> bool {
        self.due || self.flushed && !self.is_empty()
    }

    /// Returns whether nothing is queued.
    pub(in crate::core) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.recent.is_empty()
    }

    /// Number of queued tuples, some of which may be counted more than once.
    fn len(&self) -> usize {
        self.waiting.len() + self.recent.len()
    }

    /// Takes up to `most` tuples that are due off the queue, each once, the smallest slots first
    /// and in descending order.
    pub(in crate::core) fn drain(&mut self, most: usize, now: Now) -> Vec<Slot> {
        if self.flushed && !self.recent.is_empty() {
            self.waiting.append(&mut self.recent);
            self.sorted = false;
        }
        if !self.sorted {
            self.waiting.sort_unstable_by(|a, b| b.cmp(a));
            self.waiting.dedup();
            self.sorted = true;
        }
        let drained = self.waiting.split_off(self.waiting.len().saturating_sub(most));
        if self.waiting.is_empty() {
            self.waiting = std::mem::take(&mut self.recent);
            (self.due, self.flushed, self.sorted) = (false, false, false);
            self.half_over_at = (!self.waiting.is_empty()).then(|| now.mono + self.half_wait_ms);
        }
        drained
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times (ms) at which the tuples `queued`, each with its time (ms), are announced.
    fn announced(role: Role, queued: &[(u64, Slot)]) -> Vec<(u64, Slot)> {
        let (mut push, mut seen) = (LazyPush::new(role), Vec::new());
        for mono in 0..2000 {
            for &(_, slot) in queued.iter().filter(|(at, _)| *at == mono) {
                push.queue(slot, Now::at(mono));
            }
            push.on_time(Now::at(mono));
            while push.is_due() {
                seen.extend(push.drain(2, Now::at(mono)).into_iter().map(|slot| (mono, slot)));
            }
        }
        assert!(push.is_empty() && push.half_over_at().is_none());
        seen.sort_unstable();
        seen
    }

    #[test]
    fn announcements_wait_for_half_to_all_of_the_wait() {
        assert_eq!(announced(Role::Server, &[(0, 1)]), [(150, 1)]);
        assert_eq!(announced(Role::Client, &[(0, 1)]), [(250, 1)]);
        let times = announced(Role::Server, &[(0, 1), (74, 2), (76, 3), (149, 4)]);
        assert_eq!(times, [(150, 1), (150, 2), (225, 3), (225, 4)]);
    }

    #[test]
    fn a_tuple_that_changes_often_is_announced_once() {
        assert_eq!(announced(Role::Server, &[(0, 7), (10, 3), (20, 7)]), [(150, 3), (150, 7)]);
    }

    #[test]
    fn flushed_announcements_do_not_wait() {
        let mut push = LazyPush::new(Role::Client);
        push.queue(1, Now::at(0));
        assert!(!push.is_due());
        push.flush();
        assert!(push.is_due());
        assert_eq!(push.drain(9, Now::at(0)), [1]);
        assert!(!push.is_due());
        push.queue(2, Now::at(0));
        assert!(!push.is_due(), "what comes later waits");
    }

    #[test]
    fn many_announcements_do_not_wait() {
        let mut push = LazyPush::new(Role::Server);
        (0..2 * MANY as Slot).for_each(|slot| {
            push.queue(slot, Now::at(0));
        });
        assert!(push.is_due());
    }

    #[test]
    fn what_the_peer_announced_is_remembered_while_it_is_queued() {
        let mut push = LazyPush::new(Role::Client);
        let stamp = Stamp { time: 1, origin: 1 };
        push.on_announced(1, stamp);
        assert!(!push.was_announced(1, stamp), "nothing is queued that it could concern");
        push.queue(1, Now::at(0));
        push.on_announced(1, stamp);
        push.on_announced(2, stamp);
        assert!(push.was_announced(1, stamp) && !push.was_announced(1, stamp));
        assert!(!push.was_announced(2, stamp), "no more is remembered than is queued");
        push.on_announced(1, stamp);
        assert!(!push.was_announced(1, Stamp { time: 2, ..stamp }), "it has changed since");
    }

    #[test]
    fn no_more_origins_are_lazy_than_there_is_room_for() {
        let mut push = LazyPush::new(Role::Server);
        let most = MAX_ORIGINS as u64;
        (0..2 * most).for_each(|origin| push.make_lazy(origin));
        assert!(push.is_lazy(most - 1) && !push.is_lazy(most));
        push.make_eager(0);
        assert!(!push.is_lazy(0));
    }
}
