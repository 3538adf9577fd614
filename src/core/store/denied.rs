//! Writes that a peer has and may not make.
//!
//! Such a write is not held here, and it must not be: others may bring the same one, and have the right to. But if the peer
//! were compared with what is held here, the two would differ for good, and send it again and again. So it is remembered
//! of each peer, by key hash and stamp, what it holds in the place of what is held here; in comparisons with that peer this
//! counts as known.

use super::view::last;
use crate::core::clock::Stamp;
use crate::core::codec::{Entry, EntryList, Prefix};
use std::collections::BTreeMap;

/// Number of writes that are remembered of one peer: 100 kB. What a peer has beyond that is compared with it for ever, if
/// rarely, and is not requested any more.
const MOST: usize = 1024;
/// Bytes that one costs.
const COST: usize = 100;

/// Writes that one peer has and may not make, by their keys' hashes.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Denied {
    stamps: BTreeMap<u64, Stamp>,
    /// Whether there are more than can be remembered.
    is_full: bool,
}

impl Denied {
    /// Notes a write.
    pub(in crate::core) fn note(&mut self, hash: u64, stamp: Stamp) {
        if self.stamps.len() >= MOST && !self.stamps.contains_key(&hash) {
            self.is_full = true;
            return;
        }
        let known = self.stamps.entry(hash).or_insert(stamp);
        *known = stamp.max(*known);
    }

    /// Returns whether a write that the peer has was denied.
    pub(in crate::core) fn refuses(&self, entry: Entry) -> bool {
        self.stamps.get(&entry.hash).is_some_and(|&stamp| stamp >= entry.stamp)
    }

    /// Returns whether more was denied than can be remembered, so that no write of an unknown key is to be requested.
    pub(in crate::core) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Notes that the peer does not hold what was denied of a key: it asks for the key.
    pub(in crate::core) fn forget(&mut self, hash: u64) {
        self.stamps.remove(&hash);
    }

    /// Notes what the peer holds in a subtree, all of it. Returns the number of entries that were visited.
    pub(in crate::core) fn on_listed(&mut self, prefix: Prefix, entries: EntryList<'_>) -> usize {
        if self.in_subtree(prefix).next().is_none() {
            return 0;
        }
        let listed: BTreeMap<u64, Stamp> = entries.iter().map(|entry| (entry.hash, entry.stamp)).collect();
        self.stamps.retain(|hash, stamp| !prefix.contains(*hash) || listed.get(hash) == Some(stamp));
        listed.len()
    }

    /// Bytes that are held.
    pub(in crate::core) fn bytes(&self) -> usize {
        self.stamps.len() * COST
    }

    /// Returns whether nothing was denied.
    pub(in crate::core) fn is_empty(&self) -> bool {
        self.stamps.is_empty() && !self.is_full
    }

    /// The stamp that was denied of a key.
    pub(super) fn stamp(&self, hash: u64) -> Option<Stamp> {
        self.stamps.get(&hash).copied()
    }

    /// Key hashes and stamps in a subtree.
    pub(super) fn in_subtree(&self, prefix: Prefix) -> impl Iterator<Item = (u64, Stamp)> + '_ {
        self.stamps.range(prefix.bits..=last(prefix)).map(|(&hash, &stamp)| (hash, stamp))
    }
}
