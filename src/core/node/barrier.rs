//! Barriers: the owner sets one, and learns when every peer has taken what was held then (flush).
//!
//! What can be known depends on the peer:
//!
//! * An extended peer answers a probe that was sent behind everything else. Tuples from before the session are found
//!   by anti-entropy, so no probe is sent before a comparison has begun, and whatever a comparison finds overtakes the
//!   probe. On a lazy link of the broadcast tree tuples are only announced to the peer; its answer has the number
//!   of these that it still awaits, and counts when there are none, or when both hold exactly the same. Either
//!   side that leaves something undone (too much waits, or a request was given up) notes a gap: no answer counts
//!   until the next comparison begins.
//! * A plain server answers a PING that was sent behind everything else.
//! * A plain client answers nothing. It counts as having acknowledged when the socket has taken the last frame.

use super::Node;
use crate::core::bulk::BULK;
use crate::core::clock::Now;
use crate::core::codec::{Answer, Extension, MessageId, encode};
use crate::core::frame::Frame;
use crate::core::id::{LinkId, Role, Slot};
use crate::core::link::Phase;

/// Milliseconds before a peer that still lacks something is probed again: some round trips of a LAN.
const RETRY: u64 = 20;

/// A moment in the node's life. Each peer either has acknowledged everything that the node held then, or has not.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Barrier(u64);

/// The barriers that were set.
#[derive(Clone, Debug, Default)]
pub(super) struct Barriers {
    /// The number of the last one.
    last: u64,
    /// Links that had a barrier to acknowledge when a key last changed.
    pub(super) links: Vec<LinkId>,
}

/// Numbers of extended peers that agree with the node, by the summaries that they sent last, and of others.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Number of peers that hold exactly what the node holds.
    pub agree: usize,
    /// Peers that hold something else.
    pub differ: usize,
}

impl Node {
    /// Sets a barrier. Every peer that is connected now, and every one that this node connects to, is asked to
    /// acknowledge what is held now.
    pub fn set_barrier(&mut self) -> Barrier {
        self.barriers.last += 1;
        let end = self.store.changes.end();
        let mut asked = Vec::new();
        for (&id, link) in &mut self.links {
            if link.is_barred() || link.role() == Role::Server && !(link.is_up() && link.is_joined()) {
                continue;
            }
            link.acks.set(self.barriers.last, end);
            // Announcements need not wait: the owner does.
            link.lazy_push.flush();
            asked.push(id);
        }
        for &id in &asked {
            self.mark_ready(id);
        }
        self.barriers.links = asked;
        Barrier(self.barriers.last)
    }

    /// Moves barriers behind the new change of a key whose former change, at offset `before`, was not sent on some
    /// links: it never will be, so only the new one can be acknowledged.
    pub(super) fn defer_barriers(&mut self, slot: Slot, before: u32) {
        let (links, end) = (&mut self.links, self.store.changes.end());
        self.barriers.links.retain(|id| {
            let Some(link) = links.get_mut(id).filter(|link| link.acks.is_open()) else { return false };
            if link.acks.covers(before) && link.is_unsent(slot, before) {
                link.acks.defer(before, end);
            }
            true
        });
    }

    /// Number of peers that have yet to acknowledge a barrier. A peer whose connection is lost for good does not
    /// count, nor does one of another network.
    pub fn count_lagging(&self, barrier: Barrier) -> usize {
        self.links.values().filter(|link| !link.is_barred() && link.acks.lags(barrier.0)).count()
    }

    /// Number of peers that have acknowledged a barrier. An extended peer with several links counts once, and the node
    /// itself is no peer.
    pub fn count_acknowledged(&self, barrier: Barrier) -> usize {
        let links = self.links.values().filter(|link| link.acks.has_acknowledged(barrier.0));
        let (plain, extended): (Vec<_>, Vec<_>) = links.map(|link| link.peer()).partition(Option::is_none);
        plain.len() + self.count_others(extended.into_iter().flatten())
    }

    fn count_others(&self, peers: impl Iterator<Item = u64>) -> usize {
        let mut others: Vec<u64> = peers.filter(|&peer| peer != self.id).collect();
        others.sort_unstable();
        others.dedup();
        others.len()
    }

    /// Counts the extended peers that hold what this node holds, by the summary that each sent last, and the others. A
    /// peer with several links counts once.
    pub fn agreement(&self) -> Agreement {
        let extended = || self.links.values().filter(|link| link.is_up() && link.is_extended());
        let peers = |agree: bool| {
            let such = extended().filter(|link| (link.sync.summary() == self.summary_for(link)) == agree);
            self.count_others(such.filter_map(|link| link.peer()))
        };
        Agreement { agree: peers(true), differ: peers(false) }
    }

    /// The probe that is due on a link whose earlier frames have all been sent.
    pub(super) fn next_probe(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let link = self.links.get_mut(&id)?;
        while link.may_probe() {
            match (link.phase(), link.role()) {
                (Phase::Extended, _) => {
                    let question = link.acks.on_sent(0);
                    link.round_trip.on_asked(now.mono);
                    return Some(self.heartbeat(id, Extension { question, ..Extension::default() }, now));
                }
                (_, Role::Client) => {
                    link.on_ping_sent(now.mono);
                    link.acks.on_sent(link.pings.unanswered());
                    if link.is_receipt_ping_due() {
                        link.receipts.on_ping_sent(link.pings.unanswered(), now.mono);
                    }
                    return Some(Frame::new(encode(MessageId::Ping, &Extension::default())));
                }
                (_, Role::Server) => link.acks.acknowledge(),
            }
        }
        None
    }

    /// Answers a HEARTBEAT: with the node's own summary, and if the peer asks, that everything before its question
    /// was taken, and how many announced tuples are still awaited.
    pub(super) fn answer_heartbeat(&mut self, id: LinkId, question: Option<u64>, now: Now) {
        let Some(link) = self.links.get(&id) else { return };
        // A gap hides an unknown number of tuples, which is not zero.
        let awaited = self.anti_entropy.count_awaited_of(&link.sync) + usize::from(link.sync.has_gap());
        let awaited = u32::try_from(awaited).unwrap_or(u32::MAX);
        let answer = question.map(|question| Answer { question, awaited });
        self.queue_control(id, self.heartbeat(id, Extension { answer, ..Extension::default() }, now));
    }

    /// Takes a peer's answer to a probe, or to a question of the bulk window.
    pub(super) fn on_answer(&mut self, id: LinkId, answer: Answer, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.round_trip.on_answer(now.mono);
        if answer.question & BULK != 0 {
            link.bulk.answer(answer.question, now.mono);
            link.sync.on_progress(now.mono);
            self.mark_ready(id);
            return self.schedule_link(id, now);
        }
        let root = link.rights.facet(&self.store).summary().root;
        let complete = answer.awaited == 0 && !link.sync.has_gap() || link.sync.summary().root == root;
        if link.acks.on_answer(answer.question, complete, now.mono + RETRY) {
            link.sync.on_probe_passed();
        }
        self.mark_ready(id);
        self.schedule_link(id, now);
    }

    /// Makes the probe of a peer that still lacked something due again, if its time has come.
    pub(super) fn retry_probe(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.acks.retry_at().is_some_and(|until| until <= now.mono) {
            link.acks.probe_again();
            self.mark_ready(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::codec::Prefix;
    use crate::core::codec::lists::{add_digest, digest_frame};
    use crate::core::settings::Settings;
    use std::collections::VecDeque;

    /// A client and a server, and what is under way between them.
    struct Pair {
        nodes: [Node; 2],
        links: [LinkId; 2],
        wires: [VecDeque<Frame>; 2],
        time: u64,
    }

    impl Pair {
        fn new() -> Pair {
            let mut nodes = [1, 2].map(|seed| Node::new(Settings::default(), seed, Now::at(1)));
            let client = nodes[0].open_link(Role::Client, Now::at(1)).unwrap();
            let server = nodes[1].open_link(Role::Server, Now::at(1)).unwrap();
            Pair { nodes, links: [client, server], wires: Default::default(), time: 1 }
        }

        fn connect(&mut self) {
            self.nodes[0].link_up(self.links[0], Now::at(self.time));
        }

        /// Puts on the wire what `from` has to send.
        fn send(&mut self, from: usize) {
            while let Some(link) = self.nodes[from].poll_ready() {
                while let Some(frame) = self.nodes[from].poll_transmit(link, Now::at(self.time)) {
                    self.wires[from].push_back(frame);
                }
            }
        }

        /// Delivers one frame. False when none is under way.
        fn arrive(&mut self, from: usize) -> bool {
            let Some(frame) = self.wires[from].pop_front() else { return false };
            let to = 1 - from;
            self.nodes[to].handle_frame(self.links[to], frame.bytes(), Now::at(self.time));
            true
        }

        /// Delivers frames until none is under way.
        fn settle(&mut self) {
            loop {
                self.send(0);
                self.send(1);
                let moved = [self.arrive(0), self.arrive(1)];
                if moved == [false; 2] {
                    return;
                }
            }
        }

        fn fill(&mut self, node: usize, keys: usize) {
            for key in 0..keys {
                let key = format!("{node}/{key}");
                self.nodes[node].publish(key.as_bytes(), b"value", 0, Now::at(self.time)).unwrap();
            }
        }
    }

    #[test]
    fn a_barrier_is_acknowledged_once_the_peer_has_everything_and_not_before() {
        for (marker, keys) in [(0, 3), (1, 3), (0, 2000), (1, 2000)] {
            let mut pair = Pair::new();
            pair.fill(marker, keys);
            pair.connect();
            pair.settle();
            pair.fill(marker, 2 * keys);
            let barrier = pair.nodes[marker].set_barrier();
            while pair.nodes[marker].count_lagging(barrier) > 0 {
                pair.send(0);
                pair.send(1);
                let moved = [pair.arrive(0), pair.arrive(1)];
                assert_ne!(
                    moved,
                    [false; 2],
                    "{} are behind for ever",
                    pair.nodes[marker].count_lagging(barrier)
                );
            }
            assert_eq!(pair.nodes[1 - marker].count(), 2 * keys);
            assert_eq!(pair.nodes[marker].count_acknowledged(barrier), 1);
        }
    }

    #[test]
    fn a_barrier_set_before_the_connection_waits_for_what_anti_entropy_finds() {
        // Each step of the comparison is another round trip, in which the question must not be taken for answered.
        for marker in [0, 1] {
            let mut pair = Pair::new();
            pair.connect();
            pair.settle();
            pair.nodes[0].link_down(pair.links[0], Now::at(pair.time));
            pair.fill(0, 3000);
            pair.fill(1, 3000);
            pair.wires = Default::default();
            pair.connect();
            let barrier = pair.nodes[marker].set_barrier();
            while pair.nodes[marker].count_lagging(barrier) > 0 {
                pair.send(0);
                pair.send(1);
                if [pair.arrive(0), pair.arrive(1)] == [false; 2] {
                    // Messages that cause work may wait for their turn.
                    pair.time += 1;
                    assert!(pair.time < 1000, "behind for ever");
                    pair.nodes.iter_mut().for_each(|node| node.handle_timeout(Now::at(pair.time)));
                }
            }
            let other = &pair.nodes[1 - marker];
            for key in 0..3000 {
                assert!(
                    other.get(format!("{marker}/{key}").as_bytes(), Now::at(1)).is_some(),
                    "{marker}/{key}"
                );
            }
        }
    }

    #[test]
    fn nothing_is_asked_before_a_comparison_has_begun_nor_while_one_was_left_undone() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        node.publish(b"a", b"1", 0, Now::at(1)).unwrap();
        let link = node.open_link(Role::Server, Now::at(1)).unwrap();
        let hello = Extension { node: Some(1 << 63 | 9), ..Extension::default() };
        node.handle_frame(link, &encode(MessageId::Hello, &hello), Now::at(1));
        let barrier = node.set_barrier();
        let asked = |node: &mut Node| {
            let frames = std::iter::from_fn(|| node.poll_transmit(link, Now::at(2)));
            frames.filter(|frame| frame.bytes()[2] == MessageId::Heartbeat as u8).count()
        };
        assert_eq!(asked(&mut node), 0);
        let mut digest = digest_frame();
        add_digest(&mut digest, Prefix::ALL, &node.store.digest().children(Prefix::ALL));
        node.handle_frame(link, &digest, Now::at(2));
        assert_eq!(asked(&mut node), 1);
        let answer = Some(Answer { question: 1, awaited: 0 });
        let answer = encode(MessageId::Heartbeat, &Extension { answer, ..Extension::default() });
        node.leave_gap(link);
        node.handle_frame(link, &answer, Now::at(2));
        node.retry_probe(link, Now::at(2 + RETRY));
        assert_eq!((asked(&mut node), node.count_lagging(barrier)), (0, 1));
        node.handle_frame(link, &digest, Now::at(100));
        assert_eq!(asked(&mut node), 1);
        node.handle_frame(link, &answer, Now::at(100));
        assert_eq!((node.count_lagging(barrier), node.count_acknowledged(barrier)), (0, 1));
    }

    #[test]
    fn a_peer_that_is_not_there_is_behind_until_it_comes_or_is_given_up() {
        let mut pair = Pair::new();
        let barrier = pair.nodes[0].set_barrier();
        assert_eq!((pair.nodes[0].count_lagging(barrier), pair.nodes[0].count_acknowledged(barrier)), (1, 0));
        let link = pair.links[0];
        pair.nodes[0].close_link(link, Now::at(2));
        assert_eq!(pair.nodes[0].count_lagging(barrier), 0);
        // A client that has not sent HELLO is no peer yet.
        let barrier = pair.nodes[1].set_barrier();
        assert_eq!((pair.nodes[1].count_lagging(barrier), pair.nodes[1].count_acknowledged(barrier)), (0, 0));
    }

    #[test]
    fn a_plain_server_answers_with_the_pong_behind_everything() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        let link = node.open_link(Role::Client, Now::at(1)).unwrap();
        node.publish(b"a", b"1", 0, Now::at(1)).unwrap();
        node.link_up(link, Now::at(1));
        let barrier = node.set_barrier();
        let mut frames = Vec::new();
        let pong = encode(MessageId::Pong, &Extension::default());
        while node.poll_transmit(link, Now::at(2)).is_some() {}
        node.handle_frame(link, &pong, Now::at(2));
        node.handle_frame(link, &pong, Now::at(2));
        while let Some(frame) = node.poll_transmit(link, Now::at(3)) {
            frames.push(frame.bytes()[2]);
        }
        assert_eq!(frames, [MessageId::Publish as u8, MessageId::Ping as u8]);
        assert_eq!(node.count_lagging(barrier), 1);
        // Forgotten by the hub meanwhile: all over again.
        node.handle_frame(link, &encode(MessageId::Invalid, &Extension::default()), Now::at(4));
        node.handle_frame(link, &pong, Now::at(4));
        assert_eq!(node.count_lagging(barrier), 1);
        while node.poll_transmit(link, Now::at(4)).is_some() {}
        node.handle_frame(link, &pong, Now::at(5));
        node.handle_frame(link, &pong, Now::at(5));
        while node.poll_transmit(link, Now::at(5)).is_some() {}
        assert_eq!(node.count_lagging(barrier), 1);
        node.handle_frame(link, &pong, Now::at(6));
        assert_eq!((node.count_lagging(barrier), node.count_acknowledged(barrier)), (0, 1));
    }

    /// A change that is replaced before it was sent is never sent: the barrier waits for what replaced it.
    #[test]
    fn what_was_replaced_before_it_was_sent_is_not_passed_by_what_is_behind_it() {
        let mut pair = Pair::new();
        pair.connect();
        pair.settle();
        let (link, at) = (pair.links[0], Now::at(5));
        pair.nodes[0].publish(b"key", b"1", 0, at).unwrap();
        pair.nodes[0].publish(b"other", b"1", 0, at).unwrap();
        let barrier = pair.nodes[0].set_barrier();
        pair.nodes[0].publish(b"key", &[b'2'; 100_000], 0, at).unwrap();
        // The line takes a frame at a time: the other key, and only then what replaced the first.
        let first = pair.nodes[0].poll_transmit(link, at).unwrap();
        pair.nodes[1].handle_frame(pair.links[1], first.bytes(), at);
        let second = pair.nodes[0].poll_transmit(link, at).unwrap();
        assert!(second.bytes().len() > 100_000, "no question before it");
        pair.nodes[1].handle_frame(pair.links[1], second.bytes(), at);
        assert_eq!((pair.nodes[0].count_lagging(barrier), pair.nodes[0].count_acknowledged(barrier)), (1, 0));
        pair.settle();
        assert_eq!((pair.nodes[0].count_lagging(barrier), pair.nodes[0].count_acknowledged(barrier)), (0, 1));
    }

    #[test]
    fn a_plain_client_has_what_the_socket_has_taken() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        let link = node.open_link(Role::Server, Now::at(1)).unwrap();
        node.handle_frame(link, &encode(MessageId::Hello, &Extension::default()), Now::at(1));
        node.publish(b"a", b"1", 0, Now::at(1)).unwrap();
        let barrier = node.set_barrier();
        assert!(node.poll_transmit(link, Now::at(1)).is_some());
        assert_eq!(node.count_lagging(barrier), 1, "the socket may not have taken it");
        assert!(node.poll_transmit(link, Now::at(1)).is_none());
        assert_eq!((node.count_lagging(barrier), node.count_acknowledged(barrier)), (0, 1));
    }

    #[test]
    fn peers_agree_when_they_have_said_so() {
        let mut pair = Pair::new();
        assert_eq!(pair.nodes[0].agreement(), Agreement::default());
        pair.connect();
        pair.settle();
        assert_eq!(pair.nodes[0].agreement(), Agreement { agree: 1, differ: 0 });
        pair.fill(0, 1);
        assert_eq!(pair.nodes[0].agreement(), Agreement { agree: 0, differ: 1 });
        pair.nodes[0].set_barrier();
        pair.settle();
        assert_eq!(pair.nodes[0].agreement(), Agreement { agree: 1, differ: 0 });
        pair.nodes[1].set_barrier();
        pair.settle();
        assert_eq!(pair.nodes[1].agreement(), Agreement { agree: 1, differ: 0 });
    }
}
