//! Tests that `agreement` and barriers, on which `zgossip_wait_agreement` and flush rest, are true.
//!
//! A node counts a peer as agreeing by the summary that the peer sent last, so the peer must have held exactly that at
//! some time. A peer may acknowledge a barrier when it has everything that the node held when the barrier was set, or a
//! value that is no older in its place.

use super::net::{MS, Member, Sim, WALL};
use super::oracle::Id;
use super::wire::Wire;
use std::collections::HashMap;
use std::rc::Rc;
use zgossip::core::{Barrier, Stamp};

/// Virtual time between two checks of a barrier, and their greatest number.
const LOOKS: u64 = 50 * MS;
const MOST_LOOKS: u32 = 400;
/// Units of a stamp's time in one millisecond.
const TICKS: u64 = 1 << 16;
/// The greatest error (ms) of a clock that is not wrong by hours.
const USUAL_ERROR: i64 = 300_000;

/// A value that a node held when it set a barrier.
#[derive(Clone)]
struct Held {
    key: Vec<u8>,
    id: Id,
    /// Milliseconds by which the value's stamp was ahead of the right time.
    ahead: i64,
}

impl Sim {
    /// Checks that no more peers count as agreeing than have ever held what this node holds.
    pub fn check_agreement(&mut self, node: usize) {
        if !self.nodes[node].alive || !self.is_ours(node) {
            return;
        }
        let ours = &self.our(node).node;
        let (root, said) = (ours.root(), ours.agreement());
        let others = self.nodes.iter().enumerate().filter(|&(other, _)| other != node);
        let held = others.filter(|(_, member)| member.roots.contains(&root)).count();
        if said.agree > held {
            let text = format!("node {node} says that {} agree; {held} ever held that", said.agree);
            self.oracle.violations.push(text);
        }
    }

    /// Checks, at the end of a run when all nodes hold the same, that every node says so of every peer.
    pub fn check_agreement_at_end(&mut self) {
        for node in 0..self.nodes.len() {
            if !self.nodes[node].alive || !self.is_ours(node) || self.is_limited(node) {
                continue;
            }
            let (ours, said) = (self.our(node), self.our(node).node.agreement());
            // A connection that broke unseen belongs to a peer that may have changed since.
            let half_open = ours.ends.values().any(|end| end.gone_at.is_some());
            let wires = self.nodes[node].wires.iter().map(|&wire| &self.wires[wire]);
            let peers = wires.map(|wire| if wire.client == node { wire.server } else { wire.client });
            let mut peers: Vec<usize> = peers.filter(|&peer| self.is_ours(peer)).collect();
            peers.sort_unstable();
            peers.dedup();
            let limited = peers.iter().any(|&peer| self.is_limited(peer));
            if !half_open && !limited && said.differ > 0 {
                let text =
                    format!("node {node} says at the end that {} of {} differ", said.differ, peers.len());
                self.oracle.violations.push(text);
            }
        }
    }

    /// Sets a barrier, and checks each acknowledgement until all peers have sent theirs.
    pub fn flush(&mut self, node: usize) {
        if !self.nodes[node].alive || !self.is_ours(node) {
            return;
        }
        let by = (node, self.nodes[node].life);
        let stamps: HashMap<&[u8], Stamp> = self.our(node).node.stamps().collect();
        let right = (WALL + self.now / MS).cast_signed();
        let held = self.view(node).keys().filter_map(|key| {
            let ahead = (stamps.get(&key[..])?.time / TICKS).cast_signed() - right;
            Some(Held { key: key.clone(), id: self.oracle.holds(by, key)?, ahead })
        });
        let held: Vec<Held> = held.collect();
        let Some(barrier) = self.with(node, |node, _| node.set_barrier()) else { return };
        self.look(by, barrier, Rc::new(held), 0);
    }

    fn look(&mut self, by: (usize, u32), barrier: Barrier, held: Rc<Vec<Held>>, looks: u32) {
        let (node, life) = by;
        if self.nodes[node].life != life || !self.nodes[node].alive || looks == MOST_LOOKS {
            return;
        }
        let ours = self.our(node);
        let (behind, passed) = (ours.node.count_lagging(barrier), ours.node.count_acknowledged(barrier));
        if behind > 0 {
            return self.after(LOOKS, move |sim| sim.look(by, barrier, held, looks + 1));
        }
        let ends = ours.ends.values().map(|end| &self.wires[end.wire]);
        // What a CZMQ client has taken nobody can know: the socket has taken all, and that counts.
        let lacks = |wire: &Wire| {
            let is_client = wire.client == node;
            let peer = if is_client { wire.server } else { wire.client };
            if self.is_ours(peer) {
                return (peer, self.lacks(peer, &held));
            }
            // Some values of others are sent to a CZMQ node only when they have been quiet.
            let own = |held: &&Held| self.oracle.writes[held.id].node == node;
            let own: Vec<Held> = held.iter().filter(own).cloned().collect();
            (peer, is_client.then(|| self.lacks(peer, &own)).flatten())
        };
        let (lack, have): (Vec<_>, Vec<_>) = ends.map(lacks).partition(|(_, lacks)| lacks.is_some());
        if passed > have.len() {
            let lack: Vec<_> = lack.into_iter().filter_map(|(peer, lacks)| Some((peer, lacks?))).collect();
            let text =
                format!("node {node} says that {passed} have acknowledged {barrier:?}; {lack:?} have not");
            self.oracle.violations.push(text);
        }
    }

    /// Describes the first of these values that a peer does not have, nor a value that is no older.
    fn lacks(&self, peer: usize, held: &[Held]) -> Option<String> {
        // A copy of a node is not sent what its original wrote: to peers it seems to have written that itself. A node that
        // was ahead by hours keeps what was stamped by nodes that followed it, until those knew better.
        let Member { seed, was_ahead, .. } = &self.nodes[peer];
        if self.is_limited(peer) || seed.is_some() || *was_ahead {
            return None;
        }
        let by = (peer, self.nodes[peer].life);
        // A node refuses the stamps of a clock that is ahead by hours. A node whose own clock is behind by hours, and
        // that no trusted peer corrects, refuses the stamps of all others.
        let (drift, skew) = (self.nodes[peer].settings.max_drift.cast_signed(), self.nodes[peer].skew);
        let latest = drift + skew.min(-USUAL_ERROR);
        let has = |&&Held { ref key, ref id, ahead }: &&Held| {
            let lasts =
                |id: &Id| self.oracle.writes[*id].value.is_some() && self.oracle.writes[*id].ends.is_none();
            // A value that may have been removed or have expired meanwhile is not demanded.
            let removed = || self.oracle.keys[key].writes.iter().any(|id| !lasts(id));
            let no_older = |other: Id| !self.oracle.replaced(other, *id);
            // A value that was written again is not delivered again.
            let same = |other: Id| {
                let same = self.oracle.writes[other].value;
                let writes = &self.oracle.keys[key].writes;
                writes.iter().any(|&id| self.oracle.writes[id].value == same && no_older(id))
            };
            let other = || self.oracle.holds(by, key).is_some_and(same);
            // The peer may have acknowledged the barrier in an earlier life.
            let earlier = |other: Id| {
                self.oracle.writes[other].takers.iter().any(|taker| taker.0 == peer && taker.1 != by.1)
            };
            let before =
                || self.oracle.keys[key].writes.iter().any(|&other| earlier(other) && no_older(other));
            self.oracle.has_taken(peer, *id) || other() || removed() || ahead > latest || before()
        };
        let Held { key, id, .. } = held.iter().find(|held| !has(held))?;
        Some(format!("{} = {}", key.escape_ascii(), self.show(*id)))
    }
}
