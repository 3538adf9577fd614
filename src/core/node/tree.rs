//! Sending each tuple over few links: in a network with cycles it need cross each node once.
//!
//! After Plumtree (Leitão, Pereira, Rodrigues: "Epidemic Broadcast Trees", 2007), with a tree for each
//! origin. A tuple is pushed over all links at first. One that comes when it has come already over
//! another link shows that this link is none of the tree's: the peer is asked to prune it for that
//! origin, and from then on announces keys and stamps only, a little later and many at once. Who misses
//! what is announced asks for it and grafts the link back. A node that loses a link grafts all others. Nobody is sent what it wrote itself. Plain
//! peers take no part, nor do values taken from them, whose origin nobody knows.

use super::super::clock::{Now, Stamp, too_far_ahead};
use super::super::codec::{Entry, Hashes, MessageId, PartEntries};
use super::super::link::LinkId;
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
    /// A tuple of `origin` has come by `id` that we have already, from `source`.
    pub(super) fn hear_redundant(&mut self, id: LinkId, origin: u64, source: Option<LinkId>, now: Now) {
        if source == Some(id) || (Stamp { time: 0, origin }).is_taken() {
            return;
        }
        // Whoever brought it first goes on bringing this origin's tuples, unless asked not to.
        let branch = source.and_then(|source| self.links.get(&source));
        let branch =
            branch.is_some_and(|link| link.up && link.is_extended() && !link.branches.has_declined(origin));
        let Some(link) = self.links.get_mut(&id) else { return };
        if (branch || origin == self.id) && link.branches.decline(origin, now.mono) {
            self.control(id, Frame::new(origins_frame(MessageId::Prune, &[origin])));
        }
    }

    /// A link is lost, and with it branches: all others bring everything again, until it is known anew
    /// which of them are needed.
    pub(super) fn regrow(&mut self, lost: LinkId) {
        let mut grafts = Vec::new();
        for (&id, link) in self.links.iter_mut().filter(|&(&id, _)| id != lost) {
            let origins = link.branches.accept_all();
            if !origins.is_empty() {
                grafts.push((id, origins));
            }
        }
        for (id, origins) in grafts {
            self.control(id, Frame::new(origins_frame(MessageId::Graft, &origins)));
        }
    }

    pub(super) fn hear_prune(&mut self, id: LinkId, origins: Hashes<'_>) {
        if let Some(link) = self.links.get_mut(&id) {
            origins.iter().for_each(|origin| link.branches.cut(origin));
        }
    }

    pub(super) fn hear_graft(&mut self, id: LinkId, origins: Hashes<'_>) {
        if let Some(link) = self.links.get_mut(&id) {
            origins.iter().for_each(|origin| link.branches.mend(origin));
        }
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
    use super::super::super::codec::{Extension, encode};
    use super::super::super::link::{Kind, Role};
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
        fn new(size: usize, seed: u64) -> Mesh {
            let nodes = (0..size).map(|i| Node::new(Settings::default(), seed + i as u64, now(1))).collect();
            let random = fastrand::Rng::with_seed(seed);
            let mut mesh =
                Mesh { nodes, peers: vec![HashMap::new(); size], wires: Vec::new(), random, time: 1 };
            for a in 0..size {
                for b in a + 1..size {
                    let client = mesh.nodes[a].open_link(Role::Client, now(1)).unwrap();
                    let server = mesh.nodes[b].open_link(Role::Server, now(1)).unwrap();
                    mesh.peers[a].insert(client, (b, server));
                    mesh.peers[b].insert(server, (a, client));
                    mesh.nodes[a].link_up(client, now(1));
                }
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
        let each = (mesh.sent() - before) as f64 / (20.0 * 12.0);
        assert!(mesh.nodes.iter().all(|node| node.count() == 360), "all hold all");
        assert!(each < 1.2 * 11.0, "{each} transmissions for each tuple, where 11 are needed");
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
