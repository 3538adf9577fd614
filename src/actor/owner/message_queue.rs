//! The queue of messages, from the node's thread to the program's.
//!
//! The program's descriptor is made when it is first asked for, and is readable exactly while a message waits: it
//! changes under the lock under which messages come and go. Once the node has ended it stays readable, as a connection
//! does that the other end has closed.

use std::io;
use std::sync::OnceLock;

use super::limits::MAX_REPLIES;
use super::timeout::{Deadline, failure};
use crate::actor::command::{Inbox, Message, Outgoing};
use crate::actor::error::CallError;
use crate::actor::futex::Wakeup;
use crate::engine::event_fd::EventFd;
use crate::sync::{Mutex, MutexGuard};

/// Messages that wait for the program.
pub(super) struct MessageQueue {
    state: Mutex<State>,
    /// The program's descriptor, once it was asked for; made, raised and lowered under the lock of the state.
    descriptor: OnceLock<EventFd>,
    /// Receivers wait for messages.
    arrived: Wakeup,
}

struct State {
    inbox: Inbox,
    /// Whether the descriptor is raised.
    raised: bool,
    /// Whether the node waits for room for its replies.
    stalled: bool,
    /// Whether the node has ended: no message will come any more.
    ended: bool,
    /// Whether the handle is being closed: messages that wait cannot be taken any more.
    closed: bool,
    /// The number of receivers that wait for a message.
    receivers: usize,
}

/// The result of handing messages over.
pub(super) struct Handover {
    /// Whether there is no room for another reply.
    pub(super) full: bool,
    /// Number of messages that were dropped for want of room.
    pub(super) dropped: usize,
}

impl MessageQueue {
    /// An empty queue.
    pub(super) fn new() -> MessageQueue {
        let state = State {
            inbox: Inbox::new(MAX_REPLIES),
            raised: false,
            stalled: false,
            ended: false,
            closed: false,
            receivers: 0,
        };
        MessageQueue { state: Mutex::new(state), descriptor: OnceLock::new(), arrived: Wakeup::default() }
    }

    /// Takes the message that has waited longest, and whether the node, which waited for room, can go on. `until` is
    /// asked when no message waits.
    pub(super) fn recv(&self, until: impl Fn() -> Deadline) -> Result<(Message, bool), CallError> {
        let mut state = self.state.lock();
        let mut deadline = None;
        let mut failed = None;
        loop {
            if state.closed {
                return Err(CallError::Closed);
            }
            if let Some(message) = state.inbox.pop() {
                return Ok((message, self.after_pop(state)));
            }
            if state.ended {
                return Err(CallError::Closed);
            }
            if let Some(failed) = failed {
                return Err(failed);
            }
            let end = match deadline {
                Some(end) => end,
                None => *deadline.insert(until()?),
            };
            state.receivers += 1;
            failed = failure(self.arrived.wait(&mut state, end));
            state.receivers -= 1;
        }
    }

    /// Updates the descriptor after a message was taken, and wakes the next receiver. Returns whether the node, which
    /// waited for room, can go on.
    fn after_pop(&self, mut state: MutexGuard<'_, State>) -> bool {
        let empty = state.inbox.is_empty();
        if empty {
            self.update_descriptor(&mut state);
        }
        let resume = state.stalled && !state.inbox.is_full_of_replies();
        if resume {
            state.stalled = false;
        }
        let more = !empty && state.receivers > 0;
        drop(state);
        if more {
            self.arrived.wake_one();
        }
        resume
    }

    /// The descriptor that is readable exactly while a message waits, and once the node has ended. The queue owns it.
    pub(super) fn descriptor(&self) -> io::Result<&EventFd> {
        let mut state = self.state.lock();
        let descriptor = match self.descriptor.get() {
            Some(descriptor) => descriptor,
            None => {
                let made = EventFd::new()?;
                let descriptor = self.descriptor.get_or_init(|| made);
                self.update_descriptor(&mut state);
                descriptor
            }
        };
        Ok(descriptor)
    }

    /// Hands over messages, oldest first, and empties `messages`.
    pub(super) fn push(&self, messages: &mut Vec<Outgoing>) -> Handover {
        let mut state = self.state.lock();
        if state.closed {
            messages.clear();
            return Handover { full: false, dropped: 0 };
        }
        let before = state.inbox.len();
        let dropped = messages.drain(..).map(|outgoing| usize::from(!state.inbox.push(outgoing))).sum();
        let arrived = state.inbox.len().saturating_sub(before);
        self.update_descriptor(&mut state);
        let receivers = state.receivers;
        let full = state.inbox.is_full_of_replies();
        drop(state);
        match receivers.min(arrived) {
            0 => {}
            1 => self.arrived.wake_one(),
            _ => self.arrived.wake_all(),
        }
        Handover { full, dropped }
    }

    /// Returns whether there is no room for another reply; if so, [`recv`](MessageQueue::recv) tells when there is
    /// again.
    pub(super) fn stall(&self) -> bool {
        let mut state = self.state.lock();
        state.stalled = state.inbox.is_full_of_replies();
        state.stalled
    }

    /// Closes the queue: nobody takes messages any more.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        self.update_descriptor(&mut state);
        drop(state);
        self.arrived.wake_all();
    }

    /// Returns whether nobody takes messages any more.
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Ends the queue: messages that wait can still be taken, and no more will come.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        state.ended = true;
        self.update_descriptor(&mut state);
        drop(state);
        self.arrived.wake_all();
    }

    /// The number of messages that wait.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.state.lock().inbox.len()
    }

    /// The number of receivers that wait for a message.
    #[cfg(test)]
    pub(super) fn receivers(&self) -> usize {
        self.state.lock().receivers
    }

    /// Makes the descriptor readable if a message waits or none will come any more, and not readable otherwise.
    fn update_descriptor(&self, state: &mut State) {
        let Some(descriptor) = self.descriptor.get() else { return };
        let readable = !state.inbox.is_empty() || state.ended || state.closed;
        if readable != state.raised {
            if readable {
                descriptor.raise();
            } else {
                descriptor.lower();
            }
            state.raised = readable;
        }
    }
}
