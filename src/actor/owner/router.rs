//! The router between the threads of a program and the thread of a node: commands one way, messages back.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::command_queue::CommandQueue;
use super::message_queue::{Handover, MessageQueue};
use super::request::Request;
use super::thread_mark::ThreadMark;
use super::timeout::{Deadline, Timeout};
use crate::actor::command::{Message, Outgoing};
use crate::actor::error::CallError;
use crate::engine::event_fd::EventFd;

/// The two queues between a program and a node, and what both sides know of each other.
pub(super) struct Router {
    commands: CommandQueue,
    messages: MessageQueue,
    /// Longest wait of a sender for room.
    pub(super) send_timeout: Timeout,
    /// Longest wait of a receiver for a message.
    pub(super) recv_timeout: Timeout,
    /// The node's thread, from the time when it runs.
    thread: OnceLock<ThreadMark>,
    /// The longest value that the node accepts, in bytes.
    max_value: AtomicUsize,
    /// Whether the node ends because its context is being terminated.
    is_terminated: AtomicBool,
}

/// The program's side.
impl Router {
    /// A router without commands and messages.
    pub(super) fn new() -> io::Result<Router> {
        Ok(Router {
            commands: CommandQueue::new()?,
            messages: MessageQueue::new(),
            send_timeout: Timeout::default(),
            recv_timeout: Timeout::default(),
            thread: OnceLock::new(),
            max_value: AtomicUsize::new(usize::MAX),
            is_terminated: AtomicBool::new(false),
        })
    }

    /// Queues a command of frames.
    pub(super) fn send(&self, frames: &[&[u8]]) -> Result<(), CallError> {
        self.commands.send(frames, || self.deadline(&self.send_timeout)).map_err(|error| self.why(error))
    }

    /// Queues a PUBLISH of a typed call.
    pub(super) fn publish(&self, key: &[u8], value: &[u8], ttl: u32) -> Result<(), CallError> {
        let until = || self.deadline(&self.send_timeout);
        self.commands.publish(key, value, ttl, until).map_err(|error| self.why(error))
    }

    /// Queues a request.
    pub(super) fn request(
        &self,
        request: Box<dyn Request>,
        deadline: Option<Instant>,
    ) -> Result<(), CallError> {
        // A request has an answer to wait for, which the node's own thread must not do even where there is room.
        self.may_wait()?;
        self.commands.request(request, || Ok(deadline)).map_err(|error| self.why(error))
    }

    /// Takes the message that has waited longest.
    pub(super) fn recv(&self) -> Result<Message, CallError> {
        self.recv_until(|| self.deadline(&self.recv_timeout))
    }

    /// Takes the message that has waited longest, if one comes within `timeout`.
    pub(super) fn recv_within(&self, timeout: Duration) -> Result<Message, CallError> {
        self.recv_until(|| self.may_wait().map(|()| Instant::now().checked_add(timeout)))
    }

    fn recv_until(&self, until: impl Fn() -> Deadline) -> Result<Message, CallError> {
        let (message, resume) = self.messages.recv(until)?;
        if resume {
            self.commands.wake();
        }
        Ok(message)
    }

    /// A descriptor that is readable exactly while a message waits, and once the node has ended. The router owns it.
    pub(super) fn descriptor(&self) -> io::Result<&EventFd> {
        self.messages.descriptor()
    }

    /// The longest value that the node accepts, in bytes.
    pub(super) fn max_value(&self) -> usize {
        self.max_value.load(Ordering::Relaxed)
    }

    /// Accepts no commands and hands out no messages any more: all calls that wait return, and the node gets `$TERM`
    /// behind the commands that wait.
    pub(super) fn close(&self) {
        if self.commands.close() {
            self.messages.close();
        }
    }

    /// The end of a wait that begins now; an error in the node's own thread, which must not wait for itself.
    fn deadline(&self, timeout: &Timeout) -> Deadline {
        self.may_wait().map(|()| timeout.deadline())
    }

    /// The error of a call, with the reason why the node has ended. Who receives learns that it has ended, and no more.
    pub(super) fn why(&self, error: CallError) -> CallError {
        let is_terminated = error == CallError::Closed && self.is_terminated.load(Ordering::Acquire);
        if is_terminated { CallError::Terminated } else { error }
    }

    fn may_wait(&self) -> Result<(), CallError> {
        if self.is_node_thread() { Err(CallError::OwnThread) } else { Ok(()) }
    }

    /// Returns whether the calling thread is the node's.
    pub(super) fn is_node_thread(&self) -> bool {
        self.thread.get() == Some(&ThreadMark::of_caller())
    }
}

/// The node's side.
impl Router {
    /// Declares the calling thread the node's.
    pub(super) fn set_node_thread(&self) {
        let _ = self.thread.set(ThreadMark::of_caller());
    }

    /// The descriptor that is readable while there is something to do for the node.
    pub(super) fn wake_descriptor(&self) -> &EventFd {
        self.commands.wake_descriptor()
    }

    /// Moves all commands that wait into `batch`, which must be empty. Returns false when none waits; the next one will
    /// wake the node then.
    pub(super) fn take(&self, batch: &mut Batch) -> bool {
        self.commands.take(batch)
    }

    /// Returns whether the node has to wait before it makes another reply. It is woken as soon as there is room, and
    /// when `$TERM` comes.
    pub(super) fn stall(&self) -> bool {
        // The descriptor is lowered before the messages are checked: a receiver that makes room in between raises it.
        if !self.commands.pause() {
            return false;
        }
        let stalled = self.messages.stall();
        if !stalled {
            self.commands.wake();
        }
        stalled
    }

    /// Returns whether `$TERM` is among the commands. Nobody reads replies behind it.
    pub(super) fn is_ending(&self) -> bool {
        self.commands.is_ending()
    }

    /// Hands over messages, oldest first, and empties `messages`.
    pub(super) fn push(&self, messages: &mut Vec<Outgoing>) -> Handover {
        self.messages.push(messages)
    }

    /// Sets the longest value that the node accepts, in bytes.
    pub(super) fn set_max_value(&self, max_value: usize) {
        self.max_value.store(max_value, Ordering::Relaxed);
    }

    /// Accepts no commands any more, for the context is being terminated: what waits is dropped.
    pub(super) fn terminate(&self) {
        self.is_terminated.store(true, Ordering::Release);
        self.commands.end();
    }

    /// Ends the router because the node has ended. Messages that wait can still be taken.
    pub(super) fn end(&self) {
        self.commands.end();
        self.messages.end();
    }

    /// The number of messages that wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.messages.len()
    }
}

#[cfg(test)]
mod tests;
