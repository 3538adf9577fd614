//! Sending each tuple over few links: in a network with cycles it need cross each node once.
//!
//! After Plumtree (Leitão, Pereira, Rodrigues: "Epidemic Broadcast Trees", 2007), with a tree for each
//! origin. A tuple is pushed over all links at first. One that comes when it has come already over
//! another link shows that there is a ring; equal digests, where tuples come by others, too, that there
//! may be one. The peer is then asked to prune the link for every origin whose tuples come otherwise, and from
//! then on announces their keys and stamps only, a little later and many at once. Who misses what is
//! announced asks for it and grafts the link back. A node that loses a link grafts the others for what
//! came by it, and its peers that took that from it do the same. Nobody is sent what it wrote itself.
//! Plain peers take no part, nor do values taken from them, whose origin nobody knows.

use super::super::clock::{Now, Stamp, too_far_ahead};
use super::super::codec::{Entry, Hashes, MessageId, PartEntries};
use super::super::link::{Link, LinkId};
use super::super::records::{add_entry, announce_frame, origins_frame, request_frame};
use super::super::store::State;
use super::{Frame, Node};

/// A tuple that was asked for is not asked for elsewhere within this time (ms).
pub(super) const ANSWER: u64 = 1000;
/// So many may be waited for; what is announced beyond that, comparing digests brings.
const MOST_REQUESTED: usize = 65_536;
/// Tuples in one announcement.
const FULL: usize = 680;

impl Node {
    /// There is a second link: by which the tuples have come matters from now on.
    pub(super) fn keep_origins(&mut self) {
        if self.origins.keep() {
            for (_, held) in self.store.iter() {
                if let Some(link) = held.source().filter(|_| !held.stamp.is_taken()) {
                    if self.origins.is_full() {
                        self.origins.make_room();
                    }
                    self.origins.arrived(held.stamp, link);
                }
            }
            for (&id, link) in self.links.iter().filter(|(_, link)| link.up && link.is_extended()) {
                link.peer.into_iter().for_each(|peer| self.origins.met(peer, id));
            }
        }
    }

    /// The peer at the other end of a link is known: its own tuples come straight from it.
    pub(super) fn meet_origin(&mut self, id: LinkId, now: Now) {
        let peer = self.links.get(&id).and_then(|link| link.peer);
        if let Some(origin) = peer {
            self.origins.met(origin, id);
            self.decline_elsewhere(id, origin, now);
        }
    }

    /// A tuple has come by `id` that is news.
    pub(super) fn hear_news(&mut self, id: LinkId, stamp: Stamp, now: Now) {
        let declined = |link: &Link| link.branches.has_declined(stamp.origin);
        if stamp.is_taken() || self.links.get(&id).is_none_or(declined) {
            return;
        }
        if self.origins.is_full() && self.origins.link(stamp.origin).is_none() {
            let forgotten = self.origins.make_room();
            self.graft(None, &forgotten);
        }
        if self.origins.arrived(stamp, id) {
            self.decline_elsewhere(id, stamp.origin, now);
        }
    }

    /// An origin's tuples come by `id` from now on: what is known to be part of a ring need not bring them.
    fn decline_elsewhere(&mut self, id: LinkId, origin: u64, now: Now) {
        let rings = self.links.iter().filter(|&(&other, link)| other != id && link.branches.is_in_ring());
        let rings: Vec<LinkId> = rings.map(|(&other, _)| other).collect();
        rings.into_iter().for_each(|other| self.decline(other, &[origin], now));
    }

    /// A tuple has come by `id` that has come already by `source`: one of the two is not needed for it.
    pub(super) fn hear_redundant(&mut self, id: LinkId, source: Option<LinkId>, stamp: Stamp, now: Now) {
        if stamp.is_taken() || source == Some(id) {
            return;
        }
        let needed = self.origins.link(stamp.origin);
        for link in [Some(id), source].into_iter().flatten().filter(|&link| Some(link) != needed) {
            self.close_ring(link, now);
            self.decline(link, &[stamp.origin], now);
        }
    }

    /// A link is known to be part of a ring: what we get elsewhere we need not get by it.
    pub(super) fn close_ring(&mut self, id: LinkId, now: Now) {
        if self.links.get_mut(&id).is_some_and(|link| link.branches.close_ring()) {
            let all = self.origins.all();
            self.decline(id, &all, now);
        }
    }

    /// Asks a peer not to send tuples of these origins, but for those that do not come otherwise.
    fn decline(&mut self, id: LinkId, origins: &[u64], now: Now) {
        let origins: Vec<u64> = origins
            .iter()
            .copied()
            .filter(|&origin| origin == self.id || self.has_branch(origin, id))
            .collect();
        let Some(link) = self.links.get_mut(&id).filter(|link| link.up && link.is_extended()) else { return };
        let origins: Vec<u64> =
            origins.into_iter().filter(|&origin| link.branches.decline(origin, now.mono)).collect();
        if !origins.is_empty() {
            self.control(id, Frame::new(origins_frame(MessageId::Prune, &origins)));
        }
    }

    /// Whether an origin's tuples come by another link than `id`.
    fn has_branch(&self, origin: u64, id: LinkId) -> bool {
        let branch = self.origins.link(origin).filter(|&branch| branch != id);
        branch
            .and_then(|branch| self.links.get(&branch))
            .is_some_and(|link| link.up && link.is_extended() && !link.branches.has_declined(origin))
    }

    /// A link is lost, and with it branches: the others bring those origins' tuples again, until it is
    /// known anew which of them are needed.
    pub(super) fn regrow(&mut self, lost: LinkId) {
        let origins = self.origins.lose(lost);
        self.graft(Some(lost), &origins);
    }

    /// Asks all peers, but for one, for tuples of these origins again.
    fn graft(&mut self, but: Option<LinkId>, origins: &[u64]) {
        if origins.is_empty() {
            return;
        }
        let accept = |link: &mut Link| link.branches.accept(origins);
        let others = self.links.iter_mut().filter(|&(&id, _)| Some(id) != but);
        let grafts: Vec<_> = others.map(|(&id, link)| (id, accept(link))).collect();
        for (id, origins) in grafts.into_iter().filter(|(_, origins)| !origins.is_empty()) {
            self.control(id, Frame::new(origins_frame(MessageId::Graft, &origins)));
        }
    }

    pub(super) fn hear_prune(&mut self, id: LinkId, origins: Hashes<'_>, now: Now) {
        if let Some(link) = self.links.get_mut(&id) {
            origins.iter().for_each(|origin| link.branches.cut(origin));
            self.close_ring(id, now);
        }
    }

    /// A peer wants an origin's tuples again. If it is the one that brought them, it has lost its own
    /// branch: they must come by others from now on.
    pub(super) fn hear_graft(&mut self, id: LinkId, origins: Hashes<'_>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        origins.iter().for_each(|origin| link.branches.mend(origin));
        let lost: Vec<u64> = origins.iter().filter(|&origin| self.origins.forget(origin, id)).collect();
        self.graft(Some(id), &lost);
    }

    /// What has changed at the peer, of origins that were pruned.
    pub(super) fn hear_announce(&mut self, id: LinkId, entries: PartEntries<'_>, now: Now) {
        let (mut wanted, mut origins) = (Vec::new(), Vec::new());
        let room = self.check_room().is_ok();
        for Entry { hash, stamp } in entries.iter() {
            let mut held = self.store.with_hash(hash).map(|slot| self.store.held(slot).stamp).peekable();
            let new = held.peek().is_none();
            if held.any(|held| held >= stamp) || too_far_ahead(stamp.time, now, self.settings.max_drift) {
                continue;
            }
            let asked = self.requested.get(&hash).copied();
            let wait = asked.is_some_and(|at| now.mono < at + ANSWER);
            let many = asked.is_none() && self.requested.len() >= MOST_REQUESTED;
            if !(wait || many || new && !room) {
                self.requested.insert(hash, now.mono);
                wanted.push(hash);
                origins.push(stamp.origin);
            }
        }
        if wanted.is_empty() {
            return;
        }
        origins.sort_unstable();
        origins.dedup();
        if let Some(link) = self.links.get_mut(&id) {
            origins.iter().for_each(|&origin| link.branches.graft(origin, now.mono));
        }
        self.control(id, Frame::new(origins_frame(MessageId::Graft, &origins)));
        self.control(id, Frame::new(request_frame(&wanted)));
    }

    /// The time to announce on a link may have come.
    pub(super) fn announce_due(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.branches.announce_at().is_some_and(|at| at <= now.mono) {
            link.branches.hurry();
            self.mark_ready(id);
        }
    }

    /// The next announcement on a link, if it is time for one.
    pub(super) fn next_announcement(&mut self, id: LinkId) -> Option<Frame> {
        let link = self.links.get_mut(&id)?;
        while link.branches.is_due() {
            let mut frame = announce_frame();
            let empty = frame.len();
            for slot in link.branches.take(FULL) {
                let Some(held) = self.store.get(slot) else { continue };
                if held.source() != Some(id) && matches!(held.state, State::Live | State::Tombstone) {
                    add_entry(&mut frame, &Entry { hash: held.key_hash(), stamp: held.stamp });
                }
            }
            if frame.len() > empty {
                return Some(Frame::new(frame));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::codec::{Extension, encode, encode_publish};
    use super::super::super::link::{Kind, Role};
    use super::super::super::tuple::Tuple;
    use super::super::Settings;
    use super::*;
    use std::collections::{HashMap, VecDeque};

    fn now(mono: u64) -> Now {
        Now { mono, wall: 1_800_000_000_000 + mono }
    }

    fn client(node: &mut Node) -> LinkId {
        let link = node.open_link(Role::Server, now(1)).unwrap();
        let hello = Extension { node: Some(1 << 63 | 9), ..Extension::default() };
        node.handle_frame(link, &encode(MessageId::Hello, &hello), now(1));
        assert!(node.is_extended(link));
        link
    }

    fn announcement(hashes: std::ops::Range<u64>) -> Vec<u8> {
        let mut frame = announce_frame();
        let stamp = Stamp { time: 1 << 16, origin: 1 << 63 };
        hashes.for_each(|hash| add_entry(&mut frame, &Entry { hash, stamp }));
        frame
    }

    #[test]
    fn announcements_of_what_never_comes_are_not_all_remembered() {
        let mut node = Node::new(Settings::default(), 1, now(1));
        let link = client(&mut node);
        for round in 0..20 {
            node.handle_frame(link, &announcement(round * 50_000..(round + 1) * 50_000), now(2));
        }
        assert!(node.requested.len() <= MOST_REQUESTED, "{}", node.requested.len());
        assert!(node.requested.capacity() <= 2 * MOST_REQUESTED);
    }

    #[test]
    fn what_there_is_no_room_for_is_not_asked_for() {
        let mut node = Node::new(Settings { max_tuples: 2, ..Settings::default() }, 1, now(1));
        let link = client(&mut node);
        node.publish(b"a", b"1", 0, now(1)).unwrap();
        node.publish(b"b", b"1", 0, now(1)).unwrap();
        node.handle_frame(link, &announcement(0..10), now(2));
        assert!(node.requested.is_empty());
    }

    #[test]
    fn a_peer_that_turns_out_to_be_plain_later_is_no_lazy_one() {
        let mut node = Node::new(Settings::default(), 1, now(1));
        let (one, two) = (client(&mut node), client(&mut node));
        node.handle_frame(two, &origins_frame(MessageId::Prune, &[node.id()]), now(2));
        node.publish(b"a", b"1", 0, now(2)).unwrap();
        for link in [one, two] {
            while node.poll_transmit(link, now(2)).is_some() {}
        }
        node.handle_frame(two, &encode(MessageId::Hello, &Extension::default()), now(3));
        assert_eq!(node.links[&two].kind, Kind::Plain);
        assert_eq!(
            node.poll_transmit(two, now(3)).map(|frame| frame.bytes()[2]),
            Some(MessageId::Publish as u8)
        );
    }

    /// Nodes that are all linked to each other; frames arrive in an order of chance, a link's own in theirs.
    struct Mesh {
        nodes: Vec<Node>,
        /// Of each node, for each of its links: the node at the other end, and its link.
        peers: Vec<HashMap<LinkId, (usize, LinkId)>>,
        wires: Vec<VecDeque<(usize, LinkId, Frame)>>,
        random: fastrand::Rng,
        time: u64,
    }

    impl Mesh {
        /// All are linked to each other.
        fn new(size: usize, seed: u64) -> Mesh {
            let each = (0..size).flat_map(|a| (a + 1..size).map(move |b| (a, b)));
            Mesh::linked(size, seed, each)
        }

        fn linked(size: usize, seed: u64, links: impl IntoIterator<Item = (usize, usize)>) -> Mesh {
            let nodes = (0..size).map(|i| Node::new(Settings::default(), seed + i as u64, now(1))).collect();
            let random = fastrand::Rng::with_seed(seed);
            let mut mesh =
                Mesh { nodes, peers: vec![HashMap::new(); size], wires: Vec::new(), random, time: 1 };
            for (a, b) in links {
                let client = mesh.nodes[a].open_link(Role::Client, now(1)).unwrap();
                let server = mesh.nodes[b].open_link(Role::Server, now(1)).unwrap();
                mesh.peers[a].insert(client, (b, server));
                mesh.peers[b].insert(server, (a, client));
                mesh.nodes[a].link_up(client, now(1));
            }
            mesh.wires = vec![VecDeque::new(); size * size];
            mesh.settle();
            mesh
        }

        fn step(&mut self) -> bool {
            let at = now(self.time);
            for from in 0..self.nodes.len() {
                self.nodes[from].handle_timeout(at);
                while self.nodes[from].poll_event().is_some() {}
                while let Some(link) = self.nodes[from].poll_ready() {
                    while let Some(frame) = self.nodes[from].poll_transmit(link, at) {
                        let (to, link) = self.peers[from][&link];
                        self.wires[from * self.nodes.len() + to].push_back((to, link, frame));
                    }
                }
            }
            let busy: Vec<usize> =
                (0..self.wires.len()).filter(|&wire| !self.wires[wire].is_empty()).collect();
            let Some(&wire) = self.random.choice(&busy) else { return false };
            let Some((to, link, frame)) = self.wires[wire].pop_front() else { return false };
            self.nodes[to].handle_frame(link, frame.bytes(), at);
            true
        }

        fn settle(&mut self) {
            while self.step() {}
        }

        /// Node `node` publishes, and all is said that is to be said at this time.
        fn publish(&mut self, node: usize, key: &str) {
            let at = now(self.time);
            self.nodes[node].publish(key.as_bytes(), b"value", 0, at).unwrap();
            self.settle();
        }

        /// The links between two nodes are lost.
        fn cut(&mut self, a: usize, b: usize) {
            let at = now(self.time);
            for (&link, &(to, other)) in &self.peers[a].clone() {
                if to == b {
                    self.nodes[a].close_link(link, at);
                    self.nodes[b].close_link(other, at);
                }
            }
            self.settle();
        }

        fn all_hold(&self, key: &str) -> bool {
            self.nodes.iter().all(|node| node.get(key.as_bytes()).is_some())
        }

        fn sent(&self) -> u64 {
            self.nodes.iter().map(|node| node.stats().tuples_out).sum()
        }
    }

    #[test]
    fn in_a_full_mesh_each_tuple_soon_crosses_each_node_once() {
        let mut mesh = Mesh::new(12, 7);
        let publish = |mesh: &mut Mesh, round: u64| {
            for node in 0..12 {
                let (key, at) = (format!("{node}/{round}"), now(mesh.time));
                mesh.nodes[node].publish(key.as_bytes(), b"value", 0, at).unwrap();
                // Several are under way at the same time.
                for _ in 0..mesh.random.usize(0..20) {
                    mesh.step();
                }
            }
            // Everything arrives sooner than it is announced.
            mesh.settle();
            mesh.time += 10;
        };
        (0..10).for_each(|round| publish(&mut mesh, round));
        let before = mesh.sent();
        (10..30).for_each(|round| publish(&mut mesh, round));
        assert!(mesh.nodes.iter().all(|node| node.count() == 360), "all hold all");
        assert_eq!(mesh.sent() - before, 20 * 12 * 11, "each node is sent each tuple once");
    }

    #[test]
    fn of_two_links_between_two_nodes_one_brings_the_tuples() {
        let mut mesh = Mesh::linked(3, 5, [(0, 1), (1, 0), (1, 2)]);
        (0..3).for_each(|node| mesh.publish(node, "first"));
        (0..3).for_each(|node| mesh.publish(node, &format!("{node}")));
        let before = mesh.sent();
        (0..3).for_each(|node| mesh.publish(node, &format!("{node} again")));
        assert_eq!(mesh.sent() - before, 3 * 2);
    }

    #[test]
    fn a_ring_that_is_cut_brings_everything_the_other_way_round() {
        for seed in 0..20 {
            let mut mesh = Mesh::linked(5, seed, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)]);
            (0..5).for_each(|round| mesh.publish(0, &format!("{round}")));
            let before = mesh.sent();
            mesh.publish(0, "along the tree");
            assert_eq!(mesh.sent() - before, 4);
            mesh.cut(0, 1);
            mesh.publish(0, "announced");
            mesh.time += 160;
            mesh.settle();
            assert!(mesh.all_hold("announced"), "seed {seed}");
            mesh.publish(0, "the other way round");
            assert!(mesh.all_hold("the other way round"), "seed {seed}: without an announcement");
        }
    }

    #[test]
    fn when_the_peer_that_brought_an_origin_has_lost_it_others_are_asked() {
        let mut node = Node::new(Settings::default(), 1, now(1));
        let links = [11, 12, 13].map(|peer| {
            let link = node.open_link(Role::Server, now(1)).unwrap();
            let hello = Extension { node: Some(1 << 63 | peer), ..Extension::default() };
            node.handle_frame(link, &encode(MessageId::Hello, &hello), now(1));
            link
        });
        let origin = 1 << 63 | 14;
        let tuple = encode_publish(&Tuple::new(b"key", b"value"), 0, Some(Stamp { time: 1 << 16, origin }));
        links.iter().for_each(|&link| node.handle_frame(link, &tuple, now(1)));
        let sent = |node: &mut Node, link| -> Vec<u8> {
            std::iter::from_fn(|| node.poll_transmit(link, now(1))).map(|frame| frame.bytes()[2]).collect()
        };
        let said = links.map(|link| sent(&mut node, link).contains(&(MessageId::Prune as u8)));
        assert_eq!(said, [false, true, true]);
        node.handle_frame(links[0], &origins_frame(MessageId::Graft, &[origin]), now(1));
        let said = links.map(|link| sent(&mut node, link).contains(&(MessageId::Graft as u8)));
        assert_eq!(said, [false, true, true]);
    }

    #[test]
    fn a_branch_that_breaks_is_grafted_elsewhere() {
        let mut mesh = Mesh::new(4, 3);
        for round in 0..5 {
            mesh.nodes[0].publish(format!("{round}").as_bytes(), b"1", 0, now(mesh.time)).unwrap();
            mesh.settle();
        }
        // Node 0 reaches the others only by node 1 from now on, to which it is no branch for node 2 and 3.
        for (&link, &(to, other)) in &mesh.peers[0].clone() {
            if to != 1 {
                let at = now(mesh.time);
                mesh.nodes[0].link_down(link, at);
                mesh.nodes[to].close_link(other, at);
            }
        }
        mesh.nodes[0].publish(b"after", b"1", 0, now(mesh.time)).unwrap();
        mesh.settle();
        // What was on its way when the branches were grafted is announced.
        mesh.time += 160;
        mesh.settle();
        assert!(mesh.nodes.iter().all(|node| node.get(b"after").is_some()));
    }
}
