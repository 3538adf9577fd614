//! What happens when nothing happens: links are kept alive, silent peers found out, tuples expire.

use super::super::clock::Now;
use super::super::codec::{Extension, MessageId, encode, encode_publish};
use super::super::link::{Kind, LinkId, Role};
use super::super::timers::Timer;
use super::super::tuple::value_hash;
use super::{Frame, Node};

/// Heartbeats of extended links come after this time (ms), plus up to as much again.
const HEARTBEAT: u64 = 1000;
/// An extended server that says nothing for so long (ms) is gone.
const LOST: u64 = 6000;
/// A plain server that says nothing for so long (ms) is asked for a PONG …
const DOUBT: u64 = 5000;
/// … and is gone when it said nothing for so long.
const PLAIN_LOST: u64 = 20_000;
/// The longest time (ms) between two probes of a silent client.
const LONGEST_PROBE: u64 = 30_000;
/// An own tuple larger than this is not worth sending as a sign of life.
const LARGEST_SIGN: usize = 1024;

impl Node {
    /// Does what is due. Harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(timer) = self.timers.pop(now.mono) {
            match timer {
                Timer::Slot(slot) => {
                    self.store.set_deadline(slot, None);
                    self.end_slot(slot, now);
                }
                Timer::Held(slot) => self.release(slot, now),
                Timer::Link(id) => {
                    if let Some(link) = self.links.get_mut(&id) {
                        link.deadline = None;
                    }
                    self.tend(id, now);
                    self.schedule_link(id, now);
                }
                Timer::Sweep => {
                    self.sweep_at = None;
                    self.sweep(now);
                    self.schedule_sweep(now);
                }
            }
        }
    }

    /// One link's turn.
    fn tend(&mut self, id: LinkId, now: Now) {
        self.check_plain(id, now);
        self.announce_due(id, now);
        self.ask_due(id, now);
        let Some(link) = self.links.get(&id).filter(|link| link.up && link.role == Role::Client) else {
            return;
        };
        let silent = now.mono.saturating_sub(link.heard_at);
        let lost = match link.kind {
            Kind::Extended => silent > LOST,
            Kind::Plain if link.answers => silent > PLAIN_LOST,
            _ => silent > link.patience,
        };
        if lost {
            return self.give_up(id, now);
        }
        if now.mono < link.beat_at {
            return;
        }
        match link.kind {
            Kind::Greeting if link.greeted => self.become_plain(id, now),
            Kind::Greeting => {
                // After a pause all answers have come.
                if let Some(link) = self.links.get_mut(&id) {
                    link.pings = 0;
                }
                self.greet(id, now);
            }
            Kind::Extended => {
                self.say_heartbeat(id, now);
                self.schedule_beat(id, now);
            }
            Kind::Plain => self.keep_alive(id, silent, now),
        }
    }

    pub(super) fn schedule_beat(&mut self, id: LinkId, now: Now) {
        let wait = HEARTBEAT + self.random.u64(0..=HEARTBEAT);
        if let Some(link) = self.links.get_mut(&id) {
            link.beat_at = now.mono + wait;
        }
    }

    /// A CZMQ hub forgets a client that is silent, and says so only when it is sent something other
    /// than a PING. A tuple of our own that the hub holds already tells, and changes nothing there.
    /// Without one, HELLO is said again where there is reason to doubt.
    fn keep_alive(&mut self, id: LinkId, silent: u64, now: Now) {
        let sign = self.sign_of_life(id);
        let Some(link) = self.links.get_mut(&id) else { return };
        let idle = now.mono.saturating_sub(link.sent_at);
        let overdue = silent > DOUBT && link.pings == 0;
        if idle < link.interval && !overdue {
            link.beat_at = link.sent_at + link.interval;
            return;
        }
        link.relax(now.mono);
        link.beat_at = now.mono + link.interval;
        if let Some(frame) = sign.filter(|_| !overdue) {
            link.doubt.settle();
            self.control(id, frame);
        } else {
            link.doubt.said_after(idle, link.interval);
            if link.doubt.is_due(now.mono) {
                return self.greet_again(id, now);
            }
            link.pings += 1;
            self.control(id, Frame::new(encode(MessageId::Ping, &Extension::default())));
        }
    }

    /// A small tuple that this node itself published and the peer holds as we do.
    fn sign_of_life(&mut self, id: LinkId) -> Option<Frame> {
        let (_, slot) = self.own_smallest?;
        let good = |held: &super::super::store::Held| {
            held.is_live() && held.source().is_none() && held.tuple.value().len() <= LARGEST_SIGN
        };
        if !self.store.get(slot).is_some_and(good) {
            self.own_smallest = self
                .store
                .iter()
                .filter(|(_, held)| good(held))
                .map(|(slot, held)| (held.tuple.key().len() + held.tuple.value().len(), slot))
                .min();
        }
        let held = self.store.get(self.own_smallest?.1)?;
        let link = self.links.get(&id)?;
        let hash = value_hash(held.tuple.value());
        let known = link.cursor > self.store.feed.position(slot)
            && (link.plain.holds(slot, hash) || !link.plain.is_pending(slot))
            && !link.owed_set.contains(&slot);
        known.then(|| Frame::new(encode_publish(&held.tuple, 0, None)))
    }

    /// Moves a link's deadline to the next thing that it has to do.
    pub(super) fn schedule_link(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let mut next = None;
        if link.up {
            next = match link.kind {
                Kind::Plain => link.plain.next_check(),
                Kind::Extended => link.branches.announce_at(),
                _ => None,
            };
            next = [next, link.passage.rests_until()].into_iter().flatten().min();
            if link.role == Role::Client {
                next = Some(next.unwrap_or(u64::MAX).min(link.beat_at));
            }
        }
        let next = next.map(|due| due.max(now.mono + 1));
        self.timers.set(Timer::Link(id), link.deadline, next);
        link.deadline = next;
    }

    /// Looks at all clients at once: a timer for each would cost more than it tells.
    fn sweep(&mut self, now: Now) {
        let timeout = self.settings.timeout;
        let mut silent = Vec::new();
        for (&id, link) in self.links.iter_mut().filter(|(_, link)| link.role == Role::Server) {
            // A CZMQ client never says anything by itself, so that one is asked less and less often.
            let patience = (timeout << link.probes.min(10)).min(LONGEST_PROBE.max(timeout));
            let since = now.mono.saturating_sub(link.heard_at.max(link.probed_at));
            if timeout > 0 && since > patience && link.control.is_empty() {
                link.probed_at = now.mono;
                link.probes += 1;
                silent.push((id, link.is_extended()));
            }
        }
        for (id, extended) in silent {
            // That it can be sent at all is the answer: a router refuses it when the peer is gone.
            if extended {
                self.say_heartbeat(id, now);
            } else {
                self.control(id, Frame::new(encode(MessageId::Pong, &Extension::default())));
            }
        }
        self.requested.retain(|_, &mut at| now.mono < at + super::tree::ANSWER);
        let held = &self.store;
        self.history.retain(|&slot, history| {
            history.prune(now.mono);
            !history.is_past(now.mono) && held.get(slot).is_some()
        });
    }

    pub(super) fn schedule_sweep(&mut self, now: Now) {
        let timeout = self.settings.timeout;
        let wait = if timeout > 0 { (timeout / 2).clamp(50, 5000) } else { 5000 };
        let next = Some(now.mono + wait);
        self.timers.set(Timer::Sweep, self.sweep_at, next);
        self.sweep_at = next;
    }
}
