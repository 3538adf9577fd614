//! Deadlines as values: what is due when. Whoever set a deadline keeps it, to move or drop it.

use crate::core::id::{LinkId, Slot};
use std::collections::BTreeSet;

/// What a deadline belongs to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A tuple expires, or what remains of a removed one is forgotten.
    Slot(Slot),
    /// A link has something to do: greet, keep alive, check, give up.
    Link(LinkId),
    /// Values of a busy key wait to be taken.
    Held(Slot),
    /// Silent clients are looked at.
    Sweep,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(u64, Timer)>,
}

impl Timers {
    /// Moves `timer` from deadline `from` to deadline `to`; `None` stands for "not set".
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
