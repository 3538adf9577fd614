//! The search: depth first through everything that can happen, each state once.

use super::network::{Act, Network};
use super::world::{Body, Set, Step, World};
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::{Duration, Instant};

/// Milliseconds after the last step within which the network must agree, checked in slices …
const SETTLES: u64 = 60_000;
const SLICE: u64 = 5_000;
/// … of which this many in a row must be silent.
const QUIET: u32 = 2;
/// Number of steps beyond which a way counts as a loop.
const DEEPEST: usize = 2_000;

/// Hasher of fingerprints, which are their own hashes.
#[derive(Default)]
struct Own(u64);

impl Hasher for Own {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("fingerprints are numbers");
    }
    fn write_u128(&mut self, print: u128) {
        self.0 = print as u64;
    }
}

/// Findings of the walk so far.
#[derive(Default)]
pub struct Report {
    pub states: usize,
    pub transitions: usize,
    /// Number of states in which everything has happened and everything has arrived.
    pub ends: usize,
    pub deepest: usize,
    pub time: Duration,
    /// The longest time (ms) from an end until all nodes agreed and were silent.
    pub settled: u64,
    /// The *sometimes* demands: two writes were concurrent; frames were lost; a comparison found a difference; a value
    /// came back at some node; which writes won at some end.
    pub concurrent: bool,
    pub lost: bool,
    pub compared: bool,
    pub returns: usize,
    pub winners: Set,
    /// Tuples of the owners at each end, with the events that led to them.
    pub outcomes: BTreeSet<String>,
    /// Violations, each with the way there.
    pub wrong: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} states, {} transitions, {} ends, {} deep, {:.1} s; quiet after {} s at most; winners {:b}{}{}{}{}",
            self.states,
            self.transitions,
            self.ends,
            self.deepest,
            self.time.as_secs_f64(),
            self.settled / 1000,
            self.winners,
            if self.concurrent { "; concurrent" } else { "" },
            if self.lost { "; frames lost" } else { "" },
            if self.compared { "; compared" } else { "" },
            if self.returns > 0 {
                format!("; values came back at {} ends", self.returns)
            } else {
                String::new()
            },
        )
    }
}

struct Open {
    world: World,
    steps: Vec<Step>,
    next: usize,
}

/// Walks through everything, or until there are `enough` violations.
pub fn walk(network: &Network, enough: usize) -> Report {
    let began = Instant::now();
    let mut report = Report::default();
    let mut seen: HashSet<u128, BuildHasherDefault<Own>> = HashSet::default();
    let first = World::new(network);
    seen.insert(first.fingerprint());
    let steps = first.steps(network);
    let mut way = vec![Open { world: first, steps, next: 0 }];
    while let Some(open) = way.last_mut() {
        let Some(&step) = open.steps.get(open.next) else {
            way.pop();
            continue;
        };
        if report.wrong.len() >= enough {
            break;
        }
        open.next += 1;
        let mut world = open.world.clone();
        world.step(network, step);
        report.transitions += 1;
        if let Some(wrong) = &world.wrong {
            report.wrong.push(tell(network, &way, wrong));
            continue;
        }
        if seen.insert(world.fingerprint()) {
            let steps = world.steps(network);
            if steps.is_empty() {
                report.ends += 1;
                report.outcomes.insert(world.outcome());
                if let Some(wrong) = judge(network, world, &mut report) {
                    report.wrong.push(tell(network, &way, &wrong));
                }
            } else {
                way.push(Open { world, steps, next: 0 });
                report.deepest = report.deepest.max(way.len());
                assert!(way.len() < DEEPEST, "{}", tell(network, &way, "a way without end"));
            }
        }
    }
    report.states = seen.len();
    report.time = began.elapsed();
    report
}

/// Judges an end, where everything has happened and has arrived: with time, all nodes agree on a write that no other
/// write had seen and replaced.
fn judge(network: &Network, mut world: World, report: &mut Report) -> Option<String> {
    let acts = 0..network.acts.len();
    let apart = |a: usize, b: usize| world.seen[a] & 1 << b == 0 && world.seen[b] & 1 << a == 0;
    report.concurrent |= acts.clone().any(|a| (0..a).any(|b| apart(a, b)));
    report.lost |= world.lost > 0;
    let syncs = world.syncs;
    let (mut quiet, mut settled) = (0, 0);
    let mut passed = 0;
    while quiet < QUIET {
        let before = (world.tuples, world.syncs);
        world.pass(network, SLICE, true);
        passed += SLICE;
        if let Some(wrong) = &world.wrong {
            return Some(format!("{wrong}, {} s after the last step", passed / 1000));
        }
        let agree = disagreement(network, &world).is_none();
        // A client sends a CZMQ hub a tuple that the hub holds already, as a sign of life.
        let says_nothing = (world.tuples, world.syncs) == before || network.says_signs();
        quiet = if agree && says_nothing { quiet + 1 } else { 0 };
        if quiet == 1 {
            settled = passed - SLICE;
        }
        if passed > SETTLES && quiet < QUIET {
            let what = disagreement(network, &world).unwrap_or("it is not quiet".into());
            return Some(format!("{} s after the last step {what}", passed / 1000));
        }
    }
    report.settled = report.settled.max(settled);
    report.compared |= world.syncs > syncs || syncs > 0;
    report.returns += usize::from(world.returns);
    let held = |node: usize| world.members[node].view;
    let first = (0..network.nodes.len()).find(|&node| network.is_ours(node))?;
    let winner = held(first).or(network.retraction());
    // A write ends with all nodes that have taken it.
    let survives = |act: usize| world.members.iter().any(|member| member.taken & 1 << act != 0);
    let Some(winner) = winner else {
        return acts.clone().any(survives).then(|| "all is lost".into());
    };
    report.winners |= 1 << winner;
    if let Some(by) = acts.clone().find(|&act| world.seen[act] & 1 << winner != 0 && survives(act)) {
        return Some(format!("all agree on v{winner}, which v{by} had seen and replaced"));
    }
    None
}

fn disagreement(network: &Network, world: &World) -> Option<String> {
    let components = network.components();
    let first = (0..network.nodes.len()).find(|&node| network.is_ours(node))?;
    let held = |node: usize| world.members[node].view;
    for (node, _) in network.nodes.iter().enumerate() {
        // No plain node can be told of a removal.
        let removed = held(first).is_none() && network.retraction().is_some();
        let exempt = removed && !network.is_ours(node);
        if held(node) != held(first) && !exempt {
            return Some(format!("the nodes hold {}", world.show()));
        }
        let root = |node: usize| match &world.members[node].body {
            Body::Ours(ours) => Some(ours.node.root()),
            Body::Plain(_) => None,
        };
        if network.is_ours(node) && root(node) != root(components[node]) {
            return Some(format!("nodes {} and {node} hold the same with other stamps", components[node]));
        }
    }
    None
}

/// Describes a violation, and every step of the way there.
fn tell(network: &Network, way: &[Open], wrong: &str) -> String {
    let mut text = format!("{}: {wrong}\n", network.name);
    for open in way {
        let step = open.steps[open.next - 1];
        text += &format!("    [{}] {}\n", open.world.show(), open.world.describe(network, step));
    }
    text
}

impl Network {
    /// Returns whether a zgossip node sends a plain hub a tuple of its own again and again as a sign of life: the walk
    /// cannot tell these from other tuples.
    fn says_signs(&self) -> bool {
        let own = |node: usize| self.acts.iter().any(|act| matches!(act, Act::Publish(by) if *by == node));
        self.wires
            .iter()
            .any(|&(client, server)| self.is_ours(client) && own(client) && !self.is_ours(server))
    }
}
