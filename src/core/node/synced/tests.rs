use super::*;
use crate::core::clock::Now;
use crate::core::codec::{Extension, MessageId, encode, encode_publish};
use crate::core::frame::Frame;
use crate::core::settings::Settings;
use crate::core::tuple::Tuple;
use std::collections::VecDeque;

/// A value of which some thousand are more than may be under way.
const VALUE: [u8; 300] = [b'x'; 300];

/// A client and a server, and what is under way between them.
struct Pair {
    nodes: [Node; 2],
    links: [LinkId; 2],
    wires: [VecDeque<Frame>; 2],
    time: u64,
}

impl Pair {
    /// Two nodes that hold these numbers of keys, and are not connected yet.
    fn new(held: [usize; 2]) -> Pair {
        let mut nodes = [1, 2].map(|seed| Node::new(Settings::default(), seed, Now::at(1)));
        for (node, keys) in nodes.iter_mut().zip(held) {
            for key in 0..keys {
                let key = format!("{}/{key}", node.id());
                node.publish(key.as_bytes(), &VALUE, 0, Now::at(1)).unwrap();
            }
        }
        let client = nodes[0].open_link(Role::Client, Now::at(1)).unwrap();
        let server = nodes[1].open_link(Role::Server, Now::at(1)).unwrap();
        Pair { nodes, links: [client, server], wires: Default::default(), time: 1 }
    }

    /// Passes a millisecond. Of each node's frames one arrives.
    fn tick(&mut self) {
        self.time += 1;
        let now = Now::at(self.time);
        for from in [0, 1] {
            self.nodes[from].handle_timeout(now);
            while let Some(link) = self.nodes[from].poll_ready() {
                while let Some(frame) = self.nodes[from].poll_transmit(link, now) {
                    self.wires[from].push_back(frame);
                }
            }
        }
        for from in [0, 1] {
            if let Some(frame) = self.wires[from].pop_front() {
                self.nodes[1 - from].handle_frame(self.links[1 - from], frame.bytes(), now);
            }
        }
    }
}

impl Pair {
    /// Lets time pass until a node is synced, that asks for it. In a busy network both write in each millisecond.
    fn wait(&mut self, waits: usize, is_busy: bool) {
        let mut barrier = None;
        while !self.nodes[waits].is_synced() {
            let now = Now::at(self.time);
            for node in self.nodes.iter_mut().filter(|_| is_busy) {
                node.publish(format!("busy {}", node.id()).as_bytes(), b"", self.time as u32, now).unwrap();
            }
            if barrier.is_none_or(|barrier| self.nodes[waits].count_lagging(barrier) == 0) {
                barrier = Some(self.nodes[waits].set_barrier());
            }
            self.tick();
            assert!(self.time < 60_000, "the node that waits holds {}", self.nodes[waits].count());
        }
    }
}

/// Frames may stand in the way, changes may never end: whoever waits for the other's state has all of it that was there
/// at the beginning.
fn wait(held: [usize; 2], waits: usize, is_busy: bool) {
    let mut pair = Pair::new(held);
    assert_eq!(pair.nodes.each_ref().map(Node::is_synced), [false, true], "a hub alone is no client alone");
    pair.nodes[0].link_up(pair.links[0], Now::at(1));
    while pair.nodes[waits].stats().links_extended == 0 {
        pair.tick();
    }
    pair.wait(waits, is_busy);
    let other = pair.nodes[1 - waits].id();
    for key in 0..held[1 - waits] {
        let key = format!("{other}/{key}");
        assert!(pair.nodes[waits].get(key.as_bytes(), Now::at(pair.time)).is_some(), "{key} is missing");
    }
}

#[test]
fn a_node_is_synced_once_it_holds_what_the_first_extended_peer_held_and_not_before() {
    for held in [[0, 0], [0, 3], [3, 0], [0, 5000], [5000, 0], [200, 5000], [5000, 200], [3000, 3000]] {
        for waits in [0, 1] {
            for is_busy in [false, true] {
                wait(held, waits, is_busy);
            }
        }
    }
}

#[test]
fn a_node_that_lacks_a_few_of_many_tuples_is_synced_once_it_has_them() {
    for waits in [0, 1] {
        for missing in [1, 50, 1000] {
            let mut pair = Pair::new([0, 500]);
            pair.nodes[0].link_up(pair.links[0], Now::at(1));
            while pair.nodes[0].root() != pair.nodes[1].root() {
                pair.tick();
            }
            let now = Now::at(pair.time);
            pair.nodes[0].link_down(pair.links[0], now);
            pair.nodes[1].close_link(pair.links[1], now);
            pair.links[1] = pair.nodes[1].open_link(Role::Server, now).unwrap();
            pair.wires = Default::default();
            pair.nodes[waits].synced = false;
            for key in 0..missing {
                pair.nodes[1 - waits].publish(format!("more {key}").as_bytes(), &VALUE, 0, now).unwrap();
            }
            pair.nodes[0].link_up(pair.links[0], now);
            while pair.nodes[waits].stats().links_extended == 0 {
                pair.tick();
            }
            pair.wait(waits, true);
            let held = pair.nodes[waits].readable(now).filter(|tuple| tuple.key().starts_with(b"more "));
            assert_eq!(held.count(), missing);
        }
    }
}

#[test]
fn it_stays_synced_when_the_peer_has_gone() {
    let mut pair = Pair::new([0, 5]);
    pair.nodes[0].link_up(pair.links[0], Now::at(1));
    while !pair.nodes[0].is_synced() {
        pair.tick();
        assert!(pair.time < 10_000, "no heartbeat has shown it");
    }
    pair.nodes[0].link_down(pair.links[0], Now::at(pair.time));
    assert!(pair.nodes[0].is_synced());
}

#[test]
fn a_plain_servers_list_is_over_with_the_pong_behind_it() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let link = node.open_link(Role::Client, Now::at(1)).unwrap();
    node.link_up(link, Now::at(1));
    let pong = encode(MessageId::Pong, &Extension::default());
    node.handle_frame(link, &pong, Now::at(2));
    for key in 0..100 {
        let tuple = Tuple::new(format!("{key}").as_bytes(), b"");
        node.handle_frame(link, &encode_publish(&tuple, 0, None), Now::at(3));
        assert!(!node.is_synced());
    }
    node.handle_frame(link, &pong, Now::at(4));
    assert!(node.is_synced());
}

#[test]
fn a_plain_clients_list_is_over_after_a_pause() {
    let mut node = Node::new(Settings::default(), 1, Now::at(1));
    let link = node.open_link(Role::Server, Now::at(1)).unwrap();
    assert!(node.is_synced(), "who is connected and says nothing is no peer");
    node.handle_frame(link, &encode(MessageId::Hello, &Extension::default()), Now::at(2));
    for time in 3..500 {
        let tuple = Tuple::new(format!("{time}").as_bytes(), b"");
        node.handle_frame(link, &encode_publish(&tuple, 0, None), Now::at(time));
        node.handle_timeout(Now::at(time));
        assert!(!node.is_synced());
    }
    node.handle_timeout(Now::at(1000));
    assert!(node.is_synced());
}
