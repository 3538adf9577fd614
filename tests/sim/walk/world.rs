//! A state of a network, and the steps that can happen next in it.
//!
//! Nodes and frames are shared between states until they change. Nodes are driven as the engine drives them: an input,
//! then all outputs. Time stands still except where a step lets it pass.

use super::fingerprint;
use super::network::{Act, Kind, Network};
use crate::stock::{Stock, Target};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use zgossip::core::codec::{MessageId, decode};
use zgossip::core::{Event, LinkId, Node, Now, Role, Settings, Stamp};

pub const KEY: &[u8] = b"key";
/// Monotonic time (ms) at which a walk begins.
const MONO: u64 = 1_000_000;
const WALL: u64 = 1_790_000_000_000;
/// Number of frames at one moment beyond which they count as a loop.
const ENDLESS: usize = 10_000;

/// Set of acts, by their numbers, one bit each.
pub type Set = u16;

/// Step that can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The first frame on the wire arrives.
    Deliver(usize, Way),
    /// The owner gives the command with this number.
    Act(usize),
    /// A connection is made.
    Connect(usize),
    /// A connection breaks, and what is under way on it is lost.
    Lose(usize),
    /// The client learns that its connection broke.
    ClientNotices(usize),
    /// The server learns of the end of an earlier connection.
    ServerNotices(usize, u32),
    /// A zgossip node ends, and begins anew with nothing.
    Restart(usize),
    /// Time passes in which nothing arrives.
    Freeze(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
}

#[derive(Clone)]
pub struct Ours {
    pub node: Node,
    remotes: BTreeMap<usize, LinkId>,
    clients: BTreeMap<(usize, u32), LinkId>,
}

#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "there are a handful at a time")]
pub enum Body {
    Ours(Ours),
    Plain(Stock),
}

/// A node, and what its owner knows.
#[derive(Clone)]
pub struct Member {
    pub body: Body,
    /// The write that the owner sees.
    pub view: Option<usize>,
    /// The writes in the owner's events, in order.
    pub told: Vec<usize>,
    pub taken: Set,
    pub stamp: Option<Stamp>,
    print: u128,
}

#[derive(Clone)]
struct Wire {
    client: usize,
    server: usize,
    /// Number of the present connection, or the last one, counted from 1.
    epoch: u32,
    up: bool,
    /// The client takes the connection for up.
    believed: bool,
    frames: [VecDeque<Rc<[u8]>>; 2],
    prints: [u128; 2],
}

#[derive(Clone)]
pub struct World {
    pub members: Vec<Rc<Member>>,
    wires: Vec<Wire>,
    time: u64,
    pub done: Set,
    losses: u8,
    /// Number of restarts, and of freezes, that are over.
    restarted: usize,
    frozen: usize,
    /// Writes that the writer of each write had seen, and all that those writers had seen.
    pub seen: Vec<Set>,
    /// The first violation on the way here.
    pub wrong: Option<String>,
    /// A value came back to a node that had seen it replaced.
    pub returns: bool,
    /// Number of frames with tuples so far, of frames of comparisons, and of lost frames.
    pub tuples: u32,
    pub syncs: u32,
    pub lost: u32,
}

fn name(id: usize) -> String {
    format!("v{id}")
}

fn number(value: &[u8]) -> usize {
    let text = std::str::from_utf8(value).expect("one of ours");
    text[1..].parse().expect("a number")
}

impl Ours {
    fn new(seed: u64, now: Now) -> Ours {
        let node = Node::new(Settings::default(), seed, now);
        Ours { node, remotes: BTreeMap::new(), clients: BTreeMap::new() }
    }
}

impl World {
    /// The state in which the walk begins.
    pub fn new(network: &Network) -> World {
        let mut world = World {
            members: Vec::new(),
            wires: Vec::new(),
            time: 0,
            done: 0,
            losses: network.losses,
            restarted: 0,
            frozen: 0,
            seen: vec![0; network.acts.len()],
            wrong: None,
            returns: false,
            tuples: 0,
            syncs: 0,
            lost: 0,
        };
        for (number, kind) in network.nodes.iter().enumerate() {
            let now = world.clock(network, number);
            let body = match kind {
                Kind::Plain => Body::Plain(Stock::default()),
                Kind::Ours => Body::Ours(Ours::new(100 + number as u64, now)),
            };
            let member = Member { body, view: None, told: Vec::new(), taken: 0, stamp: None, print: 0 };
            world.members.push(Rc::new(member));
        }
        for (number, &(client, server)) in network.wires.iter().enumerate() {
            let (frames, prints) = Default::default();
            world.wires.push(Wire { client, server, epoch: 0, up: false, believed: false, frames, prints });
            let now = world.clock(network, client);
            match &mut world.member(client).body {
                Body::Plain(stock) => stock.connect(number),
                Body::Ours(ours) => {
                    let link = ours.node.open_link(Role::Client, now).expect("few links");
                    ours.remotes.insert(number, link);
                }
            }
            world.drain(network, client);
        }
        if network.before > 0 {
            (0..world.wires.len()).for_each(|wire| world.step(network, Step::Connect(wire)));
            world.pass(network, 3000, true);
            for act in 0..network.before {
                world.step(network, Step::Act(act));
                world.pass(network, 6000, true);
            }
        }
        world
    }

    fn member(&mut self, node: usize) -> &mut Member {
        Rc::make_mut(&mut self.members[node])
    }

    fn clock(&self, network: &Network, node: usize) -> Now {
        Now { mono: MONO + self.time, wall: WALL + self.time + network.skew[node] }
    }

    /// Returns the steps that can happen next. Where this is empty, only time can pass.
    pub fn steps(&self, network: &Network) -> Vec<Step> {
        if let Some(node) = (0..self.members.len()).find(|&node| self.is_alone(network, node)) {
            return self.steps_of(network, Some(node));
        }
        self.steps_of(network, None)
    }

    /// Returns whether what can happen at this node depends on nothing that can happen elsewhere before it: a frame
    /// waits on each of the node's connections, none of these can break or is to be made, and time stands still. Then
    /// only the steps of this node need be walked from this state (a persistent set: Godefroid, "Partial-Order Methods
    /// for the Verification of Concurrent Systems", 1996).
    fn is_alone(&self, network: &Network, node: usize) -> bool {
        let mut all = self.wires.iter().enumerate().filter(|(_, w)| w.client == node || w.server == node);
        network.reduces
            && self.frozen == network.freezes.len()
            && self.restarted == network.restarts.len()
            && all.all(|(number, w)| {
                let way = if w.client == node { Way::ToClient } else { Way::ToServer };
                let waits = !w.frames[way as usize].is_empty();
                w.up && waits && !self.may_break(network, number) && self.unnoticed(w).next().is_none()
            })
    }

    fn may_break(&self, network: &Network, wire: usize) -> bool {
        self.losses > 0 && self.wires[wire].up && network.breakable.contains(&wire)
    }

    /// Connections that are over, and of which the server does not know yet.
    fn unnoticed(&self, wire: &Wire) -> impl Iterator<Item = u32> {
        let epochs = match &self.members[wire.server].body {
            Body::Plain(_) => Vec::new(),
            Body::Ours(ours) => {
                let number = self.wires.iter().position(|other| std::ptr::eq(other, wire));
                let of = |&&(other, epoch): &&(usize, u32)| {
                    Some(other) == number && (epoch < wire.epoch || !wire.up)
                };
                ours.clients.keys().filter(of).map(|&(_, epoch)| epoch).collect()
            }
        };
        epochs.into_iter()
    }

    fn steps_of(&self, network: &Network, node: Option<usize>) -> Vec<Step> {
        let here = |other: usize| node.is_none_or(|node| node == other);
        let mut steps = Vec::new();
        for (number, wire) in self.wires.iter().enumerate() {
            if !wire.frames[Way::ToServer as usize].is_empty() && here(wire.server) {
                steps.push(Step::Deliver(number, Way::ToServer));
            }
            if !wire.frames[Way::ToClient as usize].is_empty() && here(wire.client) {
                steps.push(Step::Deliver(number, Way::ToClient));
            }
        }
        for (number, act) in network.acts.iter().enumerate().filter(|(_, act)| here(act.node())) {
            let earlier = |&(_, other): &(usize, &Act)| other.node() == act.node();
            let is_next = network.acts[..number]
                .iter()
                .enumerate()
                .filter(earlier)
                .all(|(before, _)| self.done & 1 << before != 0);
            if self.done & 1 << number == 0 && is_next {
                steps.push(Step::Act(number));
            }
        }
        if node.is_some() {
            return steps;
        }
        for (number, wire) in self.wires.iter().enumerate() {
            steps.extend(self.unnoticed(wire).map(|epoch| Step::ServerNotices(number, epoch)));
            if !wire.up && wire.believed {
                steps.push(Step::ClientNotices(number));
            } else if !wire.up {
                steps.push(Step::Connect(number));
            } else if self.may_break(network, number) {
                steps.push(Step::Lose(number));
            }
        }
        steps.extend(network.restarts.get(self.restarted).map(|&node| Step::Restart(node)));
        steps.extend(network.freezes.get(self.frozen).map(|&time| Step::Freeze(time)));
        steps
    }

    /// Takes a step.
    pub fn step(&mut self, network: &Network, step: Step) {
        match step {
            Step::Deliver(wire, way) => self.deliver(network, wire, way),
            Step::Act(number) => self.act(network, number),
            Step::Connect(wire) => {
                let w = &mut self.wires[wire];
                (w.up, w.believed, w.epoch) = (true, true, w.epoch + 1);
                let client = w.client;
                let now = self.clock(network, client);
                match &mut self.member(client).body {
                    Body::Plain(stock) => stock.connected(wire),
                    Body::Ours(ours) => {
                        let link = ours.remotes[&wire];
                        ours.node.link_up(link, now);
                    }
                }
                self.drain(network, client);
            }
            Step::Lose(wire) => {
                self.losses -= 1;
                self.break_wire(wire);
            }
            Step::ClientNotices(wire) => {
                self.wires[wire].believed = false;
                let client = self.wires[wire].client;
                let now = self.clock(network, client);
                match &mut self.member(client).body {
                    Body::Plain(stock) => stock.disconnected(wire),
                    Body::Ours(ours) => {
                        let link = ours.remotes[&wire];
                        ours.node.link_down(link, now);
                    }
                }
                self.drain(network, client);
            }
            Step::ServerNotices(wire, epoch) => {
                let server = self.wires[wire].server;
                let now = self.clock(network, server);
                if let Body::Ours(ours) = &mut self.member(server).body
                    && let Some(link) = ours.clients.remove(&(wire, epoch))
                {
                    ours.node.close_link(link, now);
                }
                self.drain(network, server);
            }
            Step::Restart(node) => self.restart(network, node),
            Step::Freeze(time) => {
                self.frozen += 1;
                self.pass(network, time, false);
            }
        }
    }

    fn restart(&mut self, network: &Network, node: usize) {
        self.restarted += 1;
        let now = self.clock(network, node);
        let mut ours = Ours::new(200 + (10 * self.restarted + node) as u64, now);
        for wire in 0..self.wires.len() {
            let Wire { client, server, up, .. } = self.wires[wire];
            if up && (client == node || server == node) {
                self.break_wire(wire);
            }
            if client == node {
                self.wires[wire].believed = false;
                ours.remotes.insert(wire, ours.node.open_link(Role::Client, now).expect("few links"));
            }
        }
        let member =
            Member { body: Body::Ours(ours), view: None, told: Vec::new(), taken: 0, stamp: None, print: 0 };
        self.members[node] = Rc::new(member);
        self.drain(network, node);
    }

    fn break_wire(&mut self, wire: usize) {
        let w = &mut self.wires[wire];
        w.up = false;
        self.lost += w.frames.iter().map(VecDeque::len).sum::<usize>() as u32;
        (w.frames, w.prints) = Default::default();
    }

    fn act(&mut self, network: &Network, number: usize) {
        let node = network.acts[number].node();
        let taken = self.members[node].taken;
        let all = (0..self.seen.len()).filter(|&other| taken & 1 << other != 0);
        self.seen[number] = all.fold(taken, |seen, other| seen | self.seen[other]);
        self.done |= 1 << number;
        let now = self.clock(network, node);
        let (value, micros) = (name(number), 1000 * self.time);
        match (&mut self.member(node).body, network.acts[number]) {
            (Body::Ours(ours), Act::Publish(_)) => {
                ours.node.publish(KEY, value.as_bytes(), 0, now).expect("a short value");
            }
            (Body::Ours(ours), Act::Retract(_)) => _ = ours.node.retract(KEY, now).expect("a short key"),
            (Body::Plain(stock), Act::Publish(_)) => stock.accept(KEY, value.as_bytes(), micros),
            (Body::Plain(_), Act::Retract(_)) => panic!("CZMQ's nodes cannot"),
        }
        self.drain(network, node);
    }

    fn deliver(&mut self, network: &Network, wire: usize, way: Way) {
        let w = &mut self.wires[wire];
        let Some(frame) = w.frames[way as usize].pop_front() else { return };
        let epoch = w.epoch;
        let to = if way == Way::ToServer { w.server } else { w.client };
        let mut bytes = Vec::new();
        w.frames[way as usize].iter().for_each(|frame| add_frame(&mut bytes, frame));
        w.prints[way as usize] = fingerprint::of_bytes(&bytes);
        let (now, micros) = (self.clock(network, to), 1000 * self.time);
        match &mut self.member(to).body {
            Body::Plain(stock) => match way {
                Way::ToServer => stock.hear_client(wire, epoch, &frame, micros),
                Way::ToClient => stock.hear_remote(wire, &frame, micros),
            },
            Body::Ours(ours) => {
                let link = match way {
                    Way::ToClient => ours.remotes[&wire],
                    Way::ToServer => {
                        let node = &mut ours.node;
                        let open = || node.open_link(Role::Server, now).expect("few links");
                        *ours.clients.entry((wire, epoch)).or_insert_with(open)
                    }
                };
                ours.node.handle_frame(link, &frame, now);
            }
        }
        self.drain(network, to);
    }

    fn put(&mut self, wire: usize, way: Way, frame: &[u8]) {
        match kind(frame) {
            MessageId::Publish | MessageId::Batch => self.tuples += 1,
            MessageId::Digest | MessageId::Entries | MessageId::Request | MessageId::Offer => self.syncs += 1,
            _ => {}
        }
        let w = &mut self.wires[wire];
        if !w.up {
            self.lost += 1;
            return;
        }
        w.frames[way as usize].push_back(frame.into());
        let mut bytes = Vec::new();
        w.frames[way as usize].iter().for_each(|frame| add_frame(&mut bytes, frame));
        w.prints[way as usize] = fingerprint::of_bytes(&bytes);
    }

    /// Takes the outputs of a node, and checks the events of its owner.
    fn drain(&mut self, network: &Network, node: usize) {
        let mut out = Vec::new();
        let now = self.clock(network, node);
        let mut stale = Vec::new();
        let connected: Vec<bool> = self.wires.iter().map(|wire| wire.up).collect();
        match &mut self.member(node).body {
            Body::Plain(stock) => out.append(&mut stock.output),
            Body::Ours(ours) => loop {
                if let Some(link) = ours.node.poll_suspect() {
                    let wire = ours.remotes.iter().find(|&(_, other)| *other == link);
                    let alive = wire.is_some_and(|(&wire, _)| connected[wire]);
                    ours.node.handle_suspect(link, alive, now);
                } else if let Some(link) = ours.node.poll_stale() {
                    let wire = ours.remotes.iter().find(|&(_, other)| *other == link);
                    stale.extend(wire.map(|(&wire, _)| wire));
                } else if let Some(link) = ours.node.poll_ready() {
                    let remote = ours.remotes.iter().find(|&(_, other)| *other == link);
                    let client = ours.clients.iter().find(|&(_, other)| *other == link);
                    let target = match (remote, client) {
                        (Some((&wire, _)), _) => Target::Remote(wire),
                        (_, Some((&(wire, epoch), _))) => Target::Client(wire, epoch),
                        _ => continue,
                    };
                    while let Some(frame) = ours.node.poll_transmit(link, now) {
                        out.push((target, frame.bytes().to_vec()));
                    }
                } else {
                    break;
                }
            },
        }
        for (target, frame) in out {
            match target {
                Target::Remote(wire) if !self.wires[wire].believed => {
                    if let Body::Plain(stock) = &mut self.member(node).body {
                        stock.backlog.entry(wire).or_default().push(frame);
                    }
                }
                Target::Remote(wire) => self.put(wire, Way::ToServer, &frame),
                Target::Client(wire, epoch) if self.wires[wire].epoch == epoch => {
                    self.put(wire, Way::ToClient, &frame);
                }
                Target::Client(..) => self.lost += 1,
            }
        }
        for wire in stale {
            self.break_wire(wire);
            self.wires[wire].believed = false;
        }
        self.look(network, node);
    }

    /// Checks what must always hold of a zgossip node, and takes the events of the owner of either kind.
    #[expect(clippy::too_many_lines, reason = "one arm for each step")]
    fn look(&mut self, network: &Network, node: usize) {
        let mixed = network.is_mixed();
        let mut wrong = None;
        let member = Rc::make_mut(&mut self.members[node]);
        match &mut member.body {
            Body::Plain(stock) => {
                for (_, value) in stock.taken.drain(..) {
                    let id = number(&value);
                    member.told.push(id);
                    member.taken |= 1 << id;
                    member.view = Some(id);
                }
                let state = (&stock.tuples, &stock.backlog, &stock.clients, &stock.remotes);
                member.print = fingerprint::of(&state);
            }
            Body::Ours(ours) => {
                while let Some(event) = ours.node.poll_event() {
                    match event {
                        Event::Deliver(tuple) | Event::First(tuple) => {
                            let id = number(tuple.value());
                            if member.view == Some(id) {
                                wrong = Some(format!("node {node} delivers {} twice in a row", name(id)));
                            } else if member.told.contains(&id) {
                                self.returns = true;
                                let knowingly = |&later: &usize| self.seen[later] & 1 << id != 0;
                                let since = member.told.iter().rev().take_while(|&&told| told != id);
                                if network.forbids_returns && (!mixed || since.clone().any(knowingly)) {
                                    wrong = Some(format!("node {node} delivers {} again", name(id)));
                                }
                            }
                            member.told.push(id);
                            member.taken |= 1 << id;
                            member.view = Some(id);
                        }
                        Event::Retract(tuple) => {
                            if member.view != Some(number(tuple.value())) {
                                wrong = Some(format!("node {node} removes what it does not show"));
                            }
                            member.view = None;
                        }
                        Event::Expire(_) => wrong = Some(format!("node {node}: nothing has a time to live")),
                        Event::Changed(_) => wrong = Some(format!("node {node} was not asked for changes")),
                        Event::Join(..)
                        | Event::Leave(..)
                        | Event::Member(_)
                        | Event::OwnId(_)
                        | Event::SamePeer(..)
                        | Event::Warning(_)
                        | Event::Debug(_) => {}
                    }
                }
                let stamp = ours.node.stamps().next().map(|(_, stamp)| stamp);
                if stamp < member.stamp {
                    wrong = Some(format!("node {node}: {:?} went back to {stamp:?}", member.stamp));
                }
                member.stamp = stamp;
                let held = ours.node.tuples().next().map(|tuple| number(tuple.value()));
                if held != member.view {
                    wrong = Some(format!("node {node} holds {held:?} and told {:?}", member.view));
                }
                if let Some(retraction) = network.retraction().filter(|_| stamp.is_some() && held.is_none()) {
                    member.taken |= 1 << retraction;
                }
                member.print = fingerprint::of(&ours.node);
            }
        }
        self.wrong = self.wrong.take().or(wrong);
    }

    /// Lets time pass. With `arrives`, everything that is under way arrives at once.
    pub fn pass(&mut self, network: &Network, time: u64, arrives: bool) {
        let end = self.time + time;
        loop {
            if arrives {
                self.settle(network);
            }
            let due = |member: &Rc<Member>| match &member.body {
                Body::Ours(ours) => ours.node.poll_timeout(),
                Body::Plain(_) => None,
            };
            let next = self.members.iter().filter_map(due).min().map(|due| due.saturating_sub(MONO));
            let Some(next) = next.filter(|&next| next <= end) else { break };
            self.time = next.max(self.time);
            for node in 0..self.members.len() {
                let now = self.clock(network, node);
                if due(&self.members[node]).is_some_and(|due| due <= now.mono)
                    && let Body::Ours(ours) = &mut self.member(node).body
                {
                    ours.node.handle_timeout(now);
                    self.drain(network, node);
                }
            }
        }
        self.time = end;
    }

    /// Lets everything that is under way arrive, in turn, and everything that follows from it.
    fn settle(&mut self, network: &Network) {
        for _ in 0..ENDLESS {
            let all = (0..self.wires.len()).flat_map(|wire| [(wire, Way::ToServer), (wire, Way::ToClient)]);
            let waiting: Vec<_> =
                all.filter(|&(wire, way)| !self.wires[wire].frames[way as usize].is_empty()).collect();
            for wire in 0..self.wires.len() {
                // A client may have given the connection up, for example because it took the server for dead.
                if !self.wires[wire].up && !self.wires[wire].believed && self.wires[wire].epoch > 0 {
                    self.step(network, Step::Connect(wire));
                }
            }
            if waiting.is_empty() {
                return;
            }
            for (wire, way) in waiting {
                self.deliver(network, wire, way);
            }
        }
        self.wrong = Some("frames are sent without end".into());
    }

    /// Fingerprint of everything that decides what follows and how it is judged.
    pub fn fingerprint(&self) -> u128 {
        let mut bytes = Vec::with_capacity(512);
        for member in &self.members {
            bytes.extend(member.print.to_le_bytes());
            bytes.extend(member.told.iter().map(|&id| id as u8));
            bytes.push(member.view.map_or(255, |id| id as u8));
            bytes.extend(member.taken.to_le_bytes());
        }
        for wire in &self.wires {
            bytes.extend([u8::from(wire.up), u8::from(wire.believed)]);
            bytes.extend(wire.epoch.to_le_bytes());
            wire.prints.iter().for_each(|print| bytes.extend(print.to_le_bytes()));
        }
        bytes.extend(self.time.to_le_bytes());
        bytes.extend(self.done.to_le_bytes());
        bytes.extend([self.losses, self.restarted as u8, self.frozen as u8]);
        self.seen.iter().for_each(|seen| bytes.extend(seen.to_le_bytes()));
        fingerprint::of_bytes(&bytes)
    }

    /// Describes what owners know, and how they came to know it.
    pub fn outcome(&self) -> String {
        let told: Vec<_> =
            self.members.iter().map(|member| (&member.told, member.view, member.stamp)).collect();
        format!("{told:?} {:?}", self.seen)
    }

    /// Describes a step.
    pub fn describe(&self, network: &Network, step: Step) -> String {
        match step {
            Step::Deliver(wire, way) => {
                let w = &self.wires[wire];
                let (from, to) =
                    if way == Way::ToServer { (w.client, w.server) } else { (w.server, w.client) };
                let frame = w.frames[way as usize].front().expect("it was said to be there");
                format!("{from} -> {to}: {:?}", decode(frame).expect("a good frame"))
            }
            Step::Act(number) => format!("owner: {:?} ({})", network.acts[number], name(number)),
            step => format!("{step:?}"),
        }
    }

    /// Describes what each node holds.
    pub fn show(&self) -> String {
        let show = |member: &Rc<Member>| member.view.map_or("nothing".into(), name);
        self.members.iter().map(show).collect::<Vec<_>>().join(", ")
    }
}

fn kind(frame: &[u8]) -> MessageId {
    use MessageId::*;
    let all = [Hello, Publish, Ping, Pong, Invalid, Batch, Digest, Entries, Request, Announce, Prune, Graft];
    let more = [Offer, Heartbeat];
    let found = all.into_iter().chain(more).find(|&id| id as u8 == frame[2]);
    found.expect("a message")
}

fn add_frame(bytes: &mut Vec<u8>, frame: &[u8]) {
    bytes.extend((frame.len() as u32).to_le_bytes());
    bytes.extend_from_slice(frame);
}
