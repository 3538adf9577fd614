//! Knowing what peers have: the owner sets a mark, and learns when every peer has passed it.
//!
//! What can be known depends on the peer:
//!
//! * An extended one answers a question that was sent behind everything else. What was held before the
//!   conversation began, comparing digests finds: nothing is asked before a comparison has begun, and what one
//!   leads to overtakes the question. Where the broadcast tree does not run over the link the peer was told of
//!   tuples only; it then says how many of those that it was told of it still waits for, and has passed the mark
//!   when there are none, or when it holds exactly what we do. Either side that leaves something undone (too much
//!   waits, or is asked for, or it did not come) leaves a gap, which makes no answer a good one until the next
//!   comparison begins.
//! * A plain server answers a PING that was sent behind everything else.
//! * A plain client answers nothing: it has passed when the socket has taken the last frame.

use super::Node;
use crate::core::bulk::BULK;
use crate::core::clock::Now;
use crate::core::codec::{Answer, Extension, MessageId, encode};
use crate::core::frame::Frame;
use crate::core::id::{LinkId, Role, Slot};
use crate::core::link::Kind;

/// How long to wait before a peer that still lacks something is asked again (ms).
const AGAIN: u64 = 20;

/// A moment in the node's life: what it held then, peers may be known to have.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// How far extended peers agree with the node, as far as they have said.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Peers that hold exactly what we do.
    pub agree: usize,
    /// Peers that do not.
    pub differ: usize,
}

impl Node {
    /// Sets a mark: every peer that is connected, and every one that we connect to, is to have what is
    /// held now.
    pub fn mark(&mut self) -> Mark {
        self.marks += 1;
        let end = self.store.changes.end();
        let mut marked = Vec::new();
        for (&id, link) in &mut self.links {
            if link.role == Role::Server && !(link.up && link.joined) {
                continue;
            }
            link.passage.set(self.marks, end);
            // The peer may as well be told at once.
            link.branches.hurry();
            marked.push(id);
        }
        marked.iter().for_each(|&id| self.mark_ready(id));
        self.marked = marked;
        Mark(self.marks)
    }

    /// A key has changed again, whose change before that stands at this offset in the log: where it was not sent
    /// yet it will not be, and a mark that covered it is passed by whoever has the newer one.
    pub(super) fn put_marks_off(&mut self, slot: Slot, before: u32) {
        let (links, end) = (&mut self.links, self.store.changes.end());
        self.marked.retain(|id| {
            let Some(link) = links.get_mut(id).filter(|link| link.passage.is_open()) else { return false };
            if link.passage.covers(before) && link.is_unsent(slot, before) {
                link.passage.put_off(before, end);
            }
            true
        });
    }

    /// How many peers have not passed a mark yet. One whose connection is lost for good does not count.
    pub fn behind(&self, mark: Mark) -> usize {
        self.links.values().filter(|link| link.passage.is_behind(mark.0)).count()
    }

    /// How many peers have passed a mark.
    pub fn passed(&self, mark: Mark) -> usize {
        self.links.values().filter(|link| link.passage.has_passed(mark.0)).count()
    }

    /// How far extended peers agree, by what they said last. A peer with several links is one.
    pub fn agreement(&self) -> Agreement {
        let ours = self.summary();
        let extended = || self.links.values().filter(|link| link.up && link.is_extended());
        let peers = |agree: bool| {
            let mut peers: Vec<_> =
                extended().filter(|link| (link.summary == ours) == agree).map(|link| link.peer).collect();
            peers.sort_unstable();
            peers.dedup();
            peers.len()
        };
        Agreement { agree: peers(true), differ: peers(false) }
    }

    /// The question that is due on a link that has been sent everything that it is about.
    pub(super) fn next_question(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        let link = self.links.get_mut(&id)?;
        while link.may_ask() {
            match (link.kind, link.role) {
                (Kind::Extended, _) => {
                    let question = link.passage.ask(0);
                    return Some(self.heartbeat(id, Extension { question, ..Extension::default() }, now));
                }
                (_, Role::Client) => {
                    link.pings.said(1);
                    link.passage.ask(link.pings.unanswered);
                    if link.may_ask_receipt() {
                        link.receipts.ask(link.pings.unanswered, now.mono);
                    }
                    return Some(Frame::new(encode(MessageId::Ping, &Extension::default())));
                }
                (_, Role::Server) => link.passage.pass(),
            }
        }
        None
    }

    /// Tells a peer who asks that we have come so far.
    pub(super) fn answer_heartbeat(&mut self, id: LinkId, question: Option<u64>, now: Now) {
        // What we do not know we cannot count: it is not none.
        let gap = self.links.get(&id).is_some_and(|link| link.gap);
        let awaited = self.awaited_of(id) + usize::from(gap);
        let awaited = u32::try_from(awaited).unwrap_or(u32::MAX);
        let answer = question.map(|question| Answer { question, awaited });
        self.control(id, self.heartbeat(id, Extension { answer, ..Extension::default() }, now));
    }

    pub(super) fn hear_answer(&mut self, id: LinkId, answer: Answer, now: Now) {
        let root = self.root();
        let Some(link) = self.links.get_mut(&id) else { return };
        if answer.question & BULK != 0 {
            link.bulk.answer(answer.question, now.mono);
            link.progress_at = now.mono;
            self.mark_ready(id);
            return self.schedule_link(id, now);
        }
        let good = answer.awaited == 0 && !link.gap || link.summary.root == root;
        link.passage.answer(answer.question, good, now.mono + AGAIN);
        self.mark_ready(id);
        self.schedule_link(id, now);
    }

    /// Whether a peer that still lacked something is to be asked again.
    pub(super) fn ask_due(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.passage.rests_until().is_some_and(|until| until <= now.mono) {
            link.passage.ask_again();
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

    fn now(mono: u64) -> Now {
        Now { mono, wall: 1_800_000_000_000 + mono }
    }

    /// A client and a server, and what is under way between them.
    struct Pair {
        nodes: [Node; 2],
        links: [LinkId; 2],
        wires: [VecDeque<Frame>; 2],
        time: u64,
    }

    impl Pair {
        fn new() -> Pair {
            let mut nodes = [1, 2].map(|seed| Node::new(Settings::default(), seed, now(1)));
            let client = nodes[0].open_link(Role::Client, now(1)).unwrap();
            let server = nodes[1].open_link(Role::Server, now(1)).unwrap();
            Pair { nodes, links: [client, server], wires: Default::default(), time: 1 }
        }

        fn connect(&mut self) {
            self.nodes[0].link_up(self.links[0], now(self.time));
        }

        /// What `from` has to send is on the wire.
        fn send(&mut self, from: usize) {
            while let Some(link) = self.nodes[from].poll_ready() {
                while let Some(frame) = self.nodes[from].poll_transmit(link, now(self.time)) {
                    self.wires[from].push_back(frame);
                }
            }
        }

        /// One frame arrives. False when none is under way.
        fn arrive(&mut self, from: usize) -> bool {
            let Some(frame) = self.wires[from].pop_front() else { return false };
            let to = 1 - from;
            self.nodes[to].handle_frame(self.links[to], frame.bytes(), now(self.time));
            true
        }

        /// Until nothing is under way.
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
                self.nodes[node].publish(key.as_bytes(), b"value", 0, now(self.time)).unwrap();
            }
        }
    }

    #[test]
    fn a_mark_is_passed_once_the_peer_has_everything_and_not_before() {
        for (marker, keys) in [(0, 3), (1, 3), (0, 2000), (1, 2000)] {
            let mut pair = Pair::new();
            pair.fill(marker, keys);
            pair.connect();
            pair.settle();
            pair.fill(marker, 2 * keys);
            let mark = pair.nodes[marker].mark();
            while pair.nodes[marker].behind(mark) > 0 {
                pair.send(0);
                pair.send(1);
                let moved = [pair.arrive(0), pair.arrive(1)];
                assert_ne!(moved, [false; 2], "{} are behind for ever", pair.nodes[marker].behind(mark));
            }
            assert_eq!(pair.nodes[1 - marker].count(), 2 * keys);
            assert_eq!(pair.nodes[marker].passed(mark), 1);
        }
    }

    #[test]
    fn a_mark_that_is_set_before_the_connection_waits_for_what_comparing_digests_finds() {
        // Each step of the comparison is another round trip, in which the question must not be taken for answered.
        for marker in [0, 1] {
            let mut pair = Pair::new();
            pair.connect();
            pair.settle();
            pair.nodes[0].link_down(pair.links[0], now(pair.time));
            pair.fill(0, 3000);
            pair.fill(1, 3000);
            pair.wires = Default::default();
            pair.connect();
            let mark = pair.nodes[marker].mark();
            while pair.nodes[marker].behind(mark) > 0 {
                pair.send(0);
                pair.send(1);
                assert_ne!([pair.arrive(0), pair.arrive(1)], [false; 2], "behind for ever");
            }
            let other = &pair.nodes[1 - marker];
            for key in 0..3000 {
                assert!(other.get(format!("{marker}/{key}").as_bytes(), now(1)).is_some(), "{marker}/{key}");
            }
        }
    }

    #[test]
    fn nothing_is_asked_before_a_comparison_has_begun_nor_while_one_was_left_undone() {
        let mut node = Node::new(Settings::default(), 1, now(1));
        node.publish(b"a", b"1", 0, now(1)).unwrap();
        let link = node.open_link(Role::Server, now(1)).unwrap();
        let hello = Extension { node: Some(1 << 63 | 9), ..Extension::default() };
        node.handle_frame(link, &encode(MessageId::Hello, &hello), now(1));
        let mark = node.mark();
        let asked = |node: &mut Node| {
            let frames = std::iter::from_fn(|| node.poll_transmit(link, now(2)));
            frames.filter(|frame| frame.bytes()[2] == MessageId::Heartbeat as u8).count()
        };
        assert_eq!(asked(&mut node), 0);
        let mut digest = digest_frame();
        add_digest(&mut digest, Prefix::ALL, &node.store.digest().sums(Prefix::ALL));
        node.handle_frame(link, &digest, now(2));
        assert_eq!(asked(&mut node), 1);
        let answer = Some(Answer { question: 1, awaited: 0 });
        let answer = encode(MessageId::Heartbeat, &Extension { answer, ..Extension::default() });
        node.leave_gap(link);
        node.handle_frame(link, &answer, now(2));
        node.ask_due(link, now(2 + AGAIN));
        assert_eq!((asked(&mut node), node.behind(mark)), (0, 1));
        node.handle_frame(link, &digest, now(100));
        assert_eq!(asked(&mut node), 1);
        node.handle_frame(link, &answer, now(100));
        assert_eq!((node.behind(mark), node.passed(mark)), (0, 1));
    }

    #[test]
    fn a_peer_that_is_not_there_is_behind_until_it_comes_or_is_given_up() {
        let mut pair = Pair::new();
        let mark = pair.nodes[0].mark();
        assert_eq!((pair.nodes[0].behind(mark), pair.nodes[0].passed(mark)), (1, 0));
        let link = pair.links[0];
        pair.nodes[0].close_link(link, now(2));
        assert_eq!(pair.nodes[0].behind(mark), 0);
        // A client that has not said HELLO is nobody yet.
        let mark = pair.nodes[1].mark();
        assert_eq!((pair.nodes[1].behind(mark), pair.nodes[1].passed(mark)), (0, 0));
    }

    #[test]
    fn a_plain_server_answers_with_the_pong_behind_everything() {
        let mut node = Node::new(Settings::default(), 1, now(1));
        let link = node.open_link(Role::Client, now(1)).unwrap();
        node.publish(b"a", b"1", 0, now(1)).unwrap();
        node.link_up(link, now(1));
        let mark = node.mark();
        let mut frames = Vec::new();
        let pong = encode(MessageId::Pong, &Extension::default());
        while node.poll_transmit(link, now(2)).is_some() {}
        node.handle_frame(link, &pong, now(2));
        node.handle_frame(link, &pong, now(2));
        while let Some(frame) = node.poll_transmit(link, now(3)) {
            frames.push(frame.bytes()[2]);
        }
        assert_eq!(frames, [MessageId::Publish as u8, MessageId::Ping as u8]);
        assert_eq!(node.behind(mark), 1);
        // Forgotten by the hub meanwhile: all over again.
        node.handle_frame(link, &encode(MessageId::Invalid, &Extension::default()), now(4));
        node.handle_frame(link, &pong, now(4));
        assert_eq!(node.behind(mark), 1);
        while node.poll_transmit(link, now(4)).is_some() {}
        node.handle_frame(link, &pong, now(5));
        node.handle_frame(link, &pong, now(5));
        while node.poll_transmit(link, now(5)).is_some() {}
        assert_eq!(node.behind(mark), 1);
        node.handle_frame(link, &pong, now(6));
        assert_eq!((node.behind(mark), node.passed(mark)), (0, 1));
    }

    /// A change that was replaced before it was sent never is: the mark waits for what replaced it.
    #[test]
    fn what_was_replaced_before_it_was_sent_is_not_passed_by_what_is_behind_it() {
        let mut pair = Pair::new();
        pair.connect();
        pair.settle();
        let (link, at) = (pair.links[0], now(5));
        pair.nodes[0].publish(b"key", b"1", 0, at).unwrap();
        pair.nodes[0].publish(b"other", b"1", 0, at).unwrap();
        let mark = pair.nodes[0].mark();
        pair.nodes[0].publish(b"key", &[b'2'; 100_000], 0, at).unwrap();
        // The line takes a frame at a time: the other key, and only then what replaced the first.
        let first = pair.nodes[0].poll_transmit(link, at).unwrap();
        pair.nodes[1].handle_frame(pair.links[1], first.bytes(), at);
        let second = pair.nodes[0].poll_transmit(link, at).unwrap();
        assert!(second.bytes().len() > 100_000, "no question before it");
        pair.nodes[1].handle_frame(pair.links[1], second.bytes(), at);
        assert_eq!((pair.nodes[0].behind(mark), pair.nodes[0].passed(mark)), (1, 0));
        pair.settle();
        assert_eq!((pair.nodes[0].behind(mark), pair.nodes[0].passed(mark)), (0, 1));
    }

    #[test]
    fn a_plain_client_has_what_the_socket_has_taken() {
        let mut node = Node::new(Settings::default(), 1, now(1));
        let link = node.open_link(Role::Server, now(1)).unwrap();
        node.handle_frame(link, &encode(MessageId::Hello, &Extension::default()), now(1));
        node.publish(b"a", b"1", 0, now(1)).unwrap();
        let mark = node.mark();
        assert!(node.poll_transmit(link, now(1)).is_some());
        assert_eq!(node.behind(mark), 1, "the socket may not have taken it");
        assert!(node.poll_transmit(link, now(1)).is_none());
        assert_eq!((node.behind(mark), node.passed(mark)), (0, 1));
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
        pair.nodes[0].mark();
        pair.settle();
        assert_eq!(pair.nodes[0].agreement(), Agreement { agree: 1, differ: 0 });
        pair.nodes[1].mark();
        pair.settle();
        assert_eq!(pair.nodes[1].agreement(), Agreement { agree: 1, differ: 0 });
    }
}
