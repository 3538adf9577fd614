//! Commands of owners, all of which pass here, so that the oracle learns of them.

use super::net::{Body, MS, Sim};
use zgossip::core::{Node, Refusal, Stamp};

/// Number of tuples beyond which a node is not searched for a single stamp.
const FEW: usize = 1000;

/// The stamp of a key, where that is cheap to find out.
pub(super) fn stamp(node: &Node, key: &[u8]) -> Option<Stamp> {
    if node.count() > FEW {
        return None;
    }
    node.stamps().find(|(held, _)| *held == key).map(|(_, stamp)| stamp)
}

impl Sim {
    /// Makes the owner of any node publish.
    pub fn publish(&mut self, node: usize, key: &str, value: &str) {
        let done = self.try_publish(node, key.as_bytes(), value.as_bytes(), 0);
        assert_eq!(done, Ok(()), "publish is accepted");
    }

    /// Makes the owner of a zgossip node publish with a time to live in milliseconds.
    pub fn publish_for(&mut self, node: usize, key: &str, value: &str, ttl: u32) {
        let done = self.try_publish(node, key.as_bytes(), value.as_bytes(), ttl);
        assert_eq!(done, Ok(()), "publish is accepted");
    }

    /// Makes the owner of any node publish many tuples in one turn.
    pub fn publish_all(&mut self, node: usize, all: impl Iterator<Item = (String, String)>) {
        for (key, value) in all {
            assert_eq!(self.write(node, key.as_bytes(), value.as_bytes(), 0), Ok(()), "publish is accepted");
        }
        self.drain(node);
    }

    /// Makes the owner of any node publish, which may be refused.
    pub fn try_publish(&mut self, node: usize, key: &[u8], value: &[u8], ttl: u32) -> Result<(), Refusal> {
        if !self.nodes[node].alive {
            return Ok(());
        }
        let done = self.write(node, key, value, ttl);
        self.drain(node);
        done
    }

    fn write(&mut self, node: usize, key: &[u8], value: &[u8], ttl: u32) -> Result<(), Refusal> {
        if !self.nodes[node].alive {
            return Ok(());
        }
        self.note(|| format!("node {node} PUBLISH {} = {}", key.escape_ascii(), value.escape_ascii()));
        let (at, clock, by) = (self.now, self.clock(node), (node, self.nodes[node].life));
        match &mut self.nodes[node].body {
            Body::Ours(ours) => {
                let before = ours.node.root();
                ours.node.publish(key, value, ttl, clock)?;
                // Publishing the same value again changes nothing.
                if ours.node.root() != before {
                    self.oracle.wrote(by, key, Some(value), u64::from(ttl) * MS, at);
                }
            }
            Body::Stock(stock) => {
                if stock.tuples.get(key).map(Vec::as_slice) != Some(value) {
                    self.oracle.wrote(by, key, Some(value), 0, at);
                }
                stock.accept(key, value, at);
            }
        }
        Ok(())
    }

    /// Makes the owner of a zgossip node remove a key from the network. Returns whether the key was held.
    pub fn retract(&mut self, node: usize, key: &str) -> bool {
        if !self.nodes[node].alive {
            return false;
        }
        self.note(|| format!("node {node} RETRACT {key}"));
        let (at, by) = (self.now, (node, self.nodes[node].life));
        let clock = self.clock(node);
        let Body::Ours(ours) = &mut self.nodes[node].body else { panic!("node {node} is not ours") };
        // A node that is full of live tuples has no room for the removal of a key that it does not hold.
        let Ok(was_held) = ours.node.retract(key.as_bytes(), clock) else { return false };
        // RETRACT is a write, whether or not the key was known here.
        let id = self.oracle.wrote(by, key.as_bytes(), None, 0, at);
        if let Some(stamp) = stamp(&ours.node, key.as_bytes()) {
            self.oracle.stamped(key.as_bytes(), id, stamp);
        }
        self.drain(node);
        was_held
    }

    /// Makes the owner of a zgossip node UNPUBLISH a key. Returns whether the key was held.
    pub fn unpublish(&mut self, node: usize, key: &str) -> bool {
        if !self.nodes[node].alive {
            return false;
        }
        self.note(|| format!("node {node} UNPUBLISH {key}"));
        let (now, by) = (self.clock(node), (node, self.nodes[node].life));
        let Body::Ours(ours) = &mut self.nodes[node].body else { panic!("node {node} is not ours") };
        let was_held = ours.node.unpublish(key.as_bytes(), now);
        if was_held {
            ours.unpublished(key.as_bytes());
            self.oracle.hid(by, key.as_bytes());
        }
        self.drain(node);
        was_held
    }
}
