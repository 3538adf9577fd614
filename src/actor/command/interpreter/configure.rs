//! The commands that change the configuration, and putting it in force.

use std::fmt;
use std::fs;
use std::io;

use zeroize::Zeroizing;

use super::execute::Execution;
use super::{Interpreter, WATCH_INTERVAL};
use crate::actor::command::security::{self, Security};
use crate::actor::command::services::{self, Service};
use crate::actor::command::{configuration, unknown_keys};
use crate::actor::error::Failure;
use crate::actor::file::zpl::Item;
use crate::actor::file::{self, LoadError};
use crate::engine::raw::curve;
use crate::engine::{Error, Mechanism};
use crate::log::show;

/// The state of the configuration's security section.
pub(super) enum SecurityState {
    /// The configuration has none.
    Unset,
    /// The section has changed, and is to be applied before anything is bound or connected.
    Pending,
    /// The section is in force.
    Applied,
    /// The security asked for cannot be had, for this reason: nothing may be bound or connected.
    Unusable(String),
}

impl Execution<'_> {
    /// Carries out SET.
    pub(super) fn set(&mut self, command: &[u8], path: &[u8], value: &[u8]) {
        if let Err(reason) = self.set_now(path, value) {
            self.refuse(command, reason);
        }
    }

    /// Changes one item of the configuration and puts it in force.
    pub(super) fn set_now(&mut self, path: &[u8], value: &[u8]) -> Result<(), Failure> {
        configuration::check(path, value).map_err(|bad| Failure::new(libc::EINVAL, bad))?;
        if configuration::is_record(path) {
            self.record_now(value)?;
            self.interpreter.recorded = Some(value).filter(|name| !name.is_empty()).map(<[u8]>::to_vec);
        }
        self.interpreter.tree.put(path, value).map_err(|reason| Failure::new(libc::EINVAL, reason))?;
        // An item without a meaning is kept, as in CZMQ: for SAVE, or for another version.
        if let Some(unknown) = unknown_keys::unknown(path) {
            self.interpreter.logger.warning(format_args!("SET: {unknown}"));
        } else if services::is_for_files(path) {
            let text = format_args!("SET: {} takes effect only when a file with it is loaded", show(path));
            self.interpreter.logger.notice(text);
        }
        if configuration::relative(path) == b"server/animate" {
            self.animate(value);
        }
        if security::is_security(path) {
            self.interpreter.security = SecurityState::Pending;
        }
        // Other bad values in the tree were reported when they were loaded.
        (self.interpreter.values, _) = self.interpreter.values.read(&self.interpreter.tree);
        self.apply_values();
        Ok(())
    }

    /// Switches logging of activity, by the old name of VERBOSE.
    fn animate(&mut self, value: &[u8]) {
        // CZMQ's words.
        self.interpreter.logger.warning("'server/animate' is deprecated, use VERBOSE command instead");
        self.interpreter.verbose = configuration::animate(value);
    }

    /// Carries out SAVE.
    pub(super) fn save(&mut self, command: &[u8], name: &[u8]) {
        if let Err(error) = self.save_now(name) {
            let reason = file::reason(&error);
            self.failed(command, format_args!("cannot save config file '{}'", show(name)), reason);
        }
    }

    /// Writes the configuration to a file.
    pub(super) fn save_now(&mut self, name: &[u8]) -> io::Result<()> {
        file::save(&self.interpreter.tree, name)?;
        if let Some(watch) = &mut self.interpreter.watch
            && fs::canonicalize(file::path(name)).ok() == fs::canonicalize(file::path(watch.name())).ok()
        {
            // The node's own change of the file it watches is not to be loaded.
            watch.has_changed();
        }
        Ok(())
    }

    /// Carries out RECORD.
    pub(super) fn record(&mut self, command: &[u8], name: &[u8]) {
        if let Err(error) = self.record_now(name) {
            self.refuse(command, error);
        }
    }

    /// Records the node's inputs in a file from now on; an empty name ends the recording.
    pub(super) fn record_now(&mut self, name: &[u8]) -> Result<(), Error> {
        self.engine.record((!name.is_empty()).then(|| file::path(name)))
    }

    /// Carries out LOAD. Returns false if the file is missing or broken, and nothing has changed.
    pub(super) fn load(&mut self, command: &[u8], name: &[u8]) -> bool {
        let loaded = self.load_now(name);
        if let Err(error) = &loaded {
            self.failed(command, format_args!("cannot load config file '{}'", show(name)), error);
        }
        loaded.is_ok()
    }

    /// Replaces the configuration by that of a file, puts it in force, and watches the file from then on. Items that are
    /// bad or without a meaning are reported, and the rest of the file counts.
    pub(super) fn load_now(&mut self, name: &[u8]) -> Result<(), LoadError> {
        let (tree, watch) = file::load(name)?;
        let (values, bad) = self.interpreter.values.read(&tree);
        for bad in bad {
            let line = tree.locate(bad.path().as_bytes()).map_or(0, Item::line);
            self.report_line(name, line, bad);
        }
        for unknown in unknown_keys::all_unknown(&tree) {
            self.report_line(name, unknown.line, unknown);
        }
        if let Some(value) = tree.get(b"server/animate") {
            self.animate(value);
        }
        self.interpreter.tree = tree;
        self.interpreter.values = values;
        self.interpreter.watch = Some(watch);
        self.interpreter.next_look = self.now.mono + WATCH_INTERVAL;
        self.apply_values();
        // Before the file's endpoints, wherever the section stands in it: no endpoint may be open to all for a moment.
        self.apply_security();
        self.start_services();
        Ok(())
    }

    /// Reports what is wrong with one line of a configuration file.
    fn report_line(&mut self, name: &[u8], line: usize, fault: impl fmt::Display) {
        self.report(b"LOAD", format_args!("{}:{line}: {fault}", show(name)));
    }

    /// Starts the services that the configuration asks for. Endpoints that are bound or connected already stay so.
    fn start_services(&mut self) {
        let tree = std::mem::replace(&mut self.interpreter.tree, Item::root());
        for service in services::services(&tree) {
            match service {
                Service::Echo(text) => self.interpreter.logger.notice(show(text)),
                Service::Bind(endpoint) if self.interpreter.bound.contains(endpoint) => {}
                Service::Bind(endpoint) => {
                    if let Err(reason) = self.bind_now(endpoint) {
                        self.failed(b"LOAD", format_args!("could not bind to {}", show(endpoint)), reason);
                    }
                }
                Service::Connect { endpoint, server_key } => {
                    let server_key = server_key.map(<[u8]>::to_vec);
                    let as_before = self.interpreter.connected.get(endpoint) == Some(&server_key);
                    if !as_before && self.connect(b"LOAD", endpoint, server_key.as_deref()) {
                        self.interpreter.connected.insert(endpoint.to_vec(), server_key);
                    }
                }
            }
        }
        self.interpreter.tree = tree;
    }

    /// Puts the values of the `server` section in force.
    pub(super) fn apply_values(&mut self) {
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

    /// Puts the part of the configuration in force that concerns endpoints, before one is bound or connected. Fails where
    /// none may be.
    pub(super) fn prepare_endpoint(&mut self) -> Result<(), Error> {
        let ipv6 = self.interpreter.values.ipv6.unwrap_or_else(crate::actor::host::default_ipv6);
        self.engine.set_ipv6(ipv6);
        if matches!(self.interpreter.security, SecurityState::Pending) {
            self.apply_security();
        }
        match &self.interpreter.security {
            SecurityState::Unusable(reason) => Err(Error::insecure(reason.clone())),
            _ => Ok(()),
        }
    }

    /// Puts the security section in force.
    fn apply_security(&mut self) {
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
                let name = self.set_mechanism(&security);
                // CZMQ's words.
                self.interpreter.logger.notice(format_args!("server is using {name} security"));
                SecurityState::Applied
            }
            Some(Err(reason)) => {
                let text = format_args!("{reason}; nothing will be bound or connected");
                self.interpreter.logger.warning(text);
                SecurityState::Unusable(reason)
            }
        };
    }

    /// Sets mechanism and keys for endpoints to come. Returns the mechanism's name.
    fn set_mechanism(&mut self, security: &Security) -> &'static str {
        match security {
            Security::Null => {
                self.engine.set_mechanism(Mechanism::Null);
                "NULL"
            }
            Security::Plain => {
                self.engine.set_mechanism(Mechanism::Plain);
                "PLAIN"
            }
            Security::Curve { public, secret } => {
                self.engine.set_public_key(curve::encode(public).as_bytes());
                let secret = Zeroizing::new(curve::encode(secret.reveal()));
                self.engine.set_secret_key(secret.as_bytes());
                self.engine.set_mechanism(Mechanism::Curve);
                "CURVE"
            }
        }
    }
}
