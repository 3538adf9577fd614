//! The change log: which tuple changed when, each tuple once, at its latest change.
//!
//! A link that follows the log keeps one number, its cursor: the offset of the next entry to send.
//! Entries before the cursor have been sent; those from it on are owed. A tuple that changes again
//! moves to the end of the log, so a slow link sends current values only, and a burst of writes to
//! one key costs it one message.

use crate::core::id::Slot;

/// Marks an entry whose tuple changed again or was removed, and a slot that has no entry.
const GONE: Slot = Slot::MAX;

/// Number of gone entries, beyond as many as there are live ones, from which the log is compacted. A
/// small log, in which compaction would find little to do, is left alone.
const SLACK: usize = 1024;

/// Slots in the order of their tuples' latest changes.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct ChangeLog {
    entries: Vec<Slot>,
    /// Offset of each slot's entry, by slot; `GONE` for none.
    offsets: Vec<u32>,
    /// Number of entries that are not gone.
    live: usize,
    version: u64,
}

impl ChangeLog {
    /// Offset behind the last entry.
    pub(in crate::core) fn end(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Version of the log's content, for caches: each change of the log makes it larger.
    pub(in crate::core) fn version(&self) -> u64 {
        self.version
    }

    /// Offset of a slot's latest change; `GONE` for a slot that is not in the log.
    pub(in crate::core) fn offset(&self, slot: Slot) -> u32 {
        self.offsets.get(slot as usize).copied().unwrap_or(GONE)
    }

    /// Appends a change of `slot`, whose earlier entry, if any, is gone.
    pub(in crate::core) fn push(&mut self, slot: Slot) {
        self.remove(slot);
        if self.offsets.len() <= slot as usize {
            self.offsets.resize(slot as usize + 1, GONE);
        }
        self.offsets[slot as usize] = self.end();
        self.entries.push(slot);
        self.live += 1;
        self.version += 1;
    }

    /// Removes the entry of `slot`, if there is one.
    pub(in crate::core) fn remove(&mut self, slot: Slot) {
        let offset = self.offset(slot);
        if offset != GONE {
            self.entries[offset as usize] = GONE;
            self.offsets[slot as usize] = GONE;
            self.live -= 1;
            self.version += 1;
        }
    }

    /// The slot at `offset`; `None` for a gone entry.
    pub(in crate::core) fn get(&self, offset: u32) -> Option<Slot> {
        self.entries.get(offset as usize).copied().filter(|&slot| slot != GONE)
    }

    /// Slots in the order of their last changes, the latest first.
    pub(in crate::core) fn newest(&self) -> impl Iterator<Item = Slot> {
        self.entries.iter().rev().copied().filter(|&slot| slot != GONE)
    }

    /// Returns whether gone entries outnumber the live ones so far that the log should be compacted.
    pub(in crate::core) fn is_sparse(&self) -> bool {
        self.entries.len() > 2 * self.live + SLACK
    }

    /// Drops the gone entries, and moves `cursors` so that each still owes the same tuples.
    pub(in crate::core) fn compact<'a>(&mut self, cursors: impl Iterator<Item = &'a mut u32>) {
        let mut cursors: Vec<&mut u32> = cursors.collect();
        cursors.sort_unstable();
        let mut cursors = cursors.into_iter().peekable();
        let mut kept = 0usize;
        for offset in 0..self.entries.len() {
            while let Some(cursor) = cursors.next_if(|cursor| **cursor as usize <= offset) {
                *cursor = kept as u32;
            }
            let slot = self.entries[offset];
            if slot != GONE {
                self.entries[kept] = slot;
                self.offsets[slot as usize] = kept as u32;
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
        let mut log = ChangeLog::default();
        for slot in [0, 1, 2, 3, 1, 4, 0] {
            log.push(slot);
        }
        let owed =
            |log: &ChangeLog, from: u32| (from..log.end()).filter_map(|p| log.get(p)).collect::<Vec<_>>();
        let mut cursors: Vec<u32> = (0..=log.end()).rev().collect();
        let before: Vec<_> = cursors.iter().map(|&c| owed(&log, c)).collect();
        log.compact(cursors.iter_mut());
        assert_eq!(log.end(), 5);
        assert_eq!(before, cursors.iter().map(|&c| owed(&log, c)).collect::<Vec<_>>());
        for slot in 0..5 {
            assert_eq!(log.get(log.offset(slot)), Some(slot));
        }
        log.remove(3);
        assert_eq!((log.offset(3), log.live), (GONE, 4));
    }
}
