//! Execution of commands, whether they came as frames or as typed calls.
//!
//! A command that cannot be carried out changes nothing: it is logged, and an owner who wants events gets ERROR. Every
//! reply is queued behind all events that preceded it.
//!
//! | file | concern |
//! | --- | --- |
//! | `execute` | one command, or one look at the configuration file |
//! | `configure` | the commands that change the configuration, and putting it in force |
//! | `load` | LOAD, and undoing what a changed file no longer names |
//! | `node_calls` | typed calls, which return what became of them |
//! | `replies` | replies in words and numbers |
//! | `watching` | WATCH, UNWATCH and SYNCED |

mod configure;
mod execute;
mod load;
mod node_calls;
mod renewal;
mod replies;
mod watching;

use std::collections::HashSet;
use std::fmt;
use std::ops::ControlFlow;

use self::configure::{SecuritySet, SecurityState};
use self::execute::Execution;
use self::load::Opened;
use self::renewal::Certificate;
use super::commands::{Command, Reason, Refused};
use super::configuration::{Events, Values};
use super::listeners::Listeners;
use super::outgoing::Outgoing;
use super::parser::{parse, shown_name};
use super::watches::{SyncQuestion, Watches};
use crate::actor::file::Watch;
use crate::actor::file::zpl::Item;
use crate::core::{Now, Rights};
use crate::engine::{Engine, OwnerEvent};
use crate::log::{Logger, show};

pub use node_calls::NodeCalls;

/// Milliseconds between two checks of the configuration file: one system call each time, and soon enough for a person
/// who has changed it.
const WATCH_INTERVAL: u64 = 500;

/// The place where messages to the owner are queued.
pub trait Outbox {
    /// Returns whether a command that has a reply may be carried out.
    fn has_room(&self) -> bool;
    /// Queues a message.
    fn push(&mut self, outgoing: Outgoing);
}

/// The context of a command: the node's engine, the time, and the way to the owner.
pub struct Turn<'a> {
    /// The engine of the node.
    pub engine: &'a mut Engine,
    /// The time at which the turn began.
    pub now: Now,
    /// The place where messages to the owner are queued.
    pub out: &'a mut dyn Outbox,
}

/// The state of a node that the engine does not hold: neither tuples nor peers.
pub struct Interpreter {
    logger: Logger,
    /// The configuration as it was loaded and set.
    tree: Item,
    /// The values of the configuration's `server` section.
    values: Values,
    watches: Watches,
    listeners: Listeners,
    sync_question: SyncQuestion,
    /// Whether VERBOSE or its old form, `server/animate`, was given.
    verbose: bool,
    /// The configuration file that was loaded last.
    watch: Option<Watch>,
    /// Time of the next check of the configuration file, in monotonic milliseconds.
    next_look: u64,
    /// The last TCP port bound; 0 before any.
    port: u16,
    /// Whether the last BIND failed.
    bind_failed: bool,
    /// The endpoints bound, as they were given.
    bound: HashSet<Vec<u8>>,
    /// What the configuration file has opened.
    opened: Opened,
    /// Who may write what, by the configuration file, and by the program.
    file_rights: Rights,
    own_rights: Rights,
    security: SecurityState,
    /// Whether the node requires a ZAP handler where the configuration does not say.
    requires_handler: bool,
    /// Whether connections of clients that are not admitted any more are ended where the configuration does not say.
    ends_revoked: bool,
    security_set: SecuritySet,
    /// The certificate that the security section names.
    certificate: Option<Certificate>,
    /// The value of `server/record` that is in force.
    recorded: Option<Vec<u8>>,
    /// The value of `server/store` that is in force, or was refused.
    kept: Option<Vec<u8>>,
    /// A filter that tests put on the way out: events for which it is false reach no owner.
    #[cfg(test)]
    pub(in crate::actor) filter: Option<fn(&OwnerEvent) -> bool>,
}

impl Interpreter {
    /// The interpreter of a node without configuration.
    pub fn new(engine: &Engine) -> Interpreter {
        let logger = engine.logger().clone();
        logger.foreground();
        let mut tree = Item::root();
        // A configuration that is saved before anything was set has this item, as in CZMQ.
        let timeout = Values::default().core.timeout.to_string();
        tree.put(b"server/timeout", timeout.as_bytes()).expect("the path is made of names");
        Interpreter {
            logger,
            tree,
            values: Values::default(),
            watches: Watches::default(),
            listeners: Listeners::default(),
            sync_question: SyncQuestion::default(),
            verbose: false,
            watch: None,
            next_look: 0,
            port: 0,
            bind_failed: false,
            bound: HashSet::new(),
            opened: Opened::default(),
            file_rights: Rights::default(),
            own_rights: Rights::default(),
            security: SecurityState::Unset,
            requires_handler: engine.requires_handler(),
            ends_revoked: engine.ends_revoked(),
            security_set: SecuritySet::default(),
            certificate: None,
            recorded: None,
            kept: None,
            #[cfg(test)]
            filter: None,
        }
    }

    /// Carries out a command that came as frames. Breaks at `$TERM`.
    pub fn execute(&mut self, frames: &[&[u8]], turn: Turn<'_>) -> ControlFlow<()> {
        let name = frames.first().copied().unwrap_or_default();
        match parse(frames) {
            Ok(command) => self.execute_command(name, command, turn),
            Err(refused) => {
                self.log_command(name);
                self.refused(&refused, turn.engine, turn.out);
                ControlFlow::Continue(())
            }
        }
    }

    /// Carries out a command, which is called `name` in the log and in errors. Breaks at `$TERM`.
    pub fn execute_command(&mut self, name: &[u8], command: Command<'_>, turn: Turn<'_>) -> ControlFlow<()> {
        self.log_command(name);
        let mut execution = Execution::new(self, turn);
        if command.has_reply() && !execution.out.has_room() {
            execution.refuse(name, "too many replies wait unread");
            return ControlFlow::Continue(());
        }
        execution.run(name, command)
    }

    #[inline]
    fn log_command(&self, name: &[u8]) {
        if self.logger.verbose() {
            self.logger.debug(format_args!("API command={}", show(shown_name(name))));
        }
    }

    /// Translates an event for the owner; `None` if the owner is not to get it. All events of all owners pass here, and
    /// replies do not: a filter on events belongs here.
    #[inline]
    pub fn outgoing(&self, event: OwnerEvent) -> Option<Outgoing> {
        #[cfg(test)]
        if self.filter.is_some_and(|filter| !filter(&event)) {
            return None;
        }
        if !self.listeners.is_empty() {
            self.listeners.tell(&event);
        }
        self.outgoing_to_owner(event)
    }

    /// Translates an event of which the program's watchers are not told.
    #[inline]
    fn outgoing_to_owner(&self, event: OwnerEvent) -> Option<Outgoing> {
        if self.watches.hides(&event) {
            return None;
        }
        Outgoing::from_event(event, self.values.events)
    }

    /// Returns the time at which to call [`handle_timeout`](Interpreter::handle_timeout), in monotonic milliseconds.
    pub fn poll_timeout(&self) -> Option<u64> {
        let look = (self.watch.is_some() || self.certificate.is_some()).then_some(self.next_look);
        let question = self.awaits_sync().then(|| self.sync_question.next_at());
        [look, question].into_iter().flatten().min()
    }

    /// Loads the configuration file again if its next check is due and the file has changed, or its certificate.
    pub fn handle_timeout(&mut self, turn: Turn<'_>) {
        if turn.now.mono < self.next_look || !(self.watch.is_some() || self.certificate.is_some()) {
            return;
        }
        self.next_look = turn.now.mono + WATCH_INTERVAL;
        let is_renewed = self.has_new_certificate();
        let changed =
            self.watch.as_mut().and_then(|watch| watch.has_changed().then(|| watch.name().to_vec()));
        if let Some(name) = changed {
            if Execution::new(self, turn).load(b"LOAD", &name) {
                self.logger.notice(format_args!("reloaded configuration from {}", show(&name)));
            }
        } else if is_renewed {
            Execution::new(self, turn).renew_keys();
        }
    }

    /// Logs that frames are not a command, and sends ERROR.
    fn refused(&self, refused: &Refused, engine: &mut Engine, out: &mut dyn Outbox) {
        match refused.reason {
            Reason::Unknown => self.logger.error(refused),
            _ => self.logger.warning(refused),
        }
        self.send_error(&refused.command, &refused.reason, engine, out);
    }

    /// Sends ERROR to an owner who wants events.
    fn send_error(
        &self,
        command: &[u8],
        reason: &dyn fmt::Display,
        engine: &mut Engine,
        out: &mut dyn Outbox,
    ) {
        if self.values.events == Events::Deliver {
            return;
        }
        if let Some(outgoing) = self.outgoing(OwnerEvent::Refused(command.to_vec(), reason.to_string())) {
            self.send(outgoing, engine, out);
        }
    }

    /// Queues a message behind the events that preceded it.
    fn send(&self, outgoing: Outgoing, engine: &mut Engine, out: &mut dyn Outbox) {
        self.send_events(engine, out);
        out.push(outgoing);
    }

    /// Queues the events that the engine holds.
    fn send_events(&self, engine: &mut Engine, out: &mut dyn Outbox) {
        while let Some(event) = engine.poll_event() {
            if let Some(outgoing) = self.outgoing(event) {
                out.push(outgoing);
            }
        }
    }
}

#[cfg(test)]
mod tests;
