//! The verdict at the end of a run: does each node hold the right value of each key?
//!
//! In a network of zgossip nodes alone, the right value is of a write that no surviving write had seen and replaced;
//! where clocks are in step, it is that of the last surviving write. CZMQ nodes know no ages, so less is demanded of a
//! mixture: a value does not come back after a living zgossip node took another one whose writer had seen it. Exempt
//! are:
//!
//! * writes that ended with all nodes that had taken them: no node can know of them;
//! * writes that were stamped by a clock far ahead: they count as written when that clock is set right;
//! * in a mixture, writes that only CZMQ nodes have kept: those nodes cannot tell them from what came before;
//! * in a mixture, writes of a CZMQ node whose zgossip neighbour began lately, and had yet to be told of the key by other
//!   zgossip nodes: it knows nothing, and cannot tell a write from what that node held before, so the write loses to the
//!   stamp that those hold;
//! * in a mixture, keys that were written several times within seconds: copies that several CZMQ nodes echo cross each
//!   other, and nobody can always tell which came last;
//! * in a mixture, a value that had a time to live, at CZMQ nodes;
//! * in a mixture, a removed value at nodes that never heard of the removal: CZMQ has no message for it, so it does not
//!   pass CZMQ nodes;
//! * values that a removal or an expiry had replaced, once its tombstone is dropped (`server/tombstone`), if any node
//!   was away for about as long: that node brings them back. A CZMQ node, which cannot be told of a removal, does so
//!   whenever it connects again.
//!
//! Every exemption is counted.

use super::net::{MS, SECOND, Sim};
use super::oracle::{Id, Key, Oracle};
use super::wire::Wire;
use std::collections::HashSet;
use zgossip::core::Stamp;

/// Time between two writes of a key below which, in a mixture, they may be confused.
const BURST: u64 = 4 * SECOND;
/// Resolution of the clock that stamps are made from.
const TICK: u64 = MS;

/// The verdict on a run.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    pub violations: Vec<String>,
    /// Number of node and key pairs that were judged.
    pub judged: usize,
    /// Number of writes that ended with all nodes that had taken them.
    pub died: usize,
    /// Number of pairs that are exempt because the key was written too often within seconds.
    pub bursts: usize,
    /// Number of keys of which a removal was forgotten.
    pub forgotten: usize,
}

/// Facts about one key at the end.
struct Verdict {
    replaced: HashSet<Id>,
    /// Writes whose values are right.
    top: Vec<Id>,
    burst: bool,
    /// All of `top` are removals, or have expired, and nobody remembers them any more.
    is_forgotten: bool,
}

impl Sim {
    /// Returns whether CZMQ nodes take part.
    pub fn has_stock(&self) -> bool {
        self.oracle.has_stock
    }

    /// Returns whether a node has limits of its own, so that it may have to refuse tuples.
    pub fn is_limited(&self, node: usize) -> bool {
        let (settings, usual) = (&self.nodes[node].settings, zgossip::core::Settings::default());
        settings.max_value < usual.max_value || settings.max_tuples < usual.max_tuples
    }

    /// Returns whether a node has to refuse some values of this key, and whether it has no room for all keys.
    pub(super) fn refuses(&self, node: usize, key: &[u8]) -> (bool, bool) {
        let settings = &self.nodes[node].settings;
        let Some(about) = self.oracle.keys.get(key) else { return (false, false) };
        let long = about.writes.iter().any(|&id| self.oracle.writes[id].size > settings.max_value);
        (long, settings.max_tuples < self.oracle.keys.len())
    }

    /// Returns whether wall clocks differ, or did earlier in the run.
    pub fn clocks_differ(&self) -> bool {
        self.oracle.clocks_differ || self.nodes.iter().any(|member| member.skew != 0)
    }

    /// Judges everything that is held now.
    pub fn judge(&self) -> Judgement {
        let mut judgement = Judgement { violations: self.oracle.violations.clone(), ..Judgement::default() };
        let mut keys: Vec<_> = self.oracle.keys.iter().collect();
        keys.sort_unstable_by_key(|(key, _)| *key);
        for (key, about) in keys {
            let verdict = self.consider(key, about, &mut judgement);
            for node in (0..self.nodes.len()).filter(|&node| self.nodes[node].alive) {
                judgement.judged += 1;
                let wrong = self.judge_one(node, key, about, &verdict);
                if verdict.burst && wrong.is_some() {
                    judgement.bursts += 1;
                } else {
                    judgement.violations.extend(wrong);
                }
            }
        }
        judgement
    }

    fn survives(&self, id: Id, mixed: bool) -> bool {
        let lives = |&(node, life): &(usize, u32)| {
            let member = &self.nodes[node];
            // A node without room drops its oldest tombstones.
            let full = member.settings.max_tuples < self.oracle.keys.len();
            member.alive && member.life == life && !full && (!mixed || self.is_ours(node))
        };
        self.oracle.writes[id].takers.iter().any(lives)
    }

    fn consider(&self, key: &[u8], about: &Key, judgement: &mut Judgement) -> Verdict {
        let (mixed, oracle) = (self.has_stock(), &self.oracle);
        let memory = self.nodes.iter().map(|member| member.settings.tombstone * MS).min().unwrap_or(0);
        let forgotten = |id: &Id| {
            let write = &oracle.writes[*id];
            let gone = if write.value.is_none() { Some(write.at) } else { write.ends };
            let may_return = mixed || 2 * oracle.absence >= memory;
            gone.is_some_and(|gone| gone + memory < self.now && may_return)
        };
        let survivors: Vec<Id> =
            about.writes.iter().copied().filter(|&id| self.survives(id, mixed)).collect();
        judgement.died += about.writes.len() - survivors.len();
        let remembered: Vec<Id> = survivors.iter().copied().filter(|id| !forgotten(id)).collect();
        judgement.forgotten += usize::from(remembered.len() < survivors.len());
        let replaced = if mixed {
            self.seen_replaced(key, about)
        } else {
            let mut replaced = HashSet::new();
            add_ancestors(oracle, &remembered, &mut replaced);
            if !self.clocks_differ()
                && let Some(last) = remembered.iter().map(|&id| oracle.writes[id].at).max()
            {
                let before = |id: &Id| oracle.writes[*id].at + TICK + oracle.lateness < last;
                replaced.extend(about.writes.iter().copied().filter(before));
            }
            // No node believed the stamp until that clock was set right. Then the write was stamped anew, as if made at
            // that moment.
            replaced.retain(|&id| !self.nodes[oracle.writes[id].node].was_ahead);
            replaced
        };
        let top: Vec<Id> = survivors.iter().copied().filter(|id| !replaced.contains(id)).collect();
        let near = |id: &Id, other: &Id| oracle.writes[*id].at.abs_diff(oracle.writes[*other].at) < BURST;
        let crowded = |id: &Id| about.writes.iter().any(|other| other != id && near(id, other));
        let burst = mixed && (top.iter().any(crowded) || top.is_empty());
        let is_forgotten = mixed && !top.is_empty() && top.iter().all(forgotten);
        Verdict { replaced, top, burst, is_forgotten }
    }

    /// Writes that a living zgossip node held before it took another one that replaced them.
    fn seen_replaced(&self, key: &[u8], about: &Key) -> HashSet<Id> {
        let mut replaced = HashSet::new();
        let held = self.latest_stamp(key);
        let living = |&(&node, known): &(&usize, &super::oracle::Known)| {
            let member = &self.nodes[node];
            self.is_ours(node) && member.alive && member.life == known.life
        };
        for (_, known) in about.nodes.iter().filter(living) {
            let mut above = HashSet::new();
            for &(id, _) in known.taken.iter().rev() {
                if above.contains(&id) {
                    replaced.insert(id);
                }
                if !self.is_told_to_a_newborn(about, held, id) {
                    add_ancestors(&self.oracle, &[id], &mut above);
                }
            }
        }
        replaced
    }

    /// Returns whether a CZMQ node wrote this, and the first zgossip node that took it began after the stamp was given
    /// that the network holds in the end: that stamp had not come to it yet, or the write would be later.
    fn is_told_to_a_newborn(&self, about: &Key, held: Option<Stamp>, id: Id) -> bool {
        let write = &self.oracle.writes[id];
        let Some(&stamped_at) = held.and_then(|stamp| about.stamped_at.get(&stamp)) else { return false };
        let first = write.takers.iter().find(|&&(node, _)| self.is_ours(node));
        let began_since = |&(node, life): &(usize, u32)| {
            self.nodes[node].begins.iter().any(|&(of, at)| of == life && at > stamped_at)
        };
        !self.is_ours(write.node) && first.is_some_and(began_since)
    }

    /// The latest stamp of a key that a living zgossip node holds.
    fn latest_stamp(&self, key: &[u8]) -> Option<Stamp> {
        let ours = |&node: &usize| self.is_ours(node) && self.nodes[node].alive;
        let of =
            |node: usize| self.our(node).node.stamps().find(|&(of, _)| of == key).map(|(_, stamp)| stamp);
        (0..self.nodes.len()).filter(ours).filter_map(of).max()
    }

    fn judge_one(&self, node: usize, key: &[u8], about: &Key, verdict: &Verdict) -> Option<String> {
        let (mixed, oracle) = (self.has_stock(), &self.oracle);
        let (long, full) = self.refuses(node, key);
        if long {
            return None;
        }
        let name = key.escape_ascii();
        let Some(held) = self.view(node).get(key) else {
            // A value that may have expired, or was removed as late as the missing one, may be missing.
            let lasts = |id: &Id| oracle.writes[*id].value.is_some() && oracle.writes[*id].ends.is_none();
            let due = !verdict.top.is_empty() && verdict.top.iter().all(lasts);
            return (due && !full && !self.hears_not(node, key))
                .then(|| format!("node {node} lost {name}, which should be {}", self.show(verdict.top[0])));
        };
        let hash = xxhash_rust::xxh3::xxh3_64(held);
        let ids = about.by_value.get(&hash).map_or(&[][..], Vec::as_slice);
        let shown = held[..held.len().min(32)].escape_ascii();
        if ids.is_empty() {
            return Some(format!("node {node} holds {name} = {shown}, which nobody wrote"));
        }
        // Of writes that knew nothing of each other any may win. Where it is a removal, no zgossip node holds the key.
        let may_be_removed = verdict.top.iter().any(|&id| oracle.writes[id].value.is_none());
        let is_removed = || may_be_removed && !self.is_held_by_ours(key);
        if mixed && is_removed() && !self.knows_better(about, node, ids) {
            return None;
        }
        // A CZMQ node holds for ever what expires elsewhere.
        if mixed && !self.is_ours(node) && ids.iter().any(|&id| oracle.writes[id].ends.is_some()) {
            return None;
        }
        if !verdict.is_forgotten && ids.iter().all(|id| verdict.replaced.contains(id)) {
            let last = verdict.top.last().map_or("something".into(), |&id| self.show(id));
            let id = ids[ids.len() - 1];
            let (what, way) = (self.show(id), self.way_back(about, id));
            return Some(format!(
                "node {node} holds the older {name}: {what}, and it should be {last}; {way}"
            ));
        }
        let ended = |id: &Id| oracle.writes[*id].ends.is_some_and(|ends| ends + oracle.bound() < self.now);
        if ids.iter().all(ended) && !mixed {
            return Some(format!("node {node} still holds {name}: {}", self.show(ids[0])));
        }
        None
    }

    /// Returns whether a node need not have a key because of UNPUBLISH: its owner gave that, or it is a CZMQ node, to
    /// which neighbours whose owners gave it send the key no more.
    pub fn hears_not(&self, node: usize, key: &[u8]) -> bool {
        let hides = |node: usize| self.oracle.is_hidden((node, self.nodes[node].life), key);
        let other = |wire: &Wire| match (wire.client == node, wire.server == node) {
            (true, _) => Some(wire.server),
            (_, true) => Some(wire.client),
            _ => None,
        };
        hides(node) || !self.is_ours(node) && self.wires.iter().filter_map(other).all(hides)
    }

    /// Returns whether any living zgossip node holds a key.
    fn is_held_by_ours(&self, key: &[u8]) -> bool {
        let ours = |&node: &usize| self.is_ours(node) && self.nodes[node].alive;
        (0..self.nodes.len()).filter(ours).any(|node| self.view(node).contains_key(key))
    }

    /// Returns whether a node has taken a write that replaced all of these.
    fn knows_better(&self, about: &Key, node: usize, ids: &[Id]) -> bool {
        let taken = about.nodes.get(&node).map_or(&[][..], |known| &known.taken);
        ids.iter().all(|&id| taken.iter().any(|&(other, _)| other != id && self.oracle.replaced(id, other)))
    }

    /// Describes which nodes took a write after one that had replaced it, and when: the first of them brought it back.
    fn way_back(&self, about: &Key, id: Id) -> String {
        let of_node = |(&node, known): (&usize, &super::oracle::Known)| {
            let mut newer = false;
            let mut takes = Vec::new();
            for &(what, at) in &known.taken {
                newer |= what != id && self.oracle.replaced(id, what);
                takes.extend((newer && what == id).then_some((at, node)));
            }
            takes
        };
        let mut takes: Vec<(u64, usize)> = about.nodes.iter().flat_map(of_node).collect();
        takes.sort_unstable();
        let show = |&(at, node): &(u64, usize)| {
            let kind = if self.is_ours(node) { "" } else { " (stock)" };
            format!("{node}{kind} at {:.3}", at as f64 / SECOND as f64)
        };
        format!("taken again by {}", takes.iter().take(4).map(show).collect::<Vec<_>>().join(", "))
    }

    pub(super) fn show(&self, id: Id) -> String {
        let write = &self.oracle.writes[id];
        let alive = |&&(node, life): &&(usize, u32)| self.nodes[node].alive && self.nodes[node].life == life;
        format!(
            "{} (written by {} at {:.3} s, taken by {} nodes that live)",
            write.text,
            write.node,
            write.at as f64 / SECOND as f64,
            write.takers.iter().filter(alive).count()
        )
    }
}

/// Adds all writes that these had seen, and all that those had seen.
fn add_ancestors(oracle: &Oracle, of: &[Id], found: &mut HashSet<Id>) {
    let mut open: Vec<Id> = of.iter().flat_map(|&id| oracle.writes[id].seen.iter().copied()).collect();
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(oracle.writes[id].seen.iter().copied());
        }
    }
}
