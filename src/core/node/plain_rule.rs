//! What to make of a value that comes without a stamp.
//!
//! A plain peer repeats what it is told, re-orders between its links and knows no age, so a value
//! that differs from ours is one of these:
//!
//! 1. The peer has yet to come to our value: it is *behind*, and this is old.
//! 2. The value was taken and replaced here a moment ago and is known from elsewhere: a *late copy*.
//! 3. The peer comes back from an absence, and lists what it held when it left: a plain peer that returns
//!    brings no news by returning. A value is *old* if it was current when a plain peer left and was replaced
//!    since. Only the first word about a key after a HELLO can be part of a list, and any before it.
//! 4. *News*: it takes the successor of the stamp that it replaces.
//!
//! In all cases but the last the peer is checked when the key has been quiet for a while, and told our
//! value if that is not what it said last. If it says another one even then, that is what it holds, and
//! is taken: no check ends in known disagreement. A key that plain peers change many times a second is
//! taken from them only a few times a second.

use super::Node;
use super::converge::Write;
use crate::core::clock::{Now, Stamp};
use crate::core::id::{LinkId, Role, Slot};
use crate::core::link::BREATH;
use crate::core::plain::history::{BUSY_INTERVAL, HeldBack};
use crate::core::plain::peer::{Check, QUIET};
use crate::core::store::{NO_VALUE, State};
use crate::core::timers::Timer;
use crate::core::tuple::{Tuple, value_hash};

/// Who was connected to this node's former self is back after this time (ms), and a peer that comes later is new.
const RETURNS: u64 = 30_000;

/// How a peer came to say a value.
#[derive(Copy, Clone, Debug, Default)]
struct Word {
    /// The hash of what it said before.
    before: Option<u64>,
    /// This may be part of a list of what it held when it came.
    lists: bool,
    /// A client says it before its HELLO. It was to be said on an earlier connection, and may be all that the client
    /// came to while it was away, one after the other.
    early: bool,
}

/// When a value was said that is considered.
#[derive(Copy, Clone, Debug)]
enum Said {
    Now,
    /// Some time ago, when it was put off; `early` as in [`Word`].
    Before {
        early: bool,
    },
}

impl Node {
    /// A tuple without a stamp has come.
    pub(super) fn hear_plain(&mut self, id: LinkId, key: &[u8], value: &[u8], now: Now) {
        self.spoke_plainly.insert(id);
        match self.store.find(key) {
            Some(slot) if self.hear_echo(id, slot, value, now) => {}
            Some(slot) => self.consider(id, slot, &Tuple::new(key, value), Said::Now, now),
            None if self.refuse_plain(value, true) => {}
            None => {
                let hash = value_hash(value);
                let slot = self.take(id, Tuple::new(key, value), Stamp::default().successor(hash), now);
                self.hear_word(id, slot, hash, now);
            }
        }
    }

    /// Notes what the peer says of a key.
    fn hear_word(&mut self, id: LinkId, slot: Slot, hash: u64, now: Now) -> Word {
        let Some(link) = self.links.get_mut(&id) else { return Word::default() };
        let early = link.role == Role::Server && !link.handshake.has_hello();
        let lists = link.plain.lists(slot, link.is_undetermined(), now.mono) || early;
        if lists {
            link.list_wait.on_key(now.mono);
        }
        let is_unaware = link.is_unaware(slot, now.mono);
        Word { before: link.plain.hear(slot, hash, is_unaware), lists, early }
    }

    /// The peer says the value that we hold, as plain peers mostly do: they repeat what they are told.
    fn hear_echo(&mut self, id: LinkId, slot: Slot, value: &[u8], now: Now) -> bool {
        let held = self.store.held(slot);
        let is_echo = held.is_live() && held.tuple.value() == value;
        if is_echo {
            self.hear_word(id, slot, value_hash(value), now);
            if let Some(link) = self.links.get_mut(&id) {
                link.plain.caught_up(slot, now.mono);
            }
            self.counters.duplicates += 1;
        }
        is_echo
    }

    /// Decides about an unstamped value of a known key. One that comes now may be put off.
    #[expect(clippy::too_many_lines, reason = "the verdicts in their order")]
    #[expect(clippy::too_many_arguments, reason = "what is judged, and by whom it was said")]
    fn consider(&mut self, id: LinkId, slot: Slot, tuple: &Tuple, said: Said, now: Now) {
        let hash = value_hash(tuple.value());
        let Word { before, lists, early } = match said {
            Said::Now => self.hear_word(id, slot, hash, now),
            Said::Before { early } => Word { before: None, lists: early, early },
        };
        let heard = matches!(said, Said::Now);
        let held = self.store.held(slot);
        let Some(link) = self.links.get(&id) else { return };
        // Said twice in a row it is said once, unless the peer came to another value in between.
        let unmoved = link.plain.echoes || link.plain.cannot_have_come_to_ours(slot, now.mono);
        let again = before == Some(hash) && (lists || unmoved);
        let stamp = held.stamp;
        let successor = stamp.successor(hash);
        let history = self.history.get(&slot);
        // When it comes back by another connection than that of which nobody noticed the end.
        let silent = || self.silent_since(|other, link| other != id && link.role == Role::Server);
        let returned =
            lists && history.is_some_and(|history| history.was_left_with(hash, &self.departures, silent));
        let unborn = lists && self.is_before_birth(id, slot, now);
        let returned = returned || unborn;
        let repeats = link.plain.repeats(slot, hash, now.mono);
        if repeats && heard && !lists && before != Some(hash) {
            // Whatever we hold by now: it has come to what it was told, and said so.
            self.links.get_mut(&id).into_iter().for_each(|link| link.plain.echoes = true);
        }
        if held.state != State::Live {
            let same = held.value_hash() == hash;
            let old = match held.state {
                State::Suppressed => same && (again || lists),
                // Of a key that was removed unseen nobody knows here which value it had.
                State::Retracted if held.value_hash() == NO_VALUE => lists,
                // Nobody can tell a plain peer of a removal: what it lists, and we had before, it has kept.
                _ => same || returned || lists && history.is_some_and(|history| history.has_replaced(hash)),
            };
            let refused = held.state == State::Refused;
            if !old
                && !repeats
                && !self.is_late_copy(slot, hash, id, now)
                && !self.refuse_plain(tuple.value(), refused)
            {
                self.take(id, tuple.clone(), successor, now);
            }
            return;
        }
        if heard && early {
            // Another one may follow: the last is what it holds.
            return self.put_off(id, slot, tuple, early, BREATH, now);
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        if held.tuple.value() == tuple.value() {
            link.plain.caught_up(slot, now.mono);
            self.counters.duplicates += 1;
            return;
        }
        // What it lists while it is told nothing yet it came to without us, not before it came to ours.
        let unsent = !link.list_wait.is_open()
            && link.is_unsent(slot, self.store.changes.offset(slot))
            && held.source() != Some(id)
            && before != Some(held.value_hash());
        let unaware =
            link.is_unaware(slot, now.mono) && (unsent || link.plain.was_told(slot, held.value_hash()));
        let changed_at = history.map_or(0, |history| history.changed_at);
        let is_behind = link.plain.is_behind(slot, changed_at, now.mono);
        let behind = unaware || link.plain.echoes && (is_behind || unsent);
        let began = link.plain.began;
        let late = history.is_some_and(|history| history.is_late_copy(hash, id, began, now.mono));
        let busy = history.is_some_and(|history| history.is_busy(now.mono));
        if unborn {
            // It is as old when the peer returns before it could be told so.
            self.remember(slot, hash, Some(id), 0, now);
        }
        if behind || again || returned || late || repeats {
            return self.suspect_value(id, slot, tuple, now);
        }
        if self.refuse_plain(tuple.value(), false) {
            return;
        }
        let mut wait = if busy { BUSY_INTERVAL } else { 0 };
        if let Some(history) = self.history.get_mut(&slot).filter(|_| heard) {
            let most = history.hold_up(hash, now.mono);
            if most > 0 && self.random.u8(0..4) == 0 {
                wait = wait.max(self.random.u64(most / 2..=most));
            }
        }
        if heard && wait > 0 {
            return self.put_off(id, slot, tuple, early, wait, now);
        }
        self.take(id, tuple.clone(), successor, now);
    }

    /// A value is considered after some time (ms), if the peer says no other one until then.
    #[expect(clippy::too_many_arguments, reason = "what is judged, and by whom it was said")]
    fn put_off(&mut self, id: LinkId, slot: Slot, tuple: &Tuple, early: bool, wait: u64, now: Now) {
        let over = self.store.held(slot).stamp;
        let history = self.history_mut(slot, now);
        let passed_over = history.hold_back(HeldBack { link: id, tuple: tuple.clone(), over, early });
        let from = history.held_until;
        let until = from.unwrap_or(now.mono + wait);
        history.held_until = Some(until);
        self.timers.set(Timer::Held(slot), from, Some(until));
        if let Some(hash) = passed_over {
            self.remember(slot, hash, Some(id), now.mono, now);
        }
    }

    /// What the peer said is old, most likely: it is looked at later.
    fn suspect_value(&mut self, id: LinkId, slot: Slot, tuple: &Tuple, now: Now) {
        let history = self.history_mut(slot, now);
        let replaced_at = history.replaced_at(value_hash(tuple.value())).unwrap_or(now.mono);
        if let Some(link) = self.links.get_mut(&id) {
            link.plain.suspect(slot, replaced_at, now.mono);
        }
        self.disbelieved.keep(slot, id, tuple.clone());
        self.schedule_link(id, now);
    }

    /// Whether what a plain peer lists may be of a time before this node began. Whoever restarted knows nothing of what
    /// was replaced before: such a word loses to what the network has stamped, before or since. Once a plain peer has
    /// come and gone, or may have and has come to our value, it may have written after it.
    fn is_before_birth(&self, id: LinkId, slot: Slot, now: Now) -> bool {
        let (held, recent) = (self.store.held(slot), now.mono < self.born.mono + self.memory());
        if !recent || self.plain_gone_at.is_some() || held.stamp.is_synthetic() {
            return false;
        }
        if held.stamp.origin != self.id && held.stamp.wall() < self.born.wall {
            return true;
        }
        let hash = held.value_hash();
        let returns = self.links.get(&id).is_some_and(|link| link.plain.began < self.born.mono + RETURNS);
        let others = self.spoke_plainly.iter().filter(|&&other| other != id);
        returns
            && !others.filter_map(|other| self.links.get(other)).any(|link| link.plain.may_hold(slot, hash))
    }

    fn is_late_copy(&self, slot: Slot, hash: u64, id: LinkId, now: Now) -> bool {
        let began = self.links.get(&id).map_or(0, |link| link.plain.began);
        self.history.get(&slot).is_some_and(|history| history.is_late_copy(hash, id, began, now.mono))
    }

    /// Takes a plain peer's value.
    fn take(&mut self, id: LinkId, tuple: Tuple, stamp: Stamp, now: Now) -> Slot {
        let slot = self.write(Write { tuple, stamp, source: Some(id), state: State::Live, ttl: 0 }, now);
        if let Some(link) = self.links.get_mut(&id) {
            link.plain.followed(slot, now.mono);
        }
        let latest = self.latest(now);
        self.history_mut(slot, now).took(latest, now.mono);
        slot
    }

    /// The time of a key whose values were put off has come: the first of them that is still news is taken.
    ///
    /// What we hold may have changed since one was said. Then that one is news only if its link said
    /// what we hold now before it; if not, nobody can tell which is newer, and ours stays.
    pub(super) fn release(&mut self, slot: Slot, now: Now) {
        let Some(history) = self.history.get_mut(&slot) else { return };
        history.held_until = None;
        for HeldBack { link: id, tuple, over, early } in std::mem::take(&mut history.held_back) {
            let Some(held) = self.store.get(slot) else { return };
            let (hash, ours, stamp) = (value_hash(tuple.value()), held.value_hash(), held.stamp);
            // Only what the peer said last is what it holds.
            if !self.links.get(&id).is_some_and(|link| link.plain.holds(slot, hash)) {
                continue;
            }
            let history = self.history_mut(slot, now);
            if stamp == over || history.said_before(ours, id, now.mono) {
                self.consider(id, slot, &tuple, Said::Before { early }, now);
            } else if hash != ours {
                self.remember(slot, hash, Some(id), now.mono, now);
                self.suspect_value(id, slot, &tuple, now);
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
            let unaware = link.is_unaware(slot, now.mono);
            match link.plain.check(slot, held.value_hash(), unaware, changed_at, now.mono) {
                Check::Assert => {
                    link.bulk.owe(slot);
                    self.mark_ready(id);
                }
                Check::Yield => self.yield_to(id, slot, now),
                Check::Settled => _ = self.disbelieved.take(slot, id),
                Check::Later => {}
            }
        }
    }

    /// The peer was told our value and holds another, which we took for old: it was news.
    fn yield_to(&mut self, id: LinkId, slot: Slot, now: Now) {
        let suspect = self.disbelieved.take(slot, id);
        let said = self.links.get(&id).and_then(|link| link.plain.said_last(slot));
        let Some(tuple) = suspect.filter(|tuple| said == Some(value_hash(tuple.value()))) else { return };
        let Some(held) = self.store.get(slot).filter(|held| held.tuple.key() == tuple.key()) else { return };
        let stamp = held.stamp.successor(value_hash(tuple.value()));
        if !self.refuse_plain(tuple.value(), false) {
            self.take(id, tuple, stamp, now);
        }
    }
}

#[cfg(test)]
mod tests;
