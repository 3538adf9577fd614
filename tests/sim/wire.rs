//! The connections between the nodes, and what happens to them.
//!
//! A wire joins a client to a server, as CONNECT and BIND do. It carries frames in both directions, first in, first
//! out, over one connection after the other; what was under way when a connection broke is lost. Each connection is a
//! new client to the server (a new ROUTER identity). Both ends learn late that a connection broke: the client from its
//! monitor, the server from a send that fails.

use super::net::{Body, Event, MS, Sim};
use super::ours::{End, Ours};
use super::stock::Stock;
use std::collections::VecDeque;
use zgossip::core::Role;
use zgossip::core::record::RecordedNode as Node;

/// Treatment of frames by a wire.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
    /// Least and greatest time that a frame takes.
    pub delay: (u64, u64),
    /// Least time between two frames.
    pub service: u64,
    /// Number of frames that can be under way; a sender beyond that has to wait.
    pub capacity: usize,
    /// Delay towards the client, where that is different.
    pub back: Option<(u64, u64)>,
    /// Number of bytes that pass in a second; 0 where size does not matter.
    pub bandwidth: u64,
    /// Number of bytes that can be under way.
    pub bytes: usize,
}

impl Speed {
    pub const LAN: Speed = Speed::of((MS, 50 * MS), 1, 1000);
    pub const SLOW: Speed = Speed::of((20 * MS, 100 * MS), 50 * MS, 2);

    /// A speed that is the same in both directions, whatever the size of a frame.
    pub const fn of(delay: (u64, u64), service: u64, capacity: usize) -> Speed {
        Speed { delay, service, capacity, back: None, bandwidth: 0, bytes: usize::MAX }
    }

    /// A line on which each frame takes about as long as the one before, but for some jitter.
    pub const fn line(one_way: u64, jitter: u64) -> Speed {
        Speed::of((one_way - jitter, one_way + jitter), 1, 1000)
    }
}

/// Direction of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
}

#[derive(Default)]
pub struct Pipe {
    /// Frames under way, each with the time at which it was sent.
    pub(super) frames: VecDeque<(u64, Vec<u8>)>,
    pub(super) last: u64,
    pub(super) bytes: usize,
    /// Time at which the line has taken all that was sent.
    pub(super) taken: u64,
}

impl Pipe {
    pub(super) fn is_full(&self, speed: &Speed) -> bool {
        self.frames.len() >= speed.capacity || self.bytes >= speed.bytes
    }
}

pub struct Wire {
    pub client: usize,
    pub server: usize,
    /// Number of the present connection, or the last one.
    pub epoch: u32,
    /// A connection is there.
    pub connected: bool,
    /// The client takes the connection for up.
    pub believed: bool,
    /// Whether no connection can be made.
    pub cut: bool,
    pub speed: Speed,
    pub(super) pipes: [Pipe; 2],
    /// Frames that the client sent last; some of them may come again on the next connection.
    pub(super) recent: VecDeque<(u64, Vec<u8>)>,
    /// Time at which the connection was lost.
    pub(super) lost_at: u64,
    /// Time until which nothing passes, and nothing is lost.
    pub frozen_until: u64,
}

impl Sim {
    /// Makes a client CONNECT to a server. Returns the wire's number.
    pub fn connect(&mut self, client: usize, server: usize) -> usize {
        let wire = self.wires.len();
        self.wires.push(Wire {
            client,
            server,
            epoch: 0,
            connected: false,
            believed: false,
            cut: false,
            speed: Speed::LAN,
            pipes: Default::default(),
            recent: VecDeque::new(),
            lost_at: self.now,
            frozen_until: 0,
        });
        self.nodes[client].wires.push(wire);
        self.nodes[server].wires.push(wire);
        self.open(wire);
        wire
    }

    /// Lets the client begin to connect.
    pub(super) fn open(&mut self, wire: usize) {
        let client = self.wires[wire].client;
        let now = self.clock(client);
        match &mut self.nodes[client].body {
            Body::Ours(ours) => {
                let link = ours.node.open_link(Role::Client, now).expect("clients are not limited");
                ours.ends.insert(link, End { wire, role: Role::Client, epoch: 0, gone_at: None });
                ours.remotes.insert(wire, link);
                self.introduce(client, link, self.wires[wire].server);
            }
            Body::Stock(stock) => stock.connect(wire),
        }
        self.drain(client);
        self.connect_soon(wire);
    }

    pub(super) fn connect_soon(&mut self, wire: usize) {
        let wait = self.random.u64(MS..120 * MS);
        let life = self.nodes[self.wires[wire].client].life;
        self.at(self.now + wait, Event::Connect { wire, life });
    }

    pub(super) fn try_connect(&mut self, wire: usize) {
        let Wire { client, server, cut, connected, .. } = self.wires[wire];
        if connected {
            return;
        }
        if cut || !self.nodes[server].alive {
            return self.connect_soon(wire);
        }
        let w = &mut self.wires[wire];
        w.epoch += 1;
        self.oracle.absence = self.oracle.absence.max(self.now - w.lost_at);
        (w.connected, w.believed) = (true, true);
        w.pipes = Default::default();
        let epoch = w.epoch;
        self.note(|| format!("wire {wire} ({client} to {server}) is connected, epoch {epoch}"));
        let w = &mut self.wires[wire];
        let again: Vec<_> = w.recent.drain(..).collect();
        if self.duplicate && self.random.bool() {
            for (said, frame) in again {
                self.oracle.transit = self.oracle.transit.max(self.now - said);
                self.put(wire, Way::ToServer, frame);
            }
        }
        let now = self.clock(client);
        match &mut self.nodes[client].body {
            Body::Ours(ours) => {
                let link = ours.remotes[&wire];
                ours.node.link_up(link, now);
            }
            Body::Stock(stock) => stock.connected(wire),
        }
        self.drain(client);
    }

    /// Lets the client learn that its connection broke.
    pub(super) fn notice(&mut self, wire: usize, epoch: u32) {
        let Wire { client, believed, .. } = self.wires[wire];
        if self.wires[wire].epoch != epoch || !believed {
            return;
        }
        self.wires[wire].believed = false;
        self.note(|| format!("node {client} notices the loss of wire {wire}"));
        if self.nodes[client].alive {
            let now = self.clock(client);
            match &mut self.nodes[client].body {
                Body::Ours(ours) => {
                    let link = ours.remotes[&wire];
                    ours.pending.remove(&link);
                    ours.node.link_down(link, now);
                }
                Body::Stock(stock) => stock.disconnected(wire),
            }
            self.drain(client);
            self.connect_soon(wire);
        }
    }

    /// Breaks the connection. The client's monitor reports that after `client`; the server's sends fail after `server`.
    pub fn lose(&mut self, wire: usize, client: u64, server: u64) {
        let w = &mut self.wires[wire];
        if !w.connected {
            return;
        }
        (w.connected, w.lost_at) = (false, self.now);
        w.pipes = Default::default();
        let (from, to) = (w.client, w.server);
        let (epoch, host) = (w.epoch, w.server);
        let gone_at = self.now + server;
        self.note(|| {
            format!(
                "wire {wire} ({from} to {to}) is lost; noticed after {} and {} ms",
                client / MS,
                server / MS
            )
        });
        if let Body::Ours(ours) = &mut self.nodes[host].body {
            let ends = ours.ends.values_mut();
            ends.filter(|end| end.role == Role::Server && (end.wire, end.epoch) == (wire, epoch))
                .for_each(|end| end.gone_at = Some(gone_at));
        }
        self.at(self.now + client, Event::Notice { wire, epoch });
    }

    /// Makes the wire fast from now on, also for what is under way.
    pub fn speed_up(&mut self, wire: usize) {
        self.wires[wire].speed = Speed::LAN;
        let epoch = self.wires[wire].epoch;
        for way in [Way::ToServer, Way::ToClient] {
            let pipe = &mut self.wires[wire].pipes[way as usize];
            (pipe.last, pipe.taken) = (self.now, self.now);
            for _ in 0..pipe.frames.len() {
                self.at(self.now + 50 * MS, Event::Arrive { wire, way, epoch });
            }
        }
    }

    /// Gives a CZMQ node `SET server/timeout`.
    pub fn set_stock_timeout(&mut self, node: usize, timeout: u64) {
        if let Body::Stock(stock) = &mut self.nodes[node].body {
            stock.timeout = timeout;
        }
    }

    /// Lets CZMQ clients learn at once that their connections broke: they have no way to find out.
    pub fn tell_stock_clients(&mut self) {
        for wire in 0..self.wires.len() {
            let w = &self.wires[wire];
            if !self.is_ours(w.client) && !w.connected {
                self.notice(wire, w.epoch);
            }
        }
    }

    /// Ends the node at once, for good.
    pub fn leave(&mut self, node: usize) {
        self.nodes[node].gone = true;
        self.restart(node, u64::MAX >> 1, |_| ());
    }

    /// Ends the node at once, and starts it again, with nothing, after `downtime`.
    #[expect(clippy::too_many_lines, reason = "one story, told in its order")]
    pub fn restart(&mut self, node: usize, downtime: u64, then: impl FnOnce(&mut Sim) + 'static) {
        for wire in self.nodes[node].wires.clone() {
            let (a, b) = (self.random.u64(0..100 * MS), self.random.u64(0..100 * MS));
            self.lose(wire, a, b);
            let w = &mut self.wires[wire];
            if w.client == node {
                w.believed = false;
                w.recent.clear();
            }
        }
        self.note(|| format!("node {node} ends, for {} ms", downtime / MS));
        if let Some(arrivals) = &mut self.arrivals {
            arrivals.ended(node);
        }
        let seed = self.random.u64(..);
        let seed = self.nodes[node].seed.unwrap_or(seed);
        let member = &mut self.nodes[node];
        member.alive = false;
        member.life += 1;
        member.wake_at = None;
        let life = member.life;
        if member.gone {
            return;
        }
        self.after(downtime, move |sim| {
            if sim.nodes[node].life != life {
                return;
            }
            let mono = sim.random.u64(0..1 << 32).wrapping_sub(sim.now / MS);
            sim.nodes[node].mono = mono;
            let (now, settings) = (sim.clock(node), sim.nodes[node].settings.clone());
            let began = sim.now;
            let member = &mut sim.nodes[node];
            member.alive = true;
            member.begins.push((life, began));
            if let Some(arrivals) = &mut sim.arrivals {
                arrivals.began(node, sim.now);
            }
            member.body = match &mut member.body {
                Body::Ours(before) => {
                    before.check_record();
                    let mut ours = Ours::new(Node::new(settings, seed, now));
                    if before.forgets {
                        ours.forgets_removals();
                    }
                    if sim.recorded {
                        ours.start_record(now);
                    }
                    Body::Ours(Box::new(ours))
                }
                Body::Stock(stock) => Body::Stock(Stock { watches: stock.watches, ..Stock::default() }),
            };
            if let Some(rights) = sim.rights.get(&node).cloned() {
                sim.rule(node, rights);
            }
            sim.drain(node);
            for wire in sim.nodes[node].wires.clone() {
                if sim.wires[wire].client == node {
                    sim.open(wire);
                }
            }
            then(sim);
        });
    }
}
