//! What happens when nothing happens: links are kept alive, silent peers found out, tuples expire.

use super::Node;
use crate::core::clock::{COUNTER_BITS, Now};
use crate::core::codec::{Extension, MessageId, Summary, encode, encode_publish};
use crate::core::frame::Frame;
use crate::core::id::{LinkId, Role};
use crate::core::link::{GREETING_PATIENCE, Kind, Link};
use crate::core::timers::Timer;
use crate::core::tuple::value_hash;

/// Heartbeats of extended links come after this time (ms), plus up to as much again …
const HEARTBEAT: u64 = 1000;
/// … or, where both ends hold the same and nothing changes, after this, plus up to a quarter of it.
const CALM: u64 = 4000;
/// A heartbeat of the server makes one of ours unnecessary, but not more of them than this in a row: the
/// server may have missed what we said last.
const MOST_CALM: u32 = 8;
/// Timers that one call looks after: many keys may expire at the same moment.
const MOST_TIMERS: usize = 2048;
/// A server's clock that has been behind ours by more than this (ms) is told of it soon.
const MOST_AHEAD: u64 = 2000;
/// An extended server that has not answered a heartbeat for so long (ms) is gone, unless bytes pass on its
/// connection; then it is asked about again after the same time.
const LOST: u64 = 5000;
/// A plain server that says nothing for so long (ms) is asked for a PONG …
const DOUBT: u64 = 5000;
/// … and is gone when it said nothing for so long.
const PLAIN_LOST: u64 = 20_000;
/// The longest time (ms) between two probes of a silent plain client …
const LONGEST_PROBE: u64 = 30_000;
/// … and of an extended one, plus up to half of it. Mostly it comes before the client's own heartbeat: many
/// clients cost less when they are told all at once than when each asks.
const EXTENDED_PROBE: u64 = 3000;
/// An own tuple larger than this is not worth sending as a sign of life.
const LARGEST_SIGN: usize = 1024;

impl Node {
    /// Does what is due, but not more than fits into some milliseconds: what remains is due at once, after
    /// others had their turn. Harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Now) {
        for _ in 0..MOST_TIMERS {
            let Some(timer) = self.timers.pop(now.mono) else { return };
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
        self.retry_probe(id, now);
        self.bulk_due(id, now);
        self.list_due(id, now);
        let of_client = |link: &&mut Link| link.up && link.role == Role::Client;
        let Some(link) = self.links.get_mut(&id).filter(of_client) else { return };
        let silent = now.mono.saturating_sub(link.heard_at);
        if !link.suspected && is_lost(link, now) {
            return self.suspect(id);
        }
        if now.mono < link.beat_at {
            return;
        }
        if link.is_unknown() {
            link.pings.expect_none();
        }
        match link.kind {
            // Only what a peer says decides what it is. One that publishes without stamps is a plain one.
            Kind::Greeting if link.greeted && link.plain.speaks => self.become_plain(id, now),
            Kind::Greeting if link.greeted => self.become_unsure(id, now),
            Kind::Unsure if link.plain.speaks => self.become_plain(id, now),
            Kind::Unsure => self.ask_again(id, now),
            Kind::Greeting => self.greet(id, now),
            Kind::Extended => self.beat(id, now),
            Kind::Plain => self.keep_alive(id, silent, now),
        }
    }

    /// A plain client has said what it holds: it is told what we do.
    fn list_due(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.listens.is_some_and(|(until, _)| until <= now.mono) {
            link.listens = None;
            self.mark_ready(id);
        }
    }

    /// A question about what was sent in bulk was not answered: it is asked again.
    fn bulk_due(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.up && link.is_extended()) else { return };
        if link.bulk.missing_at().is_some_and(|at| at <= now.mono) {
            let question = Some(link.bulk.ask(now.mono));
            self.control(id, self.heartbeat(id, Extension { question, ..Extension::default() }, now));
        }
    }

    /// A server has been silent for too long. Only whole frames are heard, and a large one may be under way in
    /// either direction: the driver knows.
    fn suspect(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.suspected = true;
            self.suspects.push_back(id);
        }
    }

    /// A client link whose server is taken for dead, unless [`handle_suspect`](Node::handle_suspect) says
    /// otherwise. Every link that is polled here wants that answer, at once or within seconds.
    pub fn poll_suspect(&mut self) -> Option<LinkId> {
        self.suspects.pop_front()
    }

    /// Whether bytes of frames have passed of late on a suspect's connection: then it is no longer a suspect, for a
    /// while. If not, the connection is given up.
    pub fn handle_suspect(&mut self, id: LinkId, bytes_pass: bool, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !std::mem::take(&mut link.suspected) {
            return; // the connection is another one by now
        }
        if bytes_pass {
            link.trusted_until = now.mono + LOST;
        } else if is_lost(link, now) {
            self.give_up(id, now);
        }
    }

    /// Client: a server that has not shown what it speaks is asked once more.
    fn ask_again(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.pings.said(1);
        link.beat_at = now.mono + GREETING_PATIENCE;
        self.control(id, Frame::new(encode(MessageId::Ping, &Extension::default())));
    }

    /// Client: a heartbeat, and another soon if it is not answered.
    fn beat(&mut self, id: LinkId, now: Now) {
        self.say_heartbeat(id, now);
        let told = self.summary();
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.probes == 0 {
            link.asked_at = now.mono;
        }
        link.probes += 1;
        (link.told, link.calm) = (told, 0);
        link.beat_at = link.asked_at + LOST;
        self.beat_soon(id, now);
    }

    /// The next heartbeat comes after a short pause at most.
    pub(super) fn beat_soon(&mut self, id: LinkId, now: Now) {
        let wait = HEARTBEAT + self.random.u64(0..=HEARTBEAT);
        if let Some(link) = self.links.get_mut(&id) {
            link.beat_at = link.beat_at.min(now.mono + wait);
        }
        self.schedule_link(id, now);
    }

    /// Client: a heartbeat of the server has come. Where it holds what we hold, and was told so, there is
    /// no hurry with the next.
    pub(super) fn pace(&mut self, id: LinkId, heard: Extension, theirs: Summary, now: Now) {
        let ours = self.summary();
        // All follow the fastest clock, and it may be ours.
        let ahead = self.latest(now).saturating_sub(heard.clock.unwrap_or(u64::MAX));
        let Some(link) = self.links.get_mut(&id) else { return };
        if theirs != ours || ahead >> COUNTER_BITS > MOST_AHEAD {
            link.calm = 0;
            self.beat_soon(id, now);
        } else if link.told == ours && link.calm < MOST_CALM {
            link.calm += 1;
            link.beat_at = now.mono + CALM + self.random.u64(0..=CALM / 4);
            self.calm = true;
            self.schedule_link(id, now);
        }
    }

    /// Something has changed: the next heartbeats, which tell whether it has arrived, are not put off any
    /// longer.
    pub(super) fn rouse(&mut self, now: Now) {
        self.calm = false;
        let calm = self.links.iter_mut().filter(|(_, link)| link.calm > 0);
        let ids: Vec<LinkId> = calm
            .map(|(&id, link)| {
                link.calm = 0;
                id
            })
            .collect();
        ids.into_iter().for_each(|id| self.beat_soon(id, now));
    }

    /// A CZMQ hub forgets a client that is silent, and says so only when it is sent something other
    /// than a PING. A tuple of our own that the hub holds already tells, and changes nothing there.
    /// Without one, HELLO is said again where there is reason to doubt.
    fn keep_alive(&mut self, id: LinkId, silent: u64, now: Now) {
        let sign = self.sign_of_life(id);
        let Some(link) = self.links.get_mut(&id) else { return };
        let idle = now.mono.saturating_sub(link.sent_at);
        let overdue = silent > DOUBT && link.pings.expected == 0;
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
            link.pings.said(1);
            self.control(id, Frame::new(encode(MessageId::Ping, &Extension::default())));
        }
    }

    /// A small tuple that this node itself published and the peer holds as we do.
    fn sign_of_life(&mut self, id: LinkId) -> Option<Frame> {
        let (_, slot) = self.own_smallest?;
        let good = |held: &crate::core::store::Register| {
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
        let known = !link.is_unsent(slot, self.store.changes.offset(slot))
            && (link.plain.holds(slot, hash) || !link.plain.is_pending(slot));
        known.then(|| Frame::new(encode_publish(&held.tuple, 0, Some(held.stamp))))
    }

    /// Moves a link's deadline to the next thing that it has to do.
    pub(super) fn schedule_link(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let mut next = None;
        if link.up {
            next = match link.kind {
                Kind::Plain => {
                    let list_ends = link.listens.map(|(until, _)| until);
                    [link.plain.next_check(), list_ends].into_iter().flatten().min()
                }
                Kind::Extended => {
                    [link.branches.announce_at(), link.bulk.missing_at()].into_iter().flatten().min()
                }
                _ => None,
            };
            next = [next, link.acks.retry_at()].into_iter().flatten().min();
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
        let ours = self.summary();
        let mut silent = Vec::new();
        for (&id, link) in self.links.iter_mut().filter(|(_, link)| link.role == Role::Server) {
            // One that says nothing by itself, as CZMQ's clients, is asked less and less often. One that may
            // lack something finds out by what it is told.
            let (times, longest) = match link.kind {
                Kind::Extended if link.summary != ours => (0, EXTENDED_PROBE),
                Kind::Extended => (link.probes, EXTENDED_PROBE),
                _ => (link.probes, LONGEST_PROBE),
            };
            let patience = (timeout << times.min(10)).min(longest.max(timeout));
            // That a client can be sent something is its answer: a router refuses it when the peer is gone.
            let since = now.mono.saturating_sub(link.heard_at.max(link.sent_at));
            if timeout == 0 || since <= patience || !link.control.is_empty() {
                continue;
            }
            // Clients that came together are not all told in the same moment for ever.
            if link.is_extended() && since <= patience + self.random.u64(0..=patience / 2) {
                continue;
            }
            link.probes += 1;
            silent.push((id, link.kind));
        }
        for (id, kind) in silent {
            match kind {
                Kind::Extended => self.say_heartbeat(id, now),
                Kind::Plain => self.control(id, Frame::new(encode(MessageId::Pong, &Extension::default()))),
                // A PONG would be taken for the answer to the greeting that is still under way.
                _ => self.control(id, Frame::new(encode(MessageId::Invalid, &Extension::default()))),
            }
        }
        self.forget_requests(now);
        self.prune_history(now);
        self.reconsider_some();
    }

    pub(super) fn schedule_sweep(&mut self, now: Now) {
        let timeout = self.settings.timeout;
        let wait = if timeout > 0 { (timeout / 2).clamp(50, 5000) } else { 5000 };
        let next = Some(now.mono + wait);
        self.timers.set(Timer::Sweep, self.sweep_at, next);
        self.sweep_at = next;
    }
}

/// Whether a server has been silent for longer than a live one is.
fn is_lost(link: &Link, now: Now) -> bool {
    let silent = now.mono.saturating_sub(link.heard_at);
    let lost = match link.kind {
        Kind::Extended => link.probes > 0 && now.mono >= link.asked_at + LOST,
        Kind::Plain | Kind::Unsure if link.answers => silent > PLAIN_LOST,
        _ => silent > link.patience,
    };
    lost && now.mono >= link.trusted_until
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::settings::Settings;
    use std::collections::VecDeque;

    const SECOND: u64 = 1000;
    const CLIENT: usize = 0;
    const SERVER: usize = 1;

    fn now(mono: u64) -> Now {
        Now { mono, wall: 1_800_000_000_000 + mono }
    }

    /// A client and its server, in virtual time.
    struct Pair {
        nodes: [Node; 2],
        links: [LinkId; 2],
        wires: [VecDeque<Frame>; 2],
        time: u64,
        /// When who said which message.
        said: Vec<(u64, usize, u8)>,
        /// This one does nothing, for now or for ever.
        stopped: Option<usize>,
        /// Tuples do not arrive.
        lossy: bool,
        /// What is said of suspects, and how often it was.
        bytes_pass: bool,
        suspects: u32,
    }

    impl Pair {
        fn new(seed: u64, timeout: u64) -> Pair {
            let settings = Settings { timeout, ..Settings::default() };
            let mut nodes = [0, 1].map(|node| Node::new(settings.clone(), 2 * seed + node, now(1)));
            let client = nodes[CLIENT].open_link(Role::Client, now(1)).unwrap();
            let server = nodes[SERVER].open_link(Role::Server, now(1)).unwrap();
            nodes[CLIENT].link_up(client, now(1));
            let (links, wires, said) = ([client, server], Default::default(), Vec::new());
            Pair {
                nodes,
                links,
                wires,
                time: 1,
                said,
                stopped: None,
                lossy: false,
                bytes_pass: false,
                suspects: 0,
            }
        }

        /// One that has had nothing to say for long.
        fn calm(seed: u64, timeout: u64) -> Pair {
            let mut pair = Pair::new(seed, timeout);
            pair.publish(CLIENT, "a");
            pair.run(20 * SECOND);
            pair.said.clear();
            pair
        }

        fn publish(&mut self, node: usize, key: &str) {
            self.nodes[node].publish(key.as_bytes(), b"value", 0, now(self.time)).unwrap();
        }

        fn talk(&mut self) {
            let mut moved = true;
            while std::mem::take(&mut moved) {
                for from in (0..2).filter(|&node| self.stopped != Some(node)) {
                    while let Some(frame) = self.nodes[from].poll_transmit(self.links[from], now(self.time)) {
                        let kind = frame.bytes()[2];
                        // What only tells the clock is no sign of life, and is not answered.
                        let time = Extension { sent: Some(self.time), ..Extension::default() };
                        if frame.bytes() != encode(MessageId::Heartbeat, &time) {
                            self.said.push((self.time, from, kind));
                        }
                        let tuples = [MessageId::Batch as u8, MessageId::Publish as u8];
                        if !self.lossy || !tuples.contains(&kind) {
                            self.wires[from].push_back(frame);
                        }
                    }
                }
                for to in (0..2).filter(|&node| self.stopped != Some(node)) {
                    while let Some(frame) = self.wires[1 - to].pop_front() {
                        self.nodes[to].handle_frame(self.links[to], frame.bytes(), now(self.time));
                        moved = true;
                    }
                }
            }
        }

        fn run(&mut self, duration: u64) {
            let end = self.time + duration;
            loop {
                self.talk();
                let awake = |node: &usize| self.stopped != Some(*node);
                let due = (0..2).filter(awake).filter_map(|node| self.nodes[node].poll_timeout()).min();
                self.time = due.map_or(end, |due| due.clamp(self.time, end));
                if self.time == end {
                    return;
                }
                for node in (0..2).filter(|&node| self.stopped != Some(node)) {
                    self.nodes[node].handle_timeout(now(self.time));
                    while let Some(id) = self.nodes[node].poll_suspect() {
                        self.suspects += 1;
                        self.nodes[node].handle_suspect(id, self.bytes_pass, now(self.time));
                    }
                }
            }
        }

        /// When a node said HEARTBEAT.
        fn beats(&self, node: usize) -> Vec<u64> {
            let beats = self
                .said
                .iter()
                .filter(|&&(_, from, kind)| from == node && kind == MessageId::Heartbeat as u8);
            beats.map(|&(at, ..)| at).collect()
        }

        fn agree(&self) -> bool {
            self.nodes[CLIENT].root() == self.nodes[SERVER].root()
        }
    }

    #[test]
    fn what_has_expired_is_not_read_before_its_turn_has_come() {
        let mut node = Node::new(Settings::default(), 1, now(1));
        node.publish(b"short", b"value", 100, now(1)).unwrap();
        node.publish(b"long", b"value", 200, now(1)).unwrap();
        node.publish(b"ever", b"value", 0, now(1)).unwrap();
        for (time, left) in [(100, 3), (101, 2), (200, 2), (201, 1)] {
            assert_eq!(node.count_readable(now(time)), left, "{time} ms");
            assert_eq!(node.readable(now(time)).count(), left, "{time} ms");
            assert_eq!(node.get(b"short", now(time)).is_some(), left == 3, "{time} ms");
        }
        assert_eq!(node.count(), 3);
        assert_eq!(node.retract(b"short", now(300)), Ok(false));
        node.handle_timeout(now(300));
        assert_eq!((node.count(), node.count_readable(now(300))), (1, 1));
    }

    #[test]
    fn heartbeats_are_rare_while_nothing_changes_and_frequent_when_something_does() {
        for seed in 0..20 {
            // This server says nothing unasked.
            let mut pair = Pair::calm(seed, 0);
            pair.run(60 * SECOND);
            let beats = pair.beats(CLIENT);
            assert!((11..=15).contains(&beats.len()), "{beats:?}");
            assert!(beats.windows(2).all(|two| (CALM..=CALM * 5 / 4).contains(&(two[1] - two[0]))));
            assert_eq!(pair.beats(SERVER), beats);
            for writer in [CLIENT, SERVER] {
                for step in 0..10 {
                    pair.said.clear();
                    pair.publish(writer, &format!("{writer} {step}"));
                    pair.run(step % 3 * SECOND);
                    pair.publish(writer, &format!("{writer} {step} again"));
                    pair.run(2 * HEARTBEAT + 1);
                    assert!(!pair.beats(CLIENT).is_empty(), "step {step}");
                }
                pair.run(20 * SECOND);
            }
        }
    }

    #[test]
    fn a_server_that_probes_its_clients_is_asked_less_and_finds_out_soon_who_is_gone() {
        for seed in 0..20 {
            let mut pair = Pair::calm(seed, 1000);
            pair.run(120 * SECOND);
            let (asked, told) = (pair.beats(CLIENT), pair.beats(SERVER));
            // All in all fewer than one exchange each four seconds.
            assert!(asked.len() < 20 && told.len() < 45, "{asked:?} {told:?}");
            assert!(asked.len() > 2, "the server may have missed what the client told it: {asked:?}");
            // It learns by sending that nobody is there any more.
            pair.stopped = Some(CLIENT);
            pair.run(60 * SECOND);
            let told = pair.beats(SERVER);
            assert!(told.windows(2).all(|two| two[1] - two[0] <= 5 * SECOND), "{told:?}");
            assert!(told.last().is_some_and(|&last| pair.time - last <= 5 * SECOND), "{told:?}");
        }
    }

    #[test]
    fn what_was_lost_while_nothing_else_changed_is_found_soon() {
        for (seed, timeout, most) in (0..20).flat_map(|seed| [(seed, 1000, 3), (seed, 0, 5)]) {
            for writer in [CLIENT, SERVER] {
                let mut pair = Pair::calm(seed, timeout);
                pair.lossy = true;
                pair.publish(writer, "lost");
                pair.talk();
                pair.lossy = false;
                assert!(!pair.agree());
                pair.run(if writer == CLIENT { 2 * HEARTBEAT } else { most * SECOND } + 1);
                assert!(pair.agree(), "seed {seed}, timeout {timeout}, node {writer}");
            }
        }
    }

    #[test]
    fn a_dead_server_is_noticed_and_one_that_pauses_is_not_given_up() {
        for (seed, timeout) in (0..50).flat_map(|seed| [(seed, 0), (seed, 1000)]) {
            let mut pair = Pair::calm(seed, timeout);
            pair.run(seed * 97);
            for pause in [1, 3, 4, 4] {
                pair.stopped = Some(SERVER);
                pair.run(pause * SECOND + 900);
                assert_eq!(pair.nodes[CLIENT].poll_stale(), None, "seed {seed}");
                pair.stopped = None;
                pair.run(10 * SECOND);
                assert_eq!(pair.nodes[CLIENT].poll_stale(), None, "seed {seed}");
            }
            pair.stopped = Some(SERVER);
            let death = pair.time;
            while pair.nodes[CLIENT].poll_stale().is_none() {
                assert!(pair.time < death + 10 * SECOND, "not noticed, seed {seed}");
                pair.run(10);
            }
        }
    }

    #[test]
    fn a_silent_server_is_not_given_up_while_bytes_pass() {
        for seed in 0..50 {
            let mut pair = Pair::calm(seed, 1000);
            (pair.stopped, pair.bytes_pass) = (Some(SERVER), true);
            pair.run(60 * SECOND);
            assert_eq!(pair.nodes[CLIENT].poll_stale(), None, "seed {seed}");
            assert!((8..=12).contains(&pair.suspects), "asked {} times, seed {seed}", pair.suspects);
            pair.bytes_pass = false;
            let end = pair.time;
            while pair.nodes[CLIENT].poll_stale().is_none() {
                assert!(pair.time <= end + LOST, "not noticed, seed {seed}");
                pair.run(10);
            }
        }
    }

    #[test]
    fn what_is_said_of_a_suspect_does_not_concern_its_next_connection() {
        let mut pair = Pair::calm(1, 1000);
        let link = pair.links[CLIENT];
        pair.stopped = Some(SERVER);
        let client = &mut pair.nodes[CLIENT];
        let mut time = pair.time;
        let suspect = loop {
            time += 10;
            client.handle_timeout(now(time));
            match client.poll_suspect() {
                Some(suspect) => break suspect,
                None => while client.poll_transmit(link, now(time)).is_some() {},
            }
        };
        client.link_down(link, now(time));
        client.link_up(link, now(time));
        client.handle_suspect(suspect, false, now(time));
        assert_eq!(client.poll_stale(), None);
    }
}
