//! The recent past of keys, for judging what plain peers say.
//!
//! It is kept while there are plain peers, and for as long as removed keys are remembered after the last one has
//! left: it may come back with what it held.

use super::Node;
use crate::core::clock::Now;
use crate::core::id::{LinkId, Slot};
use crate::core::link::Link;
use crate::core::plain::history::{History, MEMORY};
use crate::core::timers::Timer;

/// Keys whose past is kept: some 50 MB if all of them change often.
const MOST: usize = 131_072;
/// So many are looked at in one turn, to see whether they are still of use.
const LOOKS: usize = 2000;
/// How often each is looked at (ms).
const INTERVAL: u64 = 60_000;

impl Node {
    /// How long (ms) a replaced value is remembered.
    pub(super) fn memory(&self) -> u64 {
        self.settings.tombstone.max(MEMORY)
    }

    /// Whether there are plain peers, or may be again.
    pub(super) fn keeps_history(&self, now: Now) -> bool {
        self.plain_links > 0
            || self.plain_gone_at.is_some_and(|at| now.mono < at.saturating_add(self.memory()))
    }

    /// The past of a key, to be added to.
    pub(super) fn history_mut(&mut self, slot: Slot, now: Now) -> &mut History {
        if !self.history.contains_key(&slot) {
            while self.history.len() >= MOST
                && let Some((_, oldest)) = self.history_due.pop_front()
            {
                self.forget_history(oldest);
            }
            self.history_due.push_back((now.mono + INTERVAL, slot));
        }
        self.history.entry(slot).or_default()
    }

    pub(super) fn forget_history(&mut self, slot: Slot) {
        self.disbelieved.forget(slot);
        if let Some(history) = self.history.remove(&slot) {
            self.timers.set(Timer::Held(slot), history.held_until, None);
        }
    }

    /// A key has another value than before: than that with this hash and source, if there was one.
    pub(super) fn note_change(&mut self, slot: Slot, replaced: Option<(u64, Option<LinkId>)>, now: Now) {
        let history = self.history_mut(slot, now);
        let since = std::mem::replace(&mut history.changed_at, now.mono);
        match replaced {
            Some((hash, source)) => self.remember(slot, hash, source, since, now),
            // It was removed meanwhile, and no plain peer could be told.
            None => history.lasts_longer(since, now.mono),
        }
    }

    /// A value was replaced, or came when it was too late.
    pub(super) fn note_replaced(&mut self, slot: Slot, hash: u64, source: Option<LinkId>, now: Now) {
        if self.keeps_history(now) {
            self.remember(slot, hash, source, now.mono, now);
        }
    }

    /// The value with this hash, which had come from `source` and was ours since then (ms), is replaced now, or came
    /// too late.
    #[expect(clippy::too_many_arguments, reason = "each is a fact of its own about one replacement")]
    pub(super) fn remember(&mut self, slot: Slot, hash: u64, source: Option<LinkId>, since: u64, now: Now) {
        self.history_mut(slot, now).replaced(hash, source, since, now.mono);
        self.trim_history(slot, now);
    }

    /// Forgets what is too much of a key's past, but what a plain peer has left with, or one that is silent may have.
    fn trim_history(&mut self, slot: Slot, now: Now) {
        if !self.history.get(&slot).is_some_and(|history| history.is_long(now.mono)) {
            return;
        }
        let silent = self.silent_since(|_, _| true);
        let (departures, history) = (&self.departures, self.history.get_mut(&slot));
        let left_with = |since, at| {
            departures.left_with(since, at) || silent.is_some_and(|silent| since <= silent && silent < at)
        };
        if let Some(history) = history {
            history.trim(now.mono, left_with);
        }
    }

    /// Since when the longest silent of these plain peers has said nothing (ms), if there is any: its connection may be
    /// over, and nobody has noticed. One that lives repeats each change.
    pub(super) fn silent_since(&self, of: impl Fn(LinkId, &Link) -> bool) -> Option<u64> {
        let links = self.spoke_plainly.iter().filter_map(|&id| Some((id, self.links.get(&id)?)));
        let silent = links.filter(|&(id, link)| link.up && of(id, link));
        silent.map(|(_, link)| link.plain.knew(link.liveness.heard_at())).min()
    }

    /// A link is lost whose peer spoke without stamps, and may hold what is current now for as long as it is away.
    pub(super) fn note_departure(&mut self, id: LinkId, now: Now) {
        let Some(link) = self.links.get(&id).filter(|link| link.is_plain() || link.plain.speaks) else {
            return;
        };
        self.departures.note(link.plain.knew(link.liveness.heard_at()), now.mono);
        self.plain_gone_at = Some(now.mono);
    }

    /// Forgets what is of no use any more.
    pub(super) fn prune_history(&mut self, now: Now) {
        let memory = self.memory();
        self.departures.forget_before(now.mono.saturating_sub(memory));
        for _ in 0..LOOKS {
            let Some(&(due, slot)) = self.history_due.front() else { return };
            if due > now.mono {
                return;
            }
            self.history_due.pop_front();
            self.trim_history(slot, now);
            let Some(history) = self.history.get_mut(&slot) else { continue };
            history.prune(now.mono, memory);
            if history.is_past(now.mono, memory) {
                self.forget_history(slot);
            } else {
                self.history_due.push_back((now.mono + INTERVAL, slot));
            }
        }
    }

    /// A slot is used for another key: what plain peers said of the former one is nothing to it.
    pub(super) fn forget_plain(&mut self, slot: Slot, now: Now) {
        for id in &self.spoke_plainly {
            if let Some(link) = self.links.get_mut(id) {
                link.plain.forget(slot, now.mono);
            }
        }
    }
}
