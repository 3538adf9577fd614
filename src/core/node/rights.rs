//! What peers may not write: it is refused, counted and told, and the peer is asked for it once.
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
    /// Sets who may write what. Peers that are connected are asked again for what they may write now, and no longer
    /// asked for what they may not.
    pub fn set_rights(&mut self, rights: &Rights) {
        self.rights = Tables::new(rights).map(Box::new);
        for link in self.links.values_mut() {
            link.table = self.rights.as_ref().map(|tables| tables.table(&link.subjects));
            link.denied = None;
        }
        self.compare_anew();
    }

    /// Notes what the peer of a link has proved to be: its public key, then the name of its certificate, as far as known.
    pub fn set_subjects(&mut self, id: LinkId, subjects: &[&[u8]]) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.subjects = subjects.iter().map(|&subject| subject.into()).collect();
        link.table = self.rights.as_ref().map(|tables| tables.table(&link.subjects));
    }

    /// The summary that the peer of a link is told.
    pub(super) fn summary_of(&self, id: LinkId) -> Summary {
        self.links.get(&id).map_or_else(|| self.summary(), |link| self.summary_for(link))
    }

    /// The summary that the peer of a link is told.
    pub(super) fn summary_for(&self, link: &Link) -> Summary {
        link.summary(&self.store)
    }

    /// Returns whether a peer may write any tuple of a key.
    pub(super) fn may_write(&self, id: LinkId, key: &[u8]) -> bool {
        let table = self.links.get(&id).and_then(|link| link.table.as_ref());
        table.is_none_or(|table| table.access(key).allows(Access::WRITE))
    }

    /// Takes a stamped write if the peer may not make it. False if it is to be handled: it is allowed, or held here already.
    pub(super) fn is_denied(&mut self, id: LinkId, record: &Record<'_>) -> bool {
        let &Record { kind, key, ttl, stamp, .. } = record;
        let Some(link) = self.links.get(&id) else { return false };
        let needed = match kind {
            RecordKind::Tombstone => Access::RETRACT,
            RecordKind::Live if ttl > 0 => Access::ANNOUNCE,
            RecordKind::Live => Access::WRITE,
        };
        if link.table.as_ref().is_none_or(|table| table.access(key).allows(needed)) {
            return false;
        }
        let held = self.store.find(key).map(|slot| self.store.held(slot).stamp);
        match held.map(|held| stamp.cmp(&held)) {
            Some(std::cmp::Ordering::Equal) => return false,
            Some(std::cmp::Ordering::Less) => self.counters.duplicates += 1,
            _ => {
                let entry = Entry { hash: key_hash(key), stamp };
                self.note_denied(id, entry);
                self.count_denied(id, key, needed);
                // Others that have offered the tuple may have the right to bring it: the next comparison finds it.
                if let Some(number) = self.anti_entropy.deny(id, entry) {
                    let others = self.links.iter_mut().filter(|&(&other, _)| other != id);
                    others.for_each(|(_, link)| link.sync.on_given_up(number));
                }
            }
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
        let Some(link) = self.links.get(&id).filter(|link| link.table.is_some()) else { return wanted };
        let (Some(table), store) = (link.table.clone(), &self.store) else { return wanted };
        let is_known = |entry: &Entry| link.denied.as_ref().is_some_and(|denied| denied.refuses(*entry));
        wanted.retain(|entry| !is_known(entry));
        // A key that is held is known, and need not be asked for.
        let hopeless = |key: &[u8]| {
            let access = table.access(key);
            ![Access::ANNOUNCE, Access::RETRACT].iter().any(|&needed| access.allows(needed))
        };
        let mut denied = Vec::new();
        wanted.retain(|&entry| {
            let mut keys = store.with_hash(entry.hash).map(|slot| store.held(slot).tuple.key());
            let Some(key) = keys.next().filter(|key| hopeless(key)) else { return true };
            let is_denied = keys.all(hopeless);
            if is_denied {
                denied.push((entry, key.to_vec()));
            }
            !is_denied
        });
        for (entry, key) in denied {
            self.note_denied(id, entry);
            self.count_denied(id, &key, Access::WRITE);
        }
        wanted
    }

    /// Takes what a peer holds in some subtrees: what was denied and is not among it the peer does not hold any more.
    pub(super) fn drop_denied(&mut self, id: LinkId, subtrees: Entries<'_>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(denied) = link.denied.as_mut().filter(|denied| !denied.is_empty()) else { return };
        for (prefix, entries) in subtrees.iter() {
            let visits = denied.on_listed(prefix, entries);
            link.sync.charge(visits);
        }
    }

    fn note_denied(&mut self, id: LinkId, entry: Entry) {
        if let Some(link) = self.links.get_mut(&id) {
            link.denied.get_or_insert_default().note(entry.hash, entry.stamp);
        }
    }

    /// Counts a write that is refused, and remembers what is to be said of it.
    fn count_denied(&mut self, id: LinkId, key: &[u8], needed: Access) {
        self.count_refused(id);
        self.tally(id, |tally| {
            tally.denied += 1;
            tally.last_denied = Some((key.into(), needed));
        });
    }
}

/// What is said of a write that is refused.
pub(super) fn denied_values(link: &Link, key: &[u8], needed: Access) -> Vec<Value> {
    let rule = match link.table.as_ref().and_then(|table| table.rule(key)) {
        Some((b"", _)) => "by the rule for all keys".to_owned(),
        Some((prefix, _)) => format!("by the rule for '{}'", printable(prefix)),
        None => "for there is no rule for it".to_owned(),
    };
    let subjects: Vec<_> = link.subjects.iter().map(|subject| printable(subject)).collect();
    let subject = if subjects.is_empty() { "who has no key".to_owned() } else { subjects.join(", ") };
    let act = if needed == Access::RETRACT { "remove" } else { "publish" };
    vec![("key", printable(key)), ("subject", subject), ("act", act.to_owned()), ("rule", rule)]
}

#[cfg(test)]
mod tests;
