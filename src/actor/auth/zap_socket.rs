//! The socket that libzmq sends ZAP requests to: one in a context, at a fixed address.

use std::os::fd::RawFd;

use super::policy::Policy;
use super::review::Review;
use super::zap_request::{Request, Verdict};
use crate::engine::raw::{Context, Error, Msg, Socket};
use crate::log::{Logger, show};

/// The endpoint that the ZAP protocol prescribes.
const ENDPOINT: &str = "inproc://zeromq.zap.01";

/// The most frames that are kept of a request: more than any mechanism of libzmq has.
const MAX_FRAMES: usize = 16;

/// A socket that answers ZAP requests.
pub(super) struct ZapSocket {
    socket: Socket,
}

impl ZapSocket {
    /// The socket of `context`. Fails where the context has one already.
    pub(super) fn new(context: Context) -> Result<ZapSocket, Error> {
        let socket = Socket::new(context, zmq::REP)?;
        socket.options().set_linger(0)?;
        socket.bind(ENDPOINT)?;
        Ok(ZapSocket { socket })
    }

    /// The descriptor to be polled for requests.
    pub(super) fn fd(&self) -> Result<RawFd, Error> {
        self.socket.fd()
    }

    /// Returns whether a request waits.
    pub(super) fn readable(&self) -> Result<bool, Error> {
        Ok(self.socket.events()?.readable)
    }

    /// Answers the requests that wait.
    pub(super) fn serve(
        &self,
        policy: &mut Policy,
        review: &mut Review,
        logger: &Logger,
    ) -> Result<(), Error> {
        while self.readable()? {
            let frames = self.receive()?;
            let slices: Vec<&[u8]> = frames.iter().map(Msg::data).collect();
            let answer = match Request::parse(&slices) {
                Some(request) => {
                    let mut verdict = policy.decide(&request);
                    if logger.verbose() {
                        let answer = if verdict.allowed { "allowed" } else { "denied" };
                        logger.info(format_args!(
                            "{answer} ({}) mechanism={} ipaddress={} user={}",
                            verdict.reason,
                            request.mechanism(),
                            show(request.address),
                            show(&verdict.user)
                        ));
                    }
                    if verdict.allowed {
                        let client = request.client(verdict.evidence);
                        review.on_admitted(&client);
                        verdict.metadata.push(client.mark());
                    }
                    verdict.frames(request.sequence)
                }
                // libzmq takes a reply of another version for a refusal; without a reply the client would wait.
                None => Verdict::denied("").frames(slices.get(1).copied().unwrap_or_default()),
            };
            for (index, frame) in answer.iter().enumerate() {
                self.socket.try_send_slice(frame, index + 1 < answer.len())?;
            }
        }
        if let Some(complaint) = policy.complaint() {
            logger.warning(complaint);
        }
        Ok(())
    }

    /// Receives the frames of a request, [`MAX_FRAMES`] at most.
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

impl Drop for ZapSocket {
    fn drop(&mut self) {
        // Otherwise the closing socket keeps its endpoint for a while, and requests sent there are not answered.
        let _ = self.socket.unbind(ENDPOINT);
    }
}
