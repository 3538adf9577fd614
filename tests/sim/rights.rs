//! Random worlds in which hubs have rules: what a peer may not write is adopted nowhere, what it may not read does not
//! reach it, and all else agrees. What agrees, and what has to differ, nodes say rightly, and they are silent then.
//!
//! Hubs trust each other. Leaves are linked with hubs alone, so that all that is theirs passes a hub. Leaves of one name have
//! the same rules, which all hubs have, and which may change while all goes on.

use super::net::{Body, MS, SECOND, Sim};
use super::wire::Way;
use super::{faults, for_seeds, topology, worse};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use xxhash_rust::xxh3::xxh3_64;
use zgossip::core::codec::{Message, decode};
use zgossip::core::{Access, LinkId, OTHERS, Rights, Stamp};

mod verdict;

/// Names of leaves; one without a name has the rules of others.
const NAMES: [&str; 4] = ["", "a", "b", "c"];
const HUB: &str = "hub";
const PREFIXES: [&str; 4] = ["", "p/", "p/q/", "r/"];
/// Keys below each prefix.
const KEYS: usize = 3;
/// Time in which things go wrong.
const TROUBLE: u64 = 20 * SECOND;

/// Rules by name and prefix.
type Rules = BTreeMap<(&'static str, &'static str), Access>;

/// What is allowed by rules, decided by a search of all of them.
fn access(rules: &Rules, name: &str, key: &str) -> Access {
    let has_rules = |name: &str| rules.keys().any(|(of, _)| *of == name);
    let name = if name.is_empty() || !has_rules(name) { "*" } else { name };
    let of = rules.iter().filter(|((of, prefix), _)| *of == name && key.starts_with(prefix));
    of.max_by_key(|((_, prefix), _)| prefix.len()).map(|(_, &access)| access).unwrap_or_default()
}

fn draw_rules(random: &mut fastrand::Rng) -> Rules {
    let words = ["none", "read", "read", "announce", "retract", "announce, retract", "write", "write"];
    let mut rules = Rules::from([((HUB, ""), Access::WRITE)]);
    for name in ["*", "a", "b", "c"] {
        for prefix in PREFIXES {
            if random.u32(0..10) < 7 {
                let word = words[random.usize(0..words.len())];
                rules.insert((name, prefix), Access::parse(word.as_bytes()).expect("a right"));
            }
        }
    }
    rules
}

fn rights(rules: &Rules) -> Rights {
    let mut rights = Rights::default();
    for (&(name, prefix), &access) in rules {
        let name = if name == "*" { OTHERS } else { name.as_bytes() };
        rights.set(name, prefix.as_bytes(), Some(access)).expect("a rule");
    }
    rights
}

/// A write of some owner.
struct Write {
    node: usize,
    key: String,
    /// Its number for the oracle, which knows who took it.
    id: usize,
    at: u64,
    value: Option<String>,
    /// Whether it has a time to live.
    ends: bool,
    /// What its node needs to be allowed, and the number of the rules in force.
    needed: Access,
    rules: usize,
}

/// What happens in a world, and has happened.
struct World {
    hubs: usize,
    names: Vec<&'static str>,
    /// The rules, former ones first.
    rules: RefCell<Vec<Rules>>,
    /// Whether frames that were made by the rules before may still be sent.
    grace: Cell<bool>,
    writes: RefCell<Vec<Write>>,
    /// The write of each stamp that a key was given by its node.
    stamps: RefCell<BTreeMap<(String, Stamp), usize>>,
    /// What reached a leaf that may not read it.
    leaks: RefCell<Vec<String>>,
    /// Keys that each leaf wrote.
    wrote: RefCell<BTreeSet<(usize, String)>>,
}

fn keys() -> impl Iterator<Item = String> {
    PREFIXES.iter().flat_map(|prefix| (0..KEYS).map(move |key| format!("{prefix}{key}")))
}

impl World {
    fn access(&self, node: usize, key: &str) -> Access {
        access(self.rules.borrow().last().expect("rules"), self.names[node], key)
    }

    /// Returns whether a node may read a key now, or could a moment ago.
    fn may_read(&self, node: usize, key: &str) -> bool {
        let rules = self.rules.borrow();
        let recent = if self.grace.get() { 2 } else { 1 };
        rules.iter().rev().take(recent).any(|rules| access(rules, self.names[node], key).allows(Access::READ))
    }

    /// Returns whether a leaf may know that a key is there: it wrote it, or could read it once.
    fn may_know(&self, node: usize, key: &str) -> bool {
        let could = |rules: &Rules| access(rules, self.names[node], key).allows(Access::READ);
        self.rules.borrow().iter().any(could) || self.wrote.borrow().contains(&(node, key.to_owned()))
    }

    /// Looks at a frame on its way to a leaf.
    fn look(&self, leaf: usize, frame: &[u8]) {
        let shown = |key: &[u8]| {
            let key = String::from_utf8_lossy(key);
            (!self.may_read(leaf, &key)).then(|| format!("a tuple of {key}"))
        };
        let secret: BTreeMap<u64, String> = keys()
            .filter(|key| !self.may_know(leaf, key))
            .map(|key| (xxh3_64(key.as_bytes()), key))
            .collect();
        let named = |hash: u64| secret.get(&hash).map(|key| format!("the hash of {key}"));
        let found: Vec<String> = match decode(frame).expect("a good frame") {
            Message::Publish { key, .. } => shown(key).into_iter().collect(),
            Message::Batch(batch) => batch.iter().filter_map(|record| shown(record.key)).collect(),
            Message::Announce(entries) | Message::Offer(entries) => {
                entries.iter().filter_map(|entry| named(entry.hash)).collect()
            }
            Message::Entries(lists) => {
                let entries = lists.iter().flat_map(|(_, entries)| entries.iter());
                entries.filter_map(|entry| named(entry.hash)).collect()
            }
            _ => Vec::new(),
        };
        self.leaks.borrow_mut().extend(found.into_iter().map(|what| format!("leaf {leaf} is sent {what}")));
    }

    /// Some owner writes.
    fn write(&self, sim: &mut Sim) {
        let node = sim.random.usize(0..self.names.len());
        if !sim.nodes[node].alive || sim.nodes[node].paused_until > sim.now {
            return;
        }
        let all: Vec<String> = keys().collect();
        let key = &all[sim.random.usize(0..all.len())];
        let before = sim.oracle.writes.len();
        let (ends, needed, value) = match sim.random.u32(0..10) {
            0..2 => (false, Access::RETRACT, None),
            kind => {
                let ends = kind < 4;
                let value = format!("v{}", sim.random.u64(..));
                (ends, if ends { Access::ANNOUNCE } else { Access::WRITE }, Some(value))
            }
        };
        // Most of what leaves try is allowed, or hardly any would agree with its hubs.
        if !self.access(node, key).allows(needed) && sim.random.u32(0..8) > 0 {
            return;
        }
        match &value {
            None => _ = sim.retract(node, key),
            Some(value) if ends => {
                let ttl = sim.random.u32(500..20_000);
                sim.publish_for(node, key, value, ttl);
            }
            Some(value) => sim.publish(node, key, value),
        }
        if sim.oracle.writes.len() == before {
            return;
        }
        let stamp = sim.our(node).node.stamps().find(|(held, _)| *held == key.as_bytes());
        let stamp = stamp.expect("what was written").1;
        self.stamps.borrow_mut().insert((key.clone(), stamp), self.writes.borrow().len());
        self.wrote.borrow_mut().insert((node, key.clone()));
        let (at, rules) = (sim.now, self.rules.borrow().len() - 1);
        self.writes.borrow_mut().push(Write {
            node,
            key: key.clone(),
            id: before,
            at,
            value,
            ends,
            needed,
            rules,
        });
    }

    /// Other rules are set, on all hubs.
    fn change_rules(&self, sim: &mut Sim) {
        let rules = draw_rules(&mut sim.random);
        sim.note(|| format!("the rules are {rules:?}"));
        for hub in 0..self.hubs {
            sim.rule(hub, rights(&rules));
        }
        self.rules.borrow_mut().push(rules);
        self.grace.set(true);
    }
}

impl Sim {
    /// Sets a node's rules, which stay when it starts again.
    pub fn rule(&mut self, node: usize, rights: Rights) {
        self.with(node, |node, now| node.set_rights(&rights, now));
        self.rights.insert(node, rights);
    }

    /// Tells a node who the peer of a new link is.
    pub(super) fn introduce(&mut self, node: usize, link: LinkId, peer: usize) {
        let Some(name) = self.names.get(&peer) else { return };
        if let Body::Ours(ours) = &mut self.nodes[node].body {
            let subjects = [name.as_bytes()];
            ours.node.set_subjects(link, if name.is_empty() { &[] } else { &subjects });
        }
    }
}

/// Something goes wrong.
fn fault(sim: &mut Sim) {
    let (wire, node) = (sim.random.usize(0..sim.wires.len()), sim.random.usize(0..sim.nodes.len()));
    match sim.random.u32(0..8) {
        0..4 => {
            let (client, server) = (sim.random.u64(0..200 * MS), sim.random.u64(0..2 * SECOND));
            sim.lose(wire, client, server);
        }
        4 if sim.nodes[node].alive => {
            let downtime = sim.random.u64(MS..3 * SECOND);
            sim.restart(node, downtime, |_| ());
        }
        5 => {
            let lasts = sim.random.u64(SECOND..8 * SECOND);
            worse::away(sim, node, lasts);
        }
        6 => sim.nodes[node].paused_until = sim.now + sim.random.u64(100 * MS..3 * SECOND),
        _ => worse::freeze(sim),
    }
}

/// Makes a world, with everything scheduled that will happen to it.
fn build(seed: u64) -> (Sim, Rc<World>) {
    let mut sim = Sim::new(seed);
    sim.recorded = seed % 4 == 1;
    let hubs = sim.random.usize(1..4);
    let leaves = sim.random.usize(2..7);
    let mut links = match hubs {
        1 => Vec::new(),
        _ => topology::random_graph(hubs, sim.random.usize(0..2), &mut sim.random),
    };
    let mut names = vec![HUB; hubs];
    for leaf in hubs..hubs + leaves {
        names.push(NAMES[sim.random.usize(0..NAMES.len())]);
        for _ in 0..sim.random.usize(1..3) {
            let hub = sim.random.usize(0..hubs);
            if !links.contains(&(leaf, hub)) && !links.contains(&(hub, leaf)) {
                links.push(if sim.random.u32(0..4) > 0 { (leaf, hub) } else { (hub, leaf) });
            }
        }
    }
    for (node, &name) in names.iter().enumerate() {
        sim.ours();
        sim.names.insert(node, name.to_owned());
    }
    let rules = draw_rules(&mut sim.random);
    (0..hubs).for_each(|hub| sim.rule(hub, rights(&rules)));
    sim.note(|| format!("the nodes are {names:?}, the rules {rules:?}"));
    for (client, server) in links {
        sim.connect(client, server);
    }
    sim.describe();
    let world = Rc::new(World {
        hubs,
        names,
        rules: RefCell::new(vec![rules]),
        grace: Cell::default(),
        writes: RefCell::default(),
        stamps: RefCell::default(),
        leaks: RefCell::default(),
        wrote: RefCell::default(),
    });
    let looks = world.clone();
    sim.filter = Some(Box::new(move |wire, way, frame| {
        let to = if way == Way::ToServer { wire.server } else { wire.client };
        if to >= looks.hubs {
            looks.look(to, frame);
        }
        true
    }));
    schedule(&mut sim, &world);
    (sim, world)
}

fn schedule(sim: &mut Sim, world: &Rc<World>) {
    for _ in 0..sim.random.usize(50..400) {
        let (when, world) = (sim.random.u64(0..TROUBLE), world.clone());
        sim.after(when, move |sim| world.write(sim));
    }
    for _ in 0..sim.random.usize(0..20) {
        let when = sim.random.u64(0..TROUBLE);
        sim.after(when, fault);
    }
    for _ in 0..sim.random.usize(0..3).saturating_sub(1) {
        let (when, other) = (sim.random.u64(0..TROUBLE), world.clone());
        sim.after(when, move |sim| other.change_rules(sim));
        // A frame that was made before may wait for its socket.
        let world = world.clone();
        sim.after(when + 5 * SECOND, move |_| world.grace.set(false));
    }
}

/// Runs a world, then lets time pass without faults: everything must be as the rules say.
fn run(seed: u64) -> verdict::Counts {
    let (mut sim, world) = build(seed);
    sim.run(TROUBLE);
    faults::heal(&mut sim);
    sim.run(40 * SECOND);
    let before = (sim.tally.clone(), verdict::refused(&sim));
    sim.run(30 * SECOND);
    let (tally, refused) = before;
    assert_eq!(sim.tally.tuples, tally.tuples, "tuples are sent after 40 s");
    assert_eq!(sim.tally.syncs, tally.syncs, "digests are compared after 40 s");
    assert_eq!(verdict::refused(&sim), refused, "writes are refused after 40 s");
    verdict::judge(&mut sim, &world)
}

fn worlds(test: &str, seeds: u64) {
    let counts = for_seeds(test, seeds, run);
    let sum = |number: fn(&verdict::Counts) -> usize| counts.iter().map(number).sum::<usize>();
    println!(
        "{} worlds: {} writes, {} of them never allowed; {} leaves agree, {} hold what hubs refuse",
        counts.len(),
        sum(|counts| counts.writes),
        sum(|counts| counts.forbidden),
        sum(|counts| counts.agree),
        sum(|counts| counts.differ),
    );
    assert!(
        counts.len() < 50
            || [sum(|c| c.forbidden), sum(|c| c.agree), sum(|c| c.differ)].iter().all(|&n| n > 10)
    );
}

#[test]
fn what_rules_deny_is_adopted_nowhere_and_all_else_agrees() {
    worlds("what_rules_deny_is_adopted_nowhere_and_all_else_agrees", 60);
}

#[test]
#[ignore = "takes long"]
fn soak_worlds_with_rules() {
    worlds("soak_worlds_with_rules", 3000);
}
