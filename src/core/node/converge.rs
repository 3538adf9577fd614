//! Which value of a key stays: the one with the larger stamp.

use super::super::clock::{COUNTER_BITS, Clock, Now, Stamp, too_far_ahead};
use super::super::codec::{Record, RecordKind};
use super::super::feed::Slot;
use super::super::link::{Link, LinkId};
use super::super::store::{Held, State};
use super::super::timers::Timer;
use super::super::tuple::{Tuple, value_hash};
use super::transmit::remaining;
use super::{Event, Node, Refusal};

/// Clocks that differ by less (ms) are taken to be in step.
const IN_STEP: u64 = 1000;
/// Longer ago (ms) than a peer's knowledge of the network's clocks is old.
const RECENT: u64 = 10_000;

impl Node {
    pub(super) fn hear_stamped(
        &mut self,
        id: LinkId,
        key: &[u8],
        value: &[u8],
        ttl: u32,
        stamp: Stamp,
        now: Now,
    ) {
        self.hear_record(id, &Record { kind: RecordKind::Live, key, value, ttl, stamp }, now);
    }

    /// A stamped tuple has come over an extended link.
    pub(super) fn hear_record(&mut self, id: LinkId, record: &Record<'_>, now: Now) {
        let &Record { kind, key, value, ttl, stamp } = record;
        if too_far_ahead(stamp.time, now, self.settings.max_drift) {
            self.counters.refused += 1;
            return self.warn("stamp", || {
                "zgossip: dropped a tuple stamped further ahead than server/max_drift".into()
            });
        }
        self.clock.observe(stamp.time);
        match self.store.find(key) {
            Some(slot) => {
                let held = self.store.held(slot);
                if stamp <= held.stamp {
                    let redundant = (stamp.origin == held.stamp.origin).then_some(held.source());
                    let differs = held.is_live() && held.tuple.value() != value;
                    if differs && kind == RecordKind::Live && stamp < held.stamp && !stamp.is_taken() {
                        self.note_replaced(slot, value_hash(value), Some(id), now);
                    }
                    self.counters.duplicates += 1;
                    if let Some(source) = redundant {
                        self.hear_redundant(id, source, stamp, now);
                    }
                    return;
                }
            }
            None if self.refuse_room(value, kind == RecordKind::Live, now) => return,
            None => {}
        }
        let state = match kind {
            RecordKind::Live if value.len() > self.settings.max_value => {
                return self.refuse(Refusal::ValueTooLong);
            }
            RecordKind::Live => State::Live,
            RecordKind::Tombstone => State::Tombstone,
        };
        self.hold(Tuple::new(key, value), stamp, Some(id), state, ttl, now);
        self.hear_news(id, stamp, now);
    }

    /// Whether a new key with this value is over a limit. Only for a tuple will a forgotten key make room:
    /// stubs of all kinds would drive each other out, for peers bring them again.
    pub(super) fn refuse_room(&mut self, value: &[u8], is_live: bool, now: Now) -> bool {
        let room = if value.len() > self.settings.max_value {
            Err(Refusal::ValueTooLong)
        } else if is_live {
            self.make_room(now)
        } else {
            self.check_room()
        };
        let Err(refusal) = room else { return false };
        self.refuse(refusal);
        true
    }

    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.counters.refused += 1;
        let cause = match refusal {
            Refusal::ValueTooLong => "value",
            _ => "room",
        };
        self.warn(cause, || format!("zgossip: dropped a tuple from the network: {refusal}"));
    }

    /// The key takes this value and stamp: stored, told to the owner, owed to every link but `source`.
    ///
    /// `ttl` of a tombstone is how much longer the peer remembers it: nodes forget a removal at about the
    /// same time, whatever their clocks say, and what is given back to one that forgot sooner dies out.
    pub(super) fn hold(
        &mut self,
        tuple: Tuple,
        stamp: Stamp,
        source: Option<LinkId>,
        state: State,
        ttl: u32,
        now: Now,
    ) -> Slot {
        let deadline = match state {
            State::Live => (ttl > 0).then(|| now.mono + u64::from(ttl)),
            _ if ttl > 0 => Some(now.mono + self.settings.tombstone.min(ttl.into())),
            _ => Some(now.mono + self.settings.tombstone),
        };
        // What a plain peer said, and comes from an extended one, may have been overtaken there.
        let lazy = stamp.is_taken() && source.is_some_and(|id| self.is_extended(id));
        let (slot, old) = self.store.put(Held::new(tuple.clone(), stamp, source, state, lazy));
        let before = self.store.set_deadline(slot, deadline);
        self.timers.set(Timer::Slot(slot), before, deadline);
        let was = old.filter(Held::is_live);
        if self.plain_links > 0 {
            let same =
                state == State::Live && was.as_ref().is_some_and(|was| was.tuple.value() == tuple.value());
            if !same {
                let replaced = was.as_ref().map(|was| (was.value_hash(), was.source()));
                let history = self.history.entry(slot).or_default();
                let since = std::mem::replace(&mut history.changed_at, now.mono);
                if let Some((hash, source)) = replaced {
                    history.replaced(hash, source, since, now.mono);
                }
            }
        }
        match (state, was) {
            (State::Live, Some(was)) if was.tuple.value() == tuple.value() => {}
            (State::Live, _) => self.events.push_back(Event::Deliver(tuple)),
            (_, Some(was)) => self.events.push_back(Event::Retract(was.tuple)),
            (_, None) => {}
        }
        if !self.requested.is_empty() {
            self.requested.remove(&self.store.held(slot).key_hash());
        }
        self.store.tidy(self.links.values_mut().flat_map(Link::positions));
        if self.calm {
            self.rouse(now);
        }
        slot
    }

    /// The first peer's clock is at `theirs`, and ours at `ours`: moves the stamps of all that was written
    /// here by the difference. The peer may not have heard of the fastest clock for a while, so where clocks
    /// are not in step, what was written in the last moments counts as written now.
    pub(super) fn advance_own(&mut self, ours: u64, theirs: u64, now: Now) {
        let ahead = theirs - ours;
        let recent = if ahead >> COUNTER_BITS < IN_STEP {
            u64::MAX
        } else {
            ours.saturating_sub(RECENT << COUNTER_BITS)
        };
        let written = |(_, held): &(Slot, &Held)| {
            held.stamp.origin == self.id && matches!(held.state, State::Live | State::Tombstone)
        };
        let mut own: Vec<(Slot, Held)> =
            self.store.iter().filter(written).map(|(slot, held)| (slot, held.clone())).collect();
        own.sort_unstable_by_key(|(_, held)| held.stamp);
        for (slot, Held { tuple, stamp: Stamp { time, origin }, state, .. }) in own {
            let ttl = remaining(self.store.deadline(slot), now);
            let time = if time < recent { time + ahead } else { self.clock.tick(now, Stamp::default()) };
            self.hold(tuple, Stamp { time, origin }, None, state, ttl, now);
        }
    }

    /// The own clock was far ahead, and was set right: peers have refused what was stamped by it. That is
    /// stamped anew, as if it were written now.
    pub(super) fn return_own(&mut self, now: Now) {
        self.clock = Clock::default();
        let most = self.settings.max_drift;
        let refused = |(_, held): &(Slot, &Held)| {
            too_far_ahead(held.stamp.time, now, most)
                && (held.stamp.origin == self.id || held.stamp.is_taken())
                && matches!(held.state, State::Live | State::Tombstone)
        };
        let own: Vec<(Slot, Held)> =
            self.store.iter().filter(refused).map(|(slot, held)| (slot, held.clone())).collect();
        for (slot, held) in own {
            let ttl = remaining(self.store.deadline(slot), now);
            let stamp = Stamp { time: self.clock.tick(now, Stamp::default()), origin: self.id };
            self.hold(held.tuple.clone(), stamp, held.source(), held.state, ttl, now);
        }
    }

    /// Notes for the plain rule that a value was replaced, or came when it was too late.
    pub(super) fn note_replaced(&mut self, slot: Slot, hash: u64, source: Option<LinkId>, now: Now) {
        if self.plain_links > 0 {
            self.history.entry(slot).or_default().replaced(hash, source, now.mono, now.mono);
        }
    }

    /// A slot's deadline has come: a tuple expires, or a stub is forgotten.
    pub(super) fn end_slot(&mut self, slot: Slot, now: Now) {
        let Some(held) = self.store.get(slot) else { return };
        if held.is_live() {
            let ends = now.mono + self.settings.tombstone;
            if let Some(tuple) = self.store.bury(slot, State::Expired, Some(ends)) {
                self.timers.set(Timer::Slot(slot), None, Some(ends));
                self.events.push_back(Event::Expire(tuple));
            }
            return;
        }
        self.store.remove(slot);
        if let Some(history) = self.history.remove(&slot) {
            self.timers.set(Timer::Held(slot), history.held_until, None);
        }
        for link in self.links.values_mut() {
            link.plain.forget(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::link::Role;
    use super::super::Settings;
    use super::*;

    const HOUR: u64 = 3_600_000;
    const WALL: u64 = 1_800_000_000_000;

    /// A client, whose clock is ahead by so much, and a server say to each other what they have to say.
    fn talk(nodes: &mut [Node; 2], links: [LinkId; 2], mono: u64, ahead: u64) {
        let now = [ahead, 0].map(|ahead| Now { mono, wall: WALL + mono + ahead });
        (0..2).for_each(|node| nodes[node].handle_timeout(now[node]));
        loop {
            let mut quiet = true;
            for from in 0..2 {
                while let Some(frame) = nodes[from].poll_transmit(links[from], now[from]) {
                    nodes[1 - from].handle_frame(links[1 - from], frame.bytes(), now[1 - from]);
                    quiet = false;
                }
            }
            if quiet {
                return;
            }
        }
    }

    #[test]
    fn what_was_written_with_a_clock_far_ahead_is_believed_once_that_is_set_right() {
        let start = |ahead| Now { mono: 1, wall: WALL + 1 + ahead };
        let mut nodes =
            [(1, 2 * HOUR), (2, 0)].map(|(seed, ahead)| Node::new(Settings::default(), seed, start(ahead)));
        let links = [
            nodes[0].open_link(Role::Client, start(0)).unwrap(),
            nodes[1].open_link(Role::Server, start(0)).unwrap(),
        ];
        nodes[0].publish(b"early", b"1", 0, start(2 * HOUR)).unwrap();
        nodes[0].link_up(links[0], start(2 * HOUR));
        talk(&mut nodes, links, 100, 2 * HOUR);
        assert_eq!(nodes[1].count(), 0, "not to be trusted");
        for mono in [3000, 6000, 9000] {
            talk(&mut nodes, links, mono, 0);
        }
        assert_eq!(nodes[1].count(), 1);
        nodes[0].publish(b"later", b"1", 0, Now { mono: 9001, wall: WALL + 9001 }).unwrap();
        talk(&mut nodes, links, 9002, 0);
        assert_eq!((nodes[1].count(), nodes[0].root()), (2, nodes[1].root()));
    }

    /// A node that writes a key and connects half a second later; what the server then holds, if it had
    /// written so long ago, by clocks ahead by so much.
    fn written_before_contact(server_ahead: u64, ago: u64) -> Vec<u8> {
        let at = |mono, ahead| Now { mono, wall: WALL + mono + ahead };
        let mut nodes = [(1, 0), (2, server_ahead)]
            .map(|(seed, ahead)| Node::new(Settings::default(), seed, at(1, ahead)));
        let links = [
            nodes[0].open_link(Role::Client, at(1, 0)).unwrap(),
            nodes[1].open_link(Role::Server, at(1, 0)).unwrap(),
        ];
        // The fastest clock, which the server heard of then and not since, is another node's.
        nodes[1].publish(b"key", b"server", 0, at(20_000 - ago, server_ahead)).unwrap();
        nodes[0].publish(b"key", b"client", 0, at(19_500, 0)).unwrap();
        nodes[0].link_up(links[0], at(20_000, 0));
        talk(&mut nodes, links, 20_000, 0);
        assert_eq!(nodes[0].root(), nodes[1].root());
        nodes[1].get(b"key").unwrap().value().to_vec()
    }

    #[test]
    fn the_later_write_before_the_first_contact_wins_also_where_clocks_are_not_in_step() {
        for ahead in [0, 1, 100, 900, 5000, 600_000] {
            assert_eq!(written_before_contact(ahead, 1500), b"client", "{ahead}");
        }
        for ahead in [0, 1, 100, 900] {
            assert_eq!(written_before_contact(ahead, 400), b"server", "{ahead}");
        }
    }

    #[test]
    fn a_clock_that_is_set_wrong_does_not_make_its_node_unheard() {
        let start = Now { mono: 1, wall: WALL + 1 };
        let mut nodes = [1, 2].map(|seed| Node::new(Settings::default(), seed, start));
        let links = [
            nodes[0].open_link(Role::Client, start).unwrap(),
            nodes[1].open_link(Role::Server, start).unwrap(),
        ];
        nodes[0].publish(b"key", b"1", 0, start).unwrap();
        nodes[0].link_up(links[0], start);
        talk(&mut nodes, links, 100, 0);
        // Two hours back.
        let wrong = Now { mono: 3000, wall: WALL - 2 * HOUR };
        nodes[0].handle_timeout(wrong);
        let heartbeat = nodes[1].heartbeat(Default::default(), Now { mono: 3000, wall: WALL + 3000 });
        nodes[0].handle_frame(links[0], heartbeat.bytes(), wrong);
        nodes[0].publish(b"key", b"2", 0, wrong).unwrap();
        talk(&mut nodes, links, 3001, 0);
        assert_eq!(nodes[1].get(b"key").unwrap().value(), b"2");
    }
}
