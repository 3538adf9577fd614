//! The log of changes: which tuple changed when, each tuple once, at its latest change.
//!
//! A link that follows the log keeps one number, its cursor. What lies before the cursor has been
//! sent; what lies behind is owed. A tuple that changes again moves to the end, so a link that was
//! slow gets current values only, and a burst on one key costs it one message.

/// A slot of the store.
pub(super) type Slot = u32;

const GONE: Slot = Slot::MAX;

/// Entries that changed again, and are skipped, are swept out when they outnumber the others by this.
const SLACK: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Feed {
    entries: Vec<Slot>,
    live: usize,
    version: u64,
}

impl Feed {
    /// Position behind the last entry.
    pub(super) fn end(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Changes with every change of the log; for caches.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Notes a change of `slot`, whose position so far was `old`; returns the new one.
    pub(super) fn push(&mut self, slot: Slot, old: Option<u32>) -> u32 {
        if let Some(old) = old {
            self.remove(old);
        }
        self.entries.push(slot);
        self.live += 1;
        self.version += 1;
        self.end() - 1
    }

    /// Forgets the entry at `position`.
    pub(super) fn remove(&mut self, position: u32) {
        let entry = &mut self.entries[position as usize];
        if *entry != GONE {
            *entry = GONE;
            self.live -= 1;
            self.version += 1;
        }
    }

    /// The slot at `position`, unless it changed again since.
    pub(super) fn get(&self, position: u32) -> Option<Slot> {
        self.entries.get(position as usize).copied().filter(|&slot| slot != GONE)
    }

    /// Whether the log holds so many passed-over entries that it should be compacted.
    pub(super) fn is_sparse(&self) -> bool {
        self.entries.len() > 2 * self.live + SLACK
    }

    /// Drops the passed-over entries. `moved` is told each slot's new position; `cursors` are
    /// adjusted so that each still owes the same tuples.
    pub(super) fn compact<'a>(
        &mut self,
        cursors: impl Iterator<Item = &'a mut u32>,
        mut moved: impl FnMut(Slot, u32),
    ) {
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
                moved(slot, kept as u32);
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
        let mut at: Vec<Option<u32>> = vec![None; 5];
        for slot in [0, 1, 2, 3, 1, 4, 0] {
            at[slot] = Some(feed.push(slot as u32, at[slot]));
        }
        let owed =
            |feed: &Feed, from: u32| (from..feed.end()).filter_map(|p| feed.get(p)).collect::<Vec<_>>();
        let mut cursors: Vec<u32> = (0..=feed.end()).rev().collect();
        let before: Vec<_> = cursors.iter().map(|&c| owed(&feed, c)).collect();
        feed.compact(cursors.iter_mut(), |slot, position| at[slot as usize] = Some(position));
        assert_eq!(feed.end(), 5);
        assert_eq!(before, cursors.iter().map(|&c| owed(&feed, c)).collect::<Vec<_>>());
        for (slot, position) in at.iter().enumerate() {
            assert_eq!(feed.get(position.unwrap()), Some(slot as u32));
        }
    }
}
