//! What a store sums up to, whole and in parts, so that two nodes find what differs by comparing
//! few numbers.
//!
//! A key's place is its hash; a tuple's sum is a hash of that and the stamp; sums are combined by
//! exclusive or, so their order does not matter and each change costs one operation. The leaves of
//! the tree are kept and grow with the store, inner nodes are summed when they are asked for. Each
//! leaf chains the slots of its tuples.

use super::clock::Stamp;
use super::feed::Slot;
use super::records::{FANOUT, Prefix};
use xxhash_rust::xxh3::xxh3_64;

const NONE: Slot = Slot::MAX;

/// The tree grows when its leaves hold more tuples than this on average.
const LOAD: usize = 8;

/// Five levels of 16 are a million leaves.
const DEEPEST: u8 = 5;

#[derive(Copy, Clone, Debug)]
struct Place {
    hash: u64,
    next: Slot,
    previous: Slot,
}

#[derive(Debug)]
pub(super) struct Digest {
    depth: u8,
    sums: Vec<u64>,
    heads: Vec<Slot>,
    places: Vec<Place>,
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
    pub(super) fn new() -> Digest {
        Digest {
            depth: 1,
            sums: vec![0; FANOUT],
            heads: vec![NONE; FANOUT],
            places: Vec::new(),
            root: 0,
            count: 0,
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

    pub(super) fn insert(&mut self, slot: Slot, hash: u64, stamp: Stamp) {
        if self.places.len() <= slot as usize {
            self.places.resize(slot as usize + 1, Place { hash: 0, next: NONE, previous: NONE });
        }
        self.count += 1;
        self.places[slot as usize].hash = hash;
        let leaf = self.leaf(hash);
        self.chain(slot, leaf);
        self.add(hash, stamp);
        if self.count > LOAD * self.sums.len() && self.depth < DEEPEST {
            self.grow();
        }
    }

    pub(super) fn change(&mut self, slot: Slot, old: Stamp, new: Stamp) {
        let hash = self.places[slot as usize].hash;
        self.add(hash, old);
        self.add(hash, new);
    }

    pub(super) fn remove(&mut self, slot: Slot, stamp: Stamp) {
        let Place { hash, next, previous } = self.places[slot as usize];
        let leaf = self.leaf(hash);
        if next != NONE {
            self.places[next as usize].previous = previous;
        }
        if previous != NONE {
            self.places[previous as usize].next = next;
        } else {
            self.heads[leaf] = next;
        }
        self.add(hash, stamp);
        self.count -= 1;
    }

    /// Adding and taking away are the same.
    fn add(&mut self, hash: u64, stamp: Stamp) {
        let sum = sum(hash, stamp);
        let leaf = self.leaf(hash);
        self.sums[leaf] ^= sum;
        self.root ^= sum;
    }

    fn chain(&mut self, slot: Slot, leaf: usize) {
        let head = std::mem::replace(&mut self.heads[leaf], slot);
        if head != NONE {
            self.places[head as usize].previous = slot;
        }
        let place = &mut self.places[slot as usize];
        (place.next, place.previous) = (head, NONE);
    }

    /// One more level. Sums cannot be divided without the stamps, so the parts are re-summed by
    /// [`Digest::resum`] from what the store knows.
    fn grow(&mut self) {
        let slots: Vec<Slot> = self.slots(Prefix::ALL).collect();
        self.depth += 1;
        self.heads = vec![NONE; self.heads.len() * FANOUT];
        self.sums = Vec::new();
        for slot in slots {
            let leaf = self.leaf(self.places[slot as usize].hash);
            self.chain(slot, leaf);
        }
    }

    /// Whether the tree has just grown and its sums must be made anew.
    pub(super) fn needs_sums(&self) -> bool {
        self.sums.is_empty()
    }

    /// Makes all sums anew from each slot's stamp.
    pub(super) fn resum(&mut self, stamp: impl Fn(Slot) -> Stamp) {
        self.sums = vec![0; self.heads.len()];
        for leaf in 0..self.heads.len() {
            let mut slot = self.heads[leaf];
            while slot != NONE {
                let place = self.places[slot as usize];
                self.sums[leaf] ^= sum(place.hash, stamp(slot));
                slot = place.next;
            }
        }
    }

    /// The hash of a slot's key.
    pub(super) fn hash(&self, slot: Slot) -> u64 {
        self.places[slot as usize].hash
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

    /// The sums of the 16 parts of a part that is not a leaf.
    pub(super) fn sums(&self, prefix: Prefix) -> [u64; FANOUT] {
        std::array::from_fn(|index| {
            self.sums[self.leaves(prefix.child(index))].iter().fold(0, |all, sum| all ^ sum)
        })
    }

    /// The slots of all tuples in a part.
    pub(super) fn slots(&self, prefix: Prefix) -> impl Iterator<Item = Slot> + '_ {
        self.heads[self.leaves(prefix)]
            .iter()
            .flat_map(|&head| {
                std::iter::successors((head != NONE).then_some(head), |&slot| {
                    Some(self.places[slot as usize].next).filter(|&next| next != NONE)
                })
            })
            .filter(move |&slot| prefix.contains(self.places[slot as usize].hash))
    }

    /// The slots of all tuples whose key has this hash: one, but for collisions.
    pub(super) fn find(&self, hash: u64) -> impl Iterator<Item = Slot> + '_ {
        let leaf = Prefix { depth: self.depth, bits: hash & !(u64::MAX >> (4 * u32::from(self.depth))) };
        self.slots(leaf).filter(move |&slot| self.places[slot as usize].hash == hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(slot: Slot) -> Stamp {
        Stamp { time: slot.into(), origin: 1 }
    }

    fn filled(order: impl Iterator<Item = Slot>) -> Digest {
        let mut digest = Digest::new();
        for slot in order {
            digest.insert(slot, xxh3_64(&slot.to_be_bytes()), stamp(slot));
            if digest.needs_sums() {
                digest.resum(stamp);
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
        (0..5000).for_each(|slot| down.remove(slot, stamp(slot)));
        assert_eq!((down.root(), down.count(), down.slots(Prefix::ALL).count()), (0, 0, 0));
        assert!(down.sums.iter().all(|&sum| sum == 0));
    }

    #[test]
    fn parts_hold_what_their_prefix_says_at_every_depth() {
        let digest = filled(0..3000);
        let mut prefix = Prefix::ALL;
        for depth in 0..6 {
            let expected = (0..3000u32).filter(|slot| prefix.contains(xxh3_64(&slot.to_be_bytes()))).count();
            assert_eq!(digest.slots(prefix).count(), expected, "depth {depth}");
            prefix = prefix.child(depth * 3 % 16);
        }
        for slot in [0u32, 1, 2999] {
            assert_eq!(digest.find(xxh3_64(&slot.to_be_bytes())).collect::<Vec<Slot>>(), [slot]);
        }
        assert_eq!(digest.find(12345).count(), 0);
    }

    #[test]
    fn one_changed_stamp_shows_in_one_part_only() {
        let (a, mut b) = (filled(0..1000), filled(0..1000));
        b.change(7, stamp(7), stamp(70));
        assert_ne!(a.root(), b.root());
        let differing =
            a.sums(Prefix::ALL).iter().zip(b.sums(Prefix::ALL)).filter(|(x, y)| **x != *y).count();
        assert_eq!(differing, 1);
    }
}
