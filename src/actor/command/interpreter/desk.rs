//! What typed calls may do with a node: the commands, with answers.
//!
//! Each is what the command of the same name does, but says what became of it instead of logging it.

use std::io;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Call, Interpreter, Outbox};
use crate::actor::command::configuration;
use crate::actor::command::inbox::Outgoing;
use crate::actor::command::waits::{Condition, Waits};
use crate::actor::error::Failure;
use crate::actor::file::{self, LoadError};
use crate::actor::promise::Promise;
use crate::core::{Now, Refusal, Stats, Tuple};
use crate::engine::Engine;
use crate::log::{Sink, show};

/// A node whose thread is ours for the moment.
pub struct Desk<'a> {
    call: Call<'a>,
    waits: &'a mut Waits,
}

impl<'a> Desk<'a> {
    /// The node that these make up.
    pub fn new(
        interpreter: &'a mut Interpreter,
        engine: &'a mut Engine,
        now: Now,
        out: &'a mut dyn Outbox,
        waits: &'a mut Waits,
    ) -> Desk<'a> {
        Desk { call: Call { interpreter, engine, now, out }, waits }
    }

    /// Accept peers at an endpoint. Returns the TCP port, 0 where there is none.
    pub fn bind(&mut self, endpoint: &[u8]) -> Result<u16, Failure> {
        let bound = self.call.prepare().and_then(|()| self.call.bind_now(endpoint));
        self.call.interpreter.bind_failed = bound.is_err();
        bound.map_err(|error| Failure::new(error.errno(), error))
    }

    /// Accept no more peers there.
    pub fn unbind(&mut self, endpoint: &[u8]) -> Result<(), Failure> {
        self.call.engine.unbind(endpoint)?;
        self.call.interpreter.bound.remove(endpoint);
        Ok(())
    }

    /// Connect to a peer.
    pub fn connect(&mut self, endpoint: &[u8], server_key: Option<&[u8]>) -> Result<(), Failure> {
        self.call.prepare()?;
        Ok(self.call.engine.connect(endpoint, server_key)?)
    }

    /// Take a connect back.
    pub fn disconnect(&mut self, endpoint: &[u8]) -> Result<(), Failure> {
        Ok(self.call.engine.disconnect(endpoint)?)
    }

    /// Withdraw a tuple from the network; whether it was held.
    pub fn retract(&mut self, key: &[u8]) -> Result<bool, Failure> {
        let now = self.call.now;
        self.call.engine.node().retract(key, now).map_err(|refusal| refused(&refusal))
    }

    /// Forget a tuple, here alone; whether it was held.
    pub fn unpublish(&mut self, key: &[u8]) -> bool {
        let held = self.get(key).is_some();
        self.call.unpublish(key);
        held
    }

    /// A tuple.
    pub fn get(&mut self, key: &[u8]) -> Option<Tuple> {
        let now = self.call.engine.now();
        self.call.engine.node().get(key, now)
    }

    /// How many tuples there are.
    pub fn count(&mut self) -> usize {
        let now = self.call.engine.now();
        self.call.engine.node().count_readable(now)
    }

    /// All tuples, as they are at this moment.
    pub fn tuples(&mut self) -> Vec<Tuple> {
        let now = self.call.engine.now();
        self.call.engine.node().readable(now).cloned().collect()
    }

    /// What all keys and stamps sum up to.
    pub fn root(&mut self) -> u64 {
        self.call.engine.node().root()
    }

    /// The counters.
    pub fn stats(&mut self) -> Stats {
        self.call.engine.stats()
    }

    /// The own key pair (Z85). What it is worth shows when it is used.
    pub fn set_keys(&mut self, public: &[u8], secret: &Zeroizing<Vec<u8>>) {
        self.call.engine.set_public_key(public);
        self.call.engine.set_secret_key(secret);
    }

    /// What the ZAP handler is told.
    pub fn set_zap_domain(&mut self, domain: &[u8]) {
        self.call.engine.set_zap_domain(domain);
    }

    /// Replace the configuration by a file's.
    pub fn load(&mut self, name: &[u8]) -> Result<(), Failure> {
        self.call.load_now(name).map_err(|error| {
            let reason = format!("cannot load config file '{}' ({error})", show(name));
            match error {
                LoadError::Io(error) => Failure::new(errno(&error), reason),
                LoadError::Syntax(_) => Failure::new(libc::EINVAL, reason),
            }
        })
    }

    /// Write the configuration to a file.
    pub fn save(&mut self, name: &[u8]) -> Result<(), Failure> {
        self.call.save_now(name).map_err(|error| {
            let reason = file::reason(&error);
            Failure::new(errno(&error), format!("cannot save config file '{}' ({reason})", show(name)))
        })
    }

    /// Record what the node is told in a file; an empty name: no longer.
    pub fn record(&mut self, name: &[u8]) -> Result<(), Failure> {
        Ok(self.call.record_now(name)?)
    }

    /// Change one item of the configuration.
    pub fn set(&mut self, path: &[u8], value: &[u8]) -> Result<(), Failure> {
        configuration::check(path, value).map_err(|bad| Failure::new(libc::EINVAL, bad))?;
        self.call.set_now(path, value)
    }

    /// Where log lines go from now on.
    pub fn set_sink(&mut self, sink: Arc<dyn Sink>) {
        self.call.interpreter.logger.set_sink(sink);
    }

    /// Let the one who was promised an answer wait for this, unless it is so already.
    pub(in crate::actor) fn wait(&mut self, condition: Condition, promise: Promise<usize>) -> Option<usize> {
        self.waits.add(condition, promise, self.call.engine.node(), self.call.now)
    }

    /// Put what has happened by now before the owner.
    pub(in crate::actor) fn tell_news(&mut self) {
        self.call.interpreter.tell_news(self.call.engine, self.call.out);
    }
}

impl Call<'_> {
    /// A tuple is to be forgotten, here alone; its news need not wait any longer.
    pub(super) fn unpublish(&mut self, key: &[u8]) {
        let now = self.now;
        let Some(tuple) = self.engine.node().get(key, now) else { return };
        if self.engine.node().unpublish(key, self.now) {
            self.interpreter.say(Outgoing::Forget(tuple), self.engine, self.out);
        }
    }
}

fn refused(refusal: &Refusal) -> Failure {
    let errno = match refusal {
        Refusal::ValueTooLong => libc::EMSGSIZE,
        Refusal::TooManyTuples | Refusal::TooManyClients => libc::ENOBUFS,
        Refusal::EmptyKey | Refusal::KeyTooLong | Refusal::NulByte => libc::EINVAL,
    };
    Failure::new(errno, refusal)
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EINVAL)
}
