//! The execution of one command.

use std::fmt;
use std::ops::ControlFlow;

use super::node_calls::refused;
use super::{Interpreter, Outbox, Turn, replies};
use crate::actor::command::commands::Command;
use crate::actor::command::message::Message;
use crate::actor::command::outgoing::Outgoing;
use crate::actor::error::Failure;
use crate::core::Now;
use crate::engine::{Engine, Error, memory};
use crate::log::show;

/// The execution of a command, or of a check of the configuration file.
pub(super) struct Execution<'a> {
    pub(super) interpreter: &'a mut Interpreter,
    pub(super) engine: &'a mut Engine,
    pub(super) now: Now,
    pub(super) out: &'a mut dyn Outbox,
    /// What was reported as refused or failed, in the words of the log.
    pub(super) problems: Vec<String>,
}

impl<'a> Execution<'a> {
    pub(super) fn new<'turn: 'a>(interpreter: &'a mut Interpreter, turn: Turn<'turn>) -> Execution<'a> {
        let Turn { engine, now, out } = turn;
        Execution { interpreter, engine, now, out, problems: Vec::new() }
    }

    /// Carries out `command`, which is called `name` in the log and in errors. Breaks at `$TERM`.
    pub(super) fn run(&mut self, name: &[u8], command: Command<'_>) -> ControlFlow<()> {
        match command {
            Command::Publish { key, value, ttl } => self.publish(name, key, value, ttl),
            Command::Announce { key, value, ttl } => self.announce(name, key, value, ttl),
            Command::Retract(key) => {
                if let Err(refusal) = self.engine.node().retract(key, self.now) {
                    self.refuse(name, refusal);
                }
            }
            Command::Unpublish(key) => self.unpublish(key),
            Command::Watch(prefix) => self.watch(name, prefix),
            Command::Unwatch(prefix) => self.unwatch(name, prefix),
            Command::Bind(endpoint) => self.bind(name, endpoint),
            Command::Connect { endpoint, server_key } => {
                self.connect(name, endpoint, server_key);
            }
            Command::Load(file) => {
                self.load(name, file);
            }
            Command::Save(file) => self.save(name, file),
            Command::Record(file) => self.record(name, file),
            Command::Set { path, value } => self.set(name, path, value),
            Command::SetPublicKey(key) => self.engine.set_public_key(key),
            Command::SetSecretKey(key) => self.engine.set_secret_key(key),
            Command::SetUsername(username) => self.engine.set_username(username),
            Command::SetPassword(password) => self.engine.set_password(password),
            Command::ZapDomain(domain) => self.engine.set_zap_domain(domain),
            Command::Verbose => {
                self.interpreter.verbose = true;
                self.apply_values();
            }
            Command::Term => {
                // Events that are not sent now never will be.
                self.interpreter.send_events(self.engine, self.out);
                return ControlFlow::Break(());
            }
            Command::StoreSync => self.sync_store(),
            Command::Status
            | Command::Port
            | Command::Get(_)
            | Command::Origin(_)
            | Command::Keys
            | Command::Stats
            | Command::Endpoint
            | Command::Peers
            | Command::Members => {
                let reply = self.reply_to(command);
                self.interpreter.send(Outgoing::Reply(reply), self.engine, self.out);
            }
        }
        ControlFlow::Continue(())
    }

    fn announce(&mut self, command: &[u8], key: &[u8], value: &[u8], ttl: u32) {
        if let Err(failure) = self.announce_now(key, value, ttl) {
            self.refuse(command, failure);
        }
    }

    /// Gives a key a value that lives as long as this node.
    pub(super) fn announce_now(&mut self, key: &[u8], value: &[u8], ttl: u32) -> Result<(), Failure> {
        if !memory::is_there(2 * value.len()) {
            return Err(Failure::new(libc::ENOMEM, "no memory for the value"));
        }
        self.engine.node().announce(key, value, ttl, self.now).map_err(|refusal| refused(&refusal))
    }

    /// Carries out STORE SYNC. Its reply comes as an event, when the disk has everything.
    fn sync_store(&mut self) {
        if !self.engine.sync_store() {
            self.interpreter.send(Outgoing::stored(false), self.engine, self.out);
        }
    }

    /// The reply to a command that has one.
    fn reply_to(&mut self, command: Command<'_>) -> Message {
        // Queries see the time at which they are carried out, not that of the turn's beginning: what has expired
        // meanwhile is not there any more.
        let now = self.engine.now();
        match command {
            Command::Get(key) => match self.engine.node().get(key, now) {
                Some(tuple) => Message::Value(tuple),
                None => Message::text([b"VALUE", key]),
            },
            Command::Origin(key) => replies::origin(key, self.engine.origin(key)),
            Command::Keys => Message::Keys(self.engine.node().readable(now).cloned().collect()),
            Command::Stats => replies::stats(&self.engine.stats()),
            Command::Endpoint => Message::text(std::iter::once("ENDPOINT".to_owned()).chain(self.endpoint())),
            Command::Peers => replies::peers(&self.engine.peers()),
            Command::Members => replies::members(&self.engine.members()),
            Command::Port if self.interpreter.bind_failed => Message::text(["PORT", "-1"]),
            Command::Port => Message::text(["PORT", &self.interpreter.port.to_string()]),
            _ => Message::text(["STATUS", &self.engine.node().count_readable(now).to_string()]),
        }
    }

    /// Logs that a command cannot be carried out, and sends ERROR.
    pub(super) fn refuse(&mut self, command: &[u8], reason: impl fmt::Display) {
        let text = format!("{} refused: {reason}", show(command));
        self.interpreter.logger.warning(&text);
        self.problems.push(text);
        self.interpreter.send_error(command, &reason, self.engine, self.out);
    }

    /// Logs that carrying out a command failed, and sends ERROR. `text` is in CZMQ's words, which differ from command to
    /// command.
    pub(super) fn failed(&mut self, command: &[u8], text: impl fmt::Display, reason: impl fmt::Display) {
        self.report(command, format_args!("{text} ({reason})"));
    }

    /// Logs a warning, and sends it as an ERROR.
    pub(super) fn report(&mut self, command: &[u8], text: impl fmt::Display) {
        self.interpreter.logger.warning(&text);
        self.interpreter.send_error(command, &text, self.engine, self.out);
        self.problems.push(text.to_string());
    }

    fn publish(&mut self, command: &[u8], key: &[u8], value: &[u8], ttl: u32) {
        if !memory::is_there(2 * value.len()) {
            self.refuse(command, "no memory for the value");
        } else if let Err(refusal) = self.engine.node().publish(key, value, ttl, self.now) {
            self.refuse(command, refusal);
        }
    }

    fn bind(&mut self, command: &[u8], endpoint: &[u8]) {
        if let Err(reason) = self.bind_now(endpoint) {
            self.interpreter.bind_failed = true;
            self.failed(command, format_args!("could not bind to {}", show(endpoint)), reason);
        }
    }

    /// The endpoint that was bound last and is bound still, unless the last BIND failed.
    pub(super) fn endpoint(&self) -> Option<String> {
        self.engine.last_bound().filter(|_| !self.interpreter.bind_failed)
    }

    /// Takes a BIND back.
    pub(super) fn unbind_now(&mut self, endpoint: &[u8]) -> Result<(), Error> {
        self.engine.unbind(endpoint)?;
        self.interpreter.bound.remove(endpoint);
        self.interpreter.opened.binds.retain(|bound| bound != endpoint);
        Ok(())
    }

    /// Binds to `endpoint` by the security in force. Returns the TCP port, 0 for other transports.
    pub(super) fn bind_now(&mut self, endpoint: &[u8]) -> Result<u16, Error> {
        self.prepare_endpoint()?;
        let port = self.engine.bind(endpoint)?;
        if port != 0 {
            self.interpreter.port = port;
        }
        self.interpreter.bind_failed = false;
        self.interpreter.bound.insert(endpoint.to_vec());
        Ok(port)
    }

    /// Carries out CONNECT. Returns whether that succeeded.
    pub(super) fn connect(&mut self, command: &[u8], endpoint: &[u8], server_key: Option<&[u8]>) -> bool {
        let connected = self.connect_now(endpoint, server_key);
        if let Err(reason) = &connected {
            self.failed(command, format_args!("bad zgossip endpoint '{}'", show(endpoint)), reason);
        }
        connected.is_ok()
    }

    /// Connects to `endpoint` by the security in force.
    pub(super) fn connect_now(&mut self, endpoint: &[u8], server_key: Option<&[u8]>) -> Result<(), Error> {
        self.prepare_endpoint()?;
        self.engine.connect(endpoint, server_key)
    }

    /// Forgets a tuple on this node alone, and withdraws its event, if that waits.
    pub(super) fn unpublish(&mut self, key: &[u8]) {
        let Some(tuple) = self.engine.node().get(key, self.now) else { return };
        if self.engine.node().unpublish(key, self.now) {
            self.interpreter.send(Outgoing::Forget(tuple), self.engine, self.out);
        }
    }
}
