//! Time, events, and the connections between the nodes.
//!
//! A wire joins a client to a server, as CONNECT and BIND do. It carries frames in both directions,
//! first in, first out, over one connection after the other; what was under way when a connection
//! broke is lost. Each connection is a new client to the server (a new ROUTER identity). Both ends
//! learn late that a connection broke: the client from its monitor, the server from a send that
//! fails.

use super::ours::{End, Ours};
use super::stock::{Stock, Target};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use zgossip::core::codec::{Message, MessageId, decode};
use zgossip::core::{LinkId, Node, Now, Role, Settings};

/// Virtual time counts microseconds.
pub const MS: u64 = 1000;
pub const SECOND: u64 = 1000 * MS;

/// Wall time at which every simulation begins: some day in 2026.
const WALL: u64 = 1_790_000_000_000;

/// What a wire does to the frames that it carries.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
    /// Least and most time that a frame takes.
    pub delay: (u64, u64),
    /// Least time between two frames.
    pub service: u64,
    /// Frames that can be under way; a sender beyond that has to wait.
    pub capacity: usize,
}

impl Speed {
    pub const LAN: Speed = Speed { delay: (MS, 50 * MS), service: 1, capacity: 1000 };
    pub const SLOW: Speed = Speed { delay: (20 * MS, 100 * MS), service: 50 * MS, capacity: 2 };
}

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
}

#[derive(Default)]
pub struct Pipe {
    frames: VecDeque<Vec<u8>>,
    last: u64,
}

pub struct Wire {
    pub client: usize,
    pub server: usize,
    /// Counts connections.
    pub epoch: u32,
    /// A connection is there.
    pub connected: bool,
    /// The client believes so.
    pub believed: bool,
    /// No connection can be made.
    pub cut: bool,
    pub speed: Speed,
    pipes: [Pipe; 2],
    /// What the client sent last; some of it may come again on the next connection.
    recent: VecDeque<Vec<u8>>,
}

pub enum Body {
    Ours(Box<Ours>),
    Stock(Stock),
}

pub struct Member {
    pub body: Body,
    pub alive: bool,
    /// Counts restarts.
    pub life: u32,
    pub paused_until: u64,
    /// Milliseconds by which the wall clock is wrong.
    pub skew: i64,
    mono: u64,
    wake_at: Option<u64>,
    pub wires: Vec<usize>,
    settings: Settings,
}

/// What was sent, and when last.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub frames: u64,
    pub bytes: u64,
    /// Tuples' messages that may change something: PUBLISH and BATCH, signs of life apart.
    pub tuples: u64,
    pub last_tuples: u64,
    /// DIGEST, ENTRIES, REQUEST.
    pub syncs: u64,
    pub last_syncs: u64,
    /// PUBLISH of what a stock hub holds already, to find out whether it still knows us.
    pub signs: u64,
    pub publishes: u64,
}

type Call = Box<dyn FnOnce(&mut Sim)>;
type Filter = Box<dyn FnMut(&Wire, Way, &[u8]) -> bool>;

enum Event {
    Arrive { wire: usize, way: Way, epoch: u32 },
    Wake { node: usize, life: u32 },
    Connect { wire: usize, life: u32 },
    Notice { wire: usize, epoch: u32 },
    Call(Call),
}

struct Queued {
    at: u64,
    serial: u64,
    event: Event,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Queued) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Queued) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Queued) -> Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

pub struct Sim {
    pub random: fastrand::Rng,
    pub now: u64,
    pub steps: u64,
    pub nodes: Vec<Member>,
    pub wires: Vec<Wire>,
    pub tally: Tally,
    /// Frames for which this is false are lost, unnoticed.
    pub filter: Option<Filter>,
    /// Some frames come twice when a connection is made again.
    pub duplicate: bool,
    queue: BinaryHeap<Reverse<Queued>>,
    serial: u64,
    trace: bool,
}

impl Sim {
    pub fn new(seed: u64) -> Sim {
        Sim {
            random: fastrand::Rng::with_seed(seed),
            now: 0,
            steps: 0,
            nodes: Vec::new(),
            wires: Vec::new(),
            tally: Tally::default(),
            filter: None,
            duplicate: false,
            queue: BinaryHeap::new(),
            serial: 0,
            trace: std::env::var_os("ZGOSSIP_SIM_TRACE").is_some(),
        }
    }

    /// Shows the network, in a traced run.
    pub fn describe(&self) {
        if self.trace {
            let stock: Vec<usize> = (0..self.nodes.len()).filter(|&node| !self.is_ours(node)).collect();
            println!("stock nodes: {stock:?}");
            let wires = self.wires.iter().enumerate();
            wires.for_each(|(number, wire)| {
                println!("wire {number}: {} connects to {}", wire.client, wire.server)
            });
        }
    }

    fn note(&self, text: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>12.3} {}", self.now as f64 / MS as f64, text());
        }
    }

    /// Adds one of our nodes.
    pub fn ours(&mut self) -> usize {
        self.ours_with(Settings::default(), 0)
    }

    pub fn ours_with(&mut self, settings: Settings, skew: i64) -> usize {
        let mono = self.random.u64(0..1 << 32);
        let now = Now { mono, wall: WALL.saturating_add_signed(skew) };
        let node = Node::new(settings.clone(), self.random.u64(..), now);
        self.member(Body::Ours(Box::new(Ours::new(node))), mono, skew, settings)
    }

    /// Adds a model of CZMQ's zgossip.
    pub fn stock(&mut self) -> usize {
        self.member(Body::Stock(Stock::default()), 0, 0, Settings::default())
    }

    fn member(&mut self, body: Body, mono: u64, skew: i64, settings: Settings) -> usize {
        let mono = mono.wrapping_sub(self.now / MS);
        self.nodes.push(Member {
            body,
            alive: true,
            life: 0,
            paused_until: 0,
            skew,
            mono,
            wake_at: None,
            wires: Vec::new(),
            settings,
        });
        let node = self.nodes.len() - 1;
        self.drain(node);
        node
    }

    /// CONNECT: the wire's number.
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
        });
        self.nodes[client].wires.push(wire);
        self.nodes[server].wires.push(wire);
        self.open(wire);
        wire
    }

    /// The client begins to connect.
    fn open(&mut self, wire: usize) {
        let client = self.wires[wire].client;
        let now = self.clock(client);
        match &mut self.nodes[client].body {
            Body::Ours(ours) => {
                let link = ours.node.open_link(Role::Client, now).expect("clients are not limited");
                ours.ends.insert(link, End { wire, role: Role::Client, epoch: 0, gone_at: None });
                ours.remotes.insert(wire, link);
            }
            Body::Stock(stock) => stock.connect(wire),
        }
        self.drain(client);
        self.connect_soon(wire);
    }

    fn connect_soon(&mut self, wire: usize) {
        let wait = self.random.u64(MS..120 * MS);
        let life = self.nodes[self.wires[wire].client].life;
        self.at(self.now + wait, Event::Connect { wire, life });
    }

    fn at(&mut self, at: u64, event: Event) {
        self.serial += 1;
        self.queue.push(Reverse(Queued { at: at.max(self.now), serial: self.serial, event }));
    }

    /// Has something done at a time from now.
    pub fn after(&mut self, wait: u64, call: impl FnOnce(&mut Sim) + 'static) {
        self.at(self.now + wait, Event::Call(Box::new(call)));
    }

    /// The clocks of a node.
    pub fn clock(&self, node: usize) -> Now {
        let member = &self.nodes[node];
        let elapsed = self.now / MS;
        Now {
            mono: member.mono.wrapping_add(elapsed),
            wall: (WALL + elapsed).saturating_add_signed(member.skew),
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, time: u64) {
        let until = self.now + time;
        while self.queue.peek().is_some_and(|Reverse(next)| next.at <= until) {
            let Some(Reverse(Queued { at, event, .. })) = self.queue.pop() else { break };
            self.now = at;
            self.steps += 1;
            self.happen(at, event);
        }
        self.now = until;
    }

    fn happen(&mut self, at: u64, event: Event) {
        let acting = match event {
            Event::Arrive { wire, way: Way::ToServer, .. } => Some(self.wires[wire].server),
            Event::Arrive { wire, .. } | Event::Connect { wire, .. } | Event::Notice { wire, .. } => {
                Some(self.wires[wire].client)
            }
            Event::Wake { node, .. } => Some(node),
            Event::Call(_) => None,
        };
        if let Some(paused_until) =
            acting.map(|node| self.nodes[node].paused_until).filter(|&until| until > at)
        {
            if let Event::Wake { node, .. } = event {
                self.nodes[node].wake_at = Some(paused_until);
            }
            return self.at(paused_until, event);
        }
        match event {
            Event::Arrive { wire, way, epoch } => self.arrive(wire, way, epoch),
            Event::Wake { node, life } => {
                let member = &mut self.nodes[node];
                if member.life == life && member.alive && member.wake_at == Some(at) {
                    member.wake_at = None;
                    let now = self.clock(node);
                    if let Body::Ours(ours) = &mut self.nodes[node].body {
                        ours.node.handle_timeout(now);
                        let next = ours.node.poll_timeout();
                        assert!(
                            next.is_none_or(|next| next > now.mono),
                            "node {node} would not let time pass"
                        );
                    }
                    self.drain(node);
                }
            }
            Event::Connect { wire, life } => {
                let Wire { client, .. } = self.wires[wire];
                if self.nodes[client].life == life && self.nodes[client].alive {
                    self.try_connect(wire);
                }
            }
            Event::Notice { wire, epoch } => self.notice(wire, epoch),
            Event::Call(call) => call(self),
        }
    }

    fn try_connect(&mut self, wire: usize) {
        let Wire { client, server, cut, connected, .. } = self.wires[wire];
        if connected {
            return;
        }
        if cut || !self.nodes[server].alive {
            return self.connect_soon(wire);
        }
        let w = &mut self.wires[wire];
        w.epoch += 1;
        (w.connected, w.believed) = (true, true);
        w.pipes = Default::default();
        let epoch = w.epoch;
        self.note(|| format!("wire {wire} ({client} to {server}) is connected, epoch {epoch}"));
        let w = &mut self.wires[wire];
        let again: Vec<_> = w.recent.drain(..).collect();
        if self.duplicate && self.random.bool() {
            again.into_iter().for_each(|frame| self.put(wire, Way::ToServer, frame));
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

    /// The client learns that its connection broke.
    fn notice(&mut self, wire: usize, epoch: u32) {
        let Wire { client, believed, .. } = self.wires[wire];
        if self.wires[wire].epoch != epoch || !believed {
            return;
        }
        self.wires[wire].believed = false;
        self.note(|| format!("node {client} notices the loss of wire {wire}"));
        if self.nodes[client].alive {
            let now = self.clock(client);
            if let Body::Ours(ours) = &mut self.nodes[client].body {
                let link = ours.remotes[&wire];
                ours.pending.remove(&link);
                ours.node.link_down(link, now);
            }
            self.drain(client);
            self.connect_soon(wire);
        }
    }

    /// The connection breaks. The client's monitor tells after `client`, the server's sends fail after
    /// `server`.
    pub fn lose(&mut self, wire: usize, client: u64, server: u64) {
        let w = &mut self.wires[wire];
        if !w.connected {
            return;
        }
        w.connected = false;
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

    /// The wire is fast from now on, also for what is under way.
    pub fn speed_up(&mut self, wire: usize) {
        self.wires[wire].speed = Speed::LAN;
        let epoch = self.wires[wire].epoch;
        for way in [Way::ToServer, Way::ToClient] {
            let pipe = &mut self.wires[wire].pipes[way as usize];
            pipe.last = self.now;
            for _ in 0..pipe.frames.len() {
                self.at(self.now + 50 * MS, Event::Arrive { wire, way, epoch });
            }
        }
    }

    /// `SET server/timeout` on a stock node.
    pub fn set_stock_timeout(&mut self, node: usize, timeout: u64) {
        if let Body::Stock(stock) = &mut self.nodes[node].body {
            stock.timeout = timeout;
        }
    }

    /// Stock clients learn at once that their connections broke: they have no way to find out.
    pub fn tell_stock_clients(&mut self) {
        for wire in 0..self.wires.len() {
            let w = &self.wires[wire];
            if !self.is_ours(w.client) && !w.connected {
                self.notice(wire, w.epoch);
            }
        }
    }

    /// The node ends at once and is back, without anything, after `downtime`.
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
        let seed = self.random.u64(..);
        let member = &mut self.nodes[node];
        member.alive = false;
        member.life += 1;
        member.wake_at = None;
        let life = member.life;
        self.after(downtime, move |sim| {
            if sim.nodes[node].life != life {
                return;
            }
            let mono = sim.random.u64(0..1 << 32).wrapping_sub(sim.now / MS);
            sim.nodes[node].mono = mono;
            let (now, settings) = (sim.clock(node), sim.nodes[node].settings.clone());
            let member = &mut sim.nodes[node];
            member.alive = true;
            member.body = match member.body {
                Body::Ours(_) => Body::Ours(Box::new(Ours::new(Node::new(settings, seed, now)))),
                Body::Stock(_) => Body::Stock(Stock::default()),
            };
            sim.drain(node);
            for wire in sim.nodes[node].wires.clone() {
                if sim.wires[wire].client == node {
                    sim.open(wire);
                }
            }
            then(sim);
        });
    }

    /// Gives one of our nodes an input and takes its outputs; `None` for a node that is not there.
    pub fn with<T>(&mut self, node: usize, input: impl FnOnce(&mut Node, Now) -> T) -> Option<T> {
        let now = self.clock(node);
        if !self.nodes[node].alive {
            return None;
        }
        let Body::Ours(ours) = &mut self.nodes[node].body else { panic!("node {node} is not ours") };
        let result = input(&mut ours.node, now);
        self.drain(node);
        Some(result)
    }

    /// The owner of any node publishes.
    pub fn publish(&mut self, node: usize, key: &str, value: &str) {
        if !self.nodes[node].alive {
            return;
        }
        self.note(|| format!("node {node} PUBLISH {key} = {value}"));
        let (now, clock) = (self.now, self.clock(node));
        match &mut self.nodes[node].body {
            Body::Ours(ours) => {
                ours.node.publish(key.as_bytes(), value.as_bytes(), 0, clock).expect("publish is accepted");
            }
            Body::Stock(stock) => stock.accept(key.as_bytes(), value.as_bytes(), now),
        }
        self.drain(node);
    }

    /// Takes the outputs of a node, as the engine does.
    fn drain(&mut self, node: usize) {
        if let Body::Stock(stock) = &mut self.nodes[node].body {
            for (target, frame) in std::mem::take(&mut stock.output) {
                match target {
                    Target::Remote(wire) if !self.wires[wire].believed => {
                        if let Body::Stock(stock) = &mut self.nodes[node].body {
                            stock.backlog.entry(wire).or_default().push(frame);
                        }
                    }
                    Target::Remote(wire) => self.put(wire, Way::ToServer, frame),
                    Target::Client(wire, epoch) if self.wires[wire].epoch == epoch => {
                        self.put(wire, Way::ToClient, frame);
                    }
                    Target::Client(..) => {}
                }
            }
            return;
        }
        loop {
            let Body::Ours(ours) = &mut self.nodes[node].body else { return };
            ours.take_events(node);
            if let Some(link) = ours.node.poll_stale() {
                let wire = ours.ends[&link].wire;
                self.lose(wire, 0, 50 * MS);
                let epoch = self.wires[wire].epoch;
                self.at(self.now, Event::Notice { wire, epoch });
            } else if let Some(link) = ours.node.poll_ready() {
                self.pump(node, link);
            } else {
                break;
            }
        }
        let now = self.clock(node);
        let Body::Ours(ours) = &mut self.nodes[node].body else { return };
        ours.check(node, now);
        let timeout = ours.node.poll_timeout();
        let wake = timeout.map(|due| self.now.max(self.now / MS * MS + due.saturating_sub(now.mono) * MS));
        let member = &mut self.nodes[node];
        if wake.is_some() && wake != member.wake_at {
            member.wake_at = wake;
            let life = member.life;
            self.at(wake.unwrap_or(0), Event::Wake { node, life });
        }
    }

    /// Sends what a link has to send, as far as its socket has room.
    fn pump(&mut self, node: usize, link: LinkId) {
        for count in 0.. {
            assert!(count < 1_000_000, "node {node} never stops sending on {link:?}");
            let now = self.clock(node);
            let Body::Ours(ours) = &mut self.nodes[node].body else { return };
            let Some(&End { wire, role, epoch, gone_at }) = ours.ends.get(&link) else {
                panic!("node {node} has something to send on {link:?}, which is closed")
            };
            let w = &self.wires[wire];
            let way = if role == Role::Client { Way::ToServer } else { Way::ToClient };
            let current = w.connected && (role == Role::Client || w.epoch == epoch);
            if current && w.pipes[way as usize].frames.len() >= w.speed.capacity {
                // The engine keeps the one frame that the socket did not take.
                if !ours.pending.contains_key(&link) {
                    if let Some(frame) = ours.node.poll_transmit(link, now) {
                        ours.pending.insert(link, frame.bytes().to_vec());
                    }
                }
                return;
            }
            let waiting = ours.pending.remove(&link);
            let Some(frame) =
                waiting.or_else(|| ours.node.poll_transmit(link, now).map(|frame| frame.bytes().to_vec()))
            else {
                return;
            };
            if current {
                self.put(wire, way, frame);
            } else if gone_at.is_some_and(|gone_at| self.now >= gone_at) {
                let Body::Ours(ours) = &mut self.nodes[node].body else { return };
                ours.ends.remove(&link);
                ours.node.close_link(link, now);
                return;
            }
        }
    }

    /// Puts a frame on a wire.
    fn put(&mut self, wire: usize, way: Way, frame: Vec<u8>) {
        let keep = self.filter.as_mut().is_none_or(|filter| filter(&self.wires[wire], way, &frame));
        self.count(wire, way, &frame);
        let w = &mut self.wires[wire];
        if way == Way::ToServer && self.duplicate {
            w.recent.push_back(frame.clone());
            if w.recent.len() > 4 {
                w.recent.pop_front();
            }
        }
        if !w.connected || !keep {
            return;
        }
        let (least, most) = w.speed.delay;
        let pipe = &mut w.pipes[way as usize];
        let arrival = (self.now + self.random.u64(least..=most)).max(pipe.last + w.speed.service);
        pipe.last = arrival;
        pipe.frames.push_back(frame);
        let epoch = w.epoch;
        self.at(arrival, Event::Arrive { wire, way, epoch });
    }

    fn count(&mut self, wire: usize, way: Way, frame: &[u8]) {
        let (w, now) = (&self.wires[wire], self.now);
        let (from, to) = match way {
            Way::ToServer => (w.client, w.server),
            Way::ToClient => (w.server, w.client),
        };
        let message = decode(frame).unwrap_or_else(|error| panic!("node {from} sent a bad frame: {error}"));
        self.note(|| format!("{from} -> {to} {message:?}"));
        let tally = &mut self.tally;
        tally.frames += 1;
        tally.bytes += frame.len() as u64;
        match message {
            Message::Publish { key, value, .. } => {
                let ours = matches!(self.nodes[from].body, Body::Ours(_));
                let held = match &self.nodes[to].body {
                    Body::Stock(stock) => stock.tuples.get(key).map(Vec::as_slice) == Some(value),
                    Body::Ours(_) => false,
                };
                tally.publishes += 1;
                if ours && held && way == Way::ToServer {
                    tally.signs += 1;
                } else {
                    (tally.tuples, tally.last_tuples) = (tally.tuples + 1, now);
                }
            }
            Message::Batch(_) => (tally.tuples, tally.last_tuples) = (tally.tuples + 1, now),
            Message::Digest(_) | Message::Entries(_) | Message::Request(_) => {
                (tally.syncs, tally.last_syncs) = (tally.syncs + 1, now);
            }
            _ => {}
        }
    }

    /// A frame arrives at the other end.
    fn arrive(&mut self, wire: usize, way: Way, epoch: u32) {
        let w = &mut self.wires[wire];
        if w.epoch != epoch || !w.connected {
            return;
        }
        let Some(frame) = w.pipes[way as usize].frames.pop_front() else { return };
        let (from, to) = match way {
            Way::ToServer => (w.client, w.server),
            Way::ToClient => (w.server, w.client),
        };
        if self.nodes[to].alive {
            self.receive(to, wire, way, epoch, &frame);
        }
        // There is room for one more.
        let Body::Ours(ours) = &self.nodes[from].body else { return };
        let link = match way {
            Way::ToServer => ours.remotes.get(&wire).copied(),
            Way::ToClient => ours.clients.get(&(wire, epoch)).copied(),
        };
        if let Some(link) =
            link.filter(|link| ours.pending.contains_key(link) && ours.ends.contains_key(link))
        {
            self.pump(from, link);
            self.drain(from);
        }
    }

    fn receive(&mut self, to: usize, wire: usize, way: Way, epoch: u32, frame: &[u8]) {
        let (at, now) = (self.now, self.clock(to));
        match &mut self.nodes[to].body {
            Body::Stock(stock) => match way {
                Way::ToServer => stock.from_client(wire, epoch, frame, at),
                Way::ToClient => stock.from_remote(wire, frame, at),
            },
            Body::Ours(ours) => {
                let link = match way {
                    Way::ToClient => ours.remotes.get(&wire).copied(),
                    Way::ToServer => Some(*ours.clients.entry((wire, epoch)).or_insert_with(|| {
                        let link = ours.node.open_link(Role::Server, now).expect("few clients");
                        ours.ends.insert(link, End { wire, role: Role::Server, epoch, gone_at: None });
                        link
                    })),
                };
                if let Some(link) = link {
                    ours.node.handle_frame(link, frame, now);
                }
            }
        }
        self.drain(to);
    }

    /// What a node's owner knows.
    pub fn view(&self, node: usize) -> &BTreeMap<Vec<u8>, Vec<u8>> {
        match &self.nodes[node].body {
            Body::Ours(ours) => &ours.view,
            Body::Stock(stock) => &stock.tuples,
        }
    }

    /// The value that a node holds of a key.
    pub fn value(&self, node: usize, key: &str) -> Option<String> {
        self.view(node).get(key.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    pub fn check_all(&mut self, node: usize, now: Now) {
        if let Body::Ours(ours) = &mut self.nodes[node].body {
            ours.check_all(node, now);
        }
    }

    pub fn our(&self, node: usize) -> &Ours {
        match &self.nodes[node].body {
            Body::Ours(ours) => ours,
            Body::Stock(_) => panic!("node {node} is not ours"),
        }
    }

    pub fn is_ours(&self, node: usize) -> bool {
        matches!(self.nodes[node].body, Body::Ours(_))
    }
}

/// The kind of a frame that is known to be good.
pub fn kind(frame: &[u8]) -> MessageId {
    match decode(frame).expect("a good frame") {
        Message::Hello(_) => MessageId::Hello,
        Message::Publish { .. } => MessageId::Publish,
        Message::Ping => MessageId::Ping,
        Message::Pong(_) => MessageId::Pong,
        Message::Invalid => MessageId::Invalid,
        Message::Batch(_) => MessageId::Batch,
        Message::Heartbeat(_) => MessageId::Heartbeat,
        Message::Digest(_) => MessageId::Digest,
        Message::Entries(_) => MessageId::Entries,
        Message::Request(_) => MessageId::Request,
        Message::Announce(_) => MessageId::Announce,
        Message::Prune => MessageId::Prune,
        Message::Graft => MessageId::Graft,
    }
}
