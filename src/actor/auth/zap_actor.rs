//! The ZAP server as a CZMQ actor, with the commands of CZMQ's `zauth` on its pipe.
//!
//! Each command is answered by a signal, whose status is 0 if the command was carried out, and 1 otherwise.

use std::sync::Arc;

use super::policy::Policy;
use super::review::Review;
use super::zap_socket::ZapSocket;
use crate::actor::host::{local_logger, outlast, signal};
use crate::engine::raw::{Context, Error, Msg, Poller, Socket};
use crate::log::{Logger, Sink, show};

/// Number of commands that are carried out before requests get their turn, so that a flood of commands does not keep
/// clients waiting.
const COMMANDS_PER_TURN: usize = 100;

/// Runs a ZAP server for `context` on the calling thread, with commands from `pipe`, until `$TERM`. Calls `ready` once
/// requests are answered, so that the caller can signal its owner.
///
/// The function does not return if somebody has closed the pipe meanwhile (see `outlast`).
pub fn run_on_pipe(pipe: Socket, context: Context, sink: Arc<dyn Sink>, ready: impl FnOnce()) {
    let logger = local_logger("zauth", sink);
    let socket = ZapSocket::new(context)
        .map_err(|error| logger.error(format_args!("cannot serve authentication requests: {error}")))
        .ok();
    let review = socket.as_ref().map(|_| Review::new(context, &logger));
    let mut actor = Actor { pipe, socket, review, policy: Policy::default(), logger };
    ready();
    if let Err(error) = actor.run() {
        // A program that ends without destroying its actors closes their pipes and terminates their context.
        if !error.is_terminated() && !error.is_closed() {
            actor.logger.error(format_args!("authentication requests are not answered any more: {error}"));
        }
        let Actor { pipe, socket, .. } = actor;
        drop(socket); // the end of the context waits for it
        outlast(&pipe);
    }
}

struct Actor {
    pipe: Socket,
    /// `None` if the context has another server: every command is refused then.
    socket: Option<ZapSocket>,
    /// Looks at the clients of that socket.
    review: Option<Review>,
    policy: Policy,
    logger: Logger,
}

impl Actor {
    fn run(&mut self) -> Result<(), Error> {
        let mut poller = Poller::new();
        poller.add(self.pipe.fd()?, false);
        if let Some(socket) = &self.socket {
            poller.add(socket.fd()?, false);
        }
        if let Some(fd) = self.review.as_ref().and_then(Review::fd) {
            poller.add(fd, false);
        }
        loop {
            for _ in 0..COMMANDS_PER_TURN {
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
            if let (Some(socket), Some(review)) = (&self.socket, &mut self.review) {
                socket.serve(&mut self.policy, review, &self.logger)?;
                review.look(&mut self.policy);
            }
            // libzmq's descriptors signal changes only, so waiting messages have to be looked for before the wait.
            let waiting = self.pipe.events()?.readable
                || self.socket.as_ref().map(ZapSocket::readable).transpose()?.unwrap_or(false);
            if !waiting {
                poller.wait(self.review.as_ref().and_then(Review::timeout))?;
            }
        }
    }

    /// Receives the frames of a command.
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

    /// Carries out a command. Returns whether that succeeded.
    fn execute(&mut self, frames: &[Vec<u8>]) -> bool {
        let [name, arguments @ ..] = frames else { return false };
        if self.logger.verbose() {
            self.logger.info(format_args!("API command={}", show(name)));
        }
        match (&name[..], arguments) {
            (b"VERBOSE", _) => self.logger.set_verbose(true),
            (b"ALLOW", addresses) => addresses.iter().for_each(|address| self.policy.allow(address)),
            (b"DENY", addresses) => addresses.iter().for_each(|address| self.policy.deny(address)),
            (b"PLAIN", [file, ..]) => {
                if let Err(error) = self.policy.plain(file) {
                    self.logger.warning(format_args!("cannot load '{}' ({error})", show(file)));
                }
            }
            (b"CURVE", [directory, ..]) => self.policy.curve(directory),
            (b"GSSAPI", _) => {
                self.logger.warning("GSSAPI is not supported");
                return false;
            }
            _ => {
                self.logger.error(format_args!("invalid command: {}", show(name)));
                return false;
            }
        }
        self.socket.is_some()
    }
}
