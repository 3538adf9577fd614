//! LOAD: a file takes the place of the configuration, and what it asks for is done.
//!
//! What a file has brought about is remembered as [`Opened`]. When the same file is loaded again, because it has changed
//! or by another LOAD, what it no longer names is undone. Another file takes over nothing, as in CZMQ: what the former one
//! has opened stays, as if commands had.

use std::collections::HashMap;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::execute::Execution;
use super::{WATCH_INTERVAL, configure::SecurityState};
use crate::actor::command::check::{self, in_line, item_problems, ttl_of};
use crate::actor::command::services::{Service, services};
use crate::actor::command::{omissions, rights, security};
use crate::actor::file::zpl::Item;
use crate::actor::file::{self, LoadError, Watch};
use crate::core::Rights;
use crate::log::show;

/// What a configuration file has brought about.
#[derive(Default)]
pub(super) struct Opened {
    /// The file's absolute path.
    file: PathBuf,
    /// The endpoints bound.
    pub(super) binds: Vec<Vec<u8>>,
    /// The endpoints connected to, each with the server key that was used.
    pub(super) connects: HashMap<Vec<u8>, Option<Vec<u8>>>,
    /// The keys published, each with its value.
    published: HashMap<Vec<u8>, Vec<u8>>,
    /// What the file has said to keep others out.
    guards: omissions::Guards,
}

/// Why a file was not loaded; nothing has changed.
#[derive(Debug)]
pub(super) enum NotLoaded {
    /// The file cannot be read, or is not ZPL.
    File(LoadError),
    /// These faults are in it.
    Problems(Vec<String>),
    /// It lacks what it had when it was loaded before.
    Half(Vec<String>),
}

impl fmt::Display for NotLoaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotLoaded::File(error) => write!(f, "{error}"),
            NotLoaded::Problems(problems) => f.write_str(&problems.join("; ")),
            NotLoaded::Half(omissions) => {
                write!(f, "it may be half written, and what was loaded stays: {}", omissions.join("; "))
            }
        }
    }
}

impl Execution<'_> {
    /// Carries out LOAD. Returns false if the file is missing or broken, and nothing has changed.
    pub(super) fn load(&mut self, command: &[u8], name: &[u8]) -> bool {
        let loaded = self.load_now(name);
        if let Err(error) = &loaded {
            self.failed(command, format_args!("cannot load config file '{}'", show(name)), error);
        }
        loaded.is_ok()
    }

    /// Replaces the configuration by that of a file, puts it in force, and watches the file from then on. What is wrong
    /// with it is reported, and the rest of the file counts; but where the rules of who may write what are wrong, nothing
    /// does.
    pub(super) fn load_now(&mut self, name: &[u8]) -> Result<(), NotLoaded> {
        let (tree, watch) = file::load(name).map_err(NotLoaded::File)?;
        let in_file = |(line, text)| in_line(name, line, text);
        let rights = rights::rights(&tree)
            .map_err(|faults| NotLoaded::Problems(faults.into_iter().map(in_file).collect()))?;
        self.check_for_omissions(name, &tree, rights.as_ref(), &watch)?;
        self.put_in_force(name, tree, rights, watch);
        Ok(())
    }

    /// Does the same, unless there is something wrong with the file. Returns what could not be done nevertheless.
    pub(super) fn load_strictly(&mut self, name: &[u8]) -> Result<Vec<String>, NotLoaded> {
        let (tree, watch) = file::load(name).map_err(NotLoaded::File)?;
        let problems = check::problems(&tree);
        if !problems.is_empty() {
            return Err(NotLoaded::Problems(problems.iter().map(|problem| problem.in_file(name)).collect()));
        }
        // Faults of the rules are among the problems.
        let rights = rights::rights(&tree).unwrap_or_default();
        self.check_for_omissions(name, &tree, rights.as_ref(), &watch)?;
        self.put_in_force(name, tree, rights, watch);
        Ok(std::mem::take(&mut self.problems))
    }

    /// Fails where a file that is loaded again lacks what it had, and more would be open without it.
    fn check_for_omissions(
        &self,
        name: &[u8],
        tree: &Item,
        rights: Option<&Rights>,
        watch: &Watch,
    ) -> Result<(), NotLoaded> {
        let opened = &self.interpreter.opened;
        if opened.file != file::absolute(name) {
            return Ok(());
        }
        let mut omissions = opened.guards.omissions(tree, rights);
        if !watch.ends_line() && self.interpreter.watch.as_ref().is_some_and(Watch::ends_line) {
            omissions.push("its last line has no end".to_owned());
        }
        if omissions.is_empty() { Ok(()) } else { Err(NotLoaded::Half(omissions)) }
    }

    fn put_in_force(&mut self, name: &[u8], mut tree: Item, rights: Option<Rights>, watch: Watch) {
        self.problems.clear();
        for problem in item_problems(&tree) {
            self.report_line(name, problem.line, problem.text);
        }
        match (tree.get(b"server/animate"), self.interpreter.tree.get(b"server/animate")) {
            (Some(value), _) => self.animate(value),
            (None, Some(_)) => self.interpreter.verbose = false,
            (None, None) => {}
        }
        let path = file::absolute(name);
        let is_same_file = self.interpreter.opened.file == path;
        let guards = omissions::Guards::of(&tree, rights.as_ref());
        // Those of another file stay where this one has none: nothing is opened by the way.
        if let Some(rights) = rights {
            self.interpreter.file_rights = rights;
            self.apply_rights();
        }
        omissions::keep_security(&mut tree, &self.interpreter.tree);
        if is_same_file {
            self.close_unnamed(name, &tree);
        } else {
            self.interpreter.opened = Opened { file: path, ..Opened::default() };
        }
        self.interpreter.opened.guards = guards;
        (self.interpreter.values, _) = self.interpreter.values.read(&tree);
        self.interpreter.tree = tree;
        self.interpreter.watch = Some(watch);
        self.interpreter.next_look = self.now.mono + WATCH_INTERVAL;
        self.apply_values();
        // Before the file's endpoints, wherever the section stands in it: no endpoint may be open to all for a moment.
        self.apply_security(is_same_file);
        if let SecurityState::Unusable(reason) = &self.interpreter.security {
            let text = format!("{reason}; nothing will be bound or connected");
            self.report_line(name, security::line(&self.interpreter.tree), text);
        }
        self.start_services(name);
    }

    /// Reports what is wrong with one line of a configuration file.
    fn report_line(&mut self, name: &[u8], line: usize, fault: impl fmt::Display) {
        self.report(b"LOAD", in_line(name, line, fault));
    }

    /// Undoes what the same file has brought about and no longer names. Where its security section has changed, all of its
    /// endpoints are closed, to be opened again by that.
    fn close_unnamed(&mut self, name: &[u8], tree: &Item) {
        let section = |tree: &Item| tree.locate(b"zgossip/security").cloned();
        let is_secured_anew = section(tree) != section(&self.interpreter.tree);
        self.close_opened(name, tree, is_secured_anew);
    }

    /// Opens the endpoints of the configuration file anew, because the keys in `certificate` have changed.
    pub(super) fn reopen(&mut self, certificate: &[u8]) {
        let tree = self.interpreter.tree.clone();
        self.close_opened(certificate, &tree, true);
        let file = self.interpreter.opened.file.clone();
        if !file.as_os_str().is_empty() {
            self.start_services(file.as_os_str().as_bytes());
        }
    }

    /// Undoes what the file has brought about and `tree` does not name, and closes all of its endpoints if
    /// `is_secured_anew`. `name` is what has changed.
    fn close_opened(&mut self, name: &[u8], tree: &Item, is_secured_anew: bool) {
        let named: Vec<_> = services(tree).map(|(_, service)| service).collect();
        let opened = std::mem::take(&mut self.interpreter.opened);
        let mut kept = Opened { file: opened.file, guards: opened.guards, ..Opened::default() };
        for endpoint in opened.binds {
            if !is_secured_anew && named.contains(&Service::Bind(&endpoint)) {
                kept.binds.push(endpoint);
            } else if self.unbind_now(&endpoint).is_ok() {
                self.say_closed(name, "bound", &endpoint);
            }
        }
        for (endpoint, server_key) in opened.connects {
            let connects = |service: &Service<'_>| match service {
                Service::Connect { endpoint: named, .. } => *named == endpoint,
                _ => false,
            };
            if !is_secured_anew && named.iter().any(connects) {
                kept.connects.insert(endpoint, server_key);
            } else if self.engine.disconnect(&endpoint).is_ok() {
                self.say_closed(name, "connected", &endpoint);
            }
        }
        for (key, value) in opened.published {
            let publishes = |service: &Service<'_>| match service {
                Service::Publish { key: named, .. } => *named == key,
                _ => false,
            };
            if named.iter().any(publishes) {
                kept.published.insert(key, value);
            } else if self.engine.node().get(&key, self.now).is_some_and(|tuple| tuple.value() == value) {
                // Nobody else has given the key a value since. A key that is held is a good one, and has its place.
                let _ = self.engine.node().retract(&key, self.now);
            }
        }
        self.interpreter.opened = kept;
    }

    fn say_closed(&self, name: &[u8], what: &str, endpoint: &[u8]) {
        let (name, endpoint) = (show(name), show(endpoint));
        self.interpreter
            .logger
            .notice(format_args!("no longer {what} to {endpoint}, for {name} has changed"));
    }

    /// Starts the services that the configuration asks for, and reports those that fail. Endpoints that are bound or
    /// connected already stay so, and what was published is not published again.
    fn start_services(&mut self, name: &[u8]) {
        let tree = std::mem::replace(&mut self.interpreter.tree, Item::root());
        for (line, service) in services(&tree) {
            if let Err(fault) = self.start_service(&service) {
                self.report_line(name, line, fault);
            }
        }
        self.interpreter.tree = tree;
    }

    /// Starts one service. The error is in CZMQ's words where CZMQ has the service, too.
    fn start_service(&mut self, service: &Service<'_>) -> Result<(), String> {
        match *service {
            Service::Echo(text) => self.interpreter.logger.notice(show(text)),
            Service::Bind(endpoint) if self.interpreter.bound.contains(endpoint) => {}
            Service::Bind(endpoint) => {
                self.bind_now(endpoint)
                    .map_err(|reason| format!("could not bind to {} ({reason})", show(endpoint)))?;
                self.interpreter.opened.binds.push(endpoint.to_vec());
            }
            Service::Connect { endpoint, server_key } => {
                let server_key = server_key.map(<[u8]>::to_vec);
                if self.interpreter.opened.connects.get(endpoint) != Some(&server_key) {
                    self.connect_now(endpoint, server_key.as_deref())
                        .map_err(|reason| format!("bad zgossip endpoint '{}' ({reason})", show(endpoint)))?;
                    self.interpreter.opened.connects.insert(endpoint.to_vec(), server_key);
                }
            }
            Service::Publish { key, value, ttl } => {
                let is_published =
                    self.interpreter.opened.published.get(key).is_some_and(|known| known == value);
                if !is_published {
                    let ttl = ttl_of(ttl)?;
                    self.engine
                        .node()
                        .publish(key, value, ttl, self.now)
                        .map_err(|refusal| format!("cannot publish '{}' ({refusal})", show(key)))?;
                    self.interpreter.opened.published.insert(key.to_vec(), value.to_vec());
                }
            }
        }
        Ok(())
    }
}
