//! WATCH, UNWATCH and SYNCED.

use super::execute::Execution;
use super::{Interpreter, Turn};
use crate::actor::command::configuration::Events;
use crate::actor::command::listeners::Listener;
use crate::actor::command::outgoing::Outgoing;
use crate::actor::command::watches::NotWatched;
use crate::core::{Now, Tuple};
use crate::engine::OwnerEvent;

/// The reason for which UNWATCH is refused.
pub(super) const NOT_WATCHED: &str = "this prefix is not watched";

impl Execution<'_> {
    pub(super) fn watch(&mut self, command: &[u8], prefix: &[u8]) {
        if let Err(reason) = self.watch_now(prefix) {
            self.refuse(command, reason);
        }
    }

    pub(super) fn unwatch(&mut self, command: &[u8], prefix: &[u8]) {
        if !self.interpreter.watches.remove(prefix) {
            self.refuse(command, NOT_WATCHED);
        }
    }

    /// Delivers what is held of the keys with this prefix, then SYNCED if it is due, and from now on what changes.
    pub(super) fn watch_now(&mut self, prefix: &[u8]) -> Result<(), NotWatched> {
        // What happened before is for those who watched before.
        self.interpreter.send_events(self.engine, self.out);
        self.interpreter.watches.add(prefix)?;
        let now = self.engine.now();
        for event in self.held(prefix, now) {
            if let Some(outgoing) = self.interpreter.outgoing_to_owner(event) {
                self.out.push(outgoing);
            }
        }
        self.interpreter.settle(Turn { engine: self.engine, now, out: self.out });
        Ok(())
    }

    /// Tells a watcher what is held of the keys with this prefix, then SYNCED if it is due, and from now on what changes.
    pub(super) fn listen(&mut self, prefix: &[u8], listener: Box<dyn Listener>) -> Result<(), NotWatched> {
        if prefix.len() > Tuple::MAX_KEY {
            return Err(NotWatched::TooLong);
        }
        self.interpreter.listeners.drop_gone();
        if self.interpreter.listeners.is_full() {
            return Err(NotWatched::TooMany);
        }
        self.interpreter.send_events(self.engine, self.out);
        let now = self.engine.now();
        for event in self.held(prefix, now) {
            if let Some(outgoing) = Outgoing::from_event(event, Events::All) {
                listener.push(outgoing);
            }
        }
        self.interpreter.listeners.add(prefix, listener);
        self.interpreter.settle(Turn { engine: self.engine, now, out: self.out });
        Ok(())
    }

    /// An event for each key with this prefix that is held.
    fn held(&mut self, prefix: &[u8], now: Now) -> Vec<OwnerEvent> {
        let tells_changes = self.interpreter.values.events == Events::Changes;
        let node = self.engine.node();
        let matching = node.readable(now).filter(|tuple| tuple.key().starts_with(prefix));
        let event = |tuple: &Tuple| match node.as_change(tuple.key(), now).filter(|_| tells_changes) {
            Some(change) => OwnerEvent::Changed(Box::new(change)),
            None => OwnerEvent::Deliver(tuple.clone()),
        };
        matching.map(event).collect()
    }
}

impl Interpreter {
    /// Sends the SYNCEDs that are due. To be called at the end of every turn.
    #[inline]
    pub fn settle(&mut self, turn: Turn<'_>) {
        if !self.listeners.is_empty() {
            self.listeners.drop_gone();
        }
        if self.awaits_sync() {
            self.send_synced(turn);
        }
    }

    /// Returns whether somebody waits for SYNCED.
    pub(super) fn awaits_sync(&self) -> bool {
        self.watches.awaits_sync() || self.listeners.await_sync()
    }

    fn send_synced(&mut self, turn: Turn<'_>) {
        let Turn { engine, now, out } = turn;
        if !self.sync_question.is_synced(engine.node(), now) {
            return;
        }
        // What led to this stands before it.
        self.send_events(engine, out);
        for prefix in self.watches.take_unsynced() {
            if let Some(outgoing) = self.outgoing(OwnerEvent::Synced(prefix)) {
                out.push(outgoing);
            }
        }
        self.listeners.send_synced();
    }
}
