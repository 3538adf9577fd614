//! Deadlines: signs of life are sent, silent peers are detected, tuples expire.

use super::Node;
use crate::core::clock::{COUNTER_BITS, Now};
use crate::core::codec::{Extension, MessageId, Summary, encode, encode_publish};
use crate::core::frame::Frame;
use crate::core::id::{LinkId, Role, Slot};
use crate::core::link::{Link, Phase};
use crate::core::store::{Register, State};
use crate::core::timers::Timer;
use crate::core::tuple::value_hash;
use crate::core::visits::visit;

/// Milliseconds between heartbeats of extended links, plus up to as much again, so that they spread.
const HEARTBEAT: u64 = 1000;
/// Milliseconds between heartbeats while both ends hold the same and nothing changes, plus up to a quarter of it: what
/// is lost then is found within five seconds.
const IDLE_HEARTBEAT: u64 = 4000;
/// Timers that fire in one call: as many as some milliseconds allow, though many keys may expire at the same moment.
const MOST_TIMERS: usize = 2048;
/// Milliseconds by which a server's clock may lag behind this node's before the next heartbeat, which carries the
/// clock, comes after the ordinary interval: a lag that is not worth a message.
const MOST_AHEAD: u64 = 2000;
/// Milliseconds of silence after which a plain server is asked for a PONG: long after a PONG that answers a sign of
/// life is overdue.
const PLAIN_PROBE: u64 = 5000;
/// The longest time in milliseconds between two probes of a silent plain client, which answers none: they show only
/// whether it can be sent something.
const LONGEST_PROBE: u64 = 30_000;
/// The longest time in milliseconds between two probes of a silent extended client, plus up to half of it. Mostly the
/// probe comes before the client's own heartbeat: one server that probes many clients costs less than many clients that
/// ask it.
const EXTENDED_PROBE: u64 = 3000;
/// Bytes of the largest value that is worth sending as a sign of life.
const LARGEST_SIGN: usize = 1024;
/// Number of tuples of which the smallest is taken as a sign of life.
const SIGNS: usize = 256;

impl Node {
    /// Does what is due at `now`, as far as it fits into some milliseconds; what remains is due at once, after others
    /// had their turn. Harmless when nothing is due.
    pub fn handle_timeout(&mut self, now: Now) {
        for _ in 0..MOST_TIMERS {
            let Some(timer) = self.timers.pop(now.mono) else { return };
            visit(1);
            match timer {
                Timer::Slot(slot) => {
                    self.store.set_deadline(slot, None);
                    self.end_slot(slot, now);
                }
                Timer::Delayed(slot) => self.end_delay(slot, now),
                Timer::Link(id) => {
                    if let Some(link) = self.links.get_mut(&id) {
                        link.deadline.on_fired();
                    }
                    self.on_link_timer(id, now);
                    self.schedule_link(id, now);
                }
                Timer::Work => {
                    self.work_deadline.on_fired();
                    self.handle_waiting(now);
                }
                Timer::Reconsider => {
                    self.reconsider_deadline.on_fired();
                    self.reconsider_more(now);
                }
                Timer::Presence => self.on_presence_timer(now),
                Timer::Sweep => {
                    self.sweep_deadline.on_fired();
                    self.sweep(now);
                    self.schedule_sweep(now);
                }
            }
        }
    }

    /// Handles everything that is due on a link.
    fn on_link_timer(&mut self, id: LinkId, now: Now) {
        self.check_plain(id, now);
        self.announce_due(id, now);
        self.retry_probe(id, now);
        self.ask_bulk_again(id, now);
        self.end_list_wait(id, now);
        let of_client = |link: &&mut Link| link.is_up() && link.role() == Role::Client;
        let Some(link) = self.links.get_mut(&id).filter(of_client) else { return };
        let silence = link.liveness.silence(now.mono);
        if link.liveness.becomes_suspect(link.phase(), now.mono) {
            return self.suspects.push_back(id);
        }
        if now.mono < link.next_turn_at() {
            return;
        }
        if link.keeps_awaiting(now.mono) {
            return self.queue_control(id, Frame::new(encode(MessageId::Ping, &Extension::default())));
        }
        if link.is_undetermined() {
            link.pings.expect_none();
        }
        let has_hello = link.handshake.has_hello();
        match link.phase() {
            // Only what a peer sends decides what it is. One that publishes without stamps is a plain one.
            Phase::Handshake if has_hello && link.plain.has_spoken() => self.become_plain(id, now),
            Phase::Handshake if has_hello && self.network.takes(None) => self.become_undetermined(id, now),
            Phase::Undetermined if link.plain.has_spoken() => self.become_plain(id, now),
            Phase::Undetermined => self.ask_again(id, now),
            Phase::Handshake | Phase::Barred => self.start_handshake(id, now),
            Phase::Extended => self.send_next_heartbeat(id, now),
            Phase::Plain => self.keep_alive(id, silence, now),
        }
    }

    /// Lets a plain client be sent what is held, if the client's list is over.
    fn end_list_wait(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.list_wait.ends_at().is_some_and(|until| until <= now.mono) {
            link.list_wait.end();
            self.on_state_taken(id);
            self.mark_ready(id);
        }
    }

    /// Asks again how far the peer has come with the bulk, if the last question was not answered.
    fn ask_bulk_again(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.is_up() && link.is_extended()) else {
            return;
        };
        if link.bulk.missing_at().is_some_and(|at| at <= now.mono) {
            let question = Some(link.bulk.ask(now.mono));
            self.queue_control(id, self.heartbeat(id, Extension { question, ..Extension::default() }, now));
        }
    }

    /// Takes the next client's link whose server may be dead. The caller answers with the engine's verdict, by
    /// [`handle_suspect`](Node::handle_suspect), at once or within seconds.
    pub fn poll_suspect(&mut self) -> Option<LinkId> {
        self.suspects.pop_front()
    }

    /// Takes the engine's verdict on a suspect: whether bytes have passed on its connection of late. If not, the
    /// connection is given up.
    pub fn handle_suspect(&mut self, id: LinkId, bytes_pass: bool, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.liveness.on_verdict(bytes_pass, link.phase(), now.mono) {
            self.abandon_connection(id, now);
        }
    }

    /// Client: sends another PING to a server that has not shown what it speaks.
    fn ask_again(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.on_ping_sent(now.mono);
        link.await_answer(now.mono);
        self.queue_control(id, Frame::new(encode(MessageId::Ping, &Extension::default())));
    }

    /// Client: sends a heartbeat, and another soon if it is not answered.
    fn send_next_heartbeat(&mut self, id: LinkId, now: Now) {
        self.send_heartbeat(id, now);
        let (summary, hidden) = (self.summary_of(id), self.store.count(State::Suppressed));
        let Some(link) = self.links.get_mut(&id) else { return };
        let next = link.liveness.on_heartbeat(now.mono);
        link.set_next_turn(next);
        link.pace.on_sent(summary, hidden);
        link.round_trip.on_asked(now.mono);
        self.heartbeat_soon(id, now);
    }

    /// Lets the next heartbeat come after the ordinary interval at most.
    pub(super) fn heartbeat_soon(&mut self, id: LinkId, now: Now) {
        let wait = HEARTBEAT + self.random.u64(0..=HEARTBEAT);
        if let Some(link) = self.links.get_mut(&id) {
            link.set_next_turn(link.next_turn_at().min(now.mono + wait));
        }
        self.schedule_link(id, now);
    }

    /// Client: takes a heartbeat of the server. Where it holds what this node holds, and this node has said so in its
    /// own heartbeat, the next one may wait for the idle interval.
    pub(super) fn adjust_pace(&mut self, id: LinkId, received: Extension<'_>, theirs: Summary, now: Now) {
        let (ours, hidden) = (self.summary_of(id), self.store.count(State::Suppressed));
        // All follow the fastest clock, and it may be this node's.
        let ahead = self.latest(now).saturating_sub(received.clock.unwrap_or(u64::MAX));
        let Some(link) = self.links.get_mut(&id) else { return };
        if theirs != ours || ahead >> COUNTER_BITS > MOST_AHEAD {
            link.pace.end_idle();
            self.heartbeat_soon(id, now);
        } else if link.pace.may_idle(ours, hidden) {
            link.set_next_turn(now.mono + IDLE_HEARTBEAT + self.random.u64(0..=IDLE_HEARTBEAT / 4));
            self.may_be_idle = true;
            self.schedule_link(id, now);
        }
    }

    /// Ends the idle intervals, because something has changed: the next heartbeats show whether it has arrived.
    pub(super) fn end_idle(&mut self, now: Now) {
        self.may_be_idle = false;
        visit(self.links.len());
        let links = self.links.iter_mut();
        let idle: Vec<LinkId> = links.filter_map(|(&id, link)| link.pace.end_idle().then_some(id)).collect();
        for id in idle {
            self.heartbeat_soon(id, now);
        }
    }

    /// Client of a plain server: sends a sign of life if it is time for one.
    ///
    /// A CZMQ hub forgets a client that is silent, and answers INVALID only when it is sent something other than a
    /// PING. A tuple of this node's own that the hub holds already brings that answer, and changes nothing there.
    /// Without one, HELLO is sent again when the hub may have forgotten this node.
    fn keep_alive(&mut self, id: LinkId, silence: u64, now: Now) {
        let sign = self.sign_of_life(id);
        let Some(link) = self.links.get_mut(&id) else { return };
        let sent_at = link.liveness.sent_at();
        let idle = now.mono.saturating_sub(sent_at);
        let overdue = silence > PLAIN_PROBE && link.pings.expected() == 0;
        if idle < link.keepalive.interval() && !overdue {
            link.set_next_turn(sent_at + link.keepalive.interval());
            return;
        }
        link.keepalive.relax(now.mono);
        link.set_next_turn(now.mono + link.keepalive.interval());
        if let Some(frame) = sign.filter(|_| !overdue) {
            link.keepalive.on_tuple();
            self.queue_control(id, frame);
        } else {
            link.keepalive.on_ping(idle);
            if link.keepalive.is_check_due(now.mono) {
                return self.restart_handshake(id, now);
            }
            link.on_ping_sent(now.mono);
            self.queue_control(id, Frame::new(encode(MessageId::Ping, &Extension::default())));
        }
    }

    /// Encodes, as a sign of life, a small tuple that this node itself published and the peer holds already.
    fn sign_of_life(&mut self, id: LinkId) -> Option<Frame> {
        let (_, slot) = self.smallest_own?;
        let good = |held: &Register| {
            held.is_live() && held.source().is_none() && held.tuple.value().len() <= LARGEST_SIGN
        };
        if !self.store.get(slot).is_some_and(good) {
            let size =
                |(slot, held): (Slot, &Register)| (held.tuple.key().len() + held.tuple.value().len(), slot);
            self.smallest_own = self.store.iter().filter(|(_, held)| good(held)).take(SIGNS).map(size).min();
        }
        let held = self.store.get(self.smallest_own?.1)?;
        let link = self.links.get(&id)?;
        let hash = value_hash(held.tuple.value());
        let known = link.rights.may_read(held.tuple.key())
            && !link.is_unsent(slot, self.store.changes.offset(slot))
            && (link.plain.holds(slot, hash) || !link.plain.is_awaited(slot));
        known.then(|| Frame::new(encode_publish(&held.tuple, 0, Some(held.stamp))))
    }

    /// Moves a link's deadline to the next time at which something is due on it.
    pub(super) fn schedule_link(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let next = link.next_deadline().map(|due| due.max(now.mono + 1));
        self.timers.schedule(Timer::Link(id), &mut link.deadline, next);
    }

    /// Probes silent clients, all in one go: a timer for each would cost more than it is worth.
    fn sweep(&mut self, now: Now) {
        let timeout = self.settings.timeout;
        visit(self.links.len());
        let mut silent = Vec::new();
        for (&id, link) in self.links.iter_mut().filter(|(_, link)| link.role() == Role::Server) {
            // A client that sends nothing by itself, as CZMQ's, is probed less and less often. One that may lack
            // something finds out by the probe.
            let (times, longest) = match link.phase() {
                Phase::Extended if link.sync.summary() != link.rights.summary(&self.store) => {
                    (0, EXTENDED_PROBE)
                }
                Phase::Extended => (link.liveness.probes(), EXTENDED_PROBE),
                _ => (link.liveness.probes(), LONGEST_PROBE),
            };
            let limit = (timeout << times.min(10)).min(longest.max(timeout));
            // That a client can be sent something is its answer: a router refuses it when the peer is gone.
            let idle = link.liveness.idle(now.mono);
            if timeout == 0 || idle <= limit || !link.outbox.is_empty() {
                continue;
            }
            // Clients that came together are not all probed in the same moment for ever.
            if link.is_extended() && idle <= limit + self.random.u64(0..=limit / 2) {
                continue;
            }
            link.liveness.on_client_probe();
            silent.push((id, link.phase()));
        }
        for (id, phase) in silent {
            match phase {
                Phase::Extended => self.send_heartbeat(id, now),
                Phase::Plain => {
                    self.queue_control(id, Frame::new(encode(MessageId::Pong, &Extension::default())));
                }
                // A PONG would be taken for an answer of the handshake that is still under way.
                _ => self.queue_control(id, Frame::new(encode(MessageId::Invalid, &Extension::default()))),
            }
        }
        self.give_up_requests(now);
        self.end_old_doubt(now);
        self.prune_memory(now);
        self.count_links();
        self.reconsider_some();
        self.watch(now);
    }

    pub(super) fn schedule_sweep(&mut self, now: Now) {
        let timeout = self.settings.timeout;
        let wait = if timeout > 0 { (timeout / 2).clamp(50, 5000) } else { 5000 };
        let next = Some(now.mono + wait);
        self.timers.schedule(Timer::Sweep, &mut self.sweep_deadline, next);
    }
}

#[cfg(test)]
mod tests;
