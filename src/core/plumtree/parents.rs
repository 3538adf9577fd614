//! The parent of each origin: the link by which its tuples come.
//!
//! The newest tuple of an origin decides. The neighbour that brought it held it before, so that following parents from
//! node to node leads to the origin and never round in a ring. Before any tuple of an origin has come, a link to the
//! origin itself is its parent.

use super::MAX_ORIGINS;
use crate::core::clock::Stamp;
use crate::core::id::LinkId;
use crate::core::visits::visit;
use std::collections::{BTreeSet, HashMap};

#[derive(Copy, Clone, Debug)]
struct Parent {
    link: LinkId,
    /// The time of the newest stamp that came by the link; 0 where the neighbour itself is the origin, and no tuple
    /// of it has come.
    newest: u64,
}

/// The parents of all origins that are known, at most [`MAX_ORIGINS`].
#[derive(Clone, Debug)]
pub(super) struct Parents {
    /// Parents are remembered; not before there is a second link, because a single one leaves no choice.
    kept: bool,
    by_origin: HashMap<u64, Parent, ahash::RandomState>,
}

impl Parents {
    pub(super) fn new(seed: u64) -> Parents {
        let by_origin = HashMap::with_hasher(ahash::RandomState::with_seeds(seed, 7, 8, 9));
        Parents { kept: false, by_origin }
    }

    /// Remembers parents from now on; false when they were remembered before.
    pub(super) fn keep(&mut self) -> bool {
        !std::mem::replace(&mut self.kept, true)
    }

    /// The parent of `origin`.
    pub(super) fn of(&self, origin: u64) -> Option<LinkId> {
        self.by_origin.get(&origin).map(|parent| parent.link)
    }

    /// Returns whether any origin has another parent than `link`.
    pub(super) fn any_but(&self, link: LinkId) -> bool {
        self.by_origin.values().any(|parent| parent.link != link)
    }

    /// Takes note of a tuple that `link` brought and that was not held. True when it is the first of its origin.
    pub(super) fn on_news(&mut self, stamp: Stamp, link: LinkId) -> bool {
        let newest = stamp.time;
        if let Some(parent) = self.by_origin.get_mut(&stamp.origin) {
            if parent.newest <= newest {
                *parent = Parent { link, newest };
            }
            return false;
        }
        let room = self.kept && !self.is_full();
        if room {
            self.by_origin.insert(stamp.origin, Parent { link, newest });
        }
        room
    }

    /// Takes note that the neighbour at the other end of `link` is `origin`. True when that makes the link its parent.
    pub(super) fn meet(&mut self, origin: u64, link: LinkId) -> bool {
        let new = self.kept && !self.is_full() && !self.by_origin.contains_key(&origin);
        if new {
            self.by_origin.insert(origin, Parent { link, newest: 0 });
        }
        new
    }

    /// Returns whether there is no room for another origin.
    pub(super) fn is_full(&self) -> bool {
        self.by_origin.len() >= MAX_ORIGINS
    }

    /// Forgets the half of the origins that has been silent for longest, and returns it.
    pub(super) fn make_room(&mut self) -> Vec<u64> {
        let mut all: Vec<_> =
            self.by_origin.iter().map(|(&origin, parent)| (parent.newest, origin)).collect();
        // Neighbours that have written nothing yet go last: they can still do so.
        all.sort_unstable_by_key(|&(newest, origin)| (newest == 0, newest, origin));
        all.truncate(all.len().div_ceil(2));
        let forgotten: Vec<u64> = all.into_iter().map(|(_, origin)| origin).collect();
        for origin in &forgotten {
            self.by_origin.remove(origin);
        }
        forgotten
    }

    /// Forgets the parent of `origin` if it is `link`. True if it was.
    pub(super) fn forget(&mut self, origin: u64, link: LinkId) -> bool {
        let is_parent = self.of(origin) == Some(link);
        if is_parent {
            self.by_origin.remove(&origin);
        }
        is_parent
    }

    /// Forgets all origins whose parent is one of `links`, and returns them, in order for each link.
    pub(super) fn forget_all(&mut self, links: &BTreeSet<LinkId>) -> Vec<u64> {
        visit(self.by_origin.len());
        let children = self.by_origin.iter().filter(|(_, parent)| links.contains(&parent.link));
        let mut orphans: Vec<(LinkId, u64)> =
            children.map(|(&origin, parent)| (parent.link, origin)).collect();
        orphans.sort_unstable();
        let orphans: Vec<u64> = orphans.into_iter().map(|(_, origin)| origin).collect();
        for origin in &orphans {
            self.by_origin.remove(origin);
        }
        orphans
    }

    /// All origins that have a parent, in order.
    pub(super) fn origins(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.by_origin.keys().copied().collect();
        all.sort_unstable();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parents() -> Parents {
        let mut parents = Parents::new(1);
        parents.keep();
        parents
    }

    fn stamp(time: u64, origin: u64) -> Stamp {
        Stamp { time, origin }
    }

    #[test]
    fn the_newest_tuple_decides_which_link_is_the_parent() {
        let mut parents = parents();
        assert!(parents.on_news(stamp(10, 1), LinkId(1)));
        assert!(!parents.on_news(stamp(9, 1), LinkId(2)));
        assert_eq!(parents.of(1), Some(LinkId(1)));
        assert!(!parents.on_news(stamp(11, 1), LinkId(2)));
        assert_eq!(parents.of(1), Some(LinkId(2)));
        parents.meet(1, LinkId(3));
        assert_eq!(parents.of(1), Some(LinkId(2)), "a tuple tells more than a link to the origin");
        assert_eq!(parents.forget_all(&BTreeSet::from([LinkId(2)])), [1]);
        parents.meet(1, LinkId(3));
        assert_eq!(parents.of(1), Some(LinkId(3)));
        assert!(!parents.on_news(stamp(1, 1), LinkId(4)));
        assert_eq!(parents.of(1), Some(LinkId(4)));
    }

    #[test]
    fn origins_that_were_silent_for_longest_make_room() {
        let mut parents = parents();
        let mut time = 100;
        while !parents.is_full() {
            parents.on_news(stamp(time, time), LinkId(1));
            time += 1;
        }
        assert!(!parents.on_news(stamp(time, time), LinkId(1)), "there is no room");
        let forgotten = parents.make_room();
        assert_eq!((forgotten.len(), forgotten[0]), (MAX_ORIGINS / 2, 100));
        assert!(parents.on_news(stamp(time, time), LinkId(1)));
    }

    #[test]
    fn with_a_single_link_no_parents_are_remembered() {
        let mut parents = Parents::new(1);
        assert!(!parents.on_news(stamp(1, 1), LinkId(1)));
        assert!(parents.origins().is_empty());
    }
}
