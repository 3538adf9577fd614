//! How much a peer may make us look through our tuples.
//!
//! A few bytes of a comparison can ask for all of them. A peer that means well asks for each part of the
//! key space once, and begins at a heartbeat; so a whole comparison costs about as many looks as there
//! are tuples. What goes far beyond that is not done: every message of a comparison may be lost, and the
//! next heartbeat makes up for it.

/// The time (ms) in which looks are counted.
const WHILE: u64 = 1000;
/// Looks for each tuple held …
const EACH: usize = 4;
/// … and beside those.
const FREE: usize = 50_000;

/// What one peer has cost of late.
#[derive(Copy, Clone, Debug, Default)]
pub(in crate::core) struct Effort {
    begun: u64,
    spent: usize,
}

impl Effort {
    /// How many looks the peer may still make us take, where so many tuples are held.
    pub(in crate::core) fn left(&mut self, held: usize, now: u64) -> usize {
        if now >= self.begun + WHILE {
            *self = Effort { begun: now, spent: 0 };
        }
        (EACH * held + FREE).saturating_sub(self.spent)
    }

    /// So many were taken.
    pub(in crate::core) fn spend(&mut self, looks: usize) {
        self.spent = self.spent.saturating_add(looks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spent_comes_back_with_time() {
        let mut effort = Effort::default();
        assert_eq!(effort.left(10, 5), FREE + 40);
        effort.spend(FREE + 39);
        assert_eq!(effort.left(10, 900), 1);
        effort.spend(usize::MAX);
        assert_eq!(effort.left(10, 999), 0);
        assert_eq!(effort.left(10, 1000), FREE + 40);
    }
}
