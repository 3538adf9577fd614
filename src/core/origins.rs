//! By which link each origin's tuples come.
//!
//! A link to the origin itself is best. Otherwise the newest tuple decides: whoever brought it had it
//! before, so following these links from node to node leads to the origin and never round in a ring.

use super::clock::Stamp;
use super::link::LinkId;
use std::collections::HashMap;

/// Origins that are remembered; the tuples of those beyond it travel over all links.
pub(super) const MOST_ORIGINS: usize = 4096;

#[derive(Copy, Clone, Debug)]
struct Arrival {
    link: LinkId,
    /// The time of the newest stamp that came by it; of a link to the origin itself, the end of time.
    newest: u64,
}

#[derive(Debug)]
pub(super) struct Origins {
    /// There was more than one link, so that it matters.
    kept: bool,
    arrivals: HashMap<u64, Arrival, ahash::RandomState>,
}

impl Origins {
    pub(super) fn new(seed: u64) -> Origins {
        Origins { kept: false, arrivals: HashMap::with_hasher(ahash::RandomState::with_seeds(seed, 7, 8, 9)) }
    }

    /// There is more than one link from now on. False when there was before.
    pub(super) fn keep(&mut self) -> bool {
        !std::mem::replace(&mut self.kept, true)
    }

    /// Whether any origin's tuples come by another link than this one.
    pub(super) fn come_by_others(&self, link: LinkId) -> bool {
        self.arrivals.values().any(|arrival| arrival.link != link)
    }

    /// The link over which an origin's tuples come.
    pub(super) fn link(&self, origin: u64) -> Option<LinkId> {
        self.arrivals.get(&origin).map(|arrival| arrival.link)
    }

    /// A tuple has come by `link` that was not known. True when it is the first of its origin.
    pub(super) fn arrived(&mut self, stamp: Stamp, link: LinkId) -> bool {
        let newest = stamp.time;
        if let Some(arrival) = self.arrivals.get_mut(&stamp.origin) {
            if arrival.newest <= newest {
                *arrival = Arrival { link, newest };
            }
            return false;
        }
        let room = self.kept && self.arrivals.len() < MOST_ORIGINS;
        if room {
            self.arrivals.insert(stamp.origin, Arrival { link, newest });
        }
        room
    }

    /// The peer at the other end of `link` is this origin itself.
    pub(super) fn met(&mut self, origin: u64, link: LinkId) {
        if self.kept {
            self.arrivals.insert(origin, Arrival { link, newest: u64::MAX });
        }
    }

    /// Forgets by which link an origin's tuples come, if it is this one.
    pub(super) fn forget(&mut self, origin: u64, link: LinkId) -> bool {
        let known = self.link(origin) == Some(link);
        if known {
            self.arrivals.remove(&origin);
        }
        known
    }

    /// A link is lost: the origins whose tuples came by it.
    pub(super) fn lose(&mut self, link: LinkId) -> Vec<u64> {
        let mut lost: Vec<u64> =
            self.arrivals.iter().filter(|(_, arrival)| arrival.link == link).map(|(&id, _)| id).collect();
        lost.sort_unstable();
        lost.iter().for_each(|origin| {
            self.arrivals.remove(origin);
        });
        lost
    }

    /// All origins that are known, in order.
    pub(super) fn all(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.arrivals.keys().copied().collect();
        all.sort_unstable();
        all
    }
}
