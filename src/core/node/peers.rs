//! The peers of a node, as it sees them at one moment.

use super::Node;
use crate::core::clock::Now;
use crate::core::id::{LinkId, Role};
use crate::core::link::traffic::Traffic;
use crate::core::link::{Link, Phase};

/// Kind of a peer: the protocol that it speaks, as far as is known.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeerKind {
    /// The peer has not shown yet what it speaks.
    Undetermined,
    /// The peer speaks CZMQ's protocol, and no more.
    Plain,
    /// The peer uses this library: it speaks this library's extension of CZMQ's protocol.
    Extended,
}

/// State of a link and of its peer at one moment. Counters run from the moment at which the link was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerState {
    /// The link.
    pub link: LinkId,
    /// Client where this node made the connection, server where the peer did.
    pub role: Role,
    /// Whether there is a connection.
    pub is_up: bool,
    /// Milliseconds for which there has been a connection, or none.
    pub state_ms: u64,
    /// Protocol that the peer speaks, as far as it has shown.
    pub kind: PeerKind,
    /// The id of an extended peer.
    pub id: Option<u64>,
    /// The name of an extended peer's node, 1 to 64 bytes in any encoding, if it has one.
    pub name: Option<Box<[u8]>>,
    /// Milliseconds since the peer's last message on this connection, or since this was made.
    pub silence_ms: u64,
    /// Milliseconds from a question to the peer's answer, measured last on this connection.
    pub round_trip_ms: Option<u64>,
    /// Number of tuples that are still to be sent to the peer.
    pub unsent: u64,
    /// Bytes of tuples sent in bulk that the peer has not acknowledged.
    pub unacknowledged: u64,
    /// Number of tuples that an extended peer still has to send to this node, by its last message about it.
    pub awaited: u64,
    /// Whether an extended peer held the same as this node by its last summary.
    pub is_equal: Option<bool>,
    /// Number of tuples that the peer refuses to hold, for its limits; known of an extended peer that otherwise holds
    /// the same.
    pub refuses: Option<u64>,
    /// Number of tuples that the peer holds and does not show to its program, by its last summary; known of an extended
    /// peer, but for one of version 1.0.
    pub hides: Option<u64>,
    /// What the link has carried.
    pub traffic: Traffic,
}

impl Node {
    /// The peers that this node has or wants a connection to, in the order in which their links were made.
    pub fn peers(&self, now: Now) -> Vec<PeerState> {
        let mut peers: Vec<_> = self.links.iter().map(|(&id, link)| self.peer_state(id, link, now)).collect();
        peers.sort_unstable_by_key(|peer| peer.link);
        peers
    }

    fn peer_state(&self, id: LinkId, link: &Link, now: Now) -> PeerState {
        let kind = match link.phase() {
            Phase::Handshake | Phase::Undetermined | Phase::Barred => PeerKind::Undetermined,
            Phase::Plain => PeerKind::Plain,
            Phase::Extended => PeerKind::Extended,
        };
        let (is_up, is_extended) = (link.is_up(), link.is_up() && link.is_extended());
        PeerState {
            link: id,
            role: link.role(),
            is_up,
            state_ms: now.mono.saturating_sub(link.since()),
            kind,
            id: link.peer(),
            name: link.peer_name().map(Box::from),
            silence_ms: link.liveness.silence(now.mono),
            round_trip_ms: link.round_trip.last(),
            unsent: if is_up { self.unsent_on(link) } else { 0 },
            unacknowledged: link.bulk.unacknowledged(),
            awaited: if is_extended { link.sync.owed().into() } else { 0 },
            is_equal: is_extended.then(|| link.sync.summary() == self.summary_for(link)),
            refuses: self.refused_by(link).filter(|_| is_extended),
            hides: (is_extended && link.offers()).then(|| link.sync.hidden().into()),
            traffic: link.traffic,
        }
    }

    /// Number of tuples that an extended peer refuses. What a node refuses is part of its root, and left out of its count:
    /// where the roots are equal, the count tells.
    pub(super) fn refused_by(&self, link: &Link) -> Option<u64> {
        let theirs = link.sync.summary();
        let known = link.rights.facet(&self.store).known();
        (theirs.root == known.root).then(|| known.count.saturating_sub(theirs.count))
    }

    pub(super) fn unsent_on(&self, link: &Link) -> u64 {
        link.bulk.len() as u64 + u64::from(self.store.changes.end().saturating_sub(link.cursor()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::codec::lists::BatchWriter;
    use crate::core::codec::{Extension, MessageId, RecordKind, Summary, encode};
    use crate::core::event::{Event, Identity};
    use crate::core::settings::Settings;
    use crate::core::{Stamp, Tuple};

    #[test]
    fn peers_are_told_apart_by_what_they_speak_and_what_they_lack() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        node.publish(b"key", b"value", 0, Now::at(1)).unwrap();
        let remote = node.open_link(Role::Client, Now::at(2)).unwrap();
        let clients = [3, 4].map(|at| node.open_link(Role::Server, Now::at(at)).unwrap());
        let hello = Extension { node: Some(77), ..Extension::default() };
        for (client, hello) in clients.into_iter().zip([Extension::default(), hello]) {
            node.handle_frame(client, &encode(MessageId::Hello, &hello), Now::at(5));
        }
        let [far, plain, extended] = &node.peers(Now::at(9))[..] else { panic!("three peers") };
        assert_eq!((far.link, far.role, far.is_up, far.state_ms), (remote, Role::Client, false, 7));
        assert_eq!((far.kind, far.id, far.unsent, far.is_equal), (PeerKind::Undetermined, None, 0, None));
        assert_eq!((plain.kind, plain.unsent, plain.state_ms), (PeerKind::Plain, 1, 6));
        assert_eq!((plain.silence_ms, plain.refuses, plain.round_trip_ms), (4, None, None));
        assert_eq!(
            (extended.kind, extended.id, extended.is_equal),
            (PeerKind::Extended, Some(77), Some(false))
        );
        node.link_up(remote, Now::at(9));
        assert_eq!((node.peers(Now::at(9))[0].is_up, node.peers(Now::at(9))[0].state_ms), (true, 0));
        node.link_down(remote, Now::at(11));
        assert_eq!((node.peers(Now::at(12))[0].is_up, node.peers(Now::at(12))[0].state_ms), (false, 1));
    }

    /// A client and a server that have met, with `way` milliseconds between them. The server takes no value over 3 bytes.
    fn pair(way: u64) -> ([Node; 2], [LinkId; 2]) {
        let narrow = Settings { max_value: 3, ..Settings::default() };
        let settings = [Settings::default(), narrow];
        let mut seed = 0;
        let mut nodes = settings.map(|settings| {
            seed += 1;
            Node::new(settings, seed, Now::at(1))
        });
        let links = [Role::Client, Role::Server]
            .map(|role| nodes[role as usize].open_link(role, Now::at(1)).unwrap());
        nodes[0].link_up(links[0], Now::at(1));
        nodes[0].publish(b"short", b"1", 0, Now::at(1)).unwrap();
        nodes[0].publish(b"long", b"12345", 0, Now::at(1)).unwrap();
        run(&mut nodes, links, way, 1..10_000);
        (nodes, links)
    }

    fn run(nodes: &mut [Node; 2], links: [LinkId; 2], way: u64, time: std::ops::Range<u64>) {
        let mut wires: [std::collections::VecDeque<_>; 2] = Default::default();
        for mono in time {
            for from in [0, 1] {
                nodes[from].handle_timeout(Now::at(mono));
                while let Some(frame) = nodes[from].poll_transmit(links[from], Now::at(mono)) {
                    wires[from].push_back((mono + way, frame));
                }
            }
            for from in [0, 1] {
                while wires[from].front().is_some_and(|&(at, _)| at <= mono) {
                    let (_, frame) = wires[from].pop_front().unwrap();
                    nodes[1 - from].handle_frame(links[1 - from], frame.bytes(), Now::at(mono));
                }
            }
        }
    }

    #[test]
    fn what_a_peer_refuses_is_known_where_it_holds_the_same_otherwise() {
        let (nodes, _) = pair(1);
        let [server] = &nodes[0].peers(Now::at(10_000))[..] else { panic!("one peer") };
        let [client] = &nodes[1].peers(Now::at(10_000))[..] else { panic!("one peer") };
        assert_eq!((server.refuses, server.traffic.refused), (Some(1), 0));
        assert_eq!((client.refuses, client.traffic.refused), (Some(0), 1));
        assert_eq!((server.is_equal, client.is_equal), (Some(false), Some(false)));
        assert_eq!((server.unsent, server.unacknowledged, server.awaited), (0, 0, 0));
    }

    #[test]
    fn what_a_peer_hides_from_its_program_is_known_and_both_hold_the_same() {
        let (mut nodes, links) = pair(1);
        let hides = |nodes: &[Node; 2]| [0, 1].map(|at| nodes[at].peers(Now::at(40_000))[0].hides);
        assert_eq!(hides(&nodes), [Some(0), Some(0)]);
        nodes[1].unpublish(b"short", Now::at(10_000));
        run(&mut nodes, links, 1, 10_000..20_000);
        assert_eq!(hides(&nodes), [Some(1), Some(0)]);
        assert_eq!((nodes[1].stats().hidden, nodes[1].stats().tuples, nodes[0].stats().hidden), (1, 0, 0));
        nodes[0].unpublish(b"long", Now::at(20_000));
        nodes[1].publish(b"short", b"2", 0, Now::at(20_000)).unwrap();
        run(&mut nodes, links, 1, 20_000..30_000);
        assert_eq!(hides(&nodes), [Some(0), Some(1)]);
    }

    #[test]
    fn frames_and_bytes_of_a_link_are_those_of_the_node_that_has_no_other() {
        let (nodes, _) = pair(1);
        for node in &nodes {
            let (traffic, stats) = (node.peers(Now::at(10_000))[0].traffic, node.stats());
            assert_eq!((traffic.frames_in, traffic.bytes_in), (stats.frames_in, stats.bytes_in));
            assert_eq!((traffic.frames_out, traffic.bytes_out), (stats.frames_out, stats.bytes_out));
            assert!(traffic.frames_in > 5 && traffic.bytes_in > 100 && traffic.refused == stats.refused);
        }
    }

    #[test]
    fn a_round_trip_is_measured_by_heartbeats_and_by_the_question_of_a_flush() {
        for way in [1, 40] {
            let (mut nodes, links) = pair(way);
            // A node answers a millisecond after it was asked.
            let expected = Some(2 * way + 1);
            assert_eq!(nodes[0].peers(Now::at(10_000))[0].round_trip_ms, expected);
            let of_client = |nodes: &[Node; 2]| nodes[1].peers(Now::at(20_000))[0].round_trip_ms;
            assert_eq!(of_client(&nodes), None, "it was asked nothing");
            nodes[1].set_barrier();
            run(&mut nodes, links, way, 10_000..20_000);
            assert_eq!(of_client(&nodes), expected);
            nodes[0].link_down(links[0], Now::at(20_000));
            assert_eq!(nodes[0].peers(Now::at(20_000))[0].round_trip_ms, None);
        }
    }

    #[test]
    fn what_an_extended_peer_still_has_to_send_is_what_it_has_announced() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        let link = node.open_link(Role::Server, Now::at(1)).unwrap();
        let hello = Extension { node: Some(1 << 63), ..Extension::default() };
        node.handle_frame(link, &encode(MessageId::Hello, &hello), Now::at(1));
        let (summary, owed) = (Some(Summary { root: 1, count: 9 }), Some(9));
        let heartbeat = encode(MessageId::Heartbeat, &Extension { summary, owed, ..Extension::default() });
        node.handle_frame(link, &heartbeat, Now::at(2));
        assert_eq!(node.peers(Now::at(3))[0].awaited, 9);
        // A stamp that is not believed is a refusal, too.
        let mut batch = BatchWriter::new(100);
        let stamp = Stamp { time: u64::MAX, origin: 1 << 63 };
        batch.add(RecordKind::Live, &Tuple::new(b"key", b"value"), 0, stamp);
        node.handle_frame(link, &batch.finish(), Now::at(3));
        assert_eq!(node.peers(Now::at(3))[0].traffic.refused, 1);
    }

    /// What a client and a server that are called so know of each other.
    fn named(names: [&[u8]; 2]) -> [Option<Vec<u8>>; 2] {
        let mut nodes = [1, 2].map(|seed| Node::new(Settings::default(), seed, Now::at(1)));
        nodes.iter_mut().zip(names).for_each(|(node, name)| node.set_name(name));
        let links = [Role::Client, Role::Server]
            .map(|role| nodes[role as usize].open_link(role, Now::at(1)).unwrap());
        nodes[0].link_up(links[0], Now::at(1));
        run(&mut nodes, links, 1, 1..100);
        [1, 0].map(|at| nodes[at].peers(Now::at(100))[0].name.as_deref().map(<[u8]>::to_vec))
    }

    #[test]
    fn extended_peers_tell_each_other_their_names_cut_between_characters() {
        assert_eq!(
            named([b"client", b"ser\xffver"]),
            [Some(b"client".to_vec()), Some(b"ser\xffver".to_vec())]
        );
        assert_eq!(named([b"", b"s"]), [None, Some(b"s".to_vec())]);
        let (letters, bytes) = ("ä".repeat(40), [0xBF; 70]);
        let cut = "x".to_owned() + &letters;
        let expected = Some(("x".to_owned() + &"ä".repeat(31)).into_bytes());
        assert_eq!(named([cut.as_bytes(), &bytes]), [expected, Some(vec![0xBF; 64])]);
    }

    #[test]
    fn events_say_who_comes_and_goes_and_a_plain_successor_is_nobody() {
        let mut node = Node::new(Settings::default(), 1, Now::at(1));
        let link = node.open_link(Role::Client, Now::at(1)).unwrap();
        node.link_up(link, Now::at(1));
        let introduction = Extension { node: Some(1 << 63), name: Some(b"first"), ..Extension::default() };
        node.handle_frame(link, &encode(MessageId::Pong, &introduction), Now::at(2));
        let first = Some(Box::new(Identity { id: 1 << 63, name: Some(b"first"[..].into()) }));
        assert_eq!(node.poll_event(), Some(Event::Join(link, first.clone())));
        node.link_down(link, Now::at(3));
        assert_eq!(node.poll_event(), Some(Event::Leave(link, first)));
        node.link_up(link, Now::at(4));
        // Both PONGs of a handshake without an introduction.
        let pong = encode(MessageId::Pong, &Extension::default());
        (0..4).for_each(|_| node.handle_frame(link, &pong, Now::at(5)));
        assert_eq!(node.peers(Now::at(5))[0].kind, PeerKind::Plain);
        assert_eq!((node.peers(Now::at(5))[0].id, &node.peers(Now::at(5))[0].name), (None, &None));
        assert_eq!(node.poll_event(), Some(Event::Join(link, None)));
        node.close_link(link, Now::at(6));
        assert_eq!(node.poll_event(), Some(Event::Leave(link, None)));
    }
}
