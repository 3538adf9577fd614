//! The prefixes of keys that the owner watches, and the SYNCEDs that it is owed.

use std::collections::BTreeSet;
use std::fmt;

use crate::core::record::RecordedNode as Node;
use crate::core::{Barrier, Now, Tuple};
use crate::engine::OwnerEvent;

/// Number of prefixes that may be watched: far more than a program has parts, and 256 KiB at most.
const MAX_PREFIXES: usize = 1_024;

/// Milliseconds before a peer that has not told everything is asked again: a few round trips of a local network.
const RETRY_INTERVAL: u64 = 50;

/// The same while some peer has not answered the last question, for one that is not there never will.
const SLOW_RETRY_INTERVAL: u64 = 1_000;

/// Why a prefix is not watched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotWatched {
    /// It is longer than a key can be.
    TooLong,
    /// Too many are watched.
    TooMany,
}

impl fmt::Display for NotWatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotWatched::TooLong => write!(f, "prefix is longer than {} bytes", Tuple::MAX_KEY),
            NotWatched::TooMany => write!(f, "{MAX_PREFIXES} prefixes are watched already"),
        }
    }
}

/// The prefixes that are watched. Until the first WATCH that is everything.
#[derive(Default)]
pub struct Watches {
    /// Whether there has been a WATCH, so that keys are filtered.
    filters: bool,
    prefixes: BTreeSet<Box<[u8]>>,
    /// Those prefixes that begin with no other, in order: at most one of them begins a key, and it is the last that is
    /// not greater than the key.
    shortest: Vec<Box<[u8]>>,
    /// Prefixes whose SYNCED is owed, in the order of their WATCHes.
    unsynced: Vec<Box<[u8]>>,
}

impl Watches {
    /// Watches a prefix, and owes its SYNCED.
    pub fn add(&mut self, prefix: &[u8]) -> Result<(), NotWatched> {
        if prefix.len() > Tuple::MAX_KEY {
            return Err(NotWatched::TooLong);
        }
        if self.prefixes.len() >= MAX_PREFIXES && !self.prefixes.contains(prefix) {
            return Err(NotWatched::TooMany);
        }
        self.filters = true;
        if self.prefixes.insert(prefix.into()) {
            self.reduce();
        }
        if !self.unsynced.iter().any(|one| **one == *prefix) {
            self.unsynced.push(prefix.into());
        }
        Ok(())
    }

    /// Watches a prefix no more. Returns whether it was watched.
    pub fn remove(&mut self, prefix: &[u8]) -> bool {
        let was_watched = self.prefixes.remove(prefix);
        if was_watched {
            self.reduce();
            self.unsynced.retain(|one| **one != *prefix);
        }
        was_watched
    }

    fn reduce(&mut self) {
        self.shortest.clear();
        for prefix in &self.prefixes {
            if self.shortest.last().is_none_or(|last| !prefix.starts_with(last)) {
                self.shortest.push(prefix.clone());
            }
        }
    }

    /// Returns whether the owner is not to get an event: it is about a key that is not watched.
    #[inline]
    pub fn hides(&self, event: &OwnerEvent) -> bool {
        self.filters && event.key().is_some_and(|key| !self.has(key))
    }

    /// Returns whether a key begins with a prefix that is watched.
    fn has(&self, key: &[u8]) -> bool {
        let behind = self.shortest.partition_point(|prefix| **prefix <= *key);
        behind > 0 && key.starts_with(&self.shortest[behind - 1])
    }

    /// Returns whether a SYNCED is owed.
    pub fn awaits_sync(&self) -> bool {
        !self.unsynced.is_empty()
    }

    /// Takes the prefixes out whose SYNCED is owed.
    pub fn take_unsynced(&mut self) -> Vec<Box<[u8]>> {
        std::mem::take(&mut self.unsynced)
    }
}

/// The question to the peers how far they have come, while somebody waits for SYNCED.
#[derive(Default)]
pub struct SyncQuestion {
    /// The question that was asked last, and when (mono ms).
    asked: Option<(Barrier, u64)>,
    /// Time (mono ms) from which on the peers are asked again.
    next_at: u64,
}

impl SyncQuestion {
    /// Returns whether SYNCED is due. If it is not yet, asks the peers from time to time.
    pub fn is_synced(&mut self, node: &mut Node, now: Now) -> bool {
        if node.is_synced() {
            self.asked = None;
            return true;
        }
        let due_at = |(barrier, at)| {
            at + if node.count_lagging(barrier) > 0 { SLOW_RETRY_INTERVAL } else { RETRY_INTERVAL }
        };
        self.next_at = self.asked.map_or(now.mono, due_at);
        if now.mono >= self.next_at {
            self.asked = Some((node.set_barrier(), now.mono));
            self.next_at = now.mono + SLOW_RETRY_INTERVAL;
        }
        false
    }

    /// Returns the time (mono ms) at which the peers are to be asked again, while somebody waits.
    pub fn next_at(&self) -> u64 {
        self.next_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hides(watches: &Watches, key: &[u8]) -> bool {
        watches.hides(&OwnerEvent::Deliver(Tuple::new(key, b"")))
    }

    #[test]
    fn everything_is_shown_until_the_first_watch_and_nothing_after_the_last() {
        let mut watches = Watches::default();
        assert!(!hides(&watches, b"a"));
        watches.add(b"b").unwrap();
        assert!(hides(&watches, b"a") && !hides(&watches, b"b"));
        assert!(!watches.remove(b"a") && watches.remove(b"b") && !watches.remove(b"b"));
        assert!(hides(&watches, b"a") && hides(&watches, b"b"));
        watches.add(b"").unwrap();
        assert!(!hides(&watches, b"a"));
        assert!(!watches.hides(&OwnerEvent::Unreachable(String::new(), String::new())));
    }

    #[test]
    fn prefixes_are_bounded_in_number_and_length() {
        let mut watches = Watches::default();
        assert_eq!(watches.add(&[b'x'; 256]), Err(NotWatched::TooLong));
        assert!(!hides(&watches, b"a"), "what was refused has no effect");
        for number in 0..MAX_PREFIXES {
            watches.add(format!("{number:0255}").as_bytes()).unwrap();
        }
        assert_eq!(watches.add(b"one more"), Err(NotWatched::TooMany));
        watches.add(format!("{:0255}", 7).as_bytes()).unwrap();
    }

    proptest! {
        #[test]
        fn a_key_is_shown_if_a_prefix_begins_it(
            changes in prop::collection::vec((any::<bool>(), "[ab]{0,4}"), 1..20),
            keys in prop::collection::vec("[abc]{1,6}", 1..20),
        ) {
            let (mut watches, mut simple) = (Watches::default(), BTreeSet::new());
            watches.add(b"").unwrap();
            simple.insert(String::new());
            for (adds, prefix) in changes {
                if adds {
                    watches.add(prefix.as_bytes()).unwrap();
                    simple.insert(prefix);
                } else {
                    prop_assert_eq!(watches.remove(prefix.as_bytes()), simple.remove(&prefix));
                }
                for key in &keys {
                    let is_shown = simple.iter().any(|prefix| key.starts_with(prefix.as_str()));
                    prop_assert_eq!(hides(&watches, key.as_bytes()), !is_shown);
                }
            }
        }
    }
}
