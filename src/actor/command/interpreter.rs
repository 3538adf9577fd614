//! Carries out commands, whichever way they came.
//!
//! A command changes something or nothing: what cannot be done is logged, and told to an owner who asked for
//! events, and that is all. Every reply is put behind all the news that preceded it.

mod desk;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::io;
use std::ops::ControlFlow;

use zeroize::Zeroizing;

use super::commands::{Command, Reason, Refused};
use super::configuration::{self, Values};
use super::inbox::Outgoing;
use super::message::Message;
use super::parser::parse;
use super::security::{self, Security};
use super::services::{self, Service};
use super::unknown_keys;
use crate::actor::error::Failure;
use crate::actor::file::zpl::Item;
use crate::actor::file::{self, LoadError, Watch};
use crate::core::{Now, Stats, Tuple};
use crate::engine::raw::curve;
use crate::engine::{Engine, Error, Mechanism, OwnerEvent};
use crate::log::{Logger, show};

pub use desk::Desk;

/// How often the configuration file is looked at, in milliseconds.
const WATCH_INTERVAL: u64 = 500;

/// Where messages to the owner go.
pub trait Outbox {
    /// Whether a command that asks for a reply may get one.
    fn has_room(&self) -> bool;
    /// Queue a message.
    fn push(&mut self, outgoing: Outgoing);
}

/// What a node knows beside its tuples and peers.
pub struct Interpreter {
    logger: Logger,
    tree: Item,
    values: Values,
    /// VERBOSE was given, or its old form.
    verbose: bool,
    watch: Option<Watch>,
    next_look: u64,
    /// The last TCP port bound.
    port: u16,
    /// The last BIND failed.
    bind_failed: bool,
    /// The endpoints bound, as they were given.
    bound: HashSet<Vec<u8>>,
    /// What configuration files have connected to, and with which server key.
    connected: HashMap<Vec<u8>, Option<Vec<u8>>>,
    security: SecurityState,
    /// What `server/record` was when it was last put in force.
    recorded: Option<Vec<u8>>,
}

/// What became of the security section.
enum SecurityState {
    /// There is none.
    Unset,
    /// It has changed, and is to be applied before the next endpoint is.
    Pending,
    /// It is in force.
    Applied,
    /// What it asks for cannot be had: nothing may be bound or connected.
    Unusable(String),
}

impl Interpreter {
    /// A node without configuration.
    pub fn new(engine: &Engine) -> Interpreter {
        let logger = engine.logger().clone();
        logger.foreground();
        let mut tree = Item::root();
        // As CZMQ does: a configuration that is saved before anything was set says at least this.
        let timeout = Values::default().core.timeout.to_string();
        tree.put(b"server/timeout", timeout.as_bytes()).expect("the path is made of names");
        Interpreter {
            logger,
            tree,
            values: Values::default(),
            verbose: false,
            watch: None,
            next_look: 0,
            port: 0,
            bind_failed: false,
            bound: HashSet::new(),
            connected: HashMap::new(),
            security: SecurityState::Unset,
            recorded: None,
        }
    }

    /// Carry out one command. Breaks at `$TERM`.
    pub fn execute(
        &mut self,
        frames: &[&[u8]],
        engine: &mut Engine,
        now: Now,
        out: &mut dyn Outbox,
    ) -> ControlFlow<()> {
        if self.logger.verbose() {
            let name = show(frames.first().copied().unwrap_or_default());
            self.logger.debug(format_args!("API command={name}"));
        }
        let command = match parse(frames) {
            Ok(command) => command,
            Err(refused) => {
                self.refused(&refused, engine, out);
                return ControlFlow::Continue(());
            }
        };
        let mut call = Call { interpreter: self, engine, now, out };
        if command.has_reply() && !call.out.has_room() {
            call.refuse(frames[0], "too many replies wait unread");
            return ControlFlow::Continue(());
        }
        call.run(command, frames[0])
    }

    /// Something that the owner is to be told without having asked for it at this moment.
    pub fn outgoing(&self, event: OwnerEvent) -> Option<Outgoing> {
        Some(match event {
            OwnerEvent::Deliver(tuple) => Outgoing::News(Message::Deliver(tuple)),
            OwnerEvent::First(tuple) => Outgoing::First(Message::Deliver(tuple)),
            OwnerEvent::Retract(tuple) if self.values.events => Outgoing::News(Message::Retract(tuple)),
            OwnerEvent::Expire(tuple) if self.values.events => Outgoing::News(Message::Expire(tuple)),
            OwnerEvent::Retract(tuple) | OwnerEvent::Expire(tuple) => Outgoing::Forget(tuple),
            OwnerEvent::Join(endpoint) if self.values.events => {
                Outgoing::Notice(Message::text(["JOIN", &endpoint]))
            }
            OwnerEvent::Leave(endpoint) if self.values.events => {
                Outgoing::Notice(Message::text(["LEAVE", &endpoint]))
            }
            OwnerEvent::Unreachable(endpoint, reason) if self.values.events => {
                Outgoing::Notice(Message::text(["UNREACHABLE", &endpoint, &reason]))
            }
            OwnerEvent::Join(_) | OwnerEvent::Leave(_) | OwnerEvent::Unreachable(..) => return None,
        })
    }

    /// When to call [`handle_timeout`](Interpreter::handle_timeout), in monotonic milliseconds.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.watch.is_some().then_some(self.next_look)
    }

    /// Look whether the configuration file has changed, and load it again if it has.
    pub fn handle_timeout(&mut self, engine: &mut Engine, now: Now, out: &mut dyn Outbox) {
        if now.mono < self.next_look {
            return;
        }
        self.next_look = now.mono + WATCH_INTERVAL;
        let Some(watch) = &mut self.watch else { return };
        if watch.has_changed() {
            let name = watch.name().to_vec();
            if (Call { interpreter: self, engine, now, out }).load(b"LOAD", &name) {
                self.logger.notice(format_args!("reloaded configuration from {}", show(&name)));
            }
        }
    }

    fn refused(&self, refused: &Refused, engine: &mut Engine, out: &mut dyn Outbox) {
        match refused.reason {
            Reason::Unknown => self.logger.error(refused),
            _ => self.logger.warning(refused),
        }
        self.error(&refused.command, &refused.reason, engine, out);
    }

    /// Tell an owner who wants to know that a command was in vain.
    fn error(&self, command: &[u8], reason: &dyn fmt::Display, engine: &mut Engine, out: &mut dyn Outbox) {
        if self.values.events {
            let text = Message::text([&b"ERROR"[..], command, reason.to_string().as_bytes()]);
            self.say(Outgoing::Notice(text), engine, out);
        }
    }

    /// Put a message behind the news that precedes it.
    fn say(&self, outgoing: Outgoing, engine: &mut Engine, out: &mut dyn Outbox) {
        self.tell_news(engine, out);
        out.push(outgoing);
    }

    fn tell_news(&self, engine: &mut Engine, out: &mut dyn Outbox) {
        while let Some(event) = engine.poll_event() {
            if let Some(news) = self.outgoing(event) {
                out.push(news);
            }
        }
    }
}

/// One command, or one look at the configuration file.
struct Call<'a> {
    interpreter: &'a mut Interpreter,
    engine: &'a mut Engine,
    now: Now,
    out: &'a mut dyn Outbox,
}

impl Call<'_> {
    fn run(&mut self, command: Command<'_>, name: &[u8]) -> ControlFlow<()> {
        match command {
            Command::Publish { key, value, ttl } => {
                if let Err(refusal) = self.engine.node().publish(key, value, ttl, self.now) {
                    self.refuse(name, refusal);
                }
            }
            Command::Status => {
                let now = self.engine.now();
                let count = self.engine.node().count_readable(now);
                self.reply_number("STATUS", count);
            }
            Command::Port if self.interpreter.bind_failed => self.reply_number("PORT", -1),
            Command::Port => {
                let port = self.interpreter.port;
                self.reply_number("PORT", port);
            }
            Command::Unpublish(key) => self.unpublish(key),
            Command::Retract(key) => {
                if let Err(refusal) = self.engine.node().retract(key, self.now) {
                    self.refuse(name, refusal);
                }
            }
            Command::Get(key) => {
                let now = self.engine.now();
                let reply = match self.engine.node().get(key, now) {
                    Some(tuple) => Message::Value(tuple),
                    None => Message::text([b"VALUE", key]),
                };
                self.reply(reply);
            }
            Command::Keys => {
                let now = self.engine.now();
                let keys: Vec<Tuple> = self.engine.node().readable(now).cloned().collect();
                self.reply(Message::Keys(keys.into()));
            }
            Command::Stats => {
                let stats = self.engine.stats();
                self.reply(stats_message(&stats));
            }
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
            Command::ZapDomain(domain) => self.engine.set_zap_domain(domain),
            Command::Verbose => {
                self.interpreter.verbose = true;
                self.apply_values();
            }
            Command::Term => {
                // The last chance: what is not told now never will be.
                self.interpreter.tell_news(self.engine, self.out);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    fn reply(&mut self, message: Message) {
        self.interpreter.say(Outgoing::Reply(message), self.engine, self.out);
    }

    fn reply_number(&mut self, name: &str, number: impl fmt::Display) {
        self.reply(Message::text([name, &number.to_string()]));
    }

    /// A command that cannot be carried out.
    fn refuse(&mut self, command: &[u8], reason: impl fmt::Display) {
        self.interpreter.logger.warning(format_args!("{} refused: {reason}", show(command)));
        self.interpreter.error(command, &reason, self.engine, self.out);
    }

    /// A command that could have been carried out, and was not. CZMQ has its own words for each of them.
    fn failed(&mut self, command: &[u8], text: impl fmt::Display, reason: impl fmt::Display) {
        let text = format!("{text} ({reason})");
        self.interpreter.logger.warning(&text);
        self.interpreter.error(command, &text, self.engine, self.out);
    }

    fn bind(&mut self, command: &[u8], endpoint: &[u8]) {
        let bound = self.prepare().and_then(|()| self.bind_now(endpoint));
        self.interpreter.bind_failed = bound.is_err();
        if let Err(reason) = bound {
            self.failed(command, format_args!("could not bind to {}", show(endpoint)), reason);
        }
    }

    fn bind_now(&mut self, endpoint: &[u8]) -> Result<u16, Error> {
        let port = self.engine.bind(endpoint)?;
        if port != 0 {
            self.interpreter.port = port;
        }
        self.interpreter.bind_failed = false;
        self.interpreter.bound.insert(endpoint.to_vec());
        Ok(port)
    }

    /// Whether that was done.
    fn connect(&mut self, command: &[u8], endpoint: &[u8], server_key: Option<&[u8]>) -> bool {
        let connected = self.prepare().and_then(|()| self.engine.connect(endpoint, server_key));
        if let Err(reason) = &connected {
            self.failed(command, format_args!("bad zgossip endpoint '{}'", show(endpoint)), reason);
        }
        connected.is_ok()
    }

    fn set(&mut self, command: &[u8], path: &[u8], value: &[u8]) {
        if let Err(bad) = configuration::check(path, value) {
            return self.refuse(command, bad);
        }
        if let Err(reason) = self.set_now(path, value) {
            self.refuse(command, reason);
        }
    }

    fn set_now(&mut self, path: &[u8], value: &[u8]) -> Result<(), Failure> {
        if configuration::is_record(path) {
            self.record_now(value)?;
            self.interpreter.recorded = Some(value).filter(|name| !name.is_empty()).map(<[u8]>::to_vec);
        }
        self.interpreter.tree.put(path, value).map_err(|reason| Failure::new(libc::EINVAL, reason))?;
        // Kept all the same, as CZMQ does: for SAVE, or for another version.
        if let Some(unknown) = unknown_keys::unknown(path) {
            self.interpreter.logger.warning(format_args!("SET {unknown}"));
        } else if services::is_for_files(path) {
            let text = format_args!("SET {} counts when a file with it is loaded, and not now", show(path));
            self.interpreter.logger.notice(text);
        }
        if configuration::relative(path) == b"server/animate" {
            self.animate(value);
        }
        if security::is_security(path) {
            self.interpreter.security = SecurityState::Pending;
        }
        // What else is wrong in the tree was said when it was loaded.
        (self.interpreter.values, _) = self.interpreter.values.read(&self.interpreter.tree);
        self.apply_values();
        Ok(())
    }

    fn animate(&mut self, value: &[u8]) {
        self.interpreter.logger.warning("'server/animate' is deprecated, use VERBOSE command instead");
        self.interpreter.verbose = configuration::animate(value);
    }

    fn save(&mut self, command: &[u8], name: &[u8]) {
        if let Err(error) = self.save_now(name) {
            let reason = file::reason(&error);
            self.failed(command, format_args!("cannot save config file '{}'", show(name)), reason);
        }
    }

    fn save_now(&mut self, name: &[u8]) -> io::Result<()> {
        file::save(&self.interpreter.tree, name)?;
        if let Some(watch) = &mut self.interpreter.watch
            && fs::canonicalize(file::path(name)).ok() == fs::canonicalize(file::path(watch.name())).ok()
        {
            // What we wrote ourselves is no news.
            watch.has_changed();
        }
        Ok(())
    }

    fn record(&mut self, command: &[u8], name: &[u8]) {
        if let Err(error) = self.record_now(name) {
            self.refuse(command, error);
        }
    }

    /// Record what the node is told from now on; an empty name: no longer.
    fn record_now(&mut self, name: &[u8]) -> Result<(), Error> {
        self.engine.record((!name.is_empty()).then(|| file::path(name)))
    }

    /// Replace the configuration by a file's; false if that is missing or broken, and nothing has changed.
    fn load(&mut self, command: &[u8], name: &[u8]) -> bool {
        let loaded = self.load_now(name);
        if let Err(error) = &loaded {
            self.failed(command, format_args!("cannot load config file '{}'", show(name)), error);
        }
        loaded.is_ok()
    }

    fn load_now(&mut self, name: &[u8]) -> Result<(), LoadError> {
        let (tree, watch) = file::load(name)?;
        let (values, bad) = self.interpreter.values.read(&tree);
        for bad in bad {
            let line = tree.locate(bad.path().as_bytes()).map_or(0, Item::line);
            self.find_fault(name, line, bad);
        }
        for unknown in unknown_keys::all_unknown(&tree) {
            self.find_fault(name, unknown.line, unknown);
        }
        if let Some(value) = tree.get(b"server/animate") {
            self.animate(value);
        }
        self.interpreter.tree = tree;
        self.interpreter.values = values;
        self.interpreter.watch = Some(watch);
        self.interpreter.next_look = self.now.mono + WATCH_INTERVAL;
        self.apply_values();
        // Before the file's endpoints, wherever the section stands: they must not be open to all for a moment.
        self.apply_security();
        self.serve();
        Ok(())
    }

    /// Something in a configuration file means nothing, or not what it should; the rest of it counts.
    fn find_fault(&mut self, name: &[u8], line: usize, fault: impl fmt::Display) {
        let text = format!("{}:{line}: {fault}", show(name));
        self.interpreter.logger.warning(&text);
        self.interpreter.error(b"LOAD", &text, self.engine, self.out);
    }

    /// Do what the configuration asks to be done when it is loaded. What is bound or connected already stays so.
    fn serve(&mut self) {
        let tree = std::mem::replace(&mut self.interpreter.tree, Item::root());
        for service in services::services(&tree) {
            match service {
                Service::Echo(text) => self.interpreter.logger.notice(show(text)),
                Service::Bind(endpoint) if self.interpreter.bound.contains(endpoint) => {}
                Service::Connect { endpoint, server_key } => {
                    let server_key = server_key.map(<[u8]>::to_vec);
                    let as_before = self.interpreter.connected.get(endpoint) == Some(&server_key);
                    if !as_before && self.connect(b"LOAD", endpoint, server_key.as_deref()) {
                        self.interpreter.connected.insert(endpoint.to_vec(), server_key);
                    }
                }
                Service::Bind(endpoint) => {
                    if let Err(reason) = self.prepare().and_then(|()| self.bind_now(endpoint)) {
                        let text = format!("could not bind to {}", show(endpoint));
                        self.failed(b"LOAD", text, reason);
                    }
                }
            }
        }
        self.interpreter.tree = tree;
    }

    /// Put the `server` section's settings in force.
    fn apply_values(&mut self) {
        let Interpreter { logger, values, verbose, .. } = &mut *self.interpreter;
        let mut settings = values.core.clone();
        settings.verbose |= *verbose;
        logger.set_verbose(settings.verbose);
        if !values.background {
            logger.foreground();
        }
        let (record, size) = (values.record.clone(), values.record_size);
        self.engine.set_record_size(size);
        if record != self.interpreter.recorded {
            if let Err(error) = self.record_now(record.as_deref().unwrap_or_default()) {
                self.refuse(b"server/record", error);
            }
            self.interpreter.recorded = record;
        }
        self.engine.set_settings(settings);
    }

    /// Before something is bound or connected: put the configuration in force that concerns it, or say why it must
    /// not be.
    fn prepare(&mut self) -> Result<(), Error> {
        self.engine.set_ipv6(self.interpreter.values.ipv6.unwrap_or_else(crate::actor::default_ipv6));
        if matches!(self.interpreter.security, SecurityState::Pending) {
            self.apply_security();
        }
        match &self.interpreter.security {
            SecurityState::Unusable(reason) => Err(Error::insecure(reason.clone())),
            _ => Ok(()),
        }
    }

    fn apply_security(&mut self) {
        let logger = self.interpreter.logger.clone();
        if let Some(domain) = security::domain(&self.interpreter.tree) {
            self.engine.set_zap_domain(domain);
        }
        self.interpreter.security = match security::security(&self.interpreter.tree) {
            None => {
                if !matches!(self.interpreter.security, SecurityState::Unset) {
                    self.engine.set_mechanism(Mechanism::Null);
                }
                SecurityState::Unset
            }
            Some(Ok(security)) => {
                let name = match security {
                    Security::Null => {
                        self.engine.set_mechanism(Mechanism::Null);
                        "NULL"
                    }
                    Security::Plain => {
                        self.engine.set_mechanism(Mechanism::Plain);
                        "PLAIN"
                    }
                    Security::Curve { public, secret } => {
                        self.engine.set_public_key(curve::encode(&public).as_bytes());
                        let secret = Zeroizing::new(curve::encode(secret.reveal()));
                        self.engine.set_secret_key(secret.as_bytes());
                        self.engine.set_mechanism(Mechanism::Curve);
                        "CURVE"
                    }
                };
                logger.notice(format_args!("server is using {name} security"));
                SecurityState::Applied
            }
            Some(Err(reason)) => {
                logger.warning(format_args!("{reason}; nothing will be bound or connected"));
                SecurityState::Unusable(reason)
            }
        };
    }
}

fn stats_message(stats: &Stats) -> Message {
    let mut frames = vec!["STATS".to_owned()];
    for (name, number) in stats.entries() {
        let digits = if name == "root" { format!("{number:016x}") } else { number.to_string() };
        frames.extend([name.to_owned(), digits]);
    }
    Message::text(frames)
}

#[cfg(test)]
mod tests;
