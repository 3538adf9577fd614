//! Routes each message of a peer to its part of the node, and handles the messages of the session itself.

use super::Node;
use crate::core::clock::{Now, is_possible};
use crate::core::codec::{Extension, Invalid, Message, MessageId, Record, RecordKind, decode, encode};
use crate::core::event::Event;
use crate::core::frame::Frame;
use crate::core::id::{LinkId, Role};
use crate::core::link::Link;
use crate::core::link::handshake::Outcome;
use crate::core::store::State;
use crate::warning::Kind;

impl Node {
    /// Takes a frame from a peer. Of a message of several frames only the last counts, as with CZMQ.
    pub fn handle_frame(&mut self, id: LinkId, frame: &[u8], now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        self.counters.frames_in += 1;
        self.counters.bytes_in += frame.len() as u64;
        link.traffic.on_received(frame.len());
        if !link.is_up() {
            return;
        }
        link.liveness.on_frame(now.mono);
        match decode(frame) {
            Ok(message) => {
                self.debug(|| format!("link {}: received {}", id.get(), name(&message)));
                match self.links.get(&id).map(|link| (link.role(), link.is_barred())) {
                    Some((role, true)) => self.handle_of_barred(id, role, message, now),
                    Some((Role::Client, _)) => self.handle_as_client(id, message, frame, now),
                    _ => self.handle_as_server(id, message, frame, now),
                }
            }
            Err(error) => self.on_malformed(id, error, now),
        }
    }

    fn on_malformed(&mut self, id: LinkId, error: Invalid, now: Now) {
        self.counters.malformed += 1;
        self.warn_of_dropped(Kind::Malformed, id, error, now);
    }

    /// Drops a message that no peer in the link's role sends.
    fn on_unexpected(&mut self, id: LinkId, message: &Message<'_>, now: Now) {
        self.counters.malformed += 1;
        self.warn_of_dropped(Kind::Unexpected, id, name(message), now);
    }

    fn handle_as_client(&mut self, id: LinkId, message: Message<'_>, frame: &[u8], now: Now) {
        match message {
            Message::Pong(extension) if extension.node.is_some() => self.on_introduction(id, extension, now),
            Message::Pong(Extension { network: Some(theirs), .. }) => self.on_barred(id, theirs, now),
            Message::Pong(_) => self.on_pong(id, now),
            Message::Invalid => self.on_invalid(id, now),
            Message::Hello(_) | Message::Ping | Message::Request(_) if !self.is_extended(id) => {
                self.on_unexpected(id, &message, now);
            }
            other => self.handle_tuples(id, other, frame, now),
        }
    }

    fn handle_as_server(&mut self, id: LinkId, message: Message<'_>, frame: &[u8], now: Now) {
        match message {
            Message::Hello(extension) => self.on_hello(id, extension, now),
            Message::Ping => {
                if let Some(link) = self.links.get_mut(&id).filter(|link| link.handshake.has_hello()) {
                    link.plain.on_ping();
                }
                // An extended client that goes on sending PING has missed this node's introduction.
                let who =
                    if self.is_extended(id) { self.introduction(id, now) } else { Extension::default() };
                self.queue_control(id, Frame::new(encode(MessageId::Pong, &who)));
            }
            Message::Pong(_) | Message::Invalid => self.on_unexpected(id, &message, now),
            other => {
                let has_hello = self.links.get(&id).is_some_and(|link| link.handshake.has_hello());
                if !has_hello {
                    self.send_invalid(id, now);
                }
                if has_hello {
                    return self.handle_tuples(id, other, frame, now);
                }
                // Anything but a plain tuple needs a session.
                let Message::Publish { key, value, .. } = other else { return };
                if !self.network.takes(None) {
                    return;
                }
                let link = self.links.get_mut(&id);
                if link.is_some_and(|link| link.handshake.takes_before_hello(key.len() + value.len())) {
                    self.handle_tuples(id, other, frame, now);
                } else {
                    self.count_refused(id);
                    self.warn_of_dropped(Kind::Unexpected, id, "too much before HELLO", now);
                }
            }
        }
    }

    /// Handles the messages that are alike in both roles.
    fn handle_tuples(&mut self, id: LinkId, message: Message<'_>, frame: &[u8], now: Now) {
        if !self.network.takes(None) && !self.is_extended(id) {
            return; // a server that has yet to show its network
        }
        if let Message::Publish { key, value, ttl, extension } = message {
            // A value that ever had a stamp is never judged without it. So a stamp is believed whoever sends it, and
            // a value without one from a peer that knows stamps is a mistake.
            match extension.stamp {
                Some(stamp) => {
                    let (kind, announced) = (RecordKind::Live, extension.announced);
                    self.on_record(id, &Record { kind, key, value, ttl, stamp, announced }, now);
                }
                None if self.is_extended(id) => self.counters.duplicates += 1,
                None => self.on_unstamped(id, key, value, now),
            }
            return;
        }
        if !self.is_extended(id) {
            return self.on_unexpected(id, &message, now);
        }
        match message {
            Message::Batch(batch) => batch.iter().for_each(|record| self.on_record(id, &record, now)),
            Message::Members(records) => self.on_members(id, records, now),
            Message::Heartbeat(Extension { sent: Some(sent), .. }) => {
                if let Some(link) = self.links.get_mut(&id) {
                    link.transit.on_clock(sent, now.mono);
                }
            }
            Message::Heartbeat(_)
            | Message::Digest(_)
            | Message::Entries(_)
            | Message::Request(_)
            | Message::Announce(_)
            | Message::Prune(_)
            | Message::Graft(_)
            | Message::Offer(_) => self.take_charged(id, &message, frame, now),
            other => self.on_unexpected(id, &other, now),
        }
    }

    pub(super) fn is_extended(&self, id: LinkId) -> bool {
        self.links.get(&id).is_some_and(|link| link.is_extended())
    }

    /// Server: takes HELLO. The session starts, or starts anew.
    pub(super) fn on_hello(&mut self, id: LinkId, extension: Extension<'_>, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.handshake.on_hello() {
            link.plain.on_another_hello();
        }
        link.drop_unsent();
        link.plain.on_hello(true, now.mono);
        let Some(peer) = extension.node else { return self.become_plain(id, now) };
        if self.bars(id, &extension, now) {
            return;
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        link.on_introduced(peer, &extension);
        self.on_knowledge(id, extension.knowledge, now);
        self.observe(id, extension, now);
        if let Some((link, summary)) = self.links.get_mut(&id).zip(extension.summary) {
            link.sync.on_summary(summary, extension.hidden);
        }
        let cursor = self.store.changes.end();
        self.become_extended(id, cursor, now);
        if extension.summary.is_some_and(|summary| summary.root == self.summary_of(id).root) {
            self.close_gap(id);
            self.on_state_taken(id);
        }
        let pong = encode(MessageId::Pong, &self.introduction(id, now));
        self.queue_control(id, Frame::new(pong));
    }

    /// Client: takes the introduction of a server, which turns out to be extended.
    pub(super) fn on_introduction(&mut self, id: LinkId, extension: Extension<'_>, now: Now) {
        let (Some(link), Some(peer)) = (self.links.get_mut(&id), extension.node) else { return };
        if link.is_extended() {
            return;
        }
        if self.bars(id, &extension, now) {
            return;
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        link.on_introduced(peer, &extension);
        // If the peer was slow to answer, it is being sent everything in plain form; the rest follows the log.
        let cursor = link.cursor();
        link.sync.on_summary(extension.summary.unwrap_or_default(), extension.hidden);
        self.find_itself(id, peer);
        self.on_knowledge(id, extension.knowledge, now);
        self.observe(id, extension, now);
        self.become_extended(id, cursor, now);
        if extension.summary.is_some() {
            self.compare(id, now);
        }
    }

    /// Client: finds out whether a server is this node itself, or one to which it is connected under another name.
    fn find_itself(&mut self, id: LinkId, peer: u64) {
        if peer == self.id {
            return self.events.push_back(Event::OwnId(id));
        }
        let is_same = |link: &Link| link.role() == Role::Client && link.is_up() && link.peer() == Some(peer);
        let other = self.links.iter().find(|&(&other, link)| other != id && is_same(link));
        if let Some((&other, _)) = other {
            self.events.push_back(Event::SamePeer(id, other));
        }
    }

    /// Client: takes the answer to a PING. The answer to the PING behind HELLO shows that a plain server has taken the
    /// HELLO and sent all its tuples.
    fn on_pong(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.pings.on_pong();
        link.round_trip.on_answer(now.mono);
        link.receipts.on_pong();
        link.keepalive.on_pong(now.mono);
        let passed = link.acks.on_pong();
        let outcome = link.handshake.on_pong();
        match outcome.filter(|_| link.is_undetermined()) {
            Some(Outcome::Refused) => self.restart_handshake(id, now),
            Some(Outcome::Accepted) => self.become_plain(id, now),
            None => {}
        }
        if outcome == Some(Outcome::Accepted) && self.links.get(&id).is_some_and(Link::is_plain) {
            self.on_state_taken(id);
        }
        if passed {
            self.mark_ready(id);
        }
    }

    /// Client: takes INVALID. The server does not know this node.
    fn on_invalid(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.is_undetermined() {
            return link.handshake.on_invalid();
        }
        link.keepalive.on_forgotten(now.mono);
        self.restart_handshake(id, now);
    }

    /// Server: sends INVALID to a client that has no session, because either end is new. The client's HELLO brings all
    /// the rest.
    fn send_invalid(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.may_send_invalid(now.mono) {
            self.queue_control(id, Frame::new(encode(MessageId::Invalid, &Extension::default())));
        }
    }

    /// Takes the heartbeat of an extended peer, with its summary. A server answers with its own heartbeat; a
    /// client compares, and begins anti-entropy where the two differ. A question is answered in both roles.
    pub(super) fn on_heartbeat(&mut self, id: LinkId, extension: Extension<'_>, now: Now) {
        self.observe(id, extension, now);
        let root = self.summary_of(id).root;
        let Some(link) = self.links.get_mut(&id) else { return };
        if let Some(summary) = extension.summary {
            link.sync.on_summary(summary, extension.hidden);
        }
        let holds_ours = extension.summary.is_some_and(|summary| summary.root == root);
        link.sync.on_owed(extension.owed.unwrap_or(0));
        let role = link.role();
        if role == Role::Client && extension.question.is_none() && extension.answer.is_none() {
            link.round_trip.on_answer(now.mono);
        }
        if holds_ours {
            link.sync.end_first_comparison();
            self.close_gap(id);
            self.on_state_taken(id);
            self.tell_dropped();
        }
        if let Some(answer) = extension.answer {
            self.on_answer(id, answer, now);
        } else if role == Role::Server || extension.question.is_some() {
            self.answer_heartbeat(id, extension.question, now);
        } else if let Some(summary) = extension.summary {
            if self.may_compare(id, now) {
                self.compare(id, now);
            }
            self.adjust_pace(id, extension, summary, now);
        }
        self.look_for_state(id);
    }

    pub(super) fn send_heartbeat(&mut self, id: LinkId, now: Now) {
        self.queue_control(id, self.heartbeat(id, Extension::default(), now));
    }

    /// Makes a heartbeat that also carries the fields of `extension`.
    pub(super) fn heartbeat(&self, id: LinkId, extension: Extension<'_>, now: Now) -> Frame {
        let end = self.store.changes.end();
        // The heartbeat overtakes both, and its summary covers what they bring: the peer is sent their number, to
        // expect them.
        let waits = |link: &Link| link.bulk.len() + end.saturating_sub(link.cursor()) as usize;
        let owed = self.links.get(&id).map_or(0, waits);
        let owed = u32::try_from(owed).ok().filter(|&owed| owed > 0);
        let (clock, summary) = (Some(self.latest(now)), Some(self.summary_of(id)));
        let wall = Some(now.wall).filter(|&wall| is_possible(wall));
        let hidden = self.hidden_field(id);
        let fields = Extension { clock, summary, wall, owed, hidden, ..extension };
        Frame::new(encode(MessageId::Heartbeat, &fields))
    }

    /// The number of tuples of the summary that this node hides, where there are any.
    pub(super) fn hidden_field(&self, id: LinkId) -> Option<u32> {
        if self.links.get(&id).is_some_and(|link| link.rights.view.is_some()) {
            return None; // it may be of what the peer may not read
        }
        u32::try_from(self.store.count(State::Suppressed)).ok().filter(|&hidden| hidden > 0)
    }

    /// Lets this node's clock follow the peer's, unless the peer's is too far ahead.
    ///
    /// Tuples written before the first contact were stamped by a clock that knew nothing of the network's, which may be
    /// ahead by as much as its fastest member's. Their stamps are moved by the difference, so that a node that
    /// restarts and writes wins over its former self.
    fn observe(&mut self, id: LinkId, extension: Extension<'_>, now: Now) {
        let Some(time) = extension.clock else { return };
        self.on_wall(id, extension, now);
        if self.is_too_far_ahead(time, now) {
            self.tally_drift(id, time, now);
        } else {
            // This node's clock was set back since it stamped: the peer shows that the present one is right.
            if self.is_too_far_ahead(self.latest(now), now) {
                self.return_own(now);
            }
            // Tuples written so far were stamped by this node's clock alone.
            let before = self.clock.latest(now);
            self.follow(time, now);
            let time = time.min(self.clock.latest(now));
            if time > before {
                self.tally_lead(id, before, time, now);
            }
            if !std::mem::replace(&mut self.contacted, true) {
                self.contacted_at = time;
                if time > before {
                    self.advance_own(before, time, now);
                }
            }
        }
    }

    /// Queues a frame that goes before tuples, unless too many wait. A frame that is dropped may have announced what
    /// the peer lacks, so that it leaves a gap.
    pub(super) fn queue_control(&mut self, id: LinkId, frame: Frame) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.is_up() && link.outbox.room() > 0 {
            link.outbox.push(frame);
            self.mark_ready(id);
        } else {
            self.leave_gap(id);
        }
    }
}

fn name(message: &Message<'_>) -> &'static str {
    match message {
        Message::Hello(_) => "HELLO",
        Message::Publish { .. } => "PUBLISH",
        Message::Ping => "PING",
        Message::Pong(_) => "PONG",
        Message::Invalid => "INVALID",
        Message::Batch(_) => "BATCH",
        Message::Heartbeat(_) => "HEARTBEAT",
        Message::Digest(_) => "DIGEST",
        Message::Entries(_) => "ENTRIES",
        Message::Request(_) => "REQUEST",
        Message::Announce(_) => "ANNOUNCE",
        Message::Prune(_) => "PRUNE",
        Message::Graft(_) => "GRAFT",
        Message::Offer(_) => "OFFER",
        Message::Members(_) => "MEMBERS",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::codec::encode_publish;
    use crate::core::settings::Settings;
    use crate::core::tuple::Tuple;

    #[test]
    fn a_server_whose_introduction_was_lost_is_not_taken_for_a_plain_one_for_long() {
        let mut nodes = [1, 2].map(|seed| Node::new(Settings::default(), seed, Now::at(1)));
        let links = [
            nodes[0].open_link(Role::Client, Now::at(1)).unwrap(),
            nodes[1].open_link(Role::Server, Now::at(1)).unwrap(),
        ];
        nodes[0].link_up(links[0], Now::at(1));
        let mut lost = 0;
        for mono in 1..6000 {
            for from in [0, 1] {
                nodes[from].handle_timeout(Now::at(mono));
                while let Some(frame) = nodes[from].poll_transmit(links[from], Now::at(mono)) {
                    let introduces = from == 1 && frame.bytes()[2] == MessageId::Pong as u8;
                    if introduces && frame.bytes().len() > 4 && lost == 0 {
                        lost += 1;
                    } else {
                        nodes[1 - from].handle_frame(links[1 - from], frame.bytes(), Now::at(mono));
                    }
                }
            }
        }
        assert_eq!(lost, 1);
        assert!(nodes[0].is_extended(links[0]));
    }

    /// A plain hub loses one PONG and forgets the client twice. How long (ms) each handshake then takes is measured: the next
    /// sign of life brings the answer that is missing.
    #[test]
    fn an_answer_that_is_lost_delays_handshakes_by_no_more_than_a_sign_of_life() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        let link = node.open_link(Role::Client, Now::at(1)).unwrap();
        node.link_up(link, Now::at(1));
        let (pong, invalid) = (MessageId::Pong, MessageId::Invalid);
        let say = |node: &mut Node, what, mono| {
            node.handle_frame(link, &encode(what, &Extension::default()), Now::at(mono));
        };
        let (mut lost, mut since, mut took) = (0, 1, Vec::new());
        for mono in 1..20_000 {
            node.handle_timeout(Now::at(mono));
            while let Some(frame) = node.poll_transmit(link, Now::at(mono)) {
                match frame.bytes()[2] {
                    id if id == MessageId::Ping as u8 && mono > 1000 && lost == 0 => lost += 1,
                    id if id == MessageId::Ping as u8 => say(&mut node, pong, mono),
                    _ => {}
                }
            }
            if took.len() == mono as usize / 7000 && node.links[&link].is_plain() {
                took.push(mono - since);
            }
            if mono % 7000 == 6999 {
                // The hub has sent a tuple meanwhile, so that it is known to be plain.
                node.handle_frame(
                    link,
                    &encode_publish(&Tuple::new(b"key", b"value"), 0, None),
                    Now::at(mono),
                );
                say(&mut node, invalid, mono);
                since = mono;
            }
        }
        assert!(took.len() == 3 && took[0] < 5 && took[1].max(took[2]) < 305, "{took:?}");
    }

    /// A heartbeat overtakes the changes that wait for the socket, and its summary covers them.
    #[test]
    fn changes_that_wait_are_owed_and_not_compared_for() {
        let mut nodes = [1, 2].map(|seed| Node::new(Settings::default(), seed, Now::at(1)));
        let links = [
            nodes[0].open_link(Role::Client, Now::at(1)).unwrap(),
            nodes[1].open_link(Role::Server, Now::at(1)).unwrap(),
        ];
        nodes[0].link_up(links[0], Now::at(1));
        let value = [b'x'; 300];
        let mut compared = 0;
        for mono in 1..10_000 {
            if mono == 5000 {
                (0..5000).for_each(|key| {
                    nodes[1].publish(format!("{key}").as_bytes(), &value, 0, Now::at(mono)).unwrap();
                });
            }
            for from in [0, 1] {
                nodes[from].handle_timeout(Now::at(mono));
                // The server's socket has room for a frame each 30 ms.
                let most = if from == 1 && mono >= 5000 { usize::from(mono % 30 == 0) } else { usize::MAX };
                for _ in 0..most {
                    let Some(frame) = nodes[from].poll_transmit(links[from], Now::at(mono)) else { break };
                    let compares = [MessageId::Digest as u8, MessageId::Entries as u8];
                    compared += usize::from(mono > 5000 && compares.contains(&frame.bytes()[2]));
                    nodes[1 - from].handle_frame(links[1 - from], frame.bytes(), Now::at(mono));
                }
            }
        }
        assert_eq!((nodes[0].count(), nodes[0].stats().duplicates, compared), (5000, 0, 0));
    }
}
