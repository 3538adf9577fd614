//! Which value wins: everything that owners wrote, with what each of them had seen, and who took it.
//!
//! Agreement says that all nodes hold the same; this judge says whether they hold the *right* thing.
//! Each write of each owner is recorded with the writes of its key that its node had held before, in
//! the life that it lives: those are what it replaces, and what they replaced, and so on. A write
//! *survives* while a node lives that has taken it; what ended with all its takers is exempt, and
//! counted. Values are unique for each write wherever a run makes them up, so that a value that
//! turns up somewhere tells which write it is; where a test uses a value twice, what cannot be told
//! apart is judged leniently.
//!
//! | file | concern |
//! | --- | --- |
//! | this file | what is recorded while a run goes on |
//! | `judge` | what is said about it at the end |
//! | `truth` | whether `agreement` and barriers (flush) tell the truth |
//! | `owner` | the commands of owners, which are what is recorded |

use super::net::SECOND;
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64;
use zgossip::core::Stamp;

/// The number of a write.
pub type Id = usize;

/// One command of an owner that changed a key.
#[derive(Debug)]
pub struct Write {
    pub node: usize,
    pub at: u64,
    /// What was published; nothing if the key was retracted.
    pub value: Option<u64>,
    /// The first bytes of that, for a person.
    pub text: String,
    pub size: usize,
    /// When it ends, if it has a time to live.
    pub ends: Option<u64>,
    /// Writes that its node had held before.
    pub(super) seen: Vec<Id>,
    /// Nodes that took it, and in which of their lives.
    pub(super) takers: Vec<(usize, u32)>,
}

/// What a node has held of a key in the life that it lives.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) life: u32,
    /// In order; what was taken again is there twice.
    pub(super) taken: Vec<(Id, u64)>,
    /// How much of that the node's own last write had seen.
    written: usize,
    /// The write that was held when its owner said UNPUBLISH.
    pub(super) hidden: Option<Id>,
}

/// All about one key.
#[derive(Debug, Default)]
pub(super) struct Key {
    pub(super) writes: Vec<Id>,
    pub(super) by_value: HashMap<u64, Vec<Id>>,
    pub(super) nodes: HashMap<usize, Known>,
    stamps: HashMap<Stamp, Id>,
}

/// The record of a run.
#[derive(Debug, Default)]
pub struct Oracle {
    pub writes: Vec<Write>,
    pub(super) keys: HashMap<Vec<u8>, Key>,
    /// What was seen to be wrong while the run went on.
    pub violations: Vec<String>,
    /// The longest time that a frame was under way, that a node was stopped, and that a node's clock was
    /// read before it was used.
    pub transit: u64,
    pub pause: u64,
    pub lateness: u64,
    /// There are stock nodes.
    pub has_stock: bool,
    /// Values other than the right ones are counted, and are no failure: stock nodes know no ages, and under all
    /// faults together nobody can always tell.
    pub only_counts: bool,
    /// The longest time that a node or a wire was away.
    pub absence: u64,
    /// Wall clocks have differed.
    pub clocks_differ: bool,
}

/// Frames pass so many wires on the longest way.
const HOPS: u64 = 8;

impl Oracle {
    /// How much longer than its time to live a value may be seen: what remains is told when a frame is
    /// made, and passes while the frame is under way, on each wire anew; a node that is stopped does
    /// nothing; a second for all the rest.
    pub fn bound(&self) -> u64 {
        SECOND + HOPS * self.transit + self.pause + self.lateness
    }

    fn known(&mut self, key: &[u8], node: usize, life: u32) -> &mut Known {
        if !self.keys.contains_key(key) {
            self.keys.insert(key.to_vec(), Key::default());
        }
        let Some(about) = self.keys.get_mut(key) else { unreachable!("made above") };
        let known = about.nodes.entry(node).or_default();
        if known.life != life {
            *known = Known { life, ..Known::default() };
        }
        known
    }

    /// An owner's command was accepted. `stamp`: what it got, where that is known.
    #[expect(clippy::too_many_arguments, reason = "the columns of one row")]
    pub fn wrote(&mut self, by: (usize, u32), key: &[u8], value: Option<&[u8]>, ttl: u64, at: u64) -> Id {
        let (node, life) = by;
        let id = self.writes.len();
        let known = self.known(key, node, life);
        let seen = known.taken[known.written..].iter().map(|&(id, _)| id).collect();
        known.taken.push((id, at));
        known.written = known.taken.len() - 1;
        known.hidden = None;
        let text = value
            .map_or("(retracted)".into(), |value| value[..value.len().min(32)].escape_ascii().to_string());
        let hash = value.map(xxh3_64);
        let Some(about) = self.keys.get_mut(key) else { unreachable!("made above") };
        about.writes.push(id);
        about
            .by_value
            .extend(hash.filter(|hash| !about.by_value.contains_key(hash)).map(|hash| (hash, Vec::new())));
        if let Some(ids) = hash.and_then(|hash| about.by_value.get_mut(&hash)) {
            ids.push(id);
        }
        let size = value.map_or(0, <[u8]>::len);
        let ends = (ttl > 0).then(|| at + ttl);
        self.writes.push(Write { node, at, value: hash, text, size, ends, seen, takers: vec![by] });
        id
    }

    /// The stamp that a write was given.
    pub fn stamped(&mut self, key: &[u8], id: Id, stamp: Stamp) {
        if let Some(about) = self.keys.get_mut(key) {
            about.stamps.insert(stamp, id);
        }
    }

    /// A node's owner was told a value.
    pub fn took(&mut self, by: (usize, u32), key: &[u8], value: &[u8], now: u64) {
        let bound = self.bound();
        let found = self.keys.get(key).and_then(|about| about.by_value.get(&xxh3_64(value)));
        let Some(ids) = found.filter(|ids| !ids.is_empty()) else {
            let shown = value[..value.len().min(32)].escape_ascii();
            let text = format!("node {} holds {} = {shown}, which nobody wrote", by.0, key.escape_ascii());
            return self.violations.push(text);
        };
        // Of several writes of one value the last; whether it is one of them that ends at all is known of all.
        let ends = ids.iter().map(|&id| self.writes[id].ends).max_by_key(|ends| ends.unwrap_or(u64::MAX));
        let id = ids[ids.len() - 1];
        if !self.has_stock && ends.flatten().is_some_and(|ends| ends + bound < now) {
            self.outlived(by.0, key, id, now);
        }
        self.takes(by, key, id, now);
    }

    fn takes(&mut self, by: (usize, u32), key: &[u8], id: Id, now: u64) {
        let known = self.known(key, by.0, by.1);
        if known.taken.last().is_none_or(|&(last, _)| last != id) {
            known.taken.push((id, now));
        }
        let comes_back = known.hidden.take() == Some(id);
        if comes_back {
            let (node, text) = (by.0, &self.writes[id].text);
            let key = key.escape_ascii();
            self.violations.push(format!("node {node} is told {key} = {text} again after UNPUBLISH"));
        }
        if !self.writes[id].takers.contains(&by) {
            self.writes[id].takers.push(by);
        }
    }

    /// A node's owner was told that a key was retracted; `stamp` is that of the tombstone, if there is one.
    pub fn lost(&mut self, by: (usize, u32), key: &[u8], stamp: Option<Stamp>, now: u64) {
        let stamped = |about: &Key| stamp.and_then(|stamp| about.stamps.get(&stamp).copied());
        if let Some(id) = self.keys.get(key).and_then(stamped) {
            self.takes(by, key, id, now);
        }
    }

    /// A node showed a value until now, when its time to live ran out.
    pub fn expired(&mut self, node: usize, key: &[u8], value: &[u8], now: u64) {
        let bound = self.bound();
        let Some(ids) = self.keys.get(key).and_then(|about| about.by_value.get(&xxh3_64(value))) else {
            return;
        };
        let Some(&id) = ids.last() else { return };
        if !self.has_stock
            && ids.iter().all(|&id| self.writes[id].ends.is_some_and(|ends| ends + bound < now))
        {
            self.outlived(node, key, id, now);
        }
    }

    fn outlived(&mut self, node: usize, key: &[u8], id: Id, now: u64) {
        // A stock node tells it to whoever comes as if it were for ever.
        if self.has_stock {
            return;
        }
        let late = now.saturating_sub(self.writes[id].ends.unwrap_or(now)) as f64 / SECOND as f64;
        let (text, bound) = (&self.writes[id].text, self.bound() as f64 / SECOND as f64);
        let key = key.escape_ascii();
        self.violations.push(format!(
            "node {node} shows {key} = {text} {late:.1} s after it ended (bound: {bound:.1} s)"
        ));
    }

    /// A node's owner said UNPUBLISH.
    pub fn hid(&mut self, by: (usize, u32), key: &[u8]) {
        let known = self.known(key, by.0, by.1);
        known.hidden = known.taken.last().map(|&(id, _)| id);
    }

    /// What a node holds of a key, or held last.
    pub fn holds(&self, by: (usize, u32), key: &[u8]) -> Option<Id> {
        let known = self.keys.get(key)?.nodes.get(&by.0).filter(|known| known.life == by.1)?;
        known.taken.last().map(|&(id, _)| id)
    }

    /// Whether a node's owner said UNPUBLISH, and was told nothing of the key since.
    pub fn is_hidden(&self, by: (usize, u32), key: &[u8]) -> bool {
        let known = self.keys.get(key).and_then(|about| about.nodes.get(&by.0));
        known.is_some_and(|known| known.life == by.1 && known.hidden.is_some())
    }

    /// Whether a node has taken a write, in any of its lives.
    pub fn has_taken(&self, node: usize, id: Id) -> bool {
        self.writes[id].takers.iter().any(|&(taker, _)| taker == node)
    }

    /// Whether one write replaced another, by itself or by what it had seen.
    pub fn replaced(&self, older: Id, by: Id) -> bool {
        let mut seen = std::collections::HashSet::from([by]);
        let mut open = vec![by];
        while let Some(id) = open.pop() {
            if id == older && id != by {
                return true;
            }
            open.extend(self.writes[id].seen.iter().copied().filter(|&id| id >= older && seen.insert(id)));
        }
        false
    }
}
