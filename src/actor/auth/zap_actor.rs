//! The handler as an actor, with the commands of CZMQ's `zauth` on its pipe. Each is answered by a signal, whose
//! status is 0 where the command was carried out, else 1.

use std::sync::Arc;

use super::policy::Policy;
use super::zap_socket::Handler;
use crate::actor::{local_logger, signal};
use crate::engine::raw::{Context, Error, Msg, Poller, Socket};
use crate::log::{Logger, Sink, show};

/// How many waiting commands are carried out before requests get their turn.
const BATCH: usize = 100;

/// Serve a context's requests on the calling thread, commanded over `pipe`, until `$TERM`. The caller has
/// signalled its owner, or does so by `ready`, which is called once requests are served.
pub fn run_on_pipe(pipe: Socket, context: Context, sink: Arc<dyn Sink>, ready: impl FnOnce()) {
    let logger = local_logger("zauth", sink);
    let handler = Handler::new(context)
        .map_err(|error| logger.error(format_args!("zauth: cannot serve authentication requests: {error}")))
        .ok();
    let mut actor = Actor { pipe, handler, policy: Policy::default(), logger };
    ready();
    if let Err(error) = actor.run() {
        // The context is being terminated where the program ends without destroying its actors.
        if !error.is_terminated() {
            actor.logger.error(format_args!("zauth: {error}; it ends"));
        }
    }
}

struct Actor {
    pipe: Socket,
    /// None where it could not be had: every command is then refused.
    handler: Option<Handler>,
    policy: Policy,
    logger: Logger,
}

impl Actor {
    fn run(&mut self) -> Result<(), Error> {
        let mut poller = Poller::new();
        poller.add(self.pipe.fd()?, false);
        if let Some(handler) = &self.handler {
            poller.add(handler.fd()?, false);
        }
        loop {
            for _ in 0..BATCH {
                if !self.pipe.events()?.readable {
                    break;
                }
                let frames = self.receive()?;
                if frames.first().is_some_and(|name| name == b"$TERM") {
                    return Ok(());
                }
                let status = u8::from(!self.execute(&frames));
                self.pipe.send(&mut Msg::from_slice(&signal(status))?, false)?;
            }
            if let Some(handler) = &self.handler {
                handler.serve(&mut self.policy, &self.logger)?;
            }
            // Descriptors tell of news only: a wait begins when there is none.
            let waiting = self.pipe.events()?.readable
                || self.handler.as_ref().map(Handler::readable).transpose()?.unwrap_or(false);
            if !waiting {
                poller.wait(None)?;
            }
        }
    }

    fn receive(&self) -> Result<Vec<Vec<u8>>, Error> {
        let mut frames = Vec::new();
        loop {
            let mut frame = Msg::new();
            self.pipe.try_recv(&mut frame)?;
            frames.push(frame.data().to_vec());
            if !frame.more() {
                return Ok(frames);
            }
        }
    }

    fn execute(&mut self, frames: &[Vec<u8>]) -> bool {
        let [name, arguments @ ..] = frames else { return false };
        if self.logger.verbose() {
            self.logger.info(format_args!("zauth: API command={}", show(name)));
        }
        match (&name[..], arguments) {
            (b"VERBOSE", _) => self.logger.set_verbose(true),
            (b"ALLOW", addresses) => addresses.iter().for_each(|address| self.policy.allow(address)),
            (b"DENY", addresses) => addresses.iter().for_each(|address| self.policy.deny(address)),
            (b"PLAIN", [file, ..]) => {
                if let Err(error) = self.policy.plain(file) {
                    self.logger.warning(format_args!("zauth: cannot load '{}' ({error})", show(file)));
                }
            }
            (b"CURVE", [directory, ..]) => self.policy.curve(directory),
            (b"GSSAPI", _) => {
                self.logger.warning("zauth: GSSAPI is not supported");
                return false;
            }
            _ => {
                self.logger.error(format_args!("zauth: invalid command: {}", show(name)));
                return false;
            }
        }
        self.handler.is_some()
    }
}
