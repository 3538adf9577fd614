//! What the node itself has announced, and keeps announced: a tuple that lives as long as the node.
//!
//! Of several nodes that announce one key the last writer wins, as with any tuple. The others keep theirs in reserve, and
//! announce it again when the winner's has ended.

use crate::core::clock::Stamp;
use crate::core::store::{Register, State};
use crate::core::tuple::Tuple;
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds between two announcements of one key that are made because the tuple has ended: nodes that think this one
/// gone, and are wrong, cannot make it write without pause.
const AGAIN_MS: u64 = 1000;

/// Bytes that an announcement takes beside its tuple, which the store shares as long as it is the winner.
const COST: usize = 160;

/// One announcement.
#[derive(Clone, Debug)]
struct Announcement {
    tuple: Tuple,
    lease_ms: u32,
    /// When it was last written (mono ms).
    written_at: u64,
    /// When it is to be announced again (mono ms).
    due_at: Option<u64>,
}

/// All that the node has announced.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Announcements {
    of: BTreeMap<Box<[u8]>, Announcement>,
    /// Keys that are to be announced again, and when (mono ms).
    due: BTreeSet<(u64, Box<[u8]>)>,
    /// How many have each lease.
    leases: BTreeMap<u32, usize>,
    bytes: usize,
}

/// What a write to an announced key means.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Meaning {
    /// A later value: the own one is in reserve.
    Reserve,
    /// The end of what a node announced: the own value is announced again.
    Again,
    /// A removal of the key: it is not announced any more.
    Over,
}

/// What a write that replaced `old` with `new` means for an announcement of the node `own`.
///
/// The tombstone of an announced tuple says that it is one. A node of version 1.0 in between drops that, so the stamp shows
/// it as well: it is the one behind the stamp that was announced.
fn meaning(own: u64, old: Option<Stamp>, new: &Register) -> Meaning {
    let ends = |old: Stamp| new.stamp.origin == old.origin && new.stamp.time == old.time + 1;
    match new.state {
        State::Live | State::Suppressed | State::Refused => Meaning::Reserve,
        State::Expired | State::Absent => Meaning::Again,
        State::Retracted if new.is_announced() || new.stamp.origin == own || old.is_some_and(ends) => {
            Meaning::Again
        }
        State::Retracted => Meaning::Over,
    }
}

impl Announcements {
    /// Notes that a tuple was announced now (mono ms).
    pub(in crate::core) fn set(&mut self, tuple: Tuple, lease_ms: u32, now: u64) {
        self.remove(tuple.key());
        self.bytes += COST + tuple.key().len() + tuple.value().len();
        *self.leases.entry(lease_ms).or_default() += 1;
        self.of.insert(tuple.key().into(), Announcement { tuple, lease_ms, written_at: now, due_at: None });
    }

    /// Forgets an announcement. Returns whether there was one.
    pub(in crate::core) fn remove(&mut self, key: &[u8]) -> bool {
        let Some(gone) = self.of.remove(key) else { return false };
        self.bytes -= COST + key.len() + gone.tuple.value().len();
        if let Some(at) = gone.due_at {
            self.due.remove(&(at, key.into()));
        }
        if let Some(count) = self.leases.get_mut(&gone.lease_ms) {
            *count -= 1;
            if *count == 0 {
                self.leases.remove(&gone.lease_ms);
            }
        }
        true
    }

    pub(in crate::core) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The tuple that is announced for a key, and its lease in milliseconds.
    pub(in crate::core) fn get(&self, key: &[u8]) -> Option<(&Tuple, u32)> {
        self.of.get(key).map(|own| (&own.tuple, own.lease_ms))
    }

    /// The tuple that is announced for a key and its lease in milliseconds, if it may be announced again now (mono ms).
    pub(in crate::core) fn ready(&self, key: &[u8], now: u64) -> Option<(Tuple, u32)> {
        let own = self.of.get(key).filter(|own| now >= own.written_at + AGAIN_MS)?;
        Some((own.tuple.clone(), own.lease_ms))
    }

    /// All keys.
    pub(in crate::core) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.of.keys().map(|key| &**key)
    }

    /// The shortest lease in milliseconds.
    pub(in crate::core) fn lease_ms(&self) -> Option<u32> {
        self.leases.keys().next().copied()
    }

    /// Takes a write to a key that this node, whose id is `own`, did not make, or the end of a value: `new` has replaced a
    /// register stamped `old`.
    pub(in crate::core) fn on_write(&mut self, own: u64, old: Option<Stamp>, new: &Register) {
        let key = new.tuple.key();
        let Some(announced) = self.of.get_mut(key) else { return };
        match meaning(own, old, new) {
            Meaning::Reserve => {}
            Meaning::Again => {
                let at = announced.written_at + AGAIN_MS;
                announced.due_at = Some(at);
                self.due.insert((at, key.into()));
            }
            Meaning::Over => {
                self.remove(key);
            }
        }
    }

    /// When the next one is due (mono ms).
    pub(in crate::core) fn next_at(&self) -> Option<u64> {
        self.due.first().map(|&(at, _)| at)
    }

    /// Takes one that is to be announced again now.
    pub(in crate::core) fn pop_due(&mut self, now: u64) -> Option<(Tuple, u32)> {
        let (_, key) = self.due.first().filter(|&&(at, _)| at <= now).cloned()?;
        self.due.pop_first();
        self.of.get_mut(&key)?.due_at = None;
        self.get(&key).map(|(tuple, lease_ms)| (tuple.clone(), lease_ms))
    }

    /// Bytes that are kept.
    pub(in crate::core) fn bytes(&self) -> usize {
        self.bytes
    }
}
