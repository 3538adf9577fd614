//! Values that come without a stamp: the facts are collected for [`judge`], and its verdict is carried out.

use super::Node;
use super::converge::Write;
use super::plain_memory::REUNION_MS;
use crate::core::clock::{Now, Stamp};
use crate::core::id::{LinkId, Role, Slot};
use crate::core::plain::history::{Delayed, History, Replaced};
use crate::core::plain::judge::{Arrival, HeldView, PastView, PeerView, Throttle, Verdict, View, judge};
use crate::core::plain::peer::{Check, Naming, Ours, Progress, QUIET_MS};
use crate::core::rights::Access;
use crate::core::store::{Register, State};
use crate::core::tuple::{Tuple, value_hash};

/// Time (ms) for which a value is delayed that a client sends before its HELLO: what was queued for an earlier
/// connection comes at once, and a tenth of a second is a pause in it.
const BACKLOG_PAUSE_MS: u64 = 100;

/// An unstamped value of a known key, to be judged.
#[derive(Copy, Clone)]
struct Unstamped<'a> {
    link: LinkId,
    slot: Slot,
    tuple: &'a Tuple,
    arrival: Arrival,
}

impl Node {
    /// Handles a tuple without a stamp.
    pub(super) fn on_unstamped(&mut self, id: LinkId, key: &[u8], value: &[u8], now: Now) {
        self.memory.on_plain(id);
        let Some(slot) = self.store.find(key) else {
            return self.on_unknown_key(id, Tuple::new(key, value), now);
        };
        if self.rights.is_some() && !self.may_read(id, key) {
            // Whether it is held already is not for the peer to know.
            return self.count_denied(id, key, Access::WRITE);
        }
        let arrival = self.on_value(id, slot, value_hash(value), now);
        if is_equal(self.store.held(slot), value) {
            // Most of what plain peers send are echoes: no further fact would make of one anything else.
            return self.on_echo(id, slot, now);
        }
        let tuple = &Tuple::new(key, value);
        self.decide(Unstamped { link: id, slot, tuple, arrival }, now);
    }

    /// Adopts the value of a key of which nothing is known: it is news.
    fn on_unknown_key(&mut self, id: LinkId, tuple: Tuple, now: Now) {
        if self.rights.is_some() && self.is_plain_denied(id, &tuple) || self.refuse_plain(id, &tuple, None) {
            return;
        }
        let hash = value_hash(tuple.value());
        let slot = self.adopt(id, tuple, Stamp::default().successor(hash), now);
        self.on_value(id, slot, hash, now);
    }

    /// Notes which value a peer sent of a key, and returns how the value arrived.
    fn on_value(&mut self, id: LinkId, slot: Slot, hash: u64, now: Now) -> Arrival {
        let Some(link) = self.links.get_mut(&id) else { return Arrival::default() };
        let before_hello = link.role() == Role::Server && !link.handshake.has_hello();
        let naming = match link.plain.on_key_named(slot, link.is_undetermined(), now.mono) {
            _ if before_hello => Naming::Listed,
            naming => naming,
        };
        if naming == Naming::Listed {
            link.list_wait.on_key(now.mono);
        }
        let silence = link.liveness.last_silence();
        let is_in_flight = match naming {
            Naming::Listed => false,
            // If it is listed, the peer has not come yet to what it was sent; it is no news all the same.
            Naming::PerhapsListed => link.plain.is_in_flight(slot, hash, silence, now.mono),
            Naming::Said => link.plain.take_in_flight(slot, hash, silence, now.mono),
        };
        let (in_list, may_be_listed) = (naming == Naming::Listed, naming != Naming::Said);
        // What a peer lists it held before it came to anything that it was sent since HELLO.
        let is_early = may_be_listed || is_in_flight || link.is_receipt_outstanding(slot, now.mono);
        let previous = link.plain.on_received(slot, hash, is_early, now.mono);
        if before_hello {
            link.plain.on_queued(slot);
        }
        Arrival { hash, previous, in_list, may_be_listed, is_in_flight, before_hello, was_delayed: false }
    }

    fn on_echo(&mut self, id: LinkId, slot: Slot, now: Now) {
        if let Some(link) = self.links.get_mut(&id) {
            link.plain.on_echo(slot, now.mono);
        }
        self.counters.duplicates += 1;
    }

    /// Judges an unstamped value of a known key, and carries out the verdict.
    fn decide(&mut self, value: Unstamped<'_>, now: Now) {
        let Some(view) = self.view(value, now) else { return };
        let Unstamped { link: id, slot, tuple, arrival } = value;
        if view.is_first_echo()
            && let Some(link) = self.links.get_mut(&id)
        {
            link.plain.on_late_echo();
        }
        match judge(&view) {
            Verdict::Echo => self.on_echo(id, slot, now),
            Verdict::Backlog => self.delay(value, BACKLOG_PAUSE_MS, now),
            Verdict::News => self.on_news(value, &view, None, now),
            Verdict::Throttle(throttle) => self.on_news(value, &view, Some(throttle), now),
            Verdict::Behind | Verdict::Again | Verdict::LateEcho | Verdict::LateCopy | Verdict::Old => {
                if view.held.state != State::Live {
                    // There is no value here that the peer could be sent instead.
                    return;
                }
                if view.past.may_predate_node && self.may_write(id, tuple.key()) {
                    // The value stays as old if the peer reconnects before it could be sent ours.
                    let value = Replaced { hash: arrival.hash, source: Some(id), since: 0 };
                    self.remember_replaced(slot, value, now);
                }
                if view.peer.is_echo_outstanding
                    && let Some(link) = self.links.get_mut(&id)
                {
                    link.plain.on_behind(now.mono);
                }
                self.reject(id, slot, tuple, now);
            }
        }
    }

    /// Collects what is known of a value that a peer sent.
    fn view(&self, value: Unstamped<'_>, now: Now) -> Option<View> {
        let Unstamped { link: id, slot, tuple, arrival } = value;
        let link = self.links.get(&id)?;
        let held = self.store.held(slot);
        let (hash, ours) = (arrival.hash, held.value_hash());
        let (peer, history) = (&link.plain, self.memory.history(slot));
        let changed_at = history.map_or(0, |history| history.changed_at());
        // A value comes back by a new connection when nobody has noticed the end of the former one.
        let silent = || self.silent_since(|other, link| other != id && link.role() == Role::Server);
        let in_list = arrival.in_list;
        Some(View {
            held: HeldView {
                state: held.state,
                hash: ours,
                is_equal: is_equal(held, tuple.value()),
                is_from_peer: held.source() == Some(id),
            },
            arrival,
            peer: PeerView {
                echoes: peer.echoes(),
                was_sent_this: peer.was_just_sent(slot, hash, now.mono),
                was_sent_ours: peer.was_sent(slot, ours),
                is_ours_queued: link.is_unsent(slot, self.store.changes.offset(slot)),
                is_list_awaited: link.list_wait.is_open(),
                cannot_know_ours: peer.cannot_know_ours(slot, now.mono),
                is_receipt_outstanding: link.is_receipt_outstanding(slot, now.mono),
                is_echo_outstanding: peer.is_echo_outstanding(slot, changed_at, now.mono),
            },
            past: PastView {
                was_replaced: in_list && history.is_some_and(|history| history.has_replaced(hash)),
                may_have_left_with: arrival.may_be_listed && self.memory.was_left_with(slot, hash, silent),
                may_predate_node: in_list && self.may_predate_node(id, slot, hash, now),
                is_late_copy: history
                    .is_some_and(|history| history.is_late_copy(hash, id, peer.began(), now.mono)),
                is_busy: history.is_some_and(|history| history.is_busy(now.mono)),
                returns: history.map_or(0, |history| history.returns(hash, now.mono)),
            },
        })
    }

    /// Returns whether what a plain peer lists of a key may be from before this node started.
    ///
    /// A node that was restarted knows nothing of what was replaced before, so a listed value loses to what the network
    /// has stamped: before the start, or since, if the peer was connected to the node's former self. But if our value was
    /// sent to another plain peer here, before this one said HELLO, this one may know it, too, and may have replaced it.
    /// It has not if what it lists was replaced here, or if ours was written while there was no node.
    fn may_predate_node(&self, id: LinkId, slot: Slot, hash: u64, now: Now) -> bool {
        let (held, started) = (self.store.held(slot), self.memory.started());
        let (ours, history) = (held.value_hash(), self.memory.history(slot));
        if !self.memory.is_young(history.map_or(0, History::changed_at), now) {
            return false;
        }
        let is_stamped = !held.stamp.is_synthetic();
        let was_before = held.stamp.wall() < started.wall || held.stamp.time <= self.contacted_at;
        if is_stamped && held.stamp.origin != self.id && was_before {
            return true;
        }
        let plain = |id| self.links.get(&id).map(|link| &link.plain);
        let Some(peer) = plain(id).filter(|peer| peer.began() < started.mono + REUNION_MS) else {
            return false;
        };
        let writer = held.source().filter(|&source| source != id);
        if history.is_some_and(|history| history.has_replaced(hash))
            || writer.and_then(plain).is_some_and(|writer| writer.was_queued(slot))
        {
            return true;
        }
        // What plain peers have written has no stamp. But our nodes pass it on, and know what it has replaced; where that is
        // nothing, what the peer lists is not older.
        let is_plain = |id| self.memory.links().any(|link| link == id);
        let has_replaced_any = held.stamp != Stamp::default().successor(ours);
        let is_stamped = is_stamped || has_replaced_any && writer.is_some_and(|writer| !is_plain(writer));
        let others = || self.memory.links().filter(|&other| other != id).filter_map(plain);
        is_stamped && !others().any(|other| other.was_sent_until(peer.began(), slot, ours, now.mono))
    }

    /// Adopts a value that is news, or delays it if the key changes too often.
    fn on_news(&mut self, value: Unstamped<'_>, view: &View, throttle: Option<Throttle>, now: Now) {
        let Unstamped { link: id, slot, tuple, .. } = value;
        let stamp = self.store.held(slot).successor(view.arrival.hash);
        if self.rights.is_some() && self.is_plain_denied(id, tuple) {
            // The peer is sent ours in its place.
            if view.held.state == State::Live {
                self.reject(id, slot, tuple, now);
            }
            return;
        }
        if self.refuse_plain(id, tuple, Some(slot)) {
            return;
        }
        if view.held.state == State::Live && !view.arrival.was_delayed && view.past.returns > 0 {
            self.memory.on_return(slot, view.past.returns, now);
            self.warn_of_loop(id, slot, view.past.returns, now);
        }
        let pause = throttle.map_or(0, |throttle| self.draw_pause(throttle));
        if pause > 0 {
            return self.delay(value, pause, now);
        }
        self.adopt(id, tuple.clone(), stamp, now);
    }

    fn draw_pause(&mut self, Throttle { least_ms, chase_ms }: Throttle) -> u64 {
        if chase_ms > 0 && self.random.u8(0..4) == 0 {
            return least_ms.max(self.random.u64(chase_ms / 2..=chase_ms));
        }
        least_ms
    }

    /// Delays a value, to be judged again after `pause` ms, if the peer sends no other one until then.
    fn delay(&mut self, value: Unstamped<'_>, pause: u64, now: Now) {
        let Unstamped { link: id, slot, tuple, arrival: Arrival { before_hello, .. } } = value;
        let over = self.store.held(slot).stamp;
        let value = Delayed { link: id, tuple: tuple.clone(), over, pause, before_hello };
        if let Some(hash) = self.memory.delay(slot, value, &mut self.timers, now) {
            self.remember_replaced(slot, Replaced { hash, source: Some(id), since: now.mono }, now);
        }
    }

    /// Judges the delayed values of a key again, whose time has come.
    ///
    /// What is held may have changed since a value arrived. The value can then be news only if the peer had sent what
    /// is held now before it. Otherwise nobody can tell which of the two is newer, and ours stays.
    pub(super) fn end_delay(&mut self, slot: Slot, now: Now) {
        for Delayed { link: id, tuple, over, before_hello, .. } in self.memory.take_delayed(slot) {
            let Some(held) = self.store.get(slot) else { return };
            let (hash, ours, stamp) = (value_hash(tuple.value()), held.value_hash(), held.stamp);
            // Only the last value that a peer sent is the one that it holds.
            if !self.links.get(&id).is_some_and(|link| link.plain.holds(slot, hash)) {
                continue;
            }
            let history = self.memory.history(slot);
            let is_after_ours = || history.is_some_and(|history| history.was_sent_by(ours, id, now.mono));
            if stamp == over || is_after_ours() {
                let arrival = Arrival {
                    hash,
                    in_list: before_hello,
                    may_be_listed: before_hello,
                    before_hello,
                    was_delayed: true,
                    ..Arrival::default()
                };
                self.decide(Unstamped { link: id, slot, tuple: &tuple, arrival }, now);
            } else if hash != ours {
                self.remember_replaced(slot, Replaced { hash, source: Some(id), since: now.mono }, now);
                self.reject(id, slot, &tuple, now);
            }
        }
    }

    /// Keeps a value that is not news until the peer is checked.
    fn reject(&mut self, id: LinkId, slot: Slot, tuple: &Tuple, now: Now) {
        let replaced_at = self.memory.reject(slot, id, tuple.clone(), &mut self.timers, now);
        if let Some(link) = self.links.get_mut(&id) {
            link.plain.on_rejected(slot, replaced_at, now.mono);
        }
        self.schedule_link(id, now);
    }

    /// Holds a plain peer's value from now on, with a synthetic stamp.
    fn adopt(&mut self, id: LinkId, tuple: Tuple, stamp: Stamp, now: Now) -> Slot {
        let (source, state) = (Some(id), State::Live);
        let slot = self.write(Write { tuple, stamp, source, state, ttl: 0, announced: false }, now);
        if let Some(link) = self.links.get_mut(&id) {
            link.plain.on_adopted(slot, now.mono);
        }
        let latest = self.latest(now);
        self.memory.on_adopted(slot, latest, &mut self.timers, now);
        slot
    }

    /// Checks the keys of a plain peer whose check is due.
    pub(super) fn check_plain(&mut self, id: LinkId, now: Now) {
        loop {
            let jitter = self.random.u64(0..=QUIET_MS);
            let Some(link) = self.links.get_mut(&id).filter(|link| link.is_up() && link.is_plain()) else {
                return;
            };
            let Some(slot) = link.plain.pop_check(now.mono, jitter) else { return };
            let Some(held) = self.store.get(slot).filter(|held| held.is_live()) else { continue };
            let history = self.memory.history(slot);
            if history.is_some_and(|history| history.delays(id)) {
                // What the peer sent is yet to be judged. Until then it is not to be sent anything else.
                link.plain.postpone_check(slot, now.mono);
                continue;
            }
            let changed_at = history.map_or(0, |history| history.changed_at());
            let ours = Ours { hash: held.value_hash(), changed_at };
            let is_receipt_outstanding = link.is_receipt_outstanding(slot, now.mono);
            // A server that has answered the PING behind our value has been connected until now.
            let is_confirmed = link.role() == Role::Client && !is_receipt_outstanding;
            let heard_at = if is_confirmed { now.mono } else { link.liveness.heard_at() };
            let is_ours_queued = link.is_unsent(slot, self.store.changes.offset(slot));
            let progress = Progress { is_ours_queued, is_receipt_outstanding, heard_at };
            match link.plain.check(slot, ours, progress, now.mono) {
                Check::Resend => {
                    link.bulk.owe(slot);
                    self.mark_ready(id);
                }
                Check::Adopt => self.adopt_rejected(id, slot, now),
                Check::Settled => _ = self.memory.take_rejected(slot, id),
                Check::Later => {}
            }
        }
    }

    /// Adopts a value that was rejected: the peer was sent ours and insists.
    fn adopt_rejected(&mut self, id: LinkId, slot: Slot, now: Now) {
        let rejected = self.memory.take_rejected(slot, id);
        let last = self.links.get(&id).and_then(|link| link.plain.last_received(slot));
        let Some(tuple) = rejected.filter(|tuple| last == Some(value_hash(tuple.value()))) else { return };
        let Some(held) = self.store.get(slot).filter(|held| held.tuple.key() == tuple.key()) else { return };
        let stamp = held.successor(value_hash(tuple.value()));
        if self.may_write(id, tuple.key()) && !self.refuse_plain(id, &tuple, Some(slot)) {
            self.adopt(id, tuple, stamp, now);
        }
    }
}

/// Returns whether the key is live and has this value.
fn is_equal(held: &Register, value: &[u8]) -> bool {
    held.is_live() && held.tuple.value() == value
}

#[cfg(test)]
mod tests;
