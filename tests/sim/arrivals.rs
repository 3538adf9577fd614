//! Which tuple came where, and how long that took.
//!
//! A tuple is *due* at every node as long as any node holds it: only what ended with all its holders
//! may be missing.

use std::collections::HashMap;

struct Published {
    at: u64,
    /// The time until it came to each node that lived all that time (µs); nothing at the one that
    /// published it.
    delays: Vec<Option<u64>>,
    /// The nodes that hold it, in the life that they live now.
    holders: Vec<bool>,
    count: usize,
    /// All that held it have ended.
    extinct: bool,
}

/// A log of arrivals at a number of nodes.
pub struct Arrivals {
    keys: HashMap<Vec<u8>, usize>,
    published: Vec<Published>,
    /// When each node began the life that it lives; none while it is down.
    since: Vec<Option<u64>>,
    /// All arrivals, those at nodes that came back included: so many times a tuple had to be sent at the
    /// least.
    pub count: u64,
}

impl Arrivals {
    pub fn new(nodes: usize) -> Arrivals {
        Arrivals { keys: HashMap::new(), published: Vec::new(), since: vec![Some(0); nodes], count: 0 }
    }

    /// `node` is about to publish a key that is new, or was published by nobody since `self` was made.
    pub fn publish(&mut self, key: &str, node: usize, now: u64) {
        let nodes = self.since.len();
        let mut holders = vec![false; nodes];
        holders[node] = true;
        self.keys.insert(key.into(), self.published.len());
        let delays = vec![None; nodes];
        self.published.push(Published { at: now, delays, holders, count: 1, extinct: false });
    }

    /// A node's owner was told a value; nothing that was not to be watched counts.
    pub fn arrived(&mut self, key: &[u8], node: usize, now: u64) {
        let Some(published) = self.keys.get(key).map(|&number| &mut self.published[number]) else { return };
        if std::mem::replace(&mut published.holders[node], true) {
            return;
        }
        published.count += 1;
        self.count += 1;
        if self.since[node].is_some_and(|since| since <= published.at) {
            published.delays[node].get_or_insert(now - published.at);
        }
    }

    /// A node ends, and with it what it held.
    pub fn ended(&mut self, node: usize) {
        self.since[node] = None;
        for published in &mut self.published {
            if std::mem::replace(&mut published.holders[node], false) {
                published.count -= 1;
                published.extinct |= published.count == 0;
            }
        }
    }

    /// A node is back, with nothing.
    pub fn began(&mut self, node: usize, now: u64) {
        self.since[node] = Some(now);
    }

    /// How long it took, for each tuple and each node, where that can be said.
    pub fn delays(&self) -> impl Iterator<Item = Option<u64>> {
        self.published.iter().flat_map(|published| published.delays.iter().copied())
    }

    /// When each tuple was published, and how long it took to each node.
    pub fn all(&self) -> impl Iterator<Item = (u64, &[Option<u64>])> {
        self.published.iter().map(|published| (published.at, published.delays.as_slice()))
    }

    /// Pairs of a tuple and a node at which it is due.
    pub fn due(&self) -> usize {
        self.published.iter().filter(|published| !published.extinct).count() * self.since.len()
    }

    /// Pairs of a tuple and a node at which it is due and missing.
    pub fn missing(&self) -> usize {
        let missing = |published: &Published| self.since.len() - published.count;
        self.published.iter().filter(|published| !published.extinct).map(missing).sum()
    }

    /// Tuples that ended with all that held them.
    pub fn extinct(&self) -> usize {
        self.published.iter().filter(|published| published.extinct).count()
    }
}
