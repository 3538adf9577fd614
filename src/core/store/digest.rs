//! What a store sums up to, whole and in parts, so that two nodes find what differs by comparing
//! few numbers.
//!
//! A key's place is its hash; a tuple's sum is a hash of that and the stamp; sums are combined by
//! exclusive or, so their order does not matter and each change costs one operation. The leaves of
//! the tree are kept and grow with the store, inner nodes are summed when they are asked for. Each
//! leaf chains the slots of its tuples.
//!
//! Every tuple pays for what is kept here, so the chains are linked forwards only, and hashes are
//! the store's to know. A removed slot is looked for from the head of its chain.

use crate::core::clock::Stamp;
use crate::core::codec::Prefix;
use crate::core::codec::lists::FANOUT;
use crate::core::id::Slot;
use xxhash_rust::xxh3::xxh3_64;

const NONE: Slot = Slot::MAX;

/// The tree grows when its leaves hold more tuples than this on average.
const LOAD: usize = 16;

/// Five levels of 16 are a million leaves.
const DEEPEST: u8 = 5;

#[derive(Clone, Debug)]
pub(in crate::core) struct Digest {
    depth: u8,
    sums: Vec<u64>,
    heads: Vec<Slot>,
    next: Vec<Slot>,
    root: u64,
    count: usize,
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

    /// The sum of everything.
    pub(in crate::core) fn root(&self) -> u64 {
        self.root
    }

    /// How many tuples are summed up.
    pub(in crate::core) fn count(&self) -> usize {
        self.count
    }

    /// About how many tuples a part holds; hashes spread evenly.
    pub(in crate::core) fn estimate(&self, prefix: Prefix) -> usize {
        self.count.checked_shr(4 * u32::from(prefix.depth)).unwrap_or(0)
    }

    /// Whether a part is so small that the tree does not divide it further.
    pub(in crate::core) fn is_leaf(&self, prefix: Prefix) -> bool {
        prefix.depth >= self.depth
    }

    fn leaf(&self, hash: u64) -> usize {
        (hash >> (64 - 4 * u32::from(self.depth))) as usize
    }

    /// A slot that is in no chain takes a tuple whose key has this hash.
    pub(in crate::core) fn insert(&mut self, slot: Slot, hash: u64, stamp: Stamp) {
        self.count += 1;
        self.chain(slot, hash);
        self.add(hash, stamp);
    }

    /// A tuple gets another stamp.
    pub(in crate::core) fn change(&mut self, hash: u64, old: Stamp, new: Stamp) {
        self.add(hash, old);
        self.add(hash, new);
    }

    /// A tuple is removed, and its slot is free.
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

    /// Whether the tree should have one more level.
    pub(in crate::core) fn is_crowded(&self) -> bool {
        self.count > LOAD * self.heads.len() && self.depth < DEEPEST
    }

    /// Makes all chains and sums anew, with one more level, from all slots in use with their hashes and stamps.
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
    pub(in crate::core) fn cost(&self, prefix: Prefix) -> usize {
        1 + self.leaves(prefix).len() / 16
    }

    /// The sums of the 16 parts of a part that is not a leaf.
    pub(in crate::core) fn sums(&self, prefix: Prefix) -> [u64; FANOUT] {
        std::array::from_fn(|index| {
            self.sums[self.leaves(prefix.child(index))].iter().fold(0, |all, sum| all ^ sum)
        })
    }

    /// The slots of all tuples in a part; and, if the part is smaller than a leaf, others of
    /// that leaf.
    pub(in crate::core) fn slots(&self, prefix: Prefix) -> impl Iterator<Item = Slot> + '_ {
        self.heads[self.leaves(prefix)].iter().flat_map(|&head| self.chain_from(head))
    }

    /// The slots of the leaf that a hash belongs to.
    pub(in crate::core) fn slots_near(&self, hash: u64) -> impl Iterator<Item = Slot> + '_ {
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
        assert_eq!(up.sums(Prefix::ALL), down.sums(Prefix::ALL));
        assert_eq!(up.sums(Prefix::ALL).iter().fold(0, |a, b| a ^ b), up.root());
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
