//! What a node holds: every key with its value, stamp and place in the log of changes.
//!
//! A removed key leaves a stub, which keeps the stamp so that older news of the key is recognised,
//! and the hash of the value so that a plain peer's repetition is.

use super::clock::Stamp;
use super::digest::Digest;
use super::feed::{Feed, Slot};
use super::link::LinkId;
use super::tuple::{Tuple, key_hash, value_hash};
use ahash::RandomState;
use hashbrown::HashTable;

/// Whether a key has a value.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It has.
    Live,
    /// UNPUBLISHed here: others may still hold it.
    Forgotten,
    /// RETRACTed everywhere.
    Tombstone,
    /// Its time to live ran out.
    Expired,
}

/// A held key.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Key and value; for a stub the value is the 8-byte hash of the last one.
    pub(super) tuple: Tuple,
    pub(super) stamp: Stamp,
    /// Position in the log of changes.
    pub(super) position: u32,
    /// The link that it came by; `None`: the owner's own.
    pub(super) source: Option<LinkId>,
    pub(super) state: State,
    /// Taken from a plain peer far away or in a burst: goes to plain peers only after a quiet time.
    pub(super) lazy: bool,
    /// When it expires or the stub is dropped, on the monotonic clock.
    pub(super) deadline: Option<u64>,
}

impl Held {
    /// The hash of the value, or of the value that it had.
    pub(super) fn value_hash(&self) -> u64 {
        match (self.state, <[u8; 8]>::try_from(self.tuple.value())) {
            (State::Live, _) | (_, Err(_)) => value_hash(self.tuple.value()),
            (_, Ok(hash)) => u64::from_be_bytes(hash),
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.state == State::Live
    }
}

/// A stub's tuple: the key, and the hash of the value that it had.
pub(super) fn stub(key: &[u8], value_hash: u64) -> Tuple {
    Tuple::new(key, &value_hash.to_be_bytes())
}

#[derive(Debug)]
pub(super) struct Store {
    held: Vec<Option<Held>>,
    free: Vec<Slot>,
    index: HashTable<Slot>,
    /// Seeded: what peers send as keys must not be able to crowd one place of the index.
    hasher: RandomState,
    pub(super) feed: Feed,
    digest: Digest,
    live: usize,
    tombstones: usize,
}

impl Store {
    pub(super) fn new(seed: u64) -> Store {
        Store {
            held: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::with_seeds(seed, seed.rotate_left(16), !seed, seed.rotate_left(48)),
            feed: Feed::default(),
            digest: Digest::new(),
            live: 0,
            tombstones: 0,
        }
    }

    pub(super) fn live(&self) -> usize {
        self.live
    }

    pub(super) fn tombstones(&self) -> usize {
        self.tombstones
    }

    /// Live ones and stubs.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn digest(&self) -> &Digest {
        &self.digest
    }

    pub(super) fn find(&self, key: &[u8]) -> Option<Slot> {
        let hash = self.hasher.hash_one(key);
        self.index.find(hash, |&slot| self.held(slot).tuple.key() == key).copied()
    }

    /// The tuple in a slot that is known to be in use.
    pub(super) fn held(&self, slot: Slot) -> &Held {
        self.held[slot as usize].as_ref().expect("a slot in the index or the log is in use")
    }

    /// The tuple in a slot that may have been freed since it was noted.
    pub(super) fn get(&self, slot: Slot) -> Option<&Held> {
        self.held.get(slot as usize)?.as_ref()
    }

    /// The slot's deadline has come and stands in no table any more.
    pub(super) fn set_deadline_taken(&mut self, slot: Slot) {
        if let Some(held) = self.held.get_mut(slot as usize).and_then(Option::as_mut) {
            held.deadline = None;
        }
    }

    /// Stores what `held` says of its key as the latest change. The old content, if any, is
    /// returned with the slot. `held.position` is set here.
    pub(super) fn put(&mut self, mut held: Held) -> (Slot, Option<Held>) {
        self.count(&held, true);
        let found = self.find(held.tuple.key());
        let slot = found.unwrap_or_else(|| self.free.pop().unwrap_or(self.held.len() as Slot));
        let old_position = found.map(|slot| self.held(slot).position);
        held.position = self.feed.push(slot, old_position);
        let stamp = held.stamp;
        if found.is_some() {
            let old = self.held[slot as usize].replace(held);
            if let Some(old) = &old {
                self.count(old, false);
                self.digest.change(slot, old.stamp, stamp);
            }
            return (slot, old);
        }
        let (place, hash) = (key_hash(held.tuple.key()), self.hasher.hash_one(held.tuple.key()));
        if slot as usize == self.held.len() {
            self.held.push(Some(held));
        } else {
            self.held[slot as usize] = Some(held);
        }
        let (hasher, all) = (&self.hasher, &self.held);
        let key_of = |slot: &Slot| all[*slot as usize].as_ref().map_or(&[][..], |held| held.tuple.key());
        self.index.insert_unique(hash, slot, |slot| hasher.hash_one(key_of(slot)));
        self.digest.insert(slot, place, stamp);
        if self.digest.needs_sums() {
            let held = &self.held;
            self.digest.resum(|slot| held[slot as usize].as_ref().map(|held| held.stamp).unwrap_or_default());
        }
        (slot, None)
    }

    /// Turns a live tuple into a stub without a new stamp: nothing that others need to hear of.
    pub(super) fn bury(&mut self, slot: Slot, state: State, deadline: Option<u64>) -> Option<Tuple> {
        let held = self.held[slot as usize].as_mut()?;
        let hash = held.value_hash();
        let key = stub(held.tuple.key(), hash);
        let was_live = held.is_live();
        let tuple = std::mem::replace(&mut held.tuple, key);
        (held.state, held.deadline) = (state, deadline);
        if was_live {
            self.live -= 1;
            self.tombstones += usize::from(state == State::Tombstone);
        }
        Some(tuple)
    }

    /// Forgets a slot altogether.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Held> {
        let hash = self.hasher.hash_one(self.get(slot)?.tuple.key());
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == slot) {
            entry.remove();
        }
        let held = self.held[slot as usize].take()?;
        self.count(&held, false);
        self.feed.remove(held.position);
        self.digest.remove(slot, held.stamp);
        self.free.push(slot);
        Some(held)
    }

    fn count(&mut self, held: &Held, more: bool) {
        let counter = match held.state {
            State::Live => &mut self.live,
            State::Tombstone => &mut self.tombstones,
            State::Forgotten | State::Expired => return,
        };
        *counter = if more { *counter + 1 } else { *counter - 1 };
    }

    /// Compacts the log when it is mostly passed-over entries; `cursors` are those of all links.
    pub(super) fn tidy<'a>(&mut self, cursors: impl Iterator<Item = &'a mut u32>) {
        if self.feed.is_sparse() {
            let held = &mut self.held;
            self.feed.compact(cursors, |slot, position| {
                if let Some(held) = &mut held[slot as usize] {
                    held.position = position;
                }
            });
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &Held)> {
        self.held.iter().enumerate().filter_map(|(slot, held)| Some((slot as Slot, held.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(key: &str, value: &str, time: u64) -> Held {
        Held {
            tuple: Tuple::new(key.as_bytes(), value.as_bytes()),
            stamp: Stamp { time, origin: 1 },
            position: 0,
            source: None,
            state: State::Live,
            lazy: false,
            deadline: None,
        }
    }

    #[test]
    fn a_key_keeps_its_slot_and_moves_to_the_end_of_the_log() {
        let mut store = Store::new(1);
        let (a, _) = store.put(held("a", "1", 1));
        let (b, _) = store.put(held("b", "1", 2));
        let (again, old) = store.put(held("a", "2", 3));
        assert_eq!((again, old.unwrap().tuple.value()), (a, &b"1"[..]));
        let order: Vec<_> = (0..store.feed.end()).filter_map(|p| store.feed.get(p)).collect();
        assert_eq!(order, [b, a]);
        assert_eq!((store.live(), store.find(b"a"), store.find(b"c")), (2, Some(a), None));
    }

    #[test]
    fn two_stores_with_the_same_content_have_the_same_root_whatever_their_history() {
        let (mut one, mut two) = (Store::new(1), Store::new(2));
        for i in 0..3000u64 {
            one.put(held(&i.to_string(), "x", i));
        }
        for i in (0..3000u64).rev() {
            two.put(held(&i.to_string(), "old", 0));
            two.put(held(&i.to_string(), "x", i));
        }
        let (extra, _) = two.put(held("extra", "x", 1));
        assert_ne!(one.digest().root(), two.digest().root());
        two.remove(extra);
        assert_eq!(one.digest().root(), two.digest().root());
        two.tidy(std::iter::empty());
        assert!((0..3000u64).all(|i| {
            two.find(i.to_string().as_bytes())
                .is_some_and(|slot| two.feed.get(two.held(slot).position) == Some(slot))
        }));
    }

    #[test]
    fn a_buried_tuple_is_counted_out_and_remembers_what_it_was() {
        let mut store = Store::new(1);
        let (slot, _) = store.put(held("a", "1", 1));
        let root = store.digest().root();
        assert_eq!(store.bury(slot, State::Forgotten, None).unwrap().value(), b"1");
        assert_eq!((store.live(), store.len(), store.digest().root()), (0, 1, root));
        assert_eq!(store.held(slot).value_hash(), value_hash(b"1"));
        let (_, old) = store.put(held("a", "1", 2));
        assert_eq!((old.unwrap().state, store.live()), (State::Forgotten, 1));
    }
}
