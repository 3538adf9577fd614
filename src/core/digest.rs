//! What a store sums up to, whole and in parts, so that two nodes find what differs by comparing
//! few numbers.
//!
//! A key's place is its hash; a tuple's sum is a hash of that and the stamp; sums are combined by
//! exclusive or, so their order does not matter and each change costs one operation. The leaves of
//! the tree are kept and grow with the store, inner nodes are summed when they are asked for. Each
//! leaf chains the slots of its tuples.
//!
//! Every tuple pays for what is kept here, so the chains are linked forwards only, and hashes are
//! the store's to know. A slot whose tuple was removed stays in its chain until all are made anew.

use super::clock::Stamp;
use super::feed::Slot;
use super::records::{FANOUT, Prefix};
use xxhash_rust::xxh3::xxh3_64;

const NONE: Slot = Slot::MAX;

/// The tree grows when its leaves hold more tuples than this on average.
const LOAD: usize = 16;

/// Five levels of 16 are a million leaves.
const DEEPEST: u8 = 5;

/// Removed slots stay in the chains until there are so many, and half as many as others.
const SLACK: usize = 1024;

#[derive(Debug)]
pub(super) struct Digest {
    depth: u8,
    sums: Vec<u64>,
    heads: Vec<Slot>,
    next: Vec<Slot>,
    root: u64,
    count: usize,
    removed: usize,
}

/// The sum of one tuple: XXH3 of key hash, time and origin, 8 bytes each, big endian.
fn sum(hash: u64, stamp: Stamp) -> u64 {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&hash.to_be_bytes());
    bytes[8..16].copy_from_slice(&stamp.time.to_be_bytes());
    bytes[16..].copy_from_slice(&stamp.origin.to_be_bytes());
    xxh3_64(&bytes)
}

impl Digest {
    pub(super) fn new() -> Digest {
        Digest {
            depth: 1,
            sums: vec![0; FANOUT],
            heads: vec![NONE; FANOUT],
            next: Vec::new(),
            root: 0,
            count: 0,
            removed: 0,
        }
    }

    /// The sum of everything.
    pub(super) fn root(&self) -> u64 {
        self.root
    }

    /// How many tuples are summed up.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// About how many tuples a part holds; hashes spread evenly.
    pub(super) fn estimate(&self, prefix: Prefix) -> usize {
        self.count.checked_shr(4 * u32::from(prefix.depth)).unwrap_or(0)
    }

    /// Whether a part is so small that the tree does not divide it further.
    pub(super) fn is_leaf(&self, prefix: Prefix) -> bool {
        prefix.depth >= self.depth
    }

    fn leaf(&self, hash: u64) -> usize {
        (hash >> (64 - 4 * u32::from(self.depth))) as usize
    }

    /// A slot that is in no chain takes a tuple whose key has this hash.
    pub(super) fn insert(&mut self, slot: Slot, hash: u64, stamp: Stamp) {
        self.count += 1;
        self.chain(slot, hash);
        self.add(hash, stamp);
    }

    /// A tuple gets another stamp.
    pub(super) fn change(&mut self, hash: u64, old: Stamp, new: Stamp) {
        self.add(hash, old);
        self.add(hash, new);
    }

    /// A tuple is removed. Its slot is not free before it is returned by [`Digest::rebuild`].
    pub(super) fn remove(&mut self, hash: u64, stamp: Stamp) {
        self.add(hash, stamp);
        self.count -= 1;
        self.removed += 1;
    }

    /// Adding and taking away are the same.
    fn add(&mut self, hash: u64, stamp: Stamp) {
        let sum = sum(hash, stamp);
        let leaf = self.leaf(hash);
        self.sums[leaf] ^= sum;
        self.root ^= sum;
    }

    fn chain(&mut self, slot: Slot, hash: u64) {
        if self.next.len() <= slot as usize {
            self.next.resize(slot as usize + 1, NONE);
        }
        let leaf = self.leaf(hash);
        self.next[slot as usize] = std::mem::replace(&mut self.heads[leaf], slot);
    }

    fn is_crowded(&self) -> bool {
        self.count > LOAD * self.heads.len() && self.depth < DEEPEST
    }

    /// Whether [`Digest::rebuild`] is due.
    pub(super) fn needs_rebuild(&self) -> bool {
        self.is_crowded() || self.removed > self.count / 2 + SLACK
    }

    /// Makes all chains and sums anew, with one more level if the leaves are crowded. `tuple` knows a
    /// slot's hash and stamp, or that it was removed; those are returned, and free from now on.
    pub(super) fn rebuild(&mut self, tuple: impl Fn(Slot) -> Option<(u64, Stamp)>) -> Vec<Slot> {
        // They are taken in the order in which they mostly lie in memory.
        let mut chained = vec![false; self.next.len()];
        self.slots(Prefix::ALL).for_each(|slot| chained[slot as usize] = true);
        self.depth += u8::from(self.is_crowded());
        let leaves = 1 << (4 * u32::from(self.depth));
        self.heads = vec![NONE; leaves];
        self.sums = vec![0; leaves];
        (self.root, self.removed) = (0, 0);
        let mut free = Vec::new();
        for (slot, _) in (0..).zip(&chained).filter(|(_, chained)| **chained) {
            match tuple(slot) {
                Some((hash, stamp)) => {
                    self.chain(slot, hash);
                    self.add(hash, stamp);
                }
                None => free.push(slot),
            }
        }
        free
    }

    fn leaves(&self, prefix: Prefix) -> std::ops::Range<usize> {
        if self.is_leaf(prefix) {
            let leaf = self.leaf(prefix.bits);
            return leaf..leaf + 1;
        }
        let below = 4 * u32::from(self.depth - prefix.depth);
        let first = self.leaf(prefix.bits);
        first..first + (1 << below)
    }

    /// About how many tuples could be looked at in the time that it takes to sum up the parts of a part.
    pub(super) fn effort(&self, prefix: Prefix) -> usize {
        1 + self.leaves(prefix).len() / 16
    }

    /// The sums of the 16 parts of a part that is not a leaf.
    pub(super) fn sums(&self, prefix: Prefix) -> [u64; FANOUT] {
        std::array::from_fn(|index| {
            self.sums[self.leaves(prefix.child(index))].iter().fold(0, |all, sum| all ^ sum)
        })
    }

    /// The slots of all tuples in a part; also removed ones, and, if the part is smaller than a leaf,
    /// others of that leaf.
    pub(super) fn slots(&self, prefix: Prefix) -> impl Iterator<Item = Slot> + '_ {
        self.heads[self.leaves(prefix)].iter().flat_map(|&head| self.chain_from(head))
    }

    /// The slots of the leaf that a hash belongs to, removed ones included.
    pub(super) fn slots_near(&self, hash: u64) -> impl Iterator<Item = Slot> + '_ {
        self.chain_from(self.heads[self.leaf(hash)])
    }

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
        let mut digest = Digest::new();
        for slot in order {
            digest.insert(slot, hash(slot), stamp(slot));
            if digest.needs_rebuild() {
                assert!(digest.rebuild(|slot| Some((hash(slot), stamp(slot)))).is_empty());
            }
        }
        digest
    }

    #[test]
    fn order_does_not_matter_and_removal_undoes() {
        let (up, mut down) = (filled(0..5000), filled((0..5000).rev()));
        assert!(up.depth >= 3 && up.count() == 5000);
        assert_eq!(up.root(), down.root());
        assert_eq!(up.sums(Prefix::ALL), down.sums(Prefix::ALL));
        assert_eq!(up.sums(Prefix::ALL).iter().fold(0, |a, b| a ^ b), up.root());
        (0..5000).for_each(|slot| down.remove(hash(slot), stamp(slot)));
        assert_eq!((down.root(), down.count(), down.needs_rebuild()), (0, 0, true));
        assert!(down.sums.iter().all(|&sum| sum == 0));
        assert_eq!(down.rebuild(|_| None).len(), 5000);
        assert_eq!((down.slots(Prefix::ALL).count(), down.needs_rebuild()), (0, false));
    }

    #[test]
    fn making_all_anew_keeps_the_sums_and_frees_what_was_removed() {
        let (less, mut digest) = (filled(1000..4000), filled(0..4000));
        (0..1000).for_each(|slot| digest.remove(hash(slot), stamp(slot)));
        let mut free = digest.rebuild(|slot| (slot >= 1000).then(|| (hash(slot), stamp(slot))));
        free.sort_unstable();
        assert!(free.into_iter().eq(0..1000));
        assert_eq!((digest.root(), digest.sums(Prefix::ALL)), (less.root(), less.sums(Prefix::ALL)));
    }

    #[test]
    fn parts_hold_what_their_prefix_says_at_every_depth() {
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
    fn one_changed_stamp_shows_in_one_part_only() {
        let (a, mut b) = (filled(0..1000), filled(0..1000));
        b.change(hash(7), stamp(7), stamp(70));
        assert_ne!(a.root(), b.root());
        let differing =
            a.sums(Prefix::ALL).iter().zip(b.sums(Prefix::ALL)).filter(|(x, y)| **x != *y).count();
        assert_eq!(differing, 1);
    }
}
