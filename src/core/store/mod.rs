//! The store: every key with its value, stamp and place in the change log.
//!
//! A removed key leaves a tombstone. It keeps the stamp, so that older writes of the key lose, and the hash of the
//! value, by which a plain peer's repetition of it is recognised.
//!
//! | file | concern |
//! | --- | --- |
//! | this file | keys and their slots |
//! | `states` | which keys have a value, were removed, are hidden or refused |
//! | `register` | what is kept for one key |
//! | `index` | slots by the hashes of their keys |
//! | `deadlines` | when tuples expire, and tombstones are dropped |
//! | `change_log` | which tuple changed when |
//! | `digest` | the Merkle trie over all keys and stamps |
//! | `denied` | writes that a peer has and may not make |
//! | `facet` | the store as one peer is shown it |
//! | `view` | the keys that a peer may read, where those are not all |
//! | `unsaved` | what a file of the store's content lacks |
//! | `oldest` | which key was removed, hidden or refused longest ago |

mod change_log;
mod deadlines;
mod denied;
mod digest;
mod facet;
mod index;
mod oldest;
mod register;
mod states;
mod unsaved;
mod view;

use crate::core::codec::Prefix;
use crate::core::id::Slot;
use crate::core::ledger::Ledger;
use crate::core::visits::visit;
use ahash::RandomState;
use change_log::ChangeLog;
use deadlines::Deadlines;
pub(in crate::core) use denied::Denied;
pub(in crate::core) use digest::Bucket;
use digest::Digest;
pub(in crate::core) use facet::Facet;
use index::Index;
use oldest::Oldest;
pub(in crate::core) use register::{NO_VALUE, Register, State, tombstone};
pub(in crate::core) use unsaved::Change;
use unsaved::Unsaved;
use view::View;

/// Result of a lookup: the key's slot, if it has one, and the index hash that [`Store::put`] needs. Valid until
/// another key is put or removed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::core) struct Lookup {
    hash: u64,
    pub(in crate::core) slot: Option<Slot>,
}

/// All keys of a node. A key keeps its slot, a small number, until it is removed.
#[derive(Clone, Debug)]
pub(in crate::core) struct Store {
    /// The register in each slot; `None` in a free one.
    registers: Vec<Option<Register>>,
    /// Free slots, the last of which is used next.
    free: Vec<Slot>,
    /// Slot of the last new key, if another key had the slot before.
    recycled: Option<Slot>,
    /// Slots of all keys, found by the hashes of the keys.
    index: Index,
    pub(in crate::core) changes: ChangeLog,
    digest: Digest,
    /// Times at which tuples expire or tombstones are dropped (monotonic ms), by slot; most tuples never expire.
    deadlines: Deadlines,
    /// Retracted and expired keys, oldest first.
    removed: Oldest,
    /// Hidden keys, oldest first.
    suppressed: Oldest,
    /// Refused keys, oldest first.
    refused: Oldest,
    /// Number of keys in each state.
    counts: [usize; State::COUNT],
    /// Bytes that are held. The store enters its own; the node those of its other parts.
    pub(in crate::core) ledger: Ledger,
    /// Whether any key was ever removed.
    has_removed: bool,
    /// What peers may read that may not read everything.
    views: Vec<View>,
    /// What the file that keeps the content lacks, if there is one.
    unsaved: Option<Box<Unsaved>>,
}

/// Entries of the change log that are moved in the time of a visit to a tuple: they lie beside each other.
const SEQUENTIAL: usize = 256;

impl Store {
    pub(in crate::core) fn new(seed: u64) -> Store {
        let hasher = RandomState::with_seeds(seed, seed.rotate_left(16), !seed, seed.rotate_left(48));
        Store {
            registers: Vec::new(),
            free: Vec::new(),
            recycled: None,
            index: Index::new(hasher),
            deadlines: Deadlines::default(),
            changes: ChangeLog::default(),
            digest: Digest::new(),
            removed: Oldest::default(),
            suppressed: Oldest::default(),
            refused: Oldest::default(),
            counts: [0; State::COUNT],
            ledger: Ledger::default(),
            has_removed: false,
            views: Vec::new(),
            unsaved: None,
        }
    }

    /// Returns whether any key was removed from the store, so that a key that is not here may have been here before.
    pub(in crate::core) fn has_removed(&self) -> bool {
        self.has_removed
    }

    /// Returns whether the key that was last put for the first time is in this slot, and another key had the slot
    /// before.
    pub(in crate::core) fn was_recycled(&self, slot: Slot) -> bool {
        self.recycled == Some(slot)
    }

    /// Number of keys in all states, those with a tombstone included.
    pub(in crate::core) fn len(&self) -> usize {
        self.digest.count()
    }

    /// The Merkle trie over all keys and stamps.
    pub(in crate::core) fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Slot of a key.
    pub(in crate::core) fn find(&self, key: &[u8]) -> Option<Slot> {
        self.look_up(key).slot
    }

    /// Looks up a key that is to be [`put`](Store::put).
    pub(in crate::core) fn look_up(&self, key: &[u8]) -> Lookup {
        let hash = self.index.hash(key);
        Lookup { hash, slot: self.index.find(hash, key, &self.registers) }
    }

    /// The register in a slot that is known to be in use.
    pub(in crate::core) fn held(&self, slot: Slot) -> &Register {
        self.registers[slot as usize].as_ref().expect("a slot in the index or the log is in use")
    }

    /// The register in a slot that may have been freed since it was noted.
    pub(in crate::core) fn get(&self, slot: Slot) -> Option<&Register> {
        self.registers.get(slot as usize)?.as_ref()
    }

    /// Slots of all tuples in a subtree of the digest, with the hashes of their keys.
    pub(in crate::core) fn subtree(&self, prefix: Prefix) -> impl Iterator<Item = (Slot, u64)> + '_ {
        self.digest
            .slots(prefix)
            .filter_map(|slot| Some((slot, self.get(slot)?.key_hash())))
            .filter(move |&(_, hash)| prefix.contains(hash))
    }

    /// The leaves of a subtree of the digest, in the order of their key hashes, from that of the key hash `from`.
    pub(in crate::core) fn buckets(&self, prefix: Prefix, from: u64) -> impl Iterator<Item = Bucket> + '_ {
        self.digest.buckets(prefix, from)
    }

    /// Slots of all tuples in a leaf of the digest, with the hashes of their keys.
    pub(in crate::core) fn bucket(&self, bucket: Bucket) -> impl Iterator<Item = (Slot, u64)> + '_ {
        self.digest.slots_of(bucket).filter_map(|slot| Some((slot, self.get(slot)?.key_hash())))
    }

    /// Number of tuples that a search [by hash](Store::with_hash) visits.
    pub(in crate::core) fn cost_of_hash(&self, hash: u64) -> usize {
        1 + self.digest.count_near(hash)
    }

    /// Returns whether there are so many keys near a hash that searches do not find them all.
    pub(in crate::core) fn hides(&self, hash: u64) -> bool {
        let tuple = |slot| self.get(slot).map_or_else(Default::default, |held| (held.key_hash(), held.stamp));
        self.digest.hides(hash, tuple)
    }

    /// Slots of all tuples whose key has this hash: one at most, but for collisions, of which the first few are found.
    pub(in crate::core) fn with_hash(&self, hash: u64) -> impl Iterator<Item = Slot> + '_ {
        let same = move |slot: &Slot| self.get(*slot).is_some_and(|held| held.key_hash() == hash);
        self.digest.slots_near(hash).filter(same)
    }

    /// Time at which the tuple in a slot expires, or its tombstone is dropped (monotonic ms).
    pub(in crate::core) fn deadline(&self, slot: Slot) -> Option<u64> {
        self.deadlines.get(slot)
    }

    /// Sets the time (monotonic ms) at which the tuple in a slot expires, or its tombstone is dropped. Returns the
    /// former time.
    pub(in crate::core) fn set_deadline(&mut self, slot: Slot, deadline: Option<u64>) -> Option<u64> {
        self.deadlines.set(slot, deadline)
    }

    /// Stores a register as the latest change of its key, whose lookup is `found`. The old content, if any, is
    /// returned with the slot. The deadline is not touched.
    pub(in crate::core) fn put(&mut self, found: Lookup, held: Register) -> (Slot, Option<Register>) {
        debug_assert_eq!(found, self.look_up(held.tuple.key()));
        self.enter(&held);
        let state = held.state;
        let Lookup { hash, slot: found } = found;
        if found.is_none() {
            self.recycled = self.free.last().copied();
        }
        let slot = found.unwrap_or_else(|| self.free.pop().unwrap_or(self.registers.len() as Slot));
        self.changes.push(slot);
        let (place, stamp) = (held.key_hash(), held.stamp);
        if found.is_some() {
            let old = self.registers[slot as usize].replace(held);
            if let Some(old) = &old {
                self.strike(old);
                self.digest.change(slot, place, old.stamp, stamp);
            }
            self.note(slot, state);
            if !self.views.is_empty() {
                self.show(slot);
            }
            return (slot, old);
        }
        if slot as usize == self.registers.len() {
            self.registers.push(Some(held));
        } else {
            self.registers[slot as usize] = Some(held);
        }
        self.index.insert(hash, slot, &self.registers);
        let all = &self.registers;
        let tuple = |slot: Slot| all[slot as usize].as_ref().map(|held| (held.key_hash(), held.stamp));
        self.digest.insert(slot, place, stamp, |slot| tuple(slot).unwrap_or_default());
        self.digest.grow(all.len() as Slot, tuple);
        self.note(slot, state);
        if !self.views.is_empty() {
            self.show(slot);
        }
        (slot, None)
    }

    /// Removes a key. Nothing of it is left, and its slot is free.
    pub(in crate::core) fn remove(&mut self, slot: Slot) -> Option<Register> {
        self.note_unsaved(slot);
        self.index.remove(self.registers.get(slot as usize)?.as_ref()?.tuple.key(), slot);
        let held = self.registers[slot as usize].take()?;
        self.has_removed = true;
        self.strike(&held);
        self.deadlines.set(slot, None);
        self.changes.remove(slot);
        self.digest.remove(slot, held.key_hash(), held.stamp);
        if !self.views.is_empty() {
            self.unshow(slot, held.tuple.key(), held.key_hash());
        }
        self.free.push(slot);
        Some(held)
    }

    /// Compacts the change log if most of its entries are gone; `cursors` are those of all links.
    pub(in crate::core) fn tidy<'a>(&'a mut self, cursors: impl Iterator<Item = &'a mut u32>) {
        if self.changes.is_sparse() {
            visit(self.changes.end() as usize / SEQUENTIAL);
            let own = self.unsaved.iter_mut().map(|unsaved| &mut unsaved.cursor);
            self.changes.compact(cursors.chain(own));
        }
    }

    /// Registers in the order of their last changes, the latest first.
    pub(in crate::core) fn newest(&self) -> impl Iterator<Item = &Register> {
        self.changes.newest().map(|slot| self.held(slot)).inspect(|_| visit(1))
    }

    /// All registers, by slot.
    pub(in crate::core) fn iter(&self) -> impl Iterator<Item = (Slot, &Register)> {
        let all = self.registers.iter().enumerate().inspect(|_| visit(1));
        all.filter_map(|(slot, held)| Some((slot as Slot, held.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::clock::Stamp;
    use crate::core::tuple::{Tuple, key_hash, value_hash};

    fn held(key: &str, value: &str, time: u64) -> Register {
        let tuple = Tuple::new(key.as_bytes(), value.as_bytes());
        Register::new(tuple, Stamp { time, origin: 1 }, None, State::Live, false)
    }

    fn put(store: &mut Store, held: Register) -> (Slot, Option<Register>) {
        store.put(store.look_up(held.tuple.key()), held)
    }

    #[test]
    fn a_key_keeps_its_slot_and_moves_to_the_end_of_the_log() {
        let mut store = Store::new(1);
        let (a, _) = put(&mut store, held("a", "1", 1));
        let (b, _) = put(&mut store, held("b", "1", 2));
        let (again, old) = put(&mut store, held("a", "2", 3));
        assert_eq!((again, old.unwrap().tuple.value()), (a, &b"1"[..]));
        let order: Vec<_> = (0..store.changes.end()).filter_map(|p| store.changes.get(p)).collect();
        assert_eq!(order, [b, a]);
        assert_eq!((store.live(), store.find(b"a"), store.find(b"c")), (2, Some(a), None));
    }

    #[test]
    fn two_stores_with_the_same_content_have_the_same_root_whatever_their_history() {
        let (mut one, mut two) = (Store::new(1), Store::new(2));
        for i in 0..3000u64 {
            put(&mut one, held(&i.to_string(), "x", i));
        }
        for i in (0..3000u64).rev() {
            put(&mut two, held(&i.to_string(), "old", 0));
            put(&mut two, held(&i.to_string(), "x", i));
        }
        let (extra, _) = put(&mut two, held("extra", "x", 1));
        assert_ne!(one.digest().root(), two.digest().root());
        two.remove(extra);
        assert_eq!(one.digest().root(), two.digest().root());
        two.tidy(std::iter::empty());
        assert!((0..3000u64).all(|i| {
            two.find(i.to_string().as_bytes())
                .is_some_and(|slot| two.changes.get(two.changes.offset(slot)) == Some(slot))
        }));
    }

    #[test]
    fn slots_of_removed_keys_are_used_again() {
        let mut store = Store::new(1);
        for round in 0..10u64 {
            let slots: Vec<_> =
                (0..2000).map(|i| put(&mut store, held(&format!("{round}.{i}"), "x", round)).0).collect();
            for &slot in &slots {
                drop(store.remove(slot));
            }
        }
        let (slot, _) = put(&mut store, held("a", "1", 1));
        assert!(store.registers.len() == 2000, "{}", store.registers.len());
        assert_eq!(store.subtree(Prefix::ALL).collect::<Vec<_>>(), [(slot, key_hash(b"a"))]);
        assert_eq!(store.with_hash(key_hash(b"a")).collect::<Vec<_>>(), [slot]);
        assert_eq!(store.with_hash(key_hash(b"0.0")).count(), 0);
    }

    #[test]
    fn a_tombstone_is_not_counted_as_live_and_keeps_the_hash_of_the_value() {
        let mut store = Store::new(1);
        let (slot, _) = put(&mut store, held("a", "1", 1));
        let root = store.digest().root();
        assert_eq!(store.replace_by_tombstone(slot, State::Expired, None).unwrap().value(), b"1");
        assert_eq!((store.live(), store.len(), store.digest().root()), (0, 1, root));
        assert_eq!(store.held(slot).value_hash(), value_hash(b"1"));
        let (_, old) = put(&mut store, held("a", "1", 2));
        assert_eq!((old.unwrap().state, store.live()), (State::Expired, 1));
    }

    #[test]
    fn what_was_hidden_first_goes_first_and_keeps_its_value_until_then() {
        let mut store = Store::new(1);
        let slots: Vec<Slot> = (0..4).map(|i| put(&mut store, held(&i.to_string(), "x", 1)).0).collect();
        for &slot in &slots {
            store.hide(slot);
            assert_eq!(store.held(slot).tuple.value(), b"x");
        }
        // This one is in use again, and that one is gone
        put(&mut store, held("0", "y", 2));
        store.remove(slots[1]);
        assert_eq!(store.oldest_suppressed(), Some(slots[2]));
        assert_eq!(store.oldest_suppressed(), Some(slots[3]));
        assert_eq!(store.oldest_suppressed(), None);
        // Hidden again and again, it is noted a limited number of times
        for time in 0..10_000 {
            put(&mut store, held("0", "y", 3 + time));
            store.hide(slots[0]);
        }
        assert!(store.suppressed.len() < 1100);
        assert_eq!(store.oldest_suppressed(), Some(slots[0]));
    }
}
