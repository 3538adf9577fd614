//! The ledger of a node's memory: how many bytes are held, and for what.
//!
//! Whatever a node keeps because a peer or the program asked for it has an account here, and all accounts together have
//! one limit, `server/max_bytes`. What would exceed it is refused. The costs are estimates from above: they include what
//! the tables of the store and the allocator need for a key.

use super::tuple::Tuple;

/// Bytes that a key costs beside its tuple: register, index, change log, digest, deadline, and the allocation itself.
const PER_KEY: usize = 160;

/// Part of the limit, as a divisor, that is kept free of tuples for notes of what was refused: without a note a refused
/// tuple would be requested again and again.
const REFUSED_PART: usize = 16;

/// Purpose for which memory is held.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::core) enum Account {
    /// Keys with a value, hidden ones included.
    Tuples,
    /// Removed keys.
    Tombstones,
    /// Notes of refused tuples.
    Refused,
    /// What is remembered for the sake of plain peers.
    Plain,
    /// Requests for tuples that peers have offered.
    Requests,
    /// State of the links: what waits to be sent, and what plain peers are believed to hold.
    Links,
    /// Members, and what was announced.
    Presence,
}

impl Account {
    const COUNT: usize = 7;
}

/// Bytes held for each purpose, and in all.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Ledger {
    bytes: [usize; Account::COUNT],
    total: usize,
}

/// Bytes that a key costs with this tuple, or with the tombstone that is kept in its place.
pub(in crate::core) fn cost(tuple: &Tuple) -> usize {
    cost_of(tuple.key(), tuple.value().len())
}

/// Bytes that a key costs with a value of this length.
pub(in crate::core) fn cost_of(key: &[u8], value: usize) -> usize {
    PER_KEY + key.len() + value
}

impl Ledger {
    /// Enters bytes that are held from now on.
    pub(in crate::core) fn add(&mut self, account: Account, bytes: usize) {
        self.bytes[account as usize] += bytes;
        self.total += bytes;
    }

    /// Strikes out bytes that are no longer held.
    pub(in crate::core) fn remove(&mut self, account: Account, bytes: usize) {
        self.bytes[account as usize] -= bytes;
        self.total -= bytes;
    }

    /// Sets an account whose owner counts the bytes itself.
    pub(in crate::core) fn set(&mut self, account: Account, bytes: usize) {
        let before = std::mem::replace(&mut self.bytes[account as usize], bytes);
        self.total = self.total - before + bytes;
    }

    /// Bytes held for one purpose.
    pub(in crate::core) fn of(&self, account: Account) -> usize {
        self.bytes[account as usize]
    }

    /// Bytes held in all.
    pub(in crate::core) fn total(&self) -> usize {
        self.total
    }

    /// Bytes that may still be taken for tuples, with this limit.
    pub(in crate::core) fn room(&self, limit: usize) -> usize {
        let most = limit - refused_share(limit);
        most.saturating_sub(self.total - self.of(Account::Refused))
    }

    /// Bytes that may still be taken for notes of refused tuples, with this limit.
    pub(in crate::core) fn room_for_notes(&self, limit: usize) -> usize {
        refused_share(limit).saturating_sub(self.of(Account::Refused))
    }
}

/// Bytes that notes of refused tuples may take, with this limit.
fn refused_share(limit: usize) -> usize {
    limit / REFUSED_PART
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_add_up_and_a_limit_has_a_part_for_notes_of_what_was_refused() {
        let mut ledger = Ledger::default();
        ledger.add(Account::Tuples, 1000);
        ledger.add(Account::Refused, 60);
        ledger.set(Account::Links, 500);
        ledger.set(Account::Links, 300);
        ledger.remove(Account::Tuples, 100);
        assert_eq!((ledger.total(), ledger.of(Account::Tuples)), (1260, 900));
        assert_eq!((ledger.room(1600), ledger.room(1000)), (300, 0));
        assert_eq!((ledger.room_for_notes(1600), ledger.room_for_notes(800)), (40, 0));
    }

    #[test]
    fn a_limit_of_nothing_has_room_for_nothing() {
        assert_eq!((Ledger::default().room(0), Ledger::default().room_for_notes(0)), (0, 0));
    }
}
