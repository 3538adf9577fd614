//! What peers may not write: it is refused, counted and told, and the peer is asked for it once. What they may not read
//! they are not sent: see [`View`](crate::core::store).
//!
//! A denied write changes nothing here, and nothing of what is known of its key: others may bring the same one. It is noted
//! with the link alone, as [`Denied`](crate::core::store::Denied).

use super::Node;
use crate::core::codec::{Entries, Entry, Record, RecordKind, Summary};
use crate::core::id::LinkId;
use crate::core::link::Link;
use crate::core::rights::{Access, Rights, Tables};
use crate::core::tuple::{Tuple, key_hash};
use crate::log::printable;
use crate::warning::Value;

impl Node {
    /// Sets who may read and write what. Peers that are connected are asked again for what they may write now, and no longer
    /// asked for what they may not.
    pub fn set_rights(&mut self, rights: &Rights) {
        self.rights = Tables::new(rights).map(Box::new);
        self.store.drop_views();
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for id in links {
            self.look_up_rights(id);
        }
        self.compare_anew();
    }

    /// Returns whether there are rules.
    pub fn has_rights(&self) -> bool {
        self.rights.is_some()
    }

    /// Notes what the peer of a link has proved to be: its public key, then the name of its certificate, as far as known.
    pub fn set_subjects(&mut self, id: LinkId, subjects: &[&[u8]]) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.rights.subjects = subjects.iter().map(|&subject| subject.into()).collect();
        self.look_up_rights(id);
    }

    /// Returns who the peers are that have a name or a key, in the order of their links.
    pub fn subjects(&self) -> Vec<(LinkId, Vec<Box<[u8]>>)> {
        let named = self.links.iter().filter(|(_, link)| !link.rights.subjects.is_empty());
        named.map(|(&id, link)| (id, link.rights.subjects.to_vec())).collect()
    }

    /// Finds the rules for the peer of a link, and forgets what was denied by former ones.
    pub(super) fn look_up_rights(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.rights.table = self.rights.as_ref().map(|tables| tables.table(&link.rights.subjects));
        link.rights.view = link.rights.table.as_ref().and_then(|table| self.store.view_for(table.readable()));
        link.rights.denied = None;
    }

    /// The summary that the peer of a link is told.
    pub(super) fn summary_of(&self, id: LinkId) -> Summary {
        self.links.get(&id).map_or_else(|| self.summary(), |link| self.summary_for(link))
    }

    /// The summary that the peer of a link is told.
    pub(super) fn summary_for(&self, link: &Link) -> Summary {
        link.rights.summary(&self.store)
    }

    /// Returns whether a peer may be sent tuples of a key.
    pub(super) fn may_read(&self, id: LinkId, key: &[u8]) -> bool {
        self.links.get(&id).is_none_or(|link| link.rights.may_read(key))
    }

    /// Returns whether a peer may write any tuple of a key.
    pub(super) fn may_write(&self, id: LinkId, key: &[u8]) -> bool {
        let table = self.links.get(&id).and_then(|link| link.rights.table.as_ref());
        table.is_none_or(|table| table.access(key).allows(Access::WRITE))
    }

    /// Takes a stamped write if the peer may not make it. False if it is to be handled: it is allowed, or held here already.
    pub(super) fn is_denied(&mut self, id: LinkId, record: &Record<'_>) -> bool {
        let &Record { kind, key, ttl, stamp, announced, .. } = record;
        let Some(link) = self.links.get(&id) else { return false };
        let needed = match kind {
            RecordKind::Tombstone => Access::RETRACT,
            RecordKind::Live if ttl > 0 || announced => Access::ANNOUNCE,
            RecordKind::Live => Access::WRITE,
        };
        if link.rights.table.as_ref().is_none_or(|table| table.access(key).allows(needed)) {
            return false;
        }
        let held = self.store.find(key).map(|slot| self.store.held(slot).stamp);
        let (entry, is_readable) = (Entry { hash: key_hash(key), stamp }, self.may_read(id, key));
        if held.is_some_and(|held| held >= stamp) {
            if held == Some(stamp) && is_readable {
                return false;
            }
            self.counters.duplicates += 1;
            if !is_readable {
                self.note_denied(id, entry); // what the peer holds it is not shown
            }
            return true;
        }
        self.note_denied(id, entry);
        self.count_denied(id, key, needed);
        // Others that have offered the tuple may have the right to bring it: the next comparison finds it.
        if let Some(number) = self.anti_entropy.deny(id, entry) {
            let others = self.links.iter_mut().filter(|&(&other, _)| other != id);
            others.for_each(|(_, link)| link.sync.on_given_up(number));
        }
        true
    }

    /// Refuses a plain peer's tuple if the peer may not write it.
    pub(super) fn is_plain_denied(&mut self, id: LinkId, tuple: &Tuple) -> bool {
        let is_denied = !self.may_write(id, tuple.key());
        if is_denied {
            self.count_denied(id, tuple.key(), Access::WRITE);
        }
        is_denied
    }

    /// Drops from a list of what a peer has and is wanted that which it may not write.
    pub(super) fn without_denied(&mut self, id: LinkId, mut wanted: Vec<Entry>) -> Vec<Entry> {
        let Some(link) = self.links.get(&id).filter(|link| link.rights.table.is_some()) else {
            return wanted;
        };
        let (Some(table), store) = (link.rights.table.clone(), &self.store) else { return wanted };
        let is_noted =
            |entry: &Entry| link.rights.denied.as_ref().is_some_and(|denied| denied.refuses(*entry));
        wanted.retain(|entry| !is_noted(entry));
        let is_full = link.rights.denied.as_ref().is_some_and(|denied| denied.is_full());
        // A key that is held is known, and need not be asked for. But one that the peer may not read has to look as if it
        // were not held.
        let hopeless = |key: &[u8]| {
            let access = table.access(key);
            ![Access::ANNOUNCE, Access::RETRACT].iter().any(|&needed| access.allows(needed))
        };
        let mut denied = Vec::new();
        wanted.retain(|&entry| {
            let shown = store.with_hash(entry.hash).map(|slot| store.held(slot));
            let mut held = shown.filter(|held| link.rights.may_read(held.tuple.key())).peekable();
            let Some(first) = held.peek() else { return !is_full };
            let (key, is_new) = (first.tuple.key(), entry.stamp > first.stamp);
            let is_denied = held.all(|held| hopeless(held.tuple.key()));
            if is_denied {
                denied.push((entry, is_new.then(|| key.to_vec())));
            }
            !is_denied
        });
        for (entry, key) in denied {
            self.note_denied(id, entry);
            if let Some(key) = key {
                self.count_denied(id, &key, Access::WRITE);
            }
        }
        wanted
    }

    /// Takes what a peer holds in some subtrees: what was denied and is not among it the peer does not hold any more.
    pub(super) fn drop_denied(&mut self, id: LinkId, subtrees: Entries<'_>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(denied) = link.rights.denied.as_mut().filter(|denied| !denied.is_empty()) else { return };
        for (prefix, entries) in subtrees.iter() {
            let visits = denied.on_listed(prefix, entries);
            link.sync.charge(visits);
        }
    }

    fn note_denied(&mut self, id: LinkId, entry: Entry) {
        if let Some(link) = self.links.get_mut(&id) {
            link.rights.denied.get_or_insert_default().note(entry.hash, entry.stamp);
        }
    }

    /// Counts a write that is refused, and remembers what is to be said of it.
    pub(super) fn count_denied(&mut self, id: LinkId, key: &[u8], needed: Access) {
        self.count_refused(id);
        self.tally(id, |tally| {
            tally.denied += 1;
            tally.last_denied = Some((key.into(), needed));
        });
    }
}

/// What is said of a write that is refused.
pub(super) fn denied_values(link: &Link, key: &[u8], needed: Access) -> Vec<Value> {
    let rule = match link.rights.table.as_ref().and_then(|table| table.rule(key)) {
        Some((b"", _)) => "by the rule for all keys".to_owned(),
        Some((prefix, _)) => format!("by the rule for '{}'", printable(prefix)),
        None => "for there is no rule for it".to_owned(),
    };
    let subjects: Vec<_> = link.rights.subjects.iter().map(|subject| printable(subject)).collect();
    let subject = if subjects.is_empty() { "who has no key".to_owned() } else { subjects.join(", ") };
    let act = if needed == Access::RETRACT { "remove" } else { "publish" };
    vec![("key", printable(key)), ("subject", subject), ("act", act.to_owned()), ("rule", rule)]
}

#[cfg(test)]
mod tests;
