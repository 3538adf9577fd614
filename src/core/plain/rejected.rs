//! Values of plain peers that were judged not to be news, until a check has confirmed the judgement.
//!
//! A peer that insists on such a value holds it, and then it is adopted; so the newest of each peer and key is kept.
//! All together have a bound in bytes, beyond which the oldest goes.

use crate::core::id::{LinkId, Slot};
use crate::core::tuple::Tuple;
use std::collections::{BTreeMap, VecDeque};

/// Bytes of rejected keys and values that are kept at most, where memory has no nearer bound; the newest is kept
/// whatever its size. 64 MiB hold all that a burst of usual tuples can bring before the checks are over, and bound what
/// large ones cost.
const MOST_BYTES: usize = 64 << 20;

/// Rejected values, the newest of each peer and key.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Rejected {
    /// The rejected values, each with its number.
    tuples: BTreeMap<(Slot, LinkId), (u64, Tuple)>,
    /// Numbers of values in the order of their arrival. Some are gone.
    order: VecDeque<(u64, Slot, LinkId)>,
    bytes: usize,
    /// The number of the newest value.
    newest: u64,
}

fn cost(tuple: &Tuple) -> usize {
    tuple.key().len() + tuple.value().len() + size_of::<Tuple>() + size_of::<(u64, Slot, LinkId)>()
}

impl Rejected {
    /// Bytes of all rejected values.
    pub(in crate::core) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps a value that was rejected, in place of the peer's earlier one of the key. All together take `most` bytes at
    /// most.
    pub(in crate::core) fn keep(&mut self, slot: Slot, link: LinkId, tuple: Tuple, most: usize) {
        self.newest += 1;
        self.bytes += cost(&tuple);
        self.order.push_back((self.newest, slot, link));
        let before = self.tuples.insert((slot, link), (self.newest, tuple));
        self.bytes -= before.map_or(0, |(_, tuple)| cost(&tuple));
        while self.bytes > most.min(MOST_BYTES) && self.tuples.len() > 1 {
            let Some((number, slot, link)) = self.order.pop_front() else { break };
            if self.is_there(number, slot, link) {
                self.take(slot, link);
            }
        }
        if self.order.len() > 64 + 2 * self.tuples.len() {
            let mut order = std::mem::take(&mut self.order);
            order.retain(|&(number, slot, link)| self.is_there(number, slot, link));
            self.order = order;
        }
    }

    fn is_there(&self, number: u64, slot: Slot, link: LinkId) -> bool {
        self.tuples.get(&(slot, link)).is_some_and(|&(newest, _)| newest == number)
    }

    /// Takes out the rejected value of a peer and key.
    pub(in crate::core) fn take(&mut self, slot: Slot, link: LinkId) -> Option<Tuple> {
        let (_, tuple) = self.tuples.remove(&(slot, link))?;
        self.bytes -= cost(&tuple);
        Some(tuple)
    }

    /// Forgets the rejected values of a key from all peers.
    pub(in crate::core) fn forget(&mut self, slot: Slot) {
        if self.tuples.is_empty() {
            return;
        }
        let links = self.tuples.range((slot, LinkId(0))..=(slot, LinkId(u64::MAX)));
        let links: Vec<LinkId> = links.map(|(&(_, link), _)| link).collect();
        for link in links {
            self.take(slot, link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_each_peer_and_key_is_kept_and_taken_once() {
        let mut kept = Rejected::default();
        for (slot, link, value) in [(1, 1, "old"), (1, 2, "two"), (2, 1, "other"), (1, 1, "new")] {
            kept.keep(slot, LinkId(link), Tuple::new(b"key", value.as_bytes()), MOST_BYTES);
        }
        assert_eq!(kept.take(1, LinkId(1)), Some(Tuple::new(b"key", b"new")));
        assert_eq!(kept.take(1, LinkId(1)), None);
        kept.forget(1);
        assert_eq!(kept.take(1, LinkId(2)), None);
        assert_eq!(kept.take(2, LinkId(1)), Some(Tuple::new(b"key", b"other")));
        assert_eq!(kept.bytes, 0);
    }

    #[test]
    fn large_values_are_kept_and_all_together_have_a_bound() {
        let mut kept = Rejected::default();
        let large = vec![b'x'; 16 << 20];
        for slot in 0..100 {
            kept.keep(slot, LinkId(1), Tuple::new(b"key", &large), MOST_BYTES);
            assert!(kept.bytes <= MOST_BYTES, "{}", kept.bytes);
        }
        assert!(kept.take(99, LinkId(1)).is_some() && kept.take(0, LinkId(1)).is_none());
        for round in 0..100_000u64 {
            kept.keep(round as Slot % 3, LinkId(round % 2), Tuple::new(b"key", b"small"), MOST_BYTES);
        }
        assert!(kept.order.len() < 200, "{}", kept.order.len());
    }
}
