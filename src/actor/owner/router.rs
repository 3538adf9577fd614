//! Two queues between the threads of a program and the thread of a node.
//!
//! Both are made to be cheap by the batch. Commands are copied one behind the other into a buffer, which the node
//! swaps for an empty one: it takes the lock once for all that wait, and nothing is allocated for a command.
//! Messages are handed over by the turn of the node's loop.
//!
//! Two event descriptors tell of what waits. The node's own is written when the first command comes, and not again
//! before the node has seen that none is left. The program's is made when it is first asked for, and is readable
//! exactly while a message waits: it changes under the lock under which messages come and go. Once the node has
//! ended it stays readable, as a connection does that the other end has closed.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use rustix::event::{EventfdFlags, eventfd};

use super::batch::{self, Batch};
use super::request::Job;
use crate::actor::command::{Inbox, MAX_FRAMES, Message, Outgoing, is_term};
use crate::actor::error::CallError;
use crate::actor::futex::{Bell, Waited};

/// How many commands may wait before a sender has to.
const MAX_COMMANDS: usize = 10_000;

/// How many bytes of commands may wait; a single one may have more.
const MAX_BYTES: usize = 64 << 20;

/// How many different replies may wait before the node stops taking commands that ask for one.
const MAX_REPLIES: usize = 10_000;

/// How long a call may wait; for ever unless set.
pub struct Patience(AtomicU64);

impl Default for Patience {
    fn default() -> Patience {
        Patience(AtomicU64::new(u64::MAX))
    }
}

impl Patience {
    /// Set how long to wait.
    pub fn set(&self, timeout: Option<Duration>) {
        let millis = timeout.map_or(u64::MAX, |t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX));
        self.0.store(millis, Ordering::Relaxed);
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline_after(Duration::ZERO)
    }

    /// The end of the wait, which is to last so long at least.
    pub(super) fn deadline_after(&self, least: Duration) -> Option<Instant> {
        match self.0.load(Ordering::Relaxed) {
            u64::MAX => None,
            millis => Instant::now().checked_add(Duration::from_millis(millis).max(least)),
        }
    }
}

/// Why to go on no more after this wait, if what was waited for is not there.
fn give_up(waited: Waited) -> Option<CallError> {
    match waited {
        Waited::Rung => None,
        Waited::TimedOut => Some(CallError::TimedOut),
        Waited::Interrupted => Some(CallError::Interrupted),
    }
}

/// A descriptor that is readable or not, as we say.
struct Flag(OwnedFd);

impl Flag {
    fn new() -> io::Result<Flag> {
        Ok(Flag(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    fn raise(&self) {
        // Fails only when the counter is full, and then the flag is up.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    fn lower(&self) {
        // Fails only when the flag is down.
        let _ = rustix::io::read(&self.0, &mut [0u8; 8]);
    }
}

/// The program's and the node's common ground.
pub struct Channel {
    commands: Mutex<Commands>,
    /// Senders wait here for room.
    free: Bell,
    /// Wakes the node.
    wake: Flag,
    messages: Mutex<Messages>,
    /// The program's descriptor; made, raised and lowered under the lock of the messages.
    flag: OnceLock<Flag>,
    /// Receivers wait here for messages.
    arrived: Bell,
    /// How long a sender waits.
    pub send_patience: Patience,
    /// How long a receiver waits.
    pub recv_patience: Patience,
    /// The node's thread.
    thread: OnceLock<ThreadId>,
    /// The longest value that the node takes.
    pub max_value: AtomicUsize,
}

struct Commands {
    batch: Batch,
    /// The node knows that commands wait, or will look before it sleeps.
    told: bool,
    /// Nothing comes after a `$TERM`.
    ending: bool,
    closed: bool,
    senders: usize,
}

struct Messages {
    inbox: Inbox,
    raised: bool,
    /// The node waits for room for its replies.
    stalled: bool,
    /// No message will come any more.
    ended: bool,
    /// Nor may those that wait be taken.
    closed: bool,
    receivers: usize,
}

/// What the node finds when it looks for commands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Taken {
    /// All that waited.
    Some,
    /// None waited.
    None,
}

impl Channel {
    /// A channel without commands and messages.
    pub fn new() -> io::Result<Channel> {
        Ok(Channel {
            commands: Mutex::new(Commands {
                batch: Batch::default(),
                told: false,
                ending: false,
                closed: false,
                senders: 0,
            }),
            free: Bell::default(),
            wake: Flag::new()?,
            messages: Mutex::new(Messages {
                inbox: Inbox::new(MAX_REPLIES),
                raised: false,
                stalled: false,
                ended: false,
                closed: false,
                receivers: 0,
            }),
            flag: OnceLock::new(),
            arrived: Bell::default(),
            send_patience: Patience::default(),
            recv_patience: Patience::default(),
            thread: OnceLock::new(),
            max_value: AtomicUsize::new(usize::MAX),
        })
    }

    /// The program's side: queue a command.
    pub fn send(&self, frames: &[&[u8]]) -> Result<(), CallError> {
        if frames.is_empty() {
            return Err(CallError::NoFrames);
        }
        let frames = &frames[..frames.len().min(MAX_FRAMES)];
        if frames.iter().any(|frame| u32::try_from(frame.len()).is_err()) {
            return Err(CallError::TooLarge);
        }
        let mut commands = self.room(batch::size(frames), || self.send_patience.deadline())?;
        commands.batch.push(frames);
        self.queued(&mut commands, is_term(frames));
        Ok(())
    }

    /// The program's side: queue a question.
    pub fn ask(&self, question: Box<dyn Job>, deadline: Option<Instant>) -> Result<(), CallError> {
        if self.is_own_thread() {
            return Err(CallError::OwnThread);
        }
        let mut commands = self.room(1, || deadline)?;
        commands.batch.push_question(question);
        self.queued(&mut commands, false);
        Ok(())
    }

    /// Wait for room for so many bytes.
    fn room(
        &self,
        size: usize,
        until: impl Fn() -> Option<Instant>,
    ) -> Result<MutexGuard<'_, Commands>, CallError> {
        let mut commands = self.commands.lock();
        let mut deadline = None;
        let mut given_up = None;
        loop {
            if commands.closed || commands.ending {
                return Err(CallError::Closed);
            }
            let waiting = &commands.batch;
            let room = waiting.len() < MAX_COMMANDS && waiting.bytes() + size <= MAX_BYTES;
            if room || waiting.is_empty() {
                return Ok(commands);
            }
            if let Some(why) = given_up {
                return Err(why);
            }
            if self.is_own_thread() {
                return Err(CallError::OwnThread);
            }
            let deadline = *deadline.get_or_insert_with(&until);
            commands.senders += 1;
            given_up = give_up(self.free.wait(&mut commands, deadline));
            commands.senders -= 1;
        }
    }

    /// After something was queued: let the node know.
    fn queued(&self, commands: &mut Commands, term: bool) {
        commands.ending |= term;
        // A node that waits for room for its replies has been told of commands, but must hear that it is to end.
        if !std::mem::replace(&mut commands.told, true) || term {
            self.wake.raise();
        }
    }

    /// The program's side: take the message that has waited longest.
    pub fn recv(&self) -> Result<Message, CallError> {
        self.recv_by(|| self.recv_patience.deadline())
    }

    /// The program's side: the same, with a deadline of its own, which is asked for once there is a wait.
    pub fn recv_by(&self, until: impl Fn() -> Option<Instant>) -> Result<Message, CallError> {
        let mut messages = self.messages.lock();
        let mut deadline = None;
        let mut given_up = None;
        loop {
            if messages.closed {
                return Err(CallError::Closed);
            }
            if let Some(message) = messages.inbox.pop() {
                self.taken(messages);
                return Ok(message);
            }
            if messages.ended {
                return Err(CallError::Closed);
            }
            if let Some(why) = given_up {
                return Err(why);
            }
            if self.is_own_thread() {
                return Err(CallError::OwnThread);
            }
            let deadline = *deadline.get_or_insert_with(&until);
            messages.receivers += 1;
            given_up = give_up(self.arrived.wait(&mut messages, deadline));
            messages.receivers -= 1;
        }
    }

    /// After a message was taken: lower the flag, wake who can go on now.
    fn taken(&self, mut messages: MutexGuard<'_, Messages>) {
        let empty = messages.inbox.is_empty();
        if empty {
            self.show(&mut messages);
        }
        let resume = messages.stalled && !messages.inbox.is_full_of_replies();
        if resume {
            messages.stalled = false;
        }
        let more = !empty && messages.receivers > 0;
        drop(messages);
        if more {
            self.arrived.ring();
        }
        if resume {
            self.wake.raise();
        }
    }

    /// The program's side: how many messages wait.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.messages.lock().inbox.len()
    }

    /// The program's side: a descriptor that is readable exactly while a message waits, and when the node has ended.
    /// It belongs to the channel.
    pub fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        let mut messages = self.messages.lock();
        if self.flag.get().is_none() {
            let _ = self.flag.set(Flag::new()?);
            self.show(&mut messages);
        }
        Ok(self.flag.get().expect("made above").0.as_fd())
    }

    /// The program's side: nothing is sent or received any more, whoever waits returns, and the node gets `$TERM`
    /// behind the commands that wait.
    pub fn close(&self) {
        {
            let mut commands = self.commands.lock();
            if std::mem::replace(&mut commands.closed, true) {
                return;
            }
            if !commands.ending {
                commands.batch.push(&[b"$TERM"]);
                self.queued(&mut commands, true);
            }
        }
        self.free.ring_for_all();
        {
            let mut messages = self.messages.lock();
            messages.closed = true;
            self.show(&mut messages);
        }
        self.arrived.ring_for_all();
    }

    /// The node's side: this is its thread.
    pub fn settle_in(&self) {
        let _ = self.thread.set(thread::current().id());
    }

    /// Whether the node's thread asks: it must not wait for itself.
    pub fn is_own_thread(&self) -> bool {
        self.thread.get() == Some(&thread::current().id())
    }

    /// The node's side: readable while there is something to do.
    pub fn wake_fd(&self) -> BorrowedFd<'_> {
        self.wake.0.as_fd()
    }

    /// The node's side: take all commands that wait into `batch`, which must be empty. When none waits, the node
    /// will be woken by the next one.
    pub fn take(&self, batch: &mut Batch) -> Taken {
        debug_assert!(batch.is_empty(), "commands that were not carried out would be lost");
        let mut commands = self.commands.lock();
        if commands.batch.is_empty() {
            commands.told = false;
            self.wake.lower();
            return Taken::None;
        }
        std::mem::swap(&mut commands.batch, batch);
        let senders = commands.senders > 0;
        drop(commands);
        if senders {
            self.free.ring_for_all();
        }
        Taken::Some
    }

    /// The node's side: there may be no room for a reply. True when the node has to wait until it is woken, which
    /// happens as soon as there is room, and when `$TERM` comes.
    pub fn stall(&self) -> bool {
        // First the flag, then the question: a receiver who makes room in between raises the flag again.
        let commands = self.commands.lock();
        if commands.ending {
            return false;
        }
        self.wake.lower();
        drop(commands);
        let mut messages = self.messages.lock();
        messages.stalled = messages.inbox.is_full_of_replies();
        let stalled = messages.stalled;
        drop(messages);
        if !stalled {
            self.wake.raise();
        }
        stalled
    }

    /// The node's side: whether `$TERM` is among the commands. Nobody reads replies after it.
    pub fn is_ending(&self) -> bool {
        self.commands.lock().ending
    }

    /// The node's side: hand over messages, oldest first. Returns whether replies have no room any more, and how
    /// many messages had to be dropped.
    pub fn deliver(&self, batch: &mut Vec<Outgoing>) -> (bool, usize) {
        let mut messages = self.messages.lock();
        if messages.closed {
            batch.clear();
            return (false, 0);
        }
        let before = messages.inbox.len();
        let dropped = batch.drain(..).map(|outgoing| usize::from(!messages.inbox.push(outgoing))).sum();
        let arrived = messages.inbox.len().saturating_sub(before);
        self.show(&mut messages);
        let receivers = messages.receivers;
        let full = messages.inbox.is_full_of_replies();
        drop(messages);
        match receivers.min(arrived) {
            0 => {}
            1 => {
                self.arrived.ring();
            }
            _ => {
                self.arrived.ring_for_all();
            }
        }
        (full, dropped)
    }

    /// Make the flag say whether there is something to take note of: a message, or the end.
    fn show(&self, messages: &mut Messages) {
        let Some(flag) = self.flag.get() else { return };
        let waiting = !messages.inbox.is_empty() || messages.ended || messages.closed;
        if waiting != messages.raised {
            if waiting {
                flag.raise()
            } else {
                flag.lower()
            }
            messages.raised = waiting;
        }
    }

    /// The node's side: it has ended. Messages that wait can still be taken.
    pub fn end(&self) {
        let mut commands = self.commands.lock();
        commands.closed = true;
        commands.batch.clear();
        drop(commands);
        self.free.ring_for_all();
        let mut messages = self.messages.lock();
        messages.ended = true;
        self.show(&mut messages);
        drop(messages);
        self.arrived.ring_for_all();
    }
}

#[cfg(test)]
mod tests;
