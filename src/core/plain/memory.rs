//! Memory that a node keeps for the sake of all plain peers together.
//!
//! A plain peer sends values without an age, and may come back with what it held when it left. So the recent past of
//! each key is kept, and the times at which plain peers left: while there are plain peers, and after the last has
//! left for as long as removed keys are remembered. Times are milliseconds of the monotonic clock.

use crate::core::clock::Now;
use crate::core::id::{LinkId, Slot};
use crate::core::plain::departures::Departures;
use crate::core::plain::history::{Delayed, History, LEAST_RETENTION_MS, Replaced};
use crate::core::plain::rejected::Rejected;
use crate::core::timers::{Timer, Timers};
use crate::core::tuple::{Tuple, value_hash};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// Keys whose history is kept at most: some 50 MB if all of them change often.
const MOST_HISTORIES: usize = 131_072;
/// Parts of `server/max_bytes`, as divisors, that histories may take at most, and rejected values.
const HISTORIES_PART: usize = 8;
const REJECTED_PART: usize = 16;
/// Pause (ms) between two sweeps of a history for what is no longer of use. A minute late is early enough for what is
/// kept for ten or more.
const PRUNE_INTERVAL_MS: u64 = 60_000;

/// Memory of one node about plain peers: key histories, absences, and values that were not believed.
#[derive(Clone, Debug)]
pub(in crate::core) struct Memory {
    /// Time at which this node started: it knows nothing of what was replaced before.
    started: Now,
    /// `server/tombstone` (ms).
    tombstone: u64,
    /// `server/max_bytes`.
    max_bytes: usize,
    /// Connected links whose peer is known to be plain.
    connected: usize,
    /// Links whose peer has sent a value without a stamp, or was found to be plain.
    links: BTreeSet<LinkId>,
    /// Time (ms) at which the last connection to a plain peer was lost.
    last_departure: Option<u64>,
    departures: Departures,
    histories: HashMap<Slot, History, ahash::RandomState>,
    /// Times (ms) at which histories are pruned next, in order. Some of the histories may be gone.
    prune_due: VecDeque<(u64, Slot)>,
    /// Bytes of all histories.
    bytes: usize,
    rejected: Rejected,
    /// Number of histories with replaced values that were forgotten for others.
    forgotten: u64,
}

impl Memory {
    /// Creates an empty memory. `seed` is random; the limits are `server/tombstone` in milliseconds and
    /// `server/max_bytes`.
    pub(in crate::core) fn new(seed: u64, (tombstone, max_bytes): (u64, usize), now: Now) -> Memory {
        Memory {
            started: now,
            tombstone,
            max_bytes,
            connected: 0,
            links: BTreeSet::new(),
            last_departure: None,
            departures: Departures::default(),
            histories: HashMap::with_hasher(ahash::RandomState::with_seeds(seed, 1, 2, 3)),
            prune_due: VecDeque::new(),
            bytes: 0,
            rejected: Rejected::default(),
            forgotten: 0,
        }
    }

    /// Sets `server/tombstone`, the time (ms) for which replaced values are remembered, and `server/max_bytes`.
    pub(in crate::core) fn set_limits(&mut self, tombstone: u64, max_bytes: usize) {
        (self.tombstone, self.max_bytes) = (tombstone, max_bytes);
    }

    /// Bytes of all that is remembered of keys.
    pub(in crate::core) fn bytes(&self) -> usize {
        self.bytes + self.rejected.bytes()
    }

    /// Returns the time (ms) for which a replaced value is remembered.
    fn retention(&self) -> u64 {
        self.tombstone.max(LEAST_RETENTION_MS)
    }

    /// Returns whether there are plain peers, or one may come back, so that replaced values are to be remembered.
    pub(in crate::core) fn is_needed(&self, now: Now) -> bool {
        let may_come_back = |left: u64| now.mono < left.saturating_add(self.retention());
        self.connected > 0 || self.last_departure.is_some_and(may_come_back)
    }

    /// Returns whether what a plain peer brings may be from before this node started, where a value came that is held
    /// since `since` (ms): the node started not long ago, and no plain peer has left with that value. One that has may
    /// have written something in the meantime.
    pub(in crate::core) fn is_young(&self, since: u64, now: Now) -> bool {
        now.mono < self.started.mono + self.retention() && self.last_departure.is_none_or(|left| left < since)
    }

    /// Number of keys whose replaced values were forgotten before their time, to make room for others.
    pub(in crate::core) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Returns the time at which this node started.
    pub(in crate::core) fn started(&self) -> Now {
        self.started
    }

    /// A link's peer turned out to be plain (`is`), or a plain one (`was`) is not known to be so any more.
    pub(in crate::core) fn on_phase(&mut self, was: bool, is: bool) {
        self.connected = self.connected + usize::from(is) - usize::from(was);
    }

    /// A link's peer sent a value without a stamp, or is known to be plain.
    pub(in crate::core) fn on_plain(&mut self, link: LinkId) {
        self.links.insert(link);
    }

    /// Forgets a link that was closed for good, or whose peer turned out to be extended.
    pub(in crate::core) fn forget_link(&mut self, link: LinkId) {
        self.links.remove(&link);
    }

    /// Links whose peer has sent a value without a stamp, or was found to be plain.
    pub(in crate::core) fn links(&self) -> impl Iterator<Item = LinkId> {
        self.links.iter().copied()
    }

    /// The connection to a plain peer was lost, which is known to have adopted our values of `confirmed` and before.
    pub(in crate::core) fn on_departure(&mut self, confirmed: u64, now: Now) {
        self.departures.add(confirmed, now.mono);
        self.last_departure = Some(now.mono);
    }

    /// The history of a key, if the key has one.
    pub(in crate::core) fn history(&self, slot: Slot) -> Option<&History> {
        self.histories.get(&slot)
    }

    /// Changes the history of a key; the oldest ones make room for a new one.
    fn change<R>(
        &mut self,
        slot: Slot,
        timers: &mut Timers,
        now: Now,
        change: impl FnOnce(&mut History) -> R,
    ) -> R {
        if !self.histories.contains_key(&slot) {
            while (self.histories.len() >= MOST_HISTORIES || self.bytes > self.max_bytes / HISTORIES_PART)
                && let Some((_, oldest)) = self.prune_due.pop_front()
            {
                self.forgotten += u64::from(self.history(oldest).is_some_and(History::has_past));
                self.forget(oldest, timers);
            }
            self.prune_due.push_back((now.mono + PRUNE_INTERVAL_MS, slot));
            self.bytes += History::default().bytes();
        }
        let history = self.histories.entry(slot).or_default();
        let before = history.bytes();
        let result = change(history);
        self.bytes = self.bytes - before + history.bytes();
        result
    }

    /// Changes the history of a key that has one.
    fn change_known<R: Default>(&mut self, slot: Slot, change: impl FnOnce(&mut History) -> R) -> R {
        let Some(history) = self.histories.get_mut(&slot) else { return R::default() };
        let before = history.bytes();
        let result = change(history);
        self.bytes = self.bytes - before + history.bytes();
        result
    }

    /// A key's value changed: it replaced the value with this hash and source, if the key had one.
    pub(in crate::core) fn on_changed(
        &mut self,
        slot: Slot,
        replaced: Option<(u64, Option<LinkId>)>,
        timers: &mut Timers,
        now: Now,
    ) {
        self.change(slot, timers, now, |history| history.on_changed(replaced, now.mono));
    }

    /// A value of a key was replaced, or arrived too late to be held.
    pub(in crate::core) fn on_replaced(
        &mut self,
        slot: Slot,
        value: Replaced,
        timers: &mut Timers,
        now: Now,
    ) {
        self.change(slot, timers, now, |history| history.on_replaced(value, now.mono));
    }

    /// A value of a key was adopted from a plain peer, when no known stamp had a hybrid time later than `latest`.
    pub(in crate::core) fn on_adopted(&mut self, slot: Slot, latest: u64, timers: &mut Timers, now: Now) {
        self.change(slot, timers, now, |history| history.on_adopted(latest, now.mono));
    }

    /// A value came back that was replaced a moment ago, for that many times in a row.
    pub(in crate::core) fn on_return(&mut self, slot: Slot, returns: u32, now: Now) {
        self.change_known(slot, |history| history.on_return(returns, now.mono));
    }

    /// Delays a value, to be judged after a pause together with those of the key that are delayed already. Returns the
    /// hash of the one that it takes the place of.
    pub(in crate::core) fn delay(
        &mut self,
        slot: Slot,
        value: Delayed,
        timers: &mut Timers,
        now: Now,
    ) -> Option<u64> {
        let until = now.mono + value.pause;
        let (passed_over, is_first) = self.change(slot, timers, now, |history| {
            let passed_over = history.delay(value);
            let is_first = history.delayed_until().is_none();
            if is_first {
                history.set_delayed_until(until);
            }
            (passed_over, is_first)
        });
        if is_first {
            timers.set(Timer::Delayed(slot), None, Some(until));
        }
        passed_over
    }

    /// Takes out the delayed values of a key, whose time has come.
    pub(in crate::core) fn take_delayed(&mut self, slot: Slot) -> Vec<Delayed> {
        self.change_known(slot, History::take_delayed)
    }

    /// Keeps a value that was judged not to be news, until the peer has been checked. Returns the time at which the
    /// value was replaced, or now if that is not known.
    #[expect(clippy::too_many_arguments, reason = "a value, its place, and what a new history needs")]
    pub(in crate::core) fn reject(
        &mut self,
        slot: Slot,
        link: LinkId,
        tuple: Tuple,
        timers: &mut Timers,
        now: Now,
    ) -> u64 {
        let hash = value_hash(tuple.value());
        let replaced_at = self.change(slot, timers, now, |history| history.replaced_at(hash));
        self.rejected.keep(slot, link, tuple, self.max_bytes / REJECTED_PART);
        replaced_at.unwrap_or(now.mono)
    }

    /// Takes out the last value of a key that the peer of `link` sent and that was rejected.
    pub(in crate::core) fn take_rejected(&mut self, slot: Slot, link: LinkId) -> Option<Tuple> {
        self.rejected.take(slot, link)
    }

    /// Returns whether the value with this hash was replaced and a plain peer may have left before it learned of that:
    /// one that is known to have left, or one that is silent since `silent_since`.
    pub(in crate::core) fn was_left_with(
        &self,
        slot: Slot,
        hash: u64,
        silent_since: impl FnOnce() -> Option<u64>,
    ) -> bool {
        self.history(slot).is_some_and(|history| history.was_left_with(hash, &self.departures, silent_since))
    }

    /// Returns whether a history is longer than its bounds allow, so that [`Memory::trim`] is due.
    pub(in crate::core) fn is_long(&self, slot: Slot, now: Now) -> bool {
        self.history(slot).is_some_and(|history| history.is_long(now.mono))
    }

    /// Shortens a history that is too long. What a plain peer may have left with is kept for longer: one that is
    /// known to have left, or one that may be about to be found dead. `silences`: for each peer the last moment whose
    /// values it is known to have adopted, and the time of its last frame.
    pub(in crate::core) fn trim(&mut self, slot: Slot, silences: &[(u64, u64)], now: Now) {
        let (departures, Some(history)) = (&self.departures, self.histories.get_mut(&slot)) else { return };
        let was_left_with = |since, at| {
            let is_silent = silences.iter().any(|&(confirmed, heard)| since <= heard && confirmed < at);
            departures.left_with(since, at) || is_silent
        };
        let before = history.bytes();
        history.trim(now.mono, was_left_with);
        self.bytes = self.bytes - before + history.bytes();
    }

    /// Forgets departures that are too long ago to matter.
    pub(in crate::core) fn prune_departures(&mut self, now: Now) {
        self.departures.forget_before(now.mono.saturating_sub(self.retention()));
    }

    /// Takes out the next key whose history is due to be trimmed, and then pruned.
    pub(in crate::core) fn pop_prune(&mut self, now: Now) -> Option<Slot> {
        let &(due, slot) = self.prune_due.front()?;
        (due <= now.mono).then(|| {
            self.prune_due.pop_front();
            slot
        })
    }

    /// Forgets the part of a history that is too old, or all of it.
    pub(in crate::core) fn prune(&mut self, slot: Slot, timers: &mut Timers, now: Now) {
        let retention = self.retention();
        if !self.histories.contains_key(&slot) {
            return;
        }
        let is_past = self.change_known(slot, |history| {
            history.prune(now.mono, retention);
            history.is_past(now.mono, retention)
        });
        if is_past {
            self.forget(slot, timers);
        } else {
            self.prune_due.push_back((now.mono + PRUNE_INTERVAL_MS, slot));
        }
    }

    /// Forgets all about a key.
    pub(in crate::core) fn forget(&mut self, slot: Slot, timers: &mut Timers) {
        self.rejected.forget(slot);
        if let Some(history) = self.histories.remove(&slot) {
            self.bytes -= history.bytes();
            timers.set(Timer::Delayed(slot), history.delayed_until(), None);
        }
    }
}
