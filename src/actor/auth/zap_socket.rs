//! The socket that libzmq asks: one in a context, at a fixed address.

use std::os::fd::RawFd;

use super::policy::Policy;
use super::zap_request::Request;
use crate::engine::raw::{Context, Error, Msg, Socket};
use crate::log::{Logger, show};

/// Where libzmq looks for it.
const ENDPOINT: &str = "inproc://zeromq.zap.01";

/// More frames than any request has are not kept.
const MAX_FRAMES: usize = 16;

pub(super) struct Handler {
    socket: Socket,
}

impl Handler {
    /// The handler of this context; fails where there is one already.
    pub(super) fn new(context: Context) -> Result<Handler, Error> {
        let socket = Socket::new(context, zmq::REP)?;
        socket.options().set_linger(0)?;
        socket.bind(ENDPOINT)?;
        Ok(Handler { socket })
    }

    pub(super) fn fd(&self) -> Result<RawFd, Error> {
        self.socket.fd()
    }

    /// Whether a request waits.
    pub(super) fn readable(&self) -> Result<bool, Error> {
        Ok(self.socket.events()?.readable)
    }

    /// Answer the requests that wait.
    pub(super) fn serve(&self, policy: &mut Policy, logger: &Logger) -> Result<(), Error> {
        while self.readable()? {
            let frames = self.receive()?;
            let slices: Vec<&[u8]> = frames.iter().map(Msg::data).collect();
            let answer = match Request::parse(&slices) {
                Some(request) => {
                    let verdict = policy.decide(&request);
                    if logger.verbose() {
                        let answer = if verdict.allowed { "allowed" } else { "denied" };
                        logger.info(format_args!(
                            "zauth: {answer} ({}) mechanism={} ipaddress={} user={}",
                            verdict.reason,
                            request.mechanism(),
                            show(request.address),
                            show(&verdict.user)
                        ));
                    }
                    verdict.frames(request.sequence)
                }
                // libzmq takes an answer of another version for a refusal; none would leave it waiting.
                None => {
                    super::zap_request::Verdict::denied("").frames(slices.get(1).copied().unwrap_or_default())
                }
            };
            for (index, frame) in answer.iter().enumerate() {
                self.socket.try_send_slice(frame, index + 1 < answer.len())?;
            }
        }
        Ok(())
    }

    fn receive(&self) -> Result<Vec<Msg>, Error> {
        let mut frames = Vec::with_capacity(8);
        loop {
            let mut frame = Msg::new();
            self.socket.try_recv(&mut frame)?;
            let more = frame.more();
            if frames.len() < MAX_FRAMES {
                frames.push(frame);
            }
            if !more {
                return Ok(frames);
            }
        }
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        // A closed socket keeps its address for a while, at which clients would then ask in vain.
        let _ = self.socket.unbind(ENDPOINT);
    }
}
