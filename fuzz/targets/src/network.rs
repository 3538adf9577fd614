//! A small network in virtual time: honest nodes in a star, and wires whose other end is in the hands of an attacker.
//!
//! Nodes are driven as the engine drives them: an input, then all outputs. The simulator's `Ours` checks each of them.

use std::collections::VecDeque;

use zgossip::core::record::RecordedNode;
use zgossip::core::{Now, Role, Settings};

use crate::ours::{End, Ours};

/// Monotonic and wall time (ms) at which a run begins.
const MONO: u64 = 1_000_000;
const WALL: u64 = 1_790_000_000_000;

/// Frames that one step may cause: beyond that, nodes talk without end.
const ENDLESS: usize = 5000;

/// Frames of honest nodes that the attacker keeps, to send them again.
const OVERHEARD: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Party {
    Honest(usize),
    Hostile,
}

struct Wire {
    client: Party,
    server: Party,
    up: bool,
    ended: bool,
    /// Number of the present connection.
    epoch: u32,
    to_server: VecDeque<Vec<u8>>,
    to_client: VecDeque<Vec<u8>>,
}

pub struct Network {
    pub members: Vec<Ours>,
    wires: Vec<Wire>,
    time: u64,
    pub overheard: VecDeque<Vec<u8>>,
    /// Frames and bytes that honest nodes have sent in the present step.
    frames: usize,
    pub bytes: usize,
}

impl Network {
    /// Honest nodes, all but the first connected to that.
    pub fn new(honest: usize, settings: &Settings) -> Network {
        let mut network = Network {
            members: Vec::new(),
            wires: Vec::new(),
            time: 0,
            overheard: VecDeque::new(),
            frames: 0,
            bytes: 0,
        };
        for number in 0..honest {
            let node = RecordedNode::new(settings.clone(), 100 + number as u64, network.now());
            network.members.push(Ours::new(node));
        }
        for client in 1..honest {
            network.connect(Party::Honest(client), Party::Honest(0));
        }
        network.begin_step();
        network.settle();
        network
    }

    pub fn now(&self) -> Now {
        Now { mono: MONO + self.time, wall: WALL + self.time }
    }

    /// Forgets how much the last step has cost.
    pub fn begin_step(&mut self) {
        (self.frames, self.bytes) = (0, 0);
    }

    /// Makes a wire, and returns its number.
    pub fn connect(&mut self, client: Party, server: Party) -> usize {
        let number = self.wires.len();
        let (to_server, to_client) = Default::default();
        self.wires.push(Wire { client, server, up: false, ended: false, epoch: 0, to_server, to_client });
        if let Party::Honest(node) = client {
            let now = self.now();
            let ours = &mut self.members[node];
            let link = ours.node.open_link(Role::Client, now).expect("few links");
            ours.remotes.insert(number, link);
            ours.ends.insert(link, End { wire: number, role: Role::Client, epoch: 0, gone_at: None });
        }
        self.raise(number);
        number
    }

    /// Makes the connection of a wire, unless there is one.
    pub fn raise(&mut self, wire: usize) {
        let now = self.now();
        let w = &mut self.wires[wire];
        if w.up || w.ended {
            return;
        }
        (w.up, w.epoch) = (true, w.epoch + 1);
        if let Party::Honest(node) = w.client {
            let ours = &mut self.members[node];
            if let Some(&link) = ours.remotes.get(&wire) {
                ours.node.link_up(link, now);
            }
            self.drain(node);
        }
    }

    /// Breaks a connection; both ends learn of it.
    pub fn cut(&mut self, wire: usize) {
        let now = self.now();
        let Wire { client, server, epoch, up, .. } = self.wires[wire];
        self.lose(wire);
        if let (Party::Honest(node), true) = (client, up) {
            let ours = &mut self.members[node];
            if let Some(&link) = ours.remotes.get(&wire) {
                ours.node.link_down(link, now);
            }
            self.drain(node);
        }
        if let Party::Honest(node) = server {
            let ours = &mut self.members[node];
            if let Some(link) = ours.clients.remove(&(wire, epoch)) {
                ours.ends.remove(&link);
                ours.node.close_link(link, now);
            }
            self.drain(node);
        }
    }

    /// Ends a wire for ever, as the engine does where a node has met itself.
    pub fn end(&mut self, wire: usize) {
        self.wires[wire].ended = true;
        self.cut(wire);
        let now = self.now();
        if let Party::Honest(node) = self.wires[wire].client
            && let Some(link) = self.members[node].remotes.remove(&wire)
        {
            self.members[node].ends.remove(&link);
            self.members[node].node.close_link(link, now);
            self.drain(node);
        }
    }

    fn lose(&mut self, wire: usize) {
        let w = &mut self.wires[wire];
        w.up = false;
        w.to_server.clear();
        w.to_client.clear();
    }

    /// Puts a frame of the attacker on one of its wires.
    pub fn say(&mut self, wire: usize, frame: Vec<u8>) {
        let w = &mut self.wires[wire];
        match w.client {
            _ if !w.up => {}
            Party::Hostile => w.to_server.push_back(frame),
            Party::Honest(_) => w.to_client.push_back(frame),
        }
    }

    /// Delivers what is under way, and all that follows from it.
    pub fn settle(&mut self) {
        loop {
            let waiting = |wire: &Wire| !(wire.to_server.is_empty() && wire.to_client.is_empty());
            let Some(wire) = self.wires.iter().position(waiting) else { return };
            self.deliver(wire);
        }
    }

    fn deliver(&mut self, wire: usize) {
        let w = &mut self.wires[wire];
        let (party, frame) = match w.to_server.pop_front() {
            Some(frame) => (w.server, Some(frame)),
            None => (w.client, w.to_client.pop_front()),
        };
        let is_client = party == w.client;
        let epoch = w.epoch;
        let Some(frame) = frame else { return };
        let Party::Honest(node) = party else {
            if self.overheard.len() == OVERHEARD {
                self.overheard.pop_front();
            }
            self.overheard.push_back(frame);
            return;
        };
        let now = self.now();
        let ours = &mut self.members[node];
        let link =
            if is_client { ours.remotes.get(&wire) } else { ours.clients.get(&(wire, epoch)) }.copied();
        let link = match link {
            Some(link) => link,
            None if is_client => return,
            None => {
                let Ok(link) = ours.node.open_link(Role::Server, now) else { return };
                ours.clients.insert((wire, epoch), link);
                ours.ends.insert(link, End { wire, role: Role::Server, epoch, gone_at: None });
                link
            }
        };
        ours.node.handle_frame(link, &frame, now);
        self.drain(node);
    }

    /// Takes the outputs of a node, and checks its owner's events.
    pub fn drain(&mut self, node: usize) {
        let now = self.now();
        loop {
            let ours = &mut self.members[node];
            if let Some(link) = ours.node.poll_suspect() {
                let is_up = ours.ends.get(&link).is_some_and(|end| self.wires[end.wire].up);
                ours.node.handle_suspect(link, is_up, now);
            } else if let Some(link) = ours.node.poll_stale() {
                // The engine connects anew.
                if let Some(&End { wire, role: Role::Client, .. }) = ours.ends.get(&link) {
                    self.lose(wire);
                    self.raise(wire);
                }
            } else if let Some(link) = ours.node.poll_ready() {
                let end = ours.ends.get(&link).copied();
                while let Some(frame) = self.members[node].node.poll_transmit(link, now) {
                    self.frames += 1;
                    self.bytes += frame.bytes().len();
                    assert!(self.frames < ENDLESS, "frames are sent without end");
                    let Some(end) = end else { continue };
                    let w = &mut self.wires[end.wire];
                    match end.role {
                        Role::Client if w.up => w.to_server.push_back(frame.bytes().to_vec()),
                        Role::Server if w.up && w.epoch == end.epoch => {
                            w.to_client.push_back(frame.bytes().to_vec())
                        }
                        _ => {}
                    }
                }
            } else {
                break;
            }
        }
        let ours = &mut self.members[node];
        ours.take_events(node);
        ours.check(node, now, 1);
        let own: Vec<_> = ours.own_ids.drain(..).filter_map(|link| ours.ends.get(&link).copied()).collect();
        own.iter().for_each(|end| self.end(end.wire));
    }

    /// Lets time pass, in milliseconds, with whatever is due in it.
    pub fn pass(&mut self, time: u64) {
        let end = self.time + time;
        loop {
            self.settle();
            let due = self.members.iter().filter_map(|ours| ours.node.poll_timeout()).min();
            let Some(due) = due.map(|due| due.saturating_sub(MONO)).filter(|&due| due <= end) else { break };
            self.time = due.max(self.time);
            for node in 0..self.members.len() {
                let now = self.now();
                if self.members[node].node.poll_timeout().is_some_and(|due| due <= now.mono) {
                    self.members[node].node.handle_timeout(now);
                    self.drain(node);
                }
            }
        }
        self.time = end;
    }
}
