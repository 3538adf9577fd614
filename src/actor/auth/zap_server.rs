//! The handler with a thread of its own, commanded by calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};
use std::{fmt, io};

use parking_lot::Mutex;

use super::policy::Policy;
use super::zap_socket::Handler;
use crate::actor::local_logger;
use crate::engine::raw::{Context, Error, Msg, Poller, Socket, with_signals_blocked};
use crate::log::{Logger, Sink};

/// Serves a context's authentication requests for as long as it lives. Without one, libzmq lets everybody in by
/// NULL and CURVE.
pub struct Guard {
    policy: Arc<Mutex<Policy>>,
    logger: Logger,
    /// The way to end the thread.
    end: Mutex<Socket>,
    thread: Option<JoinHandle<()>>,
}

impl Guard {
    /// Serve the requests of `context` by an empty policy. Fails where the context has a handler already.
    pub fn new(context: Context, sink: Arc<dyn Sink>) -> io::Result<Guard> {
        let logger = local_logger("zauth", sink);
        let policy = Arc::new(Mutex::new(Policy::default()));
        let handler = Handler::new(context)?;
        let (end, ended) = pair(context)?;
        let served = (Arc::clone(&policy), logger.clone());
        let serve = move || {
            let (policy, logger) = served;
            if let Err(error) = answer(&handler, &ended, &policy, &logger)
                && !error.is_terminated()
            {
                logger.error(format_args!("zauth: {error}; it ends"));
            }
        };
        let thread = with_signals_blocked(|| Builder::new().name("zgossip-auth".to_owned()).spawn(serve))?;
        Ok(Guard { policy, logger, end: Mutex::new(end), thread: Some(thread) })
    }

    /// Change the policy; what is changed counts for every client that connects from now on.
    pub fn change<T>(&self, change: impl FnOnce(&mut Policy) -> T) -> T {
        change(&mut self.policy.lock())
    }

    /// Log every decision, or do not.
    pub fn set_verbose(&self, verbose: bool) {
        self.logger.set_verbose(verbose);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.end.lock().try_send_slice(b"", false);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
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

fn answer(handler: &Handler, ended: &Socket, policy: &Mutex<Policy>, logger: &Logger) -> Result<(), Error> {
    let mut poller = Poller::new();
    poller.add(handler.fd()?, false);
    poller.add(ended.fd()?, false);
    let mut word = Msg::new();
    loop {
        match ended.try_recv(&mut word) {
            Ok(()) => return Ok(()),
            Err(error) if error.is_again() => {}
            Err(error) => return Err(error),
        }
        handler.serve(&mut policy.lock(), logger)?;
        if !ended.events()?.readable && !handler.readable()? {
            poller.wait(None)?;
        }
    }
}
