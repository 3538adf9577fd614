//! The commands that change the configuration, and putting it in force.

use std::fs;
use std::io;

use zeroize::Zeroizing;

use super::execute::Execution;
use super::renewal::Certificate;
use super::{Interpreter, WATCH_INTERVAL};
use crate::actor::command::configuration::Events;
use crate::actor::command::security::{self, Security};
use crate::actor::command::{configuration, unknown_keys};
use crate::actor::command::{rights, services};
use crate::actor::error::Failure;
use crate::actor::file;
use crate::core::Access;
use crate::engine::raw::curve;
use crate::engine::{Error, Mechanism};
use crate::log::show;
use crate::warning::Kind;

const NETWORK: &[u8] = b"zgossip/network";
const FIXED_NETWORK: &str =
    "the network's name stays as it is once there are peers: set it before BIND and CONNECT";

fn is_network(path: &[u8]) -> bool {
    matches!(configuration::relative(path), NETWORK | b"zgossip/network/plain")
}

/// What the configuration's security section has set, and not the program by commands.
#[derive(Default)]
pub(super) struct SecuritySet {
    domain: bool,
    credentials: bool,
    keys: bool,
}

/// The state of the configuration's security section.
pub(super) enum SecurityState {
    /// The configuration has none.
    Unset,
    /// The section has changed, and is to be applied before anything is bound or connected.
    Pending,
    /// The section is in force.
    Applied,
    /// The security asked for is not possible, for this reason: nothing may be bound or connected.
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
        if rights::is_rights(path) {
            let reason = "rules of who may write what are set by a file, or by zgossip_set_rights";
            return Err(Failure::new(libc::EINVAL, reason));
        }
        configuration::check(path, value).map_err(|bad| Failure::new(libc::EINVAL, bad))?;
        if is_network(path) {
            self.check_network(path, value)?;
        }
        if configuration::is_record(path) {
            self.record_now(value)?;
            self.interpreter.recorded = Some(value).filter(|name| !name.is_empty()).map(<[u8]>::to_vec);
        }
        if configuration::is_store(path) {
            self.keep_now(value)?;
            self.interpreter.kept = Some(value).filter(|name| !name.is_empty()).map(<[u8]>::to_vec);
        }
        self.interpreter.tree.put(path, value).map_err(|reason| Failure::new(libc::EINVAL, reason))?;
        // An item without a meaning is kept, as in CZMQ: for SAVE, or for another version.
        if let Some(unknown) = unknown_keys::unknown(path) {
            self.interpreter.logger.warning(format_args!("SET: {unknown}"));
        } else if let Some(command) = services::instead_of_set(path) {
            // CZMQ keeps it for SAVE, and does no more.
            let instead = if command.is_empty() { String::new() } else { format!(": use {command}") };
            let text =
                format_args!("SET: {} takes effect only when a file with it is loaded{instead}", show(path));
            self.interpreter.logger.warning(text);
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
        // It is kept although it is refused, so that nothing is bound or connected in another way than was asked for.
        security::fault(path, value).map_or(Ok(()), |fault| {
            Err(Failure::new(libc::EINVAL, format!("{fault}; nothing will be bound or connected with it")))
        })
    }

    /// Switches logging of activity, by the old name of VERBOSE.
    pub(super) fn animate(&mut self, value: &[u8]) {
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
        file::save(&self.interpreter.tree, name, security::has_password(&self.interpreter.tree))?;
        if let Some(watch) = &mut self.interpreter.watch
            && fs::canonicalize(file::path(name)).ok() == fs::canonicalize(file::path(watch.name())).ok()
        {
            // The node's own change of the file it watches is not to be loaded.
            watch.skip_change();
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

    /// Keeps the node's tuples in a file from now on. An empty name is refused where there is one.
    pub(super) fn keep_now(&mut self, name: &[u8]) -> Result<(), Error> {
        if name.is_empty() { self.engine.keep_no_more() } else { self.engine.keep(file::path(name)) }
    }

    /// Puts the values in force that need no section to be applied.
    pub(super) fn apply_values(&mut self) {
        let Interpreter { logger, values, verbose, ends_revoked, .. } = &mut *self.interpreter;
        let mut settings = values.core.clone();
        settings.verbose |= *verbose;
        logger.set_verbose(settings.verbose);
        if !values.background {
            logger.foreground();
        }
        self.engine.set_ends_revoked(values.revocation.unwrap_or(*ends_revoked));
        let (record, size) = (values.record.clone(), values.record_size);
        self.engine.set_record_size(size);
        if record != self.interpreter.recorded {
            if let Err(error) = self.record_now(record.as_deref().unwrap_or_default()) {
                self.refuse(b"server/record", error);
            }
            self.interpreter.recorded = record;
        }
        self.engine.set_settings(settings);
        self.engine.set_membership(self.interpreter.values.is_member);
        self.engine.node().set_tells_changes(self.interpreter.values.events == Events::Changes);
        // Not before the limits are known, nor again and again where it failed.
        let store = self.interpreter.values.store.clone();
        if store != self.interpreter.kept {
            if let Err(error) = self.keep_now(store.as_deref().unwrap_or_default()) {
                self.refuse(b"server/store", error);
            }
            self.interpreter.kept = store;
        }
        if !self.engine.set_network(&self.interpreter.values.network()) {
            self.report(NETWORK, FIXED_NETWORK);
        }
    }

    /// Fails if an item of the network's name cannot be changed any more.
    fn check_network(&self, path: &[u8], value: &[u8]) -> Result<(), Failure> {
        let mut tree = self.interpreter.tree.clone();
        tree.put(path, value).map_err(|reason| Failure::new(libc::EINVAL, reason))?;
        let (values, _) = self.interpreter.values.read(&tree);
        if self.engine.may_set_network(&values.network()) {
            return Ok(());
        }
        Err(Failure::new(libc::EISCONN, FIXED_NETWORK))
    }

    /// Sets a rule of who may read and write what, or takes it back. It counts more than one of the configuration file.
    pub(super) fn set_rights(
        &mut self,
        subject: &[u8],
        prefix: &[u8],
        access: Option<Access>,
    ) -> Result<(), Failure> {
        let before = self.interpreter.own_rights.set(subject, prefix, access);
        let before = before.map_err(|invalid| Failure::invalid(invalid.to_string()))?;
        if before.is_none() && access.is_none() {
            return Err(Failure::new(libc::ENOENT, "there is no such rule"));
        }
        if before != access {
            self.apply_rights();
        }
        Ok(())
    }

    /// Puts the rules of who may read and write what in force.
    pub(super) fn apply_rights(&mut self) {
        let rights = self.interpreter.file_rights.with(&self.interpreter.own_rights);
        self.engine.set_rights(&rights);
    }

    /// Puts the part of the configuration in force that concerns endpoints, before one is bound or connected. Fails where
    /// none may be.
    pub(super) fn prepare_endpoint(&mut self) -> Result<(), Error> {
        let ipv6 = self.interpreter.values.ipv6.unwrap_or_else(crate::actor::host::default_ipv6);
        self.engine.set_ipv6(ipv6);
        if matches!(self.interpreter.security, SecurityState::Pending) {
            self.apply_security(true);
            if let SecurityState::Unusable(reason) = &self.interpreter.security {
                let text = format_args!("{reason}; nothing will be bound or connected");
                self.interpreter.logger.warning(text);
            }
            if security::unused_key(&self.interpreter.tree).is_some() {
                self.interpreter.logger.warn_of(Kind::UnusedKey, &[]);
            }
        }
        match &self.interpreter.security {
            SecurityState::Unusable(reason) => Err(Error::insecure(reason.clone())),
            _ => Ok(()),
        }
    }

    /// Puts the security section in force. `undo`: the section that was in force before is the same file's, or the
    /// program's, so that keys are taken back that it has set and this one has not. Otherwise they stay, as in CZMQ.
    pub(super) fn apply_security(&mut self, undo: bool) {
        let keeps_keys = self.keeps_keys();
        self.apply_handler_settings();
        let named = security::certificate(&self.interpreter.tree).map(Certificate::new);
        let Interpreter { tree, security_set, certificate, .. } = &mut *self.interpreter;
        // Half of them are an error of the section, below.
        let credentials = security::credentials(tree).ok().flatten();
        if credentials.is_some() || security_set.credentials {
            let (username, password) = credentials.unwrap_or_default();
            self.engine.set_username(username);
            self.engine.set_password(password);
        }
        security_set.credentials = credentials.is_some();
        let security = security::security(tree);
        if keeps_keys && let Some(Err(reason)) = &security {
            self.interpreter.logger.warning(format_args!("{reason}; the former keys stay"));
            return;
        }
        *certificate = named;
        let is_curve = matches!(security, Some(Ok(Security::Curve { .. })));
        let takes_keys_back = security.is_some() || undo;
        if security_set.keys && !is_curve && takes_keys_back {
            self.engine.clear_keys();
            security_set.keys = false;
        }
        security_set.keys |= is_curve;
        self.interpreter.next_look = self.interpreter.next_look.max(self.now.mono + WATCH_INTERVAL);
        self.interpreter.security = match security {
            None => {
                if !matches!(self.interpreter.security, SecurityState::Unset) {
                    self.engine.set_mechanism(Mechanism::Null);
                }
                SecurityState::Unset
            }
            Some(Ok(security)) => {
                let name = self.set_mechanism(&security);
                if is_curve && let Some(exposure) = security::exposure(&self.interpreter.tree) {
                    self.interpreter.logger.warn_of(Kind::ExposedKey, &exposure);
                }
                // CZMQ's words.
                self.interpreter.logger.notice(format_args!("server is using {name} security"));
                SecurityState::Applied
            }
            Some(Err(reason)) => SecurityState::Unusable(reason),
        };
    }

    /// Puts the part of the section in force that concerns the ZAP handler.
    fn apply_handler_settings(&mut self) {
        let Interpreter { tree, security_set, requires_handler, .. } = &mut *self.interpreter;
        let domain = security::domain(tree);
        if domain.is_some() || security_set.domain {
            self.engine.set_zap_domain(domain.unwrap_or_default());
        }
        security_set.domain = domain.is_some();
        let required = security::requires_handler(tree).unwrap_or(*requires_handler);
        if required != self.engine.requires_handler() {
            self.engine.set_requires_handler(required);
        }
    }

    /// Sets mechanism and keys for endpoints to come. Returns the mechanism's name.
    fn set_mechanism(&mut self, security: &Security) -> &'static str {
        match security {
            Security::Null => {
                self.engine.set_mechanism(Mechanism::Null);
                // The program may have set keys, and the section may be there for something else.
                if self.engine.has_keys() { "CURVE" } else { "NULL" }
            }
            Security::Plain => {
                self.engine.set_mechanism(Mechanism::Plain);
                "PLAIN"
            }
            Security::Curve { public, secret } => {
                if let Some(certificate) = &mut self.interpreter.certificate {
                    certificate.set_public(*public);
                }
                self.engine.set_public_key(curve::encode(public).as_bytes());
                let secret = Zeroizing::new(curve::encode(secret.reveal()));
                self.engine.set_secret_key(secret.as_bytes());
                self.engine.set_mechanism(Mechanism::Curve);
                "CURVE"
            }
        }
    }
}
