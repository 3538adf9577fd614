//! Promises: how one thread waits for an answer that another one gives.
//!
//! A [`Promise`] is kept once; it is broken when its holder is dropped first; and the thread that waits can give it up,
//! as long as the holder has not begun to keep it: then nothing was done.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::error::CallError;
use super::futex::{Bell, Waited};

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
pub(in crate::actor) struct Promise<T>(Arc<Slot<T>>);

/// The side that waits.
pub(in crate::actor) struct Expected<T>(Arc<Slot<T>>);

/// A promise, and where it is expected to be kept.
pub(in crate::actor) fn promise<T>() -> (Promise<T>, Expected<T>) {
    let slot = Arc::new(Slot { state: Mutex::new(State::Open), bell: Bell::default() });
    (Promise(Arc::clone(&slot)), Expected(slot))
}

impl<T> Promise<T> {
    /// From now on it is not given up any more. False if it was already.
    pub(in crate::actor) fn begin(&self) -> bool {
        let mut state = self.0.state.lock();
        let open = matches!(*state, State::Open);
        if open {
            *state = State::Begun;
        }
        open
    }

    /// Whether nobody waits any more.
    pub(in crate::actor) fn is_given_up(&self) -> bool {
        matches!(*self.0.state.lock(), State::GivenUp)
    }

    /// Give the answer.
    pub(in crate::actor) fn keep(self, answer: T) {
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
    pub(in crate::actor) fn wait(self, deadline: Option<Instant>, signals: bool) -> Result<T, CallError> {
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
