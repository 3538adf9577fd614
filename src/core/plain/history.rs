//! The recent past of a key: which values were replaced, and when.
//!
//! What a plain peer says has no age. A value that is known to have been replaced is old, or a copy that went a longer
//! way, or one to which somebody has gone back: which of these, when and from where it came tells.

use crate::core::clock::Stamp;
use crate::core::id::LinkId;
use crate::core::plain::departures::Departures;
use crate::core::tuple::{Tuple, value_hash};
use std::collections::VecDeque;

/// A value replaced this recently (ms), and known from elsewhere, is old news.
pub(in crate::core) const STALE: u64 = 2000;
/// A key that plain peers changed more often than this within [`STALE`] is busy.
const BUSY: usize = 4;
/// A busy key is taken from plain peers once in this time (ms).
pub(in crate::core) const BUSY_INTERVAL: u64 = 300;
/// A value that comes back so soon (ms) after it was replaced may be one of two that chase each other.
const CHASE: u64 = 2000;
/// It may do so this often before it is held up, …
const RETURNS: u32 = 2;
/// … for so long (ms) at most; …
const LONGEST_HOLD_UP: u64 = 1500;
/// … none that came back is remembered for longer than this (ms).
const FORGIVEN: u64 = 60_000;
/// Replaced values of each key that are remembered beyond [`STALE`], and for how long (ms) at least: a peer that
/// was away may bring them back.
const REMEMBERED: usize = 8;
/// So many more are that a peer may have left with.
const MOST_KEPT: usize = 8;
/// Different values that go round in a loop are hardly more.
const FEW: usize = 64;
/// The most that are remembered within [`STALE`]: a burst whose copies are still under way.
const MOST_REMEMBERED: usize = 4096;
pub(in crate::core) const MEMORY: u64 = 600_000;

/// A value that was replaced.
#[derive(Copy, Clone, Debug)]
struct Older {
    at: u64,
    /// When it had become our value, or was told us too late to become it.
    since: u64,
    hash: u64,
    source: Option<LinkId>,
}

/// What a plain peer said of a key, of which it may say more soon.
#[derive(Clone, Debug)]
pub(in crate::core) struct HeldBack {
    pub(in crate::core) link: LinkId,
    pub(in crate::core) tuple: Tuple,
    /// The stamp of what we held when it was said.
    pub(in crate::core) over: Stamp,
    /// It was said before the peer's HELLO.
    pub(in crate::core) early: bool,
}

/// The recent past of one key; kept only where there are plain peers.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct History {
    older: VecDeque<Older>,
    /// What a plain peer may have left with, of those before.
    kept: VecDeque<Older>,
    taken: VecDeque<u64>,
    /// The latest time of any stamp that could be known when a value was taken from a plain peer last.
    taken_over: u64,
    /// How often a replaced value came back, and when last.
    returns: u32,
    returned_at: u64,
    /// When the value last changed.
    pub(in crate::core) changed_at: u64,
    /// What plain peers said and waits to be taken; the newest of each link.
    pub(in crate::core) held_back: Vec<HeldBack>,
    /// When the next of them is taken.
    pub(in crate::core) held_until: Option<u64>,
}

impl History {
    /// A value comes: how long it should wait, at most, before it is taken.
    ///
    /// Where nodes that know stamps are linked by several that do not, in a ring, two values can chase
    /// each other round it without end. One that has come back several times is held up now and then,
    /// for longer and longer, so that the other catches up with it.
    pub(in crate::core) fn hold_up(&mut self, hash: u64, now: u64) -> u64 {
        let recent = |older: &&Older| now - older.at < CHASE;
        if !self.older.iter().rev().take_while(recent).any(|older| older.hash == hash) {
            return 0;
        }
        self.returns = if now - self.returned_at < FORGIVEN { self.returns + 1 } else { 1 };
        self.returned_at = now;
        match self.returns.saturating_sub(RETURNS) {
            0 => 0,
            more => (BUSY_INTERVAL << more.min(8)).min(LONGEST_HOLD_UP),
        }
    }

    /// The value with this hash, which had come from `source` and was ours since then, is replaced now, or came too
    /// late.
    pub(in crate::core) fn replaced(&mut self, hash: u64, source: Option<LinkId>, since: u64, now: u64) {
        // Values that come again and again, as a loop brings them, are looked through for each message: once is enough.
        let recent = self.older.len().saturating_sub(FEW)..;
        let known = |older: &Older| older.hash == hash && older.source == source;
        if let Some(ago) = self.older.range(recent).rev().position(known) {
            self.older.remove(self.older.len() - 1 - ago);
        }
        self.older.push_back(Older { at: now, since, hash, source });
    }

    /// What was replaced at a time counts as replaced later: nobody was told of another value until then.
    pub(in crate::core) fn lasts_longer(&mut self, replaced_at: u64, now: u64) {
        let last = self.older.back_mut().filter(|older| older.at == replaced_at);
        if let Some(older) = last {
            older.at = now;
        }
    }

    /// Whether the value with this hash is known to have been replaced.
    pub(in crate::core) fn has_replaced(&self, hash: u64) -> bool {
        self.all().any(|older| older.hash == hash)
    }

    /// When the value with this hash was replaced last.
    pub(in crate::core) fn replaced_at(&self, hash: u64) -> Option<u64> {
        self.all().filter(|older| older.hash == hash).map(|older| older.at).max()
    }

    /// Everything that is remembered.
    fn all(&self) -> impl Iterator<Item = &Older> {
        self.kept.iter().chain(&self.older)
    }

    /// Forgets replaced values that are older than `memory` (ms).
    pub(in crate::core) fn prune(&mut self, now: u64, memory: u64) {
        for values in [&mut self.kept, &mut self.older] {
            while values.front().is_some_and(|first| now.saturating_sub(first.at) > memory) {
                values.pop_front();
            }
        }
    }

    /// Whether more is remembered than needs be.
    pub(in crate::core) fn is_long(&self, now: u64) -> bool {
        self.older.len() > MOST_REMEMBERED
            || self.older.len() > REMEMBERED
                && self.older.front().is_some_and(|first| now - first.at >= STALE)
    }

    /// Forgets the oldest values, but those that a plain peer may have left with, as `left_with` tells of the time (ms)
    /// from which a value was current and that at which it was replaced.
    pub(in crate::core) fn trim(&mut self, now: u64, left_with: impl Fn(u64, u64) -> bool) {
        while self.is_long(now)
            && let Some(first) = self.older.pop_front()
        {
            if left_with(first.since, first.at) {
                self.kept.push_back(first);
            }
        }
        while self.kept.len() > MOST_KEPT {
            self.kept.pop_front();
        }
        if self.older.capacity() > 4 * REMEMBERED.max(self.older.len()) {
            self.older.shrink_to(2 * self.older.len());
        }
    }

    /// Whether the value was new and was replaced a moment ago, and had come from somewhere else than `link`. One that
    /// was ours for longer has reached everybody: a peer that says it again went back to it. But a peer whose
    /// conversation `began` a moment ago is new to others, too, and they may just be telling it.
    pub(in crate::core) fn is_late_copy(&self, hash: u64, link: LinkId, began: u64, now: u64) -> bool {
        self.older.iter().rev().take_while(|older| now - older.at < STALE).any(|older| {
            older.hash == hash && older.source != Some(link) && now - older.since.max(began) < STALE
        })
    }

    /// Whether the value was replaced, and a peer may have left with it before: one that is known to have left,
    /// or one that was not heard since, the last time (ms) of `silent_since`.
    pub(in crate::core) fn was_left_with(
        &self,
        hash: u64,
        departures: &Departures,
        silent_since: impl FnOnce() -> Option<u64>,
    ) -> bool {
        let same = || self.all().filter(|older| older.hash == hash);
        if same().any(|older| departures.left_with(older.since, older.at)) {
            return true;
        }
        let Some(last) = same().map(|older| older.at).max() else { return false };
        silent_since().is_some_and(|heard| last > heard)
    }

    /// Notes that a value was taken from a plain peer, when no stamp had a time later than `latest`.
    pub(in crate::core) fn took(&mut self, latest: u64, now: u64) {
        self.taken_over = latest;
        if self.taken.len() > BUSY {
            self.taken.pop_front();
        }
        self.taken.push_back(now);
    }

    /// Whether a plain peer said what it holds after a value with this stamp was written, as far as can be known.
    pub(in crate::core) fn is_overtaken(&self, stamp: Stamp) -> bool {
        stamp.time <= self.taken_over
    }

    /// Whether plain peers change this key so often that it must be slowed down.
    pub(in crate::core) fn is_busy(&self, now: u64) -> bool {
        self.taken.len() > BUSY && self.taken.front().is_some_and(|&first| now - first < STALE)
    }

    /// Whether nothing of this is of use any more.
    pub(in crate::core) fn is_past(&self, now: u64, memory: u64) -> bool {
        self.held_until.is_none() && now.saturating_sub(self.changed_at) > memory
    }

    /// Keeps the newest value that a link said of a busy key. Returns the hash of one that is passed over, which
    /// counts as replaced: others, who did take it, may still be saying it.
    pub(in crate::core) fn hold_back(&mut self, new: HeldBack) -> Option<u64> {
        match self.held_back.iter_mut().find(|held| held.link == new.link) {
            Some(held) if held.tuple.value() == new.tuple.value() => {
                // It is said again, over what we hold now.
                held.over = new.over;
                None
            }
            Some(held) => Some(value_hash(std::mem::replace(held, new).tuple.value())),
            None => {
                self.held_back.push(new);
                None
            }
        }
    }

    /// Whether the link said the value a moment ago, before what it says now.
    pub(in crate::core) fn said_before(&self, hash: u64, link: LinkId, now: u64) -> bool {
        self.older
            .iter()
            .rev()
            .take_while(|older| now - older.at < STALE)
            .any(|older| older.hash == hash && older.source == Some(link))
    }
}
