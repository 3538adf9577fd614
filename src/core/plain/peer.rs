//! Values that a plain peer is believed to hold.
//!
//! A CZMQ node sends every change of its own to everyone, in order, also back to where the change came from. So *the
//! last value that it sent is the one that it holds*. For each key a [`PlainPeer`] keeps what that was, and whether the
//! peer still has to send the value that is held here: until then its copy is outdated, and what it sends meanwhile
//! may be older than ours. Times are milliseconds of the monotonic clock.

use super::backlog::Backlog;
use super::checks::Checks;
use super::in_flight::{InFlight, Silence};
use super::keys::{
    ANSWERED, AWAITED, ECHOED, FORMER, Key, Keys, NAMED, QUEUED, RECEIVED, REJECTED, SCHEDULED, SENT, ago,
};
use super::list::List;
use crate::core::id::Slot;
use crate::core::plain::history::STALE_MS;
use std::collections::BTreeMap;

mod check;

pub(in crate::core) use super::checks::QUIET_MS;
pub(in crate::core) use super::list::Naming;
pub(in crate::core) use check::{Check, Ours, Progress};

/// Time (ms) after which a peer that repeats what it adopts has done so: half of [`STALE_MS`], or twice the longest
/// time that the peer has needed, if that is longer.
const ECHO_MS: u64 = 1000;

/// Counts of the keys that are awaited from a peer, by the time (ms) since when its copies may be older than ours.
#[derive(Clone, Debug, Default)]
struct Lag(BTreeMap<u64, u32>);

impl Lag {
    fn add(&mut self, since: u64) {
        *self.0.entry(since).or_default() += 1;
    }

    fn remove(&mut self, since: u64) {
        if let Some(count) = self.0.get_mut(&since) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&since);
            }
        }
    }

    fn earliest(&self) -> Option<u64> {
        self.0.first_key_value().map(|(&since, _)| since)
    }
}

/// Words of one plain peer, key by key: the last that it sent and was sent, and when it is checked.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct PlainPeer {
    /// The peer has sent a value without a stamp.
    has_spoken: bool,
    /// Whether the peer was seen to repeat what it was sent; from one that never does no echo is awaited.
    echoes: bool,
    list: List,
    /// Time (ms) at which the session began.
    began: u64,
    /// The longest time (ms) that the peer took to repeat something, [`STALE_MS`] at most.
    slowest_echo: u64,
    keys: Keys,
    backlog: Backlog,
    in_flight: InFlight,
    lag: Lag,
    /// Time (ms) at which the peer was last sent a tuple beside the changes of the moment: it is told what is held here.
    told_at: u64,
    /// The first and the last time since when copies may be outdated of keys that are awaited no more, although the
    /// peer has not repeated our value.
    unproven: Option<(u64, u64)>,
    checks: Checks,
}

impl PlainPeer {
    /// Bytes of what is known of the peer's keys.
    pub(in crate::core) fn bytes(&self) -> usize {
        self.keys.bytes() + self.checks.bytes() + self.in_flight.bytes()
    }

    /// Returns whether the peer has sent a value without a stamp on this connection.
    pub(in crate::core) fn has_spoken(&self) -> bool {
        self.has_spoken
    }

    /// Returns whether the peer was seen to repeat what it was sent on this connection.
    pub(in crate::core) fn echoes(&self) -> bool {
        self.echoes
    }

    /// Returns the time (ms) at which the session began.
    pub(in crate::core) fn began(&self) -> u64 {
        self.began
    }

    /// The peer has a new connection, and may have lost everything since the last one.
    pub(in crate::core) fn on_reconnect(&mut self) {
        self.keys.iter_mut().for_each(Key::on_reconnect);
        self.in_flight = InFlight::default();
        self.on_session_lost();
    }

    /// The peer said HELLO again: it has dropped its session, and perhaps what it held. What it was sent before is still
    /// under way to it if the connection is the same, and it will repeat that, behind its list.
    pub(in crate::core) fn on_another_hello(&mut self) {
        self.keys.iter_mut().for_each(Key::on_another_hello);
        self.on_session_lost();
    }

    fn on_session_lost(&mut self) {
        (self.has_spoken, self.echoes) = (false, false);
        self.checks.clear();
        self.backlog = Backlog::default();
        (self.lag, self.unproven) = (Lag::default(), None);
    }

    /// HELLO was exchanged: a list of what the peer holds follows, which names each key once. `is_client`: the peer is a
    /// client, and the end of its list is not known.
    pub(in crate::core) fn on_hello(&mut self, is_client: bool, now: u64) {
        self.began = now;
        self.list.on_hello(is_client, now);
        self.keys.iter_mut().for_each(|key| key.set(NAMED, false));
    }

    /// The peer, a client that has said HELLO, says PING: it is past its list.
    pub(in crate::core) fn on_ping(&mut self) {
        self.list.end();
    }

    /// The peer names a key. `is_list_open`: its list is known to go on.
    pub(in crate::core) fn on_key_named(&mut self, slot: Slot, is_list_open: bool, now: u64) -> Naming {
        let key = self.keys.entry(slot);
        let is_first = !key.is(NAMED);
        key.set(NAMED, true);
        self.list.on_key(is_first, is_list_open, now)
    }

    /// The peer sent a value that may be one that it was sent. Returns whether it repeats what it was sent, however long ago,
    /// so that it sent the value before it adopted anything later. `silence`: when nothing was heard of the peer.
    pub(in crate::core) fn take_in_flight(
        &mut self,
        slot: Slot,
        hash: u64,
        silence: Silence,
        now: u64,
    ) -> bool {
        let is_under_way = |at: u64| silence.may_be_under_way(at, self.echoes, now);
        if let Some(at) = self.in_flight.take(slot, hash, is_under_way) {
            self.slowest_echo = self.slowest_echo.max((now - at).min(STALE_MS));
            return true;
        }
        let Some(key) = self.keys.get_mut(slot).filter(|key| key.sent == hash && !key.is(ECHOED)) else {
            return false;
        };
        key.set(ECHOED, true);
        let at = now.saturating_sub(ago(key.sent_at, now));
        let is_repetition =
            self.in_flight.has_yet_to_come_to(at) && silence.may_be_under_way(at, self.echoes, now);
        self.in_flight.pass(at);
        is_repetition
    }

    /// Returns whether a value is one that the peer was sent and has yet to repeat.
    pub(in crate::core) fn is_in_flight(&self, slot: Slot, hash: u64, silence: Silence, now: u64) -> bool {
        let is_under_way = |at: u64| silence.may_be_under_way(at, self.echoes, now);
        let is_last = |key: &Key| {
            let at = now.saturating_sub(ago(key.sent_at, now));
            key.sent == hash && !key.is(ECHOED) && self.in_flight.has_yet_to_come_to(at) && is_under_way(at)
        };
        self.in_flight.has(slot, hash, is_under_way) || self.keys.get(slot).is_some_and(is_last)
    }

    /// The peer sent a value. Returns the hash of the one that it had sent before, on any connection.
    /// `is_early`: the peer cannot have adopted yet what was last sent to it.
    pub(in crate::core) fn on_received(
        &mut self,
        slot: Slot,
        hash: u64,
        is_early: bool,
        now: u64,
    ) -> Option<u64> {
        self.has_spoken = true;
        self.backlog.on_word(now);
        let key = self.keys.entry(slot);
        let previous = key.is(RECEIVED).then_some(key.received);
        key.set(QUEUED, key.is(QUEUED) && previous == Some(hash));
        key.received = hash;
        key.set(FORMER, false);
        key.set(RECEIVED, true);
        key.set(ANSWERED, !is_early || key.is(ANSWERED));
        previous
    }

    /// The peer is sent a tuple of those that it has to be told because it is new, or back.
    pub(in crate::core) fn on_told(&mut self, now: u64) {
        self.told_at = now;
    }

    /// Returns whether the peer, which was last heard at `heard_at`, has adopted the last tuple of those that it was told
    /// because it is new: it was heard since its echo was due.
    pub(in crate::core) fn was_told_all(&self, heard_at: u64) -> bool {
        heard_at >= self.told_at.saturating_add(STALE_MS)
    }

    /// The value of the key that the peer sent had been queued for an earlier connection: it came before HELLO.
    pub(in crate::core) fn on_queued(&mut self, slot: Slot) {
        self.keys.entry(slot).set(QUEUED, true);
    }

    /// Returns whether the last value of the key that the peer sent was queued for an earlier connection.
    pub(in crate::core) fn was_queued(&self, slot: Slot) -> bool {
        self.keys.get(slot).is_some_and(|key| key.is(QUEUED))
    }

    /// A value of the key was sent to the peer.
    pub(in crate::core) fn on_sent(&mut self, slot: Slot, hash: u64, now: u64) {
        let key = self.keys.entry(slot);
        if key.sent != 0 && !key.is(ECHOED) {
            self.in_flight.add(slot, key.sent, now.saturating_sub(ago(key.sent_at, now)), now);
        }
        (key.sent, key.sent_at) = (hash, now as u32);
        key.set(ECHOED, false);
        if key.is(AWAITED) {
            // A value may wait for room in the socket for long.
            key.waiting_since = now as u32;
        }
        self.backlog.on_sent(now);
    }

    /// Notes that our value of the key changed. The peer is to repeat it, and the key is checked later. `is_sent`: the
    /// value is sent to the peer now, and not only after the check.
    pub(in crate::core) fn on_changed(&mut self, slot: Slot, is_sent: bool, now: u64) {
        let key = self.keys.entry(slot);
        key.tries = 0;
        key.set(SENT, is_sent);
        key.set(REJECTED, false);
        key.set(ANSWERED, false);
        key.waiting_since = now as u32;
        self.await_ours(slot, now, now);
        self.schedule_check(slot, 0, now);
    }

    /// Notes that the peer's value of the key was adopted here.
    pub(in crate::core) fn on_adopted(&mut self, slot: Slot, now: u64) {
        self.await_no_more(slot, now);
    }

    /// The peer repeated our value of the key.
    pub(in crate::core) fn on_echo(&mut self, slot: Slot, now: u64) {
        let key = self.keys.entry(slot);
        if key.is(SENT) && key.is(AWAITED) {
            let took = ago(key.waiting_since, now);
            self.echoes = true;
            self.slowest_echo = self.slowest_echo.max(took.min(STALE_MS));
        }
        self.await_no_more(slot, now);
    }

    /// Notes that the peer repeated a value that it was sent and that has been replaced here since.
    pub(in crate::core) fn on_late_echo(&mut self) {
        self.echoes = true;
    }

    /// Notes that the peer sent a value before it had adopted what it had been sent.
    pub(in crate::core) fn on_behind(&mut self, now: u64) {
        self.backlog.on_old_word(now);
    }

    /// Notes that the peer sent a value that is no news, because it was replaced at `replaced_at`. The key is checked
    /// later.
    pub(in crate::core) fn on_rejected(&mut self, slot: Slot, replaced_at: u64, now: u64) {
        let key = self.keys.entry(slot);
        if !key.is(AWAITED) {
            key.waiting_since = now as u32;
            key.tries = 0;
            key.set(SENT, false);
            key.set(REJECTED, true);
        }
        self.await_ours(slot, replaced_at, now);
        self.schedule_check(slot, 0, now);
    }

    /// Forgets all about a slot, which another key uses from now on.
    pub(in crate::core) fn forget(&mut self, slot: Slot, now: u64) {
        self.await_no_more(slot, now);
        self.in_flight.forget(slot);
        if let Some(key) = self.keys.get_mut(slot) {
            key.reset(SCHEDULED);
        }
    }

    /// The key becomes awaited: what the peer holds may be older than ours since then, or since earlier if it was
    /// awaited already.
    fn await_ours(&mut self, slot: Slot, since: u64, now: u64) {
        let key = self.keys.entry(slot);
        let earlier = key.is(AWAITED).then(|| key.outdated_since(now));
        if earlier.is_some_and(|earlier| earlier <= since) {
            return;
        }
        key.set(AWAITED, true);
        key.outdated_since = since as u32;
        self.lag.add(since);
        if let Some(earlier) = earlier {
            self.lag.remove(earlier);
        }
    }

    fn await_no_more(&mut self, slot: Slot, now: u64) {
        let Some(key) = self.keys.get_mut(slot).filter(|key| key.is(AWAITED)) else { return };
        key.set(AWAITED, false);
        let since = key.outdated_since(now);
        self.lag.remove(since);
    }

    /// Hash of the last value of the key that the peer sent on this connection.
    pub(in crate::core) fn last_received(&self, slot: Slot) -> Option<u64> {
        self.keys.get(slot).and_then(Key::last_received)
    }

    /// Returns whether this value is the last that the peer sent on this connection.
    pub(in crate::core) fn holds(&self, slot: Slot, hash: u64) -> bool {
        self.last_received(slot) == Some(hash)
    }

    /// Returns whether this value is the last that was sent to the peer.
    pub(in crate::core) fn was_sent(&self, slot: Slot, hash: u64) -> bool {
        self.keys.get(slot).is_some_and(|key| key.sent == hash)
    }

    /// Returns whether this value is the last that was sent to the peer, and was sent at `time` (ms) at the latest.
    pub(in crate::core) fn was_sent_until(&self, time: u64, slot: Slot, hash: u64, now: u64) -> bool {
        let is_in_time = |key: &Key| ago(key.sent_at, now) >= now.saturating_sub(time);
        self.keys.get(slot).is_some_and(|key| key.sent == hash && is_in_time(key))
    }

    /// Returns whether this value was sent to the peer within the last [`STALE_MS`], as the last of its key: the peer
    /// is about to repeat it.
    pub(in crate::core) fn was_just_sent(&self, slot: Slot, hash: u64, now: u64) -> bool {
        self.keys.get(slot).is_some_and(|key| key.sent == hash && ago(key.sent_at, now) < STALE_MS)
    }

    /// Returns the time (lower 32 bits of ms) at which the peer was last sent a value of the key, if it has not
    /// repeated that.
    pub(in crate::core) fn unechoed_since(&self, slot: Slot) -> Option<u32> {
        self.keys.get(slot).filter(|key| key.sent != 0 && !key.is(ECHOED)).map(|key| key.sent_at)
    }

    /// Returns whether the peer cannot have adopted our value since it sent another one: it was sent nothing of the
    /// key, or so lately that its echo would yet have to come.
    pub(in crate::core) fn cannot_know_ours(&self, slot: Slot, now: u64) -> bool {
        self.keys.get(slot).is_none_or(|key| key.sent == 0 || ago(key.sent_at, now) < ECHO_MS)
    }

    /// Returns whether our value is awaited from the peer.
    pub(in crate::core) fn is_awaited(&self, slot: Slot) -> bool {
        self.keys.get(slot).is_some_and(|key| key.is(AWAITED))
    }

    /// Returns whether our value is awaited and the peer may still be about to repeat it: the peer was sent the value,
    /// or others may be passing it on to the peer, as the value changed (at `changed_at`) less than [`STALE_MS`] ago.
    /// Later no echo is expected: a peer that held our value already never repeats it, and what it sends then is news.
    /// But a peer that has a backlog repeats what it was sent when it comes to it, however late.
    pub(in crate::core) fn is_echo_outstanding(&self, slot: Slot, changed_at: u64, now: u64) -> bool {
        let is_in_backlog = self.backlog.is_present(now) && self.unechoed_since(slot).is_some();
        is_in_backlog
            || self.keys.get(slot).is_some_and(|key| {
                let is_under_way = key.is(SENT) || now.saturating_sub(changed_at) < STALE_MS;
                let is_early = ago(key.waiting_since, now) < STALE_MS;
                key.is(AWAITED) && is_under_way && !key.is(REJECTED) && is_early
            })
    }

    /// Returns the last moment whose values the peer is known to have adopted, by the time of its last frame.
    ///
    /// A peer that has not repeated our value may hold it already, or never repeat anything. But if it was last heard
    /// within [`STALE_MS`] after our value was sent, what it said may have been on its way before.
    pub(in crate::core) fn confirmed_until(&self, heard_at: u64) -> u64 {
        let earliest = self.lag.earliest().map_or(heard_at, |since| heard_at.min(since.saturating_sub(1)));
        match self.unproven {
            Some((first, last)) if heard_at < last.saturating_add(STALE_MS) => {
                earliest.min(heard_at.saturating_sub(STALE_MS).max(first.saturating_sub(1)))
            }
            _ => earliest,
        }
    }
}

#[cfg(test)]
mod tests;
