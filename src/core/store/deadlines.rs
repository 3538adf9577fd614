//! The times at which tuples expire or tombstones are dropped, by slot.
//!
//! Most tuples never expire, so the times are in pages that are made when they are needed. A page costs no more than 256
//! entries of a hash table, which would have to be made anew as it grows.

use crate::core::id::Slot;
use std::fmt;

/// Slots of one page.
const PAGE: usize = 256;
/// Mark of a slot without a deadline.
const NONE: u64 = u64::MAX;

/// Deadlines (monotonic ms) of slots.
#[derive(Clone, Default)]
pub(super) struct Deadlines {
    pages: Vec<Option<Box<[u64; PAGE]>>>,
    /// Number of slots with a deadline.
    count: usize,
}

impl fmt::Debug for Deadlines {
    /// Shows the slots that have a deadline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = self.pages.iter().enumerate().filter_map(|(number, page)| Some((number, page.as_ref()?)));
        let all = pages.flat_map(|(number, page)| (PAGE * number..).zip(page.iter()));
        f.debug_map().entries(all.filter(|&(_, &deadline)| deadline != NONE)).finish()
    }
}

impl Deadlines {
    /// The deadline of a slot.
    pub(super) fn get(&self, slot: Slot) -> Option<u64> {
        let page = self.pages.get(slot as usize / PAGE)?.as_ref()?;
        Some(page[slot as usize % PAGE]).filter(|&deadline| deadline != NONE)
    }

    /// Sets the deadline of a slot. Returns the former one.
    pub(super) fn set(&mut self, slot: Slot, deadline: Option<u64>) -> Option<u64> {
        let before = self.get(slot);
        match (before, deadline) {
            (None, None) => return None,
            (None, Some(_)) => self.count += 1,
            (Some(_), None) => self.count -= 1,
            (Some(_), Some(_)) => {}
        }
        if self.count == 0 {
            self.pages = Vec::new();
            return before;
        }
        let (number, place) = (slot as usize / PAGE, slot as usize % PAGE);
        if self.pages.len() <= number {
            self.pages.resize_with(number + 1, || None);
        }
        let page = self.pages[number].get_or_insert_with(|| Box::new([NONE; PAGE]));
        page[place] = deadline.unwrap_or(NONE);
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_has_the_deadline_that_it_was_given_last_and_few_cost_little() {
        let mut deadlines = Deadlines::default();
        assert_eq!((deadlines.get(7), deadlines.set(7, None)), (None, None));
        assert_eq!((deadlines.set(1_000_000, Some(5)), deadlines.set(7, Some(6))), (None, None));
        assert_eq!((deadlines.set(7, Some(8)), deadlines.get(7), deadlines.get(8)), (Some(6), Some(8), None));
        assert_eq!(deadlines.pages.iter().flatten().count(), 2);
        assert_eq!(format!("{deadlines:?}"), "{7: 8, 1000000: 5}");
        assert_eq!((deadlines.set(7, None), deadlines.set(1_000_000, None)), (Some(8), Some(5)));
        assert!(deadlines.pages.is_empty() && deadlines.get(1_000_000).is_none());
    }
}
