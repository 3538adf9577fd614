//! The index: slots, found by the hashes of their keys, in a table that grows little by little.
//!
//! A hash table that grows computes all hashes anew, which takes a tenth of a second where there are millions of keys.
//! So a large one stays as it is beside a larger one, until all its slots are in that, too: some more with each key.

use super::Register;
use crate::core::id::Slot;
use crate::core::visits::visit;
use ahash::RandomState;
use hashbrown::HashTable;

/// Number of keys from which on a table grows twofold, not fourfold: growing a smaller one often costs more than the
/// memory is worth.
const LARGE: usize = 10_000;
/// Number of keys from which on a table grows little by little. Fewer are hashed within 1 ms.
const GRADUAL: usize = 20_000;
/// Part of the keys, as divisor, that may come until all slots have moved: the larger table, which has room for twice as
/// many keys, is far from full then.
const MEANWHILE: usize = 8;

/// The registers of the slots.
type Registers = [Option<Register>];

/// Slots of all keys.
#[derive(Clone, Debug)]
pub(super) struct Index {
    table: HashTable<Slot>,
    /// The former table, while some of its slots are not in `table` yet. Some may have been freed since.
    former: HashTable<Slot>,
    /// Slots of the former table that are yet to be moved: those from the first to before the second.
    unmoved: (usize, usize),
    /// Number of slots that move with each key.
    step: usize,
    /// Hash function. It is seeded, so that peers cannot choose keys that crowd one place of the table.
    hasher: RandomState,
}

/// The next larger capacity of a table with room for `room` keys. One key more would be rounded up to twice that.
fn larger(room: usize) -> usize {
    room.max(2) * if room < LARGE { 4 } else { 2 }
}

impl Index {
    pub(super) fn new(hasher: RandomState) -> Index {
        Index { table: HashTable::new(), former: HashTable::new(), unmoved: (0, 0), step: 0, hasher }
    }

    /// Hash of a key.
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Slot of the key with this hash.
    pub(super) fn find(&self, hash: u64, key: &[u8], registers: &Registers) -> Option<Slot> {
        let is_meant =
            |&slot: &Slot| registers[slot as usize].as_ref().is_some_and(|held| held.tuple.key() == key);
        self.table.find(hash, is_meant).or_else(|| self.former.find(hash, is_meant)).copied()
    }

    /// Enters a new key in its slot, where its register is already.
    pub(super) fn insert(&mut self, hash: u64, slot: Slot, registers: &Registers) {
        self.move_some(self.step, registers);
        if self.table.len() == self.table.capacity() {
            self.move_some(usize::MAX, registers);
            let table = HashTable::with_capacity(larger(self.table.capacity()));
            self.former = std::mem::replace(&mut self.table, table);
            self.unmoved = (0, registers.len());
            self.step = registers.len() / (self.former.len() / MEANWHILE).max(1) + 1;
            if self.former.len() < GRADUAL {
                self.move_some(usize::MAX, registers);
                return;
            }
        }
        self.enter(hash, slot, registers);
    }

    fn enter(&mut self, hash: u64, slot: Slot, registers: &Registers) {
        let hasher = &self.hasher;
        let hash_of = |slot: &Slot| {
            let key = registers[*slot as usize].as_ref().map_or(&[][..], |held| held.tuple.key());
            hasher.hash_one(key)
        };
        self.table.insert_unique(hash, slot, hash_of);
    }

    /// Moves some slots from the former table, in the order in which tuples came, which is how they mostly lie in memory:
    /// in the table's own order it would take ten times as long.
    fn move_some(&mut self, most: usize, registers: &Registers) {
        let (from, end) = self.unmoved;
        if from == end {
            return;
        }
        let until = end.min(from.saturating_add(most));
        visit(until - from);
        for slot in from..until {
            let Some(held) = &registers[slot] else { continue };
            let (hash, slot) = (self.hash(held.tuple.key()), slot as Slot);
            // A slot may have been freed, and used again for a key that is in the table.
            if self.table.find(hash, |&other| other == slot).is_none() {
                self.enter(hash, slot, registers);
            }
        }
        self.unmoved.0 = until;
        if until == end {
            self.former = HashTable::new();
        }
    }

    /// Takes out a key's slot, which is about to be freed.
    pub(super) fn remove(&mut self, key: &[u8], slot: Slot) {
        let hash = self.hash(key);
        if let Ok(entry) = self.table.find_entry(hash, |&other| other == slot) {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::clock::Stamp;
    use crate::core::store::State;
    use crate::core::tuple::Tuple;

    fn register(number: usize) -> Option<Register> {
        let tuple = Tuple::new(number.to_string().as_bytes(), b"value");
        Some(Register::new(tuple, Stamp::default(), None, State::Live, false))
    }

    /// Keys come and go while a table grows, and slots are used again.
    #[test]
    fn each_key_is_found_in_its_slot_while_a_table_grows_and_no_other() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut index = Index::new(RandomState::with_seeds(1, 2, 3, 4));
        let (mut registers, mut free, mut number) = (Vec::new(), Vec::<Slot>::new(), 0);
        // Of slots in use, the numbers that are their keys.
        let mut held: Vec<(Slot, usize)> = Vec::new();
        let mut growing = 0;
        while held.len() < 4 * GRADUAL {
            let slot = free.pop().unwrap_or(registers.len() as Slot);
            registers.resize_with(registers.len().max(slot as usize + 1), || None);
            registers[slot as usize] = register(number);
            index.insert(index.hash(number.to_string().as_bytes()), slot, &registers);
            held.push((slot, number));
            number += 1;
            growing += usize::from(!index.former.is_empty());
            if random.u8(0..4) == 0 {
                let (slot, number) = held.swap_remove(random.usize(0..held.len()));
                index.remove(number.to_string().as_bytes(), slot);
                registers[slot as usize] = None;
                free.push(slot);
                let key = number.to_string();
                assert_eq!(index.find(index.hash(key.as_bytes()), key.as_bytes(), &registers), None);
            }
            let (slot, number) = held[random.usize(0..held.len())];
            let key = number.to_string();
            assert_eq!(index.find(index.hash(key.as_bytes()), key.as_bytes(), &registers), Some(slot));
        }
        assert!(growing > GRADUAL / 8, "{growing}");
        let find = |number: usize| {
            let key = number.to_string();
            index.find(index.hash(key.as_bytes()), key.as_bytes(), &registers)
        };
        assert!(held.iter().all(|&(slot, number)| find(number) == Some(slot)));
        assert_eq!((0..number).filter(|&number| find(number).is_some()).count(), held.len());
    }

    #[test]
    fn an_index_of_many_keys_has_room_for_twice_as_many_at_most() {
        let mut room = 0;
        while room < 1 << 22 {
            let next = HashTable::<Slot>::with_capacity(larger(room)).capacity();
            let most = if room < LARGE { 4 * room + 14 } else { 2 * room };
            assert!((room + 1..=most).contains(&next), "{room}, then {next}");
            room = next;
        }
    }
}
