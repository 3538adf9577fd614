//! A node's content over restarts: what its file is told, and coming back with what the file has.
//!
//! Who comes back may have been away for so long that others have forgotten a removal of what it still holds. It is
//! *doubtful*, as of the latest hybrid time that it knew then. Each node knows the latest removal that it has forgotten, and
//! tells it in its introduction. If that is later, what the returning node holds from before may be removed for long: it
//! drops that, and takes what the peer has. The doubt ends with that, or with a peer that has been there all the time and has
//! forgotten nothing later, or when the node has been back for as long as removals are remembered: then whoever comes back
//! after it is judged by it.
//!
//! A doubtful node tells only of removals that it had forgotten before it was away, which are not later than its own doubt.
//! So of two doubtful nodes one at most drops what it has: the one that was away first. Where a whole network comes back,
//! what the last one knew stays.

use super::Node;
use super::converge::Write;
use super::presence::Presence;
use crate::core::clock::{Now, Stamp, is_possible};
use crate::core::codec::Knowledge;
use crate::core::event::ChangeKind;
use crate::core::id::{LinkId, Slot};
use crate::core::plumtree;
use crate::core::rights::Access;
use crate::core::saved::{Ends, Head, Saved};
use crate::core::store::{Change, Register, State, tombstone};
use crate::core::tuple::{Tuple, check_key, is_text, value_hash};
use std::collections::HashMap;

/// The link that tuples from the file came by: none that ever is.
pub(super) const FILE: LinkId = LinkId(0);
/// Milliseconds after which the file is told the time, though nothing has changed.
const HEAD_INTERVAL: u64 = 60_000;
/// Bytes that a record takes in a file beside key and value.
const PER_RECORD: usize = 64;

/// What a node's content is worth after a restart.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// The latest hybrid time that the node's former self knew: what it has stamped up to then is no fresh write.
    until: u64,
    /// See [`Knowledge::doubtful`].
    doubtful: u64,
    /// See [`Knowledge::forgotten`].
    forgotten: u64,
    /// The same of removals that are forgotten while what the node holds is doubtful.
    forgotten_since: u64,
    /// See [`Knowledge::since`].
    since: u64,
    /// When the node came back (mono ms).
    back_at: u64,
    /// Doubtful tuples that were dropped, and that the owner has not been told of: peers may hold them yet.
    dropped: HashMap<Box<[u8]>, (Tuple, Stamp)>,
    /// When the file was last told the time (mono ms).
    head_at: u64,
    /// The number of changes that the file has.
    saved: u64,
}

/// What a node's file lacks.
#[derive(Debug, Default)]
pub struct Changes {
    /// Whether the file is to be emptied first.
    pub clear: bool,
    /// Keys with their records, in this order; one that is empty takes the key away.
    pub records: Vec<(Box<[u8]>, Vec<u8>)>,
    /// The record of the node itself.
    pub head: Vec<u8>,
    /// The number of changes (see [`Node::save_number`]) that the file has with these.
    pub number: u64,
}

impl Past {
    /// Returns whether a stamp is of the node's former self.
    pub(super) fn has(&self, stamp: Stamp) -> bool {
        stamp.time <= self.until
    }

    /// Notes when the node began, by a clock that may be right: a hybrid time.
    pub(super) fn begin(&mut self, time: u64) {
        self.since = time;
    }

    /// Notes that a removal is forgotten.
    pub(super) fn on_forgotten(&mut self, stamp: Stamp) {
        let forgotten = if self.doubtful > 0 { &mut self.forgotten_since } else { &mut self.forgotten };
        *forgotten = (*forgotten).max(stamp.time);
    }

    fn end_doubt(&mut self) {
        self.doubtful = 0;
        self.forgotten = self.forgotten.max(std::mem::take(&mut self.forgotten_since));
    }

    /// What a peer is told.
    pub(super) fn knowledge(&self) -> Knowledge {
        let Past { forgotten, doubtful, since, .. } = *self;
        Knowledge { forgotten, doubtful, since }
    }

    /// The dropped tuple of a key, which the owner still takes for held.
    pub(super) fn take_dropped(&mut self, key: &[u8]) -> Option<Tuple> {
        if self.dropped.is_empty() { None } else { self.dropped.remove(key).map(|(tuple, _)| tuple) }
    }
}

impl Node {
    /// Returns whether the node may come back as what a file says: it has met nobody yet, and announced nothing.
    pub fn may_restore(&self) -> bool {
        self.links.is_empty() && !self.met_anybody && !self.presence.has_announced()
    }

    /// Takes identity and clock over from the head of a file; false if it is damaged. To be called before
    /// [`restore`](Node::restore), where [`may_restore`](Node::may_restore).
    pub fn restore_head(&mut self, head: &[u8], now: Now) -> bool {
        let Some(Head { id, clock, forgotten, doubtful, since }) = Head::decode(head) else { return false };
        self.id = id;
        self.tree = plumtree::State::new(id, self.random.u64(..));
        let is_wished = self.is_membership_wished();
        self.presence = Presence::new(id, self.settings.grace);
        self.set_membership(is_wished, now);
        self.clock.observe(clock);
        let doubtful = if doubtful > 0 { doubtful } else { clock };
        let forgotten = forgotten.min(doubtful);
        self.past = Past { until: clock, doubtful, forgotten, since, back_at: now.mono, ..Past::default() };
        self.met_anybody = true;
        true
    }

    /// Takes a key over from a file, unless a later write is held. False if the record is damaged, or finds no room.
    pub fn restore(&mut self, key: &[u8], record: &[u8], now: Now) -> bool {
        let Some(saved) = Saved::decode(key, record).filter(|_| check_key(key).is_ok()) else { return false };
        let Saved { stamp, mut state, ends, value } = saved;
        if state.has_value() && (!is_text(value) || value.len() > self.settings.max_value) {
            return false;
        }
        let found = self.store.look_up(key);
        if found.slot.is_some_and(|slot| !stamp.wins_over(self.store.held(slot).stamp)) {
            return true;
        }
        let room = if state.has_value() {
            self.make_room(self.need(found.slot, key, value.len()))
        } else {
            self.make_tombstone_room(key)
        };
        if room.is_err() {
            return false;
        }
        let ttl = match ends {
            Some(Ends { wall, remaining }) if is_possible(now.wall) => {
                wall.saturating_sub(now.wall).min(remaining.into()) as u32
            }
            Some(Ends { remaining, .. }) => remaining,
            None => 0,
        };
        if ends.is_some() && ttl == 0 && state.has_value() {
            state = State::Expired;
        }
        let tuple = match state {
            State::Expired if saved.state.has_value() => tombstone(key, value_hash(value)),
            _ => Tuple::new(key, value),
        };
        let ttl = if state.has_value() { ttl } else { 0 };
        self.write_at(found, Write { tuple, stamp, source: Some(FILE), state, ttl, announced: false }, now);
        true
    }

    /// Begins to note what a file lacks: everything if `all`, otherwise nothing.
    pub fn begin_saving(&mut self, all: bool) {
        self.store.begin_saving(all);
    }

    /// The number of changes so far, which the file has when that of [`Changes`] is not less.
    pub fn save_number(&self) -> u64 {
        self.store.save_number()
    }

    /// Takes what the file lacks, some `most` bytes of it; `None` if it lacks nothing.
    pub fn poll_unsaved(&mut self, most: usize, now: Now) -> Option<Changes> {
        let is_head_due = now.mono >= self.past.head_at + HEAD_INTERVAL;
        if !self.store.is_unsaved() && !is_head_due {
            return None;
        }
        let mut changes = Changes { number: self.store.save_number(), ..Changes::default() };
        let mut bytes = 0;
        self.store.take_unsaved(|store, change| {
            let (key, record) = match change {
                Change::Clear => {
                    changes.clear = true;
                    return true;
                }
                Change::Gone(key) => (key, Vec::new()),
                Change::Put(slot, held) => {
                    let key = held.tuple.key();
                    // What is announced ends with its node, and comes back with it.
                    let is_kept = !held.is_announced() || !held.state.has_value();
                    let record = is_kept.then(|| saved(held, store.deadline(slot), now).encode(key));
                    (key.into(), record.unwrap_or_default())
                }
            };
            bytes += key.len() + record.len() + PER_RECORD;
            changes.records.push((key, record));
            bytes < most
        });
        if self.store.is_unsaved() {
            changes.number = 0;
        }
        self.past.head_at = now.mono;
        let Knowledge { forgotten, doubtful, since } = self.past.knowledge();
        changes.head = Head { id: self.id, clock: self.latest(now), forgotten, doubtful, since }.encode();
        Some(changes)
    }

    /// Returns whether the file lacks something.
    pub fn is_unsaved(&self) -> bool {
        self.store.is_unsaved()
    }

    /// Notes that the file has this [number](Changes::number) of changes.
    pub fn on_saved(&mut self, number: u64) {
        self.past.saved = self.past.saved.max(number);
    }

    /// The number of changes that the file has.
    pub fn saved_number(&self) -> u64 {
        self.past.saved
    }

    /// Takes what a peer says of its knowledge in its introduction. A peer that may not read and remove everything is no
    /// judge of what it is not shown.
    pub(super) fn on_knowledge(&mut self, id: LinkId, theirs: Option<Knowledge>, now: Now) {
        let Some(Knowledge { forgotten, doubtful, since }) = theirs else { return };
        // No removal is later than the present, whatever a peer says: what is removed from now on is not doubted.
        let forgotten = forgotten.min(self.latest(now));
        let is_restricted = self.links.get(&id).is_none_or(|link| link.rights.table.is_some());
        if self.past.doubtful > 0 {
            let is_later = forgotten > self.past.doubtful;
            if is_later {
                self.drop_doubtful(id);
            }
            if !is_restricted && (is_later || doubtful == 0 && since <= self.past.doubtful) {
                self.past.end_doubt();
            }
        }
        if !is_restricted {
            self.past.forgotten = self.past.forgotten.max(forgotten);
            if doubtful == 0 {
                self.past.since = self.past.since.min(since);
            }
        }
    }

    /// Ends the doubt when the node has been back for as long as removals are remembered.
    pub(super) fn end_old_doubt(&mut self, now: Now) {
        if self.past.doubtful > 0 && now.mono >= self.past.back_at.saturating_add(self.settings.tombstone) {
            self.past.end_doubt();
        }
    }

    /// Drops everything that may be out of date, as far as the peer of a link can tell.
    fn drop_doubtful(&mut self, id: LinkId) {
        let until = self.past.doubtful;
        let table = self.links.get(&id).and_then(|link| link.rights.table.clone());
        let may_judge = |key: &[u8]| {
            table.as_ref().is_none_or(|table| {
                let access = table.access(key);
                access.allows(Access::READ) && access.allows(Access::RETRACT)
            })
        };
        let old = |(_, held): &(Slot, &Register)| held.stamp.time <= until && may_judge(held.tuple.key());
        let slots: Vec<Slot> = self.store.iter().filter(old).map(|(slot, _)| slot).collect();
        for slot in slots {
            let held = self.store.held(slot);
            if held.is_live() {
                let (tuple, stamp) = (held.tuple.clone(), held.stamp);
                self.past.dropped.insert(tuple.key().into(), (tuple, stamp));
            }
            self.forget_slot(slot);
        }
    }

    /// Tells the owner of what was dropped and is not held by a peer whose state has been taken in full.
    pub(super) fn tell_dropped(&mut self) {
        if !self.past.dropped.is_empty() {
            let dropped = std::mem::take(&mut self.past.dropped);
            for (tuple, stamp) in dropped.into_values() {
                self.push_gone(ChangeKind::Retract, tuple, stamp);
            }
        }
    }
}

/// What is saved of a register with this deadline (mono ms).
fn saved(held: &Register, deadline: Option<u64>, now: Now) -> Saved<'_> {
    let ends = deadline.filter(|_| held.state.has_value()).map(|deadline| {
        let remaining = deadline.saturating_sub(now.mono);
        Ends { wall: now.wall.saturating_add(remaining), remaining: remaining.try_into().unwrap_or(u32::MAX) }
    });
    Saved { state: held.state, stamp: held.stamp, ends, value: held.tuple.value() }
}

#[cfg(test)]
mod tests;
