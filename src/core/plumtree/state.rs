//! The machine: what happens on the links goes in, PRUNE, GRAFT and REQUEST come out.

use super::lazy_push::LazyPush;
use super::neighbour::Neighbour;
use super::parents::Parents;
use crate::core::clock::{Now, Stamp};
use crate::core::codec::Entry;
use crate::core::id::LinkId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// New origins in a second for which all links in rings are pruned at once. For more it would cost too much (one
/// message for each link, and anybody can invent origins); then only links that bring a tuple again are pruned.
const NEW_ORIGINS_A_SECOND: u32 = 256;
const SECOND_MS: u64 = 1000;

/// A message that the machine wants to be sent. ANNOUNCE is not among them: it is made by
/// [`LazyPush::drain`] when the link has room for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::core) enum Output {
    /// The peer is to make the link lazy for these origins.
    Prune(LinkId, Vec<u64>),
    /// The peer is to make the link eager for these origins again.
    Graft(LinkId, Vec<u64>),
    /// The peer is to send the tuples with these key hashes.
    Request(LinkId, Vec<u64>),
}

/// The part of a node in the broadcast trees. Every method that takes an input may add to the outputs, which
/// [`poll_output`](State::poll_output) returns in order.
///
/// The sending side of each link, [`LazyPush`], is kept with the link, for it is asked for each tuple; the messages
/// that change it come in here together with it.
#[derive(Clone, Debug)]
pub(in crate::core) struct State {
    /// The own node id: PRUNE is always right for what this node wrote itself.
    own: u64,
    parents: Parents,
    /// The links to extended peers whose sessions stand.
    neighbours: BTreeMap<LinkId, Neighbour>,
    /// Links that were lost since the last repair: often many at once.
    lost: Vec<LinkId>,
    new_origins: NewOrigins,
    outputs: VecDeque<Output>,
}

impl State {
    /// A node without neighbours. `own` is its id, `seed` is random.
    pub(in crate::core) fn new(own: u64, seed: u64) -> State {
        State {
            own,
            parents: Parents::new(seed),
            neighbours: BTreeMap::new(),
            lost: Vec::new(),
            new_origins: NewOrigins::default(),
            outputs: VecDeque::new(),
        }
    }

    /// The next message to be sent.
    pub(in crate::core) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Begins to remember parents: there is a second link, so one of them may be redundant. `held` are the tuples that
    /// are held, with the links that brought them; it is read the first time only.
    pub(in crate::core) fn keep_parents(&mut self, held: impl Iterator<Item = (Stamp, LinkId)>) {
        if !self.parents.keep() {
            return;
        }
        for (stamp, link) in held.filter(|(stamp, _)| !stamp.is_synthetic()) {
            if self.parents.is_full() {
                self.parents.make_room();
            }
            self.parents.on_news(stamp, link);
        }
        for (&link, neighbour) in &self.neighbours {
            if let Some(origin) = neighbour.id() {
                self.parents.meet(origin, link);
            }
        }
    }

    /// A session with an extended peer begins, or begins anew: nothing is pruned. `id` is the peer's node id; its own
    /// tuples come straight from it, as far as is known.
    pub(in crate::core) fn neighbour_up(&mut self, link: LinkId, id: Option<u64>, now: Now) {
        self.neighbours.insert(link, Neighbour::new(id));
        if let Some(origin) = id.filter(|&origin| self.parents.meet(origin, link)) {
            self.prune_others(link, origin, now);
        }
    }

    /// Notes that the session with an extended peer is over, though its connection is not: a handshake follows. The
    /// link stays parent of what it brought, but is no reason to prune others.
    pub(in crate::core) fn session_over(&mut self, link: LinkId) {
        self.neighbours.remove(&link);
    }

    /// The connection is lost. If there was a session, the next [`repair`](State::repair) finds other links for what
    /// it brought.
    pub(in crate::core) fn neighbour_down(&mut self, link: LinkId) {
        if self.neighbours.remove(&link).is_some() {
            self.lost.push(link);
        }
    }

    /// Repairs the trees after links were lost: asks all other neighbours for the tuples of the origins whose parents
    /// the lost links were, until it is known anew which of them are needed.
    pub(in crate::core) fn repair(&mut self) {
        if self.lost.is_empty() {
            return;
        }
        let lost: BTreeSet<LinkId> = std::mem::take(&mut self.lost).into_iter().collect();
        let orphans = self.parents.forget_all(&lost);
        self.graft(None, &orphans);
    }

    /// A tuple has come by `link` that was not held.
    pub(in crate::core) fn on_news(&mut self, link: LinkId, stamp: Stamp, now: Now) {
        let pruned = |neighbour: &Neighbour| neighbour.has_pruned(stamp.origin);
        if stamp.is_synthetic() || self.neighbours.get(&link).is_some_and(pruned) {
            return;
        }
        if self.parents.is_full() && self.parents.of(stamp.origin).is_none() {
            let forgotten = self.parents.make_room();
            self.graft(None, &forgotten);
        }
        if self.parents.on_news(stamp, link) {
            self.prune_others(link, stamp.origin, now);
        }
    }

    /// Notes that a tuple has come by `link` that was held already, and had come by `source`, or was written here: the
    /// links form a ring, and all but the origin's parent are redundant.
    pub(in crate::core) fn on_redundant(
        &mut self,
        link: LinkId,
        source: Option<LinkId>,
        stamp: Stamp,
        now: Now,
    ) {
        if stamp.is_synthetic() || source == Some(link) {
            return;
        }
        let parent = self.parents.of(stamp.origin);
        for link in [Some(link), source].into_iter().flatten().filter(|&link| Some(link) != parent) {
            self.close_ring(link, now);
            self.prune(link, &[stamp.origin], now);
        }
    }

    /// Notes that the peer holds exactly what is held here. Where tuples come by other links, too, it may have got
    /// them by others as well, and the link may close a ring.
    pub(in crate::core) fn on_equal_digests(&mut self, link: LinkId, now: Now) {
        if self.parents.any_but(link) {
            self.close_ring(link, now);
        }
    }

    /// PRUNE has come by `link`, whose sending side is `push`: the peer gets the tuples of these origins elsewhere.
    pub(in crate::core) fn on_prune(
        &mut self,
        link: LinkId,
        push: &mut LazyPush,
        origins: impl Iterator<Item = u64>,
        now: Now,
    ) {
        for origin in origins {
            push.make_lazy(origin);
        }
        self.close_ring(link, now);
    }

    /// GRAFT has come by `link`, whose sending side is `push`: the peer wants the tuples of these origins again. Where
    /// the link was an origin's parent, the peer has lost its own way to the origin, so its tuples must come by other
    /// links from now on.
    pub(in crate::core) fn on_graft(
        &mut self,
        link: LinkId,
        push: &mut LazyPush,
        origins: impl Iterator<Item = u64>,
    ) {
        let mut orphans = Vec::new();
        for origin in origins {
            push.make_eager(origin);
            if self.parents.forget(origin, link) {
                orphans.push(origin);
            }
        }
        self.graft(Some(link), &orphans);
    }

    /// ANNOUNCE (Plumtree's IHAVE) has come by `link`. `missing` are those of the tuples that are neither held nor on
    /// their way here. The tree has failed to bring them: they are asked for, and the link is eager again.
    pub(in crate::core) fn on_ihave(&mut self, link: LinkId, missing: &[Entry], now: Now) {
        if missing.is_empty() {
            return;
        }
        let mut origins: Vec<u64> = missing.iter().map(|entry| entry.stamp.origin).collect();
        origins.sort_unstable();
        origins.dedup();
        if let Some(neighbour) = self.neighbours.get_mut(&link) {
            for &origin in &origins {
                neighbour.graft_missing(origin, now.mono);
            }
        }
        self.outputs.push_back(Output::Graft(link, origins));
        let hashes = missing.iter().map(|entry| entry.hash).collect();
        self.outputs.push_back(Output::Request(link, hashes));
    }

    /// Prunes `origin` on all links in rings but `parent`, which has just become its parent, unless there were too many
    /// new origins in this second.
    fn prune_others(&mut self, parent: LinkId, origin: u64, now: Now) {
        if !self.new_origins.is_within_limit(now) {
            return;
        }
        let rings =
            self.neighbours.iter().filter(|&(&link, neighbour)| link != parent && neighbour.is_in_ring());
        let rings: Vec<LinkId> = rings.map(|(&link, _)| link).collect();
        for link in rings {
            self.prune(link, &[origin], now);
        }
    }

    /// Notes that a link is part of a ring. The first time, all is pruned on it that comes by other links.
    fn close_ring(&mut self, link: LinkId, now: Now) {
        if self.neighbours.get_mut(&link).is_some_and(Neighbour::close_ring) {
            let all = self.parents.origins();
            self.prune(link, &all, now);
        }
    }

    /// Sends PRUNE for those of `origins` that come by another link than `link`, or are this node itself.
    fn prune(&mut self, link: LinkId, origins: &[u64], now: Now) {
        let needless = |&origin: &u64| origin == self.own || self.comes_by_another(origin, link);
        let mut origins: Vec<u64> = origins.iter().copied().filter(needless).collect();
        let Some(neighbour) = self.neighbours.get_mut(&link) else { return };
        origins.retain(|&origin| neighbour.prune(origin, now.mono));
        if !origins.is_empty() {
            self.outputs.push_back(Output::Prune(link, origins));
        }
    }

    /// Returns whether `origin` has a parent other than `link` that stands and is not pruned for it.
    fn comes_by_another(&self, origin: u64, link: LinkId) -> bool {
        let parent = self.parents.of(origin).filter(|&parent| parent != link);
        let neighbour = parent.and_then(|parent| self.neighbours.get(&parent));
        neighbour.is_some_and(|neighbour| !neighbour.has_pruned(origin))
    }

    /// Sends GRAFT for `origins` to all neighbours that were sent PRUNE for them, except `but`.
    fn graft(&mut self, but: Option<LinkId>, origins: &[u64]) {
        if origins.is_empty() {
            return;
        }
        for (&link, neighbour) in self.neighbours.iter_mut().filter(|&(&link, _)| Some(link) != but) {
            let origins = neighbour.graft(origins);
            if !origins.is_empty() {
                self.outputs.push_back(Output::Graft(link, origins));
            }
        }
    }
}

/// Counts the origins that are met for the first time, by the second.
#[derive(Copy, Clone, Debug, Default)]
struct NewOrigins {
    /// Time at which the second began (monotonic ms).
    since: u64,
    count: u32,
}

impl NewOrigins {
    /// Counts one more; false when there were [`NEW_ORIGINS_A_SECOND`] before it.
    fn is_within_limit(&mut self, now: Now) -> bool {
        if now.mono >= self.since + SECOND_MS {
            *self = NewOrigins { since: now.mono, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count <= NEW_ORIGINS_A_SECOND
    }
}

#[cfg(test)]
mod tests;
