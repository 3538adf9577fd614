//! The keys that a peer may read, where those are not all.
//!
//! A view has a digest of its own, over the keys and stamps that it shows, so that a peer that holds all of them and nothing
//! else has the same root. Links whose peers may read the same keys share a view. The keys are in the order of their
//! hashes, and the hashes of the trie's nodes are made of them when they are needed, except those of the first three
//! levels: a view may show few keys of many, and then costs little.

use super::Store;
use super::digest::{CROWDED, nibble, sum};
use crate::core::clock::Stamp;
use crate::core::codec::Prefix;
use crate::core::codec::lists::FANOUT;
use crate::core::id::Slot;
use crate::core::rights::Readable;
use crate::core::store::State;
use std::collections::BTreeMap;

/// Depth of the trie's nodes whose hashes are kept: 4 096, of 32 KiB.
const KEPT: u8 = 3;
/// Bytes that a key costs in a view.
const COST: usize = 64;
/// Number of keys up to which a subtree is a leaf, as in the whole digest after it has grown.
const LEAF: usize = 16;

/// Keys that some peers may read.
#[derive(Clone, Debug)]
pub(in crate::core) struct View {
    readable: Readable,
    /// Stamps of the keys, by the keys' hashes and slots.
    keys: BTreeMap<(u64, Slot), Stamp>,
    /// Hashes of the trie's nodes of depth [`KEPT`].
    sums: Vec<u64>,
    root: u64,
    /// Number of keys of which a tuple was refused.
    refused: usize,
}

/// Index of the kept node that a key hash belongs to.
fn kept(hash: u64) -> usize {
    (hash >> (64 - 4 * u32::from(KEPT))) as usize
}

/// The last key hash of a subtree.
pub(super) fn last(prefix: Prefix) -> u64 {
    prefix.bits | u64::MAX.checked_shr(4 * u32::from(prefix.depth)).unwrap_or(0)
}

impl View {
    /// Shows what `store` holds of what is readable.
    fn new(readable: Readable, store: &Store) -> View {
        let sums = vec![0; 1 << (4 * KEPT)];
        let mut view = View { readable, keys: BTreeMap::new(), sums, root: 0, refused: 0 };
        let shown = store.iter().filter(|(_, held)| view.readable.shows(held.tuple.key()));
        let mut keys: Vec<_> = shown.map(|(slot, held)| ((held.key_hash(), slot), held)).collect();
        keys.sort_unstable_by_key(|&(place, _)| place);
        view.refused = keys.iter().filter(|(_, held)| held.state == State::Refused).count();
        let stamps: Vec<_> = keys.into_iter().map(|(place, held)| (place, held.stamp)).collect();
        for &((hash, _), stamp) in &stamps {
            view.combine(hash, stamp);
        }
        view.keys = stamps.into_iter().collect();
        view
    }

    fn combine(&mut self, hash: u64, stamp: Stamp) {
        let sum = sum(hash, stamp);
        self.root ^= sum;
        self.sums[kept(hash)] ^= sum;
    }

    /// A key is held, with this stamp.
    fn set(&mut self, slot: Slot, hash: u64, stamp: Stamp) {
        if let Some(before) = self.keys.insert((hash, slot), stamp) {
            self.combine(hash, before);
        }
        self.combine(hash, stamp);
    }

    /// A key is not held any more.
    fn unset(&mut self, slot: Slot, hash: u64) {
        if let Some(before) = self.keys.remove(&(hash, slot)) {
            self.combine(hash, before);
        }
    }

    pub(super) fn root(&self) -> u64 {
        self.root
    }

    pub(super) fn count(&self) -> usize {
        self.keys.len()
    }

    /// Number of keys of which a tuple was refused.
    pub(super) fn refused(&self) -> usize {
        self.refused
    }

    fn range(&self, from: u64, last: u64) -> impl Iterator<Item = (Slot, u64, Stamp)> + '_ {
        let keys = self.keys.range((from, 0)..=(last, Slot::MAX));
        keys.map(|(&(hash, slot), &stamp)| (slot, hash, stamp))
    }

    /// Slots and key hashes in a subtree, from the key hash `from` on.
    pub(super) fn subtree(&self, prefix: Prefix, from: u64) -> impl Iterator<Item = (Slot, u64)> + '_ {
        let end = last(prefix);
        let mut keys = self.keys.range((from.max(prefix.bits), 0)..=(end, Slot::MAX));
        let (mut place, mut count) = (Prefix::ALL, 0);
        std::iter::from_fn(move || {
            let (&(mut hash, mut slot), _) = keys.next()?;
            if count == CROWDED && place.contains(hash) {
                // Key hashes can be chosen: of very many that agree in what a prefix can name, the first few are found.
                let next = last(place).checked_add(1).filter(|&next| next <= end)?;
                keys = self.keys.range((next, 0)..=(end, Slot::MAX));
                (hash, slot) = *keys.next()?.0;
            }
            let is_near = count > 0 && place.contains(hash);
            (place, count) = (Prefix::deepest(hash), if is_near { count + 1 } else { 1 });
            Some((slot, hash))
        })
    }

    /// Returns whether [`subtree`](Self::subtree) and [`with_hash`](Self::with_hash) do not find all keys near a hash.
    pub(super) fn hides(&self, hash: u64) -> bool {
        !self.has_at_most(Prefix::deepest(hash), CROWDED.into())
    }

    /// Slots of the keys with this hash.
    pub(super) fn with_hash(&self, hash: u64) -> impl Iterator<Item = Slot> + '_ {
        self.range(hash, hash).take(CROWDED.into()).map(|(slot, ..)| slot)
    }

    /// Returns whether a subtree has at most `most` keys.
    pub(super) fn has_at_most(&self, prefix: Prefix, most: usize) -> bool {
        self.range(prefix.bits, last(prefix)).nth(most).is_none()
    }

    /// Returns whether a subtree is not divided further.
    pub(super) fn is_leaf(&self, prefix: Prefix) -> bool {
        prefix.depth >= Prefix::DEEPEST || self.has_at_most(prefix, LEAF)
    }

    /// Cost of [`children`](Self::children), as the number of tuples that can be visited in the same time.
    pub(super) fn cost(&self, prefix: Prefix) -> usize {
        match prefix.depth {
            depth if depth < KEPT => 1 + (1 << (4 * (KEPT - depth))) / 16,
            _ => 1 + self.range(prefix.bits, last(prefix)).count(),
        }
    }

    /// Hashes of the 16 children of a subtree.
    pub(super) fn children(&self, prefix: Prefix) -> [u64; FANOUT] {
        if prefix.depth < KEPT {
            return std::array::from_fn(|index| {
                let child = prefix.child(index);
                self.sums[kept(child.bits)..=kept(last(child))].iter().fold(0, |all, sum| all ^ sum)
            });
        }
        let mut children = [0; FANOUT];
        for (_, hash, stamp) in self.range(prefix.bits, last(prefix)) {
            children[nibble(hash, prefix.depth)] ^= sum(hash, stamp);
        }
        children
    }
}

impl Store {
    /// The number of the view that shows what is readable; it is made if it is not there. `None` where all is.
    pub(in crate::core) fn view_for(&mut self, readable: Readable) -> Option<usize> {
        if readable.is_all() {
            return None;
        }
        let known = self.views.iter().position(|view| view.readable == readable);
        Some(known.unwrap_or_else(|| {
            let view = View::new(readable, self);
            self.views.push(view);
            self.views.len() - 1
        }))
    }

    /// Drops all views: there are other rules.
    pub(in crate::core) fn drop_views(&mut self) {
        self.views = Vec::new();
    }

    /// A view by its number.
    pub(in crate::core) fn view(&self, number: usize) -> &View {
        &self.views[number]
    }

    /// Bytes of all views.
    pub(in crate::core) fn bytes_of_views(&self) -> usize {
        self.views.iter().map(|view| size_of::<View>() + 8 * view.sums.len() + COST * view.keys.len()).sum()
    }

    /// Enters a register into the views that show its key.
    #[cold]
    pub(super) fn show(&mut self, slot: Slot) {
        let Store { views, registers, .. } = self;
        let Some(held) = registers[slot as usize].as_ref() else { return };
        let hash = held.key_hash();
        for view in views.iter_mut().filter(|view| view.readable.shows(held.tuple.key())) {
            view.set(slot, hash, held.stamp);
        }
    }

    /// Takes a key out of the views that show it.
    #[cold]
    pub(super) fn unshow(&mut self, slot: Slot, key: &[u8], hash: u64) {
        for view in self.views.iter_mut().filter(|view| view.readable.shows(key)) {
            view.unset(slot, hash);
        }
    }

    /// Counts a key in the state [`Refused`](State::Refused), or no longer.
    #[cold]
    pub(super) fn count_refused(views: &mut [View], key: &[u8], is_more: bool) {
        for view in views.iter_mut().filter(|view| view.readable.shows(key)) {
            view.refused = if is_more { view.refused + 1 } else { view.refused.saturating_sub(1) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Facet, Register};
    use super::*;
    use crate::core::rights::{Access, Rights, Tables};
    use crate::core::tuple::Tuple;

    fn readable(rules: &[(&str, Access)]) -> Readable {
        let mut rights = Rights::default();
        for (prefix, access) in rules {
            rights.set(b"*", prefix.as_bytes(), Some(*access)).unwrap();
        }
        Tables::new(&rights).unwrap().table(&[]).readable()
    }

    fn put(store: &mut Store, key: &str, time: u64, state: State) {
        let held =
            Register::new(Tuple::new(key.as_bytes(), b"v"), Stamp { time, origin: 1 }, None, state, false);
        let found = store.look_up(key.as_bytes());
        store.put(found, held);
    }

    /// The hashes of a subtree's children, checked against those of their own children.
    fn check(facet: Facet<'_>, prefix: Prefix, depth: u8) {
        let children = facet.children(prefix);
        for (index, &child) in children.iter().enumerate().filter(|_| depth > 0) {
            let below = prefix.child(index);
            assert_eq!(facet.children(below).iter().fold(0, |all, sum| all ^ sum), child, "{below:?}");
            if child != 0 {
                check(facet, below, depth - 1);
            }
        }
    }

    #[test]
    fn of_too_many_keys_with_one_hash_a_view_names_the_first_few_and_all_others() {
        let mut store = Store::new(1);
        let mut keys: Vec<String> = (0..500).map(|number| format!("key {number}")).collect();
        let hashes = [3 << 60, (3 << 60) + 16, u64::MAX];
        let twins: Vec<Vec<u8>> =
            hashes.iter().flat_map(|&hash| crate::core::tuple::keys_of_hash(hash).take(200)).collect();
        keys.sort_unstable();
        let tuples = keys.iter().map(|key| key.as_bytes()).chain(twins.iter().map(|key| &key[..]));
        for key in tuples {
            let tuple = Tuple::new(key, b"v");
            let stamp = Stamp { time: 1, origin: 1 };
            store.put(store.look_up(key), Register::new(tuple, stamp, None, State::Live, false));
        }
        let number = store.view_for(readable(&[("", Access::READ), ("key x", Access::NONE)]));
        let view = store.view(number.unwrap());
        let count = |prefix: Prefix| view.subtree(prefix, prefix.bits).count();
        assert_eq!((view.count(), count(Prefix::ALL)), (500 + 600, 500 + 3 * 64));
        for hash in hashes {
            assert_eq!((count(Prefix::deepest(hash)), view.with_hash(hash).count()), (64, 64));
            assert!(view.hides(hash) && !view.hides(hash ^ 1 << 40));
        }
        let left = keys.iter().filter(|key| crate::core::tuple::key_hash(key.as_bytes()) > 4 << 60).count();
        assert_eq!(view.subtree(Prefix::ALL, 4 << 60).count(), left + 64);
    }

    #[test]
    fn a_view_is_shown_as_a_store_that_holds_nothing_else() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut stores = [Store::new(1), Store::new(2)];
        let rules = [("", Access::NONE), ("a", Access::READ), ("ab", Access::NONE), ("b", Access::WRITE)];
        let shows = readable(&rules);
        let mut view = None;
        for time in 1..6000 {
            let key = format!("{}{}", ["a", "ab", "b", "c"][random.usize(0..4)], random.u16(0..500));
            let is_shown = shows.shows(key.as_bytes());
            let states = [State::Live, State::Refused, State::Retracted];
            let (action, state) = (random.u8(0..6), states[random.usize(0..3)]);
            for store in stores.iter_mut().take(1 + usize::from(is_shown)) {
                let slot = store.find(key.as_bytes());
                match slot.filter(|_| action < 2) {
                    Some(slot) if action == 0 => _ = store.remove(slot),
                    Some(slot) => _ = store.replace_by_tombstone(slot, State::Refused, None),
                    None => put(store, &key, time, state),
                }
            }
            if time == 1000 {
                view = stores[0].view_for(shows.clone());
                assert_eq!(stores[0].view_for(shows.clone()), view, "there is one");
            }
            if time % 500 == 0 {
                let (of_view, alone) = (Facet::new(&stores[0], view, None), Facet::whole(&stores[1]));
                if time < 1000 {
                    continue;
                }
                assert_eq!((of_view.known(), of_view.summary()), (alone.known(), alone.summary()));
                let sorted = |facet: Facet<'_>, prefix| {
                    let mut entries = facet.entries(prefix);
                    entries.sort_unstable_by_key(|entry| entry.hash);
                    entries
                };
                assert_eq!(sorted(of_view, Prefix::ALL), sorted(alone, Prefix::ALL));
                assert_eq!(of_view.children(Prefix::ALL), alone.children(Prefix::ALL));
                check(of_view, Prefix::ALL, 4);
                let walked: Vec<u64> =
                    of_view.leaves(Prefix::ALL, 1 << 63).map(|leaf| leaf.first()).collect();
                assert!(walked.is_sorted() && walked.iter().all(|&hash| hash >= 1 << 63));
                assert!(stores[0].bytes_of_views() > 32 << 10);
            }
        }
        stores[0].drop_views();
        assert_eq!(
            (stores[0].bytes_of_views(), stores[0].view_for(readable(&[("", Access::READ)]))),
            (0, None)
        );
    }
}
