//! By which link each origin's tuples come.
//!
//! The newest tuple of an origin decides: whoever brought it had it before, so following these links from
//! node to node leads to the origin and never round in a ring. Before there was any, a link to the origin
//! itself is as good.

use crate::core::clock::Stamp;
use crate::core::id::LinkId;
use crate::core::plumtree::MOST_ORIGINS;
use std::collections::HashMap;

/// For so many new origins a second all links are told at once that their tuples come otherwise; for more it
/// would cost too much, and is told to those that bring a tuple again.
const MOST_TOLD: u32 = 256;
const SECOND: u64 = 1000;

#[derive(Copy, Clone, Debug)]
struct Arrival {
    link: LinkId,
    /// The time of the newest stamp that came by it.
    newest: u64,
}

#[derive(Clone, Debug)]
pub(in crate::core) struct Origins {
    /// There was more than one link, so that it matters.
    kept: bool,
    /// Since when new origins are counted, and how many there were.
    new: (u64, u32),
    arrivals: HashMap<u64, Arrival, ahash::RandomState>,
}

impl Origins {
    pub(in crate::core) fn new(seed: u64) -> Origins {
        Origins {
            kept: false,
            new: (0, 0),
            arrivals: HashMap::with_hasher(ahash::RandomState::with_seeds(seed, 7, 8, 9)),
        }
    }

    /// There is more than one link from now on. False when there was before.
    pub(in crate::core) fn keep(&mut self) -> bool {
        !std::mem::replace(&mut self.kept, true)
    }

    /// Whether all links are to be told of a new origin.
    pub(in crate::core) fn may_tell(&mut self, now: u64) -> bool {
        if now >= self.new.0 + SECOND {
            self.new = (now, 0);
        }
        self.new.1 = self.new.1.saturating_add(1);
        self.new.1 <= MOST_TOLD
    }

    /// Whether any origin's tuples come by another link than this one.
    pub(in crate::core) fn come_by_others(&self, link: LinkId) -> bool {
        self.arrivals.values().any(|arrival| arrival.link != link)
    }

    /// The link over which an origin's tuples come.
    pub(in crate::core) fn link(&self, origin: u64) -> Option<LinkId> {
        self.arrivals.get(&origin).map(|arrival| arrival.link)
    }

    /// A tuple has come by `link` that was not known. True when it is the first of its origin.
    pub(in crate::core) fn arrived(&mut self, stamp: Stamp, link: LinkId) -> bool {
        let newest = stamp.time;
        if let Some(arrival) = self.arrivals.get_mut(&stamp.origin) {
            if arrival.newest <= newest {
                *arrival = Arrival { link, newest };
            }
            return false;
        }
        let room = self.kept && !self.is_full();
        if room {
            self.arrivals.insert(stamp.origin, Arrival { link, newest });
        }
        room
    }

    /// Whether a new origin would find no room.
    pub(in crate::core) fn is_full(&self) -> bool {
        self.arrivals.len() >= MOST_ORIGINS
    }

    /// Forgets the half that has said nothing for longest.
    pub(in crate::core) fn make_room(&mut self) -> Vec<u64> {
        let mut all: Vec<_> =
            self.arrivals.iter().map(|(&origin, arrival)| (arrival.newest, origin)).collect();
        // Whoever is at the other end of a link and has said nothing yet can still do so.
        all.sort_unstable_by_key(|&(newest, origin)| (newest == 0, newest, origin));
        all.truncate(all.len().div_ceil(2));
        let forgotten: Vec<u64> = all.into_iter().map(|(_, origin)| origin).collect();
        for origin in &forgotten {
            self.arrivals.remove(origin);
        }
        forgotten
    }

    /// The peer at the other end of `link` is this origin itself. True when nothing is known of it yet.
    pub(in crate::core) fn met(&mut self, origin: u64, link: LinkId) -> bool {
        let new = self.kept && !self.is_full() && !self.arrivals.contains_key(&origin);
        if new {
            self.arrivals.insert(origin, Arrival { link, newest: 0 });
        }
        new
    }

    /// Forgets by which link an origin's tuples come, if it is this one.
    pub(in crate::core) fn forget(&mut self, origin: u64, link: LinkId) -> bool {
        let known = self.link(origin) == Some(link);
        if known {
            self.arrivals.remove(&origin);
        }
        known
    }

    /// A link is lost: the origins whose tuples came by it.
    pub(in crate::core) fn lose(&mut self, link: LinkId) -> Vec<u64> {
        let mut lost: Vec<u64> =
            self.arrivals.iter().filter(|(_, arrival)| arrival.link == link).map(|(&id, _)| id).collect();
        lost.sort_unstable();
        for origin in &lost {
            self.arrivals.remove(origin);
        }
        lost
    }

    /// All origins that are known, in order.
    pub(in crate::core) fn all(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.arrivals.keys().copied().collect();
        all.sort_unstable();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> Origins {
        let mut origins = Origins::new(1);
        origins.keep();
        origins
    }

    fn stamp(time: u64, origin: u64) -> Stamp {
        Stamp { time, origin }
    }

    #[test]
    fn the_newest_tuple_tells() {
        let mut origins = origins();
        assert!(origins.arrived(stamp(10, 1), LinkId(1)));
        assert!(!origins.arrived(stamp(9, 1), LinkId(2)));
        assert_eq!(origins.link(1), Some(LinkId(1)));
        assert!(!origins.arrived(stamp(11, 1), LinkId(2)));
        assert_eq!(origins.link(1), Some(LinkId(2)));
        origins.met(1, LinkId(3));
        assert_eq!(origins.link(1), Some(LinkId(2)), "that is known better");
        assert_eq!(origins.lose(LinkId(2)), [1]);
        origins.met(1, LinkId(3));
        assert_eq!(origins.link(1), Some(LinkId(3)));
        assert!(!origins.arrived(stamp(1, 1), LinkId(4)));
        assert_eq!(origins.link(1), Some(LinkId(4)));
    }

    #[test]
    fn those_that_were_silent_for_longest_make_room() {
        let mut origins = origins();
        let mut time = 100;
        while !origins.is_full() {
            origins.arrived(stamp(time, time), LinkId(1));
            time += 1;
        }
        assert!(!origins.arrived(stamp(time, time), LinkId(1)), "there is no room");
        let forgotten = origins.make_room();
        assert_eq!((forgotten.len(), forgotten[0]), (MOST_ORIGINS / 2, 100));
        assert!(origins.arrived(stamp(time, time), LinkId(1)));
    }

    #[test]
    fn with_a_single_link_nothing_is_kept() {
        let mut origins = Origins::new(1);
        assert!(!origins.arrived(stamp(1, 1), LinkId(1)));
        assert!(origins.all().is_empty());
    }
}
