//! Origins whose tuples one neighbour was asked to send, and not to send.

use super::MAX_ORIGINS;
use std::collections::{HashMap, HashSet};

/// Time (ms) for which an origin that was grafted is not pruned again: announcements and what was on its way when the
/// link was grafted are over by then, and until they are, a tuple that comes twice does not show a ring.
const REST_AFTER_GRAFT_MS: u64 = 2000;

/// The receiving side of a link to an extended peer: which origins' tuples the peer was asked not to send. The sending
/// side is [`LazyPush`](super::LazyPush).
#[derive(Clone, Debug)]
pub(super) struct Neighbour {
    /// The peer's node id, which is the origin of what it writes; `None` if it is not known.
    id: Option<u64>,
    /// The peer gets tuples by another link, too: this one closes a ring in the network.
    in_ring: bool,
    /// Origins that PRUNE was sent for, and no GRAFT since.
    pruned: HashSet<u64>,
    /// Origins that were grafted, and the time (monotonic ms) until which each is not pruned again.
    grafted: HashMap<u64, u64>,
}

impl Neighbour {
    pub(super) fn new(id: Option<u64>) -> Neighbour {
        Neighbour { id, in_ring: false, pruned: HashSet::new(), grafted: HashMap::new() }
    }

    /// The peer's node id, if it is known.
    pub(super) fn id(&self) -> Option<u64> {
        self.id
    }

    /// Returns whether the link is known to be part of a ring.
    pub(super) fn is_in_ring(&self) -> bool {
        self.in_ring
    }

    /// Notes that the link is part of a ring; true when that is new.
    pub(super) fn close_ring(&mut self) -> bool {
        !std::mem::replace(&mut self.in_ring, true)
    }

    /// Returns whether the peer was asked not to send the tuples of `origin`.
    pub(super) fn has_pruned(&self, origin: u64) -> bool {
        self.pruned.contains(&origin)
    }

    /// Notes that the peer is sent PRUNE for `origin`; false when it should not be: it was before, the origin was
    /// grafted a moment ago, or there is no room to remember it.
    pub(super) fn prune(&mut self, origin: u64, now_ms: u64) -> bool {
        let rests = self.grafted.get(&origin).is_some_and(|&until| now_ms < until);
        !rests && self.pruned.len() < MAX_ORIGINS && self.pruned.insert(origin)
    }

    /// Notes that the peer is sent GRAFT for `origin`, whose tuple it announced and is missing here.
    pub(super) fn graft_missing(&mut self, origin: u64, now_ms: u64) {
        self.pruned.remove(&origin);
        if self.grafted.len() >= MAX_ORIGINS {
            self.grafted.clear();
        }
        self.grafted.insert(origin, now_ms + REST_AFTER_GRAFT_MS);
    }

    /// Undoes PRUNE for those of `origins` for which the neighbour was sent it, and returns them: the peer is to be
    /// sent GRAFT.
    pub(super) fn graft(&mut self, origins: &[u64]) -> Vec<u64> {
        origins.iter().copied().filter(|origin| self.pruned.remove(origin)).collect()
    }

    /// Number of notes that are kept for this neighbour.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.pruned.len() + self.grafted.len()
    }
}
