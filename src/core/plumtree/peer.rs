//! Which origins' tuples travel over a link, and what is announced instead of the others.
//!
//! Each origin has a tree of its own: the links over which its tuples come first. So nodes that publish
//! at the same time do not disturb each other's.

use crate::core::clock::Stamp;
use crate::core::id::{Role, Slot};
use crate::core::plumtree::MOST_ORIGINS;
use std::collections::{HashMap, HashSet};

/// Servers announce changes after this time (ms): by then they have come along the tree, also on busy
/// machines.
const ANNOUNCE_AFTER: u64 = 150;
/// Clients do after this time (ms), and spare what the server has announced meanwhile.
const REPLY_AFTER: u64 = 250;
/// So many announcements do not wait any longer.
const MANY: usize = 4096;
/// An origin that had to be grafted back is not pruned again within this time (ms).
const REST: u64 = 2000;

#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Branches {
    /// It has shown that the peer gets tuples elsewhere, too: there is a ring in the network.
    in_ring: bool,
    /// Origins that the peer gets elsewhere: it asked us not to send their tuples.
    cut: HashSet<u64>,
    /// Origins that we get elsewhere: we asked the peer not to send their tuples.
    declined: HashSet<u64>,
    /// Origins that were grafted back, and until when they are not declined again.
    grafted: HashMap<u64, u64>,
    /// Tuples to announce that have changed since half of the wait began: they may still be on their way along
    /// the tree.
    fresh: Vec<Slot>,
    /// Tuples to announce.
    told: Vec<Slot>,
    /// Those are in order, each once.
    sorted: bool,
    /// Those that the peer has announced itself, and their stamps.
    heard: HashMap<Slot, Stamp>,
    announce_at: Option<u64>,
    due: bool,
    /// Nothing waits.
    hurried: bool,
}

impl Branches {
    /// Whether the link is known to be part of a ring.
    pub(in crate::core) fn is_in_ring(&self) -> bool {
        self.in_ring
    }

    /// Notes that it is; true when that is new.
    pub(in crate::core) fn close_ring(&mut self) -> bool {
        !std::mem::replace(&mut self.in_ring, true)
    }

    /// Whether the peer is not to be sent an origin's tuples.
    pub(in crate::core) fn is_cut(&self, origin: u64) -> bool {
        !self.cut.is_empty() && self.cut.contains(&origin)
    }

    /// The peer gets an origin's tuples elsewhere.
    pub(in crate::core) fn cut(&mut self, origin: u64) {
        if self.cut.len() < MOST_ORIGINS {
            self.cut.insert(origin);
        }
    }

    /// It does not any more.
    pub(in crate::core) fn mend(&mut self, origin: u64) {
        self.cut.remove(&origin);
    }

    /// Whether the peer was asked not to send an origin's tuples.
    pub(in crate::core) fn has_declined(&self, origin: u64) -> bool {
        self.declined.contains(&origin)
    }

    /// Notes that the peer is asked so; false when it should not be.
    pub(in crate::core) fn decline(&mut self, origin: u64, now: u64) -> bool {
        let rests = self.grafted.get(&origin).is_some_and(|&until| now < until);
        !rests && self.declined.len() < MOST_ORIGINS && self.declined.insert(origin)
    }

    /// Notes that the peer is asked to send them again.
    pub(in crate::core) fn graft(&mut self, origin: u64, now: u64) {
        self.declined.remove(&origin);
        if self.grafted.len() >= MOST_ORIGINS {
            self.grafted.clear();
        }
        self.grafted.insert(origin, now + REST);
    }

    /// Takes back that the peer was asked not to send these; which of them it was.
    pub(in crate::core) fn accept(&mut self, origins: &[u64]) -> Vec<u64> {
        origins.iter().copied().filter(|origin| self.declined.remove(origin)).collect()
    }

    /// Notes a tuple to be announced. True when a time for that was set.
    pub(in crate::core) fn tell(&mut self, slot: Slot, role: Role, now: u64) -> bool {
        self.fresh.push(slot);
        if self.fresh.len() >= MANY {
            self.ripen();
        }
        let first = self.announce_at.is_none();
        self.announce_at.get_or_insert(now + half(role));
        first
    }

    /// Half of the wait is over: what has waited for as long before is due.
    fn ripen(&mut self) {
        if self.told.is_empty() {
            self.told = std::mem::take(&mut self.fresh);
            self.sorted = false;
        } else {
            self.due = true;
        }
    }

    /// The time to announce may have come.
    pub(in crate::core) fn wait(&mut self, role: Role, now: u64) {
        if self.announce_at().is_some_and(|at| at <= now) {
            self.ripen();
            self.announce_at = Some(now + half(role));
        }
    }

    /// The peer has announced a tuple that is held here with the same stamp.
    pub(in crate::core) fn hear(&mut self, slot: Slot, stamp: Stamp) {
        if self.heard.len() < self.told.len() + self.fresh.len() {
            self.heard.insert(slot, stamp);
        }
    }

    /// Whether the peer has announced this.
    pub(in crate::core) fn has_heard(&mut self, slot: Slot, stamp: Stamp) -> bool {
        self.heard.remove(&slot) == Some(stamp)
    }

    /// Everything was announced.
    pub(in crate::core) fn rest(&mut self) {
        self.heard = HashMap::new();
    }

    /// Announces what there is without waiting.
    pub(in crate::core) fn hurry(&mut self) {
        self.hurried = true;
    }

    /// When to announce.
    pub(in crate::core) fn announce_at(&self) -> Option<u64> {
        self.announce_at.filter(|_| !self.due)
    }

    /// Whether something is to be announced now.
    pub(in crate::core) fn is_due(&self) -> bool {
        self.due || self.hurried && !self.is_empty()
    }

    /// Whether nothing waits to be announced.
    pub(in crate::core) fn is_empty(&self) -> bool {
        self.told.is_empty() && self.fresh.is_empty()
    }

    /// Takes up to `most` tuples to announce, each once.
    pub(in crate::core) fn take(&mut self, most: usize, role: Role, now: u64) -> Vec<Slot> {
        if self.hurried && !self.fresh.is_empty() {
            self.told.append(&mut self.fresh);
            self.sorted = false;
        }
        if !self.sorted {
            self.told.sort_unstable_by(|a, b| b.cmp(a));
            self.told.dedup();
            self.sorted = true;
        }
        let taken = self.told.split_off(self.told.len().saturating_sub(most));
        if self.told.is_empty() {
            self.told = std::mem::take(&mut self.fresh);
            (self.due, self.hurried, self.sorted) = (false, false, false);
            self.announce_at = (!self.told.is_empty()).then(|| now + half(role));
        }
        taken
    }
}

/// Announcements wait twice so long: what comes when the others have waited half of the time is announced
/// with the next.
fn half(role: Role) -> u64 {
    (if role == Role::Server { ANNOUNCE_AFTER } else { REPLY_AFTER }) / 2
}
