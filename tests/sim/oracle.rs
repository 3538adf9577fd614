//! The oracle: what each owner wrote, what the writer had seen by then, and which nodes took the write.
//!
//! Agreement means that all nodes hold the same; the oracle tells whether they hold the *right* thing. Each write is
//! recorded together with the writes to its key that its node had held before, since the node's last start: those are
//! what the write replaces, together with all that they replaced. A write *survives* as long as some node lives that
//! has taken it. A write that ended with all its takers is exempt from judgement, and counted. A run that makes up
//! values gives each write another one, so that a value tells which write it comes from. Where a test uses a value
//! twice, the judge accepts every reading.
//!
//! | file | concern |
//! | --- | --- |
//! | this file | what is recorded while a run goes on |
//! | `judge` | the verdict at the end of a run |
//! | `truth` | whether `agreement` and barriers (flush) tell the truth |
//! | `owner` | the commands of owners, which are what is recorded |

use super::net::SECOND;
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64;
use zgossip::core::Stamp;

/// Number of a write, counted from the beginning of the run.
pub type Id = usize;

/// A command of an owner that changed a key.
#[derive(Debug)]
pub struct Write {
    pub node: usize,
    pub at: u64,
    /// Hash of the published value; `None` for a removal.
    pub value: Option<u64>,
    /// The first bytes of the value, to be printed.
    pub text: String,
    pub size: usize,
    /// Time at which the value expires, if it has a time to live.
    pub ends: Option<u64>,
    /// Writes to the key that the node had held since its own last write to it, that one included.
    pub(super) seen: Vec<Id>,
    /// Nodes that took the write, each with the life in which it did.
    pub(super) takers: Vec<(usize, u32)>,
}

/// History of one key at one node, in the node's present life.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) life: u32,
    /// Writes that the node took, in order, with their times. One that was taken again is there twice.
    pub(super) taken: Vec<(Id, u64)>,
    /// Index in `taken` of the node's own last write.
    written: usize,
    /// The write that the node held when its owner gave UNPUBLISH.
    pub(super) hidden: Option<Id>,
}

/// Record of everything about one key.
#[derive(Debug, Default)]
pub(super) struct Key {
    pub(super) writes: Vec<Id>,
    pub(super) by_value: HashMap<u64, Vec<Id>>,
    pub(super) nodes: HashMap<usize, Known>,
    stamps: HashMap<Stamp, Id>,
    /// When a zgossip node first told its owner of the key with this stamp.
    pub(super) stamped_at: HashMap<Stamp, u64>,
}

/// Record of a run, for the judge.
#[derive(Debug, Default)]
pub struct Oracle {
    pub writes: Vec<Write>,
    pub(super) keys: HashMap<Vec<u8>, Key>,
    /// Violations that were found while the run went on.
    pub violations: Vec<String>,
    /// The longest times that a frame was under way, that a node was stopped, and that passed between a node's reading
    /// its clock and using what it read.
    pub transit: u64,
    pub pause: u64,
    pub lateness: u64,
    /// CZMQ nodes take part.
    pub has_stock: bool,
    /// Values other than the right ones are counted and do not fail the run: CZMQ nodes know no ages, and under all
    /// faults together nobody can always tell which value is the right one.
    pub only_counts: bool,
    /// The longest time that a node or a wire was away.
    pub absence: u64,
    /// The wall clocks of nodes have differed.
    pub clocks_differ: bool,
}

/// Number of wires on the longest way of a tuple.
const HOPS: u64 = 8;

impl Oracle {
    /// Time for which a value may be seen beyond its time to live. The remaining time is written into a frame when the
    /// frame is made, and is not counted down while the frame is under way, on each wire anew; a node that is stopped
    /// expires nothing; one second is for everything else.
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

    /// Records a command that an owner gave and its node accepted. Returns the number of the write.
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

    /// Records the stamp that a write was given.
    pub fn stamped(&mut self, key: &[u8], id: Id, stamp: Stamp) {
        if let Some(about) = self.keys.get_mut(key) {
            about.stamps.insert(stamp, id);
        }
    }

    /// Records that an owner's event has brought a value. `stamp` is the stamp that its node has for the key, if it has
    /// one: it tells writes of one value apart.
    #[expect(clippy::too_many_arguments, reason = "the columns of one row")]
    pub fn took(&mut self, by: (usize, u32), key: &[u8], value: &[u8], stamp: Option<Stamp>, now: u64) {
        let bound = self.bound();
        if let Some((about, stamp)) = self.keys.get_mut(key).zip(stamp) {
            about.stamped_at.entry(stamp).or_insert(now);
        }
        let about = self.keys.get(key);
        let found = about.and_then(|about| about.by_value.get(&xxh3_64(value)));
        let stamped = about.and_then(|about| about.stamps.get(&stamp?).copied());
        let Some(ids) = found.filter(|ids| !ids.is_empty()) else {
            let shown = value[..value.len().min(32)].escape_ascii();
            let text = format!("node {} holds {} = {shown}, which nobody wrote", by.0, key.escape_ascii());
            return self.violations.push(text);
        };
        // Of several writes of one value that cannot be told apart, the last one counts; whether any of them expires is
        // known of all.
        let ends = ids.iter().map(|&id| self.writes[id].ends).max_by_key(|ends| ends.unwrap_or(u64::MAX));
        let id = match stamped {
            Some(id) if ids.contains(&id) => id,
            // The node holds another value by now; the first write claims the least.
            Some(_) => ids[0],
            None => ids[ids.len() - 1],
        };
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

    /// Records an owner's RETRACT event. `stamp` is the stamp of the tombstone, if there is one.
    pub fn lost(&mut self, by: (usize, u32), key: &[u8], stamp: Option<Stamp>, now: u64) {
        let stamped = |about: &Key| stamp.and_then(|stamp| about.stamps.get(&stamp).copied());
        if let Some(id) = self.keys.get(key).and_then(stamped) {
            self.takes(by, key, id, now);
        }
    }

    /// Records that a value expired, and checks that its node did not show it for too long.
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
        // A CZMQ node passes a value on as if it had no time to live.
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

    /// Records that an owner gave UNPUBLISH.
    pub fn hid(&mut self, by: (usize, u32), key: &[u8]) {
        let known = self.known(key, by.0, by.1);
        known.hidden = known.taken.last().map(|&(id, _)| id);
    }

    /// The write to a key that a node holds, or held last.
    pub fn holds(&self, by: (usize, u32), key: &[u8]) -> Option<Id> {
        let known = self.keys.get(key)?.nodes.get(&by.0).filter(|known| known.life == by.1)?;
        known.taken.last().map(|&(id, _)| id)
    }

    /// Returns whether an owner gave UNPUBLISH, and was told nothing of the key since.
    pub fn is_hidden(&self, by: (usize, u32), key: &[u8]) -> bool {
        let known = self.keys.get(key).and_then(|about| about.nodes.get(&by.0));
        known.is_some_and(|known| known.life == by.1 && known.hidden.is_some())
    }

    /// Returns whether a node has taken a write, in any of its lives.
    pub fn has_taken(&self, node: usize, id: Id) -> bool {
        self.writes[id].takers.iter().any(|&(taker, _)| taker == node)
    }

    /// Returns whether `by` replaced `older`, directly or through a write that it had seen.
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
