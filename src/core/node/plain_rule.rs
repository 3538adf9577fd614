//! What to make of a value that comes without a stamp.
//!
//! A plain peer repeats what it is told, re-orders between its links and knows no age, so a value
//! that differs from ours is one of three things:
//!
//! 1. The peer has yet to come to our value: it is *behind*, and this is old.
//! 2. The value was taken and replaced here a moment ago and is known from elsewhere: a *late copy*.
//! 3. *News*: it takes the successor of the stamp that it replaces.
//!
//! In the first two cases the peer is checked when the key has been quiet for a while, and told our
//! value if that is not what it said last. A key that plain peers change many times a second is
//! taken from them only a few times a second.

use super::super::clock::{Now, Stamp};
use super::super::feed::Slot;
use super::super::link::LinkId;
use super::super::plain::{BUSY_INTERVAL, Check, HeldBack, QUIET};
use super::super::store::State;
use super::super::timers::Timer;
use super::super::tuple::{Tuple, value_hash};
use super::Node;

impl Node {
    /// A tuple without a stamp has come.
    pub(super) fn hear_plain(&mut self, id: LinkId, key: &[u8], value: &[u8], now: Now) {
        match self.store.find(key) {
            Some(slot) if self.hear_echo(id, slot, value) => {}
            Some(slot) => self.consider(id, slot, &Tuple::new(key, value), true, now),
            None if self.refuse_room(value, true, now) => {}
            None => {
                let hash = value_hash(value);
                let slot = self.take(id, Tuple::new(key, value), Stamp::default().successor(hash), now);
                if let Some(link) = self.links.get_mut(&id) {
                    link.plain.hear(slot, hash);
                }
            }
        }
    }

    /// The peer says the value that we hold, as plain peers mostly do: they repeat what they are told.
    fn hear_echo(&mut self, id: LinkId, slot: Slot, value: &[u8]) -> bool {
        let held = self.store.held(slot);
        let is_echo = held.is_live() && held.tuple.value() == value;
        if let Some(link) = self.links.get_mut(&id).filter(|_| is_echo) {
            link.plain.hear(slot, value_hash(value));
            link.plain.caught_up(slot);
            self.counters.duplicates += 1;
        }
        is_echo
    }

    /// Decides about an unstamped value of a known key. `hold_back`: it may be put off if the key is busy.
    fn consider(&mut self, id: LinkId, slot: Slot, tuple: &Tuple, hold_back: bool, now: Now) {
        let hash = value_hash(tuple.value());
        let held = self.store.held(slot);
        let Some(link) = self.links.get_mut(&id) else { return };
        let settling = now.mono < link.plain.settling_until;
        let before = if hold_back { link.plain.hear(slot, hash) } else { None };
        let again = before == Some(hash) && (settling || link.plain.echoes);
        let stamp = held.stamp;
        let successor = stamp.successor(hash);
        if held.state != State::Live {
            let same = held.value_hash() == hash;
            let returned = settling && self.history.get(&slot).is_some_and(|history| history.is_old(hash));
            let old = match held.state {
                State::Forgotten => same && (again || settling),
                _ => same || returned,
            };
            if !old && !self.is_late_copy(slot, hash, id, now) && !self.over_size(tuple) {
                self.take(id, tuple.clone(), successor, now);
            }
            return;
        }
        if held.tuple.value() == tuple.value() {
            link.plain.caught_up(slot);
            self.counters.duplicates += 1;
            return;
        }
        let unsent = self.store.feed.position(slot) >= link.cursor
            && held.source() != Some(id)
            && before != Some(held.value_hash());
        let behind = link.plain.echoes && (link.plain.is_behind(slot, now.mono) || unsent);
        let history = self.history.get(&slot);
        let returned = again || (settling && history.is_some_and(|history| history.is_old(hash)));
        let late = history.is_some_and(|history| history.is_late_copy(hash, id, now.mono));
        let busy = history.is_some_and(|history| history.is_busy(now.mono));
        if behind || returned || late {
            link.plain.suspect(slot, now.mono);
            return self.schedule_link(id, now);
        }
        if self.over_size(tuple) {
            return;
        }
        let mut wait = if busy { BUSY_INTERVAL } else { 0 };
        if let Some(history) = self.history.get_mut(&slot).filter(|_| hold_back) {
            let most = history.hold_up(hash, now.mono);
            if most > 0 && self.random.u8(0..4) == 0 {
                wait = wait.max(self.random.u64(most / 2..=most));
            }
        }
        if hold_back && wait > 0 {
            let history = self.history.entry(slot).or_default();
            history.hold_back(HeldBack { link: id, tuple: tuple.clone(), over: stamp }, now.mono);
            let from = history.held_until;
            let until = from.unwrap_or(now.mono + wait);
            history.held_until = Some(until);
            self.timers.set(Timer::Held(slot), from, Some(until));
            return;
        }
        self.take(id, tuple.clone(), successor, now);
    }

    fn is_late_copy(&self, slot: Slot, hash: u64, id: LinkId, now: Now) -> bool {
        self.history.get(&slot).is_some_and(|history| history.is_late_copy(hash, id, now.mono))
    }

    fn over_size(&mut self, tuple: &Tuple) -> bool {
        let over = tuple.value().len() > self.settings.max_value;
        if over {
            self.refuse(super::Refusal::ValueTooLong);
        }
        over
    }

    /// Takes a plain peer's value.
    fn take(&mut self, id: LinkId, tuple: Tuple, stamp: Stamp, now: Now) -> Slot {
        let slot = self.hold(tuple, stamp, Some(id), State::Live, 0, now);
        if let Some(link) = self.links.get_mut(&id) {
            link.plain.followed(slot);
        }
        self.history.entry(slot).or_default().took(now.mono);
        slot
    }

    /// A busy key's time has come: the first of the values held back that is still news is taken.
    ///
    /// What we hold may have changed since one was said. Then that one is news only if its link said
    /// what we hold now before it; if not, nobody can tell which is newer, and ours stays.
    pub(super) fn release(&mut self, slot: Slot, now: Now) {
        let Some(history) = self.history.get_mut(&slot) else { return };
        history.held_until = None;
        for HeldBack { link: id, tuple, over } in std::mem::take(&mut history.held_back) {
            let Some(held) = self.store.get(slot) else { return };
            let (hash, ours, stamp) = (value_hash(tuple.value()), held.value_hash(), held.stamp);
            // Only what the peer said last is what it holds.
            let Some(link) = self.links.get_mut(&id).filter(|link| link.plain.holds(slot, hash)) else {
                continue;
            };
            let history = self.history.entry(slot).or_default();
            if stamp == over || history.said_before(ours, id, now.mono) {
                self.consider(id, slot, &tuple, false, now);
            } else if hash != ours {
                history.replaced(hash, Some(id), now.mono, now.mono);
                link.plain.suspect(slot, now.mono);
                self.schedule_link(id, now);
            }
        }
    }

    /// Looks at the keys of a plain peer whose check is due.
    pub(super) fn check_plain(&mut self, id: LinkId, now: Now) {
        loop {
            let jitter = self.random.u64(0..=QUIET);
            let Some(link) = self.links.get_mut(&id).filter(|link| link.up && link.is_plain()) else {
                return;
            };
            let Some(slot) = link.plain.pop_check(now.mono, jitter) else { return };
            let Some(held) = self.store.get(slot).filter(|held| held.is_live()) else { continue };
            let history = self.history.get(&slot);
            if history.is_some_and(|history| history.held_back.iter().any(|held| held.link == id)) {
                // What it said waits to be judged; until then it is not to be told otherwise.
                link.plain.postpone(slot, now.mono);
                continue;
            }
            let changed_at = history.map_or(0, |history| history.changed_at);
            if link.plain.check(slot, held.value_hash(), changed_at, now.mono) == Check::Assert {
                link.owe(slot);
                self.mark_ready(id);
            }
        }
    }
}
