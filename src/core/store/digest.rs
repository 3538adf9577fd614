//! The digest: a 16-ary Merkle trie over key hashes, whose node hashes are combined by exclusive or.
//!
//! Two nodes find the keys in which they differ by comparing a few numbers from the root down. Each nibble of a key's
//! hash, from the most significant one on, selects one of 16 children. A tuple's hash covers the key hash and the
//! stamp; the hash of a trie node is the exclusive or of the hashes of all tuples below it. So the order in which
//! tuples came does not matter, a change costs one operation, and removing a tuple is the same as adding it again.
//! Two different sets of tuples have the same root with a chance of 2^-64. The hashes are no protection against a peer
//! that lies: peers are trusted as far as certificates let them in.
//!
//! The trie has a uniform part, whose leaves all have the same depth, which grows with the number of tuples, and whose
//! inner hashes are combined when they are needed. Each leaf has a chain of the slots of its tuples. Every tuple pays for
//! its link of the chain, so the chains are linked forwards only, and key hashes are not stored: a slot that is removed
//! is looked for from the head of its chain.
//!
//! Key hashes can be chosen, so that many fall on one leaf. No chain therefore grows beyond [`CROWDED`]: the leaf then
//! *branches* into 16 smaller ones. Of keys that agree in the 60 bits by which a subtree can be named, all but the first
//! few are in the hashes and in no chain: nothing walks past them, and no list names them. Where such a place differs,
//! each side sends the other everything, as to a newcomer: see `anti_entropy`.

use crate::core::clock::Stamp;
use crate::core::codec::Prefix;
use crate::core::codec::lists::FANOUT;
use crate::core::id::Slot;
use crate::core::visits::visit;
use xxhash_rust::xxh3::xxh3_64;

/// End of a chain.
const NONE: Slot = Slot::MAX;

/// Mean number of tuples in a leaf from which the uniform part grows by a level. After growth a leaf has one on average:
/// a leaf costs 13 bytes, and a chain of 16 is walked in some microseconds.
const LOAD: usize = 16;

/// Depth to which the uniform part grows. Five levels are a million leaves, of 13 MB; then leaves branch instead.
const DEEPEST: u8 = 5;

/// Depth from which on the uniform part grows little by little: it has 65 536 tuples then, and a million with one more
/// level, which take a tenth of a second. The 4 096 before take 0.2 ms.
const GRADUAL: u8 = 3;
/// Number of slots that are then moved with each new key.
const MOVED: Slot = 8;

/// Length of a chain at which its leaf branches. With hashes that nobody has chosen, and a mean of [`LOAD`], a leaf with as
/// many is not met in a lifetime.
pub(in crate::core) const CROWDED: u8 = 64;

/// Depth at which leaves do not branch: a prefix on the wire has 15 nibbles at most.
const DEEPEST_BRANCH: u8 = 15;

/// Length of a leaf that has branched.
const BRANCHED: u8 = u8::MAX;

/// The digest of a store.
#[derive(Clone, Debug)]
pub(in crate::core) struct Digest {
    /// Depth of the leaves of the uniform part, 1 to [`DEEPEST`].
    depth: u8,
    /// Hash of each leaf: those of the uniform part, and behind them blocks of 16 for leaves that have branched.
    sums: Vec<u64>,
    /// First slot in the chain of each leaf; of one that has branched, the first of its 16 children.
    heads: Vec<Slot>,
    /// Length of the chain of each leaf, or [`BRANCHED`].
    lengths: Vec<u8>,
    /// Blocks of 16 that are not in use.
    free: Vec<Slot>,
    /// The next slot in the chain, by slot.
    next: Vec<Slot>,
    /// Hash of the whole trie.
    root: u64,
    /// Number of tuples.
    count: usize,
    /// The digest with one more level, while it is being built.
    deeper: Option<Box<Deeper>>,
}

/// A digest that is being built beside the one that it is to replace.
#[derive(Clone, Debug)]
struct Deeper {
    digest: Digest,
    /// The tuples in all slots before this one are in the digest.
    moved: Slot,
}

/// A leaf, as [`Digest::buckets`] finds it.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct Bucket {
    /// The smallest key hash that belongs to the leaf.
    pub(in crate::core) first: u64,
    head: Slot,
}

/// Index of the child to which a key hash belongs, below a trie node of this depth.
pub(super) fn nibble(hash: u64, depth: u8) -> usize {
    (hash >> (60 - 4 * u32::from(depth))) as usize % FANOUT
}

/// Number of key hashes that belong to a trie node of this depth, 1 to 15.
fn width(depth: u8) -> u64 {
    1 << (64 - 4 * u32::from(depth))
}

/// Hash of one tuple: XXH3-64 of key hash, time and origin, 8 bytes each, big endian.
pub(super) fn sum(hash: u64, stamp: Stamp) -> u64 {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&hash.to_be_bytes());
    bytes[8..16].copy_from_slice(&stamp.time.to_be_bytes());
    bytes[16..].copy_from_slice(&stamp.origin.to_be_bytes());
    xxh3_64(&bytes)
}

impl Digest {
    /// A digest of nothing.
    pub(in crate::core) fn new() -> Digest {
        Digest::of_depth(1)
    }

    /// A digest of nothing, whose uniform part has this depth.
    fn of_depth(depth: u8) -> Digest {
        let leaves = 1 << (4 * u32::from(depth));
        Digest {
            depth,
            sums: vec![0; leaves],
            heads: vec![NONE; leaves],
            lengths: vec![0; leaves],
            free: Vec::new(),
            next: Vec::new(),
            root: 0,
            count: 0,
            deeper: None,
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

    /// Returns whether a subtree is likely to hold `most` tuples or fewer: key hashes spread evenly, unless somebody has
    /// chosen them, which branches show.
    pub(in crate::core) fn is_small(&self, prefix: Prefix, most: usize) -> bool {
        let estimate = self.count.checked_shr(4 * u32::from(prefix.depth)).unwrap_or(0);
        estimate <= most && !self.lengths[self.leaves(prefix)].contains(&BRANCHED)
    }

    /// Returns whether the trie does not divide a subtree further.
    pub(in crate::core) fn is_leaf(&self, prefix: Prefix) -> bool {
        prefix.depth >= self.depth && self.lengths[self.find(prefix).0] != BRANCHED
    }

    /// Index of the leaf of the uniform part that a key hash belongs to.
    fn leaf(&self, hash: u64) -> usize {
        (hash >> (64 - 4 * u32::from(self.depth))) as usize
    }

    /// Index and depth of the leaf that a key hash belongs to.
    fn place(&self, hash: u64) -> (usize, u8) {
        let (mut leaf, mut depth) = (self.leaf(hash), self.depth);
        while self.lengths[leaf] == BRANCHED {
            leaf = self.heads[leaf] as usize + nibble(hash, depth);
            depth += 1;
        }
        (leaf, depth)
    }

    /// Adds a tuple, by its slot, which is in no chain, and its key's hash and stamp. `tuple` tells key hash and stamp of
    /// the tuples in the trie.
    pub(in crate::core) fn insert(
        &mut self,
        slot: Slot,
        hash: u64,
        stamp: Stamp,
        tuple: impl Fn(Slot) -> (u64, Stamp),
    ) {
        self.count += 1;
        self.chain(slot, hash, &tuple);
        self.add(hash, stamp);
        if let Some(deeper) = self.deeper_of(slot) {
            deeper.count += 1;
            deeper.chain(slot, hash, tuple);
            deeper.add(hash, stamp);
        }
    }

    /// Changes the stamp of the tuple in a slot.
    pub(in crate::core) fn change(&mut self, slot: Slot, hash: u64, old: Stamp, new: Stamp) {
        self.add(hash, old);
        self.add(hash, new);
        if let Some(deeper) = self.deeper_of(slot) {
            deeper.add(hash, old);
            deeper.add(hash, new);
        }
    }

    /// The digest that is being built, if the tuple in a slot belongs to its part that is there.
    fn deeper_of(&mut self, slot: Slot) -> Option<&mut Digest> {
        self.deeper.as_deref_mut().filter(|deeper| slot < deeper.moved).map(|deeper| &mut deeper.digest)
    }

    /// Removes a tuple, whose slot is free then.
    pub(in crate::core) fn remove(&mut self, slot: Slot, hash: u64, stamp: Stamp) {
        if let Some(deeper) = self.deeper_of(slot) {
            deeper.remove(slot, hash, stamp);
        }
        self.add(hash, stamp);
        self.count -= 1;
        let (leaf, depth) = self.place(hash);
        let after = self.next[slot as usize];
        if self.heads[leaf] == slot {
            self.heads[leaf] = after;
        } else {
            let before = self.chain_from(self.heads[leaf]).find(|&near| self.next[near as usize] == slot);
            // Otherwise it is one of too many with the same hash.
            let Some(before) = before else { return };
            self.next[before as usize] = after;
        }
        self.lengths[leaf] -= 1;
        if self.lengths[leaf] == 0 && depth > self.depth {
            self.prune(hash);
        }
    }

    /// Combines a tuple's hash into the trie; the second time, takes it out again.
    fn add(&mut self, hash: u64, stamp: Stamp) {
        let sum = sum(hash, stamp);
        self.root ^= sum;
        let (mut leaf, mut depth) = (self.leaf(hash), self.depth);
        self.sums[leaf] ^= sum;
        while self.lengths[leaf] == BRANCHED {
            leaf = self.heads[leaf] as usize + nibble(hash, depth);
            depth += 1;
            self.sums[leaf] ^= sum;
        }
    }

    /// Links a slot into its leaf's chain.
    fn chain(&mut self, slot: Slot, hash: u64, tuple: impl Fn(Slot) -> (u64, Stamp)) {
        if self.next.len() <= slot as usize {
            self.next.resize(slot as usize + 1, NONE);
        }
        let (mut leaf, mut depth) = self.place(hash);
        while self.lengths[leaf] >= CROWDED {
            if depth >= DEEPEST_BRANCH {
                self.next[slot as usize] = NONE;
                return;
            }
            self.branch(leaf, depth, &tuple);
            (leaf, depth) = self.place(hash);
        }
        self.link(slot, leaf);
    }

    /// Links a slot into the chain of a leaf that has room for it.
    fn link(&mut self, slot: Slot, leaf: usize) {
        self.next[slot as usize] = std::mem::replace(&mut self.heads[leaf], slot);
        self.lengths[leaf] += 1;
    }

    /// Divides a leaf into 16.
    #[cold]
    fn branch(&mut self, leaf: usize, depth: u8, tuple: &impl Fn(Slot) -> (u64, Stamp)) {
        let first = self.free.pop().map_or(self.heads.len(), |first| first as usize);
        if first == self.heads.len() {
            self.heads.resize(first + FANOUT, NONE);
            self.sums.resize(first + FANOUT, 0);
            self.lengths.resize(first + FANOUT, 0);
        }
        let slots: Vec<Slot> = self.chain_from(self.heads[leaf]).collect();
        (self.heads[leaf], self.lengths[leaf]) = (first as Slot, BRANCHED);
        for slot in slots {
            let (hash, stamp) = tuple(slot);
            let child = first + nibble(hash, depth);
            self.sums[child] ^= sum(hash, stamp);
            self.link(slot, child);
        }
    }

    /// Makes leaves again of those that have branched and hold nothing, on the way to a key hash.
    #[cold]
    fn prune(&mut self, hash: u64) {
        let (mut leaf, mut depth, mut way) = (self.leaf(hash), self.depth, Vec::new());
        while self.lengths[leaf] == BRANCHED {
            way.push(leaf);
            leaf = self.heads[leaf] as usize + nibble(hash, depth);
            depth += 1;
        }
        for leaf in way.into_iter().rev() {
            let first = self.heads[leaf];
            let block = first as usize..first as usize + FANOUT;
            let is_empty = self.lengths[block.clone()].iter().all(|&length| length == 0)
                && self.sums[block].iter().all(|&sum| sum == 0);
            if !is_empty {
                return;
            }
            (self.heads[leaf], self.lengths[leaf]) = (NONE, 0);
            self.free.push(first);
        }
    }

    /// Returns whether the uniform part should have one more level.
    fn is_crowded(&self) -> bool {
        self.depth < DEEPEST && self.count > LOAD << (4 * u32::from(self.depth))
    }

    /// Gives the uniform part one more level, if it is time to: at once, or, where there are very many tuples, some more of
    /// them in each call. There are `slots` slots; `tuple` tells key hashes and stamps of those in use.
    pub(in crate::core) fn grow(&mut self, slots: Slot, tuple: impl Fn(Slot) -> Option<(u64, Stamp)>) {
        if self.deeper.is_none() {
            if !self.is_crowded() {
                return;
            }
            let digest = Digest::of_depth(self.depth + 1);
            self.deeper = Some(Box::new(Deeper { digest, moved: 0 }));
        }
        let most = if self.depth < GRADUAL { Slot::MAX } else { MOVED };
        let Some(Deeper { digest, moved }) = self.deeper.as_deref_mut() else { return };
        let end = slots.min(moved.saturating_add(most));
        visit((end - *moved) as usize);
        for slot in *moved..end {
            if let Some((hash, stamp)) = tuple(slot) {
                digest.insert(slot, hash, stamp, |slot| tuple(slot).unwrap_or_default());
            }
        }
        *moved = end;
        if end == slots
            && let Some(deeper) = self.deeper.take()
        {
            *self = deeper.digest;
        }
    }

    /// Index and depth of the node that a prefix names, if it is not above the leaves of the uniform part; of the leaf
    /// that it belongs to, if the trie does not divide that.
    fn find(&self, prefix: Prefix) -> (usize, u8) {
        let (mut leaf, mut depth) = (self.leaf(prefix.bits), self.depth);
        while depth < prefix.depth && self.lengths[leaf] == BRANCHED {
            leaf = self.heads[leaf] as usize + nibble(prefix.bits, depth);
            depth += 1;
        }
        (leaf, depth)
    }

    /// Range of the leaves of a subtree, where those that have branched count as one; one leaf for a subtree that is
    /// smaller.
    fn leaves(&self, prefix: Prefix) -> std::ops::Range<usize> {
        if prefix.depth >= self.depth {
            let (leaf, _) = self.find(prefix);
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

    /// The leaves of a subtree, in the order of their key hashes, from the one to which the key hash `from` belongs.
    pub(in crate::core) fn buckets(&self, prefix: Prefix, from: u64) -> impl Iterator<Item = Bucket> + '_ {
        let leaves = self.leaves(prefix);
        let depth = if prefix.depth < self.depth { self.depth } else { self.find(prefix).1 };
        let first = prefix.bits & !(width(depth) - 1);
        let mut ranges = Vec::with_capacity(2);
        ranges.push(Leaves { leaves, first, depth }.from(from));
        std::iter::from_fn(move || {
            loop {
                let range = ranges.last_mut()?;
                let (depth, first) = (range.depth, range.first);
                let Some(leaf) = range.leaves.next() else {
                    ranges.pop();
                    continue;
                };
                range.first = first.wrapping_add(width(depth));
                let head = self.heads[leaf];
                if self.lengths[leaf] != BRANCHED {
                    return Some(Bucket { first, head });
                }
                let leaves = head as usize..head as usize + FANOUT;
                ranges.push(Leaves { leaves, first, depth: depth + 1 }.from(from));
            }
        })
    }

    /// Slots of all tuples of a leaf.
    pub(in crate::core) fn slots_of(&self, bucket: Bucket) -> impl Iterator<Item = Slot> + '_ {
        self.chain_from(bucket.head)
    }

    /// Slots of all tuples in a subtree; of a subtree smaller than a leaf, those of the whole leaf.
    pub(in crate::core) fn slots(&self, prefix: Prefix) -> impl Iterator<Item = Slot> + '_ {
        self.buckets(prefix, prefix.bits).flat_map(|bucket| self.slots_of(bucket))
    }

    /// Slots of the leaf that a key hash belongs to: [`CROWDED`] at most.
    pub(in crate::core) fn slots_near(&self, hash: u64) -> impl Iterator<Item = Slot> + '_ {
        self.chain_from(self.heads[self.place(hash).0])
    }

    /// Number of [`slots_near`](Self::slots_near) a key hash.
    pub(in crate::core) fn count_near(&self, hash: u64) -> usize {
        self.lengths[self.place(hash).0].into()
    }

    /// Returns whether the leaf that a key hash belongs to has tuples that are in no chain.
    pub(in crate::core) fn hides(&self, hash: u64, tuple: impl Fn(Slot) -> (u64, Stamp)) -> bool {
        let (leaf, depth) = self.place(hash);
        let add = |all, slot| {
            let (hash, stamp) = tuple(slot);
            all ^ sum(hash, stamp)
        };
        depth >= DEEPEST_BRANCH && self.chain_from(self.heads[leaf]).fold(0, add) != self.sums[leaf]
    }

    /// Slots of a chain from `head` on.
    fn chain_from(&self, head: Slot) -> impl Iterator<Item = Slot> + '_ {
        let some = |slot| Some(slot).filter(|&slot| slot != NONE);
        std::iter::successors(some(head), move |&slot| some(self.next[slot as usize]))
    }
}

/// Leaves that are yet to be visited, all of the same depth, and the smallest key hash of the next one.
struct Leaves {
    leaves: std::ops::Range<usize>,
    first: u64,
    depth: u8,
}

impl Leaves {
    /// Skips leaves whose key hashes are all smaller than `from`.
    fn from(mut self, from: u64) -> Leaves {
        if from > self.first {
            let skipped = (from - self.first) / width(self.depth);
            self.leaves.start = self.leaves.end.min(self.leaves.start + skipped as usize);
            self.first = self.first.wrapping_add(skipped.wrapping_mul(width(self.depth)));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn stamp(slot: Slot) -> Stamp {
        Stamp { time: slot.into(), origin: 1 }
    }

    fn hash(slot: Slot) -> u64 {
        xxh3_64(&slot.to_be_bytes())
    }

    fn tuple(slot: Slot) -> (u64, Stamp) {
        (hash(slot), stamp(slot))
    }

    fn filled(order: impl Iterator<Item = Slot>) -> Digest {
        let (mut digest, mut inserted) = (Digest::new(), HashSet::new());
        for slot in order {
            digest.insert(slot, hash(slot), stamp(slot), tuple);
            inserted.insert(slot);
            digest.grow(1 << 16, |slot| inserted.contains(&slot).then(|| tuple(slot)));
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
        b.change(7, hash(7), stamp(7), stamp(70));
        assert_ne!(a.root(), b.root());
        let differing =
            a.children(Prefix::ALL).iter().zip(b.children(Prefix::ALL)).filter(|(x, y)| **x != *y).count();
        assert_eq!(differing, 1);
    }

    /// A hash that somebody has chosen: all slots are on one leaf, eight share all bits that a prefix can have.
    fn chosen(slot: Slot) -> (u64, Stamp) {
        (0xABCD_E000_0000_0000 | u64::from(slot / 8) << 4 | u64::from(slot % 8), stamp(slot))
    }

    #[test]
    fn chosen_hashes_make_no_long_chains_and_the_trie_is_as_small_as_before_when_they_are_gone() {
        let (mut digest, slots) = (filled(0..5000), 5000..45_000u32);
        let before = (digest.root(), digest.children(Prefix::ALL), digest.heads.len());
        let both = |slot| if slot < 5000 { tuple(slot) } else { chosen(slot) };
        slots.clone().for_each(|slot| digest.insert(slot, chosen(slot).0, stamp(slot), both));
        assert!(digest.depth >= 3 && digest.heads.len() > before.2);
        assert!(slots.clone().all(|slot| digest.slots_near(chosen(slot).0).any(|near| near == slot)));
        assert!(slots.clone().all(|slot| digest.count_near(chosen(slot).0) <= CROWDED.into()));
        let mut prefix = Prefix { depth: 4, bits: 0xABCD << 48 };
        assert!(!digest.is_small(prefix, 8) && !digest.is_leaf(prefix));
        while !digest.is_leaf(prefix) {
            let children = digest.children(prefix);
            let fold = digest.sums[digest.leaves(prefix)].iter().fold(0, |a, b| a ^ b);
            assert_eq!(children.iter().fold(0, |a, b| a ^ b), fold, "{prefix:?}");
            prefix = prefix.child(children.iter().position(|&sum| sum != 0).unwrap());
        }
        slots.rev().for_each(|slot| digest.remove(slot, chosen(slot).0, stamp(slot)));
        assert_eq!((digest.root(), digest.children(Prefix::ALL)), (before.0, before.1));
        // A leaf that has branched stays so as long as a tuple that nobody has chosen is there.
        let left = digest.heads.len() - before.2 - digest.free.len() * FANOUT;
        assert!(left <= FANOUT * usize::from(DEEPEST_BRANCH), "{left}");
    }

    #[test]
    fn leaves_come_in_order_and_a_walk_goes_on_where_it_was_left() {
        let (mut digest, slots) = (filled(0..5000), 5000..9000u32);
        let both = |slot| if slot < 5000 { tuple(slot) } else { chosen(slot) };
        slots.for_each(|slot| digest.insert(slot, chosen(slot).0, stamp(slot), both));
        for prefix in
            [Prefix::ALL, Prefix { depth: 1, bits: 0xA << 60 }, Prefix { depth: 5, bits: 0xABCDE << 44 }]
        {
            let all: Vec<Bucket> = digest.buckets(prefix, prefix.bits).collect();
            assert!(all.is_sorted_by_key(|bucket| bucket.first));
            let found: usize = all.iter().map(|&bucket| digest.slots_of(bucket).count()).sum();
            let expected = (0..9000).filter(|&slot| prefix.contains(both(slot).0)).count();
            assert_eq!(found, expected);
            for (skipped, bucket) in all.iter().enumerate().step_by(7) {
                assert_eq!(digest.buckets(prefix, bucket.first).count(), all.len() - skipped);
            }
        }
    }

    #[test]
    fn of_too_many_keys_with_one_hash_all_are_in_the_root_and_few_in_the_chain() {
        let mut digest = Digest::new();
        let same = |slot| (7u64, stamp(slot));
        (0..1000).for_each(|slot| digest.insert(slot, 7, stamp(slot), same));
        assert_eq!((digest.count_near(7), digest.slots(Prefix::ALL).count()), (64, 64));
        assert!(digest.hides(7, same) && !digest.hides(1 << 63, same));
        assert_eq!(digest.root(), (0..1000).fold(0, |root, slot| root ^ sum(7, stamp(slot))));
        // The first are in the chain, and the others are not found when those have gone.
        (0..100).for_each(|slot| digest.remove(slot, 7, stamp(slot)));
        assert!(digest.hides(7, same) && digest.count_near(7) == 0);
        (100..1000).for_each(|slot| digest.remove(slot, 7, stamp(slot)));
        assert!(!digest.hides(7, same));
        assert_eq!((digest.root(), digest.count(), digest.slots(Prefix::ALL).count()), (0, 0, 0));
        assert!(digest.sums.iter().all(|&sum| sum == 0));
    }
}
