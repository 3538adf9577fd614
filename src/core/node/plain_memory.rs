//! Inputs of the node's memory of plain peers: changes of keys, links that come and go, time.

use super::Node;
use crate::core::clock::Now;
use crate::core::id::{LinkId, Slot};
use crate::core::link::Link;
use crate::core::plain::history::Replaced;

/// Time (ms) after this node's start in which the peers come back that were connected before it: CZMQ connects again
/// within seconds. A peer that comes later is new.
pub(super) const REUNION_MS: u64 = 30_000;
/// Number of histories that are visited in one sweep, so that pruning all of the 131 072 there may be takes no long
/// turn.
const PRUNED_IN_ONE_SWEEP: usize = 2000;

impl Node {
    /// Notes that a stamped or refused value replaced another, or arrived too late to be held.
    pub(super) fn note_replaced(&mut self, slot: Slot, hash: u64, source: Option<LinkId>, now: Now) {
        if self.memory.is_needed(now) {
            self.remember_replaced(slot, Replaced { hash, source, since: now.mono }, now);
        }
    }

    /// Notes that a key's value changed, and replaced the value with this hash and source if the key had one.
    pub(super) fn note_change(&mut self, slot: Slot, replaced: Option<(u64, Option<LinkId>)>, now: Now) {
        self.memory.on_changed(slot, replaced, &mut self.timers, now);
        if replaced.is_some() {
            self.trim_history(slot, now);
        }
    }

    /// Remembers a replaced value.
    pub(super) fn remember_replaced(&mut self, slot: Slot, value: Replaced, now: Now) {
        self.memory.on_replaced(slot, value, &mut self.timers, now);
        self.trim_history(slot, now);
    }

    fn trim_history(&mut self, slot: Slot, now: Now) {
        if self.memory.is_long(slot, now) {
            let silences: Vec<(u64, u64)> = self.confirmed(|_, _| true).collect();
            self.memory.trim(slot, &silences, now);
        }
    }

    /// Returns the last moment (ms) whose values all connected plain peers of those that `counts` are known to have
    /// adopted. A peer that has been silent since then may have lost its connection unnoticed, because a live one
    /// repeats each change.
    pub(super) fn silent_since(&self, counts: impl Fn(LinkId, &Link) -> bool) -> Option<u64> {
        self.confirmed(counts).map(|(confirmed, _)| confirmed).min()
    }

    /// Returns, for each connected plain peer of those that `counts`, the last moment (ms) whose values it is known to
    /// have adopted, and the time of its last frame.
    fn confirmed(&self, counts: impl Fn(LinkId, &Link) -> bool) -> impl Iterator<Item = (u64, u64)> {
        let links = self.memory.links().filter_map(|id| Some((id, self.links.get(&id)?)));
        let connected = links.filter(move |&(id, link)| link.is_up() && counts(id, link));
        connected.map(|(_, link)| {
            let heard_at = link.liveness.heard_at();
            (link.plain.confirmed_until(heard_at), heard_at)
        })
    }

    /// Notes that a connection is lost, if its peer sent values without stamps: the peer may hold what is held here
    /// now for as long as it is away.
    pub(super) fn note_departure(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get(&id) else { return };
        if link.is_plain() || link.plain.has_spoken() {
            let heard_at = link.liveness.heard_at();
            // A peer of this node's former self that was not told all may still hold anything that was replaced.
            let may_hold_all = !link.plain.was_told_all(heard_at) || !link.bulk.is_empty();
            let is_of_former = link.plain.began() < self.memory.started().mono + REUNION_MS;
            let confirmed = link.plain.confirmed_until(heard_at);
            self.memory.on_departure(if is_of_former && may_hold_all { 0 } else { confirmed }, now);
        }
    }

    /// Forgets what of the memory is too old.
    pub(super) fn prune_memory(&mut self, now: Now) {
        self.memory.prune_departures(now);
        for _ in 0..PRUNED_IN_ONE_SWEEP {
            let Some(slot) = self.memory.pop_prune(now) else { return };
            self.trim_history(slot, now);
            self.memory.prune(slot, &mut self.timers, now);
        }
    }

    /// Forgets what plain peers sent of the key that used a slot before the one that uses it now.
    pub(super) fn forget_plain(&mut self, slot: Slot, now: Now) {
        for id in self.memory.links() {
            if let Some(link) = self.links.get_mut(&id) {
                link.plain.forget(slot, now.mono);
            }
        }
    }
}
