//! Promises: how one thread waits for the answer of another.
//!
//! A [`Promise`] is fulfilled once, or broken when it is dropped. The thread that waits can cancel it until the other
//! thread has started with the work: work that was cancelled is not done at all.

use std::time::Instant;

use super::error::CallError;
use super::futex::{Waited, Wakeup};
use crate::sync::{Arc, Mutex};

enum State<T> {
    /// The work for the answer has not started; the promise can be cancelled.
    Open,
    /// The work has started.
    Started,
    /// The promise is kept: the answer is there.
    Fulfilled(T),
    /// The promise was dropped without an answer.
    Broken,
    /// The thread that waited for the answer has given up.
    Cancelled,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Wakeup,
}

/// The side of the thread that will have the answer.
pub(in crate::actor) struct Promise<T>(Arc<Shared<T>>);

/// The side of the thread that waits for the answer.
pub(in crate::actor) struct Answer<T>(Arc<Shared<T>>);

/// A promise, and the answer that it is for.
pub(in crate::actor) fn promise<T>() -> (Promise<T>, Answer<T>) {
    let shared = Arc::new(Shared { state: Mutex::new(State::Open), changed: Wakeup::default() });
    (Promise(Arc::clone(&shared)), Answer(shared))
}

impl<T> Promise<T> {
    /// Starts the work for the answer: from now on the promise cannot be cancelled. Returns false if it is already.
    pub(in crate::actor) fn start(&self) -> bool {
        let mut state = self.0.state.lock();
        let open = matches!(*state, State::Open);
        if open {
            *state = State::Started;
        }
        open
    }

    /// Returns whether nobody waits for the answer any more.
    pub(in crate::actor) fn is_cancelled(&self) -> bool {
        matches!(*self.0.state.lock(), State::Cancelled)
    }

    /// Gives the answer.
    pub(in crate::actor) fn fulfil(self, answer: T) {
        self.end(State::Fulfilled(answer));
    }

    fn end(&self, end: State<T>) {
        let mut state = self.0.state.lock();
        if matches!(*state, State::Open | State::Started) {
            *state = end;
            drop(state);
            self.0.changed.wake_all();
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.end(State::Broken);
    }
}

impl<T> Answer<T> {
    /// Waits for the answer until `deadline`, and, if `interruptible`, until a signal comes. On error nothing was done,
    /// except where the node has ended.
    pub(in crate::actor) fn wait(
        self,
        deadline: Option<Instant>,
        interruptible: bool,
    ) -> Result<T, CallError> {
        let mut state = self.0.state.lock();
        let mut failure = None;
        loop {
            match &*state {
                State::Fulfilled(_) | State::Broken | State::Cancelled => break,
                State::Open => {
                    if let Some(failure) = failure {
                        *state = State::Cancelled;
                        return Err(failure);
                    }
                }
                // The answer takes no longer than the command does.
                State::Started => {}
            }
            let deadline = deadline.filter(|_| matches!(*state, State::Open));
            match self.0.changed.wait(&mut state, deadline) {
                Waited::Woken => {}
                Waited::TimedOut => failure = Some(CallError::TimedOut),
                Waited::Interrupted if interruptible => failure = Some(CallError::Interrupted),
                Waited::Interrupted => {}
            }
        }
        match std::mem::replace(&mut *state, State::Cancelled) {
            State::Fulfilled(answer) => Ok(answer),
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
    fn a_promise_is_fulfilled_broken_or_cancelled() {
        let (promise, answer) = promise();
        thread::scope(|scope| {
            scope.spawn(move || promise.fulfil(7));
            assert_eq!(answer.wait(None, true), Ok(7));
        });
        let (promise, answer) = super::promise::<u8>();
        thread::scope(|scope| {
            scope.spawn(move || drop(promise));
            assert_eq!(answer.wait(None, true), Err(CallError::Closed));
        });
        let (promise, answer) = super::promise::<u8>();
        assert_eq!(answer.wait(soon(), true), Err(CallError::TimedOut));
        assert!(promise.is_cancelled() && !promise.start());
    }

    #[test]
    fn a_started_promise_is_waited_for() {
        let (promise, answer) = promise();
        assert!(promise.start());
        thread::scope(|scope| {
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(60));
                promise.fulfil(7);
            });
            assert_eq!(answer.wait(soon(), true), Ok(7));
        });
    }
}
