//! WATCH, UNWATCH and SYNCED.

use super::execute::Execution;
use super::{Interpreter, Turn};
use crate::actor::command::configuration::Events;
use crate::actor::command::watches::NotWatched;
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
        let tells_changes = self.interpreter.values.events == Events::Changes;
        let node = self.engine.node();
        for tuple in node.readable(now).filter(|tuple| tuple.key().starts_with(prefix)) {
            let change = if tells_changes { node.as_change(tuple.key(), now) } else { None };
            let event = change.map_or_else(
                || OwnerEvent::Deliver(tuple.clone()),
                |change| OwnerEvent::Changed(Box::new(change)),
            );
            if let Some(outgoing) = self.interpreter.outgoing(event) {
                self.out.push(outgoing);
            }
        }
        self.interpreter.settle(Turn { engine: self.engine, now, out: self.out });
        Ok(())
    }
}

impl Interpreter {
    /// Sends the SYNCEDs that are due. To be called at the end of every turn.
    #[inline]
    pub fn settle(&mut self, turn: Turn<'_>) {
        if self.watches.awaits_sync() {
            self.send_synced(turn);
        }
    }

    fn send_synced(&mut self, turn: Turn<'_>) {
        let Turn { engine, now, out } = turn;
        for prefix in self.watches.take_synced(engine.node(), now) {
            if let Some(outgoing) = self.outgoing(OwnerEvent::Synced(prefix)) {
                self.send(outgoing, engine, out);
            }
        }
    }
}
