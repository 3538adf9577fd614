//! The register of a key in the store.

use crate::core::clock::Stamp;
use crate::core::id::LinkId;
use crate::core::ledger::Account;
use crate::core::tuple::{Tuple, key_hash, value_hash};

/// State of a key: with or without a value here.
///
/// In the states without a value a tombstone is kept: the stamp, by which older writes of the key lose, and the
/// hash of the value that it had or would have.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::core) enum State {
    /// The key has a value, which the owner may read.
    Live,
    /// The key has a value, and was UNPUBLISHed on this node: hidden from the owner, given to peers as before.
    Suppressed,
    /// The key was RETRACTed, on every node.
    Retracted,
    /// The key's value reached the end of its time to live.
    Expired,
    /// The key has a value on other nodes, which is too long for this one or found no room. The tombstone keeps it
    /// from being asked for again.
    Refused,
    /// The key has a value of a node that is not heard of any more: hidden from the owner until the node shows itself, or
    /// is given up for good. Peers are given it as before.
    Absent,
}

impl State {
    /// Number of states.
    pub(super) const COUNT: usize = 6;

    /// Returns whether the key has a value on this node, hidden or not.
    pub(in crate::core) fn has_value(self) -> bool {
        matches!(self, State::Live | State::Suppressed | State::Absent)
    }

    /// The account of the ledger to which keys in this state belong.
    pub(in crate::core) fn account(self) -> Account {
        match self {
            State::Live | State::Suppressed | State::Absent => Account::Tuples,
            State::Retracted | State::Expired => Account::Tombstones,
            State::Refused => Account::Refused,
        }
    }
}

/// State of one key: a last-writer-wins register, ordered by the stamp (hybrid logical time, origin).
///
/// There may be millions of registers, so a register has only what every key needs: deadlines, for one, are kept in
/// a map of the store.
#[derive(Clone, Debug)]
pub(in crate::core) struct Register {
    /// Key and value; in a tombstone, key and the 8-byte hash of the value that it had.
    pub(in crate::core) tuple: Tuple,
    /// Time and origin of the write.
    pub(in crate::core) stamp: Stamp,
    source: Source,
    pub(in crate::core) state: State,
    /// [`DEFERS`] and [`ANNOUNCED`].
    marks: u8,
}

/// Mark: plain peers are sent the value only after the key has been quiet for a while. Set where a plain peer may hold a
/// newer value: one sent too early would make it go back and tell everybody so.
const DEFERS: u8 = 1;
/// Mark: the value lives as long as the node that wrote it, or the tombstone is that of such a value.
const ANNOUNCED: u8 = 2;

/// The link that a tuple came by, or none, in 6 bytes: no node lives to see 2^48 links.
#[derive(Copy, Clone, Debug)]
struct Source([u8; 6]);

impl Source {
    const OWN: Source = Source([0xFF; 6]);

    fn new(link: Option<LinkId>) -> Source {
        let Some(LinkId(number)) = link else { return Source::OWN };
        let [a, b, c, d, e, f, _, _] = number.to_le_bytes();
        Source([a, b, c, d, e, f])
    }

    fn link(self) -> Option<LinkId> {
        let Source([a, b, c, d, e, f]) = self;
        (self.0 != Source::OWN.0).then(|| LinkId(u64::from_le_bytes([a, b, c, d, e, f, 0, 0])))
    }
}

impl Register {
    pub(in crate::core) fn new(
        tuple: Tuple,
        stamp: Stamp,
        source: Option<LinkId>,
        state: State,
        defer_to_plain: bool,
    ) -> Register {
        let marks = if defer_to_plain { DEFERS } else { 0 };
        Register { tuple, stamp, source: Source::new(source), state, marks }
    }

    /// Returns whether plain peers are sent the value only after the key has been quiet for a while.
    pub(in crate::core) fn defers_to_plain(&self) -> bool {
        self.marks & DEFERS != 0
    }

    /// The synthetic stamp of a value that came without one and replaces this one. The time behind an announced tuple is
    /// that of its end.
    pub(in crate::core) fn successor(&self, value_hash: u64) -> Stamp {
        let Stamp { time, origin } = self.stamp;
        Stamp { time: time.saturating_add(self.is_announced().into()), origin }.successor(value_hash)
    }

    /// Returns whether the value lives as long as the node that wrote it, or the tombstone is that of such a value.
    pub(in crate::core) fn is_announced(&self) -> bool {
        self.marks & ANNOUNCED != 0
    }

    /// The same register, marked as announced if it `is_announced`.
    pub(in crate::core) fn announced(mut self, is_announced: bool) -> Register {
        self.marks |= if is_announced { ANNOUNCED } else { 0 };
        self
    }

    /// The link that the tuple came by; `None` for the owner's own write.
    pub(in crate::core) fn source(&self) -> Option<LinkId> {
        self.source.link()
    }

    /// Hash of the key, which is its place in the digest's trie.
    pub(in crate::core) fn key_hash(&self) -> u64 {
        key_hash(self.tuple.key())
    }

    /// Hash of the value, or, in a tombstone, of the value that the key had.
    pub(in crate::core) fn value_hash(&self) -> u64 {
        match (self.state, <[u8; 8]>::try_from(self.tuple.value())) {
            (state, _) if state.has_value() => value_hash(self.tuple.value()),
            (_, Err(_)) => value_hash(self.tuple.value()),
            (_, Ok(hash)) => u64::from_be_bytes(hash),
        }
    }

    /// Returns whether the owner may read a value.
    pub(in crate::core) fn is_live(&self) -> bool {
        self.state == State::Live
    }
}

/// Value hash in the tombstone of a key whose value was never known on this node.
pub(in crate::core) const NO_VALUE: u64 = 0;

/// Tuple of a tombstone: the key, and the 8-byte hash of the value that it had.
pub(in crate::core) fn tombstone(key: &[u8], value_hash: u64) -> Tuple {
    Tuple::new(key, &value_hash.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_key_costs_little_and_a_source_comes_back() {
        assert_eq!((size_of::<Tuple>(), size_of::<Option<Register>>()), (8, 32));
        for link in [None, Some(LinkId(0)), Some(LinkId((1 << 48) - 2))] {
            assert_eq!(Source::new(link).link(), link);
        }
    }
}
