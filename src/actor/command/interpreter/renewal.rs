//! Certificates that change: new keys under the same name are taken, and what cannot be read changes nothing.

use std::fs;

use super::Interpreter;
use super::configure::SecurityState;
use super::execute::Execution;
use crate::actor::command::security::{self, Security};
use crate::actor::file::{self, Fingerprint};
use crate::log::show;

/// The fingerprints of the two files of a certificate.
type Seen = [Option<Fingerprint>; 2];

/// The certificate that the security section names.
pub(super) struct Certificate {
    name: Vec<u8>,
    seen: Seen,
    /// What was seen last, if that was something else.
    changed: Seen,
    /// The public key in force.
    public: Option<[u8; 32]>,
}

impl Certificate {
    /// A certificate that is about to be loaded.
    pub(super) fn new(name: &[u8]) -> Certificate {
        let seen = look_at(name);
        Certificate { name: name.to_vec(), seen, changed: seen, public: None }
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(super) fn public(&self) -> Option<[u8; 32]> {
        self.public
    }

    pub(super) fn set_public(&mut self, public: [u8; 32]) {
        self.public = Some(public);
    }

    /// Returns whether the files have changed, and are the same as at the call before: a file that is being written is left
    /// until it is complete.
    fn has_changed(&mut self) -> bool {
        let now = look_at(&self.name);
        let is_stable = std::mem::replace(&mut self.changed, now) == now;
        is_stable && std::mem::replace(&mut self.seen, now) != now
    }
}

fn look_at(name: &[u8]) -> Seen {
    [[name, b"_secret"].concat(), name.to_vec()]
        .map(|name| fs::metadata(file::path(&name)).ok().map(|metadata| Fingerprint::of(&metadata)))
}

impl Interpreter {
    /// Returns whether the certificate in force has changed on disk.
    pub(super) fn has_new_certificate(&mut self) -> bool {
        self.certificate.as_mut().is_some_and(Certificate::has_changed)
    }
}

impl Execution<'_> {
    /// Whether the section that cannot be put in force names the certificate whose keys are in force: it may be half written,
    /// and those keys stay.
    pub(super) fn keeps_keys(&self) -> bool {
        let Interpreter { security, certificate, tree, .. } = &*self.interpreter;
        let in_force = certificate.as_ref().filter(|certificate| certificate.public().is_some());
        matches!(security, SecurityState::Applied)
            && in_force.is_some_and(|certificate| security::is_certificate_at_fault(tree, certificate.name()))
    }

    /// Puts the keys in force that the certificate has now, and opens the endpoints of the configuration file anew.
    pub(super) fn renew_keys(&mut self) {
        let was_unusable = match self.interpreter.security {
            SecurityState::Applied => false,
            SecurityState::Unusable(_) => true,
            // It is loaded when it is needed.
            SecurityState::Unset | SecurityState::Pending => return,
        };
        let Some(certificate) = &self.interpreter.certificate else { return };
        let name = certificate.name().to_vec();
        match security::security(&self.interpreter.tree) {
            Some(Ok(Security::Curve { public, .. }))
                if certificate.public() != Some(public) || was_unusable =>
            {
                self.apply_security(true);
                let text =
                    format_args!("the keys of certificate {} have changed, and are taken", show(&name));
                self.interpreter.logger.notice(text);
                self.reopen(&name);
            }
            Some(Err(reason)) if !was_unusable => {
                self.interpreter.logger.warning(format_args!("{reason}; the former keys stay"));
            }
            _ => {}
        }
    }
}
