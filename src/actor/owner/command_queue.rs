//! The queue of commands and requests, from the program's threads to the node's.
//!
//! Commands are copied into one buffer, which the node swaps for an empty one: it takes the lock once for all commands
//! that wait. The node's descriptor is written when the first command comes, and not again before the node has seen
//! that none is left.

use std::io;

use super::batch::{Batch, size_of_frames, size_of_publish};
use super::limits::{MAX_BYTES, MAX_COMMANDS};
use super::request::Request;
use super::timeout::{Deadline, failure};
use crate::actor::command::{MAX_FRAMES, is_term};
use crate::actor::error::CallError;
use crate::actor::futex::Wakeup;
use crate::engine::event_fd::EventFd;
use crate::sync::{Mutex, MutexGuard};

/// Commands and requests that wait for the node.
pub(super) struct CommandQueue {
    state: Mutex<State>,
    /// Senders wait for room.
    room: Wakeup,
    /// The descriptor that the node polls.
    wake: EventFd,
}

struct State {
    batch: Batch,
    /// Whether the node knows that commands wait, or will check for them before it sleeps.
    notified: bool,
    /// Whether `$TERM` is among the commands: none is accepted behind it.
    ending: bool,
    /// Whether the node has ended, or its handle is being closed.
    closed: bool,
    /// The number of senders that wait for room.
    senders: usize,
}

impl CommandQueue {
    /// An empty queue.
    pub(super) fn new() -> io::Result<CommandQueue> {
        let batch = Batch::default();
        let state = State { batch, notified: false, ending: false, closed: false, senders: 0 };
        Ok(CommandQueue { state: Mutex::new(state), room: Wakeup::default(), wake: EventFd::new()? })
    }

    /// Adds a command of frames. `until` is asked when there is no room.
    pub(super) fn send(&self, frames: &[&[u8]], until: impl Fn() -> Deadline) -> Result<(), CallError> {
        let frames = &frames[..frames.len().min(MAX_FRAMES)];
        if frames.is_empty() {
            return Err(CallError::NoFrames);
        }
        check_sizes(frames)?;
        let mut state = self.wait_for_room(size_of_frames(frames), until)?;
        state.batch.push(frames);
        self.notify(&mut state, is_term(frames));
        Ok(())
    }

    /// Adds a PUBLISH of a typed call. `until` is asked when there is no room.
    pub(super) fn publish(
        &self,
        key: &[u8],
        value: &[u8],
        ttl: u32,
        until: impl Fn() -> Deadline,
    ) -> Result<(), CallError> {
        check_sizes(&[key, value])?;
        let mut state = self.wait_for_room(size_of_publish(key, value), until)?;
        state.batch.push_publish(key, value, ttl);
        self.notify(&mut state, false);
        Ok(())
    }

    /// Adds a request. `until` is asked when there is no room.
    pub(super) fn request(
        &self,
        request: Box<dyn Request>,
        until: impl Fn() -> Deadline,
    ) -> Result<(), CallError> {
        let mut state = self.wait_for_room(1, until)?;
        state.batch.push_request(request);
        self.notify(&mut state, false);
        Ok(())
    }

    /// Waits until there is room for `size` bytes.
    fn wait_for_room(
        &self,
        size: usize,
        until: impl Fn() -> Deadline,
    ) -> Result<MutexGuard<'_, State>, CallError> {
        let mut state = self.state.lock();
        let mut deadline = None;
        let mut failed = None;
        loop {
            if state.closed || state.ending {
                return Err(CallError::Closed);
            }
            let batch = &state.batch;
            let room = batch.len() < MAX_COMMANDS && batch.bytes() + size <= MAX_BYTES;
            if room || batch.is_empty() {
                return Ok(state);
            }
            if let Some(failed) = failed {
                return Err(failed);
            }
            let end = match deadline {
                Some(end) => end,
                None => *deadline.insert(until()?),
            };
            state.senders += 1;
            failed = failure(self.room.wait(&mut state, end));
            state.senders -= 1;
        }
    }

    /// Lets the node know that something was added, `$TERM` perhaps.
    fn notify(&self, state: &mut State, term: bool) {
        state.ending |= term;
        // A node that waits for room for its replies knows of commands already, but must learn that it is to end.
        if !std::mem::replace(&mut state.notified, true) || term {
            self.wake.raise();
        }
    }

    /// Wakes the node though no command has come.
    pub(super) fn wake(&self) {
        self.wake.raise();
    }

    /// The descriptor that is readable while there is something to do for the node.
    pub(super) fn wake_descriptor(&self) -> &EventFd {
        &self.wake
    }

    /// Moves everything that waits into `batch`, which must be empty. Returns false when nothing waits; the next command
    /// will wake the node then.
    pub(super) fn take(&self, batch: &mut Batch) -> bool {
        debug_assert!(batch.is_empty(), "commands that were not carried out would be lost");
        let mut state = self.state.lock();
        if state.batch.is_empty() {
            state.notified = false;
            self.wake.lower();
            return false;
        }
        std::mem::swap(&mut state.batch, batch);
        let senders = state.senders > 0;
        drop(state);
        if senders {
            self.room.wake_all();
        }
        true
    }

    /// Makes the descriptor not readable though commands wait. Returns false, and leaves it, if `$TERM` is among them.
    pub(super) fn pause(&self) -> bool {
        let state = self.state.lock();
        if !state.ending {
            self.wake.lower();
        }
        !state.ending
    }

    /// Returns whether `$TERM` is among the commands.
    pub(super) fn is_ending(&self) -> bool {
        self.state.lock().ending
    }

    /// Accepts nothing any more, and adds `$TERM` behind the commands that wait. Returns false if that was done before.
    pub(super) fn close(&self) -> bool {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.closed, true) {
            return false;
        }
        if !state.ending {
            state.batch.push(&[b"$TERM"]);
            self.notify(&mut state, true);
        }
        drop(state);
        self.room.wake_all();
        true
    }

    /// Drops everything that waits: the node has ended.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.batch.clear();
        drop(state);
        self.room.wake_all();
    }

    /// The number of senders that wait for room.
    #[cfg(test)]
    pub(super) fn senders(&self) -> usize {
        self.state.lock().senders
    }
}

fn check_sizes(frames: &[&[u8]]) -> Result<(), CallError> {
    if frames.iter().any(|frame| u32::try_from(frame.len()).is_err()) {
        return Err(CallError::TooLarge);
    }
    Ok(())
}
