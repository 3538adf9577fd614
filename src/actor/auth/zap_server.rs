//! The ZAP server with a thread of its own, for programs without CZMQ.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};
use std::{fmt, io};

use parking_lot::Mutex;

use super::policy::Policy;
use super::review::Review;
use super::zap_socket::ZapSocket;
use crate::actor::host::local_logger;
use crate::engine::raw::{Context, Error, Msg, Poller, Socket, with_signals_blocked};
use crate::log::{Logger, Sink};

/// A server that answers the ZAP requests of a context until it is dropped. Without a server, libzmq lets all clients
/// connect by NULL and CURVE, except to endpoints that require one.
pub struct ZapServer {
    policy: Arc<Mutex<Policy>>,
    logger: Logger,
    /// The socket from which a message ends the server's thread.
    end: Mutex<Socket>,
    thread: Option<JoinHandle<()>>,
}

impl ZapServer {
    /// Starts a server for `context`, with an empty policy. Fails where the context has one already.
    pub fn new(context: Context, sink: Arc<dyn Sink>) -> io::Result<ZapServer> {
        let logger = local_logger("zauth", sink);
        let policy = Arc::new(Mutex::new(Policy::default()));
        let socket = ZapSocket::new(context)?;
        let (end, ended) = pair(context)?;
        let mut review = Review::new(context, &logger);
        let served = (Arc::clone(&policy), logger.clone());
        let serve = move || {
            let (policy, logger) = served;
            if let Err(error) = answer(&socket, &ended, (&policy, &mut review), &logger)
                && !error.is_terminated()
            {
                logger.error(format_args!("authentication requests are not answered any more: {error}"));
            }
        };
        let thread = with_signals_blocked(|| Builder::new().name("zgossip-auth".to_owned()).spawn(serve))?;
        Ok(ZapServer { policy, logger, end: Mutex::new(end), thread: Some(thread) })
    }

    /// Changes the policy. Nodes end the connections of clients that it does not admit any more, unless told otherwise.
    pub fn change<T>(&self, change: impl FnOnce(&mut Policy) -> T) -> T {
        change(&mut self.policy.lock())
    }

    /// Sets whether every decision is logged.
    pub fn set_verbose(&self, verbose: bool) {
        self.logger.set_verbose(verbose);
    }
}

impl Drop for ZapServer {
    fn drop(&mut self) {
        let _ = self.end.lock().try_send_slice(b"", false);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for ZapServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZapServer").finish_non_exhaustive()
    }
}

/// Two sockets connected to each other.
fn pair(context: Context) -> Result<(Socket, Socket), Error> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let endpoint = format!("inproc://zgossip-auth-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let (near, far) = (Socket::new(context, zmq::PAIR)?, Socket::new(context, zmq::PAIR)?);
    near.options().set_linger(0)?;
    far.options().set_linger(0)?;
    near.bind(&endpoint)?;
    far.connect(&endpoint)?;
    Ok((near, far))
}

/// Answers requests until a message comes from `ended`.
fn answer(
    socket: &ZapSocket,
    ended: &Socket,
    (policy, review): (&Mutex<Policy>, &mut Review),
    logger: &Logger,
) -> Result<(), Error> {
    let mut poller = Poller::new();
    poller.add(socket.fd()?, false);
    poller.add(ended.fd()?, false);
    if let Some(fd) = review.fd() {
        poller.add(fd, false);
    }
    let mut word = Msg::new();
    loop {
        match ended.try_recv(&mut word) {
            Ok(()) => return Ok(()),
            Err(error) if error.is_again() => {}
            Err(error) => return Err(error),
        }
        socket.serve(&mut policy.lock(), review, logger)?;
        review.look(&mut policy.lock());
        if !ended.events()?.readable && !socket.readable()? {
            poller.wait(review.timeout())?;
        }
    }
}
