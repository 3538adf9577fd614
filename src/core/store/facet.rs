//! The store as one peer is shown it: all that is held, with what the peer holds and may not write in its place.

use super::denied::{Denied, Difference};
use super::{Bucket, State, Store};
use crate::core::codec::lists::FANOUT;
use crate::core::codec::{Entry, Prefix, Summary};
use crate::core::id::Slot;

/// The store as one peer is shown it.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct Facet<'a> {
    pub(in crate::core) store: &'a Store,
    denied: Option<&'a Denied>,
}

impl<'a> Facet<'a> {
    /// The store without anything in its place.
    #[cfg(test)]
    pub(in crate::core) fn whole(store: &'a Store) -> Facet<'a> {
        Facet { store, denied: None }
    }

    /// The store, with writes that the peer may not make.
    pub(in crate::core) fn new(store: &'a Store, denied: Option<&'a Denied>) -> Facet<'a> {
        Facet { store, denied }
    }

    fn difference(self, prefix: Prefix) -> Difference {
        let mut difference = Difference::default();
        for (hash, stamp) in self.denied.into_iter().flat_map(|denied| denied.in_subtree(prefix)) {
            difference.add(hash, stamp, self.store.stamp_of(hash));
        }
        difference
    }

    /// Number of keys.
    pub(in crate::core) fn count(self) -> usize {
        self.store.digest().count() + self.difference(Prefix::ALL).unknown
    }

    /// Root of the digest, and the number of keys that it covers.
    pub(in crate::core) fn known(self) -> Summary {
        let difference = self.difference(Prefix::ALL);
        let count = self.store.digest().count() + difference.unknown;
        Summary { root: self.store.digest().root() ^ difference.sum, count: count as u64 }
    }

    /// Root of the digest, and the number of keys that are held here as the peer holds them.
    pub(in crate::core) fn summary(self) -> Summary {
        let difference = self.difference(Prefix::ALL);
        // Refused tuples are known, and therefore part of the root, but not held.
        let held = self.store.digest().count() - self.store.count(State::Refused);
        let count = (held + difference.unknown).saturating_sub(difference.denied);
        Summary { root: self.store.digest().root() ^ difference.sum, count: count as u64 }
    }

    /// Hashes of the 16 children of a subtree that is not a leaf.
    pub(in crate::core) fn children(self, prefix: Prefix) -> [u64; FANOUT] {
        let mut children = self.store.digest().children(prefix);
        for (index, child) in children.iter_mut().enumerate().filter(|_| self.denied.is_some()) {
            *child ^= self.difference(prefix.child(index)).sum;
        }
        children
    }

    /// Cost of [`children`](Self::children), as the number of tuples that can be visited in the same time.
    pub(in crate::core) fn cost(self, prefix: Prefix) -> usize {
        let denied = self.denied.map_or(0, |denied| denied.in_subtree(prefix).count());
        self.store.digest().cost(prefix) + denied
    }

    /// Returns whether the trie does not divide a subtree further.
    pub(in crate::core) fn is_leaf(self, prefix: Prefix) -> bool {
        self.store.digest().is_leaf(prefix)
    }

    /// Returns whether a subtree is likely to hold `most` tuples or fewer.
    pub(in crate::core) fn is_small(self, prefix: Prefix, most: usize) -> bool {
        self.store.digest().is_small(prefix, most)
    }

    /// Entries of the tuples in a subtree that this node can give, and of those that the peer is known to hold in the
    /// place of others.
    pub(in crate::core) fn entries(self, prefix: Prefix) -> Vec<Entry> {
        let store = self.store;
        let given = store.subtree(prefix).filter(|&(slot, _)| self.is_given(slot));
        let mut entries: Vec<Entry> =
            given.map(|(slot, hash)| Entry { hash, stamp: store.held(slot).stamp }).collect();
        let Some(denied) = self.denied else { return entries };
        for entry in &mut entries {
            entry.stamp = denied.stamp(entry.hash).map_or(entry.stamp, |stamp| stamp.max(entry.stamp));
        }
        let unknown = denied.in_subtree(prefix).filter(|&(hash, _)| store.stamp_of(hash).is_none());
        entries.extend(unknown.map(|(hash, stamp)| Entry { hash, stamp }));
        entries
    }

    /// Returns whether this node can give what a slot holds: all but a refused tuple, of which it has the stamp alone.
    pub(in crate::core) fn is_given(self, slot: Slot) -> bool {
        self.store.held(slot).state != State::Refused
    }

    /// The leaves of a subtree, in the order of their key hashes, from that of the key hash `from`.
    pub(in crate::core) fn buckets(self, prefix: Prefix, from: u64) -> impl Iterator<Item = Bucket> + 'a {
        self.store.buckets(prefix, from)
    }

    /// Slots of all tuples in a leaf, with the hashes of their keys.
    pub(in crate::core) fn bucket(self, bucket: Bucket) -> impl Iterator<Item = (Slot, u64)> + 'a {
        self.store.bucket(bucket)
    }

    /// Slots of all tuples whose key has this hash.
    pub(in crate::core) fn with_hash(self, hash: u64) -> impl Iterator<Item = Slot> + 'a {
        self.store.with_hash(hash)
    }

    /// Number of tuples that a search [by hash](Self::with_hash) visits.
    pub(in crate::core) fn cost_of_hash(self, hash: u64) -> usize {
        self.store.cost_of_hash(hash)
    }

    /// Number of keys that the budget of a peer is reckoned by.
    pub(in crate::core) fn len(self) -> usize {
        self.store.len()
    }
}
