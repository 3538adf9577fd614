//! A node for programs without CZMQ: commands in, messages out, from any thread.

use std::io;
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::queue;
use super::request::request;
use super::router::Router;
use crate::actor::command::{Condition, Message, NodeCalls, malformed};
use crate::actor::error::{CallError, Failure};
use crate::actor::host::local_logger;
use crate::actor::promise::promise;
use crate::engine::raw;
use crate::log::Sink;

/// The least time that a call has for its answer, so that a program whose commands never wait for room can make calls:
/// a busy node needs some milliseconds.
const MIN_CALL_TIMEOUT: Duration = Duration::from_secs(1);

/// A node with a thread of its own, as the program holds it. Any thread may call any method at any time.
pub struct Handle {
    router: Arc<Router>,
    thread: Mutex<Option<JoinHandle<()>>>,
    context: raw::Context,
    /// The process that the node was started in: see [`is_orphan`](Handle::is_orphan).
    generation: u32,
}

impl Handle {
    /// Starts a node whose sockets are made in `context`. Its log lines begin with `name`, and its peers are told `name`.
    pub fn new(name: &str, sink: Arc<dyn Sink>, context: raw::Context) -> io::Result<Handle> {
        let router = Arc::new(Router::new()?);
        let logger = local_logger(name, sink);
        let node = {
            let (router, name) = (Arc::clone(&router), name.to_owned());
            move || {
                router.set_node_thread();
                let run = || queue::run(&router, name, context, &logger);
                if catch_unwind(AssertUnwindSafe(run)).is_err() {
                    logger.error("the node has failed, and has ended");
                }
                router.end();
            }
        };
        let thread = raw::with_signals_blocked(|| {
            // Signals are the program's: the node's thread takes none.
            thread::Builder::new().name("zgossip".to_owned()).spawn(node)
        })?;
        Ok(Handle { router, thread: Mutex::new(Some(thread)), context, generation: raw::generation() })
    }

    /// The queues between the program and the node.
    pub(super) fn router(&self) -> Arc<Router> {
        Arc::clone(&self.router)
    }

    /// Sends a command of frames. Waits for room as long as the send time-out allows while 10 000 commands wait.
    pub fn send(&self, frames: &[&[u8]]) -> Result<(), CallError> {
        self.router.send(frames)
    }

    /// Sends a command of frames, and fails with EINVAL if it is malformed. It is queued even then, so that the log and the
    /// program's events tell of it as of any other that is not carried out.
    pub fn send_checked(&self, frames: &[&[u8]]) -> Result<(), Failure> {
        self.send(frames)?;
        malformed(frames).map_or(Ok(()), |refused| Err(Failure::invalid(refused)))
    }

    /// Queues a PUBLISH whose arguments are known to be good. Waits as [`send`](Handle::send) does.
    pub(super) fn send_publish(&self, key: &[u8], value: &[u8], ttl: u32) -> Result<(), CallError> {
        self.router.publish(key, value, ttl)
    }

    /// Takes the next message. Waits for one as long as the receive time-out allows.
    pub fn recv(&self) -> Result<Message, CallError> {
        self.router.recv()
    }

    /// Takes the next message, if one comes within `timeout`.
    pub fn recv_within(&self, timeout: Duration) -> Result<Message, CallError> {
        self.router.recv_within(timeout)
    }

    /// Runs `closure` on the node's thread, behind the commands that wait, and returns its result. Waits as long as the
    /// send time-out allows, but a second at least; on [`CallError::TimedOut`] the closure does not run.
    pub fn call<T, F>(&self, closure: F) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: FnOnce(&mut NodeCalls<'_>) -> T + Send + 'static,
    {
        let deadline = self.router.send_timeout.deadline_of_at_least(MIN_CALL_TIMEOUT);
        let (request, answer) = request(closure);
        self.router.request(request, deadline)?;
        answer.wait(deadline, false).map_err(|error| self.router.why(error))
    }

    /// Waits as [`wait`](Handle::wait) does; [`CallError::TimedOut`] comes without a text about what is lacking.
    pub(super) fn wait_for(
        &self,
        condition: Condition,
        timeout: Option<Duration>,
    ) -> Result<usize, CallError> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        // A time-out of 0 asks whether the condition is met now: even then the node needs time to check it.
        let check_once = timeout.is_some_and(|timeout| timeout.is_zero());
        let first = if check_once {
            self.router.send_timeout.deadline_of_at_least(MIN_CALL_TIMEOUT)
        } else {
            deadline
        };
        let (promise, met) = promise();
        let (request, answer) = request(move |node| node.wait(condition, promise));
        self.router.request(request, first)?;
        let met = answer.wait(first, false).and_then(|number| match number {
            Some(number) => Ok(number),
            None => met.wait(deadline, true),
        });
        met.map_err(|error| self.router.why(error))
    }

    /// The longest value that the node accepts, in bytes.
    pub fn max_value(&self) -> usize {
        self.router.max_value()
    }

    /// Returns whether the calling thread is the node's, which must not wait for the node.
    pub fn is_own_thread(&self) -> bool {
        self.router.is_node_thread()
    }

    /// The libzmq context of the node's sockets.
    pub fn context(&self) -> raw::Context {
        self.context
    }

    /// A descriptor that is readable exactly while a message waits, and once the node has ended. It is valid until the
    /// handle is dropped, and only to be polled.
    pub fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        Ok(self.router.descriptor()?.as_fd())
    }

    /// Sets how long [`send`](Handle::send) waits; `None`, as at first, for no limit.
    pub fn set_send_timeout(&self, timeout: Option<Duration>) {
        self.router.send_timeout.set(timeout);
    }

    /// Sets how long [`recv`](Handle::recv) waits; `None`, as at first, for no limit.
    pub fn set_recv_timeout(&self, timeout: Option<Duration>) {
        self.router.recv_timeout.set(timeout);
    }

    /// Returns whether this process was forked from the one that started the node, and so lacks the node's thread. No
    /// other method may be called then: nothing would ever answer.
    pub fn is_orphan(&self) -> bool {
        self.generation != raw::generation()
    }

    /// Ends the node. Calls that wait return, the commands that were sent before are carried out, and the node's thread
    /// has ended when this returns. A second call does nothing. In the node's own thread, which cannot wait for itself,
    /// the node ends later; in a process that was forked from the node's, nothing is done.
    pub fn close(&self) {
        if self.is_orphan() {
            return;
        }
        self.router.close();
        if self.is_own_thread() {
            return;
        }
        // The lock is held during the wait, so that a thread that closes at the same time waits too.
        let mut thread = self.thread.lock();
        if let Some(thread) = thread.take() {
            // The thread catches its panics, so there is no error.
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Level;
    use common::one_is_within;

    struct Silent;

    impl Sink for Silent {
        fn write(&self, _: Level, _: &str) {}
    }

    fn node() -> Handle {
        let handle = Handle::new("queue", Arc::new(Silent), raw::Context::global()).unwrap();
        handle.set_recv_timeout(Some(Duration::from_secs(5)));
        handle
    }

    fn send(node: &Handle, command: &[&str]) {
        let frames: Vec<&[u8]> = command.iter().map(|frame| frame.as_bytes()).collect();
        node.send(&frames).unwrap();
    }

    fn recv(node: &Handle) -> Vec<String> {
        let message = node.recv().unwrap();
        message.frames().map(|frame| String::from_utf8_lossy(frame).into_owned()).collect()
    }

    #[test]
    fn commands_and_messages_pass() {
        let node = node();
        send(&node, &["PUBLISH", "a", "1"]);
        send(&node, &["GET", "a"]);
        assert_eq!(recv(&node), ["DELIVER", "a", "1"]);
        assert_eq!(recv(&node), ["VALUE", "a", "1"]);
    }

    #[test]
    fn only_the_newest_value_of_a_key_waits() {
        let node = node();
        for value in 0..1_000 {
            send(&node, &["PUBLISH", "a", &value.to_string()]);
        }
        send(&node, &["PUBLISH", "b", ""]);
        send(&node, &["STATUS"]);
        // Each number of waiting messages is reached only once the others have come: two events and one reply.
        while node.router.waiting() < 3 {
            thread::yield_now();
        }
        assert_eq!(recv(&node), ["DELIVER", "a", "999"]);
        assert_eq!(recv(&node), ["DELIVER", "b", ""]);
        assert_eq!(recv(&node), ["STATUS", "2"]);
    }

    #[test]
    fn more_replies_than_may_wait_come_as_they_are_read() {
        const COMMANDS: usize = 50_000;
        let node = node();
        thread::scope(|scope| {
            scope.spawn(|| (0..COMMANDS).for_each(|number| send(&node, &["GET", &number.to_string()])));
            for number in 0..COMMANDS {
                assert_eq!(recv(&node), ["VALUE", &number.to_string()]);
            }
        });
    }

    #[test]
    fn a_node_with_unread_replies_ends_at_once() {
        one_is_within(Duration::from_millis(100), "the end, longer than that of an idle node", || {
            let idle = closing(&node());
            let node = node();
            node.set_send_timeout(Some(Duration::from_millis(200)));
            let given =
                (0..).take_while(|key| node.send(&[b"GET", format!("{key}").as_bytes()]).is_ok()).count();
            assert!((20_000..50_000).contains(&given), "{given} commands");
            assert!(node.router.waiting() >= 10_000);
            let took = closing(&node);
            assert_eq!(node.recv(), Err(CallError::Closed));
            took.saturating_sub(idle)
        });
    }

    /// The time that it takes to end a node.
    fn closing(node: &Handle) -> Duration {
        let begun = Instant::now();
        node.close();
        begun.elapsed()
    }

    #[test]
    fn calls_fail_once_the_node_has_ended() {
        let node = node();
        send(&node, &["PUBLISH", "a", "1"]);
        send(&node, &["$TERM"]);
        assert_eq!(recv(&node), ["DELIVER", "a", "1"]);
        assert_eq!(node.recv(), Err(CallError::Closed));
        assert_eq!(node.send(&[b"STATUS"]), Err(CallError::Closed));
        node.close();
        node.close();
    }

    #[test]
    fn closing_returns_soon_and_carries_out_the_commands_given() {
        let directory = std::env::temp_dir();
        let file = directory.join(format!("zgossip-queue-{:x}", fastrand::u64(..)));
        one_is_within(Duration::from_millis(500), "the end of a node with 5000 commands", || {
            let node = node();
            for number in 0..5_000 {
                send(&node, &["PUBLISH", &number.to_string(), "value"]);
            }
            send(&node, &["SAVE", file.to_str().unwrap()]);
            let took = closing(&node);
            std::fs::remove_file(&file).unwrap();
            took
        });
    }

    #[test]
    fn a_published_ttl_reaches_the_node_as_a_number() {
        let node = node();
        node.send_publish(b"a", b"1", u32::MAX).unwrap();
        node.send_publish(b"b", b"2", 1).unwrap();
        node.send_publish(b"", b"3", 0).unwrap();
        assert_eq!(recv(&node), ["DELIVER", "a", "1"]);
        assert_eq!(recv(&node), ["DELIVER", "b", "2"]);
        while node.call(|node| node.count()) != Ok(1) {
            thread::yield_now();
        }
    }
}
