//! Arrival times of tuples at nodes.
//!
//! A tuple is *due* at every node as long as any node holds it: only a tuple that ended with all its holders may be
//! missing.

use std::collections::HashMap;

struct Published {
    at: u64,
    /// Time until the tuple came to each node that lived all that time (µs); `None` for the node that published it.
    delays: Vec<Option<u64>>,
    /// Whether each node holds the tuple, in its present life.
    holders: Vec<bool>,
    count: usize,
    /// Whether all nodes that held the tuple have ended.
    extinct: bool,
}

/// Log of arrivals at a number of nodes.
pub struct Arrivals {
    keys: HashMap<Vec<u8>, usize>,
    published: Vec<Published>,
    /// Time at which the present life of each node began; `None` while the node is down.
    since: Vec<Option<u64>>,
    /// Number of arrivals, those at restarted nodes included: the least number of times that tuples had to be sent.
    pub count: u64,
}

impl Arrivals {
    pub fn new(nodes: usize) -> Arrivals {
        Arrivals { keys: HashMap::new(), published: Vec::new(), since: vec![Some(0); nodes], count: 0 }
    }

    /// Notes that `node` is about to publish a key that is new, or that was not published since this log began.
    pub fn publish(&mut self, key: &str, node: usize, now: u64) {
        let nodes = self.since.len();
        let mut holders = vec![false; nodes];
        holders[node] = true;
        self.keys.insert(key.into(), self.published.len());
        let delays = vec![None; nodes];
        self.published.push(Published { at: now, delays, holders, count: 1, extinct: false });
    }

    /// Notes that an owner's event has brought a value. Keys that were not noted as published do not count.
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

    /// Notes that a node ends, and with it what it held.
    pub fn ended(&mut self, node: usize) {
        self.since[node] = None;
        for published in &mut self.published {
            if std::mem::replace(&mut published.holders[node], false) {
                published.count -= 1;
                published.extinct |= published.count == 0;
            }
        }
    }

    /// Notes that a node is back, with nothing.
    pub fn began(&mut self, node: usize, now: u64) {
        self.since[node] = Some(now);
    }

    /// Times that each tuple took to each node, where that can be said.
    pub fn delays(&self) -> impl Iterator<Item = Option<u64>> {
        self.published.iter().flat_map(|published| published.delays.iter().copied())
    }

    /// Time at which each tuple was published, and the times that it took to each node.
    pub fn all(&self) -> impl Iterator<Item = (u64, &[Option<u64>])> {
        self.published.iter().map(|published| (published.at, published.delays.as_slice()))
    }

    /// Number of pairs of a tuple and a node at which it is due.
    pub fn due(&self) -> usize {
        self.published.iter().filter(|published| !published.extinct).count() * self.since.len()
    }

    /// Number of pairs of a tuple and a node at which it is due and missing.
    pub fn missing(&self) -> usize {
        let missing = |published: &Published| self.since.len() - published.count;
        self.published.iter().filter(|published| !published.extinct).map(missing).sum()
    }

    /// Number of tuples that ended with all nodes that held them.
    pub fn extinct(&self) -> usize {
        self.published.iter().filter(|published| published.extinct).count()
    }
}
