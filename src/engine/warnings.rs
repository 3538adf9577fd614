//! Warnings: those of the core with the names of peers, and what the engine itself finds out about sockets.

use crate::core::{Event, Identity, LinkId, Now, Warning};
use crate::log::printable;
use crate::warning::Kind;

use super::throttle::Throttle;
use super::{Engine, entropy, raw};

/// Milliseconds between two warnings of one kind.
const AGAIN: u64 = 600_000;
/// Milliseconds between two looks at the number of descriptors: two system calls.
const DESCRIPTORS_INTERVAL: u64 = 1000;

/// What an engine remembers for its warnings.
pub(super) struct Watch {
    hasher: ahash::RandomState,
    /// The digest of the security settings of the last BIND, and whether some were set since.
    bound_with: u64,
    security_changed: bool,
    keys: Throttle,
    /// Time (mono ms) of the next look at the number of descriptors.
    descriptors_at: u64,
    descriptors: Throttle,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch {
            hasher: entropy::hasher(),
            bound_with: 0,
            security_changed: false,
            keys: Throttle::constant(AGAIN),
            descriptors_at: 0,
            descriptors: Throttle::constant(AGAIN),
        }
    }
}

/// Returns whether a process that holds this many descriptors is within a tenth of its limit.
fn is_near(used: u64, limit: u64) -> bool {
    used >= limit - limit / 10
}

impl Engine {
    /// Logs a warning of the core's, or that it is over.
    pub(super) fn on_warning(&mut self, warning: Warning) {
        let Warning { kind, is_over, peer, identity, other, mut values } = warning;
        values.extend(peer.map(|link| ("peer", self.name_with(link, identity))));
        let nobody = || "other peers".to_owned();
        values.push(("other", other.map_or_else(nobody, |link| self.name_of(link))));
        if is_over {
            self.logger.notice(kind.over_line(&values));
        } else {
            self.logger.warn_of(kind, &values);
        }
    }

    /// Logs the warnings that wait, when the owner takes no more events.
    pub(super) fn log_last_warnings(&mut self) {
        while let Some(event) = self.node.poll_event() {
            if let Event::Warning(warning) = event {
                self.on_warning(*warning);
            }
        }
    }

    /// A peer for people: its endpoint, and its name or id if it has told one.
    pub(super) fn name_of(&self, link: LinkId) -> String {
        self.name_with(link, self.node.identity(link))
    }

    /// The same for a peer that may be gone, and has said this of itself.
    fn name_with(&self, link: LinkId, identity: Option<Box<Identity>>) -> String {
        let endpoint = self.endpoint_of(link);
        match identity.map(|identity| (identity.id, identity.name)) {
            Some((_, Some(name))) => format!("{endpoint} ({})", printable(&name)),
            Some((id, None)) => format!("{endpoint} ({id:016x})"),
            None => endpoint,
        }
    }

    /// Notes that security settings of BIND were set.
    pub(super) fn note_security(&mut self) {
        self.watch.security_changed = true;
    }

    /// Notes that an endpoint is being bound with the settings of now.
    pub(super) fn note_bind(&mut self, now: Now) {
        self.watch_security(now);
        self.watch.bound_with = self.watch.hasher.hash_one(self.security.of_servers());
    }

    /// Looks for something to warn of. Called in every turn of the loop.
    pub(super) fn look_around(&mut self, now: Now) {
        self.watch_security(now);
        if now.mono >= self.watch.descriptors_at {
            self.watch.descriptors_at = now.mono + DESCRIPTORS_INTERVAL;
            self.watch_descriptors(now);
        }
    }

    /// Warns if settings differ from those of endpoints that are bound, which keep theirs.
    fn watch_security(&mut self, now: Now) {
        if !std::mem::take(&mut self.watch.security_changed) {
            return;
        }
        let differs = self.watch.hasher.hash_one(self.security.of_servers()) != self.watch.bound_with;
        let bound = self.bound.iter().map(|bound| &*bound.actual);
        // Within a process nothing is secured.
        let bound: Vec<&str> = bound.filter(|actual| !actual.starts_with("inproc://")).collect();
        if differs && !bound.is_empty() && self.watch.keys.pass(now.mono) {
            self.logger.warn_of(Kind::KeysAfterBind, &[("endpoint", bound.join(", "))]);
        }
    }

    /// Warns if the process will soon have no descriptors left.
    fn watch_descriptors(&mut self, now: Now) {
        let Some((used, limit)) = raw::descriptors_in_use() else { return };
        if is_near(used, limit) && self.watch.descriptors.pass(now.mono) {
            let values = [("used", used.to_string()), ("limit", limit.to_string())];
            self.logger.warn_of(Kind::Descriptors, &values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_tenth_of_the_descriptors_is_near_the_limit() {
        assert!(is_near(922, 1024) && is_near(1024, 1024) && !is_near(921, 1024));
        assert!(!is_near(1000, u64::MAX) && is_near(0, 0));
    }
}
