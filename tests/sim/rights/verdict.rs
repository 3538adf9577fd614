//! What must be so at the end of a world with rules.

use super::super::net::{MS, Sim};
use super::{World, Write};
use std::collections::BTreeMap;
use zgossip::core::{Access, Stamp};

/// Figures of a world.
pub struct Counts {
    pub writes: usize,
    /// Writes that no rules allowed at any time.
    pub forbidden: usize,
    /// Leaves that hold what hubs hold, as far as they may read it, and those that hold something in its place or beside it.
    pub agree: usize,
    pub differ: usize,
}

/// Number of writes that were refused by each node.
pub fn refused(sim: &Sim) -> Vec<u64> {
    (0..sim.nodes.len()).map(|node| sim.our(node).node.stats().refused).collect()
}

type Stamps = BTreeMap<String, Stamp>;

fn stamps(sim: &Sim, node: usize) -> Stamps {
    let all = sim.our(node).node.stamps();
    all.map(|(key, stamp)| (String::from_utf8_lossy(key).into_owned(), stamp)).collect()
}

impl World {
    /// Returns how many of the rules that were in force since a write allowed it, and how many there were.
    fn allowed(&self, write: &Write, needed: Access) -> (usize, usize) {
        let rules = self.rules.borrow();
        let since = &rules[write.rules..];
        let allows =
            |rules: &&super::Rules| super::access(rules, self.names[write.node], &write.key).allows(needed);
        (since.iter().filter(allows).count(), since.len())
    }

    fn is_forbidden(&self, write: &Write) -> bool {
        self.allowed(write, write.needed).0 == 0
    }

    /// Returns whether a write may have removed its key. What has expired is a removal, which its writer may be allowed.
    fn may_remove(&self, write: &Write) -> bool {
        let may_retract = || self.allowed(write, Access::RETRACT).0 > 0;
        !self.is_forbidden(write) && (write.value.is_none() || write.ends) || write.ends && may_retract()
    }

    /// Returns whether a leaf may bring a write of anyone to a hub that does not hold it, for certain.
    fn may_bring(&self, leaf: usize, write: &Write) -> bool {
        let access = self.access(leaf, &write.key);
        // What has expired is a removal.
        access.allows(write.needed) && (!write.ends || access.allows(Access::RETRACT))
    }

    /// Returns whether a write is left that the network is to end with, unless there is a later one.
    fn survives(&self, sim: &Sim, write: &Write) -> bool {
        let (allowed, rules) = self.allowed(write, write.needed);
        let is_hub = |node: usize| node < self.hubs;
        let holds = |&(node, life): &(usize, u32)| {
            let lives = sim.nodes[node].alive && sim.nodes[node].life == life;
            let held = sim.value(node, &write.key);
            lives && (is_hub(node) || held.is_some() && held == write.value && self.may_bring(node, write))
        };
        allowed == rules && !write.ends && sim.oracle.writes[write.id].takers.iter().any(holds)
    }
}

/// Judges everything that is held now.
pub fn judge(sim: &mut Sim, world: &World) -> Counts {
    let mut wrong = world.leaks.borrow().clone();
    wrong.append(&mut sim.oracle.violations.clone());
    let writes = world.writes.borrow();
    for write in writes.iter().filter(|write| world.is_forbidden(write)) {
        let takers = &sim.oracle.writes[write.id].takers;
        if let Some((taker, _)) = takers.iter().find(|&&(taker, _)| taker != write.node) {
            wrong.push(format!("node {taker} took {} from {}", sim.show(write.id), write.node));
        }
    }
    let held = stamps(sim, 0);
    for hub in 0..world.hubs {
        if stamps(sim, hub) != held {
            wrong.push(format!("hubs 0 and {hub} differ: {held:?}, {:?}", stamps(sim, hub)));
        }
        super::keys().for_each(|key| wrong.extend(judge_key(sim, world, hub, &key)));
    }
    let mut counts = Counts {
        writes: writes.len(),
        forbidden: writes.iter().filter(|write| world.is_forbidden(write)).count(),
        agree: 0,
        differ: 0,
    };
    let mut agrees = vec![true; world.names.len()];
    for (leaf, agrees) in agrees.iter_mut().enumerate().skip(world.hubs) {
        let readable = held.iter().filter(|(key, _)| world.access(leaf, key).allows(Access::READ));
        let readable: Stamps = readable.map(|(key, &stamp)| (key.clone(), stamp)).collect();
        let own = stamps(sim, leaf);
        *agrees = own == readable;
        wrong.extend(judge_leaf(world, leaf, &own, &readable));
        *(if *agrees { &mut counts.agree } else { &mut counts.differ }) += 1;
    }
    judge_agreement(sim, world, &agrees, &mut wrong);
    for node in 0..sim.nodes.len() {
        let now = sim.clock(node);
        sim.check_all(node, now);
    }
    let first: Vec<_> = wrong.iter().take(5).collect();
    assert!(wrong.is_empty(), "{} wrong: {first:#?}", wrong.len());
    counts
}

/// Judges what a hub holds of a key: nothing that is older than the last write that was allowed all the time and is left.
fn judge_key(sim: &Sim, world: &World, hub: usize, key: &str) -> Option<String> {
    let writes = world.writes.borrow();
    let of_key = || writes.iter().filter(|write| write.key == key);
    let last = of_key().filter(|write| world.survives(sim, write)).max_by_key(|write| write.at)?;
    let is_late = |write: &&Write| write.at + MS + sim.oracle.lateness >= last.at;
    let held = sim.value(hub, key);
    let mut late = of_key().filter(is_late);
    let is_right = match &held {
        Some(held) => late.any(|write| write.value.as_ref() == Some(held) && !world.is_forbidden(write)),
        None => late.any(|write| world.may_remove(write)),
    };
    (!is_right).then(|| format!("hub {hub} holds {key} = {held:?}, and it should be {}", sim.show(last.id)))
}

/// Judges how what a leaf holds differs from what it may read.
fn judge_leaf(world: &World, leaf: usize, own: &Stamps, readable: &Stamps) -> Vec<String> {
    let (writes, stamps) = (world.writes.borrow(), world.stamps.borrow());
    let mut wrong = Vec::new();
    for (key, stamp) in readable {
        if own.get(key).is_none_or(|own| own < stamp) {
            wrong.push(format!("leaf {leaf} holds {:?} of {key}, hubs {stamp:?}", own.get(key)));
        }
    }
    for (key, stamp) in own.iter().filter(|(key, stamp)| readable.get(*key) != Some(stamp)) {
        let write = stamps.get(&(key.clone(), *stamp)).map(|&write| &writes[write]);
        let is_readable = world.access(leaf, key).allows(Access::READ);
        if is_readable && write.is_none_or(|write| world.may_bring(leaf, write)) {
            wrong.push(format!("leaf {leaf} holds {stamp:?} of {key}, hubs {:?}", readable.get(key)));
        }
    }
    wrong
}

/// Judges what nodes say of their peers.
fn judge_agreement(sim: &Sim, world: &World, agrees: &[bool], wrong: &mut Vec<String>) {
    for node in 0..sim.nodes.len() {
        let ours = sim.our(node);
        if ours.ends.values().any(|end| end.gone_at.is_some()) {
            continue; // it is yet to find out that a connection is gone
        }
        let wires = sim.nodes[node].wires.iter().map(|&wire| &sim.wires[wire]);
        let mut peers: Vec<usize> =
            wires.map(|wire| if wire.client == node { wire.server } else { wire.client }).collect();
        peers.sort_unstable();
        peers.dedup();
        let leaf = |peer: usize| if node < world.hubs { peer } else { node };
        let expected = peers.iter().filter(|&&peer| agrees[leaf(peer)]).count();
        let said = ours.node.agreement();
        if (said.agree, said.differ) != (expected, peers.len() - expected) {
            wrong.push(format!("node {node} says {said:?}, of {peers:?} {expected} agree"));
        }
    }
}
