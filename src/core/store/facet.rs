//! The store as one peer is shown it: what it may read of what is held, with what it holds and may not write in its place.

use super::denied::Denied;
use super::digest::sum;
use super::view::View;
use super::{Bucket, State, Store};
use crate::core::clock::Stamp;
use crate::core::codec::lists::FANOUT;
use crate::core::codec::{Entry, Prefix, Summary};
use crate::core::id::Slot;

/// The store as one peer is shown it.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct Facet<'a> {
    pub(in crate::core) store: &'a Store,
    view: Option<&'a View>,
    denied: Option<&'a Denied>,
}

/// Keys that are found together.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) enum Leaf {
    /// A leaf of the digest.
    Bucket(Bucket),
    /// One key of a view: its hash, and its slot.
    Key(u64, Slot),
}

impl Leaf {
    /// The smallest key hash that belongs to the leaf.
    pub(in crate::core) fn first(self) -> u64 {
        match self {
            Leaf::Bucket(bucket) => bucket.first,
            Leaf::Key(hash, _) => hash,
        }
    }
}

/// Number and digest of what a peer holds in the place of what it is shown.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
struct Difference {
    /// Exclusive or of the hashes of both.
    sum: u64,
    /// Number of denied writes that take effect at the peer.
    denied: usize,
    /// Number of those whose keys the peer is not shown.
    unknown: usize,
}

impl Difference {
    /// Adds a write of a key that is shown with the stamp `shown`, if it is.
    fn add(&mut self, hash: u64, denied: Stamp, shown: Option<Stamp>) {
        if shown.is_some_and(|shown| shown >= denied) {
            return; // The peer takes, or has, what is held here.
        }
        self.sum ^= sum(hash, denied) ^ shown.map_or(0, |shown| sum(hash, shown));
        self.denied += 1;
        self.unknown += usize::from(shown.is_none());
    }
}

impl<'a> Facet<'a> {
    /// The store as it is.
    #[cfg(test)]
    pub(in crate::core) fn whole(store: &'a Store) -> Facet<'a> {
        Facet { store, view: None, denied: None }
    }

    /// The store, as far as the view with this number shows it, with writes that the peer may not make.
    pub(in crate::core) fn new(
        store: &'a Store,
        view: Option<usize>,
        denied: Option<&'a Denied>,
    ) -> Facet<'a> {
        Facet { store, view: view.map(|view| store.view(view)), denied }
    }

    /// The stamp of the key with this hash, the latest if there are several.
    fn stamp(self, hash: u64) -> Option<Stamp> {
        self.with_hash(hash).map(|slot| self.store.held(slot).stamp).max()
    }

    fn difference(self, prefix: Prefix) -> Difference {
        let mut difference = Difference::default();
        for (hash, stamp) in self.denied.into_iter().flat_map(|denied| denied.in_subtree(prefix)) {
            difference.add(hash, stamp, self.stamp(hash));
        }
        difference
    }

    /// Root of the digest of what is shown.
    fn root(self) -> u64 {
        self.view.map_or_else(|| self.store.digest().root(), View::root)
    }

    /// Number of keys that are shown.
    pub(in crate::core) fn len(self) -> usize {
        self.view.map_or_else(|| self.store.len(), View::count)
    }

    /// Number of keys.
    pub(in crate::core) fn count(self) -> usize {
        self.len() + self.difference(Prefix::ALL).unknown
    }

    /// Root of the digest, and the number of keys that it covers.
    pub(in crate::core) fn known(self) -> Summary {
        let difference = self.difference(Prefix::ALL);
        Summary { root: self.root() ^ difference.sum, count: (self.len() + difference.unknown) as u64 }
    }

    /// Root of the digest, and the number of keys that are held here as the peer holds them.
    pub(in crate::core) fn summary(self) -> Summary {
        let difference = self.difference(Prefix::ALL);
        // Refused tuples are known, and therefore part of the root, but not held.
        let refused = self.view.map_or_else(|| self.store.count(State::Refused), View::refused);
        let count = (self.len() + difference.unknown).saturating_sub(refused + difference.denied);
        Summary { root: self.root() ^ difference.sum, count: count as u64 }
    }

    /// Hashes of the 16 children of a subtree that is not a leaf.
    pub(in crate::core) fn children(self, prefix: Prefix) -> [u64; FANOUT] {
        let digest = self.store.digest();
        let mut children = self.view.map_or_else(|| digest.children(prefix), |view| view.children(prefix));
        for (index, child) in children.iter_mut().enumerate().filter(|_| self.denied.is_some()) {
            *child ^= self.difference(prefix.child(index)).sum;
        }
        children
    }

    /// Cost of [`children`](Self::children), as the number of tuples that can be visited in the same time.
    pub(in crate::core) fn cost(self, prefix: Prefix) -> usize {
        let denied = self.denied.map_or(0, |denied| denied.in_subtree(prefix).count());
        denied + self.view.map_or_else(|| self.store.digest().cost(prefix), |view| view.cost(prefix))
    }

    /// Returns whether the trie does not divide a subtree further.
    pub(in crate::core) fn is_leaf(self, prefix: Prefix) -> bool {
        self.view.map_or_else(|| self.store.digest().is_leaf(prefix), |view| view.is_leaf(prefix))
    }

    /// Returns whether a subtree is likely to hold `most` tuples or fewer.
    pub(in crate::core) fn is_small(self, prefix: Prefix, most: usize) -> bool {
        let digest = self.store.digest();
        self.view.map_or_else(|| digest.is_small(prefix, most), |view| view.has_at_most(prefix, most))
    }

    /// Slots and key hashes in a subtree.
    fn subtree(self, prefix: Prefix) -> impl Iterator<Item = (Slot, u64)> + 'a {
        let (store, view) = (self.store, self.view);
        let whole = view.is_none().then(|| store.subtree(prefix));
        let shown = view.map(|view| view.subtree(prefix, prefix.bits));
        whole.into_iter().flatten().chain(shown.into_iter().flatten())
    }

    /// Entries of the tuples in a subtree that this node can give, and of those that the peer is known to hold in the
    /// place of others.
    pub(in crate::core) fn entries(self, prefix: Prefix) -> Vec<Entry> {
        let store = self.store;
        let given = self.subtree(prefix).filter(|&(slot, _)| self.is_given(slot));
        let mut entries: Vec<Entry> =
            given.map(|(slot, hash)| Entry { hash, stamp: store.held(slot).stamp }).collect();
        let Some(denied) = self.denied else { return entries };
        for entry in &mut entries {
            entry.stamp = denied.stamp(entry.hash).map_or(entry.stamp, |stamp| stamp.max(entry.stamp));
        }
        let unknown = denied.in_subtree(prefix).filter(|&(hash, _)| self.stamp(hash).is_none());
        entries.extend(unknown.map(|(hash, stamp)| Entry { hash, stamp }));
        entries
    }

    /// Returns whether this node can give what a slot holds: all but a refused tuple, of which it has the stamp alone.
    pub(in crate::core) fn is_given(self, slot: Slot) -> bool {
        self.store.held(slot).state != State::Refused
    }

    /// The leaves of a subtree, in the order of their key hashes, from that of the key hash `from`.
    pub(in crate::core) fn leaves(self, prefix: Prefix, from: u64) -> impl Iterator<Item = Leaf> + 'a {
        let (store, view) = (self.store, self.view);
        let whole = view.is_none().then(|| store.buckets(prefix, from).map(Leaf::Bucket));
        let shown = view.map(|view| view.subtree(prefix, from).map(|(slot, hash)| Leaf::Key(hash, slot)));
        whole.into_iter().flatten().chain(shown.into_iter().flatten())
    }

    /// Slots of all tuples in a leaf, with the hashes of their keys.
    pub(in crate::core) fn leaf(self, leaf: Leaf) -> impl Iterator<Item = (Slot, u64)> + 'a {
        let (bucket, key) = match leaf {
            Leaf::Bucket(bucket) => (Some(self.store.bucket(bucket)), None),
            Leaf::Key(hash, slot) => (None, Some((slot, hash))),
        };
        bucket.into_iter().flatten().chain(key)
    }

    /// Slots of all tuples whose key has this hash.
    pub(in crate::core) fn with_hash(self, hash: u64) -> impl Iterator<Item = Slot> + 'a {
        let (store, view) = (self.store, self.view);
        let whole = view.is_none().then(|| store.with_hash(hash));
        whole.into_iter().flatten().chain(view.map(|view| view.with_hash(hash)).into_iter().flatten())
    }

    /// Returns whether there are so many keys near a hash that lists do not name them all, and searches do not find them.
    pub(in crate::core) fn hides(self, hash: u64) -> bool {
        self.view.map_or_else(|| self.store.hides(hash), |view| view.hides(hash))
    }

    /// Number of tuples that a search [by hash](Self::with_hash) visits.
    pub(in crate::core) fn cost_of_hash(self, hash: u64) -> usize {
        self.view.map_or_else(|| self.store.cost_of_hash(hash), |view| 1 + view.with_hash(hash).count())
    }
}
