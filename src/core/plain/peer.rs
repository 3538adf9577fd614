//! What a plain peer is believed to hold.
//!
//! A CZMQ node tells every change of its own to everyone, in order, also back to where the change
//! came from. So *what it said last is what it holds*. For each key this file keeps what that was,
//! and whether the peer still has to say the value that we hold: until then it is behind, and what
//! it says meanwhile is old news.

use crate::core::id::Slot;
use crate::core::plain::history::STALE;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

/// No change for so long (ms): time to compare with what the peer said last.
pub(in crate::core) const QUIET: u64 = 400;
/// But never wait longer (ms) than this for quiet.
pub(in crate::core) const PATIENCE: u64 = 1000;
/// A peer that repeats what it takes has done so after this time (ms), or twice the longest seen.
const ECHO: u64 = 1000;
/// Assertions of one value to one peer.
const TRIES: u8 = 6;
/// A list of what a peer holds is over when it has named no further key for so long (ms).
const SETTLING: u64 = 1000;
/// The peer still has to say our current value.
const PENDING: u16 = 1;
/// A check is queued.
const QUEUED: u16 = 2;
/// Our current value was sent.
const SENT: u16 = 4;
/// What was heard was said on an earlier connection.
const EARLIER: u16 = 8;
/// The peer has said a value.
const HEARD: u16 = 16;
/// It said old news, and was told nothing yet.
const SUSPECT: u16 = 32;
/// It said something since it was sent our value.
const ANSWERED: u16 = 64;
/// It has named the key since the last HELLO.
const LISTED: u16 = 128;
/// It has said what it was told last.
const REPEATED: u16 = 256;

#[derive(Copy, Clone, Debug, Default, PartialEq)]
struct Key {
    heard: u64,
    /// The hash of what the peer was told last, and when (ms).
    told: u64,
    told_at: u32,
    waiting_since: u32,
    /// While it is PENDING: since when (ms) what the peer holds may be older than ours.
    behind_since: u32,
    tries: u8,
    flags: u16,
}

impl Key {
    fn is(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    fn set(&mut self, flag: u16, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }

    /// `behind_since`, whose upper bits follow from what time it is.
    fn is_behind_since(&self, now: u64) -> u64 {
        now.saturating_sub(u64::from((now as u32).wrapping_sub(self.behind_since)))
    }
}

/// Keys that a page has room for.
const PAGE: usize = 256;

/// What is known of each key, by its slot, in pages: a peer that said little costs little, however many
/// keys there are.
#[derive(Clone, Default)]
struct Keys(Vec<Option<Box<[Key; PAGE]>>>);

impl fmt::Debug for Keys {
    /// Of the keys of which something is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = self.0.iter().enumerate().filter_map(|(number, page)| Some((number, page.as_ref()?)));
        let keys = pages.flat_map(|(number, page)| (PAGE * number..).zip(page.iter()));
        f.debug_map().entries(keys.filter(|(_, key)| **key != Key::default())).finish()
    }
}

impl Keys {
    fn get(&self, slot: Slot) -> Option<&Key> {
        let slot = slot as usize;
        self.0.get(slot / PAGE)?.as_ref().map(|page| &page[slot % PAGE])
    }

    fn get_mut(&mut self, slot: Slot) -> Option<&mut Key> {
        let slot = slot as usize;
        self.0.get_mut(slot / PAGE)?.as_mut().map(|page| &mut page[slot % PAGE])
    }

    fn entry(&mut self, slot: Slot) -> &mut Key {
        let slot = slot as usize;
        if self.0.len() <= slot / PAGE {
            self.0.resize_with(slot / PAGE + 1, || None);
        }
        &mut self.0[slot / PAGE].get_or_insert_with(|| Box::new([Key::default(); PAGE]))[slot % PAGE]
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Key> {
        self.0.iter_mut().flatten().flat_map(|page| page.iter_mut())
    }
}

/// What to do about a key at its check.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::core) enum Check {
    /// The peer holds what we hold, as far as can be known.
    Settled,
    /// The peer has been told our value and insists on another: that is what it holds.
    Yield,
    /// The key is still changing.
    Later,
    /// Send the peer our value, and look again.
    Assert,
}

#[derive(Clone, Debug, Default)]
pub(in crate::core) struct PlainPeer {
    /// The peer has said a tuple without a stamp.
    pub(in crate::core) speaks: bool,
    /// The peer was seen to repeat what we sent it; a peer that never does is never behind.
    pub(in crate::core) echoes: bool,
    /// Until when what it says may be a list of what it holds.
    settling_until: u64,
    /// When the conversation began.
    pub(in crate::core) began: u64,
    /// The longest that the peer took to repeat something, in milliseconds.
    slowest_echo: u64,
    keys: Keys,
    /// Keys to look at. These are nearly in order of time …
    checks: VecDeque<(u64, Slot)>,
    /// … and these wait for longer.
    later_checks: BTreeSet<(u64, Slot)>,
    jitter: u64,
    /// How many keys are PENDING since when (ms).
    behind: BTreeMap<u64, u32>,
}

impl PlainPeer {
    fn key(&mut self, slot: Slot) -> &mut Key {
        self.keys.entry(slot)
    }

    /// A new connection of the same peer, which may have lost everything in between.
    pub(in crate::core) fn reconnect(&mut self) {
        (self.speaks, self.echoes) = (false, false);
        self.checks.clear();
        self.later_checks.clear();
        self.behind.clear();
        for key in self.keys.iter_mut() {
            key.flags = (key.flags & HEARD) | EARLIER;
            key.told = 0;
        }
    }

    /// A HELLO was said: a list of what the peer holds follows, which names each key once.
    pub(in crate::core) fn begin_list(&mut self, now: u64) {
        (self.began, self.settling_until) = (now, now + SETTLING);
        for key in self.keys.iter_mut() {
            key.set(LISTED, false);
        }
    }

    /// The peer names a key: whether that may be part of its list. `is_open`: the list is known not to be over
    /// yet; else it is when no further key was named for a while, for it may be long, and the line slow.
    pub(in crate::core) fn lists(&mut self, slot: Slot, is_open: bool, now: u64) -> bool {
        let settles = is_open || now < self.settling_until;
        let key = self.key(slot);
        let first = !key.is(LISTED);
        key.set(LISTED, true);
        if settles && first {
            self.settling_until = self.settling_until.max(now + SETTLING);
        }
        settles && first
    }

    /// The hash of what the peer said last on this connection.
    pub(in crate::core) fn said_last(&self, slot: Slot) -> Option<u64> {
        self.keys.get(slot).filter(|key| key.is(HEARD) && !key.is(EARLIER)).map(|key| key.heard)
    }

    /// The key becomes PENDING: what the peer holds may be older than ours since then. If it is so already, the
    /// earlier time counts.
    fn falls_behind(&mut self, slot: Slot, since: u64, now: u64) {
        let key = self.key(slot);
        let earlier = key.is(PENDING).then(|| key.is_behind_since(now));
        if earlier.is_some_and(|earlier| earlier <= since) {
            return;
        }
        key.set(PENDING, true);
        key.behind_since = since as u32;
        *self.behind.entry(since).or_default() += 1;
        if let Some(earlier) = earlier {
            self.is_one_less_behind(earlier);
        }
    }

    /// The key is PENDING no more.
    fn settle(&mut self, slot: Slot, now: u64) {
        let Some(key) = self.keys.get_mut(slot).filter(|key| key.is(PENDING)) else { return };
        key.set(PENDING, false);
        let since = key.is_behind_since(now);
        self.is_one_less_behind(since);
    }

    fn is_one_less_behind(&mut self, since: u64) {
        if let Some(count) = self.behind.get_mut(&since) {
            *count -= 1;
            if *count == 0 {
                self.behind.remove(&since);
            }
        }
    }

    /// The last moment (ms) whose values the peer is known to have come to, if it was heard at this one.
    pub(in crate::core) fn knew(&self, heard_at: u64) -> u64 {
        self.behind.first_key_value().map_or(heard_at, |(&since, _)| heard_at.min(since.saturating_sub(1)))
    }

    /// The slot was freed.
    pub(in crate::core) fn forget(&mut self, slot: Slot, now: u64) {
        self.settle(slot, now);
        if let Some(key) = self.keys.get_mut(slot) {
            *key = Key { flags: key.flags & QUEUED, ..Key::default() };
        }
    }

    /// The peer is told a value.
    pub(in crate::core) fn tell(&mut self, slot: Slot, hash: u64, now: u64) {
        let key = self.key(slot);
        (key.told, key.told_at) = (hash, now as u32);
        key.set(REPEATED, false);
    }

    /// When (the lower bits of ms) the peer was told something last that it has not said since.
    pub(in crate::core) fn told_at(&self, slot: Slot) -> Option<u32> {
        self.keys.get(slot).filter(|key| key.told != 0 && !key.is(REPEATED)).map(|key| key.told_at)
    }

    /// Whether what the peer was told last is this value.
    pub(in crate::core) fn was_told(&self, slot: Slot, hash: u64) -> bool {
        self.keys.get(slot).is_some_and(|key| key.told == hash)
    }

    /// Whether the peer was told this value a moment ago, and so repeats it.
    pub(in crate::core) fn repeats(&self, slot: Slot, hash: u64, now: u64) -> bool {
        let ago = |key: &Key| u64::from((now as u32).wrapping_sub(key.told_at));
        self.keys.get(slot).is_some_and(|key| key.told == hash && ago(key) < STALE)
    }

    /// Whether the peer cannot have come to our value since it said another one: it was not told, or so lately that it
    /// would yet have to repeat it.
    pub(in crate::core) fn cannot_have_come_to_ours(&self, slot: Slot, now: u64) -> bool {
        let ago = |key: &Key| u64::from((now as u32).wrapping_sub(key.told_at));
        self.keys.get(slot).is_none_or(|key| key.told == 0 || ago(key) < ECHO)
    }

    /// Notes what the peer says; returns the hash of what it said before. `is_unaware`: it cannot have taken yet what
    /// it was told last.
    pub(in crate::core) fn hear(&mut self, slot: Slot, hash: u64, is_unaware: bool) -> Option<u64> {
        self.speaks = true;
        let key = self.key(slot);
        let before = key.is(HEARD).then_some(key.heard);
        key.heard = hash;
        key.set(EARLIER, false);
        key.set(HEARD, true);
        key.set(REPEATED, key.is(REPEATED) || hash == key.told);
        key.set(ANSWERED, !is_unaware || key.is(ANSWERED));
        before
    }

    /// Whether the last that the peer said on this connection is this value.
    pub(in crate::core) fn holds(&self, slot: Slot, hash: u64) -> bool {
        self.keys.get(slot).is_some_and(|key| key.is(HEARD) && !key.is(EARLIER) && key.heard == hash)
    }

    /// Whether the peer has said this value last, or was told it last.
    pub(in crate::core) fn may_hold(&self, slot: Slot, hash: u64) -> bool {
        self.holds(slot, hash) || self.keys.get(slot).is_some_and(|key| key.told == hash)
    }

    /// Whether the peer has said anything of the key on this connection.
    pub(in crate::core) fn has_said(&self, slot: Slot) -> bool {
        self.keys.get(slot).is_some_and(|key| key.is(HEARD) && !key.is(EARLIER))
    }

    /// Whether the peer has yet to say our current value.
    pub(in crate::core) fn is_pending(&self, slot: Slot) -> bool {
        self.keys.get(slot).is_some_and(|key| key.is(PENDING))
    }

    /// Whether what the peer says may have been said before it came to our current value, which it was sent or is to
    /// hear from others since it `changed_at` that time (ms). Not for long: one that held our value already never says
    /// it, and what it says later is news.
    pub(in crate::core) fn is_behind(&self, slot: Slot, changed_at: u64, now: u64) -> bool {
        self.keys.get(slot).is_some_and(|key| {
            let waited = (now as u32).wrapping_sub(key.waiting_since);
            let comes = key.is(SENT) || now.saturating_sub(changed_at) < STALE;
            key.is(PENDING) && comes && !key.is(SUSPECT) && u64::from(waited) < STALE
        })
    }

    /// We have come to the peer's value.
    pub(in crate::core) fn followed(&mut self, slot: Slot, now: u64) {
        self.settle(slot, now);
    }

    /// The peer has come to our value.
    pub(in crate::core) fn caught_up(&mut self, slot: Slot, now: u64) {
        let key = self.key(slot);
        if key.is(SENT) && key.is(PENDING) {
            let took = u64::from((now as u32).wrapping_sub(key.waiting_since));
            self.echoes = true;
            self.slowest_echo = self.slowest_echo.max(took.min(STALE));
        }
        self.settle(slot, now);
    }

    /// Our value changed: the peer has to come to it, and is looked at later.
    pub(in crate::core) fn expect(&mut self, slot: Slot, sent: bool, now: u64) {
        let key = self.key(slot);
        key.tries = 0;
        key.set(SENT, sent);
        key.set(SUSPECT, false);
        key.set(ANSWERED, false);
        key.waiting_since = now as u32;
        self.falls_behind(slot, now, now);
        self.look_later(slot, now, 0);
    }

    /// The peer said old news, which was replaced at that time (ms): it is looked at later.
    pub(in crate::core) fn suspect(&mut self, slot: Slot, replaced_at: u64, now: u64) {
        let key = self.key(slot);
        if !key.is(PENDING) {
            key.waiting_since = now as u32;
            key.tries = 0;
            key.set(SENT, false);
            key.set(SUSPECT, true);
        }
        self.falls_behind(slot, replaced_at, now);
        self.look_later(slot, now, 0);
    }

    /// The key is looked at later.
    pub(in crate::core) fn postpone(&mut self, slot: Slot, now: u64) {
        self.look_later(slot, now, 0);
    }

    fn look_later(&mut self, slot: Slot, now: u64, tries: u8) {
        let backoff = if tries < 2 { 0 } else { QUIET << (tries - 1) };
        let due = now + QUIET + self.jitter + backoff;
        let key = self.key(slot);
        if !key.is(QUEUED) {
            key.set(QUEUED, true);
            if backoff == 0 {
                self.checks.push_back((due, slot));
            } else {
                self.later_checks.insert((due, slot));
            }
        }
    }

    /// When the next check is due.
    pub(in crate::core) fn next_check(&self) -> Option<u64> {
        let next = self.checks.front().into_iter().chain(self.later_checks.first());
        next.map(|&(due, _)| due).min()
    }

    /// Takes the next check that is due; `jitter` (0 to [`QUIET`]) spreads those that are queued from now on.
    pub(in crate::core) fn pop_check(&mut self, now: u64, jitter: u64) -> Option<Slot> {
        let is_due = |check: Option<&(u64, Slot)>| check.is_some_and(|&(due, _)| due <= now);
        let (_, slot) = if is_due(self.checks.front()) {
            self.checks.pop_front()?
        } else if is_due(self.later_checks.first()) {
            self.later_checks.pop_first()?
        } else {
            return None;
        };
        self.jitter = jitter;
        self.key(slot).set(QUEUED, false);
        Some(slot)
    }

    /// Decides about a checked key, given the hash of our value and when it last changed. `is_unaware`: the peer cannot
    /// have taken yet what it was told last.
    #[expect(clippy::too_many_arguments, reason = "what the node holds, for a type that does not know it")]
    pub(in crate::core) fn check(
        &mut self,
        slot: Slot,
        ours: u64,
        is_unaware: bool,
        changed_at: u64,
        now: u64,
    ) -> Check {
        if self.holds(slot, ours) {
            self.caught_up(slot, now);
        }
        let (echoes, patience) = (self.echoes, ECHO.max(2 * self.slowest_echo));
        let key = self.key(slot);
        if !key.is(PENDING) {
            return Check::Settled;
        }
        let waited = u64::from((now as u32).wrapping_sub(key.waiting_since));
        // It was sent our value and says nothing: it held that already, unless it is slow.
        let differs = key.is(HEARD) && !key.is(EARLIER) && key.heard != ours;
        let silent = key.is(SENT) && !key.is(ANSWERED) && echoes;
        if silent && waited >= STALE && !differs {
            self.settle(slot, now);
            return Check::Settled;
        }
        if is_unaware
            || silent && waited < STALE
            || (now.saturating_sub(changed_at) < QUIET && waited < PATIENCE)
        {
            self.look_later(slot, now, 0);
            return Check::Later;
        }
        // It was sent our value and said another one. If it had said that before it came to ours, it would have
        // said ours since: it repeats what it takes.
        let insists = key.is(SENT) && key.is(ANSWERED) && key.is(HEARD) && !key.is(EARLIER);
        if insists && waited < patience {
            self.look_later(slot, now, 0);
            return Check::Later;
        }
        if insists {
            self.settle(slot, now);
            return Check::Yield;
        }
        if key.tries >= TRIES || (key.is(SENT) && !echoes && !differs) {
            self.settle(slot, now);
            return if differs { Check::Yield } else { Check::Settled };
        }
        key.waiting_since = now as u32;
        key.tries += 1;
        let tries = key.tries;
        key.set(SENT, true);
        key.set(SUSPECT, false);
        key.set(ANSWERED, false);
        self.look_later(slot, now, tries);
        Check::Assert
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_said_little_costs_little() {
        let mut peer = PlainPeer::default();
        for slot in [1_999_999, 0] {
            assert_eq!((peer.has_said(slot), peer.hear(slot, 7, false)), (false, None));
            assert!(peer.holds(slot, 7) && !peer.has_said(slot + 1));
        }
        let pages = peer.keys.0.iter().flatten().count() * PAGE * size_of::<Key>();
        let table = peer.keys.0.capacity() * size_of::<usize>();
        assert!(pages + table < 100_000, "{pages} + {table}");
        peer.reconnect();
        assert!(!peer.holds(0, 7) && !peer.holds(1_999_999, 7));
        peer.forget(1_999_999, 0);
        peer.forget(5_000_000, 0);
        assert_eq!((peer.hear(0, 8, false), peer.hear(1_999_999, 8, false)), (Some(7), None));
    }
}
