//! The choice of the clocks that are believed, and the correction of stamps that a wrong clock made.

use super::Node;
use super::converge::Write;
use super::transmit::remaining;
use crate::core::clock::{COUNTER_BITS, Clock, Now, PeerClocks, Stamp, is_possible};
use crate::core::codec::Extension;
use crate::core::event::ChangeKind;
use crate::core::id::{LinkId, Role, Slot};
use crate::core::store::{Register, State};

/// Number of links up to which the median of the peers' clocks is computed whenever one of them changes: that costs
/// about a microsecond.
const FEW_CLOCKS: usize = 64;
/// Milliseconds between two computations of the median where there are more links.
const CLOCKS_INTERVAL: u64 = 1000;
/// Difference (ms) up to which two clocks count as in step: synchronised clocks differ by less.
const IN_STEP: u64 = 1000;
/// Age (ms) that a peer's knowledge of the network's fastest clock may have: two heartbeats of an idle link.
const RECENT: u64 = 10_000;

impl Node {
    /// Takes a peer's wall clock. A peer of version 1.0 sends its hybrid logical clock only, which is taken for its
    /// wall clock; a later one that sends no wall clock knows that its own is wrong.
    pub(super) fn on_wall(&mut self, id: LinkId, extension: Extension<'_>, now: Now) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let logical = extension.clock.filter(|_| !link.offers()).map(|clock| clock >> COUNTER_BITS);
        let wall = extension.wall.or(logical).filter(|&wall| is_possible(wall));
        self.peer_clocks_changed |= link.set_wall(wall.map(|wall| wall.wrapping_sub(now.mono) as i64));
        let soon = self.links.len() <= FEW_CLOCKS || now.mono >= self.peer_clocks_at + CLOCKS_INTERVAL;
        if self.peer_clocks_changed && soon {
            let told: Vec<(Role, i64)> =
                self.links.values().filter_map(|link| Some((link.role(), link.wall()?))).collect();
            // A client is a stranger: one alone is not followed, unless this node's own clock cannot be right.
            let stranger = matches!(told[..], [(Role::Server, _)]) && is_possible(now.wall);
            let told = if stranger { Vec::new() } else { told };
            self.peer_clocks = PeerClocks::new(told.into_iter().map(|(_, wall)| wall).collect());
            (self.peer_clocks_at, self.peer_clocks_changed) = (now.mono, false);
        }
    }

    /// Latest wall time (ms since 1970) of a stamp that is believed.
    pub(super) fn latest_believed(&self, now: Now) -> u64 {
        self.peer_clocks.limit(now, self.settings.max_drift)
    }

    /// Returns whether a stamp with this hybrid logical time is further ahead than is believed.
    pub(super) fn is_too_far_ahead(&self, time: u64, now: Now) -> bool {
        time >> COUNTER_BITS > self.latest_believed(now)
    }

    /// Lets this node's clock follow a hybrid logical time that is believed, as far as it is credible.
    pub(super) fn follow(&mut self, time: u64, now: Now) {
        self.clock.observe(time.min(self.peer_clocks.lead(now, self.settings.max_drift)));
    }

    /// Milliseconds by which a hybrid logical time is ahead of the wall clock by which stamps are judged here.
    pub(super) fn ahead_of_clocks(&self, time: u64, now: Now) -> u64 {
        (time >> COUNTER_BITS).saturating_sub(self.peer_clocks.credible(now).unwrap_or(u64::MAX))
    }

    /// The latest hybrid logical time known, which peers are sent.
    pub(super) fn latest(&self, now: Now) -> u64 {
        self.clock.latest(self.peer_clocks.corrected(now, self.settings.max_drift))
    }

    /// Stamp of a write of the owner's that replaces one stamped `replaced`.
    pub(super) fn next_stamp(&mut self, replaced: Stamp, now: Now) -> Stamp {
        let now = self.peer_clocks.corrected(now, self.settings.max_drift);
        Stamp { time: self.clock.tick(now, replaced), origin: self.id }
    }

    /// Stamp of a write of the owner's. Behind that of an `announced` tuple one is left for the tuple's end.
    pub(super) fn stamp_of(&mut self, announced: bool, now: Now) -> Stamp {
        let stamp = self.next_stamp(Stamp::default(), now);
        self.clock.observe(stamp.time + u64::from(announced));
        stamp
    }

    /// Moves the stamps of this node's own writes forward when its first peer's clock turns out to be ahead: by the
    /// difference between `theirs` and `ours`, hybrid logical times. The peer may not know of the fastest clock for a
    /// while, so where the clocks are not in step, a write of the last [`RECENT`] milliseconds counts as made now.
    pub(super) fn advance_own(&mut self, ours: u64, theirs: u64, now: Now) {
        let ahead = theirs - ours;
        let recent = if ahead >> COUNTER_BITS < IN_STEP {
            u64::MAX
        } else {
            ours.saturating_sub(RECENT << COUNTER_BITS)
        };
        let written = |(_, held): &(Slot, &Register)| {
            held.stamp.origin == self.id
                && !self.past.has(held.stamp)
                && matches!(held.state, State::Live | State::Retracted)
        };
        let mut own: Vec<(Slot, Register)> =
            self.store.iter().filter(written).map(|(slot, held)| (slot, held.clone())).collect();
        own.sort_unstable_by_key(|(_, held)| held.stamp);
        for (slot, held) in own {
            let (Stamp { time, origin }, announced) = (held.stamp, held.is_announced());
            let ttl = remaining(self.store.deadline(slot), now);
            let stamp = if time < recent {
                Stamp { time: time + ahead, origin }
            } else {
                self.stamp_of(announced, now)
            };
            let (tuple, state) = (held.tuple, held.state);
            self.write(Write { tuple, stamp, source: None, state, ttl, announced }, now);
        }
    }

    /// Stamps anew, as if they were made now, the writes that were stamped while this node's clock was far ahead. The
    /// clock was set right since, and peers have refused those stamps.
    pub(super) fn return_own(&mut self, now: Now) {
        let latest = self.latest_believed(now);
        let refused = |(_, held): &(Slot, &Register)| held.stamp.wall() > latest;
        // No time that a value here has is given again.
        let last = |held: &Register| held.stamp.time + u64::from(held.is_announced());
        let believed = self.store.iter().filter(|entry| !refused(entry)).map(|(_, held)| last(held));
        self.clock = Clock::from(believed.max().unwrap_or_default());
        let own: Vec<(Slot, Register)> =
            self.store.iter().filter(refused).map(|(slot, held)| (slot, held.clone())).collect();
        for (slot, held) in own {
            let ttl = remaining(self.store.deadline(slot), now);
            let ours = held.stamp.origin == self.id || held.stamp.is_synthetic();
            match held.state {
                State::Live | State::Retracted | State::Suppressed if ours => {
                    let announced = held.is_announced();
                    let stamp = self.stamp_of(announced, now);
                    let (tuple, source, state) = (held.tuple.clone(), held.source(), held.state);
                    self.write(Write { tuple, stamp, source, state, ttl, announced }, now);
                }
                // An expired or refused tuple need not be stamped anew. A tuple of another node, accepted while that
                // node's clock was the only one known here, is refused now as everywhere else.
                _ => {
                    self.forget_slot(slot);
                    if held.is_live() {
                        self.push_gone(ChangeKind::Retract, held.tuple, held.stamp);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::codec::{MessageId, encode};
    use crate::core::settings::Settings;

    const HOUR: u64 = 3_600_000;
    const WALL: u64 = 1_800_000_000_000;

    /// Delivers all frames between a client, whose clock is ahead by `ahead` milliseconds, and a server.
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
        // One of two peers alone is not followed.
        let right = nodes[1].open_link(Role::Server, start(0)).unwrap();
        let wall = Some(WALL + 1);
        let hello = Extension {
            node: Some(1 << 63),
            clock: wall.map(|wall| wall << 16),
            wall,
            ..Extension::default()
        };
        nodes[1].handle_frame(right, &encode(MessageId::Hello, &hello), start(0));
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

    /// The value that a server holds in the end, which wrote the key `ago` milliseconds before a client connects, with
    /// a clock that is ahead by `server_ahead`. The client wrote it half a second before it connects.
    fn written_before_contact(server_ahead: u64, ago: u64) -> Vec<u8> {
        let at = |mono, ahead| Now { mono, wall: WALL + mono + ahead };
        let mut nodes = [(1, 0), (2, server_ahead)]
            .map(|(seed, ahead)| Node::new(Settings::default(), seed, at(1, ahead)));
        let links = [
            nodes[0].open_link(Role::Client, at(1, 0)).unwrap(),
            nodes[1].open_link(Role::Server, at(1, 0)).unwrap(),
        ];
        // The fastest clock is another node's: the server knew it then, and has not received it since.
        nodes[1].publish(b"key", b"server", 0, at(20_000 - ago, server_ahead)).unwrap();
        nodes[0].publish(b"key", b"client", 0, at(19_500, 0)).unwrap();
        nodes[0].link_up(links[0], at(20_000, 0));
        talk(&mut nodes, links, 20_000, 0);
        assert_eq!(nodes[0].root(), nodes[1].root());
        nodes[1].get(b"key", at(20_000, 0)).unwrap().value().to_vec()
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
        let heartbeat =
            nodes[1].heartbeat(links[1], Extension::default(), Now { mono: 3000, wall: WALL + 3000 });
        nodes[0].handle_frame(links[0], heartbeat.bytes(), wrong);
        nodes[0].publish(b"key", b"2", 0, wrong).unwrap();
        talk(&mut nodes, links, 3001, 0);
        assert_eq!(nodes[1].get(b"key", wrong).unwrap().value(), b"2");
    }

    /// Number of tuples that each node holds in the end: a hub whose clock is wrong, and leaves with right ones that
    /// write before and after they connect.
    fn with_a_wrong_clock(hub: fn(u64) -> u64) -> Vec<usize> {
        let wall = |node: usize, mono| if node == 0 { hub(mono) } else { WALL + mono };
        let at = |node: usize, mono| Now { mono, wall: wall(node, mono) };
        let mut nodes: Vec<Node> =
            (0..4).map(|n| Node::new(Settings::default(), 7 + n as u64, at(n, 1))).collect();
        let mut links = Vec::new();
        for leaf in 1..4 {
            nodes[leaf].publish(format!("early {leaf}").as_bytes(), b"1", 0, at(leaf, 1)).unwrap();
            let (up, down) = (
                nodes[leaf].open_link(Role::Client, at(leaf, 1)),
                nodes[0].open_link(Role::Server, at(0, 1)),
            );
            links.push((leaf, up.unwrap(), down.unwrap()));
            nodes[leaf].link_up(links[leaf - 1].1, at(leaf, 1));
        }
        for mono in (10..8000).step_by(10) {
            if mono == 3000 {
                for (node, one) in nodes.iter_mut().enumerate() {
                    one.publish(b"key", format!("from {node}").as_bytes(), 0, at(node, mono)).unwrap();
                }
            }
            (0..4).for_each(|node| nodes[node].handle_timeout(at(node, mono)));
            for &(leaf, up, down) in &links {
                while let Some(frame) = nodes[leaf].poll_transmit(up, at(leaf, mono)) {
                    nodes[0].handle_frame(down, frame.bytes(), at(0, mono));
                }
                while let Some(frame) = nodes[0].poll_transmit(down, at(0, mono)) {
                    nodes[leaf].handle_frame(up, frame.bytes(), at(leaf, mono));
                }
            }
        }
        assert!(nodes.iter().all(|node| node.root() == nodes[0].root()), "they agree");
        nodes.iter().map(Node::count).collect()
    }

    #[test]
    fn a_hub_whose_clock_cannot_be_right_passes_everything_on() {
        for hub in [|mono| mono, |mono| WALL + mono - 2 * HOUR, |mono| WALL + mono - HOUR / 2] {
            assert_eq!(with_a_wrong_clock(hub), [4; 4]);
        }
    }
}
