//! Typed calls on a node: what commands do, with results in place of log lines and ERROR.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::execute::Execution;
use super::load::NotLoaded;
use super::watching::NOT_WATCHED;
use super::{Interpreter, Turn};
use crate::actor::command::check::in_line;
use crate::actor::command::listeners::Listener;
use crate::actor::command::waits::{Condition, Waits};
use crate::actor::command::watches::NotWatched;
use crate::actor::error::Failure;
use crate::actor::file::{self, LoadError, errno};
use crate::actor::promise::Promise;
use crate::core::{Access, MemberInfo, Origin, PeerState, Refusal, Stats, Tuple, Version};
use crate::log::{Sink, show};

/// The reason for which a version is not there.
const NO_VALUE: &str = "the key has no value";

/// The calls that the node's thread carries out for other threads. Each does what the command of the same name does.
pub struct NodeCalls<'a> {
    execution: Execution<'a>,
    waits: &'a mut Waits,
}

impl<'a> NodeCalls<'a> {
    /// Makes the typed calls on the node of an interpreter.
    pub fn new(interpreter: &'a mut Interpreter, turn: Turn<'a>, waits: &'a mut Waits) -> NodeCalls<'a> {
        NodeCalls { execution: Execution::new(interpreter, turn), waits }
    }

    /// Accepts peers at `endpoint`. Returns the TCP port, 0 for other transports.
    pub fn bind(&mut self, endpoint: &[u8]) -> Result<u16, Failure> {
        let bound = self.execution.bind_now(endpoint);
        self.execution.interpreter.bind_failed = bound.is_err();
        Ok(bound?)
    }

    /// Stops accepting peers at `endpoint`.
    pub fn unbind(&mut self, endpoint: &[u8]) -> Result<(), Failure> {
        Ok(self.execution.unbind_now(endpoint)?)
    }

    /// The endpoint that was bound last and is bound still, as libzmq spells it; `None` also if the last BIND failed.
    pub fn endpoint(&self) -> Option<String> {
        self.execution.endpoint()
    }

    /// Connects to the peer at `endpoint`, by CURVE with its public key (Z85).
    pub fn connect(&mut self, endpoint: &[u8], server_key: Option<&[u8]>) -> Result<(), Failure> {
        Ok(self.execution.connect_now(endpoint, server_key)?)
    }

    /// Disconnects from the peer at `endpoint`, and does not connect to it again.
    pub fn disconnect(&mut self, endpoint: &[u8]) -> Result<(), Failure> {
        self.execution.engine.disconnect(endpoint)?;
        self.execution.interpreter.opened.connects.remove(endpoint);
        Ok(())
    }

    /// Gives a key a value that lives as long as this node.
    pub fn announce(&mut self, key: &[u8], value: &[u8], ttl: u32) -> Result<(), Failure> {
        self.execution.announce_now(key, value, ttl)
    }

    /// Removes a tuple from the network. Returns whether the node held it.
    pub fn retract(&mut self, key: &[u8]) -> Result<bool, Failure> {
        let now = self.execution.now;
        self.execution.engine.node().retract(key, now).map_err(|refusal| refused(&refusal))
    }

    /// Forgets a tuple on this node alone. Returns whether the node held it.
    pub fn unpublish(&mut self, key: &[u8]) -> bool {
        let held = self.get(key).is_some();
        self.execution.unpublish(key);
        held
    }

    /// Publishes a tuple if the node holds this version of its key, or none where there is to be none.
    pub fn publish_if(&mut self, key: &[u8], value: &[u8], version: Option<Version>) -> Result<(), Failure> {
        let now = self.execution.engine.now();
        let node = self.execution.engine.node();
        match (node.version(key, now), version) {
            (held, version) if held == version => {}
            (Some(_), None) => return Err(Failure::new(libc::EEXIST, "the key has a value")),
            (Some(_), Some(_)) => return Err(Failure::new(libc::EEXIST, "the key has another version")),
            (None, _) => return Err(Failure::new(libc::ENOENT, NO_VALUE)),
        }
        if value.len() > node.settings().max_value {
            return Err(Failure::new(libc::EMSGSIZE, "value is longer than server/max_value"));
        }
        node.publish(key, value, 0, now).map_err(|refusal| refused(&refusal))
    }

    /// The tuple of a key, with its version.
    pub fn get_versioned(&mut self, key: &[u8]) -> Option<(Tuple, Version)> {
        let now = self.execution.engine.now();
        let node = self.execution.engine.node();
        node.get(key, now).zip(node.version(key, now))
    }

    /// Delivers the keys that begin with a prefix, those that are held at once.
    pub fn watch(&mut self, prefix: &[u8]) -> Result<(), Failure> {
        self.execution.watch_now(prefix).map_err(not_watched)
    }

    /// Tells a watcher of the keys that begin with a prefix, of those that are held at once.
    pub fn listen(&mut self, prefix: &[u8], listener: Box<dyn Listener>) -> Result<(), Failure> {
        self.execution.listen(prefix, listener).map_err(not_watched)
    }

    /// Delivers the keys that begin with a prefix no more.
    pub fn unwatch(&mut self, prefix: &[u8]) -> Result<(), Failure> {
        let was_watched = self.execution.interpreter.watches.remove(prefix);
        if was_watched { Ok(()) } else { Err(Failure::new(libc::ENOENT, NOT_WATCHED)) }
    }

    /// The tuple of a key.
    pub fn get(&mut self, key: &[u8]) -> Option<Tuple> {
        let now = self.execution.engine.now();
        self.execution.engine.node().get(key, now)
    }

    /// The origin of a key's tuple, and the endpoint that it came by.
    pub fn origin(&mut self, key: &[u8]) -> Option<(String, Origin)> {
        self.execution.engine.origin(key)
    }

    /// The number of tuples held.
    pub fn count(&mut self) -> usize {
        let now = self.execution.engine.now();
        self.execution.engine.node().count_readable(now)
    }

    /// All tuples held at this moment.
    pub fn tuples(&mut self) -> Vec<Tuple> {
        let now = self.execution.engine.now();
        self.execution.engine.node().readable(now).cloned().collect()
    }

    /// The digest of all keys and stamps: equal on nodes that hold the same.
    pub fn root(&mut self) -> u64 {
        self.execution.engine.node().root()
    }

    /// Returns whether the node's content is kept in a file.
    pub fn has_store(&mut self) -> bool {
        self.execution.engine.has_store()
    }

    /// The node's statistics.
    pub fn stats(&mut self) -> Stats {
        self.execution.engine.stats()
    }

    /// The peers that the node has or wants a connection to, each with its endpoint.
    pub fn peers(&mut self) -> Vec<(String, PeerState)> {
        self.execution.engine.peers()
    }

    /// The members of the network. Who asks is one from now on.
    pub fn members(&mut self) -> Vec<MemberInfo> {
        self.execution.engine.members()
    }

    /// Sets the node's CURVE key pair (Z85) for endpoints to come. The keys are checked when they are used.
    pub fn set_keys(&mut self, public: &[u8], secret: &Zeroizing<Vec<u8>>) {
        self.execution.engine.set_public_key(public);
        self.execution.engine.set_secret_key(secret);
    }

    /// Sets the username and the password that CONNECT gives by PLAIN; empty ones for none.
    pub fn set_plain(&mut self, username: &[u8], password: &Zeroizing<Vec<u8>>) {
        self.execution.engine.set_username(username);
        self.execution.engine.set_password(password);
    }

    /// Sets the domain that ZAP requests carry, for endpoints to come.
    pub fn set_zap_domain(&mut self, domain: &[u8]) {
        self.execution.engine.set_zap_domain(domain);
    }

    /// Sets a rule of who may read and write what, or takes it back.
    pub fn set_rights(
        &mut self,
        subject: &[u8],
        prefix: &[u8],
        access: Option<Access>,
    ) -> Result<(), Failure> {
        self.execution.set_rights(subject, prefix, access)
    }

    /// Replaces the configuration by that of a file.
    pub fn load(&mut self, name: &[u8]) -> Result<(), Failure> {
        self.execution.load_now(name).map_err(|error| match error {
            NotLoaded::File(error) => not_loaded(name, &error),
            NotLoaded::Problems(problems) => Failure::invalid(problems.join("; ")),
            half @ NotLoaded::Half(_) => half_written(name, &half),
        })
    }

    /// Replaces the configuration by that of a file, unless there is something wrong with the file. Returns what could not
    /// be done nevertheless, such as binding to an endpoint that is in use. On error nothing has changed; the faults of
    /// the file are returned with it.
    pub fn load_strictly(&mut self, name: &[u8]) -> Result<Vec<String>, (Failure, Vec<String>)> {
        self.execution.load_strictly(name).map_err(|error| match error {
            NotLoaded::File(error) => {
                let failure = not_loaded(name, &error);
                let problems = match &error {
                    LoadError::Syntax(error) => vec![in_line(name, error.line, error.reason)],
                    LoadError::Io(_) => Vec::new(),
                };
                (failure, problems)
            }
            NotLoaded::Problems(problems) => (Failure::invalid(problems.join("; ")), problems),
            NotLoaded::Half(ref omissions) => {
                let problems = omissions.iter().map(|omission| in_line(name, 0, omission)).collect();
                (half_written(name, &error), problems)
            }
        })
    }

    /// Writes the configuration to a file.
    pub fn save(&mut self, name: &[u8]) -> Result<(), Failure> {
        self.execution.save_now(name).map_err(|error| {
            let reason = file::reason(&error);
            Failure::new(errno(&error), format!("cannot save config file '{}' ({reason})", show(name)))
        })
    }

    /// Records the node's inputs in a file; an empty name ends the recording.
    pub fn record(&mut self, name: &[u8]) -> Result<(), Failure> {
        Ok(self.execution.record_now(name)?)
    }

    /// Changes one item of the configuration.
    pub fn set(&mut self, path: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.execution.set_now(path, value)
    }

    /// Sets where log lines go from now on.
    pub fn set_sink(&mut self, sink: Arc<dyn Sink>) {
        self.execution.interpreter.logger.set_sink(sink);
    }

    /// Fulfils `promise` once `condition` is met. If it is met already, returns the number that the promise is for, and
    /// drops the promise.
    pub(in crate::actor) fn wait(&mut self, condition: Condition, promise: Promise<usize>) -> Option<usize> {
        self.waits.add(condition, promise, self.execution.engine.node(), self.execution.now)
    }

    /// Queues the events that have happened by now.
    pub(in crate::actor) fn send_events(&mut self) {
        self.execution.interpreter.send_events(self.execution.engine, self.execution.out);
    }
}

fn not_watched(reason: NotWatched) -> Failure {
    Failure::new(if reason == NotWatched::TooMany { libc::ENOBUFS } else { libc::EINVAL }, reason)
}

/// The failure of a call that the core has refused.
pub(super) fn refused(refusal: &Refusal) -> Failure {
    let errno = match refusal {
        Refusal::ValueTooLong => libc::EMSGSIZE,
        Refusal::TooManyTuples | Refusal::TooManyClients => libc::ENOBUFS,
        Refusal::TooManyBytes => libc::ENOMEM,
        Refusal::EmptyKey | Refusal::KeyTooLong | Refusal::NulByte => libc::EINVAL,
    };
    Failure::new(errno, refusal)
}

fn half_written(name: &[u8], error: &NotLoaded) -> Failure {
    Failure::new(libc::EINVAL, refusal(name, error))
}

fn refusal(name: &[u8], error: &impl std::fmt::Display) -> String {
    format!("cannot load config file '{}' ({error})", show(name))
}

fn not_loaded(name: &[u8], error: &LoadError) -> Failure {
    let reason = refusal(name, error);
    match error {
        LoadError::Io(error) => Failure::new(errno(error), reason),
        LoadError::Syntax(_) => Failure::new(libc::EINVAL, reason),
    }
}
