//! Watchers: parts of the program that watch a prefix each, and have queues of their own.

use super::configuration::Events;
use super::outgoing::Outgoing;
use crate::engine::OwnerEvent;

/// Number of watchers that a node may have: far more than a program has parts.
pub const MAX_LISTENERS: usize = 1_024;

/// The node's side of a watcher's queue. The queue ends when this is dropped.
pub trait Listener: Send {
    /// Queues an event.
    fn push(&self, outgoing: Outgoing);
    /// Returns whether the program has given the watcher up.
    fn is_gone(&self) -> bool;
}

struct Entry {
    prefix: Box<[u8]>,
    /// Whether SYNCED is owed.
    is_unsynced: bool,
    listener: Box<dyn Listener>,
}

/// The watchers of a node.
#[derive(Default)]
pub struct Listeners(Vec<Entry>);

impl Listeners {
    /// Adds a watcher, which is owed SYNCED.
    pub fn add(&mut self, prefix: &[u8], listener: Box<dyn Listener>) {
        self.0.push(Entry { prefix: prefix.into(), is_unsynced: true, listener });
    }

    /// Returns whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether there is no room for another.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MAX_LISTENERS
    }

    /// Tells an event to the watchers of its key, if it is about one.
    pub fn tell(&self, event: &OwnerEvent) {
        let Some(key) = event.key() else { return };
        for entry in self.0.iter().filter(|entry| key.starts_with(&entry.prefix)) {
            entry.push(event.clone());
        }
    }

    /// Drops the watchers that the program has given up.
    pub fn drop_gone(&mut self) {
        self.0.retain(|entry| !entry.listener.is_gone());
    }

    /// Returns whether a watcher is owed SYNCED.
    pub fn await_sync(&self) -> bool {
        self.0.iter().any(|entry| entry.is_unsynced)
    }

    /// Sends SYNCED to those who are owed it.
    pub fn send_synced(&mut self) {
        for entry in self.0.iter_mut().filter(|entry| entry.is_unsynced) {
            entry.is_unsynced = false;
            entry.push(OwnerEvent::Synced(entry.prefix.clone()));
        }
    }
}

impl Entry {
    fn push(&self, event: OwnerEvent) {
        if let Some(outgoing) = Outgoing::from_event(event, Events::All) {
            self.listener.push(outgoing);
        }
    }
}
