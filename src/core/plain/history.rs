//! The recent past of a key: which values were replaced, when, and where they had come from.
//!
//! What a plain peer sends has no age. A value that is known to have been replaced is old, or a copy that went a longer
//! way, or one that somebody has set again: its times and its source tell which. Times are milliseconds of the
//! monotonic clock.

use crate::core::clock::Stamp;
use crate::core::id::LinkId;
use crate::core::ledger::cost;
use crate::core::plain::departures::Departures;
use crate::core::tuple::{Tuple, value_hash};
use std::collections::VecDeque;

/// Longest time (ms) that a copy of a value is reckoned to be under way among plain peers. Two seconds are more than
/// a loaded CZMQ node takes to repeat a value over a few hops; a longer time would take more real writes for copies.
pub(in crate::core) const STALE_MS: u64 = 2000;
/// Values adopted from plain peers within [`STALE_MS`] after which a key is busy: people and programs that set a key
/// seldom do so more often, and loops of CZMQ nodes always do.
const BUSY_CHANGES: usize = 4;
/// Longest time (ms) after its replacement at which a value that comes back may be one of two that chase each other
/// round a ring. A program that goes back and forth at leisure is slower and must not be slowed down further.
const CHASE_MS: u64 = 2000;
/// Time (ms) without a value that comes back after which the count of returns begins anew. A minute is far longer
/// than the pauses between two rounds of a chase.
const RETURNS_FORGOTTEN_MS: u64 = 60_000;
/// Replaced values of a key that are remembered beyond [`STALE_MS`]: a peer that was away may bring them back. Eight
/// of 40 bytes each keep a key's history small, as there may be many keys.
const REMEMBERED: usize = 8;
/// Number of a key's replaced values that are remembered besides, because a plain peer may have left with them; as
/// many again.
const REMEMBERED_OF_ABSENT: usize = 8;
/// Number of the newest replaced values that are searched for one that is replaced again, so that it is remembered
/// once. A loop brings the same few values thousands of times a second, and a longer search would be most of the cost
/// of each.
const LOOP_VALUES: usize = 64;
/// Replaced values of a key that are remembered within [`STALE_MS`] at most: a burst of writes whose copies are still
/// under way, at two thousand a second.
const BURST_VALUES: usize = 4096;
/// Shortest time (ms) for which a replaced value is remembered, where `server/tombstone` is shorter: ten minutes, so
/// that a plain peer that is restarted or loses its network for a while brings nothing back.
pub(in crate::core) const LEAST_RETENTION_MS: u64 = 600_000;

/// A value that another one has replaced.
#[derive(Copy, Clone, Debug)]
pub(in crate::core) struct Replaced {
    pub(in crate::core) hash: u64,
    /// The link that the value had come by; `None` for the owner's own.
    pub(in crate::core) source: Option<LinkId>,
    /// Time (ms) at which the value had become ours, or arrived too late to become it.
    pub(in crate::core) since: u64,
}

/// A replaced value of a key, with the time of its replacement.
#[derive(Copy, Clone, Debug)]
struct Older {
    value: Replaced,
    at: u64,
}

/// A value that a plain peer sent and that is judged a little later, when the peer may have sent another one.
#[derive(Clone, Debug)]
pub(in crate::core) struct Delayed {
    pub(in crate::core) link: LinkId,
    pub(in crate::core) tuple: Tuple,
    /// The stamp of what was held when the value arrived.
    pub(in crate::core) over: Stamp,
    /// Time (ms) until the value is judged, unless others of the key are to be judged before.
    pub(in crate::core) pause: u64,
    /// The value arrived before the peer's HELLO.
    pub(in crate::core) before_hello: bool,
}

/// The recent past of one key. It is kept only while there are plain peers, or may be again.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct History {
    /// Replaced values, the latest last.
    older: VecDeque<Older>,
    /// Replaced values that were dropped from `older`, and that a plain peer may have left with.
    of_absent: VecDeque<Older>,
    /// Times (ms) at which the last values were adopted from plain peers.
    adopted: VecDeque<u64>,
    /// The latest hybrid time that any known stamp had when a value was last adopted from a plain peer.
    adopted_over: u64,
    /// Number of times in a row that a value came back right after its replacement, and the time of the last one.
    returns: u32,
    returned_at: u64,
    changed_at: u64,
    /// Values that wait to be judged, the newest of each link, and until when.
    delayed: Vec<Delayed>,
    delayed_until: Option<u64>,
    /// Bytes of the tuples of `delayed`.
    delayed_bytes: usize,
}

impl History {
    /// Bytes that the history takes.
    pub(in crate::core) fn bytes(&self) -> usize {
        let older = (self.older.len() + self.of_absent.len()) * size_of::<Older>();
        let delayed = self.delayed.len() * size_of::<Delayed>();
        // Tables and queues have room for twice as much at most.
        2 * (size_of::<History>() + older + self.adopted.len() * 8 + delayed) + self.delayed_bytes
    }

    /// Returns the time (ms) of the key's last change, 0 if it has not changed since the history began.
    pub(in crate::core) fn changed_at(&self) -> u64 {
        self.changed_at
    }

    /// The key's value changed: it replaced this value. Without one the key had been removed.
    pub(in crate::core) fn on_changed(&mut self, replaced: Option<(u64, Option<LinkId>)>, now: u64) {
        let since = std::mem::replace(&mut self.changed_at, now);
        match replaced {
            Some((hash, source)) => self.on_replaced(Replaced { hash, source, since }, now),
            // No plain peer could be told of the removal, so what was removed counts as replaced only now.
            None => {
                if let Some(removed) = self.older.back_mut().filter(|older| older.at == since) {
                    removed.at = now;
                }
            }
        }
    }

    /// A value was replaced, or arrived too late to be held.
    pub(in crate::core) fn on_replaced(&mut self, value: Replaced, now: u64) {
        let recent = self.older.len().saturating_sub(LOOP_VALUES)..;
        let is_same = |older: &Older| older.value.hash == value.hash && older.value.source == value.source;
        if let Some(ago) = self.older.range(recent).rev().position(is_same) {
            self.older.remove(self.older.len() - 1 - ago);
        }
        self.older.push_back(Older { value, at: now });
    }

    /// A value was adopted from a plain peer, when no known stamp had a hybrid time later than `latest`.
    pub(in crate::core) fn on_adopted(&mut self, latest: u64, now: u64) {
        self.adopted_over = latest;
        if self.adopted.len() > BUSY_CHANGES {
            self.adopted.pop_front();
        }
        self.adopted.push_back(now);
    }

    /// A value came back that was replaced a moment ago: the number of [`History::returns`] is noted.
    pub(in crate::core) fn on_return(&mut self, returns: u32, now: u64) {
        (self.returns, self.returned_at) = (returns, now);
    }

    /// Number of times in a row that a value came back within [`CHASE_MS`] after its replacement, the one with this
    /// hash included; 0 if that does not come back.
    pub(in crate::core) fn returns(&self, hash: u64, now: u64) -> u32 {
        let is_recent = |older: &&Older| now - older.at < CHASE_MS;
        if !self.older.iter().rev().take_while(is_recent).any(|older| older.value.hash == hash) {
            return 0;
        }
        if now - self.returned_at < RETURNS_FORGOTTEN_MS { self.returns + 1 } else { 1 }
    }

    /// Returns whether plain peers have changed the key more than [`BUSY_CHANGES`] times within [`STALE_MS`].
    pub(in crate::core) fn is_busy(&self, now: u64) -> bool {
        self.adopted.len() > BUSY_CHANGES && self.adopted.front().is_some_and(|&first| now - first < STALE_MS)
    }

    /// Returns whether a plain peer may have sent what it holds after a value with this stamp was written.
    pub(in crate::core) fn is_overtaken(&self, stamp: Stamp) -> bool {
        stamp.time <= self.adopted_over
    }

    /// Returns whether any value is known to have been replaced.
    pub(in crate::core) fn has_past(&self) -> bool {
        self.all().next().is_some()
    }

    /// Returns whether the value with this hash is known to have been replaced.
    pub(in crate::core) fn has_replaced(&self, hash: u64) -> bool {
        self.all().any(|older| older.value.hash == hash)
    }

    /// Returns the time (ms) at which the value with this hash was last replaced.
    pub(in crate::core) fn replaced_at(&self, hash: u64) -> Option<u64> {
        self.all().filter(|older| older.value.hash == hash).map(|older| older.at).max()
    }

    /// Returns whether the value was new when it was replaced a moment ago, and had come from elsewhere than `link`.
    ///
    /// A value that was ours for longer has reached everybody, and a peer that sends it again has gone back to it. But
    /// a peer whose session `began` a moment ago is new to others as well, and they may just be sending it the value.
    pub(in crate::core) fn is_late_copy(&self, hash: u64, link: LinkId, began: u64, now: u64) -> bool {
        self.recent(now).any(|older| {
            let Replaced { hash: replaced, source, since } = older.value;
            replaced == hash && source != Some(link) && now - since.max(began) < STALE_MS
        })
    }

    /// Returns whether the link sent the value with this hash a moment ago, and something else since.
    pub(in crate::core) fn was_sent_by(&self, hash: u64, link: LinkId, now: u64) -> bool {
        self.recent(now).any(|older| older.value.hash == hash && older.value.source == Some(link))
    }

    /// Returns whether the value with this hash was replaced and a plain peer may have left before it learned of that:
    /// one that is known to have left, or one that is silent since `silent_since`.
    pub(in crate::core) fn was_left_with(
        &self,
        hash: u64,
        departures: &Departures,
        silent_since: impl FnOnce() -> Option<u64>,
    ) -> bool {
        let same = || self.all().filter(|older| older.value.hash == hash);
        if same().any(|older| departures.left_with(older.value.since, older.at)) {
            return true;
        }
        let Some(last) = same().map(|older| older.at).max() else { return false };
        silent_since().is_some_and(|silent_since| last > silent_since)
    }

    fn all(&self) -> impl Iterator<Item = &Older> {
        self.of_absent.iter().chain(&self.older)
    }

    /// Returns the values that were replaced within [`STALE_MS`], the latest first.
    fn recent(&self, now: u64) -> impl Iterator<Item = &Older> {
        self.older.iter().rev().take_while(move |older| now - older.at < STALE_MS)
    }

    /// Forgets values that were replaced more than `retention` (ms) ago.
    pub(in crate::core) fn prune(&mut self, now: u64, retention: u64) {
        for values in [&mut self.of_absent, &mut self.older] {
            while values.front().is_some_and(|first| now.saturating_sub(first.at) > retention) {
                values.pop_front();
            }
        }
    }

    /// Returns whether more values are remembered than the bounds allow, so that [`History::trim`] is due.
    pub(in crate::core) fn is_long(&self, now: u64) -> bool {
        self.older.len() > BURST_VALUES
            || self.older.len() > REMEMBERED
                && self.older.front().is_some_and(|first| now - first.at >= STALE_MS)
    }

    /// Forgets the oldest values beyond the bounds. Those that a plain peer may have left with are kept apart, as
    /// `was_left_with` tells of the time from which a value was held and the time at which it was replaced.
    pub(in crate::core) fn trim(&mut self, now: u64, was_left_with: impl Fn(u64, u64) -> bool) {
        while self.is_long(now)
            && let Some(first) = self.older.pop_front()
        {
            if was_left_with(first.value.since, first.at) {
                self.of_absent.push_back(first);
            }
        }
        while self.of_absent.len() > REMEMBERED_OF_ABSENT {
            self.of_absent.pop_front();
        }
        if self.older.capacity() > 4 * REMEMBERED.max(self.older.len()) {
            self.older.shrink_to(2 * self.older.len());
        }
    }

    /// Returns whether nothing of the history can be of use any more.
    pub(in crate::core) fn is_past(&self, now: u64, retention: u64) -> bool {
        self.delayed_until.is_none() && now.saturating_sub(self.changed_at) > retention
    }

    /// Adds a value to those that are delayed, in place of the last one that came by its link. Returns the hash of the
    /// value that is dropped: it counts as replaced, because others that adopted it may still be sending it.
    pub(in crate::core) fn delay(&mut self, new: Delayed) -> Option<u64> {
        match self.delayed.iter_mut().find(|delayed| delayed.link == new.link) {
            Some(delayed) if delayed.tuple.value() == new.tuple.value() => {
                // The peer sent the same again: that is its answer to what is held now.
                delayed.over = new.over;
                None
            }
            Some(delayed) => {
                self.delayed_bytes += cost(&new.tuple);
                let old = std::mem::replace(delayed, new);
                self.delayed_bytes -= cost(&old.tuple);
                Some(value_hash(old.tuple.value()))
            }
            None => {
                self.delayed_bytes += cost(&new.tuple);
                self.delayed.push(new);
                None
            }
        }
    }

    /// Returns whether a value of this link is delayed.
    pub(in crate::core) fn delays(&self, link: LinkId) -> bool {
        self.delayed.iter().any(|delayed| delayed.link == link)
    }

    /// Returns the time (ms) at which the delayed values are judged.
    pub(in crate::core) fn delayed_until(&self) -> Option<u64> {
        self.delayed_until
    }

    /// Sets when the delayed values are judged.
    pub(in crate::core) fn set_delayed_until(&mut self, until: u64) {
        self.delayed_until = Some(until);
    }

    /// Takes out the delayed values, to be judged now.
    pub(in crate::core) fn take_delayed(&mut self) -> Vec<Delayed> {
        (self.delayed_until, self.delayed_bytes) = (None, 0);
        std::mem::take(&mut self.delayed)
    }
}

#[cfg(test)]
mod tests;
