//! The table of deadlines: what is due when, in milliseconds of the monotonic clock.

use crate::core::id::{LinkId, Slot};
use std::collections::BTreeSet;

/// Owner of a deadline.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The tuple in a slot expires, or its tombstone is dropped.
    Slot(Slot),
    /// A link has something to do: a handshake, a sign of life, a check, giving up.
    Link(LinkId),
    /// Delayed values of a key, which plain peers sent, are judged.
    Delayed(Slot),
    /// Silent clients are probed.
    Sweep,
    /// Messages that wait are gone on with.
    Work,
    /// More of what was refused is forgotten, because limits have changed.
    Reconsider,
    /// Leases end, words are given, what ended is taken away.
    Presence,
}

/// A deadline that stands in the table of timers, or none. Its owner keeps it, and moves it by [`Timers::schedule`].
#[derive(Clone, Debug, Default)]
pub(super) struct Deadline(Option<u64>);

impl Deadline {
    /// When it is (mono ms), if it stands in the table.
    pub(super) fn at(&self) -> Option<u64> {
        self.0
    }

    /// Notes that the timer was taken from the table by [`Timers::pop`].
    pub(super) fn on_fired(&mut self) {
        self.0 = None;
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(u64, Timer)>,
}

impl Timers {
    /// Moves a deadline from `from` to `to` (mono ms), for an owner that keeps deadlines in a form of its own: millions
    /// of tuples have none.
    pub(super) fn set(&mut self, timer: Timer, from: Option<u64>, to: Option<u64>) {
        if from == to {
            return;
        }
        if let Some(from) = from {
            self.due.remove(&(from, timer));
        }
        if let Some(to) = to {
            self.due.insert((to, timer));
        }
    }

    /// Moves a timer's deadline to `to` (mono ms); `None` takes it from the table.
    pub(super) fn schedule(&mut self, timer: Timer, deadline: &mut Deadline, to: Option<u64>) {
        self.set(timer, deadline.0, to);
        deadline.0 = to;
    }

    /// Tuples and tombstones whose deadline has come.
    pub(super) fn overdue_slots(&self, now: u64) -> impl Iterator<Item = Slot> {
        let due = self.due.iter().take_while(move |&&(due, _)| due <= now);
        due.filter_map(|&(_, timer)| if let Timer::Slot(slot) = timer { Some(slot) } else { None })
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<u64> {
        self.due.first().map(|&(due, _)| due)
    }

    /// Takes the earliest timer that is due, with its deadline.
    pub(super) fn pop(&mut self, now: u64) -> Option<Timer> {
        let &(due, timer) = self.due.first()?;
        (due <= now).then(|| {
            self.due.pop_first();
            timer
        })
    }
}
