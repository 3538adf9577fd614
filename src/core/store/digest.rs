//! The digest: a 16-ary Merkle trie over key hashes, whose node hashes are combined by exclusive or.
//!
//! Two nodes find the keys in which they differ by comparing a few numbers from the root down. Each nibble of a key's
//! hash, from the most significant one on, selects one of 16 children. A tuple's hash covers the key hash and the
//! stamp; the hash of a trie node is the exclusive or of the hashes of all tuples below it. So the order in which
//! tuples came does not matter, a change costs one operation, and removing a tuple is the same as adding it again.
//! Two different sets of tuples have the same root with a chance of 2^-64. The hashes are no protection against a peer
//! that lies: peers are trusted as far as certificates let them in.
//!
//! Only the hashes of the leaves are stored; those of inner nodes are combined when they are needed. All leaves have
//! the same depth, which grows with the number of tuples. Each leaf has a chain of the slots of its tuples. Every
//! tuple pays for its link of the chain, so the chains are linked forwards only, and key hashes are not stored: a
//! slot that is removed is looked for from the head of its chain.

use crate::core::clock::Stamp;
use crate::core::codec::Prefix;
use crate::core::codec::lists::FANOUT;
use crate::core::id::Slot;
use xxhash_rust::xxh3::xxh3_64;

/// End of a chain.
const NONE: Slot = Slot::MAX;

/// Mean number of tuples in a leaf from which the trie grows by a level. After growth a leaf has one on average: a
/// leaf costs 12 bytes, and a chain of 16 is walked in some microseconds.
const LOAD: usize = 16;

/// Depth to which the trie grows. Five levels are a million leaves, of 12 MB; then the chains grow instead.
const DEEPEST: u8 = 5;

/// The digest of a store.
#[derive(Clone, Debug)]
pub(in crate::core) struct Digest {
    /// Depth of the leaves, 1 to [`DEEPEST`].
    depth: u8,
    /// Hash of each leaf.
    sums: Vec<u64>,
    /// First slot in the chain of each leaf.
    heads: Vec<Slot>,
    /// The next slot in the chain, by slot.
    next: Vec<Slot>,
    /// Hash of the whole trie.
    root: u64,
    /// Number of tuples.
    count: usize,
}

/// Hash of one tuple: XXH3-64 of key hash, time and origin, 8 bytes each, big endian.
fn sum(hash: u64, stamp: Stamp) -> u64 {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&hash.to_be_bytes());
    bytes[8..16].copy_from_slice(&stamp.time.to_be_bytes());
    bytes[16..].copy_from_slice(&stamp.origin.to_be_bytes());
    xxh3_64(&bytes)
}

impl Digest {
    /// A digest of nothing.
    pub(in crate::core) fn new() -> Digest {
        Digest {
            depth: 1,
            sums: vec![0; FANOUT],
            heads: vec![NONE; FANOUT],
            next: Vec::new(),
            root: 0,
            count: 0,
        }
    }

    /// Hash of the whole trie: equal where the same keys have the same stamps.
    pub(in crate::core) fn root(&self) -> u64 {
        self.root
    }

    /// Number of tuples in the trie.
    pub(in crate::core) fn count(&self) -> usize {
        self.count
    }

    /// Estimated number of tuples in a subtree; key hashes spread evenly.
    pub(in crate::core) fn estimate(&self, prefix: Prefix) -> usize {
        self.count.checked_shr(4 * u32::from(prefix.depth)).unwrap_or(0)
    }

    /// Returns whether the trie does not divide a subtree further.
    pub(in crate::core) fn is_leaf(&self, prefix: Prefix) -> bool {
        prefix.depth >= self.depth
    }

    /// Index of the leaf that a key hash belongs to.
    fn leaf(&self, hash: u64) -> usize {
        (hash >> (64 - 4 * u32::from(self.depth))) as usize
    }

    /// Adds a tuple, by its slot, which is in no chain, and its key's hash and stamp.
    pub(in crate::core) fn insert(&mut self, slot: Slot, hash: u64, stamp: Stamp) {
        self.count += 1;
        self.chain(slot, hash);
        self.add(hash, stamp);
    }

    /// Changes a tuple's stamp.
    pub(in crate::core) fn change(&mut self, hash: u64, old: Stamp, new: Stamp) {
        self.add(hash, old);
        self.add(hash, new);
    }

    /// Removes a tuple, whose slot is free then.
    pub(in crate::core) fn remove(&mut self, slot: Slot, hash: u64, stamp: Stamp) {
        self.add(hash, stamp);
        self.count -= 1;
        let after = self.next[slot as usize];
        let leaf = self.leaf(hash);
        if self.heads[leaf] == slot {
            self.heads[leaf] = after;
            return;
        }
        let before = self.chain_from(self.heads[leaf]).find(|&near| self.next[near as usize] == slot);
        if let Some(before) = before {
            self.next[before as usize] = after;
        }
    }

    /// Combines a tuple's hash into the trie; the second time, takes it out again.
    fn add(&mut self, hash: u64, stamp: Stamp) {
        let sum = sum(hash, stamp);
        let leaf = self.leaf(hash);
        self.sums[leaf] ^= sum;
        self.root ^= sum;
    }

    /// Links a slot into its leaf's chain.
    fn chain(&mut self, slot: Slot, hash: u64) {
        if self.next.len() <= slot as usize {
            self.next.resize(slot as usize + 1, NONE);
        }
        let leaf = self.leaf(hash);
        self.next[slot as usize] = std::mem::replace(&mut self.heads[leaf], slot);
    }

    /// Returns whether the trie should have one more level.
    pub(in crate::core) fn is_crowded(&self) -> bool {
        self.count > LOAD * self.heads.len() && self.depth < DEEPEST
    }

    /// Builds the trie anew with one more level, from all slots in use with their key hashes and stamps.
    pub(in crate::core) fn rebuild(&mut self, tuples: impl Iterator<Item = (Slot, u64, Stamp)>) {
        self.depth += 1;
        let leaves = 1 << (4 * u32::from(self.depth));
        self.heads = vec![NONE; leaves];
        self.sums = vec![0; leaves];
        self.root = 0;
        for (slot, hash, stamp) in tuples {
            self.chain(slot, hash);
            self.add(hash, stamp);
        }
    }

    /// Range of the leaves of a subtree; one leaf for a subtree that is smaller.
    fn leaves(&self, prefix: Prefix) -> std::ops::Range<usize> {
        if self.is_leaf(prefix) {
            let leaf = self.leaf(prefix.bits);
            return leaf..leaf + 1;
        }
        let below = 4 * u32::from(self.depth - prefix.depth);
        let first = self.leaf(prefix.bits);
        first..first + (1 << below)
    }

    /// Cost of [`children`](Self::children), as the number of tuples that can be visited in the same time.
    pub(in crate::core) fn cost(&self, prefix: Prefix) -> usize {
        1 + self.leaves(prefix).len() / 16
    }

    /// Hashes of the 16 children of a subtree that is not a leaf.
    pub(in crate::core) fn children(&self, prefix: Prefix) -> [u64; FANOUT] {
        std::array::from_fn(|index| {
            self.sums[self.leaves(prefix.child(index))].iter().fold(0, |all, sum| all ^ sum)
        })
    }

    /// Slots of all tuples in a subtree; of a subtree smaller than a leaf, those of the whole leaf.
    pub(in crate::core) fn slots(&self, prefix: Prefix) -> impl Iterator<Item = Slot> + '_ {
        self.heads[self.leaves(prefix)].iter().flat_map(|&head| self.chain_from(head))
    }

    /// Slots of the leaf that a key hash belongs to.
    pub(in crate::core) fn slots_near(&self, hash: u64) -> impl Iterator<Item = Slot> + '_ {
        self.chain_from(self.heads[self.leaf(hash)])
    }

    /// Slots of a chain from `head` on.
    fn chain_from(&self, head: Slot) -> impl Iterator<Item = Slot> + '_ {
        let some = |slot| Some(slot).filter(|&slot| slot != NONE);
        std::iter::successors(some(head), move |&slot| some(self.next[slot as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(slot: Slot) -> Stamp {
        Stamp { time: slot.into(), origin: 1 }
    }

    fn hash(slot: Slot) -> u64 {
        xxh3_64(&slot.to_be_bytes())
    }

    fn filled(order: impl Iterator<Item = Slot>) -> Digest {
        let (mut digest, mut inserted) = (Digest::new(), Vec::new());
        for slot in order {
            digest.insert(slot, hash(slot), stamp(slot));
            inserted.push(slot);
            if digest.is_crowded() {
                digest.rebuild(inserted.iter().map(|&slot| (slot, hash(slot), stamp(slot))));
            }
        }
        digest
    }

    #[test]
    fn order_does_not_matter_and_removal_undoes() {
        let (up, mut down) = (filled(0..5000), filled((0..5000).rev()));
        assert!(up.depth >= 3 && up.count() == 5000);
        assert_eq!(up.root(), down.root());
        assert_eq!(up.children(Prefix::ALL), down.children(Prefix::ALL));
        assert_eq!(up.children(Prefix::ALL).iter().fold(0, |a, b| a ^ b), up.root());
        (0..5000).for_each(|slot| down.remove(slot, hash(slot), stamp(slot)));
        assert_eq!((down.root(), down.count(), down.slots(Prefix::ALL).count()), (0, 0, 0));
        assert!(down.sums.iter().all(|&sum| sum == 0));
    }

    #[test]
    fn what_was_removed_is_in_no_chain_and_the_rest_is() {
        let (less, mut digest) = (filled(1000..4000), filled(0..4000));
        (0..1000).for_each(|slot| digest.remove(slot, hash(slot), stamp(slot)));
        let mut slots: Vec<Slot> = digest.slots(Prefix::ALL).collect();
        slots.sort_unstable();
        assert!(slots.into_iter().eq(1000..4000));
        assert_eq!((digest.root(), digest.children(Prefix::ALL)), (less.root(), less.children(Prefix::ALL)));
    }

    #[test]
    fn subtrees_hold_what_their_prefix_says_at_every_depth() {
        let digest = filled(0..5000);
        let mut prefix = Prefix::ALL;
        for depth in 0..6 {
            let within = |slot: &Slot| prefix.contains(hash(*slot));
            let expected = (0..5000u32).filter(within).count();
            assert_eq!(digest.slots(prefix).filter(within).count(), expected, "depth {depth}");
            prefix = prefix.child(depth * 3 % 16);
        }
        for slot in [0u32, 1, 2999] {
            assert!(digest.slots_near(hash(slot)).any(|near| near == slot));
        }
    }

    #[test]
    fn one_changed_stamp_shows_in_one_child_only() {
        let (a, mut b) = (filled(0..1000), filled(0..1000));
        b.change(hash(7), stamp(7), stamp(70));
        assert_ne!(a.root(), b.root());
        let differing =
            a.children(Prefix::ALL).iter().zip(b.children(Prefix::ALL)).filter(|(x, y)| **x != *y).count();
        assert_eq!(differing, 1);
    }
}
