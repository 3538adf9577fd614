//! Remotes that turn out to be this node itself, a clone of it, or a peer that has another connection already.

use std::process;

use crate::core::LinkId;
use crate::warning::Kind;

use super::Engine;
use super::endpoint::{Transport, absolute};
use super::link::Link;
use super::raw;

/// Why there is no connection to an endpoint that is bound here, for the program.
const ITSELF: &str = "it is this node itself";

impl Engine {
    /// Handles a remote whose peer has this node's own id. If it is this node, as happens where all hosts are given
    /// one list of peers, the CONNECT is taken back; otherwise two nodes have one id, which is logged.
    pub(super) fn on_own_id(&mut self, id: LinkId) {
        let Some(endpoint) = self.links.get(&id).map(|link| link.endpoint.to_string()) else { return };
        if !self.is_itself(id) {
            self.logger.warn_of(Kind::SameId, &[("endpoint", endpoint)]);
            return;
        }
        self.logger.warn_of(Kind::Itself, &[("endpoint", endpoint.clone())]);
        match self.disconnect(endpoint.as_bytes()) {
            Ok(()) => self.unreachable.push_back((endpoint, ITSELF.to_owned())),
            Err(error) => self.logger.error(format_args!("cannot disconnect from {endpoint}: {error}")),
        }
    }

    /// Returns whether the connection to a remote ends at this node.
    fn is_itself(&mut self, id: LinkId) -> bool {
        let own_process = format!("#{}", process::id());
        let bound =
            |engine: &Engine, text: &str| engine.bound.iter().any(|bound| absolute(&bound.actual) == text);
        let Some(remote) = self.links.get(&id).and_then(|link| link.remote.as_ref()) else { return false };
        let accepted = |engine: &Engine, is_it: &dyn Fn(&str) -> bool| {
            engine.links.values().any(|link: &Link| link.remote.is_none() && is_it(&link.endpoint))
        };
        let endpoint = remote.endpoint();
        match endpoint.transport {
            Transport::Tcp => {
                let descriptor = remote.descriptor().and_then(|fd| i32::try_from(fd).ok());
                let own = descriptor.and_then(raw::tcp_own).map(|own| format!("tcp://{own}"));
                own.is_some_and(|own| accepted(self, &|name| name == own))
            }
            Transport::Other => {
                bound(self, endpoint.text()) && accepted(self, &|name| name.ends_with(&own_process))
            }
            Transport::Inproc => bound(self, endpoint.text()),
        }
    }

    /// Logs that two remotes are one peer, which counts once.
    pub(super) fn on_same_peer(&mut self, id: LinkId, other: LinkId) {
        let (one, two) = (self.endpoint_of(id), self.endpoint_of(other));
        if let Some(remote) = self.remote(id)
            && remote.report_same_peer()
        {
            self.logger.warn_of(Kind::SamePeer, &[("endpoint", one), ("other", two)]);
        }
    }
}
