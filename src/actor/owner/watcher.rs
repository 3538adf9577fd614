//! A watcher: a part of the program that watches a prefix, with a queue and a descriptor of its own.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::handle::Handle;
use super::message_queue::MessageQueue;
use super::router::Router;
use super::timeout::Timeout;
use crate::actor::command::{Listener, Message, Outgoing};
use crate::actor::error::{CallError, Failure};
use crate::engine::raw;

/// A watcher, as the program holds it. Any thread may call any method at any time. It ends with its node: what waits then
/// can still be received.
pub struct Watcher {
    queue: Arc<MessageQueue>,
    /// The node's router, which knows the node's thread.
    router: Arc<Router>,
    recv_timeout: Timeout,
    /// The process that it was made in.
    generation: u32,
}

/// The node's side. The queue ends with it.
struct NodeSide(Arc<MessageQueue>);

impl Listener for NodeSide {
    fn push(&self, outgoing: Outgoing) {
        self.0.push(&mut vec![outgoing]);
    }

    fn is_gone(&self) -> bool {
        self.0.is_closed()
    }
}

impl Drop for NodeSide {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Handle {
    /// Makes a watcher of the keys that begin with `prefix`.
    pub fn watcher(&self, prefix: &[u8]) -> Result<Watcher, Failure> {
        if prefix.contains(&0) {
            return Err(Failure::invalid("prefix holds a NUL byte"));
        }
        let queue = Arc::new(MessageQueue::new());
        let (prefix, side) = (prefix.to_vec(), NodeSide(Arc::clone(&queue)));
        self.call(move |node| node.listen(&prefix, Box::new(side)))??;
        let router = self.router();
        Ok(Watcher { queue, router, recv_timeout: Timeout::default(), generation: raw::generation() })
    }
}

impl Watcher {
    /// Takes the next event. Waits for one as long as the receive time-out allows.
    pub fn recv(&self) -> Result<Message, CallError> {
        self.recv_until(|| self.recv_timeout.deadline())
    }

    /// Takes the next event, if one comes within `timeout`.
    pub fn recv_within(&self, timeout: Duration) -> Result<Message, CallError> {
        self.recv_until(|| Instant::now().checked_add(timeout))
    }

    fn recv_until(&self, until: impl Fn() -> Option<Instant>) -> Result<Message, CallError> {
        let until = || if self.router.is_node_thread() { Err(CallError::OwnThread) } else { Ok(until()) };
        Ok(self.queue.recv(until)?.0)
    }

    /// Sets how long [`recv`](Watcher::recv) waits; `None`, as at first, for no limit.
    pub fn set_recv_timeout(&self, timeout: Option<Duration>) {
        self.recv_timeout.set(timeout);
    }

    /// A descriptor that is readable exactly while an event waits, and once the node has ended. It is valid until the watcher
    /// is dropped, and only to be polled.
    pub fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        Ok(self.queue.descriptor()?.as_fd())
    }

    /// Returns whether this process was forked from the one that made the watcher. No other method may be called then.
    pub fn is_orphan(&self) -> bool {
        self.generation != raw::generation()
    }

    /// Gives the watcher up: calls that wait return.
    pub fn close(&self) {
        if !self.is_orphan() {
            self.queue.close();
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.close();
    }
}
