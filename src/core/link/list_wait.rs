//! The wait for the end of a plain client's list before the client is sent what this node holds.
//!
//! A CZMQ client sends HELLO and all its tuples in one breath. If it were sent this node's tuples at once, it would
//! replace what it holds newer by what this node holds older.

/// Milliseconds without a further key after which a list is over: longer than a client's turn on a busy machine.
const GAP: u64 = 150;
/// Milliseconds after which a list is over in any case.
const LONGEST: u64 = 3000;

/// The wait, if there is one. All times are milliseconds of the monotonic clock.
#[derive(Copy, Clone, Debug, Default)]
pub(in crate::core) struct ListWait(Option<Wait>);

#[derive(Copy, Clone, Debug)]
struct Wait {
    until: u64,
    latest: u64,
}

impl ListWait {
    /// Begins to wait.
    pub(in crate::core) fn begin(&mut self, now: u64) {
        self.0 = Some(Wait { until: now + GAP, latest: now + LONGEST });
    }

    /// Ends the wait. True if there was one.
    pub(in crate::core) fn end(&mut self) -> bool {
        self.0.take().is_some()
    }

    /// Notes that a further key of the list has come.
    pub(in crate::core) fn on_key(&mut self, now: u64) {
        if let Some(wait) = &mut self.0 {
            wait.until = (now + GAP).min(wait.latest);
        }
    }

    /// Returns whether the list is waited for.
    pub(in crate::core) fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the time (mono ms) at which the wait ends if no further key comes.
    pub(in crate::core) fn ends_at(&self) -> Option<u64> {
        self.0.map(|wait| wait.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_over_when_nothing_comes_or_after_the_longest_wait() {
        let mut wait = ListWait::default();
        wait.on_key(5);
        assert!(!wait.is_open());
        wait.begin(1000);
        assert_eq!(wait.ends_at(), Some(1000 + GAP));
        wait.on_key(1100);
        assert_eq!(wait.ends_at(), Some(1100 + GAP));
        wait.on_key(999 + LONGEST);
        assert_eq!(wait.ends_at(), Some(1000 + LONGEST));
        assert!(wait.end() && !wait.end());
    }
}
