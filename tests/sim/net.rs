//! Time, events, and the nodes that they happen to, driven as the engine drives them.
//!
//! The file is long, because it is the one place at which time passes: inputs, outputs and timers of both kinds of node.

use super::arrivals::Arrivals;
use super::oracle::Oracle;
use super::ours::{End, Ours, Told};
use super::owner::stamp;
use super::print::Print;
use super::stock::{Stock, Target};
use super::watch::{Tally, kind};
use super::wire::{Way, Wire};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap, HashSet};
use zgossip::core::codec::MessageId;
use zgossip::core::record::RecordedNode as Node;
use zgossip::core::{LinkId, Now, Rights, Role, Settings};

/// A millisecond of virtual time, which counts microseconds.
pub const MS: u64 = 1000;
pub const SECOND: u64 = 1000 * MS;

/// Wall time (ms since 1970) at which every simulation begins, in 2026.
pub const WALL: u64 = 1_790_000_000_000;

pub enum Body {
    Ours(Box<Ours>),
    Stock(Stock),
}

pub struct Member {
    pub body: Body,
    pub alive: bool,
    /// Number of restarts.
    pub life: u32,
    /// Time at which each life began that was not the first.
    pub begins: Vec<(u32, u64)>,
    pub paused_until: u64,
    /// Milliseconds by which the wall clock is wrong.
    pub skew: i64,
    /// Whether the wall clock began further ahead than is believed.
    pub was_ahead: bool,
    pub(super) mono: u64,
    pub(super) wake_at: Option<u64>,
    pub wires: Vec<usize>,
    pub(super) settings: Settings,
    /// Roots of everything that the node ever held, in all its lives.
    pub(super) roots: HashSet<u64>,
    /// Time for which the node collects what it has to send, from the first of it on.
    pub rest: u64,
    resting: bool,
    /// Time at which the node read its clock, if it was stopped after that.
    pub read_at: Option<u64>,
    /// Whether the node is gone for good.
    pub gone: bool,
    /// Seed of the node's identity, where that is not drawn anew in each life.
    pub seed: Option<u64>,
}

type Call = Box<dyn FnOnce(&mut Sim)>;
type Filter = Box<dyn FnMut(&Wire, Way, &[u8]) -> bool>;

pub(super) enum Event {
    Arrive { wire: usize, way: Way, epoch: u32 },
    Wake { node: usize, life: u32 },
    Connect { wire: usize, life: u32 },
    Notice { wire: usize, epoch: u32 },
    Turn { node: usize },
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
    /// Fingerprint of everything that was sent.
    pub(super) print: Print,
    /// Frames for which this is false are lost, unnoticed.
    pub filter: Option<Filter>,
    /// Whether some frames come twice when a connection is made again.
    pub duplicate: bool,
    /// Whether no node prunes: each tuple crosses each link.
    pub floods: bool,
    /// Random numbers for later additions, so that what is drawn from `random` stays the same.
    pub dice: fastrand::Rng,
    /// Nodes that begin are recorded.
    pub recorded: bool,
    /// Log of arrivals, if one is wanted.
    pub arrivals: Option<Arrivals>,
    /// Record of what owners wrote, and which nodes took it.
    pub oracle: Oracle,
    /// Rules of nodes that have some, and what nodes have proved to be to those.
    pub rights: BTreeMap<usize, Rights>,
    pub names: BTreeMap<usize, String>,
    /// Number of changes after which everything that a node holds is checked.
    pub sample: u64,
    queue: BinaryHeap<Reverse<Queued>>,
    serial: u64,
    pub(super) trace: bool,
}

impl Sim {
    pub fn new(seed: u64) -> Sim {
        Sim {
            random: fastrand::Rng::with_seed(seed),
            dice: fastrand::Rng::with_seed(seed.rotate_left(17) ^ 0x5eed),
            now: 0,
            steps: 0,
            nodes: Vec::new(),
            wires: Vec::new(),
            tally: Tally::default(),
            print: Print::new(seed),
            filter: None,
            duplicate: false,
            floods: false,
            recorded: false,
            arrivals: None,
            oracle: Oracle::default(),
            rights: BTreeMap::new(),
            names: BTreeMap::new(),
            sample: 1,
            queue: BinaryHeap::new(),
            serial: 0,
            trace: std::env::var_os("ZGOSSIP_SIM_TRACE").is_some(),
        }
    }

    /// Adds a zgossip node.
    pub fn ours(&mut self) -> usize {
        self.ours_with(Settings::default(), 0)
    }

    pub fn ours_with(&mut self, settings: Settings, skew: i64) -> usize {
        let mono = self.random.u64(0..1 << 32);
        let now = Now { mono, wall: (WALL + self.now / MS).saturating_add_signed(skew) };
        let node = Node::new(settings.clone(), self.random.u64(..), now);
        let mut ours = Ours::new(node);
        if self.recorded {
            ours.start_record(now);
        }
        self.member(Body::Ours(Box::new(ours)), mono, skew, settings)
    }

    /// Adds a zgossip node whose identity is made from this number, as that of a copy of a whole machine.
    pub fn ours_from(&mut self, seed: u64) -> usize {
        let (mono, settings) = (self.random.u64(0..1 << 32), Settings::default());
        let node = Node::new(settings.clone(), seed, Now { mono, wall: WALL + self.now / MS });
        let node = self.member(Body::Ours(Box::new(Ours::new(node))), mono, 0, settings);
        self.nodes[node].seed = Some(seed);
        node
    }

    /// Adds a model of CZMQ's zgossip.
    pub fn stock(&mut self) -> usize {
        self.oracle.has_stock = true;
        self.member(Body::Stock(Stock::default()), 0, 0, Settings::default())
    }

    /// Adds a model of the zgossip of CZMQ before 4.2.1.
    pub fn old_stock(&mut self) -> usize {
        self.oracle.has_stock = true;
        let stock = Stock { watches: false, ..Stock::default() };
        self.member(Body::Stock(stock), 0, 0, Settings::default())
    }

    fn member(&mut self, body: Body, mono: u64, skew: i64, settings: Settings) -> usize {
        let mono = mono.wrapping_sub(self.now / MS);
        self.nodes.push(Member {
            body,
            alive: true,
            life: 0,
            begins: Vec::new(),
            paused_until: 0,
            skew,
            was_ahead: skew > settings.max_drift.cast_signed(),
            mono,
            wake_at: None,
            wires: Vec::new(),
            settings,
            roots: HashSet::new(),
            rest: 0,
            resting: false,
            read_at: None,
            gone: false,
            seed: None,
        });
        let node = self.nodes.len() - 1;
        self.drain(node);
        node
    }

    pub(super) fn at(&mut self, at: u64, event: Event) {
        self.serial += 1;
        self.queue.push(Reverse(Queued { at: at.max(self.now), serial: self.serial, event }));
    }

    /// Schedules a call after `wait`.
    pub fn after(&mut self, wait: u64, call: impl FnOnce(&mut Sim) + 'static) {
        self.at(self.now + wait, Event::Call(Box::new(call)));
    }

    /// The clocks of a node.
    pub fn clock(&self, node: usize) -> Now {
        let member = &self.nodes[node];
        let elapsed = member.read_at.unwrap_or(self.now) / MS;
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

    #[expect(clippy::too_many_lines, reason = "one arm for each event")]
    fn happen(&mut self, at: u64, event: Event) {
        let acting = match event {
            Event::Arrive { wire, way: Way::ToServer, .. } => Some(self.wires[wire].server),
            Event::Arrive { wire, .. } | Event::Connect { wire, .. } | Event::Notice { wire, .. } => {
                Some(self.wires[wire].client)
            }
            Event::Wake { node, .. } | Event::Turn { node } => Some(node),
            Event::Call(_) => None,
        };
        if let Some(paused_until) =
            acting.map(|node| self.nodes[node].paused_until).filter(|&until| until > at)
        {
            self.oracle.pause = self.oracle.pause.max(paused_until - at);
            self.oracle.absence = self.oracle.absence.max(paused_until - at);
            if let Event::Wake { node, .. } = event {
                self.nodes[node].wake_at = Some(paused_until);
            }
            return self.at(paused_until, event);
        }
        if let Event::Arrive { wire, .. } | Event::Connect { wire, .. } = event
            && self.wires[wire].frozen_until > at
        {
            self.oracle.absence = self.oracle.absence.max(self.wires[wire].frozen_until - at);
            return self.at(self.wires[wire].frozen_until, event);
        }
        match event {
            Event::Turn { node } => {
                self.nodes[node].resting = false;
                self.send(node);
            }
            Event::Arrive { wire, way, epoch } => self.arrive(wire, way, epoch),
            Event::Wake { node, life } => {
                let member = &mut self.nodes[node];
                if member.life == life && member.alive && member.wake_at == Some(at) {
                    member.wake_at = None;
                    let now = self.clock(node);
                    if let Body::Ours(ours) = &mut self.nodes[node].body {
                        // Each call does a bounded amount of work.
                        for calls in 0.. {
                            assert!(calls < 10_000, "node {node} would not let time pass");
                            ours.node.handle_timeout(now);
                            if ours.node.poll_timeout().is_none_or(|next| next > now.mono) {
                                break;
                            }
                        }
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

    /// Gives a zgossip node an input and takes its outputs; `None` for a node that is down.
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

    /// Takes the outputs of a node, as the engine does.
    pub(super) fn drain(&mut self, node: usize) {
        let by = (node, self.nodes[node].life);
        if let Body::Stock(stock) = &mut self.nodes[node].body {
            for (key, value) in stock.taken.drain(..) {
                self.tally.told += 1;
                self.oracle.took(by, &key, &value, None, self.now);
            }
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
        self.tell(node);
        let member = &mut self.nodes[node];
        if member.rest == 0 {
            return self.send(node);
        }
        if !std::mem::replace(&mut member.resting, true) {
            let at = self.now + member.rest;
            self.at(at, Event::Turn { node });
        }
        self.finish(node);
    }

    /// Hands the owner of a zgossip node its events.
    fn tell(&mut self, node: usize) {
        let (arrivals, now) = (&mut self.arrivals, self.now);
        let member = &mut self.nodes[node];
        let by = (node, member.life);
        let Body::Ours(ours) = &mut member.body else { return };
        let oracle = &mut self.oracle;
        for told in ours.take_events(node) {
            match told {
                Told::Value(tuple) => {
                    self.tally.told += 1;
                    let held = stamp(&ours.node, tuple.key());
                    oracle.took(by, tuple.key(), tuple.value(), held, now);
                    if let Some(arrivals) = arrivals {
                        arrivals.arrived(tuple.key(), node, now);
                    }
                }
                Told::Retracted(tuple) => oracle.lost(by, tuple.key(), stamp(&ours.node, tuple.key()), now),
                Told::Expired(tuple) => oracle.expired(node, tuple.key(), tuple.value(), now),
            }
        }
    }

    /// Sends what a zgossip node has to send.
    fn send(&mut self, node: usize) {
        loop {
            self.tell(node);
            let Body::Ours(ours) = &mut self.nodes[node].body else { return };
            if let Some(link) = ours.node.poll_suspect() {
                let (wire, now) = (ours.ends[&link].wire, self.clock(node));
                let bytes_pass = self.bytes_pass(wire);
                let Body::Ours(ours) = &mut self.nodes[node].body else { return };
                ours.node.handle_suspect(link, bytes_pass, now);
            } else if let Some(link) = ours.node.poll_stale() {
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
        self.finish(node);
    }

    /// Ends a step of a zgossip node: checks what must hold, and schedules when the node is to wake.
    fn finish(&mut self, node: usize) {
        if self.nodes[node].paused_until <= self.now {
            self.nodes[node].read_at = None;
        }
        let now = self.clock(node);
        let Body::Ours(ours) = &mut self.nodes[node].body else { return };
        ours.check(node, now, self.sample);
        let root = ours.node.root();
        ours.take_record();
        let timeout = ours.node.poll_timeout();
        let wake = timeout.map(|due| self.now.max(self.now / MS * MS + due.saturating_sub(now.mono) * MS));
        let member = &mut self.nodes[node];
        member.roots.insert(root);
        if wake.is_some() && wake != member.wake_at {
            member.wake_at = wake;
            let life = member.life;
            self.at(wake.unwrap_or(0), Event::Wake { node, life });
        }
    }

    /// Returns the knowledge of the client's kernel about a silent connection: whether a frame is coming, or is being
    /// taken by the server. A stopped server takes nothing.
    fn bytes_pass(&self, wire: usize) -> bool {
        let w = &self.wires[wire];
        let [to_server, to_client] = &w.pipes;
        let server = &self.nodes[w.server];
        let takes = server.alive && server.paused_until <= self.now;
        w.connected && (!to_client.frames.is_empty() || (takes && !to_server.frames.is_empty()))
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
            if current && w.pipes[way as usize].is_full(&w.speed) {
                // The engine keeps the one frame that the socket did not take.
                if !ours.pending.contains_key(&link)
                    && let Some(frame) = ours.node.poll_transmit(link, now)
                {
                    ours.pending.insert(link, frame.bytes().to_vec());
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
    pub(super) fn put(&mut self, wire: usize, way: Way, frame: Vec<u8>) {
        if self.floods && matches!(kind(&frame), MessageId::Prune | MessageId::Graft) {
            return;
        }
        let keep = self.filter.as_mut().is_none_or(|filter| filter(&self.wires[wire], way, &frame));
        self.count(wire, way, &frame);
        let w = &mut self.wires[wire];
        if way == Way::ToServer && self.duplicate {
            w.recent.push_back((self.now, frame.clone()));
            if w.recent.len() > 4 {
                w.recent.pop_front();
            }
        }
        if !w.connected || !keep {
            return;
        }
        let (least, most) = if way == Way::ToClient { w.speed.back } else { None }.unwrap_or(w.speed.delay);
        let pipe = &mut w.pipes[way as usize];
        let takes = (frame.len() as u64 * SECOND).checked_div(w.speed.bandwidth).unwrap_or(0);
        pipe.taken = pipe.taken.max(self.now) + takes;
        let arrival = (pipe.taken + self.random.u64(least..=most)).max(pipe.last + w.speed.service);
        pipe.last = arrival;
        pipe.bytes += frame.len();
        pipe.frames.push_back((self.now, frame));
        let epoch = w.epoch;
        self.at(arrival, Event::Arrive { wire, way, epoch });
    }

    /// Lets a frame arrive at the other end.
    fn arrive(&mut self, wire: usize, way: Way, epoch: u32) {
        let w = &mut self.wires[wire];
        if w.epoch != epoch || !w.connected {
            return;
        }
        let pipe = &mut w.pipes[way as usize];
        let Some((sent, frame)) = pipe.frames.pop_front() else { return };
        pipe.bytes -= frame.len();
        self.oracle.transit = self.oracle.transit.max(self.now - sent);
        let (from, to) = match way {
            Way::ToServer => (w.client, w.server),
            Way::ToClient => (w.server, w.client),
        };
        if self.nodes[to].alive {
            self.receive(to, wire, way, epoch, &frame);
        }
        // There is room for one more frame.
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

    #[expect(clippy::too_many_arguments, reason = "where a frame arrives, and on which connection")]
    fn receive(&mut self, to: usize, wire: usize, way: Way, epoch: u32, frame: &[u8]) {
        let (at, now, mut is_new) = (self.now, self.clock(to), false);
        match &mut self.nodes[to].body {
            Body::Stock(stock) => match way {
                Way::ToServer => stock.hear_client(wire, epoch, frame, at),
                Way::ToClient => stock.hear_remote(wire, frame, at),
            },
            Body::Ours(ours) => {
                let link = match way {
                    Way::ToClient => ours.remotes.get(&wire).copied(),
                    Way::ToServer => Some(*ours.clients.entry((wire, epoch)).or_insert_with(|| {
                        is_new = true;
                        let link = ours.node.open_link(Role::Server, now).expect("few clients");
                        ours.ends.insert(link, End { wire, role: Role::Server, epoch, gone_at: None });
                        link
                    })),
                };
                if let Some(link) = link.filter(|_| is_new) {
                    self.introduce(to, link, self.wires[wire].client);
                }
                let Body::Ours(ours) = &mut self.nodes[to].body else { return };
                if let Some(link) = link {
                    ours.node.handle_frame(link, frame, now);
                }
            }
        }
        self.drain(to);
    }
}
