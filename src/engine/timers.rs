//! Deadlines of remotes.
//!
//! A deadline is set, moved and cancelled here; nothing else in the engine keeps a copy of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::LinkId;

/// A reason to wake up for a remote. Timers that are due at the same moment fire in this order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Timer {
    /// The owner is told that there is still no connection.
    ReportUnreachable,
    /// The name of a remote is looked up.
    LookUp,
    /// A new connection replaces the lost one.
    Reconnect,
    /// The next address of the remote's name is tried.
    NextAddress,
    /// The traffic of a silent server is compared with what it was (see [`liveness`](super::liveness)).
    CheckTraffic,
}

impl Timer {
    const ALL: [Timer; 5] =
        [Timer::ReportUnreachable, Timer::LookUp, Timer::Reconnect, Timer::NextAddress, Timer::CheckTraffic];
}

/// All deadlines of one engine: at most one for each remote and [`Timer`], in milliseconds of
/// [`Now::mono`](crate::core::Now::mono).
#[derive(Default)]
pub(super) struct Timers {
    queue: BTreeSet<(u64, LinkId, Timer)>,
    deadlines: BTreeMap<(LinkId, Timer), u64>,
}

impl Timers {
    /// Sets a timer, in place of its earlier deadline if it had one.
    pub(super) fn set(&mut self, id: LinkId, timer: Timer, deadline: u64) {
        self.cancel(id, timer);
        self.deadlines.insert((id, timer), deadline);
        self.queue.insert((deadline, id, timer));
    }

    /// Cancels a timer, if it is set.
    pub(super) fn cancel(&mut self, id: LinkId, timer: Timer) {
        if let Some(deadline) = self.deadlines.remove(&(id, timer)) {
            self.queue.remove(&(deadline, id, timer));
        }
    }

    /// Cancels all timers of a remote.
    pub(super) fn cancel_all(&mut self, id: LinkId) {
        for timer in Timer::ALL {
            self.cancel(id, timer);
        }
    }

    /// Returns whether a timer is set.
    pub(super) fn is_set(&self, id: LinkId, timer: Timer) -> bool {
        self.deadlines.contains_key(&(id, timer))
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<u64> {
        self.queue.first().map(|&(deadline, ..)| deadline)
    }

    /// Takes the earliest timer whose deadline has come.
    pub(super) fn pop(&mut self, now: u64) -> Option<(LinkId, Timer)> {
        let &(deadline, id, timer) = self.queue.first()?;
        if deadline > now {
            return None;
        }
        self.cancel(id, timer);
        Some((id, timer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Node, Now, Role, Settings};

    fn two_links() -> [LinkId; 2] {
        let now = Now { mono: 1, wall: 1 };
        let mut node = Node::new(Settings::default(), 1, now);
        [(); 2].map(|()| node.open_link(Role::Client, now).unwrap())
    }

    #[test]
    fn a_timer_fires_once_at_the_deadline_that_was_set_last() {
        let [one, two] = two_links();
        let mut timers = Timers::default();
        timers.set(one, Timer::Reconnect, 10);
        timers.set(two, Timer::Reconnect, 20);
        timers.set(one, Timer::Reconnect, 30);
        assert_eq!(timers.next(), Some(20));
        assert_eq!(timers.pop(19), None);
        assert_eq!(timers.pop(40), Some((two, Timer::Reconnect)));
        assert_eq!(timers.pop(40), Some((one, Timer::Reconnect)));
        assert_eq!((timers.pop(40), timers.next()), (None, None));
    }

    #[test]
    fn a_cancelled_timer_does_not_fire() {
        let [one, two] = two_links();
        let mut timers = Timers::default();
        for timer in Timer::ALL {
            timers.set(one, timer, 10);
            timers.set(two, timer, 10);
        }
        timers.cancel(two, Timer::Reconnect);
        assert!(timers.is_set(one, Timer::Reconnect) && !timers.is_set(two, Timer::Reconnect));
        timers.cancel_all(one);
        for timer in [Timer::ReportUnreachable, Timer::LookUp, Timer::NextAddress, Timer::CheckTraffic] {
            assert_eq!(timers.pop(10), Some((two, timer)));
        }
        assert_eq!(timers.pop(10), None);
    }
}
