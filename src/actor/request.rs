//! Questions to a node that are answered: how typed calls reach it.
//!
//! A command made of frames is given and forgotten. A typed call wants to know what became of it, so it travels the
//! same queue, in the same order, as a closure that the node's thread runs, and its thread waits for what the closure
//! returns. Nothing is shared between the two but a [`Promise`]: it is kept once, it is broken when the node ends
//! first, and it can be given up by the one who waits, as long as nobody has begun to keep it: then nothing was done.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::bell::{Bell, Waited};
use super::channel::CallError;
use super::interpreter::Desk;

/// Why the node did not do what a typed call asked for; nothing was changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The errno that says it best.
    pub errno: i32,
    /// The same for a person who reads.
    pub reason: String,
}

impl Failure {
    /// A failure with this errno.
    pub fn new(errno: i32, reason: impl std::fmt::Display) -> Failure {
        Failure { errno, reason: reason.to_string() }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}

impl From<crate::engine::Error> for Failure {
    fn from(error: crate::engine::Error) -> Failure {
        Failure::new(error.errno(), error)
    }
}

/// A question in the queue of commands.
pub trait Job: Send {
    /// Find the answer; the node's thread does that.
    fn run(&mut self, desk: &mut Desk<'_>);
    /// Hand the answer over. What the question made happen has been told by then.
    fn answer(self: Box<Self>);
}

/// A question and the one who waits for the answer. Made by [`question`].
struct Question<T, F> {
    ask: Option<F>,
    answer: Option<T>,
    promise: Promise<T>,
}

/// What is to be run by the node's thread, and what its answer is to be had from.
pub(super) fn question<T, F>(ask: F) -> (Box<dyn Job>, Expected<T>)
where
    T: Send + 'static,
    F: FnOnce(&mut Desk<'_>) -> T + Send + 'static,
{
    let (promise, expected) = promise();
    (Box::new(Question { ask: Some(ask), answer: None, promise }), expected)
}

impl<T, F> Job for Question<T, F>
where
    T: Send,
    F: FnOnce(&mut Desk<'_>) -> T + Send,
{
    fn run(&mut self, desk: &mut Desk<'_>) {
        if let Some(ask) = self.ask.take()
            && self.promise.begin()
        {
            self.answer = Some(ask(desk));
        }
    }

    fn answer(self: Box<Self>) {
        if let Some(answer) = self.answer {
            self.promise.keep(answer);
        }
    }
}

enum State<T> {
    /// Nobody has begun to keep it.
    Open,
    /// Somebody is about to.
    Begun,
    Kept(T),
    /// The one who should have kept it is gone.
    Broken,
    /// The one who waited is.
    GivenUp,
}

struct Slot<T> {
    state: Mutex<State<T>>,
    bell: Bell,
}

/// The side that answers.
pub(super) struct Promise<T>(Arc<Slot<T>>);

/// The side that waits.
pub(super) struct Expected<T>(Arc<Slot<T>>);

/// A promise, and where it is expected to be kept.
pub(super) fn promise<T>() -> (Promise<T>, Expected<T>) {
    let slot = Arc::new(Slot { state: Mutex::new(State::Open), bell: Bell::default() });
    (Promise(Arc::clone(&slot)), Expected(slot))
}

impl<T> Promise<T> {
    /// From now on it is not given up any more. False if it was already.
    fn begin(&self) -> bool {
        let mut state = self.0.state.lock();
        let open = matches!(*state, State::Open);
        if open {
            *state = State::Begun;
        }
        open
    }

    /// Whether nobody waits any more.
    pub(super) fn is_given_up(&self) -> bool {
        matches!(*self.0.state.lock(), State::GivenUp)
    }

    /// Give the answer.
    pub(super) fn keep(self, answer: T) {
        self.end(State::Kept(answer));
    }

    fn end(&self, end: State<T>) {
        let mut state = self.0.state.lock();
        if matches!(*state, State::Open | State::Begun) {
            *state = end;
            drop(state);
            self.0.bell.ring_for_all();
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.end(State::Broken);
    }
}

impl<T> Expected<T> {
    /// Wait for the answer. A signal ends the wait if the program is to hear of it; nothing was done then, nor when the
    /// time was over.
    pub(super) fn wait(self, deadline: Option<Instant>, signals: bool) -> Result<T, CallError> {
        let mut state = self.0.state.lock();
        let mut given_up = None;
        loop {
            match &*state {
                State::Kept(_) | State::Broken | State::GivenUp => break,
                State::Open => {
                    if let Some(why) = given_up {
                        *state = State::GivenUp;
                        return Err(why);
                    }
                }
                // It takes no longer than the command does.
                State::Begun => {}
            }
            let deadline = deadline.filter(|_| matches!(*state, State::Open));
            match self.0.bell.wait(&mut state, deadline) {
                Waited::Rung => {}
                Waited::TimedOut => given_up = Some(CallError::TimedOut),
                Waited::Interrupted if signals => given_up = Some(CallError::Interrupted),
                Waited::Interrupted => {}
            }
        }
        match std::mem::replace(&mut *state, State::GivenUp) {
            State::Kept(answer) => Ok(answer),
            _ => Err(CallError::Closed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Duration;

    fn soon() -> Option<Instant> {
        Some(Instant::now() + Duration::from_millis(20))
    }

    #[test]
    fn a_promise_is_kept_broken_or_given_up() {
        let (promise, expected) = promise();
        thread::scope(|scope| {
            scope.spawn(move || promise.keep(7));
            assert_eq!(expected.wait(None, true), Ok(7));
        });
        let (promise, expected) = super::promise::<u8>();
        thread::scope(|scope| {
            scope.spawn(move || drop(promise));
            assert_eq!(expected.wait(None, true), Err(CallError::Closed));
        });
        let (promise, expected) = super::promise::<u8>();
        assert_eq!(expected.wait(soon(), true), Err(CallError::TimedOut));
        assert!(promise.is_given_up() && !promise.begin());
    }

    #[test]
    fn what_was_begun_is_waited_for() {
        let (promise, expected) = promise();
        assert!(promise.begin());
        thread::scope(|scope| {
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(60));
                promise.keep(7);
            });
            assert_eq!(expected.wait(soon(), true), Ok(7));
        });
    }
}
