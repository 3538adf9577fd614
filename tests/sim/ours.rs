//! A zgossip node, with what the engine keeps for it, and what must hold after every step.

use std::collections::{BTreeMap, HashMap};
use xxhash_rust::xxh3::xxh3_64;
use zgossip::core::record::RecordedNode as Node;
use zgossip::core::{Event, LinkId, Now, Role, Stamp, Tuple, Warning};

/// Destination of a link.
#[derive(Clone, Copy, Debug)]
pub struct End {
    pub wire: usize,
    pub role: Role,
    /// Number of the wire's connection that a server's link stands for.
    pub epoch: u32,
    /// Time at which sends on a server's link begin to fail.
    pub gone_at: Option<u64>,
}

/// Event of a tuple for the owner.
pub enum Told {
    Value(Tuple),
    Retracted(Tuple),
    Expired(Tuple),
}

pub struct Ours {
    pub node: Node,
    pub ends: BTreeMap<LinkId, End>,
    /// Client's link of each wire.
    pub remotes: HashMap<usize, LinkId>,
    /// Server's link of each connection.
    pub clients: HashMap<(usize, u32), LinkId>,
    /// Frame of a link that its socket has not taken.
    pub pending: BTreeMap<LinkId, Vec<u8>>,
    /// The tuples that the owner holds after all its events.
    pub view: BTreeMap<Vec<u8>, Vec<u8>>,
    pub delivered: u64,
    pub warnings: Vec<Warning>,
    /// Links on which the node has met itself.
    pub own_ids: Vec<LinkId>,
    /// Record of the node's inputs, if they are recorded.
    pub record: Option<Vec<u8>>,
    stamps: HashMap<Vec<u8>, Stamp>,
    root: u64,
    changes: u64,
    pub(super) forgets: bool,
}

impl Ours {
    pub fn new(node: Node) -> Ours {
        Ours {
            node,
            ends: BTreeMap::new(),
            remotes: HashMap::new(),
            clients: HashMap::new(),
            pending: BTreeMap::new(),
            view: BTreeMap::new(),
            delivered: 0,
            warnings: Vec::new(),
            own_ids: Vec::new(),
            record: None,
            stamps: HashMap::new(),
            root: 0,
            changes: 0,
            forgets: false,
        }
    }

    /// Lets the owner read its messages, each of which must tell something new.
    pub fn take_events(&mut self, node: usize) -> Vec<Told> {
        let mut told = Vec::new();
        while let Some(event) = self.node.poll_event() {
            match event {
                Event::Deliver(tuple) | Event::First(tuple) => {
                    let old = self.view.insert(tuple.key().to_vec(), tuple.value().to_vec());
                    assert!(old.as_deref() != Some(tuple.value()), "node {node} delivered {tuple:?} twice");
                    self.delivered += 1;
                    told.push(Told::Value(tuple));
                }
                Event::Retract(tuple) => {
                    self.removed(node, &tuple);
                    told.push(Told::Retracted(tuple));
                }
                Event::Expire(tuple) => {
                    self.removed(node, &tuple);
                    told.push(Told::Expired(tuple));
                }
                Event::Warning(warning) => self.warnings.push(*warning),
                Event::Debug(_) => {}
                Event::Changed(change) => panic!("node {node} was not asked for {change:?}"),
                Event::OwnId(link) => self.own_ids.push(link),
                Event::Join(..) | Event::Leave(..) | Event::SamePeer(..) | Event::Member(_) => {}
            }
        }
        told
    }

    fn removed(&mut self, node: usize, tuple: &Tuple) {
        let old = self.view.remove(tuple.key());
        assert_eq!(old.as_deref(), Some(tuple.value()), "node {node} removed {tuple:?}");
    }

    /// Notes that tombstones are dropped soon; what a CZMQ node sends after one may be older.
    pub fn forgets_removals(&mut self) {
        self.forgets = true;
    }

    /// Notes that the owner gave UNPUBLISH, which leads to no event.
    pub fn unpublished(&mut self, key: &[u8]) {
        self.view.remove(key);
    }

    /// Checks what must hold after every step. Everything that is held is checked after one change in `sample`.
    pub fn check(&mut self, node: usize, now: Now, sample: u64) {
        assert_eq!(self.node.count(), self.view.len(), "node {node}: STATUS is the number of tuples told");
        let root = self.node.root();
        if root == self.root {
            return;
        }
        self.root = root;
        self.changes += 1;
        // Checking everything after every change is too slow where much is held.
        let rarely = (self.view.len() as u64 / 64).max(sample);
        if self.changes.is_multiple_of(rarely) {
            self.check_all(node, now);
        }
    }

    /// Checks what must hold of everything that is held.
    ///
    /// A stamp goes back in one case only: it was made by a clock that was far ahead and has been set right since, so
    /// the write was stamped anew.
    pub fn check_all(&mut self, node: usize, now: Now) {
        let (mut stamps, mut sum) = (HashMap::new(), 0);
        // A node that is full drops the tombstone of what was removed longest ago.
        let is_full = self.node.settings().max_tuples < 1000;
        for (key, stamp) in self.node.stamps() {
            if let Some(before) = self.stamps.get(key) {
                assert!(
                    *before <= stamp
                        || is_full
                        || self.forgets && stamp.is_synthetic() && key.starts_with(b"gone")
                        || before.wall() > now.wall + self.node.settings().max_drift,
                    "node {node}: the stamp of {} went from {before:?} back to {stamp:?}",
                    key.escape_ascii()
                );
            }
            stamps.insert(key.to_vec(), stamp);
            sum ^= place_sum(key, stamp);
        }
        self.stamps = stamps;
        let told = self.node.tuples().all(|t| self.view.get(t.key()).map(Vec::as_slice) == Some(t.value()));
        assert!(told, "node {node}: the owner was told what is held");
        let stats = self.node.stats();
        let links = self.ends.len() as u64;
        let most = links * (4 * self.stamps.len() as u64 + 2048);
        assert!(stats.owed <= most, "node {node} owes {} on {links} links", stats.owed);
        assert_eq!(sum, self.node.root(), "node {node}: the root is the sum of all keys and stamps");
    }
}

/// Hash of one tuple in the digest, computed by its definition.
pub fn place_sum(key: &[u8], stamp: Stamp) -> u64 {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&xxh3_64(key).to_be_bytes());
    bytes[8..16].copy_from_slice(&stamp.time.to_be_bytes());
    bytes[16..].copy_from_slice(&stamp.origin.to_be_bytes());
    xxh3_64(&bytes)
}
