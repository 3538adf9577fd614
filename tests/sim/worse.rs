//! A worse world: what else can go wrong with lines, processes, clocks, settings and owners.
//!
//! Each fault has a rate of its own, 0 for never, drawn by the seed: a third of all runs see one of these faults alone,
//! with none of the usual faults but some losses; the others see several together. A fault that would make a promise
//! impossible is left out, and a comment says why.

use super::net::{Body, MS, SECOND, Sim, WALL};
use super::topology::Links;
use super::wire::Speed;
use std::collections::HashSet;
use zgossip::core::Settings;

/// An hour in milliseconds.
const HOUR: i64 = 3_600_000;

/// Rates: shares of nodes and wires, and events a second.
#[derive(Clone, Debug, Default)]
pub struct Worse {
    /// Share of wires with a delay of up to 2 s each way, different in both directions, with jitter.
    pub far: f64,
    /// Share of wires on which a frame takes a time by its size, 1 to 100 Mbit/s.
    pub narrow: f64,
    /// Share of writes with values of up to 1 MiB, and rarely up to 16 MiB.
    pub large: f64,
    /// Rate at which a link freezes for 0.1 to 30 s: nothing passes, nothing is lost.
    pub freezes: f64,
    /// Rate at which a process is stopped between reading its clock and using it.
    pub late: f64,
    /// Rate at which a node or its line is away for up to 15 s.
    pub absences: f64,
    /// Share of nodes whose wall clock is wrong by hours, or shows 1970. No two of them are linked: a node can judge
    /// its clock only by the nodes around it.
    pub wrong_clocks: f64,
    /// Share of nodes with settings of their own.
    pub settings: f64,
    /// Number of nodes that take no long values, or few tuples. Without them the others stay connected, for a refused
    /// tuple is not passed on.
    pub limited: usize,
    /// Tombstones are dropped after 5 s.
    pub forgetful: bool,
    /// Rate at which owners UNPUBLISH, and publish again what expires.
    pub hide: f64,
    pub renew: f64,
    /// Rate at which a node leaves for good, and another one comes.
    pub churn: f64,
    /// Number of nodes that are copies of another one, with its identity. They write keys of their own only: the stamps
    /// of two writes of one identity cannot be told apart.
    pub clones: usize,
    /// Share of nodes that send what they have to send together, at intervals of up to 100 ms.
    pub rests: f64,
    /// Rate at which a node or its line is away for a minute to an hour.
    pub long_absences: f64,
    /// Rate at which a wall clock steps by hours, or to 1970, until it is set right again.
    pub jumps: f64,
}

impl Worse {
    pub fn draw(random: &mut fastrand::Rng) -> Worse {
        let mut worse = Worse::default();
        let alone = random.u32(0..3) == 0;
        let one = random.u32(0..15);
        for what in 0..15 {
            let chosen = if alone { what == one } else { random.u32(0..3) == 0 };
            if chosen {
                worse.add(what, random);
            }
        }
        if worse.limited > 0 {
            // A node that leaves for good may leave others with no way but through a node that is full.
            worse.churn = 0.0;
        }
        worse
    }

    fn add(&mut self, what: u32, random: &mut fastrand::Rng) {
        let some = 0.05 + random.f64();
        match what {
            0 => self.far = some,
            1 => self.narrow = some,
            2 => self.large = some * 0.1,
            3 => self.freezes = some * 0.5,
            4 => self.late = some * 0.5,
            5 => self.absences = some * 0.3,
            6 => self.wrong_clocks = some * 0.3,
            7 => self.settings = some,
            8 => self.limited = 1 + random.usize(0..2),
            9 => self.forgetful = true,
            10 => self.hide = some * 0.2,
            11 => self.renew = some * 5.0,
            12 => self.churn = some * 0.5,
            13 => self.clones = 1 + random.usize(0..2),
            _ => self.rests = some,
        }
    }

    /// Draws the settings of each node, and the error of its clock.
    pub fn nodes(
        &self,
        count: usize,
        stock: &[usize],
        links: &Links,
        random: &mut fastrand::Rng,
    ) -> Vec<(Settings, i64)> {
        let mut all = vec![(Settings::default(), 0); count];
        for (settings, _) in &mut all {
            if random.f64() < self.settings {
                settings.timeout = [0, 100, 1000, 5000][random.usize(0..4)];
                settings.max_drift = [900_000, 3_600_000, 86_400_000][random.usize(0..3)];
                settings.tombstone = [120_000, 3_600_000][random.usize(0..2)];
            }
            if self.forgetful {
                settings.tombstone = 5000;
            }
        }
        let linked = |a: usize, b: usize| links.contains(&(a, b)) || links.contains(&(b, a));
        let mut limited: Vec<usize> = Vec::new();
        for _ in 0..self.limited * 10 {
            let node = random.usize(0..count);
            let mut without = limited.clone();
            without.push(node);
            // Values that a limited node refuses must pass another way, among zgossip nodes: a stamp does not pass a
            // CZMQ node.
            let ours = |limited: &[usize]| parts(count, links, &[stock, limited].concat());
            let good = !stock.contains(&node)
                && !limited.contains(&node)
                && is_connected(count, links, &without)
                && ours(&without) <= ours(&limited);
            if good && limited.len() < self.limited && !limited.iter().any(|&other| linked(node, other)) {
                limited = without;
                let settings = &mut all[node].0;
                (settings.max_value, settings.max_tuples) =
                    if random.bool() { (1000, 2_000_000) } else { (16 << 20, random.usize(5..40)) };
            }
        }
        let most_drift = all.iter().map(|(settings, _)| settings.max_drift).max().unwrap_or(0);
        let mut wrong: Vec<usize> = Vec::new();
        for (node, of_node) in all.iter_mut().enumerate() {
            if random.f64() < self.wrong_clocks && !wrong.iter().any(|&other| linked(node, other)) {
                wrong.push(node);
                let hours = random.i64(2..12) * HOUR;
                let edge = may_be_fast(node, count, links);
                of_node.1 = match random.u32(0..3) {
                    0 => -(WALL as i64) + 60_000,
                    // The node's writes are believed by all nodes or by none; its removals would be forgotten before
                    // they are believed.
                    1 if edge && hours.unsigned_abs() > most_drift && !self.forgetful => hours,
                    _ if !is_corrected(node, stock, links, self) => 0,
                    _ => -hours,
                };
            }
        }
        all
    }

    /// Draws the speed of a wire.
    pub fn speed(&self, random: &mut fastrand::Rng) -> Option<Speed> {
        let (far, narrow) = (random.f64() < self.far, random.f64() < self.narrow);
        let mut speed = Speed::LAN;
        if far {
            let mut way = || {
                let least = random.u64(50 * MS..1900 * MS);
                (least, least + random.u64(0..100 * MS))
            };
            (speed.delay, speed.back) = (way(), Some(way()));
        }
        if narrow {
            speed.bandwidth = random.u64(125_000..12_500_000);
            speed.bytes = 2 << 20;
        }
        (far || narrow).then_some(speed)
    }

    /// Lengthens a value, if this one is to be long.
    pub fn lengthen(&self, value: &mut String, random: &mut fastrand::Rng) {
        if random.f64() < self.large {
            let rare = random.u32(0..300) == 0;
            let size = if rare { random.usize(1 << 20..16 << 20) } else { 1 << random.u32(9..20) };
            value.push_str(&"+".repeat(size - value.len()));
        }
    }
}

/// Returns whether a node's clock may be fast: such a node is not trusted, nor is what it passes on, so it has to be at the
/// edge.
fn may_be_fast(node: usize, count: usize, links: &Links) -> bool {
    is_connected(count, links, &[node]) && lonely(node, links).next().is_none()
}

/// Returns whether a node whose clock is slow follows others. It does not follow the clock of a single client, so it has
/// to be a client, or have several clients, which stay. A CZMQ node sends no time.
fn is_corrected(node: usize, stock: &[usize], links: &Links, worse: &Worse) -> bool {
    let ours = |&&(client, server): &&(usize, usize)| !stock.contains(&client) && !stock.contains(&server);
    let servers = links.iter().filter(ours).filter(|&&(client, _)| client == node).count();
    let clients = links.iter().filter(ours).filter(|&&(_, server)| server == node).count();
    servers > 0 || clients > 1 && worse.churn == 0.0
}

/// Neighbours of a node that have few others, by which they could tell that its clock is wrong.
fn lonely(node: usize, links: &Links) -> impl Iterator<Item = usize> + '_ {
    let degree = |node: usize| links.iter().filter(|&&(a, b)| a == node || b == node).count();
    let other = move |&(a, b): &(usize, usize)| {
        if a == node {
            Some(b)
        } else if b == node {
            Some(a)
        } else {
            None
        }
    };
    links.iter().filter_map(other).filter(move |&other| degree(other) < 4)
}

/// Returns whether the nodes that remain without some are connected.
pub fn is_connected(count: usize, links: &Links, without: &[usize]) -> bool {
    parts(count, links, without) <= 1
}

/// Number of parts into which the nodes that remain without some fall.
fn parts(count: usize, links: &Links, without: &[usize]) -> usize {
    let (mut found, mut parts) = (HashSet::new(), 0);
    for first in (0..count).filter(|node| !without.contains(node)) {
        parts += usize::from(found.insert(first));
        let mut open = vec![first];
        while let Some(node) = open.pop() {
            for &(a, b) in links {
                for (one, two) in [(a, b), (b, a)] {
                    if one == node && !without.contains(&two) && found.insert(two) {
                        open.push(two);
                    }
                }
            }
        }
    }
    parts
}

/// Freezes a link.
pub fn freeze(sim: &mut Sim) {
    let wire = sim.dice.usize(0..sim.wires.len());
    let most = if sim.dice.bool() { 2 * SECOND } else { 30 * SECOND };
    sim.wires[wire].frozen_until = sim.now + sim.dice.u64(100 * MS..most);
}

/// Stops a process between reading its clock and using it.
pub fn stop_late(sim: &mut Sim) {
    let node = sim.dice.usize(0..sim.nodes.len());
    let lasts = sim.dice.u64(10 * MS..8 * SECOND);
    let member = &mut sim.nodes[node];
    if member.alive && member.paused_until <= sim.now {
        (member.paused_until, member.read_at) = (sim.now + lasts, Some(sim.now));
        sim.oracle.lateness = sim.oracle.lateness.max(lasts);
    }
}

/// Sends a node away: all its connections break, and none is made for a while.
pub fn go_away(sim: &mut Sim) {
    let node = sim.dice.usize(0..sim.nodes.len());
    let lasts = sim.dice.u64(SECOND..15 * SECOND);
    away(sim, node, lasts);
}

/// Sends a node away for a minute to an hour.
pub fn go_away_for_long(sim: &mut Sim) {
    let node = sim.dice.usize(0..sim.nodes.len());
    let lasts = sim.dice.u64(60 * SECOND..3000 * SECOND);
    away(sim, node, lasts);
}

/// Schedules steps of wall clocks by hours, and back again.
pub fn schedule_jumps(sim: &mut Sim, links: &Links, worse: &Worse, duration: u64) {
    let mut random = sim.dice.fork();
    let most_drift = sim.nodes.iter().map(|member| member.settings.max_drift).max().unwrap_or(0);
    let mut chosen: Vec<usize> = (0..sim.nodes.len()).filter(|&node| sim.is_ours(node)).collect();
    random.shuffle(&mut chosen);
    let linked = |a: usize, b: usize| links.contains(&(a, b)) || links.contains(&(b, a));
    // Who is linked with a node whose clock is wrong has a right one, now and at all times.
    let mut jumping: Vec<usize> = Vec::new();
    for node in chosen {
        let is_wrong = |other: &usize| sim.nodes[*other].skew.abs() > HOUR;
        let others = (0..sim.nodes.len()).filter(|&other| linked(node, other));
        let is_near = others.clone().any(|other| is_wrong(&other) || jumping.contains(&other));
        if !is_near && !is_wrong(&node) {
            jumping.push(node);
        }
    }
    let stock: Vec<usize> = (0..sim.nodes.len()).filter(|&node| !sim.is_ours(node)).collect();
    for _ in 0..(worse.jumps * duration as f64 / SECOND as f64).ceil() as u64 {
        let Some(&node) = (!jumping.is_empty()).then(|| &jumping[random.usize(0..jumping.len())]) else {
            return;
        };
        let hours = random.i64(2..12) * HOUR;
        let is_believed = hours.unsigned_abs() <= most_drift;
        let step = match random.u32(0..3) {
            0 => -(WALL.cast_signed()) + 60_000,
            1 if may_be_fast(node, sim.nodes.len(), links) && !is_believed && !worse.forgetful => hours,
            _ => -hours,
        };
        if step < 0 && !is_corrected(node, &stock, links, worse) {
            continue;
        }
        let (when, lasts) = (random.u64(0..duration), random.u64(SECOND / 2..15 * SECOND));
        sim.after(when, move |sim| {
            let member = &mut sim.nodes[node];
            let before = std::mem::replace(&mut member.skew, step);
            if before.abs() > HOUR {
                member.skew = before;
                return;
            }
            member.was_ahead |= step > 0;
            sim.oracle.clocks_differ = true;
            sim.note(|| format!("the clock of node {node} is wrong by {step} ms"));
            sim.after(lasts.min(duration - when), move |sim| {
                sim.nodes[node].skew = before;
                sim.note(|| format!("the clock of node {node} is set right"));
            });
        });
    }
}

/// Sends this node away for a time: all its connections break, and none is made.
pub fn away(sim: &mut Sim, node: usize, lasts: u64) {
    let wires = sim.nodes[node].wires.clone();
    for &wire in &wires {
        sim.wires[wire].cut = true;
        sim.lose(wire, 0, 0);
    }
    sim.after(lasts, move |sim| wires.iter().for_each(|&wire| sim.wires[wire].cut = false));
}

/// Lets a node leave for good, if the others stay connected without it, and adds one that connects to two of them.
pub fn turn_over(sim: &mut Sim) {
    let count = sim.nodes.len();
    let links: Links = sim.wires.iter().map(|wire| (wire.client, wire.server)).collect();
    let mut gone: Vec<usize> = (0..count).filter(|&node| sim.nodes[node].gone).collect();
    let leaver = sim.dice.usize(0..count);
    gone.push(leaver);
    if !sim.nodes[leaver].alive || !sim.is_ours(leaver) || !is_connected(count, &links, &gone) {
        return;
    }
    sim.leave(leaver);
    let newcomer = sim.ours();
    let forgets = sim.nodes.iter().any(|member| matches!(&member.body, Body::Ours(ours) if ours.forgets));
    if forgets && let Body::Ours(ours) = &mut sim.nodes[newcomer].body {
        ours.forgets_removals();
    }
    // Between two nodes whose clocks are fast it would follow them, and not be believed by any other.
    let is_fast = |sim: &Sim, node: usize| sim.nodes[node].skew > HOUR;
    for _ in 0..2 {
        let peer = sim.dice.usize(0..count);
        if !sim.nodes[peer].gone && sim.is_ours(peer) && !is_fast(sim, peer) {
            sim.connect(newcomer, peer);
        }
    }
    if sim.nodes[newcomer].wires.is_empty() {
        let lives = |&node: &usize| !sim.nodes[node].gone && sim.is_ours(node) && !is_fast(sim, node);
        let peer = (0..count).find(lives).unwrap_or(0);
        sim.connect(newcomer, peer);
    }
}
