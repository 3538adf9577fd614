//! The log of changes: which tuple changed when, each tuple once, at its latest change.
//!
//! A link that follows the log keeps one number, its cursor. What lies before the cursor has been
//! sent; what lies behind is owed. A tuple that changes again moves to the end, so a link that was
//! slow gets current values only, and a burst on one key costs it one message.

use crate::core::id::Slot;

const GONE: Slot = Slot::MAX;

/// Entries that changed again, and are skipped, are swept out when they outnumber the others by this.
const SLACK: usize = 1024;

#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Feed {
    entries: Vec<Slot>,
    /// Where each slot's entry is.
    positions: Vec<u32>,
    live: usize,
    version: u64,
}

impl Feed {
    /// Position behind the last entry.
    pub(in crate::core) fn end(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Changes with every change of the log; for caches.
    pub(in crate::core) fn version(&self) -> u64 {
        self.version
    }

    /// Position of a slot's latest change; `GONE` for one that is not in the log.
    pub(in crate::core) fn position(&self, slot: Slot) -> u32 {
        self.positions.get(slot as usize).copied().unwrap_or(GONE)
    }

    /// Notes a change of `slot`.
    pub(in crate::core) fn push(&mut self, slot: Slot) {
        self.remove(slot);
        if self.positions.len() <= slot as usize {
            self.positions.resize(slot as usize + 1, GONE);
        }
        self.positions[slot as usize] = self.end();
        self.entries.push(slot);
        self.live += 1;
        self.version += 1;
    }

    /// Forgets the entry of `slot`, if there is one.
    pub(in crate::core) fn remove(&mut self, slot: Slot) {
        let position = self.position(slot);
        if position != GONE {
            self.entries[position as usize] = GONE;
            self.positions[slot as usize] = GONE;
            self.live -= 1;
            self.version += 1;
        }
    }

    /// The slot at `position`, unless it changed again since.
    pub(in crate::core) fn get(&self, position: u32) -> Option<Slot> {
        self.entries.get(position as usize).copied().filter(|&slot| slot != GONE)
    }

    /// Whether the log holds so many passed-over entries that it should be compacted.
    pub(in crate::core) fn is_sparse(&self) -> bool {
        self.entries.len() > 2 * self.live + SLACK
    }

    /// Drops the passed-over entries. `cursors` are adjusted so that each still owes the same tuples.
    pub(in crate::core) fn compact<'a>(&mut self, cursors: impl Iterator<Item = &'a mut u32>) {
        let mut cursors: Vec<&mut u32> = cursors.collect();
        cursors.sort_unstable();
        let mut cursors = cursors.into_iter().peekable();
        let mut kept = 0usize;
        for position in 0..self.entries.len() {
            while let Some(cursor) = cursors.next_if(|cursor| **cursor as usize <= position) {
                *cursor = kept as u32;
            }
            let slot = self.entries[position];
            if slot != GONE {
                self.entries[kept] = slot;
                self.positions[slot as usize] = kept as u32;
                kept += 1;
            }
        }
        for cursor in cursors {
            *cursor = kept as u32;
        }
        self.entries.truncate(kept);
        self.version += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compaction_keeps_order_and_what_each_cursor_owes() {
        let mut feed = Feed::default();
        [0, 1, 2, 3, 1, 4, 0].into_iter().for_each(|slot| feed.push(slot));
        let owed =
            |feed: &Feed, from: u32| (from..feed.end()).filter_map(|p| feed.get(p)).collect::<Vec<_>>();
        let mut cursors: Vec<u32> = (0..=feed.end()).rev().collect();
        let before: Vec<_> = cursors.iter().map(|&c| owed(&feed, c)).collect();
        feed.compact(cursors.iter_mut());
        assert_eq!(feed.end(), 5);
        assert_eq!(before, cursors.iter().map(|&c| owed(&feed, c)).collect::<Vec<_>>());
        for slot in 0..5 {
            assert_eq!(feed.get(feed.position(slot)), Some(slot));
        }
        feed.remove(3);
        assert_eq!((feed.position(3), feed.live), (GONE, 4));
    }
}
